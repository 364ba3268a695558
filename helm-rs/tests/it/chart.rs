//! Charts: metadata, locks, ignore rules.

use std::path::Path;

use gitops_conformance::{Suite, folder, rows};
use helm_rs::chart::{Chart, Dependency, EntryType, File, IgnoreRules, Lock};
use helm_rs::{Capabilities, KubeVersion};
use serde_json::{Value as Json, json};

#[test]
fn charts_are_those_of_helm() {
    let Some(folder) = folder("helm/chart") else { return };
    let mut suite = Suite::new("helm-chart");
    metadata(&mut suite, &folder);
    ignore(&mut suite, &folder);
    names(&mut suite, &folder);
    kube_versions(&mut suite, &folder);
    locks(&mut suite, &folder);
    indexes(&mut suite, &folder);
    suite.finish(99.0);
}

fn metadata(suite: &mut Suite, folder: &Path) {
    for row in rows(&folder.join("metadata.jsonl")) {
        suite.check(row["name"].as_str().unwrap(), || {
            let file = File::new("Chart.yaml", row["chart_yaml"].as_str().unwrap().as_bytes());
            let loaded = Chart::load(&[file], &mut Vec::new());
            match (row["ok"] == true, loaded) {
                (true, Ok(chart)) => {
                    let node = chart.metadata().without_dependencies_of_v1().to_node();
                    let written = gitops_yaml::print_sigs(&node, gitops_yaml::Dialect::Yaml11).unwrap();
                    gitops_conformance::same_text(row["written"].as_str().unwrap(), &written)
                }
                (false, Err(error)) => {
                    gitops_conformance::same_text(row["error"].as_str().unwrap(), &error.to_string())
                }
                (_, got) => Err(format!("wanted {} {}, got {got:?}", row["written"], row["error"])),
            }
        });
    }
}

fn ignore(suite: &mut Suite, folder: &Path) {
    let rows = rows(&folder.join("helmignore.jsonl"));
    let paths = rows.iter().find(|row| row["name"] == "ignore/paths").unwrap();
    let paths: Vec<&str> = paths["paths"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
    for row in rows.iter().filter(|row| row["name"] != "ignore/paths") {
        suite.check(row["name"].as_str().unwrap(), || {
            match IgnoreRules::parse(row["rules"].as_str().unwrap()) {
                Err(error) if row["error"] == error.to_string().as_str() => Ok(()),
                Err(error) => Err(format!("{error}, wanted {}", row["error"])),
                Ok(rules) => {
                    let ignored = paths.iter().filter(|path| match path.strip_suffix('/') {
                        Some(path) => rules.ignores(path, EntryType::Directory),
                        None => rules.ignores(path, EntryType::File),
                    });
                    let ignored: Vec<&str> = ignored.copied().collect();
                    let mut wanted: Vec<&str> =
                        row["ignored"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
                    let mut got = ignored.clone();
                    wanted.sort_unstable();
                    got.sort_unstable();
                    if wanted == got { Ok(()) } else { Err(format!("wanted {wanted:?}, got {got:?}")) }
                }
            }
        });
    }
}

fn names(suite: &mut Suite, folder: &Path) {
    for row in rows(&folder.join("release-name.jsonl")) {
        suite.check(row["name"].as_str().unwrap(), || {
            let checked = helm_rs::release::check_name(row["release"].as_str().unwrap());
            let got = checked.err().map(|error| error.to_string()).unwrap_or_default();
            gitops_conformance::same_text(row["error"].as_str().unwrap_or(""), &got)
        });
    }
}

fn kube_versions(suite: &mut Suite, folder: &Path) {
    for row in rows(&folder.join("kube-version.jsonl")) {
        suite.check(row["name"].as_str().unwrap(), || {
            let version = match KubeVersion::parse(row["input"].as_str().unwrap()) {
                Ok(version) => version,
                Err(error) => {
                    let wanted = row["error"].as_str().unwrap_or("success");
                    return gitops_conformance::same_text(wanted, &error.to_string());
                }
            };
            let got = json!([
                version.version.as_str(),
                version.normalized.as_str(),
                version.major.as_str(),
                version.minor.as_str()
            ]);
            let wanted = json!([row["version"], row["string"], row["major"], row["minor"]]);
            if wanted != got {
                return Err(format!("wanted {wanted}, got {got}"));
            }
            for (range, wanted) in row["compatible"].as_object().unwrap() {
                if *wanted != version.is_in(range) {
                    return Err(format!("{range}: wanted {wanted}"));
                }
            }
            Ok(())
        });
    }
    let row = &rows(&folder.join("capabilities.jsonl"))[0];
    suite.check("capabilities", || {
        let got = Capabilities::default();
        let got = json!([
            got.kube_version.version.as_str(),
            got.api_versions.iter().map(gitops_yaml::Str::as_str).collect::<Vec<_>>()
        ]);
        let wanted = json!([row["kubeVersion"], row["apiVersions"]]);
        if wanted == got { Ok(()) } else { Err(format!("got {got}")) }
    });
}

fn locks(suite: &mut Suite, folder: &Path) {
    for row in rows(&folder.join("lock-digest.jsonl")) {
        suite.check(row["name"].as_str().unwrap(), || {
            let (wanted, chosen) = (dependencies(&row["requirements"]), dependencies(&row["locked"]));
            let got = Lock::digest_of(wanted.as_deref(), chosen.as_deref());
            gitops_conformance::same_text(row["digest"].as_str().unwrap(), &got)
        });
    }
}

fn dependencies(json: &Json) -> Option<Vec<Dependency>> {
    json.as_array()?;
    let chart = json!({ "apiVersion": "v2", "name": "x", "version": "1.0.0", "dependencies": json });
    let metadata = helm_rs::chart::Metadata::parse(chart.to_string().as_bytes()).unwrap();
    Some(metadata.dependencies.into_iter().flatten().collect())
}

fn indexes(suite: &mut Suite, folder: &Path) {
    for row in rows(&folder.join("repo-index.jsonl")) {
        suite.check(row["name"].as_str().unwrap(), || {
            let text = row["index"].as_str().unwrap();
            let index = match helm_rs::RepositoryIndex::parse(text.as_bytes(), "index.yaml", &mut Vec::new())
            {
                Ok(index) => index,
                Err(error) => {
                    let wanted = row["error"].as_str().unwrap_or("success");
                    return gitops_conformance::same_text(wanted, &error.to_string());
                }
            };
            if row["ok"] != true {
                return Err(format!("wanted {}", row["error"]));
            }
            for (name, wanted) in row["sorted"].as_object().into_iter().flatten() {
                let versions = index.entries.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
                let got: Vec<&str> = versions.iter().map(|v| v.metadata.version.as_str()).collect();
                if json!(got) != *wanted {
                    return Err(format!("{name}: wanted {wanted}, got {got:?}"));
                }
            }
            for get in row["get"].as_array().into_iter().flatten() {
                let found = index.find(get["chart"].as_str().unwrap(), get["version"].as_str().unwrap());
                let (got, wanted) = match &found {
                    Ok(found) => (found.metadata.version.to_string(), get["found"].as_str()),
                    Err(error) => (error.to_string(), get["error"].as_str()),
                };
                if wanted != Some(got.as_str()) {
                    return Err(format!("{get}: got {got}"));
                }
            }
            Ok(())
        });
    }
}
