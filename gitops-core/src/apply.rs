//! Brings a cluster to what is wanted: plan, server-side apply by stages, prune, wait.
//!
//! Everything is as Flux's kustomize-controller does it, on any [`Cluster`](crate::ports::Cluster); what is special:
//! all errors of a stage are gathered instead of the first, each with the place of its object; what the server does not know
//! is left out with a warning; and an inventory is stored before the first object is written, so that nothing that was made
//! is ever forgotten.

mod concurrently;
mod drift;
mod drift_watch;
mod error;
mod follow;
mod ignore;
mod inventory;
mod managed_fields;
mod normalize;
mod observe;
mod owner;
mod plan;
mod prune;
mod run;
mod set;
mod wait;

pub use drift_watch::{DriftWatch, Noticed};
pub use error::{ApplyError, Doing, show_errors};
pub use follow::{Follower, Seen};
pub use ignore::{IgnoreRule, IgnoreRuleError, IgnoreRules};
pub use inventory::{Inventory, InventoryError};
pub use owner::{Owner, Ownership};
pub use plan::{Action, Change, Plan, Planned};
pub use prune::DeletionPolicy;
pub use run::{Applier, ApplyOptions, Checkpoint, Foreign, NoCheckpoint, Outcome};
pub use set::{ApplySet, Desired, SetOptions, Treatment, Warning};
pub use wait::{Readiness, ReadinessOf, WaitError, WaitOptions, wait};
