//! Field specs that OpenAPI definitions of custom resources ask for, by upstream's extensions.

use gitops_yaml::{Node, Str};

use crate::error::Error;
use crate::field_spec::{FieldSpec, merge_one};
use crate::field_specs::{FieldSpecs, NameReference};

/// How deep definitions may refer to each other.
const MOST_NESTED: usize = 32;

/// Reads definitions: a mapping of type names to their schemas.
///
/// # Errors
/// When two fields contradict each other.
pub(crate) fn field_specs_of_crds(definitions: &Node) -> Result<FieldSpecs, Error> {
    let mut specs = FieldSpecs::default();
    for entry in definitions.entries().unwrap_or_default() {
        let Some(name) = entry.key.as_str() else { continue };
        let is_object = ["apiVersion", "kind", "metadata"]
            .iter()
            .all(|field| properties(&entry.value).is_some_and(|fields| fields.get(field).is_some()));
        if is_object {
            let kind = name.rsplit('.').next().unwrap_or(name);
            load(&mut specs, kind, definitions, name, &mut Vec::new())?;
        }
    }
    Ok(specs)
}

fn properties(definition: &Node) -> Option<&Node> {
    definition.get("Schema").unwrap_or(definition).get("properties")
}

fn load<'a>(
    specs: &mut FieldSpecs,
    kind: &str,
    definitions: &'a Node,
    name: &str,
    path: &mut Vec<&'a str>,
) -> Result<(), Error> {
    let Some(fields) = definitions.get(name).and_then(properties).and_then(Node::entries) else {
        return Ok(());
    };
    if path.len() >= MOST_NESTED {
        return Ok(());
    }
    for entry in fields {
        let Some(field) = entry.key.as_str() else { continue };
        let extension = |name: &str| entry.value.get(name).and_then(Node::as_str);
        path.push(field);
        let spec = |more: Option<&str>| {
            let mut path = path.join("/");
            if let Some(more) = more {
                path = format!("{path}/{more}");
            }
            FieldSpec { kind: kind.into(), path: path.into(), ..FieldSpec::default() }
        };
        if extension("x-kubernetes-annotation").is_some() {
            merge_one(&mut specs.common_annotations, spec(None))?;
        }
        if extension("x-kubernetes-label-selector").is_some() {
            merge_one(&mut specs.common_labels, spec(None))?;
        }
        if extension("x-kubernetes-identity").is_some() {
            merge_one(&mut specs.name_prefix, spec(None))?;
        }
        let target =
            extension("x-kubernetes-object-ref-api-version").zip(extension("x-kubernetes-object-ref-kind"));
        if let Some((version, target)) = target {
            let key = extension("x-kubernetes-object-ref-name-key").unwrap_or("name");
            specs.add_name_reference(&NameReference {
                group: Str::EMPTY,
                version: version.into(),
                kind: target.into(),
                referrers: vec![spec(Some(key))],
            })?;
        }
        if let Some(reference) = extension("$ref") {
            load(specs, kind, definitions, reference, path)?;
        }
        path.pop();
    }
    Ok(())
}
