//! `gitops dependency` on folders and against a repository of the test's own.

use crate::remote::{done, failed, folder};
use crate::server::{Reply, Server};
use helm_rs::chart::{Chart, File};
use helm_rs::{PackageOptions, Time, package};
use std::fs;
use std::path::{Path, PathBuf};

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn packed(name: &str, version: &str, more: &[File]) -> Vec<u8> {
    let metadata = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
    let files: Vec<File> =
        [File::new("Chart.yaml", metadata.as_bytes())].into_iter().chain(more.iter().cloned()).collect();
    let chart = Chart::load(&files, &mut Vec::new()).unwrap();
    package(&chart, &PackageOptions::new(Time::from_seconds(0))).unwrap().archive
}

/// A chart that wants one beside it and one that lies in its charts/.
fn charts(name: &str) -> PathBuf {
    let work = folder(name);
    write(&work.join("base/Chart.yaml"), "apiVersion: v2\nname: base\nversion: 1.2.3\n");
    write(
        &work.join("top/Chart.yaml"),
        "apiVersion: v2\nname: top\nversion: 0.1.0\ndependencies:\n- name: base\n  version: \"^1.0.0\"\n  \
         repository: file://../base\n- name: vend\n  version: \"1.x\"\n",
    );
    write(&work.join("top/charts/vend/Chart.yaml"), "apiVersion: v2\nname: vend\nversion: 1.0.1\n");
    work
}

#[test]
fn update_writes_the_lock_that_helm_writes() {
    let work = charts("dependency-update");
    let top = work.join("top");
    let path = top.to_str().unwrap();
    let listed = done(&["dependency", "list", path]);
    assert_eq!(
        listed,
        "NAME\tVERSION\tREPOSITORY    \tSTATUS  \nbase\t^1.0.0 \tfile://../base\tmissing \n\
         vend\t1.x    \t              \tunpacked\n\n"
    );
    let stale = top.join("charts/stale-0.1.0.tgz");
    fs::write(&stale, packed("stale", "0.1.0", &[])).unwrap();
    assert!(done(&["dependency", "list", path]).contains("stale-0.1.0.tgz\" is not in Chart.yaml."));
    let said = done(&["dep", "update", path]);
    assert!(said.starts_with("Saving 2 charts\n"), "{said}");
    assert!(!stale.exists());
    let lock = fs::read_to_string(top.join("Chart.lock")).unwrap();
    // Helm's own digest of the same two files.
    let digest = "sha256:959cf3df50d4223dd656692db85e86da070dffa434c93f1ac09511a2c038a992";
    assert!(
        lock.starts_with(&format!(
            "dependencies:\n- name: base\n  repository: file://../base\n  version: 1.2.3\n- name: vend\n  \
             repository: \"\"\n  version: 1.x\ndigest: {digest}\ngenerated: \""
        )),
        "{lock}"
    );
    assert!(top.join("charts/base-1.2.3.tgz").is_file());
    assert!(done(&["dependency", "list", path]).contains("file://../base\tok "));
    // What the lock names is rebuilt; a lock that does not fit is refused.
    fs::remove_file(top.join("charts/base-1.2.3.tgz")).unwrap();
    done(&["dependency", "build", path]);
    assert!(top.join("charts/base-1.2.3.tgz").is_file());
    let wanted = fs::read_to_string(top.join("Chart.yaml")).unwrap();
    write(&top.join("Chart.yaml"), &wanted.replace("^1.0.0", "^1.1.0"));
    let refused = failed(&["dependency", "build", path]);
    assert!(refused.contains("the lock file (Chart.lock) is out of sync"), "{refused}");
}

#[cfg(unix)]
#[test]
fn a_lock_that_is_a_link_is_not_written_through() {
    let work = charts("dependency-link");
    let elsewhere = work.join("elsewhere");
    write(&elsewhere, "digest: old\n");
    std::os::unix::fs::symlink(&elsewhere, work.join("top/Chart.lock")).unwrap();
    let refused = failed(&["dependency", "update", work.join("top").to_str().unwrap()]);
    assert!(refused.contains("the Chart.lock file is a symlink to"), "{refused}");
    assert_eq!(fs::read_to_string(elsewhere).unwrap(), "digest: old\n");
}

#[test]
fn charts_come_from_a_repository() {
    let template = File::new("templates/a.yaml", b"kind: Db\nmetadata: {name: {{ .Release.Name }}}\n");
    let archive = packed("db", "2.1.0", &[template]);
    let index = "apiVersion: v1\nentries:\n  db:\n  - {apiVersion: v2, name: db, version: 2.1.0, urls: [db-2.1.0.tgz]}\n  \
                 - {apiVersion: v2, name: db, version: 3.0.0, urls: [none.tgz]}\n";
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/index.yaml" => Reply::ok(index),
        "/db-2.1.0.tgz" => Reply::ok(&archive),
        _ => Reply::new(404, ""),
    });
    let url = server.url("");
    let work = folder("dependency-repository");
    write(
        &work.join("Chart.yaml"),
        &format!(
            "apiVersion: v2\nname: top\nversion: 0.1.0\ndependencies:\n- name: db\n  version: ^2\n  repository: {url}\n"
        ),
    );
    let path = work.to_str().unwrap();
    // Rendering may bring charts/ up to date, and prints nothing but manifests.
    let rendered = "---\n# Source: top/charts/db/templates/a.yaml\nkind: Db\nmetadata: {name: r}\n";
    assert_eq!(done(&["template", "r", path, "--dependency-update"]), rendered);
    assert!(work.join("charts/db-2.1.0.tgz").is_file() && work.join("Chart.lock").is_file());
    std::fs::remove_dir_all(work.join("charts")).unwrap();
    done(&["dependency", "update", path]);
    assert!(work.join("charts/db-2.1.0.tgz").is_file());
    assert!(done(&["template", "r", path]).contains("# Source: top/charts/db/templates/a.yaml\nkind: Db"));
    // The chart by its name in the repository, and by its own address.
    let wanted = "---\n# Source: db/templates/a.yaml\nkind: Db\nmetadata: {name: r}\n";
    assert_eq!(done(&["template", "r", "db", "--repo", &url, "--version", "^2"]), wanted);
    assert_eq!(done(&["template", "r", &server.url("/db-2.1.0.tgz")]), wanted);
    assert!(done(&["show", "chart", "db", "--repo", &url, "--version", "2.1.0"]).contains("version: 2.1.0"));
}
