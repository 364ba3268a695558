//! Adapters that are made once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use gitops_core::ports::PortError;

/// Adapters by what they were made from: an adapter keeps its connections and tokens, so that asking again is one request.
#[derive(Debug)]
pub(crate) struct Made<K, A>(Mutex<HashMap<K, Arc<A>>>);

/// Adapters that are kept; beyond, all are made anew.
const KEPT: usize = 1_000;

impl<K: Eq + Hash, A> Made<K, A> {
    /// Returns the adapter of a key, made where there is none yet.
    pub(crate) fn get(
        &self,
        key: K,
        make: impl FnOnce() -> Result<A, PortError>,
    ) -> Result<Arc<A>, PortError> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(adapter) = made.get(&key) {
            return Ok(Arc::clone(adapter));
        }
        let adapter = Arc::new(make()?);
        if made.len() >= KEPT {
            made.clear();
        }
        made.insert(key, Arc::clone(&adapter));
        Ok(adapter)
    }
}

impl<K, A> Default for Made<K, A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}
