//! The whole of kustomize build as a pure library.

mod error;
mod field_spec;
mod field_specs;
mod id;
pub mod kustomization;
mod resource;
mod resource_map;
mod scope;
mod sort;
mod transform;

pub use error::{Error, ErrorKind};
pub use field_spec::{FieldSpec, NewField};
pub use id::{Gvk, ResourceId};
pub use resource::{Behavior, History, PreviousName, Resource};
pub use resource_map::ResourceMap;
pub use scope::Scopes;
pub use transform::{Context, Transformer};
