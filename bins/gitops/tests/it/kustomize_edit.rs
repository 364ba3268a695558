//! `gitops kustomize create` and `gitops edit` on recorded cases: the same data in the files, the same exit code.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gitops_conformance::{Suite, entries, folder, read};
use gitops_yaml::{Dialect, FileId, ReadOptions, print_sigs, read_stream};
use serde_json::Value;

#[test]
fn kustomize_edit() {
    let Some(folder) = folder("kustomize/edit") else { return };
    let mut suite = Suite::new("kustomize-edit");
    for case in entries(&folder) {
        let Ok(meta) = fs::read_to_string(case.join("case.json")) else { continue };
        let meta: Value = serde_json::from_str(&meta).unwrap();
        suite.check(case.file_name().and_then(|name| name.to_str()).unwrap(), || check(&case, &meta));
    }
    suite.finish(98.0);
}

fn check(case: &Path, meta: &Value) -> Result<(), String> {
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join("edit").join(case.file_name().unwrap());
    let _ = fs::remove_dir_all(&work);
    copy(&case.join("input"), &work);
    for run in meta["runs"].as_array().unwrap() {
        let given: Vec<&str> = run["args"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let mut command = Command::new(env!("CARGO_BIN_EXE_gitops"));
        if given.first() == Some(&"create") {
            command.arg("kustomize");
        }
        let output = command.args(&given).current_dir(&work).output().unwrap();
        let code = i64::from(output.status.code().unwrap_or(-1));
        if Some(code) != run["rc"].as_i64() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("exit code {code}, wanted {}: {said}", run["rc"]));
        }
    }
    let changed: Vec<&str> = meta["changed"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for file in files(&work) {
        let path = file.strip_prefix(&work).unwrap().to_str().unwrap();
        let wanted =
            if changed.contains(&path) { case.join("expected") } else { case.join("input") }.join(path);
        if !wanted.exists() {
            return Err(format!("{path} is new"));
        }
        let (wanted, got) = (data(&read(&wanted))?, data(&read(&file))?);
        if wanted != got {
            return Err(format!("{path} holds\n{got}wanted\n{wanted}"));
        }
    }
    match changed.iter().find(|path| !work.join(path).exists()) {
        Some(path) => Err(format!("{path} is missing")),
        None => Ok(()),
    }
}

/// Prints what a text holds, whatever its form; texts that are no YAML as they are.
fn data(text: &str) -> Result<String, String> {
    let Ok(documents) = read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::yaml11()) else {
        return Ok(text.to_owned());
    };
    let print = |root| print_sigs(root, Dialect::Yaml11).map_err(|error| error.to_string());
    documents.iter().map(|document| print(&document.root)).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    if !from.exists() {
        return;
    }
    for entry in entries(from) {
        let target = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            copy(&entry, &target);
        } else {
            fs::copy(&entry, &target).unwrap();
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    entries(folder)
        .into_iter()
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

#[test]
fn edits_keep_comments_and_form() {
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join("edit-form");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work).unwrap();
    let file = work.join("kustomization.yaml");
    let before = "# the shop\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n\nresources:\n  # the web\n  \
                  - web.yaml # first\n\n# pinned by hand\nimages:\n  - name: web # ours\n    newTag: '1.0'   # {\"$imagepolicy\": \"a:b\"}\n";
    fs::write(&file, before).unwrap();
    fs::write(work.join("api.yaml"), "").unwrap();
    for arguments in [
        &["edit", "set", "image", "web:2.0", "api=x@sha256:1"][..],
        &["edit", "add", "resource", "api.yaml"],
        &["kustomize", "edit", "set", "namespace", "shop"],
    ] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_gitops")).args(arguments).current_dir(&work).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let wanted = before
        .replace("1.0", "2.0")
        .replace("images:\n", "images:\n  - name: api\n    newName: x\n    digest: sha256:1\n")
        .replace("  - web.yaml # first\n", "  - web.yaml # first\n  - api.yaml\n");
    assert_eq!(fs::read_to_string(&file).unwrap(), wanted + "namespace: shop\n");
}
