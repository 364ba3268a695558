//! Brings a cluster to what is wanted: plan, server-side apply by stages, prune, wait.
//!
//! Everything is as Flux's kustomize-controller does it, on any [`Cluster`](crate::ports::Cluster); what is special:
//! all errors of a stage are gathered instead of the first, each with the place of its object; what the server does not know
//! is left out with a warning; and an inventory is stored before the first object is written, so that nothing that was made
//! is ever forgotten.

mod drift;
mod error;
mod ignore;
mod inventory;
mod managed_fields;
mod normalize;
mod owner;
mod plan;
mod set;

pub use error::{ApplyError, Doing, show_errors};
pub use ignore::{IgnoreRule, IgnoreRuleError, IgnoreRules};
pub use inventory::{Inventory, InventoryError};
pub use owner::{Owner, Ownership};
pub use plan::{Action, Change, Plan, Planned};
pub use set::{ApplySet, Desired, SetOptions, Treatment, Warning};
