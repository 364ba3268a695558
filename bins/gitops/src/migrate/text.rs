//! One file's text, with the lines changed that older versions need changed.

use crate::cluster::KindInfo;
use gitops_yaml::{Entry, FileId, Node, ReadOptions, read_stream};
use std::collections::BTreeMap;

/// A text that is today's, and what was done for it.
#[derive(Debug)]
pub(super) struct Migration {
    pub(super) text: String,
    pub(super) changes: Vec<Remark>,
    /// What a person has to change.
    pub(super) left: Vec<Remark>,
}

/// What there is to say of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Remark {
    pub(super) line: usize,
    pub(super) what: String,
}

/// Changes of whole lines, and of what stands in them.
struct Lines<'t> {
    lines: Vec<&'t str>,
    /// The new text of a line; nothing where it goes.
    edited: BTreeMap<usize, Option<String>>,
    changes: Vec<Remark>,
    left: Vec<Remark>,
}

/// Brings a text to the newest versions; one that is no YAML of objects stays as it is.
pub(super) fn migrate(text: &str) -> Migration {
    let mut lines = Lines {
        lines: text.split_inclusive('\n').collect(),
        edited: BTreeMap::new(),
        changes: Vec::new(),
        left: Vec::new(),
    };
    let documents = read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::yaml11()).unwrap_or_default();
    for document in &documents {
        lines.object(&document.root);
    }
    lines.finish()
}

impl Lines<'_> {
    fn object(&mut self, object: &Node) {
        let text = |field| object.get(field).and_then(Node::as_str).unwrap_or_default();
        if text("kind") == "List" {
            object
                .get("items")
                .and_then(Node::items)
                .into_iter()
                .flatten()
                .for_each(|item| self.object(item));
            return;
        }
        let Some(kind) = KindInfo::of(text("kind")).filter(|kind| kind.kind == text("kind")) else { return };
        let (Some((group, old)), Some((known, new))) =
            (text("apiVersion").split_once('/'), kind.api_version.split_once('/'))
        else {
            return;
        };
        if group != known {
            return;
        }
        if old != new
            && let Some(version) = object.get("apiVersion")
        {
            let (line, column) = at(version);
            let wanted = (format!("{group}/{old}"), kind.api_version.to_owned());
            self.replace(line, column, &wanted, &format!("{} {old} -> {new}", kind.kind));
        }
        if let Some(spec) = object.get("spec") {
            self.spec(kind.kind, spec);
        }
    }

    fn spec(&mut self, kind: &str, spec: &Node) {
        match kind {
            "Kustomization" => {
                self.remove(spec, "validation");
                self.service_account(spec);
                self.leave(spec, &["patchesStrategicMerge", "patchesJson6902"], "write it as patches");
            }
            "GitRepository" => {
                self.remove(spec, "gitImplementation");
                self.remove(spec, "accessFrom");
            }
            "HelmChart" => self.values_file(spec),
            "HelmRelease" => {
                if let Some(chart) = spec.at_path(&["chart", "spec"]) {
                    self.values_file(chart);
                }
                for action in ["install", "upgrade"] {
                    if let Some(action) = spec.get(action) {
                        self.skip_crds(action);
                    }
                }
            }
            "ImageUpdateAutomation" => {
                self.leave(spec, &["checkout", "commit", "push"], "write it as sourceRef and git");
                let template = spec.at_path(&["git", "commit", "messageTemplate"]);
                if let Some(template) = template
                    && template.as_str().is_some_and(|text| text.contains(".Updated"))
                {
                    let (line, _) = at(template);
                    let what = "the template reads .Updated, which was removed: write it with .Changed";
                    self.left.push(Remark { line: line + 1, what: what.to_owned() });
                }
            }
            _ => {}
        }
    }

    fn service_account(&mut self, spec: &Node) {
        let Some(entry) = entry(spec, "serviceAccount") else { return };
        let Some(name) = entry.value.get("name").and_then(Node::as_str) else { return };
        let indent = " ".repeat(at(&entry.key).1);
        if let Some(line) = self.remove(spec, "serviceAccount") {
            self.edited.insert(line, Some(format!("{indent}serviceAccountName: {name}\n")));
        }
    }

    fn values_file(&mut self, spec: &Node) {
        let Some(entry) = entry(spec, "valuesFile") else { return };
        if spec.get("valuesFiles").is_some() || entry.value.as_str().is_none_or(str::is_empty) {
            self.remove(spec, "valuesFile");
            return;
        }
        let ((line, column), (value_line, value_column)) = (at(&entry.key), at(&entry.value));
        let Some(text) = self.lines.get(line).filter(|_| line == value_line) else {
            self.leave(spec, &["valuesFile"], "write it as valuesFiles, a list");
            return;
        };
        let (Some(before), Some(value)) = (text.get(..column), text.get(value_column..)) else { return };
        let end = value.find(" #").unwrap_or(value.trim_end().len());
        let (value, rest) = value.split_at(end.min(value.trim_end().len()));
        let new = format!("{before}valuesFiles: [{}]{rest}", value.trim_end());
        self.edited.insert(line, Some(new));
        self.changes.push(Remark { line: line + 1, what: "valuesFile -> valuesFiles".to_owned() });
    }

    fn skip_crds(&mut self, action: &Node) {
        let Some(entry) = entry(action, "skipCRDs") else { return };
        let indent = " ".repeat(at(&entry.key).1);
        let skips = entry.value.scalar().is_some_and(|value| &**value == "true");
        if let Some(line) = self.remove(action, "skipCRDs")
            && skips
            && action.get("crds").is_none()
        {
            self.edited.insert(line, Some(format!("{indent}crds: Skip\n")));
        }
    }

    /// Names fields that a person has to rewrite.
    fn leave(&mut self, mapping: &Node, fields: &[&str], how: &str) {
        for field in fields {
            if let Some(entry) = entry(mapping, field) {
                let what = format!("{field} was removed: {how}");
                self.left.push(Remark { line: at(&entry.key).0 + 1, what });
            }
        }
    }

    /// Replaces a text of a line, from a column on.
    fn replace(&mut self, line: usize, column: usize, (old, new): &(String, String), what: &str) {
        let Some(text) = self.lines.get(line) else { return };
        let (Some(before), Some(from)) = (text.get(..column), text.get(column..)) else { return };
        self.edited.insert(line, Some(format!("{before}{}", from.replacen(old.as_str(), new, 1))));
        self.changes.push(Remark { line: line + 1, what: what.to_owned() });
    }

    /// Takes a field's lines away; returns the first of them. A field beside others on one line is named instead.
    fn remove(&mut self, mapping: &Node, field: &str) -> Option<usize> {
        let entry = entry(mapping, field)?;
        let (line, column) = at(&entry.key);
        let text = self.lines.get(line)?;
        let stands_alone = text.get(..column).is_some_and(|before| before.trim().is_empty())
            && mapping.entries()?.iter().filter(|other| at(&other.key).0 == line).count() == 1
            && mapping.entries()?.len() > 1;
        if !stands_alone {
            self.left.push(Remark { line: line + 1, what: format!("{field} was removed: take it away") });
            return None;
        }
        let deeper = |text: &&str| {
            let indent = text.len() - text.trim_start_matches(' ').len();
            let is_item = indent == column && text.trim_start().starts_with("- ");
            text.trim().is_empty() || indent > column || is_item
        };
        let mut end = line + 1;
        while self.lines.get(end).is_some_and(&deeper) {
            end += 1;
        }
        // Blank lines before the next field are not the field's.
        while end > line + 1 && self.lines.get(end - 1).is_some_and(|text| text.trim().is_empty()) {
            end -= 1;
        }
        self.edited.extend((line..end).map(|line| (line, None)));
        self.changes.push(Remark { line: line + 1, what: format!("{field} was removed") });
        Some(line)
    }

    fn finish(mut self) -> Migration {
        let mut text = String::new();
        for (index, line) in self.lines.iter().enumerate() {
            match self.edited.get(&index) {
                Some(Some(new)) => text.push_str(new),
                Some(None) => {}
                None => text.push_str(line),
            }
        }
        self.changes.sort_by_key(|change| change.line);
        self.left.sort_by_key(|gap| gap.line);
        Migration { text, changes: self.changes, left: self.left }
    }
}

fn entry<'a>(mapping: &'a Node, field: &str) -> Option<&'a Entry> {
    mapping.entries()?.iter().find(|entry| entry.key.as_str() == Some(field))
}

/// A node's line and column, from 0.
fn at(node: &Node) -> (usize, usize) {
    let from_zero = |number: u32| usize::try_from(number.saturating_sub(1)).unwrap_or(0);
    (from_zero(node.place.line), from_zero(node.place.column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_fields_go_and_comments_stay() {
        let text = "# the apps\napiVersion: kustomize.toolkit.fluxcd.io/v1beta1 # old\nkind: Kustomization\nmetadata:\n  name: apps\nspec:\n  validation: client # of old\n\n  serviceAccount:\n    name: deployer\n  # kept\n  interval: 5m\n";
        let migrated = migrate(text);
        assert_eq!(
            migrated.text,
            "# the apps\napiVersion: kustomize.toolkit.fluxcd.io/v1 # old\nkind: Kustomization\nmetadata:\n  name: apps\nspec:\n\n  serviceAccountName: deployer\n  # kept\n  interval: 5m\n"
        );
        assert_eq!(migrated.changes.len(), 3);
        assert_eq!(migrated.changes[0].what, "Kustomization v1beta1 -> v1");
        let again = migrate(&migrated.text);
        assert!(again.changes.is_empty() && again.text == migrated.text);
    }

    #[test]
    fn renamed_fields_keep_their_values() {
        let text = "apiVersion: helm.toolkit.fluxcd.io/v2beta1\nkind: HelmRelease\nspec:\n  chart:\n    spec:\n      chart: x\n      valuesFile: prod.yaml # mine\n  install:\n    skipCRDs: true\n    replace: true\n";
        let migrated = migrate(text);
        assert!(migrated.text.contains("      valuesFiles: [prod.yaml] # mine\n"), "{}", migrated.text);
        assert!(
            migrated.text.contains("  install:\n    crds: Skip\n    replace: true\n"),
            "{}",
            migrated.text
        );
    }

    #[test]
    fn what_can_not_be_rewritten_is_named() {
        let text = "apiVersion: kustomize.toolkit.fluxcd.io/v1beta2\nkind: Kustomization\nspec: {validation: client, interval: 1m}\n";
        let migrated = migrate(text);
        assert_eq!(
            migrated.left,
            [Remark { line: 3, what: "validation was removed: take it away".to_owned() }]
        );
        assert!(migrate("apiVersion: apps/v1\nkind: Deployment\n").changes.is_empty());
        assert!(migrate("{{ no yaml").changes.is_empty());
    }
}
