//! Looks rendered objects and definitions over.

use super::deprecated::deprecation;
use super::names::name_mistake;
use super::{Linter, Severity};
use crate::KubeVersion;
use crate::decode::{self, DecodeError, Field};
use crate::go::{extension, quoted};
use crate::values::kubernetes_documents;
use gitops_yaml::{Node, Str};

/// What is read of an object.
#[derive(Default)]
struct Object {
    api_version: Str,
    kind: Str,
    name: Str,
}

impl Object {
    /// Reads an object; an empty document is none.
    fn read(document: &[u8]) -> Result<Option<(Self, Node)>, DecodeError> {
        let root = decode::parse(document)?;
        let Some(entries) = decode::object(&root, &Field::ROOT, "rules.k8sYamlStruct")? else {
            return Ok(None);
        };
        let mut object = Self::default();
        for (key, node) in entries {
            let field = |name: &str| Field::ROOT.of("k8sYamlStruct", name);
            match key.to_ascii_lowercase().as_str() {
                "apiversion" => {
                    object.api_version = decode::text(node, &field("apiVersion"))?.unwrap_or_default();
                }
                "kind" => object.kind = decode::text(node, &field("Kind"))?.unwrap_or_default(),
                "metadata" => {
                    let at = field("Metadata");
                    for (key, node) in decode::object(node, &at, "rules.k8sYamlMetadata")?.unwrap_or_default()
                    {
                        let inner = |name: &str| at.of("k8sYamlMetadata", name);
                        match key.to_ascii_lowercase().as_str() {
                            "name" => object.name = decode::text(node, &inner("Name"))?.unwrap_or_default(),
                            "namespace" => {
                                decode::text(node, &inner("Namespace"))?;
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(Some((object, root)))
    }
}

/// Looks a rendered template over; says whether the next one is worth a look.
pub(super) fn check_template(
    linter: &mut Linter<'_, '_>,
    path: &str,
    text: &str,
    cluster: &KubeVersion,
) -> bool {
    let ending = extension(path);
    if ![".yaml", ".yml", ".tpl", ".txt"].contains(&ending) {
        let message =
            format!("file extension '{ending}' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt");
        linter.add(Severity::Error, path, message);
    }
    if !ending.eq_ignore_ascii_case(".yaml") && !ending.eq_ignore_ascii_case(".yml") || text.trim().is_empty()
    {
        return true;
    }
    if let Some(line) = text.lines().find(|line| !line.trim().is_empty())
        && line.starts_with([' ', '\t'])
    {
        let line = quoted(line);
        let message =
            format!("document starts with an illegal indent: {line}, which may cause parsing problems");
        linter.add(Severity::Warning, path, message);
    }
    each_object(linter, path, text.as_bytes(), |linter, object, _| {
        if let Some(message) = name_mistake(&object.kind, &object.name) {
            linter.add(Severity::Warning, path, message);
        }
        if let Some(message) = deprecation(&object.api_version, &object.kind, cluster) {
            linter.add(Severity::Warning, path, message);
        }
        let needs_selector = ["Deployment", "ReplicaSet", "DaemonSet", "StatefulSet"];
        if needs_selector.contains(&object.kind.as_str())
            && !text.contains("matchLabels")
            && !text.contains("matchExpressions")
        {
            let (kind, name) = (&object.kind, quoted(&object.name));
            let message =
                format!("a {kind} must contain matchLabels or matchExpressions, and {name} does not");
            linter.add(Severity::Error, path, message);
        }
        if object.kind == "List"
            && let Some(message) = list_mistake(text)
        {
            linter.add(Severity::Error, path, message);
        }
    })
}

/// Reads a file's objects one by one, until one can't be read.
fn each_object<'a, 'w>(
    linter: &mut Linter<'a, 'w>,
    path: &str,
    text: &[u8],
    mut check: impl FnMut(&mut Linter<'a, 'w>, &Object, &Node),
) -> bool {
    let (documents, mistake) = kubernetes_documents(text);
    for (_, document) in documents {
        match Object::read(document) {
            Ok(None) => {}
            Ok(Some((object, node))) => check(linter, &object, &node),
            Err(error) => {
                linter.add(Severity::Error, path, format!("unable to parse YAML: {}", error.message));
                return false;
            }
        }
    }
    if let Some((_, separator)) = mistake {
        let message = format!("unable to parse YAML: invalid Yaml document separator: {separator}");
        linter.add(Severity::Error, path, message);
        return false;
    }
    true
}

/// Policies of objects within a list have no effect.
fn list_mistake(text: &str) -> Option<String> {
    let node = match decode::parse(text.as_bytes()) {
        Ok(node) => node,
        Err(error) => return Some(format!("unable to parse YAML: {}", error.message)),
    };
    let items = node.get("items")?.items()?;
    let has_policy =
        |item: &Node| item.at_path(&["metadata", "annotations", "helm.sh/resource-policy"]).is_some();
    items
        .iter()
        .any(has_policy)
        .then(|| "annotation 'helm.sh/resource-policy' within List objects are ignored".to_owned())
}

/// Looks a file of `crds/` over; says whether the next one is worth a look.
pub(super) fn check_definition(linter: &mut Linter<'_, '_>, path: &str, text: &[u8]) -> bool {
    each_object(linter, path, text, |linter, object, _| {
        if !object.api_version.starts_with("apiextensions.k8s.io") {
            linter.add(Severity::Error, path, "apiVersion is not in 'apiextensions.k8s.io'");
        }
        if object.kind != "CustomResourceDefinition" {
            linter.add(Severity::Error, path, "object kind is not 'CustomResourceDefinition'");
        }
    })
}
