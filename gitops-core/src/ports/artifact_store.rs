//! Where artifacts are kept between a source and those who build from it.

use super::PortError;
use std::future::Future;
use std::sync::Arc;

/// Content by its digest.
pub trait ArtifactStore: Send + Sync {
    /// Keeps content under a name; the whole of it or nothing.
    ///
    /// # Errors
    /// Where it can't be written.
    fn put(&self, name: &str, content: Arc<[u8]>) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Returns content, `None` where there is none of this name.
    ///
    /// # Errors
    /// Where it can't be read.
    fn get(&self, name: &str) -> impl Future<Output = Result<Option<Arc<[u8]>>, PortError>> + Send;

    /// Removes content; nothing happens where there is none.
    ///
    /// # Errors
    /// Where it can't be removed.
    fn remove(&self, name: &str) -> impl Future<Output = Result<(), PortError>> + Send;
}
