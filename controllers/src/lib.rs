//! Fleets: what a repository written for Flux means, rendered and reconciled over ports with no I/O of its own.
//!
//! One reconciler a kind: each observes, decides and acts through a [`World`], and answers when to come back. A binary
//! drives them: it fills the [`Cache`] from watches, asks [`trigger::concerned`] whom a change concerns, and works off a
//! [`queue::Queue`].

mod access;
pub mod artifact;
mod artifact_generator;
mod cache;
mod context;
pub mod drift;
mod event;
pub mod fleet;
pub mod health;
pub mod helm_release;
mod image;
mod kind;
pub mod kustomization;
pub mod leader;
mod memory;
pub mod notification;
mod origin;
pub mod queue;
pub mod read_set;
pub mod secret;
pub mod source;
pub mod status;
#[cfg(test)]
mod testing;
pub mod time;
pub mod trigger;
mod world;

pub use cache::Cache;
pub use context::{
    Context, CrossNamespace, FINALIZER, Failure, Finalizer, Next, Outcome, REQUESTED_AT, RemoteBases, Retry,
    Run, Settings, Told,
};
pub use event::{Event, Outbox, Severity};
pub use kind::{Key, Kind};
pub use memory::Memory;
pub use origin::Origins;
pub use world::{ClusterAccess, CredentialScope, HttpAccess, Transport, World};
