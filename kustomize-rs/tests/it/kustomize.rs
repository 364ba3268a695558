//! `kustomize build` on recorded cases: the same bytes, and refusals that name the same things.

use std::path::Path;

use gitops_conformance::{Suite, entries, folder, read, same_text};
use gitops_core::tree::MemTree;
use kustomize_rs::{Build, Error, LoadRestrictions, ManagedBy, Options, Reorder};
use serde_json::Value;

/// Where a case's input stands in the tree.
const ROOT: &str = "/work/in";

#[test]
fn kustomize() {
    let Some(folder) = folder("kustomize") else { return };
    let mut suite = Suite::new("kustomize");
    for part in ["krusty", "extra"] {
        for case in entries(&folder.join(part)) {
            let Ok(meta) = std::fs::read_to_string(case.join("case.json")) else { continue };
            let meta: Value = serde_json::from_str(&meta).expect("a case's description");
            if meta["kind"] == "edit" || meta["needs"] == "helm" {
                continue;
            }
            suite.check(case.file_name().and_then(|n| n.to_str()).expect("a name"), || check(&case, &meta));
        }
    }
    suite.finish(99.0);
}

fn check(case: &Path, meta: &Value) -> Result<(), String> {
    let tree = tree(&case.join("input"), meta);
    let path = meta["path"].as_str().unwrap_or(".").replace("@ROOT@", ROOT);
    let path = if path.starts_with('/') || path.contains("://") { path } else { format!("{ROOT}/{path}") };
    let built = Build::new(&tree).options(options(meta)).run(&path);
    let warnings: Vec<String> = built.iter().flat_map(kustomize_rs::Output::warnings).cloned().collect();
    let printed = built.and_then(|output| output.to_yaml());
    match (meta["expect"].as_str(), printed) {
        (Some("ok"), Ok(text)) => {
            let wanted = read(&case.join("expected.yaml"));
            same_text(&wanted, &text.replace(ROOT, "@ROOT@"))?;
            let wanted: Vec<&str> =
                meta["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let got: Vec<String> = warnings.iter().map(|line| line.replace(ROOT, "@ROOT@")).collect();
            if got != wanted {
                return Err(format!("warned {got:?}, wanted {wanted:?}"));
            }
            Ok(())
        }
        (Some("ok"), Err(error)) => Err(format!("refused: {error}")),
        (_, Ok(_)) => Err(format!("built, wanted {:?}", read(&case.join("error.txt")))),
        (_, Err(error)) => names_the_same(&read(&case.join("error.txt")), &error),
    }
}

/// A refusal passes when it names a file or object that the recorded one names.
fn names_the_same(wanted: &str, error: &Error) -> Result<(), String> {
    let got = error.to_string().replace(ROOT, "@ROOT@");
    let words = |text: &str| -> Vec<String> {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '@');
        let all = text.split(|c| !is_part(c)).map(|word| word.trim_matches(['.', '/']).to_owned());
        // A name has a dot, a slash or a capital within; plain words of the sentence do not count.
        all.filter(|word| {
            word.len() > 2
                && word.chars().skip(1).any(|c| matches!(c, '.' | '/' | '-' | '_') || c.is_uppercase())
        })
        .map(|word| word.rsplit('/').next().unwrap_or_default().to_owned())
        .collect()
    };
    let names = words(wanted);
    if names.is_empty() || names.iter().any(|name| got.contains(name.as_str())) {
        return Ok(());
    }
    Err(format!("refused with {got:?}, wanted {wanted:?}"))
}

fn options(meta: &Value) -> Options {
    let mut options = Options::default();
    options.working_directory = "/".to_owned();
    let flags: Vec<&str> = meta["flags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let value = |name: &str| {
        let at = flags.iter().position(|flag| *flag == name || flag.starts_with(&format!("{name}=")))?;
        flags[at].split_once('=').map(|(_, value)| value).or_else(|| flags.get(at + 1).copied())
    };
    if value("--load-restrictor") == Some("LoadRestrictionsNone") {
        options.load_restrictions = LoadRestrictions::None;
    }
    options.reorder = match value("--reorder") {
        Some("none") => Some(Reorder::None),
        Some("legacy") => Some(Reorder::Legacy),
        _ => None,
    };
    if flags.contains(&"--enable-managedby-label") {
        options.managed_by = Some(ManagedBy::default());
    }
    options.alpha_plugins = flags.contains(&"--enable-alpha-plugins");
    options
}

/// Reads a case's input into memory.
fn tree(input: &Path, meta: &Value) -> MemTree {
    let mut tree = MemTree::new();
    tree.add_directory(ROOT).expect("a directory");
    let templates: Vec<&str> =
        meta["template"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    add(&mut tree, input, "", &templates);
    for (path, target) in meta["links"].as_object().into_iter().flatten() {
        tree.add_link(&format!("{ROOT}/{path}"), target.as_str().expect("a target")).expect("a link");
    }
    tree
}

fn add(tree: &mut MemTree, folder: &Path, inside: &str, templates: &[&str]) {
    for entry in entries(folder) {
        let name = entry.file_name().and_then(|n| n.to_str()).expect("a name").to_owned();
        let path = if inside.is_empty() { name.clone() } else { format!("{inside}/{name}") };
        if entry.is_dir() {
            tree.add_directory(&format!("{ROOT}/{path}")).expect("a directory");
            add(tree, &entry, &path, templates);
        } else if name != ".keep" {
            let mut content = std::fs::read(&entry).expect("a file of the input");
            if templates.contains(&path.as_str()) {
                content = String::from_utf8_lossy(&content).replace("@ROOT@", ROOT).into_bytes();
            }
            tree.add_file(&format!("{ROOT}/{path}"), content).expect("a file");
        }
    }
}
