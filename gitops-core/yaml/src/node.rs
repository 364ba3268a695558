//! The tree that everything works on: a YAML node with its style, comments and place, cheap to move and to merge.

use crate::{Place, Str};

/// A YAML value together with how and where it was written.
///
/// A tag of [`Tag::Implicit`] on a plain scalar means "what the resolver makes of its text": ask `Node::kind`.
#[derive(Clone, Debug)]
pub struct Node {
    /// What the node holds.
    pub data: Data,
    /// Where it was read, or [`Place::NONE`]. Merges keep the place of the side that won.
    pub place: Place,
    /// How it was, or shall be, written.
    pub style: Style,
    /// The tag that was written or forced, or [`Tag::Implicit`].
    pub tag: Tag,
    extra: Option<Box<Extra>>,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub enum Data {
    /// A scalar's text after unescaping and unfolding, whatever its type.
    Scalar(Str),
    /// A sequence's items.
    Sequence(Vec<Node>),
    /// A mapping's entries in the order they were written; keys may repeat until a reader refuses it.
    Mapping(Vec<Entry>),
    /// A reference to the anchor of this name; expanded by the document that holds both.
    Alias(Str),
}

/// One key and value of a mapping.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key, nearly always a scalar.
    pub key: Node,
    /// The value.
    pub value: Node,
}

/// How a node is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Block style for collections; for scalars plain, unless the value needs quotes.
    #[default]
    Default,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
    /// `[…]` or `{…}`
    Flow,
}

/// A node's tag. The core schema's tags are named, all others stand in [`Node::custom_tag`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tag {
    /// None was written: plain scalars are resolved, quoted ones are strings.
    #[default]
    Implicit,
    /// `!!null`
    Null,
    /// `!!bool`
    Bool,
    /// `!!int`
    Int,
    /// `!!float`
    Float,
    /// `!!str`
    Str,
    /// `!!timestamp`
    Timestamp,
    /// `!!binary`
    Binary,
    /// `!!merge`
    Merge,
    /// `!!seq`
    Seq,
    /// `!!map`
    Map,
    /// Any other, in [`Node::custom_tag`].
    Custom,
}

/// The comments around a node, each with its `#` and with line breaks between several lines, as go-yaml v3 attaches
/// them: before it, at the end of its line, after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comments {
    /// Lines directly above the node.
    pub head: Str,
    /// The rest of the node's own line.
    pub line: Str,
    /// Lines below the node, before a blank line.
    pub foot: Str,
}

impl Comments {
    /// Returns whether there is no comment at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head.is_empty() && self.line.is_empty() && self.foot.is_empty()
    }
}

/// What few nodes have; boxed so that the others pay one pointer.
#[derive(Clone, Debug, Default)]
struct Extra {
    anchor: Str,
    custom_tag: Str,
    /// The tag was written in the source and is printed again (go-yaml v3's `TaggedStyle`).
    tag_is_written: bool,
    comments: Comments,
}

impl Node {
    /// Returns about how many bytes of memory the tree takes, comments left out.
    ///
    /// ```
    /// use gitops_yaml::Node;
    /// assert!(Node::string("x".repeat(1_000)).weight() > 1_000);
    /// ```
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>()
            + match &self.data {
                Data::Scalar(text) => text.len(),
                Data::Alias(_) => 0,
                Data::Sequence(items) => items.iter().map(Self::weight).sum(),
                Data::Mapping(entries) => {
                    entries.iter().map(|entry| entry.key.weight() + entry.value.weight()).sum()
                }
            }
    }

    fn of(data: Data) -> Self {
        Self { data, place: Place::NONE, style: Style::Default, tag: Tag::Implicit, extra: None }
    }

    /// Makes a plain scalar whose type the resolver decides from its text: `Node::plain("3")` is a number.
    #[must_use]
    pub fn plain(text: impl Into<Str>) -> Self {
        Self::of(Data::Scalar(text.into()))
    }

    /// Makes a string, which is quoted on output where its text would resolve to another type.
    #[must_use]
    pub fn string(text: impl Into<Str>) -> Self {
        Self { tag: Tag::Str, ..Self::plain(text) }
    }

    /// Makes a null.
    #[must_use]
    pub fn null() -> Self {
        Self { tag: Tag::Null, ..Self::plain(Str::literal("null")) }
    }

    /// Makes a boolean.
    #[must_use]
    pub fn bool(value: bool) -> Self {
        Self { tag: Tag::Bool, ..Self::plain(Str::literal(if value { "true" } else { "false" })) }
    }

    /// Makes an integer.
    #[must_use]
    pub fn int(value: i64) -> Self {
        Self { tag: Tag::Int, ..Self::plain(value.to_string()) }
    }

    /// Makes a sequence in block style.
    #[must_use]
    pub fn sequence(items: Vec<Node>) -> Self {
        Self::of(Data::Sequence(items))
    }

    /// Makes a mapping in block style.
    #[must_use]
    pub fn mapping(entries: Vec<Entry>) -> Self {
        Self::of(Data::Mapping(entries))
    }

    /// Makes an alias of the anchor of this name.
    #[must_use]
    pub fn alias(anchor: impl Into<Str>) -> Self {
        Self::of(Data::Alias(anchor.into()))
    }

    /// Returns the node with another place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// Returns the node with another style.
    #[must_use]
    pub fn styled(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// Returns the node with another tag, which is printed only where the text alone would resolve to another.
    #[must_use]
    pub fn tagged(mut self, tag: Tag) -> Self {
        self.tag = tag;
        self
    }

    /// Returns a scalar's text, whatever its type; `None` for collections and aliases.
    #[must_use]
    pub fn scalar(&self) -> Option<&Str> {
        match &self.data {
            Data::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a scalar's text, whatever its type; `None` for collections and aliases.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.scalar().map(Str::as_str)
    }

    /// Returns a sequence's items.
    #[must_use]
    pub fn items(&self) -> Option<&[Node]> {
        match &self.data {
            Data::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// Returns a sequence's items to change.
    #[must_use]
    pub fn items_mut(&mut self) -> Option<&mut Vec<Node>> {
        match &mut self.data {
            Data::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// Returns a mapping's entries.
    #[must_use]
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.data {
            Data::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// Returns a mapping's entries to change.
    #[must_use]
    pub fn entries_mut(&mut self) -> Option<&mut Vec<Entry>> {
        match &mut self.data {
            Data::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// Returns whether the node is a mapping.
    #[must_use]
    pub fn is_mapping(&self) -> bool {
        matches!(self.data, Data::Mapping(_))
    }

    /// Returns whether the node is a sequence.
    #[must_use]
    pub fn is_sequence(&self) -> bool {
        matches!(self.data, Data::Sequence(_))
    }

    /// Returns whether the node is a scalar, null included.
    #[must_use]
    pub fn is_scalar(&self) -> bool {
        matches!(self.data, Data::Scalar(_))
    }

    /// Returns the value of the first entry with this scalar key; `None` where the node is no mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?.iter().find(|entry| entry.key.as_str() == Some(key)).map(|entry| &entry.value)
    }

    /// Returns the value of the first entry with this scalar key, to change.
    #[must_use]
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let entries = self.entries_mut()?;
        entries.iter_mut().find(|entry| entry.key.as_str() == Some(key)).map(|entry| &mut entry.value)
    }

    /// Returns the node at a path of mapping keys.
    #[must_use]
    pub fn at_path(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Replaces the value of a key, or appends the key. Does nothing where the node is no mapping.
    pub fn set(&mut self, key: impl Into<Str>, value: Node) {
        let key = key.into();
        if let Some(found) = self.get_mut(&key) {
            *found = value;
        } else if let Some(entries) = self.entries_mut() {
            entries.push(Entry { key: Node::string(key), value });
        }
    }

    /// Removes the first entry with this scalar key and returns its value.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let entries = self.entries_mut()?;
        let index = entries.iter().position(|entry| entry.key.as_str() == Some(key))?;
        Some(entries.remove(index).value)
    }

    /// Returns the node's anchor, without `&`.
    #[must_use]
    pub fn anchor(&self) -> Option<&Str> {
        self.extra.as_ref().map(|extra| &extra.anchor).filter(|anchor| !anchor.is_empty())
    }

    /// Sets the node's anchor; an empty one removes it.
    pub fn set_anchor(&mut self, anchor: impl Into<Str>) {
        let anchor = anchor.into();
        if !anchor.is_empty() || self.extra.is_some() {
            self.extra.get_or_insert_default().anchor = anchor;
        }
    }

    /// Returns the tag where [`Node::tag`] is [`Tag::Custom`]: `!local` or a whole URI.
    #[must_use]
    pub fn custom_tag(&self) -> Option<&Str> {
        self.extra.as_ref().map(|extra| &extra.custom_tag).filter(|tag| !tag.is_empty())
    }

    /// Gives the node a tag of its own.
    pub fn set_custom_tag(&mut self, tag: impl Into<Str>) {
        self.tag = Tag::Custom;
        self.extra.get_or_insert_default().custom_tag = tag.into();
    }

    /// Returns whether the tag stands in the source and is printed again.
    #[must_use]
    pub fn tag_is_written(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.tag_is_written)
    }

    /// Says whether the tag is printed even where the text alone would resolve to it.
    pub fn set_tag_is_written(&mut self, written: bool) {
        if written || self.extra.is_some() {
            self.extra.get_or_insert_default().tag_is_written = written;
        }
    }

    /// Returns the node's comments, `None` where it has none.
    #[must_use]
    pub fn comments(&self) -> Option<&Comments> {
        self.extra.as_ref().map(|extra| &extra.comments).filter(|comments| !comments.is_empty())
    }

    /// Returns the node's comments to change.
    pub fn comments_mut(&mut self) -> &mut Comments {
        &mut self.extra.get_or_insert_default().comments
    }

    /// Removes comments from this node alone.
    pub fn clear_comments(&mut self) {
        if let Some(extra) = &mut self.extra {
            extra.comments = Comments::default();
        }
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Self::string(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_stays_small() {
        assert!(size_of::<Node>() <= 56, "{}", size_of::<Node>());
    }

    #[test]
    fn set_replaces_in_place_and_appends_at_the_end() {
        let mut map = Node::mapping(vec![]);
        map.set("a", Node::int(1));
        map.set("b", Node::int(2));
        map.set("a", Node::int(3));
        let keys: Vec<_> = map.entries().unwrap().iter().filter_map(|e| e.key.as_str()).collect();
        assert_eq!(keys, ["a", "b"]);
        assert_eq!(map.get("a").unwrap().as_str(), Some("3"));
    }
}
