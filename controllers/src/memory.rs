//! What one reconciliation remembers for the next. All of it can be found out again: it saves work, it decides nothing.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::kind::Key;

/// Values by object; each reconciler keeps one of its own type.
#[derive(Default)]
pub struct Memory(Mutex<HashMap<Key, Arc<dyn Any + Send + Sync>>>);

impl Memory {
    /// Returns what was kept for an object.
    #[must_use]
    pub fn get<T: Any + Send + Sync>(&self, key: &Key) -> Option<Arc<T>> {
        let values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        values.get(key).cloned()?.downcast().ok()
    }

    /// Keeps a value for an object.
    pub fn put<T: Any + Send + Sync>(&self, key: &Key, value: T) {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        values.insert(key.clone(), Arc::new(value));
    }

    /// Forgets an object.
    pub fn remove(&self, key: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}
