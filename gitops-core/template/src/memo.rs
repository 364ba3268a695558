//! Remembers what `include` and `tpl` gave for the render's own data, so that a chart's `fullname` and `labels` are
//! worked out once and not at each of their hundred uses; and what maps are as YAML.
//!
//! A text is kept when nothing but the data decided it: while it was rendered no function changed a map, asked the world, or
//! read what is [watched](crate::Options::watched). It serves until a function changes a map, or the data is another one.

use crate::named::Named;
use crate::value::{Map, Object, Value};
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes of texts are kept at most.
const MOST_BYTES: usize = 16 << 20;

/// What asked for a text.
#[derive(Clone, Copy)]
pub(crate) enum By {
    /// `include`, by a template's name.
    Name,
    /// `tpl`, by the text of a template.
    Text,
}

/// The texts of one render's data.
#[derive(Default)]
pub(crate) struct Memo<'r> {
    root: Option<Arc<dyn Object>>,
    by_name: Named<Value>,
    by_text: Named<Value>,
    /// What maps are as YAML, by their address; each map is held, so that no other takes its place.
    yaml: HashMap<usize, (Map, Value), foldhash::fast::RandomState>,
    bytes: usize,
    changes: usize,
    questions: Cell<usize>,
    watched: Option<&'r AtomicUsize>,
}

/// What had happened before a text was rendered.
#[derive(PartialEq, Eq)]
pub(crate) struct Before {
    changes: usize,
    questions: usize,
    reads: usize,
}

impl<'r> Memo<'r> {
    pub(crate) fn new(watched: Option<&'r AtomicUsize>) -> Self {
        Self { watched, ..Self::default() }
    }

    /// Begins a render of this data.
    pub(crate) fn begin(&mut self, data: &Value) {
        let Value::Object(object) = data else {
            self.clear();
            self.root = None;
            return;
        };
        if !self.is_root(data) {
            self.clear();
            self.root = Some(Arc::clone(object));
        }
    }

    /// Notes that a map was changed: what was rendered before may differ now.
    pub(crate) fn changed(&mut self) {
        self.changes += 1;
        self.clear();
    }

    /// Notes that the world was asked: what is being rendered may come out differently next time.
    pub(crate) fn asked(&self) {
        self.questions.set(self.questions.get() + 1);
    }

    fn clear(&mut self) {
        self.by_name.clear();
        self.by_text.clear();
        self.yaml.clear();
        self.bytes = 0;
    }

    fn is_root(&self, data: &Value) -> bool {
        match (&self.root, data) {
            (Some(root), Value::Object(object)) => Arc::ptr_eq(root, object),
            _ => false,
        }
    }

    /// Returns the text that was kept for this data, if it is the render's own.
    pub(crate) fn get(&self, by: By, key: &str, data: &Value) -> Option<Value> {
        let kept = match by {
            By::Name => &self.by_name,
            By::Text => &self.by_text,
        };
        if self.is_root(data) { kept.get(key).cloned() } else { None }
    }

    /// Returns a map as YAML, if it was kept.
    pub(crate) fn yaml(&self, map: &Map) -> Option<Value> {
        self.yaml.get(&map.address()).map(|(_, text)| text.clone())
    }

    /// Keeps a map as YAML, if the map alone decided it. One that nobody else holds is not asked for again.
    pub(crate) fn keep_yaml(&mut self, map: &Map, text: &Value, before: &Before) {
        let size = text.as_string_bytes().map_or(0, <[u8]>::len);
        if map.is_shared() && self.before() == *before && self.bytes + size <= MOST_BYTES {
            self.bytes += size;
            self.yaml.insert(map.address(), (map.clone(), text.clone()));
        }
    }

    pub(crate) fn before(&self) -> Before {
        let reads = self.watched.map_or(0, |reads| reads.load(Ordering::Relaxed));
        Before { changes: self.changes, questions: self.questions.get(), reads }
    }

    /// Keeps a text that was rendered since then, if only the render's own data decided it.
    pub(crate) fn keep(&mut self, by: By, key: &str, data: &Value, text: &Value, before: &Before) {
        let size = key.len() + text.as_string_bytes().map_or(0, <[u8]>::len);
        if !self.is_root(data) || self.before() != *before || self.bytes + size > MOST_BYTES {
            return;
        }
        self.bytes += size;
        let kept = match by {
            By::Name => &mut self.by_name,
            By::Text => &mut self.by_text,
        };
        kept.insert(key.into(), text.clone());
    }
}
