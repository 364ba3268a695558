//! Hides the values of Secrets, so that only whether they differ is seen.

use gitops_yaml::{Node, Str};

use super::super::sealed::Secrets;
use super::fields::FieldChange;

const HIDDEN: Str = Str::literal("***");
const OTHER: Str = Str::literal("*** (changed)");

/// Hides the values of a Secret; leaves everything else alone.
pub(super) fn one(object: &mut Node) {
    if object.get("kind").and_then(Node::as_str) == Some("Secret") {
        for field in ["data", "stringData"] {
            for entry in object.get_mut(field).and_then(Node::entries_mut).into_iter().flatten() {
                entry.value = Node::string(HIDDEN);
            }
        }
    }
}

/// Hides the values of two versions of a Secret; those that differ still do.
pub(super) fn pair(before: &mut Node, after: &mut Node) {
    let old = before.clone();
    one(before);
    if after.get("kind").and_then(Node::as_str) != Some("Secret") {
        return;
    }
    for field in ["data", "stringData"] {
        for entry in after.get_mut(field).and_then(Node::entries_mut).into_iter().flatten() {
            let key = entry.key.as_str().unwrap_or_default();
            let same = old.at_path(&[field, key]).and_then(Node::as_str) == entry.value.as_str();
            let is_new = old.at_path(&[field, key]).is_none();
            entry.value = Node::string(if same || is_new { HIDDEN } else { OTHER });
        }
    }
}

/// Hides decrypted values in both sides of a field; those that differ still do.
pub(super) fn field(change: &mut FieldChange, secrets: &Secrets) {
    let differs = change.before.is_some() && change.after.is_some();
    for side in [&mut change.before, &mut change.after].into_iter().flatten() {
        secrets.hide_below(side);
    }
    let text = |side: &Option<Node>| side.as_ref().and_then(Node::as_str).map(str::to_owned);
    let (before, after) = (text(&change.before), text(&change.after));
    if differs && before.is_some() && before == after {
        change.after = after.map(|after| Node::string(format!("{after} (changed)")));
    }
}
