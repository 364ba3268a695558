//! What a Flux Kustomization builds, beside what Flux's own code makes of the same files.

use gitops_conformance::{Suite, folder, rows};
use gitops_controllers::kustomization::{build, generate, substitute};
use gitops_core::api::{Kustomization, Object};
use gitops_core::substitute::{Strictness, Variables};
use gitops_core::tree::MemTree;
use gitops_yaml::{Dialect, FileId, Node, ReadOptions, read_stream};

use crate::world::nodes;

fn values(text: &str) -> Vec<String> {
    let documents = read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::v3()).unwrap();
    documents.iter().map(|document| gitops_yaml::to_json(&document.root, Dialect::V3).unwrap()).collect()
}

/// The variables of a Kustomization, from the maps and secrets that stand beside it.
fn variables(row: &serde_json::Value, spec: &Kustomization) -> Result<Variables, String> {
    let mut variables = Variables::default();
    let Some(post_build) = &spec.post_build else { return Ok(variables) };
    for reference in &post_build.substitute_from {
        if !matches!(reference.kind.as_str(), "ConfigMap" | "Secret") {
            continue; // refused before anything is built
        }
        let all = if reference.kind == "Secret" { &row["secrets"] } else { &row["configmaps"] };
        match all.get(&reference.name).and_then(serde_json::Value::as_object) {
            Some(data) => {
                for (name, value) in data {
                    variables.set(name, value.as_str().unwrap());
                }
            }
            None if reference.optional => {}
            None => return Err(format!("{} is not there", reference.name)),
        }
    }
    for (name, value) in &post_build.substitute {
        variables.set(name, value);
    }
    Ok(variables)
}

#[test]
fn paths_build_as_upstream_builds_them() {
    let Some(file) = folder("flux/generate.jsonl") else { return };
    let mut suite = Suite::new("generate");
    for row in rows(&file) {
        let text = |field: &str| row.get(field).and_then(serde_json::Value::as_str);
        let mut tree = MemTree::new();
        for (path, content) in row["files"].as_object().unwrap() {
            tree.add_file(path, content.as_str().unwrap()).unwrap();
        }
        let object = &nodes(text("kustomization").unwrap())[0];
        let id = text("id").unwrap();
        let read = Object::<Kustomization>::read(object);
        // Old forms of patches are laid over as new ones.
        let is_old = object.at_path(&["spec", "patchesStrategicMerge"]).is_some()
            || object.at_path(&["spec", "patchesJson6902"]).is_some();
        let result = read.map_err(|error| error.to_string()).and_then(|read| {
            let generated = generate(&tree, &read.spec).map_err(|error| error.to_string())?;
            let built = build(&tree, &read.spec).map_err(|error| error.to_string())?;
            let strictness = if row["strict"] == true { Strictness::Strict } else { Strictness::Lenient };
            let variables = variables(&row, &read.spec)?;
            let built =
                substitute(built, &read.spec, &variables, strictness).map_err(|error| error.to_string())?;
            Ok((generated, built))
        });
        let refused = text("generate_error").or(text("build_error"));
        let outcome = match (result, refused) {
            (Err(_), Some(_)) => Ok(()),
            (Ok(_), Some(why)) => Err(format!("should be refused: {why}")),
            (Err(why), None) => Err(why),
            (Ok((generated, built)), None) => {
                let printed: Vec<String> = built
                    .objects
                    .iter()
                    .map(|object: &Node| gitops_yaml::to_json(object, Dialect::V3).unwrap())
                    .collect();
                let wanted = values(text("output").unwrap_or_default());
                let wanted: Vec<String> = wanted.into_iter().filter(|one| one != "null").collect();
                if canonical(&printed) != canonical(&wanted) {
                    Err(format!("built\n{printed:?}\ninstead of\n{wanted:?}"))
                } else if let (false, Some(made), Some(wanted)) = (is_old, &generated.text, text("generated"))
                {
                    let (made, wanted) = (canonical(&values(made)), canonical(&values(wanted)));
                    if made == wanted {
                        Ok(())
                    } else {
                        Err(format!("generated {made:?} instead of {wanted:?}"))
                    }
                } else {
                    Ok(())
                }
            }
        };
        suite.check(id, || outcome);
    }
    suite.finish(99.0);
}

fn canonical(texts: &[String]) -> Vec<serde_json::Value> {
    texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}
