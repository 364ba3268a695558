//! `gitops template`, `package` and `show` with flags that are wrong: one clear error, in Helm's words where it has some.

use crate::remote::{done, failed, folder};
use std::fs;
use std::path::Path;

fn chart(folder: &Path) -> String {
    fs::create_dir_all(folder.join("templates")).unwrap();
    fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.0.0\n").unwrap();
    fs::write(folder.join("templates/a.yaml"), "kind: ConfigMap\n").unwrap();
    folder.display().to_string()
}

#[test]
fn packing_refuses_what_helm_refuses() {
    let folder = folder("packing");
    let web = chart(&folder.join("web"));
    let out = folder.join("out").display().to_string();
    let packed = done(&["package", &web, "-d", &out, "--version", "", "--app-version", ""]);
    assert!(packed.ends_with("web-1.0.0.tgz\n"), "an empty version is none: {packed}");
    let archive = folder.join("out/web-1.0.0.tgz").display().to_string();
    let error = failed(&["package", &archive]);
    assert!(error.contains("unable to detect chart at") && error.contains("not a directory"), "{error}");
    let error = failed(&["package", &web, "-d", &archive]);
    assert!(error.contains("failed to save: is not a directory"), "{error}");
    let error = failed(&["package", &web, "-d", &out, "--version", "x"]);
    assert!(error.contains("invalid semantic version"), "{error}");
}

#[test]
fn a_post_renderer_that_prints_white_space_has_printed_nothing() {
    let folder = folder("post-renderer");
    let web = chart(&folder.join("web"));
    let run =
        |program: &str| failed(&["template", &web, "--post-renderer", program, "--post-renderer-args", " "]);
    let error = run("echo");
    assert!(error.contains("post-renderer echo produced empty output"), "{error}");
    let error = run("no-such-program-here");
    assert!(error.contains("there is no such program"), "{error}");
}

#[test]
fn a_repository_is_an_address() {
    let error = failed(&["show", "chart", "web", "--repo", "stable"]);
    assert!(error.contains("stable is no address of a repository"), "{error}");
    let error =
        failed(&["show", "chart", "web", "--repo", "https://127.0.0.1:9", "--ca-file", "/none/ca.pem"]);
    assert!(error.contains("open /none/ca.pem: no such file or directory"), "{error}");
}
