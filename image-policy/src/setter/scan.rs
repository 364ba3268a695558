//! Finds the markers of a file, and those that were meant to be markers.

use super::marker::{self, Marker, MarkerProblem};
use crate::ObjectId;
use gitops_yaml::{Data, Entry, Node, Place, ScalarSite, Style};
use std::collections::HashSet;
use std::fmt::Write;

/// A scalar whose comment is, or means to be, a marker.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) place: Place,
    /// Where its text ends, where that is known: the line of the place otherwise.
    pub(super) last_line: u32,
    /// The object that holds it.
    pub(super) object: ObjectId,
    /// The way to it from the document's root, as `.spec.containers[0].image`.
    pub(super) path: String,
    pub(super) value: String,
    /// The comment as it is written.
    pub(super) comment: String,
    pub(super) marker: Result<Marker, MarkerProblem>,
}

/// Finds the scalars of a document that have a marker, in the order of the text.
///
/// As in Flux, a marker is the comment on the scalar's line or, where there is none, the comment above it; the latter
/// exists only for items of a list, as a comment above `key: value` belongs to the key.
pub(super) fn sites(root: &Node, reach: Reach) -> Vec<Site> {
    let mut walk = Walk { sites: Vec::new(), path: String::new(), object: object_id(root), reach };
    walk.document(root);
    walk.sites
}

/// Which values of a mapping are seen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// All.
    All,
    /// Those that kyaml finds by their key: of several with one key the first, and keys that are no scalars count as
    /// one and the same.
    ByKey,
}

struct Walk {
    sites: Vec<Site>,
    path: String,
    object: ObjectId,
    reach: Reach,
}

impl Walk {
    /// The items of a `kind: List` are objects of their own.
    fn document(&mut self, root: &Node) {
        let items = match self.object.kind.as_str() {
            "List" | "ResourceList" => root.get("items").and_then(Node::items),
            _ => None,
        };
        let (Some(items), Some(entries)) = (items, root.entries()) else { return self.node(root) };
        let list = self.object.clone();
        for entry in entries {
            if entry.key.as_str() != Some("items") {
                self.entry(&entry.key, &entry.value);
                continue;
            }
            for (index, item) in items.iter().enumerate() {
                self.object = object_id(item);
                self.step(|path| write!(path, ".items[{index}]"), item);
            }
            self.object = list.clone();
        }
    }

    fn node(&mut self, node: &Node) {
        match &node.data {
            Data::Mapping(entries) => {
                let mut seen = HashSet::new();
                for Entry { key, value } in entries {
                    if self.reach == Reach::All || seen.insert(key_name(key)) {
                        self.entry(key, value);
                    }
                }
            }
            Data::Sequence(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.step(|path| write!(path, "[{index}]"), item);
                }
            }
            Data::Scalar(value) => self.scalar(node, value),
            Data::Alias(_) => {}
        }
    }

    fn entry(&mut self, key: &Node, value: &Node) {
        self.step(|path| write!(path, ".{}", key.as_str().unwrap_or("?")), value);
    }

    fn step(&mut self, name: impl FnOnce(&mut String) -> std::fmt::Result, child: &Node) {
        let length = self.path.len();
        // Writing to a String never fails.
        let _ = name(&mut self.path);
        self.node(child);
        self.path.truncate(length);
    }

    fn scalar(&mut self, node: &Node, value: &str) {
        let Some(comments) = node.comments() else { return };
        let comment = if comments.line.is_empty() { &comments.head } else { &comments.line };
        let marker = match marker::read(comment) {
            Ok(None) => return,
            Ok(Some(marker)) => Ok(marker),
            Err(problem) => Err(problem),
        };
        self.sites.push(Site {
            place: node.place,
            last_line: node.place.line,
            object: self.object.clone(),
            path: self.path.clone(),
            value: value.to_owned(),
            comment: comment.to_string(),
            marker,
        });
    }
}

fn key_name(key: &Node) -> &str {
    match &key.data {
        Data::Scalar(name) | Data::Alias(name) => name,
        Data::Mapping(_) | Data::Sequence(_) => "",
    }
}

pub(super) fn object_id(root: &Node) -> ObjectId {
    let text = |path: &[&str]| root.at_path(path).and_then(text_of).unwrap_or_default().to_owned();
    ObjectId {
        api_version: text(&["apiVersion"]),
        kind: text(&["kind"]),
        name: text(&["metadata", "name"]),
        namespace: text(&["metadata", "namespace"]),
    }
}

/// A scalar's text; `None` for null.
fn text_of(node: &Node) -> Option<&str> {
    let text = node.as_str()?;
    let is_null = node.style == Style::Default && matches!(text, "" | "~" | "null" | "Null" | "NULL");
    (!is_null).then_some(text)
}

/// A comment, or what looks like one, that means to be a marker and sets nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stray {
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) problem: MarkerProblem,
}

/// Finds what looks like a marker in the text and stands on no scalar. The scalars are all of the text, in its order.
pub(super) fn strays(text: &str, sites: &[Site], scalars: &[ScalarSite]) -> Vec<Stray> {
    let mut found: Vec<Stray> = Vec::new();
    let mut lines = Lines { text, start: 0, number: 1 };
    for at in marker::traces(text.as_bytes()) {
        let (number, line, start) = lines.around(at);
        let Some(hash) = line.get(..at - start).and_then(|before| before.find('#')) else { continue };
        let comment = &line[hash..];
        if !marker::mentions_policies(comment) || found.last().is_some_and(|last| last.line == number) {
            continue;
        }
        let around = scalars.partition_point(|scalar| scalar.bytes.start <= at).checked_sub(1);
        let around = around.and_then(|index| scalars.get(index));
        let problem = match around {
            Some(scalar) if is_block(scalar) && at < scalar.bytes.end && number > scalar.place.line => {
                MarkerProblem::InBlockScalar
            }
            // Quoted text that happens to look like a marker.
            Some(scalar) if !is_block(scalar) && start + hash < scalar.bytes.end => continue,
            _ if stands_on_a_site(number, comment, sites) => continue,
            _ if line.trim_start().starts_with('#') => MarkerProblem::OwnLine,
            _ => MarkerProblem::NotOnAScalar,
        };
        let column = u32::try_from(line[..hash].chars().count() + 1).unwrap_or(u32::MAX);
        found.push(Stray { line: number, column, problem });
    }
    found
}

fn is_block(scalar: &ScalarSite) -> bool {
    matches!(scalar.style, Style::Literal | Style::Folded)
}

/// Returns whether a comment is that of a site: above it, or behind its first or last line.
fn stands_on_a_site(line: u32, comment: &str, sites: &[Site]) -> bool {
    let upto = sites.partition_point(|site| site.place.line <= line.saturating_add(1));
    let is_part = |known: &str| comment.trim_end().ends_with(known.trim_end());
    sites[..upto].iter().rev().take(2).any(|site| {
        (site.place.line.saturating_sub(1)..=site.last_line).contains(&line)
            && site.comment.lines().any(is_part)
    })
}

/// Steps forward through the lines of a text.
struct Lines<'t> {
    text: &'t str,
    start: usize,
    number: u32,
}

impl<'t> Lines<'t> {
    /// Returns number, text and start of the line around a byte that is not before the last one asked for.
    fn around(&mut self, at: usize) -> (u32, &'t str, usize) {
        let skipped = &self.text.as_bytes()[self.start..at];
        if let Some(last) = memchr::memrchr(b'\n', skipped) {
            let breaks = memchr::memchr_iter(b'\n', skipped).count();
            self.number = self.number.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
            self.start += last + 1;
        }
        let rest = &self.text[self.start..];
        let end = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        (self.number, &rest[..end], self.start)
    }
}
