//! Replaces aliases by what they name and resolves merge keys (`<<`), within bounds that no alias bomb passes.

use std::collections::HashMap;

use crate::{Data, Document, Entry, Error, ErrorKind, Limits, Node, Place, Str, Style, Tag};

/// Which library's rule resolves merge keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeRule {
    /// kyaml's: a mapping's own keys win and come first, merged keys follow.
    OwnKeysWin,
    /// go-yaml v2's, beneath sigs.k8s.io/yaml: entries are set in the order they are written and the last one wins, so
    /// that a merge overrides the keys above it.
    LastWins,
}

impl Document {
    /// Replaces every alias by a copy of what its anchor names, and removes the anchors.
    ///
    /// Merge keys stay, with the mappings that their aliases named as values; see [`Document::expand_merge_keys`].
    ///
    /// ```
    /// use gitops_yaml::{FileId, Limits, ReadOptions, read_stream};
    /// let text = b"a: &x [1, 2]\nb: *x\n";
    /// let mut documents = read_stream(text, FileId::NONE, &ReadOptions::v3()).unwrap();
    /// documents[0].expand_aliases(&Limits::default()).unwrap();
    /// assert_eq!(documents[0].root.get("b").unwrap().items().unwrap().len(), 2);
    /// ```
    ///
    /// # Errors
    /// When an anchor's value contains itself or the copies pass the limits (`document contains excessive aliasing`).
    pub fn expand_aliases(&mut self, limits: &Limits) -> Result<(), Error> {
        self.expand(None, limits)
    }

    /// Replaces every alias and merge key (`<<: *base`) by the entries that they stand for, and removes the anchors:
    /// [`Document::expand_aliases`] and merging in one.
    ///
    /// # Errors
    /// As [`Document::expand_aliases`], and where a merge key holds something that is no mapping.
    pub fn expand_merge_keys(&mut self, rule: MergeRule, limits: &Limits) -> Result<(), Error> {
        self.expand(Some(rule), limits)
    }

    fn expand(&mut self, rule: Option<MergeRule>, limits: &Limits) -> Result<(), Error> {
        let mut expander = Expander::new(rule, limits);
        for (name, node) in std::mem::take(&mut self.earlier_anchors) {
            let size = measure(&node);
            expander.anchors.insert(name, Anchor::Done { node, size });
        }
        expander.expand(&mut self.root, 0)?;
        Ok(())
    }
}

/// Finds what anchors of earlier documents name, where a later one refers to them.
pub(crate) fn find_anchors(
    documents: &[Document],
    names: &[Str],
    limits: &Limits,
) -> Result<Vec<(Str, Node)>, Error> {
    let mut expander = Expander::new(None, limits);
    for document in documents {
        for (name, node) in &document.earlier_anchors {
            let size = measure(node);
            expander.anchors.insert(name.clone(), Anchor::Done { node: node.clone(), size });
        }
        expander.expand(&mut document.root.clone(), 0)?;
    }
    let mut found = Vec::new();
    for name in names {
        if let Some(Anchor::Done { node, .. }) = expander.anchors.remove(name) {
            found.push((name.clone(), node));
        }
    }
    Ok(found)
}

/// How many nodes a tree holds and how deep it is.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    nodes: usize,
    depth: usize,
}

fn measure(node: &Node) -> Size {
    let mut size = Size { nodes: 1, depth: 0 };
    let mut add = |child: &Node| {
        let child = measure(child);
        size.nodes += child.nodes;
        size.depth = size.depth.max(child.depth + 1);
    };
    match &node.data {
        Data::Scalar(_) | Data::Alias(_) => {}
        Data::Sequence(items) => items.iter().for_each(add),
        Data::Mapping(entries) => entries.iter().for_each(|entry| {
            add(&entry.key);
            add(&entry.value);
        }),
    }
    size
}

#[derive(Debug)]
enum Anchor {
    /// The node with this number carries the anchor and is still being expanded.
    Open(usize),
    Done {
        node: Node,
        size: Size,
    },
}

struct Expander<'l> {
    rule: Option<MergeRule>,
    limits: &'l Limits,
    anchors: HashMap<Str, Anchor>,
    /// All nodes so far, and how many of them came from aliases.
    nodes: usize,
    alias_nodes: usize,
    /// How many nodes were copied to remember what anchors name.
    remembered: usize,
}

impl<'l> Expander<'l> {
    fn new(rule: Option<MergeRule>, limits: &'l Limits) -> Self {
        Self { rule, limits, anchors: HashMap::new(), nodes: 0, alias_nodes: 0, remembered: 0 }
    }

    /// Expands a node in place. The recursion is as deep as the tree, which the limits bound.
    fn expand(&mut self, node: &mut Node, depth: usize) -> Result<Size, Error> {
        self.nodes += 1;
        let number = self.nodes;
        let anchor = node.anchor().cloned();
        if let Some(name) = &anchor {
            node.set_anchor(Str::EMPTY);
            self.anchors.insert(name.clone(), Anchor::Open(number));
        }
        if depth > self.limits.depth {
            return Err(too_deep(node.place, self.limits));
        }
        let mut size = Size { nodes: 1, depth: 0 };
        let mut merges = Vec::new();
        match &mut node.data {
            Data::Scalar(_) => {}
            Data::Alias(name) => {
                let name = name.clone();
                return self.replace_alias(node, &name, depth);
            }
            Data::Sequence(items) => {
                for item in items {
                    let child = self.expand(item, depth + 1)?;
                    size.nodes += child.nodes;
                    size.depth = size.depth.max(child.depth + 1);
                }
            }
            Data::Mapping(entries) => {
                for (at, entry) in entries.iter_mut().enumerate() {
                    if self.rule.is_some() && is_merge_key(&entry.key) {
                        merges.push((at, MergeValue::of(&entry.value)));
                    }
                    for child in [&mut entry.key, &mut entry.value] {
                        let child = self.expand(child, depth + 1)?;
                        size.nodes += child.nodes;
                        size.depth = size.depth.max(child.depth + 1);
                    }
                }
            }
        }
        if let (Some(rule), false) = (self.rule, merges.is_empty()) {
            merge(node, &merges, rule)?;
            size = measure(node);
        }
        if let Some(name) = anchor
            && matches!(self.anchors.get(&name), Some(Anchor::Open(open)) if *open == number)
        {
            // Nested anchors remember what they hold once each: bounded, or the copies would grow with the square.
            self.remembered += size.nodes;
            if self.remembered > self.limits.alias_nodes.saturating_add(self.nodes) {
                return Err(excessive(node.place));
            }
            self.anchors.insert(name, Anchor::Done { node: node.clone(), size });
        }
        Ok(size)
    }

    fn replace_alias(&mut self, node: &mut Node, name: &Str, depth: usize) -> Result<Size, Error> {
        let place = node.place;
        match self.anchors.get(name) {
            None => Err(Error::new(ErrorKind::Alias, place, format!("unknown anchor '{name}' referenced"))),
            Some(Anchor::Open(_)) => {
                Err(Error::new(ErrorKind::Alias, place, format!("anchor '{name}' value contains itself")))
            }
            Some(Anchor::Done { node: target, size }) => {
                self.nodes += size.nodes;
                self.alias_nodes += size.nodes;
                if self.alias_nodes > self.limits.alias_nodes || is_excessive(self.alias_nodes, self.nodes) {
                    return Err(excessive(place));
                }
                if depth + size.depth > self.limits.depth {
                    return Err(too_deep(place, self.limits));
                }
                *node = target.clone();
                Ok(*size)
            }
        }
    }
}

/// Go's rule: small documents may come from aliases by 99 %, very large ones by 10 %.
fn is_excessive(alias_nodes: usize, nodes: usize) -> bool {
    const LOW: f64 = 400_000.0;
    const HIGH: f64 = 4_000_000.0;
    if alias_nodes <= 100 || nodes <= 1000 {
        return false;
    }
    #[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    let (alias_nodes, nodes) = (alias_nodes as f64, nodes as f64);
    let allowed = 0.99 - 0.89 * ((nodes.clamp(LOW, HIGH) - LOW) / (HIGH - LOW));
    alias_nodes / nodes > allowed
}

fn excessive(place: Place) -> Error {
    Error::new(ErrorKind::Limit, place, "document contains excessive aliasing")
}

fn too_deep(place: Place, limits: &Limits) -> Error {
    Error::new(ErrorKind::Limit, place, format!("exceeded max depth of {}", limits.depth))
}

// ---- merge keys ----

/// Returns whether a key is `<<`, unquoted or tagged `!!merge`.
fn is_merge_key(key: &Node) -> bool {
    match key.tag {
        Tag::Merge => true,
        Tag::Implicit => key.style == Style::Default && key.as_str() == Some("<<"),
        _ => false,
    }
}

/// What stood behind a merge key before aliases were replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MergeValue {
    Alias,
    Sequence { first_alias_only: bool },
    Other,
}

impl MergeValue {
    fn of(value: &Node) -> Self {
        match &value.data {
            Data::Alias(_) => Self::Alias,
            Data::Sequence(items) => {
                let first_alias_only = items.iter().all(|item| matches!(item.data, Data::Alias(_)));
                Self::Sequence { first_alias_only }
            }
            _ => Self::Other,
        }
    }
}

/// Replaces the merge keys at these indexes of a mapping.
fn merge(node: &mut Node, merges: &[(usize, MergeValue)], rule: MergeRule) -> Result<(), Error> {
    let place = node.place;
    let Some(entries) = node.entries_mut() else { return Ok(()) };
    if rule == MergeRule::OwnKeysWin && merges.len() > 1 {
        return Err(Error::new(ErrorKind::Value, place, "duplicate merge key"));
    }
    let mut merged = MergedEntries::default();
    let old = std::mem::take(entries);
    match rule {
        MergeRule::OwnKeysWin => {
            let mut bases = Vec::new();
            for (at, entry) in old.into_iter().enumerate() {
                match merges.iter().find(|(index, _)| *index == at) {
                    Some(&(_, kind)) => bases = bases_of(entry.value, kind, rule)?,
                    None => merged.entries.push(entry),
                }
            }
            merged.own_are_indexed();
            // Later sources win, the first of a list last.
            for base in bases.into_iter().rev() {
                for entry in base {
                    merged.set_unless_own(entry);
                }
            }
        }
        MergeRule::LastWins => {
            for (at, entry) in old.into_iter().enumerate() {
                match merges.iter().find(|(index, _)| *index == at) {
                    Some(&(_, kind)) => {
                        for base in bases_of(entry.value, kind, rule)?.into_iter().rev() {
                            base.into_iter().for_each(|entry| merged.set(entry));
                        }
                    }
                    None => merged.set(entry),
                }
            }
        }
    }
    *entries = merged.entries;
    Ok(())
}

/// Returns the mappings that a merge key names, in the order they are written.
fn bases_of(value: Node, kind: MergeValue, rule: MergeRule) -> Result<Vec<Vec<Entry>>, Error> {
    const NO_MAP: &str = "map merge requires map or sequence of maps as the value";
    let place = value.place;
    let refuse = |message: &'static str| Err(Error::new(ErrorKind::Value, place, message));
    let is_kyaml = rule == MergeRule::OwnKeysWin;
    match value.data {
        Data::Mapping(entries) => Ok(vec![entries]),
        Data::Sequence(_) if kind == MergeValue::Alias && is_kyaml => {
            refuse("invalid map merge: received alias for a non-map value")
        }
        Data::Sequence(items) if kind != MergeValue::Alias => {
            let from_aliases = matches!(kind, MergeValue::Sequence { first_alias_only: true });
            let mut bases = Vec::with_capacity(items.len());
            for item in items {
                match item.data {
                    Data::Mapping(entries) => bases.push(entries),
                    _ if is_kyaml && from_aliases => {
                        return refuse("invalid map merge: received alias for a non-map value");
                    }
                    Data::Sequence(_) if is_kyaml => {
                        return refuse("invalid map merge: received a nested sequence");
                    }
                    _ => return refuse(NO_MAP),
                }
            }
            Ok(bases)
        }
        _ if kind == MergeValue::Alias && is_kyaml => {
            refuse("invalid map merge: received alias for a non-map value")
        }
        _ => refuse(NO_MAP),
    }
}

/// Entries under construction, with an index of the scalar keys.
#[derive(Default)]
struct MergedEntries {
    entries: Vec<Entry>,
    index: HashMap<Str, usize>,
    own: usize,
}

impl MergedEntries {
    fn own_are_indexed(&mut self) {
        self.own = self.entries.len();
        for (at, entry) in self.entries.iter().enumerate() {
            if let Some(key) = entry.key.scalar() {
                self.index.entry(key.clone()).or_insert(at);
            }
        }
    }

    fn set(&mut self, entry: Entry) {
        if let Some(key) = entry.key.scalar() {
            if let Some(known) = self.index.get(key).and_then(|&at| self.entries.get_mut(at)) {
                *known = entry;
                return;
            }
            self.index.insert(key.clone(), self.entries.len());
        }
        self.entries.push(entry);
    }

    fn set_unless_own(&mut self, entry: Entry) {
        let is_own = entry.key.scalar().and_then(|key| self.index.get(key)).is_some_and(|&at| at < self.own);
        if !is_own {
            self.set(entry);
        }
    }
}

// ---- duplicate keys ----

/// A key that a mapping holds twice.
#[derive(Clone, Debug)]
pub struct DuplicateKey<'a> {
    /// The key where it stands first.
    pub first: &'a Node,
    /// The key where it is repeated.
    pub again: &'a Node,
    /// The value of the repeated key, whose line go-yaml v2 names.
    pub value: &'a Node,
}

impl DuplicateKey<'_> {
    /// Words the repetition as go-yaml v3 does: `mapping key "a" already defined at line 1`.
    #[must_use]
    pub fn to_error(&self) -> Error {
        let key = self.again.as_str().unwrap_or_default();
        let message = format!("mapping key {key:?} already defined at line {}", self.first.place.line);
        Error::new(ErrorKind::DuplicateKey, self.again.place, message)
            .reporting_line(self.again.place.line)
            .since("the same key", self.first.place)
            .with_hint("remove one of the two, or merge their values")
    }
}

impl Node {
    /// Finds the keys that mappings of this tree hold twice, in the order of the text.
    ///
    /// Scalar keys are compared by their text, as go-yaml v3 does. It refuses repeated keys while it decodes, but not
    /// while it reads nodes; so reading alone never refuses them here.
    ///
    /// ```
    /// use gitops_yaml::{FileId, ReadOptions, read_stream};
    /// let documents = read_stream(b"a: 1\nb: 2\na: 3\n", FileId::NONE, &ReadOptions::v3()).unwrap();
    /// let found = documents[0].root.duplicate_keys();
    /// assert_eq!(found[0].to_error().to_string(), "yaml: line 3: mapping key \"a\" already defined at line 1");
    /// ```
    #[must_use]
    pub fn duplicate_keys(&self) -> Vec<DuplicateKey<'_>> {
        let mut found = Vec::new();
        find_duplicates(self, &mut found);
        found
    }
}

fn find_duplicates<'a>(node: &'a Node, found: &mut Vec<DuplicateKey<'a>>) {
    /// Up to here keys are compared one by one, which is faster than hashing.
    const FEW: usize = 12;
    match &node.data {
        Data::Scalar(_) | Data::Alias(_) => {}
        Data::Sequence(items) => items.iter().for_each(|item| find_duplicates(item, found)),
        Data::Mapping(entries) => {
            let mut known: HashMap<&str, &Node> = HashMap::new();
            for (at, entry) in entries.iter().enumerate() {
                if let Some(key) = entry.key.as_str() {
                    let first = if entries.len() <= FEW {
                        entries.iter().take(at).map(|e| &e.key).find(|k| k.as_str() == Some(key))
                    } else {
                        let first = known.get(key).copied();
                        known.entry(key).or_insert(&entry.key);
                        first
                    };
                    if let Some(first) = first {
                        found.push(DuplicateKey { first, again: &entry.key, value: &entry.value });
                    }
                }
                find_duplicates(&entry.key, found);
                find_duplicates(&entry.value, found);
            }
        }
    }
}
