//! Manifests: rendered text split into documents, sorted by kind, with hooks taken out.

mod hook;
mod kind_order;
mod plain;
mod sort;
mod split;

pub use hook::{Hook, HookEvent, HookRun, in_execution_order};
pub use kind_order::KindOrder;
pub use sort::{Manifest, Sorted, sort_manifests};
pub use split::split_manifests;
