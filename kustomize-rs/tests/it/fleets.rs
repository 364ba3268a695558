//! Whole fleets: the example of this repository against fixed outputs, and the how-to's own files, where they are, against
//! what the real program gave.

use std::path::{Path, PathBuf};

use gitops_conformance::{entries, read, same_text};
use gitops_core::tree::MemTree;
use kustomize_rs::Build;

fn tree(folder: &Path) -> MemTree {
    fn add(tree: &mut MemTree, folder: &Path, inside: &str) {
        for entry in entries(folder) {
            let path =
                format!("{inside}/{}", entry.file_name().and_then(|name| name.to_str()).expect("a name"));
            if entry.is_dir() {
                add(tree, &entry, &path);
            } else {
                tree.add_file(&path, std::fs::read(&entry).expect("a file")).expect("a file");
            }
        }
    }
    let mut tree = MemTree::new();
    add(&mut tree, folder, "");
    tree
}

#[track_caller]
fn check(tree: &MemTree, path: &str, wanted: &Path) {
    let output = Build::new(tree).run(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(output.notes().is_empty(), "{path}: {:?}", output.notes());
    let text = output.to_yaml().unwrap_or_else(|error| panic!("{path}: {error}"));
    same_text(&read(wanted), &text).unwrap_or_else(|difference| panic!("{path}: {difference}"));
}

#[test]
fn the_example_fleet_builds_to_fixed_outputs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tree = tree(&root.join("../examples/fleet"));
    let outputs = entries(&root.join("tests/fleet"));
    assert_eq!(outputs.len(), 4, "one a kustomization");
    for wanted in outputs {
        let name = wanted.file_stem().and_then(|name| name.to_str()).expect("a name").replace('_', "/");
        check(&tree, &format!("k8s/{name}"), &wanted);
    }
}

/// Returns the folder beside the recorded cases that holds the how-to's files, or says that there is none.
fn how_to() -> Option<PathBuf> {
    let folder = gitops_conformance::folder("kustomize")?.join("../../seed");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no files of the how-to at {}", folder.display());
    None
}

#[test]
fn the_how_to_builds_as_the_real_program_built_it() {
    let Some(folder) = how_to() else { return };
    let mut tree = tree(&folder.join("how-to"));
    for (path, wanted) in [
        ("k8s/apps/base/echo", "apps-base-echo.yaml"),
        ("k8s/core/base/ingress-nginx", "core-base-ingress-nginx.yaml"),
        ("k8s/core/demo/ingress-nginx", "core-demo-ingress-nginx.yaml"),
    ] {
        check(&tree, path, &folder.join("expected").join(wanted));
    }
    let overlay = "k8s/apps/demo/echo";
    let error =
        Build::new(&tree).run(overlay).expect_err("its overlay lists a file that is not there").to_string();
    for part in [
        "trouble configuring builtin PatchStrategicMergeTransformer",
        "k8s/apps/demo/echo/kustomization.yaml:",
        "no such file or directory: 'k8s/apps/demo/echo/deployment.yaml'",
        "the kustomization does not use ingress.yaml",
    ] {
        assert!(error.contains(part), "{part:?} is not in {error:?}");
    }
    let file = format!("{overlay}/kustomization.yaml");
    let text = read(&folder.join("how-to").join(&file));
    tree.add_file(&file, text.replace("deployment.yaml", "ingress.yaml")).expect("a file");
    let wanted = folder.join("expected/apps-demo-echo-with-ingress-instead-of-deployment.yaml");
    assert!(read(&wanted).contains("env-vars-466kfm2kb9"), "the hash that everything hangs on");
    check(&tree, overlay, &wanted);
}
