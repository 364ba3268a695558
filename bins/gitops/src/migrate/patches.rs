//! `patchesStrategicMerge` and `patchesJson6902` of a Kustomization become items of `patches`.

use super::edits::{Edits, Field, column_of, line_of};
use gitops_yaml::{Dialect, Entry, FileId, Kind, Node, ReadOptions, Style, print_sigs, read_document};
use std::ops::Range;

const MERGES: &str = "patchesStrategicMerge";
const OPERATIONS: &str = "patchesJson6902";

/// Returns all patches of a specification, whatever the form in which they are written.
pub(super) fn all(spec: &Node) -> Vec<String> {
    let printed = |node: &Node| print_sigs(node, Dialect::Yaml11).unwrap_or_default();
    let read = |node: &Node| match node.as_str() {
        Some(text) => {
            let read = read_document(text.as_bytes(), FileId::NONE, &ReadOptions::yaml11());
            read.ok().flatten().map_or_else(|| text.to_owned(), |document| printed(&document.root))
        }
        None => printed(node),
    };
    let written = |item: &Node| -> Vec<String> {
        let body = item.get("patch").map(read);
        let others = item.entries().unwrap_or_default().iter();
        let others = others.filter(|entry| entry.key.as_str() != Some("patch"));
        body.into_iter().chain(others.map(|entry| printed(&entry.value))).collect()
    };
    let merges = items_of(Field::of(spec, MERGES)).map(read);
    let patches = items_of(Field::of(spec, "patches")).flat_map(written);
    merges.chain(patches).chain(items_of(Field::of(spec, OPERATIONS)).flat_map(written)).collect()
}

/// Rewrites both lists; merges come before the patches that are there, and operations behind them, in kustomize's order.
pub(super) fn migrate(edits: &mut Edits<'_>, spec: &Node) {
    let (merges, operations) = (Field::of(spec, MERGES), Field::of(spec, OPERATIONS));
    let patches = Field::of(spec, "patches");
    let Some(first) = merges.or(operations) else { return };
    for field in [merges, operations].into_iter().flatten() {
        if !field.value().is_sequence() && field.value().kind(Dialect::Yaml11) != Kind::Null {
            edits.leave(&field.entry.key, "it is no list: write it as patches");
            return;
        }
    }
    let is_done = if first.is_in_flow() {
        in_flow(edits, merges, operations, patches)
    } else {
        in_block(edits, merges, operations, patches).is_some()
    };
    for field in [merges, operations].into_iter().flatten() {
        let name = field.entry.key.as_str().unwrap_or_default();
        if is_done {
            edits.say(&field.entry.key, format!("{name} -> patches"));
        } else {
            edits.leave(&field.entry.key, format!("{name} was removed: write it as patches"));
        }
    }
}

fn in_flow(
    edits: &mut Edits<'_>,
    merges: Option<Field<'_>>,
    operations: Option<Field<'_>>,
    patches: Option<Field<'_>>,
) -> bool {
    let before = items_of(merges).map(|item| merge(edits, item));
    let there = items_of(patches).cloned();
    let behind = items_of(operations).map(|item| operation(edits, item));
    let all = Node::sequence(before.chain(there).chain(behind).collect());
    let fields: Vec<Field<'_>> = [patches, merges, operations].into_iter().flatten().collect();
    let Some((kept, gone)) = fields.split_first() else { return false };
    gone.iter().all(|field| edits.remove(field)) && edits.replace(kept, &[("patches", all)])
}

fn in_block(
    edits: &mut Edits<'_>,
    merges: Option<Field<'_>>,
    operations: Option<Field<'_>>,
    patches: Option<Field<'_>>,
) -> Option<()> {
    let there = patches.filter(|field| !items_of(Some(*field)).as_slice().is_empty());
    if there.is_some_and(|field| field.value().style == Style::Flow) {
        return None;
    }
    // Dashes stand where those of the list do that stays.
    let model = there.or(merges).or(operations)?;
    let dash = dash_of(edits, model).unwrap_or(column_of(&model.entry.key) + 2);
    let before = items(edits, merges, dash, Form::Merge)?;
    let behind = items(edits, operations, dash, Form::Operations)?;
    if let Some(there) = there {
        let lines = edits.lines_of(&there)?;
        let first = line_of(items_of(Some(there)).as_slice().first()?);
        for field in [merges, operations].into_iter().flatten() {
            let gone = edits.lines_of(&field)?;
            edits.put(gone, String::new());
        }
        edits.put(first..first, before);
        edits.put(lines.end..lines.end, behind);
        return Some(());
    }
    let kept = merges.or(operations)?;
    let lines = edits.lines_of(&kept)?;
    let other = if merges.is_some() { operations } else { None };
    let gone = other.into_iter().chain(patches);
    for field in gone {
        let gone = edits.lines_of(&field)?;
        edits.put(gone, String::new());
    }
    // The key's own line stays, with its comment.
    edits.rename(&kept, "patches");
    let is_short = kept.value().style == Style::Flow || !kept.value().is_sequence();
    if is_short {
        let indent = " ".repeat(column_of(&kept.entry.key));
        let head = format!("{indent}patches:{}", edits.newline());
        edits.put(lines, head + &before + &behind);
    } else {
        edits.put(lines.start + 1..lines.end, before + &behind);
    }
    Some(())
}

fn items_of<'n>(field: Option<Field<'n>>) -> std::slice::Iter<'n, Node> {
    field.and_then(|field| field.value().items()).unwrap_or_default().iter()
}

/// Returns the column of a list's dashes.
fn dash_of(edits: &Edits<'_>, field: Field<'_>) -> Option<usize> {
    let line = edits.line(line_of(field.value().items()?.first()?));
    let content = line.trim_start_matches(' ');
    content.starts_with("- ").then(|| line.len() - content.len())
}

/// What the items of a list are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Merge,
    Operations,
}

/// Writes the items of a list of old form as items of `patches`, with the comments within and between them.
fn items(edits: &Edits<'_>, field: Option<Field<'_>>, dash: usize, form: Form) -> Option<String> {
    let mut text = String::new();
    let Some(field) = field else { return Some(text) };
    let all = field.value().items().unwrap_or_default();
    if field.value().style == Style::Flow {
        for item in all {
            let node = if form == Form::Merge { merge(edits, item) } else { operation(edits, item) };
            text.push_str(&edits.indented(dash, &edits.print(&Node::sequence(vec![node]))));
        }
        return Some(text);
    }
    let lines = edits.lines_of(&field)?;
    let own_dash = dash_of(edits, field)?;
    let starts: Vec<usize> = all.iter().map(line_of).collect();
    let first = *starts.first()?;
    text.push_str(&edits.indented(dash, &dedented(edits, lines.start + 1..first, own_dash)));
    for (at, item) in all.iter().enumerate() {
        let next = starts.get(at + 1).copied().unwrap_or(lines.end);
        let end = edits.end_of(starts[at], own_dash, false).min(next);
        let body = own_dash + 2 + gap(edits.line(starts[at]).get(own_dash + 1..)?);
        let written = match form {
            Form::Merge if item.style == Style::Flow => None,
            Form::Merge => Some(edits.indented(4, &dedented(edits, starts[at]..end, body))),
            Form::Operations => operations_in_place(edits, item, starts[at]..end, body),
        };
        let written = match (written, form) {
            (Some(body), Form::Merge) => format!("- patch: |{}{body}", edits.newline()),
            (Some(item), Form::Operations) => item,
            (None, Form::Merge) => edits.print(&Node::sequence(vec![merge(edits, item)])),
            (None, Form::Operations) => edits.print(&Node::sequence(vec![operation(edits, item)])),
        };
        text.push_str(&edits.indented(dash, &written));
        // Comments before the next item.
        text.push_str(&edits.indented(dash, &dedented(edits, end..next, own_dash)));
    }
    Some(text)
}

/// The blanks behind a dash, but for the first.
fn gap(behind_dash: &str) -> usize {
    (behind_dash.len() - behind_dash.trim_start_matches(' ').len()).saturating_sub(1)
}

/// Returns lines without their first blanks, the dash of the first among them.
fn dedented(edits: &Edits<'_>, lines: Range<usize>, column: usize) -> String {
    lines
        .map(|line| {
            let line = edits.line(line);
            let blanks = line.len() - line.trim_start_matches([' ', '-']).len();
            let blanks = if line.trim_start().starts_with("- ") {
                blanks
            } else {
                line.len() - line.trim_start_matches(' ').len()
            };
            line.get(blanks.min(column)..).unwrap_or_default().to_owned()
        })
        .collect()
}

/// Writes an item of operations with its list as text; its other lines stay.
fn operations_in_place(edits: &Edits<'_>, item: &Node, lines: Range<usize>, column: usize) -> Option<String> {
    let patch = Field::of(item, "patch")?;
    if item.style == Style::Flow || !patch.value().is_sequence() || patch.value().style == Style::Flow {
        return None;
    }
    let (key, value) = (line_of(&patch.entry.key), line_of(patch.value()));
    if value <= key {
        return None;
    }
    let end = edits.end_of(key, column, true);
    // The operations must stand deeper than their key.
    let deeper = if column_of(patch.value()) <= column { "  " } else { "" };
    let mut text = String::new();
    for line in lines.clone() {
        let content = dedented(edits, line..line + 1, column);
        let content = content.trim_end_matches(['\n', '\r']);
        let content = if line == key {
            let (name, rest) = content.split_once(':')?;
            format!("{name}: |{rest}")
        } else if (key + 1..end).contains(&line) && !content.trim().is_empty() {
            format!("{deeper}{content}")
        } else {
            content.to_owned()
        };
        let lead = if line == lines.start { "- " } else { "  " };
        let lead = if content.trim().is_empty() { "" } else { lead };
        text.push_str(&format!("{lead}{content}\n"));
    }
    Some(text)
}

/// An item of `patches` for an object to merge.
fn merge(edits: &Edits<'_>, item: &Node) -> Node {
    let text = match item.as_str() {
        Some(text) => text.to_owned(),
        None => edits.print(&item.clone().styled(Style::Default)),
    };
    Node::mapping(vec![Entry { key: Node::string("patch"), value: literal(&text) }])
}

/// An item of `patches` for operations.
fn operation(edits: &Edits<'_>, item: &Node) -> Node {
    let as_text = |entry: &Entry| {
        if entry.key.as_str() != Some("patch") || entry.value.is_scalar() {
            return entry.clone();
        }
        let text = edits.print(&entry.value.clone().styled(Style::Default));
        Entry { key: entry.key.clone(), value: literal(&text) }
    };
    Node::mapping(item.entries().unwrap_or_default().iter().map(as_text).collect())
}

fn literal(text: &str) -> Node {
    Node::string(text).styled(Style::Literal)
}
