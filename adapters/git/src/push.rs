//! A commit made in memory and sent to the server.

use crate::error::Failure;
use crate::remote::Session;
use gitops_core::ports::PushRequest;

/// Makes one commit and pushes it.
pub(crate) fn push(_session: &Session<'_>, _request: &PushRequest) -> Result<String, Failure> {
    Err(Failure::Bad("a push is not possible yet".into()))
}
