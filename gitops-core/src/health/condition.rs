//! What an object's status says.

use gitops_yaml::{Dialect, Kind, Node};

/// One condition of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Condition<'a> {
    /// `Ready`
    pub kind: &'a str,
    /// `True`, `False` or `Unknown`.
    pub status: &'a str,
    /// One word for machines.
    pub reason: &'a str,
    /// The text for people.
    pub message: &'a str,
    /// Of which generation it tells, where it says so.
    pub observed_generation: Option<i64>,
}

impl Condition<'_> {
    /// Returns whether the condition holds.
    #[must_use]
    pub fn is_true(&self) -> bool {
        self.status == "True"
    }
}

/// Lists an object's conditions in their order.
pub(super) fn conditions(object: &Node) -> impl Iterator<Item = Condition<'_>> {
    let list = object.at_path(&["status", "conditions"]).and_then(Node::items).unwrap_or_default();
    list.iter().map(|one| Condition {
        kind: text(one, &["type"]).unwrap_or_default(),
        status: text(one, &["status"]).unwrap_or_default(),
        reason: text(one, &["reason"]).unwrap_or_default(),
        message: text(one, &["message"]).unwrap_or_default(),
        observed_generation: int(one, &["observedGeneration"]),
    })
}

/// Returns an object's condition of this type.
#[must_use]
pub fn condition<'a>(object: &'a Node, kind: &str) -> Option<Condition<'a>> {
    conditions(object).find(|condition| condition.kind == kind)
}

/// Returns whether an object of Flux's kinds is ready: `Ready` is true, and the status is of its current generation.
#[must_use]
pub fn is_ready(object: &Node) -> bool {
    let generation = int(object, &["metadata", "generation"]);
    let is_behind = |seen: Option<i64>| seen.is_some() && generation.is_some() && seen != generation;
    let is_true = condition(object, "Ready").is_some_and(|ready| ready.is_true());
    is_true && !is_behind(int(object, &["status", "observedGeneration"]))
}

pub(super) fn text<'a>(object: &'a Node, path: &[&str]) -> Option<&'a str> {
    object.at_path(path)?.as_str()
}

pub(super) fn int(object: &Node, path: &[&str]) -> Option<i64> {
    match object.at_path(path)?.kind(Dialect::V3) {
        Kind::Int(value) => Some(value),
        #[allow(clippy::cast_possible_truncation, reason = "the range is checked")]
        Kind::Float(value) if value.fract() == 0.0 && value.abs() < 9e15 => Some(value as i64),
        _ => None,
    }
}
