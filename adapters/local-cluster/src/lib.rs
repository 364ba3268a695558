//! An embedded Kubernetes API: a pure object store beneath, the port and HTTP on top.

#![allow(
    clippy::needless_pass_by_value,
    clippy::collapsible_match,
    reason = "paths are built on the way down; one arm a rule"
)]
#![allow(clippy::result_large_err, reason = "a refusal is the whole Status that the API answers with")]

mod api;
mod base64;
mod builtin;
mod cluster;
mod custom;
mod failure;
mod fields;
pub mod kinds;
mod patch;
mod quantity;
pub mod simulate;
pub mod store;
mod time;
pub mod types;
pub mod value;

pub use api::{ApiBody, ApiServer, ApiService};
pub use cluster::{LocalCluster, LocalWatch};
pub use custom::Structural;
pub use failure::{Cause, Details, Failure};
pub use simulate::Simulation;
pub use store::StoreOptions;
