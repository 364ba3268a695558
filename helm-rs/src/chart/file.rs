//! A file of a chart, in memory.

use std::sync::Arc;

use gitops_yaml::Str;

use crate::Time;

/// A file: its path within the chart and its bytes. Cloning shares the bytes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct File {
    /// The path, with forward slashes, seen from the chart's root.
    pub name: Str,
    /// When it was changed, as far as its source says; [`Time::ZERO`] otherwise.
    pub modified: Time,
    data: Arc<[u8]>,
    /// The bytes as text, where they are UTF-8; of a long text there is one copy.
    text: Option<Str>,
}

impl File {
    /// Makes a file; a UTF-8 byte order mark at its start is dropped, as Helm does for each file of a chart.
    #[must_use]
    pub fn new(name: impl Into<Str>, data: &[u8]) -> Self {
        let data = data.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(data);
        let (data, text) = match std::str::from_utf8(data) {
            Ok(text) => {
                let shared: Arc<str> = text.into();
                (Arc::<[u8]>::from(Arc::clone(&shared)), Some(Str::from(shared)))
            }
            Err(_) => (data.into(), None),
        };
        Self { name: name.into(), data, modified: Time::ZERO, text }
    }

    /// Says when the file was changed.
    #[must_use]
    pub fn modified(mut self, time: Time) -> Self {
        self.modified = time;
        self
    }

    /// Returns the bytes, without a UTF-8 byte order mark.
    #[must_use]
    pub fn data(&self) -> &Arc<[u8]> {
        &self.data
    }

    /// Returns the file as text; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> Str {
        match &self.text {
            Some(text) => text.clone(),
            None => String::from_utf8_lossy(&self.data).into(),
        }
    }
}
