//! Where the objects that controllers look after were written, so that a mistake in one is told with its file and line.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use gitops_core::api::{self, ApiError};
use gitops_yaml::{Files, Node};

use crate::kind::Key;

/// Places by object, as the Kustomizations that apply them have seen them. Nothing is lost where it is empty.
#[derive(Default)]
pub struct Origins(Mutex<HashMap<Key, String>>);

impl Origins {
    /// Notes where objects of Flux's API were written: at the value that can't be read, where there is one. Returns what
    /// is to say of kinds that do not exist, with their places.
    pub(crate) fn note<'a>(&self, objects: impl IntoIterator<Item = &'a Node>, files: &Files) -> Vec<String> {
        let mut unknown = Vec::new();
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for object in objects {
            let Some(read) = api::read(object) else { continue };
            match (Key::of(object), read) {
                (Some(key), read) => {
                    let place = read.err().map_or(object.place, |error| error.place);
                    places.insert(key, files.show(place));
                }
                (None, Err(ApiError { place, message })) => {
                    unknown.push(format!("{}: {message}", files.show(place)));
                }
                (None, Ok(_)) => {}
            }
        }
        unknown
    }

    /// Returns `file:line:column` of an object, where it is known.
    #[must_use]
    pub fn of(&self, key: &Key) -> Option<String> {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(key).filter(|place| !place.is_empty()).cloned()
    }

    /// Forgets an object.
    pub(crate) fn remove(&self, key: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Origins")
    }
}
