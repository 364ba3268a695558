//! What the commands that speak to registries and repositories share: logins, certificates, charts, waiting.

pub(crate) mod chart;
pub(crate) mod login;

use crate::Failure;
use gitops_core::ports::{Outlook, PortError};

/// Runs what waits for servers to its end.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(work);
    // A call that was given up may still be waiting for a server.
    runtime.shutdown_background();
    Ok(result)
}

/// Makes a failure that says whether trying again can help.
#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn told(error: PortError) -> Failure {
    let hint = match error.outlook() {
        Outlook::Retry { after: Some(wait) } => {
            format!("this may pass: try again in {} s", wait.as_secs().max(1))
        }
        Outlook::Retry { after: None } => "this may pass: try again".to_owned(),
        _ => "trying again will not help until something is changed".to_owned(),
    };
    format!("{error}\n{hint}").into()
}

/// Makes a failure of what a registry's content turns out to be.
pub(crate) fn refused(why: impl Into<String>) -> PortError {
    PortError::stalled(why)
}
