//! Prints a diff as lines for a terminal, as unified YAML, and as JSON.

use gitops_yaml::{Data, Dialect, Node, print_sigs};
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use super::{Action, FieldChange, FleetDiff, ObjectChange};

/// A line of a diff, and what it is, so that whoever prints it can give it a colour.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// What the line is.
    pub kind: LineKind,
    /// The line without its break.
    pub text: String,
}

/// What a line of a diff is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineKind {
    /// An app.
    Heading,
    /// An object that is new, or a new value.
    Added,
    /// An object that is gone, or an old value.
    Removed,
    /// An object or field that differs.
    Changed,
    /// What stands around a difference.
    Context,
    /// Where something stands.
    Place,
}

fn line(kind: LineKind, text: impl Into<String>) -> Line {
    Line { kind, text: text.into() }
}

/// Values longer than this are shown on lines of their own.
const SHORT: usize = 80;
/// Lines of one value that are shown.
const MOST_LINES: usize = 40;

impl FleetDiff {
    /// Prints app by app, object by object, field by field, with where each new value stands.
    #[must_use]
    pub fn to_lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut heading = None;
        for change in &self.changes {
            let key = (&change.cluster, &change.app);
            if heading != Some(key) {
                if heading.is_some() {
                    lines.push(line(LineKind::Context, ""));
                }
                heading = Some(key);
                let cluster =
                    if change.cluster.is_empty() { String::new() } else { format!(" in {}", change.cluster) };
                lines.push(line(LineKind::Heading, format!("{}{cluster}", change.app)));
            }
            object_lines(change, &mut lines);
        }
        lines
    }

    /// Prints the manifests that differ as one unified diff, which `patch` and code hosts understand.
    #[must_use]
    pub fn to_unified(&self) -> String {
        self.changes.iter().map(ObjectChange::to_unified).collect()
    }

    /// Describes the diff for programs.
    #[must_use]
    pub fn to_json(&self) -> String {
        let value = |node: &Option<Node>| -> Value {
            let text = node.as_ref().and_then(|node| gitops_yaml::to_json(node, Dialect::V3).ok());
            text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null)
        };
        let field = |field: &FieldChange| {
            let (before, after) = (value(&field.before), value(&field.after));
            json!({"path": field.path.to_string(), "before": before, "after": after, "place": field.place})
        };
        let change = |change: &ObjectChange| {
            let (action, from) = match &change.action {
                Action::Add => ("add", None),
                Action::Remove => ("remove", None),
                Action::Change => ("change", None),
                Action::Rename(from) => ("rename", Some(from.to_string())),
                Action::Move(from) => ("move", Some(from.to_string())),
            };
            let id = &change.id;
            json!({
                "action": action, "from": from, "app": change.app.to_string(), "cluster": change.cluster.as_str(),
                "group": id.group.as_str(), "kind": id.kind.as_str(), "namespace": id.namespace.as_str(),
                "name": id.name.as_str(), "place": change.place.as_str(),
                "fields": change.fields.iter().map(field).collect::<Vec<_>>(),
            })
        };
        let problem = |(app, gap): &(Option<super::AppId>, super::Gap)| {
            json!({
                "app": app.as_ref().map(ToString::to_string), "severity": gap.severity.as_str(), "place": gap.place,
                "message": gap.message, "help": gap.help,
            })
        };
        let whole = json!({
            "summary": self.summary(),
            "changes": self.changes.iter().map(change).collect::<Vec<_>>(),
            "newProblems": self.new_problems.iter().map(problem).collect::<Vec<_>>(),
            "solvedProblems": self.solved.iter().map(problem).collect::<Vec<_>>(),
            "broken": self.broken.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        format!("{whole:#}\n")
    }
}

impl ObjectChange {
    /// Prints the fields that differ, with where each new value stands.
    #[must_use]
    pub fn to_lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        self.fields.iter().for_each(|field| field_lines(field, &mut lines));
        lines
    }

    /// Prints the object's manifest before and after as a unified diff; Secrets are masked.
    #[must_use]
    pub fn to_unified(&self) -> String {
        let (old, new) = (self.before.as_deref().unwrap_or(""), self.after.as_deref().unwrap_or(""));
        if old == new {
            return String::new();
        }
        let name = |text: &Option<_>, side: &str| match text {
            Some(_) => format!("{side}/{}", self.id),
            None => "/dev/null".to_owned(),
        };
        let diff = TextDiff::from_lines(old, new);
        let names = (name(&self.before.as_ref(), "a"), name(&self.after.as_ref(), "b"));
        diff.unified_diff().context_radius(3).header(&names.0, &names.1).to_string()
    }
}

fn object_lines(change: &ObjectChange, lines: &mut Vec<Line>) {
    let (kind, note) = match &change.action {
        Action::Add => (LineKind::Added, String::new()),
        Action::Remove => (LineKind::Removed, String::new()),
        Action::Change => (LineKind::Changed, String::new()),
        Action::Rename(from) => (LineKind::Changed, format!(" (was {from})")),
        Action::Move(from) => (LineKind::Changed, format!(" (was applied by {from})")),
    };
    let sign = change.action.sign();
    lines.push(line(kind, format!("  {sign} {}{note}", change.id)));
    if matches!(change.action, Action::Add | Action::Remove) && !change.place.is_empty() {
        lines.push(line(LineKind::Place, format!("      at {}", change.place)));
    }
    let is_renamed = matches!(change.action, Action::Rename(_));
    for field in &change.fields {
        if !(is_renamed && field.path.to_string() == "metadata.name") {
            field_lines(field, lines);
        }
    }
}

fn field_lines(field: &FieldChange, lines: &mut Vec<Line>) {
    let place = if field.place.is_empty() { String::new() } else { format!("      at {}", field.place) };
    match (&field.before, &field.after) {
        (Some(before), Some(after)) => match (short(before), short(after)) {
            (Some(before), Some(after)) => {
                lines.push(line(LineKind::Changed, format!("      {}: {before} -> {after}", field.path)));
            }
            _ => {
                lines.push(line(LineKind::Changed, format!("      {}:", field.path)));
                let (before, after) = (long(before), long(after));
                let diff = TextDiff::from_lines(&before, &after);
                for group in diff.grouped_ops(1) {
                    for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                        let (kind, sign) = match change.tag() {
                            ChangeTag::Delete => (LineKind::Removed, '-'),
                            ChangeTag::Insert => (LineKind::Added, '+'),
                            ChangeTag::Equal => (LineKind::Context, ' '),
                        };
                        let text = change.value().trim_end_matches('\n').to_owned();
                        lines.push(line(kind, format!("        {sign} {text}")));
                    }
                }
            }
        },
        (None, Some(after)) => value_lines(field, after, '+', LineKind::Added, lines),
        (Some(before), None) => value_lines(field, before, '-', LineKind::Removed, lines),
        (None, None) => {}
    }
    if !place.is_empty() {
        lines.push(line(LineKind::Place, place));
    }
}

fn value_lines(field: &FieldChange, value: &Node, sign: char, kind: LineKind, lines: &mut Vec<Line>) {
    if let Some(short) = short(value) {
        lines.push(line(kind, format!("      {sign} {}: {short}", field.path)));
        return;
    }
    lines.push(line(kind, format!("      {sign} {}:", field.path)));
    let text = long(value);
    let count = text.lines().count();
    for one in text.lines().take(MOST_LINES) {
        lines.push(line(kind, format!("          {one}")));
    }
    if count > MOST_LINES {
        lines.push(line(LineKind::Context, format!("          … {} more lines", count - MOST_LINES)));
    }
}

/// A value on one line, if it fits.
fn short(node: &Node) -> Option<String> {
    let text = match &node.data {
        Data::Scalar(text) if text.contains('\n') => return None,
        Data::Scalar(_) => print_sigs(node, Dialect::V3).ok()?.trim_end().to_owned(),
        _ => gitops_yaml::to_json(node, Dialect::V3).ok()?.trim_end().to_owned(),
    };
    (text.chars().count() <= SHORT).then_some(text)
}

fn long(node: &Node) -> String {
    match node.as_str() {
        Some(text) if text.ends_with('\n') => text.to_owned(),
        Some(text) => format!("{text}\n"),
        None => print_sigs(node, Dialect::V3).unwrap_or_default(),
    }
}
