//! Setters write what Flux writes: to the byte in its mode, the same values in the minimal mode.

use gitops_conformance::{Suite, folder, rows, same_text};
use gitops_yaml::Edits;
use image_policy::{Mode, Policies, PolicyName, Reference, Update, Updater};
use serde_json::Value;
use std::collections::BTreeMap;

#[test]
fn files_are_those_that_flux_writes() {
    let Some(file) = folder("flux/setters.jsonl") else { return };
    let mut suite = Suite::new("setters");
    for row in rows(&file) {
        suite.check(row["id"].as_str().unwrap(), || check_flux(&row));
    }
    suite.finish(98.0);
}

#[test]
fn values_are_those_that_flux_writes() {
    let Some(file) = folder("flux/setters.jsonl") else { return };
    let mut suite = Suite::new("setters-minimal");
    for row in rows(&file) {
        suite.check(row["id"].as_str().unwrap(), || check_minimal(&row));
    }
    suite.finish(98.0);
}

fn texts(files: &Value) -> BTreeMap<String, String> {
    let pairs = files.as_object().into_iter().flatten();
    pairs.map(|(path, text)| (path.clone(), text.as_str().unwrap().to_owned())).collect()
}

/// The files below the row's path, named as seen from there; `None` where nothing is there.
fn in_scope(row: &Value) -> Option<BTreeMap<String, String>> {
    let path = row["path"].as_str().unwrap_or_default();
    let path = path.trim_start_matches("./").trim_end_matches('/');
    let files = texts(&row["files"]);
    if path.is_empty() {
        return Some(files);
    }
    let below: BTreeMap<String, String> = files
        .into_iter()
        .filter_map(|(file, text)| {
            let rest = file.strip_prefix(path)?;
            match rest.strip_prefix('/') {
                Some(rest) => Some((rest.to_owned(), text)),
                None if rest.is_empty() => Some((path.rsplit('/').next()?.to_owned(), text)),
                None => None,
            }
        })
        .collect();
    (!below.is_empty()).then_some(below)
}

fn update(row: &Value, files: &BTreeMap<String, String>, mode: Mode) -> Update {
    let policies = policies(row);
    let mut updater = Updater::new(&policies).mode(mode);
    for (path, text) in files {
        updater.file(path, text.as_bytes()).unwrap();
    }
    updater.finish()
}

fn policies(row: &Value) -> Policies {
    let mut policies = Policies::default();
    for policy in row["policies"].as_array().into_iter().flatten() {
        let text = |key: &str| policy[key].as_str().unwrap_or_default();
        let image = (!text("image").is_empty())
            .then(|| Reference::of(text("image"), text("tag"), text("digest")).unwrap());
        policies.insert(PolicyName::new(text("namespace"), text("name")), image).unwrap();
    }
    policies
}

/// The folder that a row's changed files are seen from: they are recorded from the root, we see them from the path.
fn prefix(row: &Value) -> String {
    let path = row["path"].as_str().unwrap_or_default().trim_start_matches("./").trim_end_matches('/');
    let is_file = row["files"].get(path).is_some();
    let folder = if is_file { path.rsplit_once('/').map_or("", |(folder, _)| folder) } else { path };
    if folder.is_empty() { String::new() } else { format!("{folder}/") }
}

fn check_flux(row: &Value) -> Result<(), String> {
    let Some(files) = in_scope(row) else { return expect_missing_path(row) };
    let update = update(row, &files, Mode::Flux);
    let prefix = prefix(row);
    let got: BTreeMap<String, String> =
        update.files().map(|(path, text)| (format!("{prefix}{path}"), text.to_owned())).collect();
    let wanted = texts(&row["changed_files"]);
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    if names(&wanted) != names(&got) {
        return Err(format!(
            "wanted files {:?}, got {:?}; {:?}",
            names(&wanted),
            names(&got),
            update.skipped()
        ));
    }
    for (path, wanted) in &wanted {
        same_text(wanted, &got[path]).map_err(|e| format!("{path}: {e}"))?;
    }
    same_changes(row, &update)
}

/// A path that does not exist is for the caller to notice.
fn expect_missing_path(row: &Value) -> Result<(), String> {
    let error = row["error"].as_str().ok_or("the path has no files")?;
    if error.contains("no such file or directory") { Ok(()) } else { Err(error.to_owned()) }
}

type Fields<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str, &'a str, &'a str, String);

fn changes_of(row: &Value) -> Vec<Fields<'_>> {
    let text = |change: &'_ Value, key: &str| change[key].as_str().unwrap_or_default().to_owned();
    let mut all: Vec<Fields<'_>> = row["changes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|c| {
            let get = |key: &str| c[key].as_str().unwrap_or_default();
            (
                get("apiVersion"),
                get("kind"),
                get("name"),
                get("namespace"),
                get("old"),
                get("new"),
                get("setter"),
                text(c, "file"),
            )
        })
        .collect();
    all.sort();
    all
}

fn changes_in(update: &Update) -> Vec<Fields<'_>> {
    let mut all = Vec::new();
    for (file, objects) in update.changes().files() {
        for (object, changes) in objects {
            for c in changes {
                all.push((
                    object.api_version.as_str(),
                    object.kind.as_str(),
                    object.name.as_str(),
                    object.namespace.as_str(),
                    c.old_value.as_str(),
                    c.new_value.as_str(),
                    c.setter.as_str(),
                    file.to_owned(),
                ));
            }
        }
    }
    all.sort();
    all
}

fn same_changes(row: &Value, update: &Update) -> Result<(), String> {
    let (wanted, got) = (changes_of(row), changes_in(update));
    if wanted == got { Ok(()) } else { Err(format!("changes: wanted {wanted:?}, got {got:?}")) }
}

/// Files that Flux leaves alone because it can't read them, or writes elsewhere, are checked for their own rules only.
fn check_minimal(row: &Value) -> Result<(), String> {
    let Some(files) = in_scope(row) else { return expect_missing_path(row) };
    let done = update(row, &files, Mode::Minimal);
    let flux = update(row, &files, Mode::Flux);
    let read_by_flux =
        |file: &str| !flux.skipped().iter().any(|skipped| skipped.file == file) && files.contains_key(file);
    let wanted: Vec<Fields<'_>> = changes_of(row);
    // An object that Flux took out of a list has lost its file's name there.
    let comparable = |all: Vec<Fields<'_>>| -> Vec<String> {
        let kept = all.into_iter().filter(|change| change.7.is_empty() || read_by_flux(&change.7));
        let mut all: Vec<String> =
            kept.map(|c| format!("{} {} {} {} {} -> {} by {}", c.0, c.1, c.2, c.3, c.4, c.5, c.6)).collect();
        all.sort();
        all
    };
    let (wanted, got) = (comparable(wanted), comparable(changes_in(&done)));
    if wanted != got {
        return Err(format!("changes: wanted {wanted:?}, got {got:?}"));
    }
    let new: BTreeMap<&str, &str> = done.files().collect();
    for (path, new) in &new {
        let new_values: Vec<&str> = changes_in(&done).iter().filter(|c| c.7 == *path).map(|c| c.5).collect();
        nothing_else_changed(&files[*path], new, &new_values).map_err(|e| format!("{path}: {e}"))?;
    }
    let mut again = files.clone();
    again.extend(new.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
    let twice = update(row, &again, Mode::Minimal);
    if twice.changes().is_empty() { Ok(()) } else { Err("a second update changes more".to_owned()) }
}

/// Scalar by scalar: the bytes between them are the same, and each is what it was or has one of the new values.
fn nothing_else_changed(old: &str, new: &str, new_values: &[&str]) -> Result<(), String> {
    let read = |text| Edits::new(text).map(|edits| edits.scalars().to_vec()).map_err(|e| e.to_string());
    let (before, after) = (read(old)?, read(new)?);
    if before.len() != after.len() {
        return Err(format!("had {} scalars, has {}", before.len(), after.len()));
    }
    let (mut old_end, mut new_end, mut changed) = (0, 0, 0);
    for (one, other) in before.iter().zip(&after) {
        // A key without value may be noticed behind what follows it; then there is no gap.
        let gap = |text: &'_ str, start, end| text.get(start..end).unwrap_or_default().to_owned();
        let gaps = (gap(old, old_end, one.bytes.start), gap(new, new_end, other.bytes.start));
        // What replaces nothing needs a blank before it.
        let allowed = if one.bytes.is_empty() { " " } else { "" };
        if gaps.1.strip_prefix(gaps.0.as_str()).is_none_or(|more| !more.is_empty() && more != allowed) {
            return Err(format!("line {}: {:?} became {:?}", one.place.line, gaps.0, gaps.1));
        }
        let is_same = old[one.bytes.clone()] == new[other.bytes.clone()];
        if !is_same && !new_values.contains(&other.value.as_str().trim_end_matches('\n')) {
            return Err(format!("line {}: {} became {}", one.place.line, one.value, other.value));
        }
        changed += usize::from(!is_same);
        (old_end, new_end) = (one.bytes.end, other.bytes.end);
    }
    if old[old_end..] != new[new_end..] {
        return Err("the end changed".to_owned());
    }
    if changed == new_values.len() {
        Ok(())
    } else {
        Err(format!("{changed} changed of {}", new_values.len()))
    }
}
