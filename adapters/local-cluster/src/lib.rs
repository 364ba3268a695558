//! An embedded Kubernetes API: a pure object store beneath, the port and HTTP on top.

mod api;
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

pub use api::{ApiBody, ApiServer, ApiService, kubeconfig};
pub use cluster::{LocalCluster, LocalWatch};
pub use failure::{Cause, Details, Failure};
pub use store::StoreOptions;
