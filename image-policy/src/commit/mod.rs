//! Words the commit of an update, and says how to sign and push it.

mod go;
#[cfg(feature = "handlebars")]
mod handlebars;
mod message;
mod plan;

pub use message::{DEFAULT_MESSAGE, MessageError, MessageTemplate, Subject};
pub use plan::{
    Author, CheckoutRef, CommitPlan, CommitSpec, DEFAULT_BRANCH, PlanError, SigningFormat, SigningRequest,
    SwitchBranch,
};
