//! The walk itself, with the rules of go-yaml v2 and v3 for keys, merges and types.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::anchors::{Anchors, MAX_DEPTH, too_deep};
use super::go_syntax::go_syntax;
use super::printed::{folded_again, is_quoted_by_v3};
use super::{Tree, diagnose};
use crate::go_float::go_float32;
use crate::json::{binary_bytes, lossy_text, unsupported_float, unsupported_key};
use crate::print::sort_by_order;
use crate::resolve::is_plain_string;
use crate::timestamp::Timestamp;
use crate::{Data, Dialect, Entry, Error, ErrorKind, Kind, Node, Style, Tag};

/// Takes the values of a tree, piece by piece, as Go would decode them: [`visit_values`].
///
/// A mapping is `begin_map`, then `key` and its value for each entry, then `end`; a sequence `begin_seq`, its items,
/// `end`.
pub trait ValueSink {
    /// The order in which a mapping's entries come; by the bytes of their keys unless defined otherwise. It need not
    /// be a total order.
    #[must_use]
    fn order(a: &str, b: &str) -> Ordering {
        a.cmp(b)
    }
    /// Begins a mapping.
    fn begin_map(&mut self);
    /// Names the value that follows. No key comes twice in one mapping.
    fn key(&mut self, key: &str);
    /// Begins a sequence.
    fn begin_seq(&mut self);
    /// Ends the mapping or sequence that was begun last.
    fn end(&mut self);
    /// Takes a string.
    fn str(&mut self, value: &str);
    /// Takes what `!!binary` stood for, which may be no UTF-8; as a string with U+FFFD unless defined otherwise.
    fn binary(&mut self, value: &[u8]) {
        self.str(&lossy_text(value));
    }
    /// Takes an integer.
    fn int(&mut self, value: i64);
    /// Takes an integer above [`i64::MAX`].
    fn uint(&mut self, value: u64);
    /// Takes a float, which is finite.
    fn float(&mut self, value: f64);
    /// Takes a boolean.
    fn bool(&mut self, value: bool);
    /// Takes a null.
    fn null(&mut self);
}

/// Hands a tree's values to a sink as Go's decoder and sigs.k8s.io/yaml make them: aliases followed, merge keys
/// resolved, keys made strings, times (of [`Dialect::V3`]) and binary data made strings.
///
/// # Errors
/// What can't be decoded or JSON can't hold, in Go's words; see [`print_sigs`](crate::print_sigs).
pub fn visit_values<'a, S: ValueSink>(
    value: impl Into<Tree<'a>>,
    dialect: Dialect,
    sink: &mut S,
) -> Result<(), Error> {
    walk(value.into(), dialect, sink)
}

impl<S: ValueSink> ValueSink for &mut S {
    fn order(a: &str, b: &str) -> Ordering {
        S::order(a, b)
    }
    fn begin_map(&mut self) {
        (**self).begin_map();
    }
    fn key(&mut self, key: &str) {
        (**self).key(key);
    }
    fn begin_seq(&mut self) {
        (**self).begin_seq();
    }
    fn end(&mut self) {
        (**self).end();
    }
    fn str(&mut self, value: &str) {
        (**self).str(value);
    }
    fn binary(&mut self, value: &[u8]) {
        (**self).binary(value);
    }
    fn int(&mut self, value: i64) {
        (**self).int(value);
    }
    fn uint(&mut self, value: u64) {
        (**self).uint(value);
    }
    fn float(&mut self, value: f64) {
        (**self).float(value);
    }
    fn bool(&mut self, value: bool) {
        (**self).bool(value);
    }
    fn null(&mut self) {
        (**self).null();
    }
}

/// Takes nothing.
pub(super) struct NoSink;

impl ValueSink for NoSink {
    fn begin_map(&mut self) {}
    fn key(&mut self, _: &str) {}
    fn begin_seq(&mut self) {}
    fn end(&mut self) {}
    fn str(&mut self, _: &str) {}
    fn int(&mut self, _: i64) {}
    fn uint(&mut self, _: u64) {}
    fn float(&mut self, _: f64) {}
    fn bool(&mut self, _: bool) {}
    fn null(&mut self) {}
}

/// Walks a tree into a sink.
pub(crate) fn walk<'a, S: ValueSink>(tree: Tree<'a>, dialect: Dialect, sink: &mut S) -> Result<(), Error> {
    let mut walk = Walk::new(tree, dialect, sink);
    // Go decodes everything in the order of the text before it prints anything, and reports what it meets first.
    let result = walk.value(tree.root);
    if result.is_ok() && !walk.has_dropped_values {
        return Ok(());
    }
    match (diagnose::decoding_error(tree, dialect), result) {
        (Some(error), _) => Err(error),
        (None, result) => result,
    }
}

pub(super) struct Walk<'a, S> {
    tree: Tree<'a>,
    dialect: Dialect,
    sink: S,
    anchors: Option<Anchors<'a>>,
    /// A stack of the sorted entries of all mappings that are open, so that no mapping allocates its own.
    sorted: Vec<(&'a str, &'a Entry)>,
    sorted_scratch: Vec<(&'a str, &'a Entry)>,
    /// The same for mappings with odd keys or merges.
    entries: Vec<Pair<'a>>,
    scratch: Vec<Pair<'a>>,
    depth: usize,
    /// Whether the walk is within a flow collection.
    in_flow: bool,
    /// Whether values were passed over because their keys are written again.
    has_dropped_values: bool,
}

/// A key as a string and the value that is printed under it.
#[derive(Clone)]
pub(super) struct Pair<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) value: &'a Node,
    /// The entry that was written, `None` for one that came by a merge.
    pub(super) own: Option<&'a Node>,
}

impl<'a, S: ValueSink> Walk<'a, S> {
    pub(super) fn new(tree: Tree<'a>, dialect: Dialect, sink: S) -> Self {
        Self {
            tree,
            dialect,
            sink,
            anchors: None,
            sorted: Vec::new(),
            sorted_scratch: Vec::new(),
            entries: Vec::new(),
            scratch: Vec::new(),
            depth: 0,
            in_flow: false,
            has_dropped_values: false,
        }
    }

    /// Returns a mapping's entries with merges resolved, in the order in which Go sets them; keys may repeat.
    pub(super) fn decoded_entries(
        &mut self,
        node: &'a Node,
        written: &'a [Entry],
    ) -> Result<Vec<Pair<'a>>, Error> {
        self.entries.clear();
        self.collect(node, written, None)?;
        Ok(std::mem::take(&mut self.entries))
    }

    fn value(&mut self, node: &'a Node) -> Result<(), Error> {
        match &node.data {
            Data::Scalar(text) => self.scalar(node, text),
            Data::Sequence(items) => {
                self.deeper(node)?;
                let outer = self.enter_flow(node);
                self.sink.begin_seq();
                for item in items {
                    self.value(item)?;
                }
                self.sink.end();
                self.in_flow = outer;
                self.depth -= 1;
                Ok(())
            }
            Data::Mapping(entries) => {
                self.deeper(node)?;
                let outer = self.enter_flow(node);
                self.mapping(node, entries)?;
                self.in_flow = outer;
                self.depth -= 1;
                Ok(())
            }
            Data::Alias(_) => {
                self.deeper(node)?;
                let target = self.target(node)?;
                self.value(target)?;
                self.depth -= 1;
                Ok(())
            }
        }
    }

    /// Notes that a flow collection begins; returns whether it stands in one.
    #[inline]
    fn enter_flow(&mut self, node: &Node) -> bool {
        let outer = self.in_flow;
        self.in_flow |= node.style == Style::Flow;
        outer
    }

    fn deeper(&mut self, node: &Node) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(too_deep(node)) } else { Ok(()) }
    }

    #[inline]
    fn scalar(&mut self, node: &'a Node, text: &'a str) -> Result<(), Error> {
        if !is_string(node, text) {
            return self.typed_scalar(node, text);
        }
        if node.style == Style::Folded && self.dialect == Dialect::V3 && !self.in_flow {
            self.sink.str(&folded_again(text));
        } else {
            self.sink.str(text);
        }
        Ok(())
    }

    /// A scalar that is no string at first sight.
    fn typed_scalar(&mut self, node: &'a Node, text: &'a str) -> Result<(), Error> {
        match checked_kind(node, self.dialect)? {
            kind if kind != Kind::Str
                && self.dialect == Dialect::V3
                && is_quoted_by_v3(node, text, self.in_flow, false) =>
            {
                self.sink.str(text);
            }
            Kind::Null => self.sink.null(),
            Kind::Bool(value) => self.sink.bool(value),
            Kind::Int(value) => self.sink.int(value),
            Kind::Uint(value) => self.sink.uint(value),
            Kind::Float(value) if !value.is_finite() => return Err(unsupported_float(value, node.place)),
            Kind::Float(value) => self.sink.float(value),
            Kind::Timestamp if self.dialect == Dialect::V3 => match Timestamp::parse(text) {
                Some(time) => self.sink.str(&time_for_json(time, node)?),
                None => self.sink.str(text),
            },
            Kind::Binary => self.sink.binary(&binary_bytes(node, text)?),
            _ => self.sink.str(text),
        }
        Ok(())
    }

    pub(super) fn target(&mut self, alias: &'a Node) -> Result<&'a Node, Error> {
        let anchors = match &mut self.anchors {
            Some(anchors) => anchors,
            none => none.insert(Anchors::of(self.tree)?),
        };
        let unknown = || Error::new(ErrorKind::Alias, alias.place, "unknown anchor referenced");
        anchors.target(alias).ok_or_else(unknown)
    }

    fn mapping(&mut self, node: &'a Node, written: &'a [Entry]) -> Result<(), Error> {
        self.sink.begin_map();
        if self.sort_strings(written) {
            let start = self.sorted.len() - written.len();
            let mut at = start;
            while at < self.sorted.len() {
                let mut chosen = self.sorted[at];
                at += 1;
                while let Some(again) = self.sorted.get(at).filter(|again| again.0 == chosen.0) {
                    if self.dialect == Dialect::V3 {
                        return Err(diagnose::duplicate(&chosen.1.key, &again.1.key));
                    }
                    self.has_dropped_values = true;
                    chosen = *again;
                    at += 1;
                }
                self.sink.key(chosen.0);
                self.value(&chosen.1.value)?;
            }
            self.sorted.truncate(start);
            self.sink.end();
            return Ok(());
        }
        self.odd_mapping(node, written)
    }

    /// Puts the entries of a mapping whose keys are all strings on top of the sorted ones; returns whether they are.
    #[inline]
    fn sort_strings(&mut self, written: &'a [Entry]) -> bool {
        let start = self.sorted.len();
        for entry in written {
            match &entry.key.data {
                Data::Scalar(text) if is_string(&entry.key, text) => self.sorted.push((text, entry)),
                _ => {
                    self.sorted.truncate(start);
                    return false;
                }
            }
        }
        sort_by_order(&mut self.sorted[start..], &mut self.sorted_scratch, |a, b| S::order(a.0, b.0));
        true
    }

    /// A mapping with keys that are no strings, or with merges.
    fn odd_mapping(&mut self, node: &'a Node, written: &'a [Entry]) -> Result<(), Error> {
        let start = self.entries.len();
        self.collect(node, written, None)?;
        sort_by_order(&mut self.entries[start..], &mut self.scratch, |a, b| S::order(&a.key, &b.key));
        self.scratch.clear();
        let mut at = start;
        while at < self.entries.len() {
            let mut end = at + 1;
            while end < self.entries.len() && self.entries[end].key == self.entries[at].key {
                end += 1;
            }
            let chosen = if end == at + 1 { at } else { self.choose(at, end)? };
            let pair = &mut self.entries[chosen];
            let value = pair.value;
            self.sink.key(&pair.key);
            self.value(value)?;
            at = end;
        }
        self.entries.truncate(start);
        self.sink.end();
        Ok(())
    }

    /// Chooses among entries of the same key, which stand in the order in which they were decoded.
    fn choose(&mut self, at: usize, end: usize) -> Result<usize, Error> {
        self.has_dropped_values = true;
        match self.dialect {
            Dialect::Yaml11 => Ok(end - 1),
            Dialect::V3 => {
                let mut own = self.entries[at..end].iter().filter_map(|pair| pair.own);
                match (own.next(), own.next()) {
                    (Some(first), Some(again)) => Err(diagnose::duplicate(first, again)),
                    _ => Ok(at),
                }
            }
        }
    }

    /// Adds the entries of a mapping to the stack; `parent` is the mapping that merges it.
    fn collect(
        &mut self,
        node: &'a Node,
        written: &'a [Entry],
        parent: Option<&'a Node>,
    ) -> Result<(), Error> {
        // go-yaml v3 makes a mapping of strings where all keys are strings, and the topmost of a resource always.
        let only_strings = self.dialect == Dialect::V3 && self.depth > 1 && parent.is_none();
        let mut merges = Vec::new();
        for entry in written {
            let key = &entry.key;
            let text = match &key.data {
                Data::Scalar(text)
                    if key.tag == Tag::Str || (key.tag == Tag::Implicit && key.style != Style::Default) =>
                {
                    Cow::Borrowed(text.as_str())
                }
                _ => match self.key(key, entry, only_strings)? {
                    Key::Text(text) => text,
                    Key::Skipped => continue,
                    Key::Merge if self.dialect == Dialect::V3 => {
                        merges.push(&entry.value);
                        continue;
                    }
                    Key::Merge => {
                        self.merge(node, &entry.value)?;
                        continue;
                    }
                },
            };
            let own = parent.is_none().then_some(key);
            self.entries.push(Pair { key: text, value: &entry.value, own });
        }
        // v3 merges after all own entries, of which the first wins; v2 has merged where the key stands, and the last
        // wins.
        if let Some(again) = merges.get(1) {
            return Err(diagnose::duplicate(merges[0], again));
        }
        merges.into_iter().try_for_each(|merge| self.merge(node, merge))
    }

    fn merge(&mut self, node: &'a Node, merge: &'a Node) -> Result<(), Error> {
        self.deeper(merge)?;
        match &merge.data {
            Data::Sequence(items) => {
                // v2 steps backwards, because there the last wins.
                if self.dialect == Dialect::Yaml11 {
                    items.iter().rev().try_for_each(|item| self.merge_one(node, item))?;
                } else {
                    items.iter().try_for_each(|item| self.merge_one(node, item))?;
                }
            }
            _ => self.merge_one(node, merge)?,
        }
        self.depth -= 1;
        Ok(())
    }

    fn merge_one(&mut self, node: &'a Node, merged: &'a Node) -> Result<(), Error> {
        let merged = if matches!(merged.data, Data::Alias(_)) { self.target(merged)? } else { merged };
        match &merged.data {
            Data::Mapping(entries) => self.collect(merged, entries, Some(node)),
            _ => Err(diagnose::no_mapping_to_merge(merged)),
        }
    }

    /// Makes a string of a key that is no plain string.
    fn key(&mut self, key: &'a Node, entry: &'a Entry, only_strings: bool) -> Result<Key<'a>, Error> {
        let target = if matches!(key.data, Data::Alias(_)) { self.target(key)? } else { key };
        let Some(text) = target.as_str() else { return Err(self.collection_key(target)) };
        let kind = checked_kind(target, self.dialect)?;
        let text = match (self.dialect, kind) {
            (_, Kind::Str) if !(only_strings && target.tag == Tag::Custom) => Cow::Borrowed(text),
            (Dialect::V3, _) if is_quoted_by_v3(target, text, self.in_flow, true) => Cow::Borrowed(text),
            (_, Kind::Merge) if std::ptr::eq(target, key) => return Ok(Key::Merge),
            (_, Kind::Merge) => Cow::Borrowed(text),
            (_, Kind::Binary) if !only_strings => Cow::Owned(lossy_text(&binary_bytes(target, text)?)),
            (Dialect::V3, _) if only_strings => {
                let message = "unsupported type: map[interface {}]interface {}";
                let error = Error::new(ErrorKind::Json, key.place, format!("json: {message}"));
                return Err(error.with_hint(format!("put the key `{text}` in quotes")));
            }
            (Dialect::V3, Kind::Null) => return Ok(Key::Skipped),
            (Dialect::V3, _) => Cow::Borrowed(text),
            (Dialect::Yaml11, Kind::Int(value)) => Cow::Owned(value.to_string()),
            (Dialect::Yaml11, Kind::Float(value)) => Cow::Owned(go_float32(value)),
            (Dialect::Yaml11, Kind::Bool(value)) => Cow::Borrowed(if value { "true" } else { "false" }),
            (Dialect::Yaml11, Kind::Null | Kind::Uint(_)) => {
                let shown = go_syntax(&entry.value, self.dialect, self.anchors.as_ref(), self.in_flow);
                return Err(unsupported_key(kind, &shown, key.place));
            }
            (Dialect::Yaml11, _) => Cow::Borrowed(text),
        };
        Ok(Key::Text(text))
    }

    fn collection_key(&mut self, key: &'a Node) -> Error {
        let shown = go_syntax(key, self.dialect, None, self.in_flow);
        Error::new(ErrorKind::Value, key.place, format!("invalid map key: {shown}"))
    }
}

enum Key<'a> {
    Text(Cow<'a, str>),
    Merge,
    /// Decoded into nothing: a null key of a mapping whose keys must be strings.
    Skipped,
}

/// Whether a scalar is a string, seen at a glance.
#[inline]
fn is_string(node: &Node, text: &str) -> bool {
    match node.tag {
        Tag::Str => true,
        Tag::Implicit => node.style != Style::Default || is_plain_string(text),
        _ => false,
    }
}

pub(super) fn checked_kind(node: &Node, dialect: Dialect) -> Result<Kind, Error> {
    node.checked_kind(dialect).map_err(|mismatch| {
        let text = node.as_str().unwrap_or_default();
        let message = format!("cannot decode {} `{text}` as a {}", mismatch.found, mismatch.wanted);
        Error::new(ErrorKind::Value, node.place, message)
    })
}

fn time_for_json(time: Timestamp, node: &Node) -> Result<String, Error> {
    if time.fits_json() {
        return Ok(time.to_string());
    }
    let message = "json: error calling MarshalJSON for type time.Time: \
                   Time.MarshalJSON: timezone hour outside of range [0,23]";
    Err(Error::new(ErrorKind::Json, node.place, message))
}
