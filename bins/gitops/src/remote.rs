//! What the commands that speak to registries and repositories share: logins, certificates, charts, waiting.

pub(crate) mod chart;
pub(crate) mod login;

use crate::Failure;
use std::future::Future;

/// Waits for something of the network.
pub(crate) fn wait<T, E: Into<Failure>>(work: impl Future<Output = Result<T, E>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(work).map_err(Into::into)
}
