//! A repository of Helm charts behind an `index.yaml`.

use super::PortError;
use std::future::Future;
use std::sync::Arc;

/// A chart repository at one URL.
pub trait ChartRepository: Send + Sync {
    /// Returns the index, or `None` where it is the one that `known` (an entity tag of an earlier answer) names;
    /// with it the new entity tag, where the server gives one.
    ///
    /// # Errors
    /// Where the server can't be reached, refuses the login, or sends more than the adapter's limit.
    #[allow(clippy::type_complexity, reason = "an answer and its tag")]
    fn index(
        &self,
        known: Option<&str>,
    ) -> impl Future<Output = Result<Option<(Arc<[u8]>, Option<String>)>, PortError>> + Send;

    /// Downloads a chart's archive. A relative URL is seen from the repository; credentials go to its host alone.
    ///
    /// # Errors
    /// As [`ChartRepository::index`].
    fn chart(&self, url: &str) -> impl Future<Output = Result<Arc<[u8]>, PortError>> + Send;
}

/// A repository that several share.
impl<C: ChartRepository> ChartRepository for Arc<C> {
    async fn index(&self, known: Option<&str>) -> Result<Option<(Arc<[u8]>, Option<String>)>, PortError> {
        (**self).index(known).await
    }
    async fn chart(&self, url: &str) -> Result<Arc<[u8]>, PortError> {
        (**self).chart(url).await
    }
}
