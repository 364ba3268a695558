//! Documents as they come back from JSON: without comments, every scalar in one form.

use gitops_yaml::{Dialect, Kind, Node, Place, Str, Style, Tag, folded_again, go_float, resolve};

/// Brings a document, read as go-yaml v3 does, into the form in which it returns from JSON. Places stay.
pub(super) fn settle(node: &mut Node) {
    settle_as(node, Dialect::V3);
}

/// Returns a copy of a value in the form in which it returns from JSON.
pub(super) fn value_of(node: &Node, dialect: Dialect) -> Node {
    let mut node = node.clone();
    settle_as(&mut node, dialect);
    node
}

/// Integers beyond this lose digits on their way through a float.
const EXACT: u64 = 1 << 53;

fn settle_as(node: &mut Node, dialect: Dialect) {
    node.clear_comments();
    node.set_anchor("");
    if let Some(items) = node.items_mut() {
        items.iter_mut().for_each(|item| settle_as(item, dialect));
        return;
    }
    if let Some(entries) = node.entries_mut() {
        for entry in entries {
            // Keys become text, whatever they were.
            entry.key.clear_comments();
            let kind = entry.key.kind(dialect);
            if dialect == Dialect::Yaml11 && kind != Kind::Str {
                settle_as(&mut entry.key, dialect);
                entry.key.tag = Tag::Str;
            }
            settle_as(&mut entry.value, dialect);
        }
        return;
    }
    let place = node.place;
    #[allow(clippy::cast_precision_loss, reason = "encoding/json does the same")]
    let settled = match node.kind(dialect) {
        Kind::Null => Node::null(),
        Kind::Bool(value) => Node::bool(value),
        Kind::Int(value) if value.unsigned_abs() > EXACT => float(value as f64),
        Kind::Int(value) => Node::plain(value.to_string()),
        Kind::Uint(value) => float(value as f64),
        Kind::Float(value) if value.is_finite() => float(value),
        Kind::Str | Kind::Timestamp if dialect == Dialect::Yaml11 => {
            text(node.scalar().cloned().unwrap_or_default())
        }
        // On its way to JSON a document is printed, which changes what folded scalars hold.
        Kind::Str if node.style == Style::Folded => text(folded_again(node.as_str().unwrap_or_default())),
        Kind::Str => text(node.scalar().cloned().unwrap_or_default()),
        _ => return,
    };
    *node = settled.at(place);
}

fn float(value: f64) -> Node {
    Node::plain(go_float(value))
}

fn text(text: Str) -> Node {
    let style = if resolve(&text, Dialect::V3) != Kind::Str {
        Style::DoubleQuoted
    } else if text.contains('\n') {
        Style::Literal
    } else {
        Style::Default
    };
    let tag = if style == Style::Default { Tag::Str } else { Tag::Implicit };
    let mut node = Node::plain(text).styled(style).at(Place::NONE);
    node.tag = tag;
    node
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &Node, dialect: Dialect, text: &str, kind: Kind) {
        let after = value_of(before, dialect);
        assert_eq!((after.as_str(), after.kind(Dialect::V3)), (Some(text), kind));
    }

    #[test]
    fn folded_text_is_printed_once_more_on_its_way() {
        let folded = |text: &str| value_of(&Node::string(text).styled(Style::Folded), Dialect::V3);
        assert_eq!(folded("x\n\n  y").as_str(), Some("x\n\n\n  y"));
        let once = folded("one two\n\n  indented\n\nthree\nfour\n");
        assert_eq!(once.as_str(), Some("one two\n\n\n  indented\n\nthree\nfour\n"));
        assert_eq!(value_of(&once, Dialect::V3).as_str(), once.as_str());
        assert_eq!(folded("plain text\n").as_str(), Some("plain text\n"));
    }

    #[test]
    fn scalars_take_the_type_they_have_where_they_were_written() {
        check(&Node::plain("yes"), Dialect::Yaml11, "true", Kind::Bool(true));
        check(&Node::plain("yes"), Dialect::V3, "yes", Kind::Str);
        check(&Node::plain("0777"), Dialect::V3, "511", Kind::Int(511));
        check(&Node::string("5"), Dialect::V3, "5", Kind::Str);
        check(
            &Node::plain("9007199254740993"),
            Dialect::V3,
            "9.007199254740992e+15",
            Kind::Float(9007199254740992.0),
        );
        check(&Node::plain("1.50"), Dialect::V3, "1.5", Kind::Float(1.5));
    }
}
