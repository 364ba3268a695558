//! `gitops image`, run as a program on folders.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const MARKED: &str = "# ours\r\nimage:   'x:1'   # {\"$imagepolicy\": \"flux-system:app\"}\r\n";
const POLICY: &str = "flux-system:app=ghcr.io/org/app:2.0";

/// A folder of this test alone.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("image").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("apps/.hidden")).unwrap();
    folder
}

fn gitops(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gitops")).args(arguments).current_dir(folder).output().unwrap()
}

fn latest(arguments: &[&str], tags: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gitops"))
        .args(["image", "latest"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments ends before it reads.
    let written = child.stdin.take().unwrap().write_all(tags.as_bytes());
    assert!(written.is_ok() || !child.wait().unwrap().success());
    child.wait_with_output().unwrap()
}

#[track_caller]
fn said(output: &Output, code: i32, stdout: &str, stderr: &str) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!((text(&output.stdout), text(&output.stderr)), (stdout.to_owned(), stderr.to_owned()));
    assert_eq!(output.status.code(), Some(code));
}

#[test]
fn an_update_changes_the_value_and_nothing_else() {
    let folder = folder("update");
    let file = folder.join("apps/.hidden/a.yaml");
    fs::write(&file, MARKED).unwrap();
    let difference = "--- a/apps/.hidden/a.yaml\n+++ b/apps/.hidden/a.yaml\n@@ -1,2 +1,2 @@\n # ours\n\
         -image:   'x:1'   # {\"$imagepolicy\": \"flux-system:app\"}\n\
         +image:   'ghcr.io/org/app:2.0'   # {\"$imagepolicy\": \"flux-system:app\"}\n";
    let dry = gitops(&["image", "update", ".", "--policy", POLICY, "--dry-run", "--exit-code"], &folder);
    said(&dry, 3, difference, "");
    assert_eq!(fs::read_to_string(&file).unwrap(), MARKED);
    said(&gitops(&["image", "update", ".", "--policy", POLICY], &folder), 0, difference, "");
    assert_eq!(fs::read_to_string(&file).unwrap(), MARKED.replace("x:1", "ghcr.io/org/app:2.0"));
    said(&gitops(&["image", "update", ".", "--policy", POLICY, "--exit-code"], &folder), 0, "", "");
}

#[test]
fn the_format_of_flux_is_there_for_who_wants_it() {
    let folder = folder("flux");
    let file = folder.join("apps/a.yaml");
    fs::write(&file, MARKED).unwrap();
    let done = gitops(&["image", "update", "apps/a.yaml", "--policy", POLICY, "--flux-format"], &folder);
    assert_eq!(done.status.code(), Some(0));
    let wanted = "# ours\nimage: 'ghcr.io/org/app:2.0' # {\"$imagepolicy\": \"flux-system:app\"}\n";
    assert_eq!(fs::read_to_string(&file).unwrap(), wanted);
}

#[cfg(unix)]
#[test]
fn links_out_of_the_folder_are_never_followed() {
    let folder = folder("links");
    let outside = folder.parent().unwrap().join("links-outside");
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("o.yaml"), MARKED).unwrap();
    fs::write(folder.join("apps/a.yaml"), MARKED).unwrap();
    std::os::unix::fs::symlink(&outside, folder.join("out")).unwrap();
    std::os::unix::fs::symlink(outside.join("o.yaml"), folder.join("o.yaml")).unwrap();
    std::os::unix::fs::symlink("apps/a.yaml", folder.join("in.yaml")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.join("gone.yaml")).unwrap();
    std::os::unix::fs::symlink(".", folder.join("apps/loop")).unwrap();
    let done = gitops(&["image", "update", ".", "--policy", POLICY, "-o", "json"], &folder);
    let mut warnings: Vec<&str> = std::str::from_utf8(&done.stderr).unwrap().lines().collect();
    warnings.sort_unstable();
    assert_eq!(
        warnings,
        [
            "warning: gone.yaml: not followed, as the link leads nowhere",
            "warning: o.yaml: not followed, as the link leads out of the folder",
            "warning: out: not followed, as the link leads out of the folder",
        ]
    );
    assert_eq!(fs::read_to_string(outside.join("o.yaml")).unwrap(), MARKED);
    assert!(fs::symlink_metadata(folder.join("in.yaml")).unwrap().is_symlink());
    assert_ne!(fs::read_to_string(folder.join("apps/a.yaml")).unwrap(), MARKED);
}

#[test]
fn what_is_wrong_is_warned_of_and_fails_where_it_shall() {
    let folder = folder("wrong");
    fs::write(folder.join("a.yaml"), "image: x:1 # {\"$imagepolicy\": \"flux-system:ap\"}\n").unwrap();
    fs::write(folder.join("b.yaml"), b"\0 # {\"$imagepolicy\": \"flux-system:app\"}").unwrap();
    let giant =
        format!("{}image: x:1 # {{\"$imagepolicy\": \"flux-system:app\"}}\n", "a: b\n".repeat(10 << 20));
    fs::write(folder.join("c.yaml"), giant).unwrap();
    let warnings = "warning: a.yaml:1:8: no policy for setter 'flux-system:ap'; did you mean 'flux-system:app'?\n\
         warning: b.yaml: not changed, as it is not text: byte 0 is none of UTF-8 text\n\
         warning: c.yaml: not changed, as it is larger than 32.0 MiB: 50.0 MiB\n";
    said(&gitops(&["image", "update", ".", "--policy", POLICY], &folder), 0, "", warnings);
    said(&gitops(&["image", "update", ".", "--policy", POLICY, "--strict"], &folder), 1, "", warnings);
    let missing = gitops(&["image", "update", "nope", "--policy", POLICY], &folder);
    said(&missing, 1, "", "Error: nope: No such file or directory (os error 2)\n");
    let wrong_flag = gitops(&["image", "update", ".", "--policy", "app:2.0"], &folder);
    assert_eq!(wrong_flag.status.code(), Some(2));
}

#[test]
fn setters_are_listed() {
    let folder = folder("list");
    fs::write(
        folder.join("a.yaml"),
        "kind: X\nmetadata: {name: n, namespace: s}\ni: x # {\"$imagepolicy\": \"a:b:tag\"}\n",
    )
    .unwrap();
    let listed = gitops(&["image", "list-setters", "."], &folder);
    said(&listed, 0, "a.yaml:3:4\tX/s/n\t.i\ta:b:tag\tx\n", "");
}

#[test]
fn a_tag_is_picked_and_explained() {
    let tags = "1.0.0\n\nv1.2.0\r\nmain\n";
    said(&latest(&["--policy", "semver:>=1.0"], tags), 0, "v1.2.0\n", "");
    let explained =
        "1.0.0: lower than 'v1.2.0'\nv1.2.0: chosen\nmain: not a version: invalid semantic version\n";
    said(&latest(&["--policy", "semver:>=1.0", "--explain"], tags), 0, explained, "");
    let none = "Error: unable to determine latest version from provided list\n";
    said(&latest(&["--policy", "semver:>=2"], tags), 1, "", none);
    let json = latest(
        &["--policy", "numerical", "--filter-tags", "^v(.*)[.]", "--extract", "$1", "-o", "json"],
        tags,
    );
    said(&json, 0, "{\n  \"tag\": \"v1.2.0\"\n}\n", "");
    assert_eq!(latest(&["--policy", "newest"], tags).status.code(), Some(2));
}
