//! Manifests: splitting, sorting, hooks.

use std::collections::BTreeMap;
use std::path::Path;

use gitops_conformance::{Suite, folder, rows, same_text};
use gitops_yaml::Str;
use helm_rs::manifest::{HookEvent, KindOrder, in_execution_order, sort_manifests, split_manifests};
use serde_json::{Value as Json, json};

#[test]
fn manifests_are_those_of_helm() {
    let Some(folder) = folder("helm/manifests") else { return };
    let mut suite = Suite::new("helm-manifests");
    for row in rows(&folder.join("split.jsonl")) {
        suite.check(row["name"].as_str().unwrap(), || {
            let got = json!(split_manifests(row["input"].as_str().unwrap()));
            if got == row["docs"] { Ok(()) } else { Err(format!("wanted {}, got {got}", row["docs"])) }
        });
    }
    for row in rows(&folder.join("kind-order.jsonl")) {
        suite.check(row["name"].as_str().unwrap(), || {
            let is_install = row["name"] == "kind-order/install";
            let order = if is_install { KindOrder::Install } else { KindOrder::Uninstall };
            if json!(order.kinds()) == row["order"] { Ok(()) } else { Err("differs".to_owned()) }
        });
    }
    sort(&mut suite, &folder);
    suite.finish(99.0);
}

fn sort(suite: &mut Suite, folder: &Path) {
    for row in rows(&folder.join("sort.jsonl")) {
        suite.check(row["name"].as_str().unwrap(), || {
            let files: BTreeMap<Str, String> = row["files"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(path, text)| (path.into(), text.as_str().unwrap().to_owned()))
                .collect();
            let sorted = match sort_manifests(&files, KindOrder::Install, &mut Vec::new()) {
                Ok(sorted) => sorted,
                Err(error) => return same_text(row["error"].as_str().unwrap_or("success"), &error.to_string()),
            };
            if row["ok"] != true {
                return Err(format!("wanted {}", row["error"]));
            }
            let manifests = sorted.manifests.iter().map(
                |m| json!({ "content": m.content.as_str(), "file": m.file.as_str(), "kind": m.kind.as_str(), "name": m.name.as_str() }),
            );
            same("manifests", &row["manifests"], manifests.collect())?;
            let texts = |list: &[Str]| list.iter().map(|text| json!(text.as_str())).collect::<Json>();
            let hooks = sorted.hooks.iter().map(|h| {
                json!({
                    "name": h.name.as_str(), "kind": h.kind.as_str(), "path": h.path.as_str(),
                    "manifest": h.manifest.as_str(), "weight": h.weight,
                    "events": h.events.iter().map(|e| e.as_str()).collect::<Vec<_>>(),
                    "delete_policies": texts(&h.delete_policies),
                    "output_log_policies": texts(&h.output_log_policies),
                })
            });
            same("hooks", &row["hooks"], hooks.collect())?;
            for (event, wanted) in row["execution_order"].as_object().unwrap() {
                let event = HookEvent::parse(event).unwrap();
                let got = in_execution_order(&sorted.hooks, event).into_iter();
                let got = got.map(|i| json!(format!("{}/{}", sorted.hooks[i].kind, sorted.hooks[i].name)));
                same(event.as_str(), wanted, got.collect())?;
            }
            let uninstalled = sort_manifests(&files, KindOrder::Uninstall, &mut Vec::new()).unwrap();
            let uninstalled = uninstalled.manifests.iter().map(|m| json!(format!("{}/{}", m.kind, m.name)));
            same("uninstall_order", &row["uninstall_order"], uninstalled.collect())
        });
    }
}

fn same(what: &str, wanted: &Json, got: Vec<Json>) -> Result<(), String> {
    let empty = Json::Array(Vec::new());
    let wanted = if wanted.is_null() { &empty } else { wanted };
    let got = Json::Array(got);
    if *wanted == got { Ok(()) } else { Err(format!("{what}: wanted {wanted}, got {got}")) }
}
