//! `.sourceignore` against the entries of archives that Flux made.

use std::collections::BTreeSet;

use gitops_conformance::{Suite, folder, rows};
use gitops_core::tree::{EntryKind, IGNORE_FILE, IgnoreRules, MemTree};

#[test]
fn sourceignore() {
    let Some(folder) = folder("flux") else { return };
    let mut suite = Suite::new("sourceignore");
    for row in rows(&folder.join("sourceignore.jsonl")) {
        suite.check(row["id"].as_str().unwrap_or_default(), || {
            let mut tree = MemTree::new();
            let mut paths = BTreeSet::new();
            for file in row["files"].as_array().into_iter().flatten().filter_map(|file| file.as_str()) {
                tree.add_file(file, "").map_err(|error| error.to_string())?;
                paths.insert(file.to_owned());
            }
            for (directory, text) in row["sourceignore"].as_object().into_iter().flatten() {
                let path = format!("{directory}/{IGNORE_FILE}").trim_start_matches('/').to_owned();
                tree.add_file(&path, text.as_str().unwrap_or_default()).map_err(|error| error.to_string())?;
                paths.insert(path);
            }
            let rules =
                IgnoreRules::load(&tree, row["ignore"].as_str()).map_err(|error| error.to_string())?;
            let directories: BTreeSet<String> = paths
                .iter()
                .flat_map(|path| path.match_indices('/').map(|(at, _)| path[..at].to_owned()))
                .collect();
            let files = paths.into_iter().filter(|path| !rules.ignores(path, EntryKind::File));
            let kept = directories.into_iter().filter(|path| !rules.ignores(path, EntryKind::Directory));
            let got: BTreeSet<String> = files.chain(kept.map(|path| format!("{path}/"))).collect();
            let wanted: BTreeSet<String> = row["archive_entries"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|entry| entry.as_str().map(str::to_owned))
                .collect();
            let missing: Vec<_> = wanted.difference(&got).collect();
            let extra: Vec<_> = got.difference(&wanted).collect();
            if missing.is_empty() && extra.is_empty() {
                Ok(())
            } else {
                Err(format!("missing {missing:?}, extra {extra:?}"))
            }
        });
    }
    suite.finish(100.0);
}
