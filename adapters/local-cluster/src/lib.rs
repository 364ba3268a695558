//! An embedded Kubernetes API: a pure object store beneath, the port and HTTP on top.

mod base64;
mod builtin;
mod cluster;
mod custom;
mod failure;
mod fields;
mod kinds;
mod patch;
mod quantity;
mod store;
mod time;
mod types;
mod value;

pub use cluster::{LocalCluster, LocalWatch};
pub use failure::{Cause, Details, Failure};
pub use store::StoreOptions;
