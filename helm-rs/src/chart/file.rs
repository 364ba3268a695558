//! A file of a chart, in memory.

use std::borrow::Cow;
use std::sync::Arc;

use gitops_yaml::Str;

use crate::Time;

/// A file: its path within the chart and its bytes. Cloning shares the bytes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct File {
    /// The path, with forward slashes, seen from the chart's root.
    pub name: Str,
    /// The bytes, without a UTF-8 byte order mark.
    pub data: Arc<[u8]>,
    /// When it was changed, as far as its source says; [`Time::ZERO`] otherwise.
    pub modified: Time,
}

impl File {
    /// Makes a file; a UTF-8 byte order mark at its start is dropped, as Helm does for each file of a chart.
    #[must_use]
    pub fn new(name: impl Into<Str>, data: &[u8]) -> Self {
        let data = data.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(data);
        Self { name: name.into(), data: data.into(), modified: Time::ZERO }
    }

    /// Says when the file was changed.
    #[must_use]
    pub fn modified(mut self, time: Time) -> Self {
        self.modified = time;
        self
    }

    /// Returns the file as text; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match std::str::from_utf8(&self.data) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(&self.data),
        }
    }
}
