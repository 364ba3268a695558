//! Variables of a Kustomization, and what they are put into.

use gitops_core::api::Kustomization;
use gitops_core::ports::ClusterFault;
use gitops_core::substitute::{Strictness, Variables, is_disabled};
use gitops_yaml::{Data, Dialect, FileId, Node, ReadOptions, from_json, print_sigs, read_document, to_json};

use super::build::{BuildError, Built};
use crate::context::{Context, Failure};
use crate::secret::secret_data;
use crate::world::World;

/// Gathers variables: ConfigMaps and Secrets in their order, later ones win, and `substitute` over all.
pub(crate) async fn collect<W: World>(
    context: &Context<W>,
    namespace: &str,
    spec: &Kustomization,
) -> Result<Variables, Failure> {
    let mut variables = Variables::default();
    let Some(post_build) = &spec.post_build else { return Ok(variables) };
    for reference in &post_build.substitute_from {
        let message = |why: &dyn std::fmt::Display| {
            let (kind, name) = (&reference.kind, &reference.name);
            format!("post build failed: substitute from '{kind}/{name}' error: {why}")
        };
        let failed = |why: &dyn std::fmt::Display| Failure::passing("BuildFailed", message(why));
        if !matches!(reference.kind.as_str(), "ConfigMap" | "Secret") {
            return Err(failed(&"the kind must be ConfigMap or Secret"));
        }
        let found = match context.read(&reference.kind, namespace, &reference.name).await {
            Ok(found) => found,
            Err(error) if error.fault == ClusterFault::NotFound && reference.optional => continue,
            Err(error) => return Err(Failure::of_cluster("BuildFailed", message(&error), &error)),
        };
        if reference.kind == "Secret" {
            for (name, value) in secret_data(&found).map_err(|why| failed(&why))? {
                variables.set(name, &String::from_utf8_lossy(&value));
            }
        } else {
            for entry in found.get("data").and_then(Node::entries).unwrap_or_default() {
                if let (Some(name), Some(value)) = (entry.key.as_str(), entry.value.as_str()) {
                    variables.set(name, value);
                }
            }
        }
    }
    for (name, value) in &post_build.substitute {
        variables.set(name, value);
    }
    Ok(variables)
}

/// Puts variables into built objects. Those without a reference to one stay as they are; the others keep their places as
/// far as their shape stays.
///
/// # Errors
/// All objects that a variable is missing for, or that are no YAML any more, each with its place.
pub fn substitute(
    mut built: Built,
    spec: &Kustomization,
    variables: &Variables,
    strictness: Strictness,
) -> Result<Built, BuildError> {
    let Some(post_build) = &spec.post_build else { return Ok(built) };
    if variables.is_empty() && post_build.substitute_strategy.as_deref() != Some("Always") {
        return Ok(built);
    }
    let mut errors = Vec::new();
    let mut left = MOST_BYTES;
    for object in &mut built.objects {
        if is_disabled(object) {
            continue;
        }
        if let Err(why) = replace(object, variables, strictness, &mut left) {
            let place = built.files.show(object.place);
            let separator = if place.is_empty() { "" } else { ": " };
            let name = gitops_core::ports::ObjectRef::of(object);
            let is_secret = object.get("kind").and_then(Node::as_str) == Some("Secret");
            let why = match spec.decryption.is_some() && is_secret {
                true => "not shown, since the Secret may hold decrypted values".to_owned(),
                false => why,
            };
            errors.push(format!("{place}{separator}post build failed for '{name}': envsubst error: {why}"));
        }
    }
    if errors.is_empty() { Ok(built) } else { Err(BuildError::new(errors.join("\n"))) }
}

/// How many bytes all objects together may have in which variables are replaced.
const MOST_BYTES: usize = 256 << 20;

fn replace(
    object: &mut Node,
    variables: &Variables,
    strictness: Strictness,
    left: &mut usize,
) -> Result<(), String> {
    variables.check_names().map_err(|error| error.to_string())?;
    let text = print_sigs(&*object, Dialect::V3).map_err(|error| error.to_string())?;
    if !text.contains('$') {
        return Ok(());
    }
    let replaced = variables
        .replace_in(&text, strictness)
        .map_err(|error| format!("variable substitution failed: {error}"))?;
    if replaced == text {
        return Ok(());
    }
    *left = left
        .checked_sub(replaced.len())
        .ok_or_else(|| format!("the objects become larger than {MOST_BYTES} bytes together"))?;
    let document = read_document(replaced.as_bytes(), FileId::NONE, &ReadOptions::yaml11())
        .map_err(|error| format!("YAMLToJSON: {error}"))?;
    // Its values are what YAML 1.1 makes of them, and stay that in what is read as YAML 1.2 elsewhere.
    let mut changed = match &document {
        Some(document) => to_json(document, Dialect::Yaml11)
            .and_then(|json| from_json(&json, FileId::NONE))
            .map_err(|error| format!("YAMLToJSON: {error}"))?,
        None => Node::null(),
    };
    keep_places(&mut changed, object);
    *object = changed;
    Ok(())
}

fn keep_places(new: &mut Node, old: &Node) {
    new.place = old.place;
    match &mut new.data {
        Data::Mapping(entries) => {
            for entry in entries {
                let before = old.entries().and_then(|entries| {
                    entries.iter().find(|before| before.key.as_str() == entry.key.as_str())
                });
                match before {
                    Some(before) => {
                        entry.key.place = before.key.place;
                        keep_places(&mut entry.value, &before.value);
                    }
                    None => forget_places(&mut entry.value, old),
                }
            }
        }
        Data::Sequence(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                match old.items().and_then(|items| items.get(index)) {
                    Some(before) => keep_places(item, before),
                    None => forget_places(item, old),
                }
            }
        }
        Data::Scalar(_) | Data::Alias(_) => {}
    }
}

/// What a variable brought stands where the variable stood.
fn forget_places(new: &mut Node, old: &Node) {
    new.place = old.place;
    match &mut new.data {
        Data::Mapping(entries) => entries.iter_mut().for_each(|entry| {
            entry.key.place = old.place;
            forget_places(&mut entry.value, old);
        }),
        Data::Sequence(items) => items.iter_mut().for_each(|item| forget_places(item, old)),
        Data::Scalar(_) | Data::Alias(_) => {}
    }
}
