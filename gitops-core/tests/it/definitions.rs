//! The definitions of Flux's kinds against those that every Flux has installed.

use gitops_conformance::{Suite, folder};
use gitops_core::api::{ServedVersions, definitions};
use gitops_core::object::same_value;
use gitops_yaml::{FileId, Node, ReadOptions, read_document};
use std::path::Path;

/// Leaves out what is said to people, and the order of required fields.
fn bare(node: &mut Node, is_schema: bool) {
    if is_schema && node.get("description").is_some_and(Node::is_scalar) {
        node.remove("description");
    }
    if let Some(required) = node.get_mut("required").and_then(Node::items_mut) {
        required.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    }
    for entry in node.entries_mut().into_iter().flatten() {
        // The names below are fields, of which one may be called description.
        let holds_schema = entry.key.as_str() != Some("properties");
        bare(&mut entry.value, holds_schema);
    }
    node.items_mut().into_iter().flatten().for_each(|item| bare(item, true));
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn read(path: &Path) -> Node {
    let text = std::fs::read(path).unwrap();
    read_document(&text, FileId::NONE, &ReadOptions::v3()).unwrap().unwrap().root
}

fn version_of<'a>(definition: &'a Node, name: &str) -> Option<&'a Node> {
    let versions = definition.at_path(&["spec", "versions"])?.items()?;
    versions.iter().find(|version| version.get("name").and_then(Node::as_str) == Some(name))
}

#[test]
fn flux_crds() {
    let Some(folder) = folder("flux") else { return };
    let all = definitions(ServedVersions::All);
    let mut suite = Suite::new("flux-crds");
    for group in files(&folder.join("crds/by-version")) {
        // The groups before the toolkit were never Flux 2's.
        let name = group.file_name().unwrap().to_string_lossy().into_owned();
        if !name.contains("toolkit") && !name.starts_with("source.extensions") {
            continue;
        }
        for path in files(&group) {
            let wanted = read(&path);
            suite.check(&path.file_name().unwrap().to_string_lossy(), || compare(&wanted, &all));
        }
    }
    let newest = definitions(ServedVersions::Newest);
    for path in files(&folder.join("crds/current")) {
        let wanted = read(&path);
        suite.check(&path.file_name().unwrap().to_string_lossy(), || {
            compare(&wanted, &newest)?;
            let ours = find(&wanted, &newest)?;
            for path in [&["spec", "names"][..], &["spec", "scope"], &["metadata", "name"]] {
                let (Some(a), Some(b)) = (wanted.at_path(path), ours.at_path(path)) else {
                    return Err("no names".into());
                };
                if !same_value(a, b) {
                    return Err(format!("{} differs", path.join(".")));
                }
            }
            Ok(())
        });
    }
    suite.finish(100.0);
}

fn find<'a>(wanted: &Node, all: &'a [Node]) -> Result<&'a Node, String> {
    let name = |node: &Node| node.at_path(&["metadata", "name"]).and_then(Node::as_str).map(str::to_owned);
    let plural = |node: &Node| {
        let text = |path: &[&str]| node.at_path(path).and_then(Node::as_str).unwrap_or_default().to_owned();
        format!("{}.{}", text(&["spec", "names", "plural"]), text(&["spec", "group"]))
    };
    all.iter()
        .find(|one| name(one) == Some(plural(wanted)))
        .ok_or_else(|| format!("{} is missing", plural(wanted)))
}

fn compare(wanted: &Node, all: &[Node]) -> Result<(), String> {
    let ours = find(wanted, all)?;
    for version in wanted.at_path(&["spec", "versions"]).and_then(Node::items).unwrap_or_default() {
        let name = version.get("name").and_then(Node::as_str).unwrap_or_default();
        let found = version_of(ours, name).ok_or_else(|| format!("version {name} is missing"))?;
        for path in [&["schema", "openAPIV3Schema"][..], &["additionalPrinterColumns"], &["subresources"]] {
            let (Some(mut a), Some(mut b)) = (version.at_path(path).cloned(), found.at_path(path).cloned())
            else {
                return Err(format!("{name}: {} is missing", path.join(".")));
            };
            if path.len() == 2 {
                bare(&mut a, true);
                bare(&mut b, true);
            }
            for column in a.items_mut().into_iter().flatten() {
                column.remove("description");
            }
            if !same_value(&a, &b) {
                return Err(format!("{name}: {} differs", path.join(".")));
            }
        }
    }
    Ok(())
}
