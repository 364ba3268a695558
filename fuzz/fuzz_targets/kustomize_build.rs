//! Any files are built or refused. The input holds a tree: a line `=== path` starts each file.
#![no_main]

use gitops_core::tree::MemTree;
use kustomize_rs::{Build, Options};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut tree = MemTree::new();
    let mut parts = text.split("=== ");
    let first = parts.next().unwrap_or_default();
    let _ = tree.add_file("kustomization.yaml", first);
    for part in parts {
        let (path, content) = part.split_once('\n').unwrap_or((part, ""));
        let _ = tree.add_file(path, content);
    }
    let mut options = Options::default();
    options.limits.made_bytes = 32 << 20;
    if let Ok(output) = Build::new(&tree).options(options).run(".") {
        let _ = output.to_yaml();
    }
});
