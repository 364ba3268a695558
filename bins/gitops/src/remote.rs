//! What the commands that speak to registries and repositories share: logins, certificates, charts, waiting.

pub(crate) mod chart;
pub(crate) mod login;

use crate::Failure;
use gitops_core::ports::PortError;

/// Runs what waits for servers to its end.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(work);
    // A call that was given up may still be waiting for a server.
    runtime.shutdown_background();
    Ok(result)
}

/// Makes a failure of what a registry's content turns out to be.
pub(crate) fn refused(why: impl Into<String>) -> PortError {
    PortError::stalled(why)
}
