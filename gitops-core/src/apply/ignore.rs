//! Fields that are left to others: `spec.ignore` of a Kustomization.

use super::managed_fields::is_applied_by_other;
use crate::object::{Selector, same_value};
use crate::ports::ObjectRef;
use gitops_regex::GoRegex;
use gitops_yaml::{Node, Str};
use std::fmt;

/// Which fields of which objects are left to others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IgnoreRule {
    /// JSON pointers: `/spec/replicas`.
    pub paths: Vec<Str>,
    /// Expressions over the whole of the API group; empty matches all. The same holds for the next four.
    pub group: Str,
    /// Expressions over the version.
    pub version: Str,
    /// Expressions over the kind.
    pub kind: Str,
    /// Expressions over the namespace.
    pub namespace: Str,
    /// Expressions over the name.
    pub name: Str,
    /// A label selector; empty matches all.
    pub label_selector: Str,
    /// A selector over annotations; empty matches all.
    pub annotation_selector: Str,
}

/// A rule that can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgnoreRuleError(String);

impl fmt::Display for IgnoreRuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for IgnoreRuleError {}

/// Rules that are ready to be matched.
#[derive(Debug, Default)]
pub struct IgnoreRules(Vec<Compiled>);

#[derive(Debug)]
struct Compiled {
    paths: Vec<Str>,
    /// Group, version, kind, namespace, name.
    patterns: [Option<GoRegex>; 5],
    labels: Selector,
    annotations: Selector,
}

impl IgnoreRules {
    /// Compiles rules.
    ///
    /// # Errors
    /// Where an expression or a selector is malformed, or a pointer does not begin with `/`.
    pub fn new(rules: &[IgnoreRule]) -> Result<Self, IgnoreRuleError> {
        rules.iter().map(Compiled::new).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lists the pointers that hold for an object.
    fn paths<'a>(&'a self, object: &'a Node) -> impl Iterator<Item = &'a Str> {
        self.0.iter().filter(|rule| rule.matches(object)).flat_map(|rule| &rule.paths)
    }

    /// Removes from an object the fields that are ignored in another form of it.
    pub(super) fn strip(&self, matching: &Node, object: &mut Node) {
        let paths: Vec<Str> = self.paths(matching).cloned().collect();
        for path in paths {
            remove(object, &path);
        }
    }

    /// Takes from what is applied the ignored fields whose values differ: another applier keeps its own, else the live value
    /// is adopted, so that nothing changes and nothing is given up.
    pub(super) fn settle(&self, object: &mut Node, live: &Node, next: &Node, manager: &str) {
        let paths: Vec<Str> = self.paths(next).cloned().collect();
        for path in paths {
            let (now, then) = (find(live, &path), find(next, &path));
            let same = match (now, then) {
                (Some(now), Some(then)) => same_value(now, then),
                (None, None) => true,
                _ => false,
            };
            if same {
                continue;
            }
            match now {
                Some(now) if !is_applied_by_other(live, &path, manager) => {
                    if let Some(field) = find_mut(object, &path) {
                        *field = now.clone();
                    }
                }
                _ => remove(object, &path),
            }
        }
    }
}

impl Compiled {
    fn new(rule: &IgnoreRule) -> Result<Self, IgnoreRuleError> {
        if let Some(path) = rule.paths.iter().find(|path| !path.starts_with('/')) {
            return Err(IgnoreRuleError(format!("invalid JSON pointer {path:?}: it begins with no '/'")));
        }
        let pattern = |what: &str, pattern: &Str| {
            if pattern.is_empty() {
                return Ok(None);
            }
            let compiled = GoRegex::new(&format!("^(?:{pattern})$"));
            compiled.map(Some).map_err(|error| IgnoreRuleError(format!("invalid {what} regex: {error}")))
        };
        let selector = |what: &str, text: &Str| {
            Selector::parse(text)
                .map_err(|error| IgnoreRuleError(format!("invalid {what} selector: {error}")))
        };
        Ok(Self {
            paths: rule.paths.clone(),
            patterns: [
                pattern("group", &rule.group)?,
                pattern("version", &rule.version)?,
                pattern("kind", &rule.kind)?,
                pattern("namespace", &rule.namespace)?,
                pattern("name", &rule.name)?,
            ],
            labels: selector("label", &rule.label_selector)?,
            annotations: selector("annotation", &rule.annotation_selector)?,
        })
    }

    fn matches(&self, object: &Node) -> bool {
        let ObjectRef { gvk, namespace, name } = ObjectRef::of(object);
        let texts = [gvk.group, gvk.version, gvk.kind, namespace, name];
        let value = |field: &'static str| {
            move |key: &str| object.at_path(&["metadata", field, key]).and_then(Node::as_str)
        };
        texts
            .iter()
            .zip(&self.patterns)
            .all(|(text, pattern)| pattern.as_ref().is_none_or(|p| p.is_match(text)))
            && self.labels.matches(value("labels"))
            && self.annotations.matches(value("annotations"))
    }
}

/// Splits a JSON pointer and takes its escapes back.
pub(super) fn steps(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"))
}

fn find<'a>(node: &'a Node, pointer: &str) -> Option<&'a Node> {
    steps(pointer).try_fold(node, |node, step| child(node, &step))
}

/// Returns a field, or an item by its position.
pub(super) fn child<'a>(node: &'a Node, step: &str) -> Option<&'a Node> {
    match node.items() {
        Some(items) => items.get(step.parse::<usize>().ok()?),
        None => node.get(step),
    }
}

fn find_mut<'a>(node: &'a mut Node, pointer: &str) -> Option<&'a mut Node> {
    steps(pointer).try_fold(node, |node, step| {
        if node.is_sequence() {
            let index = step.parse::<usize>().ok()?;
            return node.items_mut()?.get_mut(index);
        }
        node.get_mut(&step)
    })
}

fn remove(node: &mut Node, pointer: &str) {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return };
    let last = last.replace("~1", "/").replace("~0", "~");
    let Some(parent) = find_mut(node, parent) else { return };
    if let Some(items) = parent.items_mut() {
        if let Some(index) = last.parse::<usize>().ok().filter(|index| *index < items.len()) {
            items.remove(index);
        }
    } else {
        parent.remove(&last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_yaml::{Dialect, FileId, from_json, to_json};

    fn read(text: &str) -> Node {
        from_json(text, FileId::NONE).unwrap()
    }

    fn rules(kind: &str) -> IgnoreRules {
        let rule =
            IgnoreRule { paths: vec!["/spec/replicas".into()], kind: kind.into(), ..IgnoreRule::default() };
        IgnoreRules::new(&[rule]).unwrap()
    }

    #[test]
    fn only_the_kinds_that_match_whole_are_stripped() {
        let deployment = r#"{"apiVersion":"apps/v1","kind":"Deployment","spec":{"replicas":3}}"#;
        for (kind, wanted) in [
            ("Deploy.*", r#"{"apiVersion":"apps/v1","kind":"Deployment","spec":{}}"#),
            ("Deploy", deployment),
        ] {
            let mut object = read(deployment);
            rules(kind).strip(&read(deployment), &mut object);
            assert_eq!(to_json(&object, Dialect::V3).unwrap(), wanted, "{kind}");
        }
    }

    #[test]
    fn a_drifted_field_is_adopted_or_left_to_the_one_who_applies_it() {
        let wanted = r#"{"apiVersion":"apps/v1","kind":"Deployment","spec":{"replicas":1}}"#;
        let live = r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"managedFields":[{"manager":"WHO","operation":"Apply","fieldsV1":{"f:spec":{"f:replicas":{}}}}]},"spec":{"replicas":5}}"#;
        let settled = |who: &str| {
            let mut object = read(wanted);
            let live = read(&live.replace("WHO", who));
            rules("").settle(&mut object, &live, &read(wanted), "kustomize-controller");
            to_json(object.get("spec").unwrap(), Dialect::V3).unwrap()
        };
        assert_eq!(settled("kustomize-controller"), r#"{"replicas":5}"#);
        assert_eq!(settled("autoscaler"), "{}");
    }

    #[test]
    fn malformed_rules_are_errors() {
        let rule = IgnoreRule { paths: vec!["spec".into()], ..IgnoreRule::default() };
        assert!(IgnoreRules::new(&[rule]).unwrap_err().to_string().starts_with("invalid JSON pointer"));
        let rule = IgnoreRule { name: "(".into(), ..IgnoreRule::default() };
        assert!(IgnoreRules::new(&[rule]).unwrap_err().to_string().starts_with("invalid name regex"));
    }
}
