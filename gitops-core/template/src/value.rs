//! The values that templates compute with: Go's kinds, shared and cheap to clone.
//!
//! Maps behave as Go's do: a clone is the same map, and a function that changes it (`set`, `unset`, `merge`) changes it for
//! everyone who holds it. Callers that render the same data twice hand out a [`Map::copy`] each time.

use crate::function::Function;
use crate::limits::ITEM_BYTES;
use crate::sorted::Sorted;
use gitops_yaml::Str;
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A value with a Go kind.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// No value at all: the result of looking up a key that is not there. Printed `<no value>`.
    Missing,
    /// A nil of type `interface {}`: what JSON's `null` becomes.
    #[default]
    Nil,
    /// `bool`
    Bool(bool),
    /// A signed integer.
    Int(i64, IntKind),
    /// An unsigned integer.
    Uint(u64, UintKind),
    /// `float64`
    Float(f64),
    /// `complex128`, of which only literals can come.
    Complex(f64, f64),
    /// `string` in UTF-8.
    String(Str),
    /// `string` of other bytes: a binary file's content, half a character. Printing replaces what is no UTF-8.
    RawString(Arc<[u8]>),
    /// `[]uint8`
    Bytes(Arc<[u8]>),
    /// A slice.
    List(List),
    /// A map with string keys.
    Map(Map),
    /// Something of the host's: `.Files`, `.Capabilities`, a time.
    Object(Arc<dyn Object>),
    /// A function, which only `call` can use.
    Func(Arc<Function>),
}

/// Go's signed integer types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IntKind {
    /// `int`
    #[default]
    Int,
    /// `int8`
    Int8,
    /// `int16`
    Int16,
    /// `int32`
    Int32,
    /// `int64`
    Int64,
    /// `time.Duration`
    Duration,
    /// `time.Month`
    Month,
}

/// Go's unsigned integer types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UintKind {
    /// `uint`
    #[default]
    Uint,
    /// `uint8`
    Uint8,
    /// `uint16`
    Uint16,
    /// `uint32`
    Uint32,
    /// `uint64`
    Uint64,
}

/// The static type of a list's items or a map's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Element {
    /// `interface {}`
    #[default]
    Any,
    /// `string`
    String,
    /// `int`
    Int,
    /// `int64`
    Int64,
    /// `float64`
    Float,
    /// `bool`
    Bool,
    /// `map[string]interface {}`
    Map,
    /// `[]interface {}`
    List,
    /// `[]string`
    Strings,
}

impl Element {
    /// Returns Go's name of the type.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::String => "string",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Float => "float64",
            Self::Bool => "bool",
            Self::Map => "map[string]interface {}",
            Self::List => "[]interface {}",
            Self::Strings => "[]string",
        }
    }
}

/// An immutable slice, shared.
#[derive(Clone, Debug, Default)]
pub struct List {
    items: Arc<[Value]>,
    element: Element,
    nil: bool,
}

impl List {
    /// Makes a `[]interface {}`.
    #[must_use]
    pub fn new(items: impl Into<Arc<[Value]>>) -> Self {
        Self { items: items.into(), element: Element::Any, nil: false }
    }

    /// Makes a slice of another type; every item must be of it.
    #[must_use]
    pub fn typed(element: Element, items: impl Into<Arc<[Value]>>) -> Self {
        Self { items: items.into(), element, nil: false }
    }

    /// Makes a nil slice, which is empty and prints as such, but is `null` in JSON.
    #[must_use]
    pub fn nil(element: Element) -> Self {
        Self { items: Arc::default(), element, nil: true }
    }

    /// Returns whether this is a nil slice.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        self.nil
    }

    /// Makes a `[]string`.
    #[must_use]
    pub fn strings<S: Into<Str>>(items: impl IntoIterator<Item = S>) -> Self {
        Self::typed(Element::String, items.into_iter().map(|s| Value::String(s.into())).collect::<Vec<_>>())
    }

    /// Returns the items.
    #[must_use]
    pub fn items(&self) -> &[Value] {
        &self.items
    }

    /// Returns the items' static type.
    #[must_use]
    pub fn element(&self) -> Element {
        self.element
    }
}

impl std::ops::Deref for List {
    type Target = [Value];
    fn deref(&self) -> &[Value] {
        &self.items
    }
}

/// A map with string keys, shared and changeable as Go's maps are. Iteration is in the keys' byte order.
///
/// ```
/// use gitops_template::{Map, Value};
/// let map: Map = [("a", Value::int(1))].into_iter().collect();
/// let (same, own) = (map.clone(), map.copy());
/// same.insert("b", Value::int(2));
/// assert_eq!((map.len(), own.len()), (2, 1));
/// ```
#[derive(Clone, Default)]
pub struct Map {
    content: Arc<RwLock<Content>>,
    element: Element,
}

#[derive(Default)]
struct Content {
    entries: Sorted,
    /// Makes the entries when they are first asked for.
    deferred: Option<Box<Make>>,
}

type Make = dyn FnOnce() -> Vec<(Str, Value)> + Send + Sync;

/// The entries of a map, while nobody changes them.
pub(crate) struct Entries<'m>(RwLockReadGuard<'m, Content>);

impl std::ops::Deref for Entries<'_> {
    type Target = Sorted;
    fn deref(&self) -> &Sorted {
        &self.0.entries
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Keys alone: a map may hold itself.
        f.debug_set().entries(self.read().iter().map(|(key, _)| key)).finish()
    }
}

impl Map {
    /// Makes a `map[string]interface {}`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a map of another type; every value must be of it.
    #[must_use]
    pub fn typed(element: Element) -> Self {
        Self { content: Arc::default(), element }
    }

    /// Makes a `map[string]interface {}` whose entries are made when they are first asked for, which for most parts of a
    /// large tree is never.
    ///
    /// ```
    /// use gitops_template::{Map, Value};
    /// let map = Map::deferred(|| vec![("a".into(), Value::int(1))]);
    /// assert_eq!(map.len(), 1);
    /// ```
    #[must_use]
    pub fn deferred(make: impl FnOnce() -> Vec<(Str, Value)> + Send + Sync + 'static) -> Self {
        let content = Content { entries: Sorted::default(), deferred: Some(Box::new(make)) };
        Self { content: Arc::new(RwLock::new(content)), element: Element::Any }
    }

    fn of(entries: Sorted, element: Element) -> Self {
        Self { content: Arc::new(RwLock::new(Content { entries, deferred: None })), element }
    }

    /// Returns the values' static type.
    #[must_use]
    pub fn element(&self) -> Element {
        self.element
    }

    /// Looks up a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value> {
        self.read().get(key).cloned()
    }

    /// Sets a key, for everyone who holds this map.
    pub fn insert(&self, key: impl Into<Str>, value: Value) {
        self.write().entries.insert(key.into(), value);
    }

    /// Removes a key, for everyone who holds this map.
    pub fn remove(&self, key: &str) -> Option<Value> {
        self.write().entries.remove(key)
    }

    /// Returns whether the key is there.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.read().contains_key(key)
    }

    /// Returns the number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Returns whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the keys and values of this moment, in the keys' byte order.
    #[must_use]
    pub fn entries(&self) -> Vec<(Str, Value)> {
        self.read().iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Returns the keys of this moment, in their byte order.
    #[must_use]
    pub fn keys(&self) -> Vec<Str> {
        self.read().iter().map(|(key, _)| key.clone()).collect()
    }

    /// Returns what no other map has while this one is held.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.content).addr()
    }

    /// Returns how many bytes the entries take, of those that are made.
    fn made_bytes(&self) -> usize {
        let content = self.content.read().unwrap_or_else(PoisonError::into_inner);
        content.entries.len() * ITEM_BYTES
    }

    /// Returns whether somebody else holds the map too.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.content) > 1
    }

    /// Returns whether both are the very same map.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.content, &other.content)
    }

    /// Returns a map of its own with the same content; maps within are copied too, other values shared.
    #[must_use]
    pub fn copy(&self) -> Self {
        self.copy_within(MAX_DEPTH, &mut { MOST_COPIED })
    }

    fn copy_within(&self, depth: usize, budget: &mut usize) -> Self {
        let entries =
            self.read().iter().map(|(key, value)| (key.clone(), value.copy_within(depth, budget))).collect();
        Self::of(entries, self.element)
    }

    /// Gives access to the entries while a lock is held; nothing else may touch the map meanwhile.
    pub(crate) fn read(&self) -> Entries<'_> {
        let content = self.content.read().unwrap_or_else(PoisonError::into_inner);
        if content.deferred.is_none() {
            return Entries(content);
        }
        drop(content);
        drop(self.write());
        Entries(self.content.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self) -> RwLockWriteGuard<'_, Content> {
        let mut content = self.content.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(make) = content.deferred.take() {
            content.entries = make().into_iter().collect();
        }
        content
    }
}

impl<K: Into<Str>> FromIterator<(K, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(entries: I) -> Self {
        let entries = entries.into_iter().map(|(key, value)| (key.into(), value)).collect();
        Self::of(entries, Element::Any)
    }
}

/// Drops what is nested without recursion: a template can nest lists deeper than any stack.
fn drop_nested(mut pending: Vec<Value>) {
    while let Some(mut value) = pending.pop() {
        match &mut value {
            Value::List(list) => list.take_nested(&mut pending),
            Value::Map(map) => map.take_nested(&mut pending),
            _ => {}
        }
    }
}

fn is_nested(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Map(_))
}

impl List {
    /// Takes lists and maps out of a list that nobody else holds.
    fn take_nested(&mut self, pending: &mut Vec<Value>) {
        if let Some(items) = Arc::get_mut(&mut self.items) {
            pending.extend(items.iter_mut().filter(|item| is_nested(item)).map(std::mem::take));
        }
    }
}

impl Map {
    /// Takes lists and maps out of a map that nobody else holds.
    fn take_nested(&mut self, pending: &mut Vec<Value>) {
        if let Some(content) = Arc::get_mut(&mut self.content) {
            let entries = &mut content.get_mut().unwrap_or_else(PoisonError::into_inner).entries;
            pending.extend(entries.values_mut().filter(|value| is_nested(value)).map(std::mem::take));
        }
    }
}

impl Drop for List {
    fn drop(&mut self) {
        if Arc::strong_count(&self.items) > 1 {
            return;
        }
        let mut pending = Vec::new();
        self.take_nested(&mut pending);
        drop_nested(pending);
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // Most drops are of clones.
        if Arc::strong_count(&self.content) > 1 {
            return;
        }
        let mut pending = Vec::new();
        self.take_nested(&mut pending);
        drop_nested(pending);
    }
}

/// How deep values are walked; deeper ones (a map that holds itself) are cut there.
pub(crate) const MAX_DEPTH: usize = 200;

/// How many parts a copy makes its own; values that hold one thing often share the rest.
const MOST_COPIED: usize = 2_000_000;

/// A value of the host's, with fields and methods.
///
/// ```
/// use gitops_template::{Map, Object, Options, Templates, Value};
/// use std::{any::Any, borrow::Cow, sync::Arc};
///
/// #[derive(Debug)]
/// struct Version(&'static str);
///
/// impl Object for Version {
///     fn type_name(&self) -> Cow<'static, str> {
///         "example.Version".into()
///     }
///     fn field(&self, name: &str) -> Option<Value> {
///         (name == "Major").then(|| Value::from(self.0.split('.').next().unwrap_or_default()))
///     }
///     fn text(&self) -> Option<String> {
///         Some(self.0.to_owned())
///     }
///     fn as_any(&self) -> &dyn Any {
///         self
///     }
/// }
///
/// let mut templates = Templates::default();
/// templates.parse("t", "{{.version}} {{.version.Major}}")?;
/// let data: Map = [("version", Value::Object(Arc::new(Version("4.3.1"))))].into_iter().collect();
/// assert_eq!(templates.render("t", &data.into(), &Options::default())?.text, "4.3.1 4");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Object: Send + Sync + fmt::Debug {
    /// Returns Go's name of the type, for error texts: `chart.Files`.
    fn type_name(&self) -> Cow<'static, str>;

    /// Returns a field.
    fn field(&self, name: &str) -> Option<Value> {
        let _ = name;
        None
    }

    /// Returns a method: a function that already knows the object.
    fn method(&self, name: &str) -> Option<Arc<Function>> {
        let _ = name;
        None
    }

    /// Returns the value as a plain one, for `range`, `index`, `len`, `toYaml` and the like.
    fn plain(&self) -> Option<Value> {
        self.as_map().cloned().map(Value::Map)
    }

    /// Returns how many entries [`plain`](Self::plain) makes anew at each call, which counts as work.
    fn made_entries(&self) -> usize {
        0
    }

    /// Returns the map that the object is under a name of its own; then it is what [`plain`](Self::plain) gives.
    fn as_map(&self) -> Option<&Map> {
        None
    }

    /// Returns an object of the same type over another map, where the object is [plainly](Self::plain) one: `deepCopy` keeps types.
    fn over(&self, map: Map) -> Option<Value> {
        let _ = map;
        None
    }

    /// Returns keys and values for `range`, where the object is a map whose keys are no strings; in Go's order of keys.
    fn entries(&self) -> Option<Vec<(Value, Value)>> {
        None
    }

    /// Returns what `print` prints, where it is not the plain value's text.
    fn text(&self) -> Option<String> {
        None
    }

    /// Returns what JSON and YAML show, where it is neither the plain value nor the text.
    fn json(&self) -> Option<Value> {
        None
    }

    /// Returns whether the object is true in an `if`; structs always are.
    fn truth(&self) -> bool {
        true
    }

    /// Gives the concrete type back to the functions that know it.
    fn as_any(&self) -> &dyn std::any::Any;
}

impl Value {
    /// Makes an `int`.
    #[must_use]
    pub fn int(value: i64) -> Self {
        Self::Int(value, IntKind::Int)
    }

    /// Makes an `int64`.
    #[must_use]
    pub fn int64(value: i64) -> Self {
        Self::Int(value, IntKind::Int64)
    }

    /// Makes a string.
    #[must_use]
    pub fn string(text: impl Into<Str>) -> Self {
        Self::String(text.into())
    }

    /// Makes a string of bytes, which need not be UTF-8.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::String(text.into()),
            Err(_) => Self::RawString(bytes.into()),
        }
    }

    /// Returns a string's bytes, whether they are UTF-8 or not.
    #[must_use]
    pub fn as_string_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::String(text) => Some(text.as_bytes()),
            Self::RawString(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Makes a `[]interface {}`.
    #[must_use]
    pub fn list(items: Vec<Value>) -> Self {
        Self::List(List::new(items))
    }

    /// Returns whether there is no value: missing or nil.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Missing | Self::Nil)
    }

    /// Returns how many bytes a value takes that a function has just made; what somebody else holds was there before.
    pub(crate) fn own_bytes(&self) -> usize {
        match self {
            Self::String(text) => text.len(),
            Self::RawString(bytes) | Self::Bytes(bytes) => bytes.len(),
            Self::List(list) if Arc::strong_count(&list.items) == 1 => {
                let texts = |item: &Value| if let Self::String(text) = item { text.len() } else { 0 };
                let texts: usize = match list.element {
                    Element::String => list.items.iter().map(texts).sum(),
                    _ => 0,
                };
                list.items.len() * ITEM_BYTES + texts
            }
            Self::Map(map) if !map.is_shared() => map.made_bytes(),
            _ => 0,
        }
    }

    /// Returns a string's text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a map, also an object's plain one.
    #[must_use]
    pub fn as_map(&self) -> Option<Map> {
        match self {
            Self::Map(map) => Some(map.clone()),
            Self::Object(object) => object.plain()?.as_map(),
            _ => None,
        }
    }

    /// Returns whether Go calls the value true: not zero, not empty, not nil.
    #[must_use]
    pub fn truth(&self) -> bool {
        match self {
            Self::Missing | Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value, _) => *value != 0,
            Self::Uint(value, _) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Complex(real, imaginary) => *real != 0.0 || *imaginary != 0.0,
            Self::String(text) => !text.is_empty(),
            Self::RawString(bytes) | Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Object(object) => object.truth(),
            Self::Func(_) => true,
        }
    }

    /// Returns Go's name of the type, as `%T` prints it.
    #[must_use]
    pub fn type_name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Missing | Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_, kind) => kind.type_name(),
            Self::Uint(_, kind) => kind.type_name(),
            Self::Float(_) => "float64",
            Self::Complex(..) => "complex128",
            Self::String(_) | Self::RawString(_) => "string",
            Self::Bytes(_) => "[]uint8",
            Self::List(list) => return format!("[]{}", list.element.type_name()).into(),
            Self::Map(map) => return format!("map[string]{}", map.element.type_name()).into(),
            Self::Object(object) => return object.type_name(),
            Self::Func(function) => return function.type_name().into(),
        })
    }

    /// Returns Go's name of the kind, as `kindOf` prints it.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Missing | Self::Nil => "invalid",
            Self::Bool(_) => "bool",
            Self::Int(_, kind) => kind.kind_name(),
            Self::Uint(_, kind) => kind.type_name(),
            Self::Float(_) => "float64",
            Self::Complex(..) => "complex128",
            Self::String(_) | Self::RawString(_) => "string",
            Self::Bytes(_) | Self::List(_) => "slice",
            Self::Map(_) => "map",
            Self::Object(object) => match object.plain() {
                Some(plain) => plain.kind_name(),
                None if object.type_name().starts_with('*') => "ptr",
                None => "struct",
            },
            Self::Func(_) => "func",
        }
    }

    /// Returns a value of its own: maps are copied, everything else is shared.
    #[must_use]
    pub fn copy(&self) -> Self {
        self.copy_within(MAX_DEPTH, &mut { MOST_COPIED })
    }

    /// As [`copy`](Self::copy), with the number of parts that were copied; `None` where there are more than anyone writes.
    pub(crate) fn counted_copy(&self) -> Option<(Self, usize)> {
        let mut left = MOST_COPIED;
        let copy = self.copy_within(MAX_DEPTH, &mut left);
        (left > 0).then_some((copy, MOST_COPIED - left))
    }

    fn copy_within(&self, depth: usize, budget: &mut usize) -> Self {
        let Some(depth) = depth.checked_sub(1) else { return self.clone() };
        let Some(left) = budget.checked_sub(1) else { return self.clone() };
        *budget = left;
        match self {
            Self::Map(map) => Self::Map(map.copy_within(depth, budget)),
            Self::Object(object) => {
                let Some(Self::Map(map)) = object.plain() else { return self.clone() };
                object.over(map.copy_within(depth, budget)).unwrap_or_else(|| self.clone())
            }
            Self::List(list)
                if list.iter().any(|item| matches!(item, Self::Map(_) | Self::List(_) | Self::Object(_))) =>
            {
                let items: Vec<Value> = list.iter().map(|item| item.copy_within(depth, budget)).collect();
                Self::List(List { items: items.into(), element: list.element, nil: false })
            }
            other => other.clone(),
        }
    }
}

impl IntKind {
    /// Returns Go's name of the type.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Duration => "time.Duration",
            Self::Month => "time.Month",
            other => other.kind_name(),
        }
    }

    /// Returns Go's name of the kind.
    #[must_use]
    pub fn kind_name(self) -> &'static str {
        match self {
            Self::Int | Self::Month => "int",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 | Self::Duration => "int64",
        }
    }
}

impl UintKind {
    /// Returns Go's name of the type.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Uint => "uint",
            Self::Uint8 => "uint8",
            Self::Uint16 => "uint16",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<Str> for Value {
    fn from(text: Str) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<List> for Value {
    fn from(list: List) -> Self {
        Self::List(list)
    }
}
