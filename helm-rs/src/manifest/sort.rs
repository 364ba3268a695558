//! Sorts rendered files into manifests and hooks.

use std::collections::BTreeMap;

use gitops_yaml::Str;

use super::hook::{Hook, HookEvent, HookRun};
use super::kind_order::KindOrder;
use super::plain::plain_head;
use super::split::split_with_lines;
use crate::decode::{self, DecodeError, Field};
use crate::go::base_name;
use crate::{Error, ErrorKind, Warning, Warnings};

/// A document of a rendered file that is no hook.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Manifest {
    /// The template that made it: `web/templates/service.yaml`.
    pub file: Str,
    /// The line of the rendered file on which the document begins, counted from 1.
    pub line: u32,
    /// The document's text.
    pub content: Str,
    /// The object's `apiVersion`.
    pub api_version: Str,
    /// The object's kind.
    pub kind: Str,
    /// The object's name.
    pub name: Str,
    /// The object's annotations.
    pub annotations: BTreeMap<Str, Str>,
}

/// What rendered files hold, in Helm's order.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Sorted {
    /// Objects of the release.
    pub manifests: Vec<Manifest>,
    /// Objects that run at moments of its life.
    pub hooks: Vec<Hook>,
}

/// Splits rendered files and sorts what they hold: by the file's name, then by kind. Files whose name starts with `_` and
/// those of white space alone are skipped. An object with an unknown hook event is dropped, with a warning.
///
/// # Errors
/// `YAML parse error on FILE: …` where a document is not YAML or no object.
pub fn sort_manifests<T: AsRef<str>>(
    files: &BTreeMap<Str, T>,
    order: KindOrder,
    warnings: &mut Warnings,
) -> Result<Sorted, Error> {
    let mut sorted = Sorted::default();
    for (path, text) in files {
        let text = text.as_ref();
        if base_name(path).starts_with('_') || text.trim().is_empty() {
            continue;
        }
        for (line, document) in split_with_lines(text) {
            if sorted.manifests.len() + sorted.hooks.len() >= MOST_MANIFESTS {
                let message = format!("the chart renders more than {MOST_MANIFESTS} manifests");
                return Err(Error::new(ErrorKind::Limit, message));
            }
            let head = Head::read(document, line).map_err(|error| {
                error
                    .into_error(ErrorKind::Manifest, path, text.as_bytes())
                    .within(format!("YAML parse error on {path}"))
            })?;
            sorted.add(path, line, document, head, warnings);
        }
    }
    sorted.manifests.sort_by(|a, b| order.key(&a.kind).cmp(&order.key(&b.kind)));
    sorted.hooks.sort_by(|a, b| order.key(&a.kind).cmp(&order.key(&b.kind)));
    Ok(sorted)
}

/// How many manifests a release may have.
const MOST_MANIFESTS: usize = 200_000;

const HOOK: &str = "helm.sh/hook";
const HOOK_WEIGHT: &str = "helm.sh/hook-weight";
const HOOK_DELETE: &str = "helm.sh/hook-delete-policy";
const HOOK_OUTPUT_LOG: &str = "helm.sh/hook-output-log-policy";

impl Sorted {
    fn add(&mut self, path: &Str, line: u32, document: &str, head: Head, warnings: &mut Warnings) {
        let Some(hook) = head.annotations.get(HOOK) else {
            self.manifests.push(Manifest {
                file: path.clone(),
                line,
                content: document.into(),
                api_version: head.api_version,
                kind: head.kind,
                name: head.name,
                annotations: head.annotations,
            });
            return;
        };
        let events = hook.split(',').map(|event| HookEvent::parse(&event.trim().to_lowercase()));
        let Some(events) = events.collect::<Option<Vec<_>>>() else {
            warnings.push(Warning::info("skipping unknown hooks").with("hookTypes", hook));
            return;
        };
        let policies = |annotation: &str| -> Vec<Str> {
            let Some(policies) = head.annotations.get(annotation) else { return Vec::new() };
            policies.split(',').map(|policy| policy.trim().to_lowercase().into()).collect()
        };
        self.hooks.push(Hook {
            path: path.clone(),
            manifest: document.into(),
            events,
            weight: head.annotations.get(HOOK_WEIGHT).and_then(|weight| weight.parse().ok()).unwrap_or(0),
            delete_policies: policies(HOOK_DELETE),
            output_log_policies: policies(HOOK_OUTPUT_LOG),
            last_run: HookRun::default(),
            name: head.name,
            kind: head.kind,
        });
    }
}

/// What Helm reads of a document.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Head {
    pub(crate) api_version: Str,
    pub(crate) kind: Str,
    pub(crate) name: Str,
    pub(crate) annotations: BTreeMap<Str, Str>,
}

/// Go's name for the type of `metadata`, which stands in its errors.
const GO_METADATA: &str = "struct { Name string \"json:\\\"name\\\"\"; Annotations map[string]string \"json:\\\"annotations\\\"\" }";

impl Head {
    /// Reads a document that begins on this line of its file.
    pub(crate) fn read(document: &str, line: u32) -> Result<Self, DecodeError> {
        match plain_head(document) {
            Some(head) => Ok(head),
            None => Self::read_tree(document, line),
        }
    }

    /// Reads any YAML.
    pub(super) fn read_tree(document: &str, line: u32) -> Result<Self, DecodeError> {
        let root = decode::parse_from_line(document.as_bytes(), line)?;
        let mut head = Self::default();
        let Some(entries) = decode::object(&root, &Field::ROOT, "util.SimpleHead")? else { return Ok(head) };
        for (key, node) in entries {
            let field = |name: &str| Field::ROOT.of("SimpleHead", name);
            match key.to_ascii_lowercase().as_str() {
                "apiversion" => {
                    head.api_version = decode::text(node, &field("apiVersion"))?.unwrap_or_default();
                }
                "kind" => head.kind = decode::text(node, &field("kind"))?.unwrap_or_default(),
                "metadata" => {
                    let at = field("metadata");
                    for (key, node) in decode::object(node, &at, GO_METADATA)?.unwrap_or_default() {
                        match key.to_ascii_lowercase().as_str() {
                            "name" => head.name = decode::text(node, &at.of("", "name"))?.unwrap_or_default(),
                            "annotations" => {
                                let found = decode::text_map(node, &at.of("", "annotations"))?;
                                head.annotations = found.unwrap_or_default();
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(head)
    }
}
