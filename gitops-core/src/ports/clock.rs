//! What time it is, and waiting.

use std::future::Future;
use std::time::Duration;

/// The clock of a controller. Engines take times as values instead.
pub trait Clock: Send + Sync {
    /// Returns the time since the Unix epoch.
    fn now(&self) -> Duration;

    /// Waits.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;
}
