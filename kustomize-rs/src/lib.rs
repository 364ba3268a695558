//! The whole of `kustomize build` as a pure library: files in, manifests out.
//!
//! [`Build`] reads a kustomization from a [`Source`](gitops_core::tree::Source), follows what it includes, and returns the
//! resources with their places. This crate does not know that files exist on a disk, and fetches nothing.

mod accumulate;
mod build;
mod candidates;
mod crds;
pub mod edit;
mod error;
mod field_spec;
mod field_specs;
mod field_tree;
mod generate;
mod hash;
mod id;
mod index;
pub mod kustomization;
mod load;
mod name_reference;
mod node_json;
mod observe;
mod origin;
mod plugin;
mod read;
mod remote;
mod remotes;
mod resource;
mod resource_map;
mod scope;
mod sort;
mod transform;
mod vars;

pub use build::{Build, HelmOptions, Limits, ManagedBy, Options, Output, Reorder};
pub use error::{Error, ErrorKind, NeededChart};
pub use field_spec::{FieldSpec, NewField};
pub use generate::{ChartInflator, ChartRequest};
pub use id::{Gvk, ResourceId};
pub use load::LoadRestrictions;
pub use observe::{Observer, Step};
pub use remote::Remote;
pub use resource::{Behavior, History, PreviousName, Resource};
pub use resource_map::ResourceMap;
pub use scope::Scopes;
pub use transform::{Context, Transformer};
