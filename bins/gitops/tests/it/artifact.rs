//! `gitops push|pull|list|tag|diff artifact`, against a registry in memory and, where `REGISTRY` names one, a real one.

use crate::remote::{done, failed, folder, gitops};
use crate::server::{Asked, Reply, Server};
use gitops_core::digest::sha256;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

type Kept = BTreeMap<String, (String, Vec<u8>)>;

/// A registry of one repository.
fn answer(kept: &mut Kept, asked: &Asked) -> Reply {
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let media_type = asked.header("content-type").unwrap_or_default().to_owned();
    match (asked.method.as_str(), path) {
        ("POST", _) => Reply::new(202, "").with("Location", &"/v2/team/app/blobs/uploads/1"),
        ("PUT", "/v2/team/app/blobs/uploads/1") => {
            let digest = query.split_once("digest=").unwrap().1.replace("%3A", ":");
            kept.insert(format!("/v2/team/app/blobs/{digest}"), (media_type, asked.body.clone()));
            Reply::new(201, "")
        }
        ("PUT", path) => {
            let digest = sha256(&asked.body);
            for path in [path.to_owned(), format!("/v2/team/app/manifests/{digest}")] {
                kept.insert(path, (media_type.clone(), asked.body.clone()));
            }
            Reply::new(201, "")
        }
        (_, "/v2/team/app/tags/list") => {
            let tags = kept.keys().filter_map(|path| path.strip_prefix("/v2/team/app/manifests/"));
            let tags: Vec<&str> = tags.filter(|tag| !tag.starts_with("sha256:")).collect();
            Reply::ok(json!({ "tags": tags }).to_string())
        }
        (_, path) => match kept.get(path) {
            Some((media_type, content)) => Reply::ok(content)
                .with("Content-Type", media_type)
                .with("Docker-Content-Digest", &sha256(content)),
            None => Reply::new(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]}"#),
        },
    }
}

/// Runs a test on every registry that there is.
fn on_registries(name: &str, test: impl Fn(&str, &Path)) {
    let kept = Mutex::new(Kept::new());
    let server = Server::start(move |asked| answer(&mut kept.lock().unwrap(), asked));
    test(&format!("oci://{}/team/app", server.address), &folder(&format!("{name}-memory")));
    if let Ok(host) = std::env::var("REGISTRY") {
        let unique = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        test(&format!("oci://{host}/team/{name}-{unique}"), &folder(&format!("{name}-real")));
    }
}

const FROM: [&str; 4] = ["--source", "https://git.example/app", "--revision", "main@sha1:abc"];

/// A folder with a program, a picture and a link.
fn manifests(at: &Path) -> String {
    let app = at.join("app");
    fs::create_dir_all(app.join("base")).unwrap();
    fs::write(app.join("base/map.yaml"), "kind: ConfigMap\n").unwrap();
    fs::write(app.join("run.sh"), "#!/bin/sh\n").unwrap();
    fs::write(app.join("logo.png"), "x").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(app.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink("base/map.yaml", app.join("link.yaml")).unwrap();
    }
    app.display().to_string()
}

#[test]
fn what_is_pushed_is_pulled() {
    on_registries("round", |url, at| {
        let app = manifests(at);
        let tagged = format!("{url}:1.0.0");
        let push =
            [&["push", "artifact", &tagged, "--path", &app, "--reproducible", "-o", "json"], &FROM[..]]
                .concat();
        let pushed: Value = serde_json::from_str(&done(&push)).unwrap();
        assert_eq!(pushed["tag"], "1.0.0");
        let digest = pushed["digest"].as_str().unwrap();
        assert_eq!(pushed["url"], format!("{url}@{digest}"));
        // Another time of the files is no other artifact.
        fs::write(Path::new(&app).join("run.sh"), "#!/bin/sh\n").unwrap();
        assert_eq!(serde_json::from_str::<Value>(&done(&push)).unwrap(), pushed);
        let out = at.join("out");
        fs::create_dir_all(&out).unwrap();
        let pulled =
            gitops(&["pull", "artifact", &format!("{url}@{digest}"), "--output", out.to_str().unwrap()]);
        let told = String::from_utf8(pulled.stderr).unwrap();
        assert!(told.contains("✔ source https://git.example/app\n✔ revision main@sha1:abc\n"), "{told}");
        assert_eq!(fs::read_to_string(out.join("base/map.yaml")).unwrap(), "kind: ConfigMap\n");
        assert!(!out.join("logo.png").exists() && !out.join("link.yaml").exists());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(out.join("run.sh")).unwrap().permissions().mode() & 0o777, 0o700);
        }
    });
}

#[test]
fn tags_are_set_listed_and_filtered() {
    on_registries("tags", |url, at| {
        let file = at.join("one.yaml");
        fs::write(&file, "kind: ConfigMap\n").unwrap();
        let tagged = format!("{url}:1.0.0");
        done(&[&["push", "artifact", &tagged, "-f", file.to_str().unwrap()], &FROM[..]].concat());
        done(&["tag", "artifact", &tagged, "--tag", "1.1.0,latest", "--tag", "1.0.0.sig"]);
        let all = done(&["list", "artifacts", url]);
        let lines: Vec<Vec<&str>> = all.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["ARTIFACT", "DIGEST", "SOURCE", "REVISION"]);
        let tags: Vec<&str> = lines[1..].iter().map(|line| line[0].rsplit(':').next().unwrap()).collect();
        assert_eq!(tags, ["latest", "1.1.0", "1.0.0"], "signatures are no artifacts");
        assert!(lines[1..].iter().all(|line| line[1] == lines[1][1] && line[3] == "main@sha1:abc"), "{all}");
        assert_eq!(done(&["list", "artifacts", url, "--filter-semver", ">1.0.0"]).lines().count(), 2);
        assert_eq!(done(&["list", "artifacts", url, "--filter-regex", "^la"]).lines().count(), 2);
        assert!(failed(&["tag", "artifact", &tagged, "--tag", "../x"]).contains("../x"));
    });
}

#[test]
fn differences_are_named() {
    on_registries("diff", |url, at| {
        let app = manifests(at);
        let url = format!("{url}:1");
        done(&[&["push", "artifact", &url, "--path", &app], &FROM[..]].concat());
        done(&["diff", "artifact", &url, "--path", &app]);
        fs::write(Path::new(&app).join("base/map.yaml"), "kind: Secret\n").unwrap();
        fs::write(Path::new(&app).join("new.yaml"), "").unwrap();
        let output = gitops(&["diff", "artifact", &url, "--path", &app]);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "~ base/map.yaml\n+ new.yaml\n");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains("the remote artifact contents differs from the local one"), "{error}");
        assert!(
            failed(&["diff", "artifact", &format!("{url}x"), "--path", &app]).contains("MANIFEST_UNKNOWN")
        );
    });
}

#[cfg(unix)]
#[test]
fn links_are_copied_where_that_is_asked_for_and_stay_inside() {
    on_registries("links", |url, at| {
        let app = manifests(at);
        let push = |tag: &str| {
            let url = format!("{url}:{tag}");
            gitops(&[&["push", "artifact", &url, "--path", &app, "--resolve-symlinks"], &FROM[..]].concat())
        };
        assert!(push("1").status.success());
        let out = at.join("out");
        fs::create_dir_all(&out).unwrap();
        done(&["pull", "artifact", &format!("{url}:1"), "-o", out.to_str().unwrap()]);
        assert_eq!(fs::read_to_string(out.join("link.yaml")).unwrap(), "kind: ConfigMap\n");
        std::os::unix::fs::symlink("/etc/hostname", Path::new(&app).join("outside")).unwrap();
        assert_eq!(push("2").status.code(), Some(1), "what lies outside is nobody's to push");
        fs::remove_file(Path::new(&app).join("outside")).unwrap();
        std::os::unix::fs::symlink("..", Path::new(&app).join("base/circle")).unwrap();
        let error = String::from_utf8(push("3").stderr).unwrap();
        assert!(error.contains("a link leads back"), "{error}");
    });
}

#[test]
fn wrong_flags_are_told_before_anything_is_asked() {
    let artifact = |url: &str, more: &[&str]| {
        failed(&[&["push", "artifact", url, "-f", "Cargo.toml"], &FROM[..], more].concat())
    };
    assert!(artifact("ghcr.io/a/b:1", &[]).contains("URL must be in format 'oci://<domain>/<org>/<repo>'"));
    assert!(artifact("oci://h.io/a:1", &["-a", "key"]).contains("must be in the format key=value"));
    let created = ["-a", "org.opencontainers.image.created=yesterday"];
    assert!(artifact("oci://h.io/a:1", &created).contains("invalid created timestamp"));
    assert!(artifact("oci://h.io/a:1", &["--provider", "gcp"]).contains("provider gcp is not supported"));
    assert!(
        failed(&["pull", "artifact", "oci://h.io/a:1", "-o", "/nonexistent"]).contains("it is no folder")
    );
    let none = gitops(&["push", "artifact", "oci://h.io/a:1", "-f", "."]);
    assert_eq!(none.status.code(), Some(2), "--source and --revision are needed");
}
