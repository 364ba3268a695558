//! The whole of kustomize build as a pure library.

mod error;
mod id;
mod resource;
mod resource_map;
mod scope;
mod transform;

pub use error::{Error, ErrorKind};
pub use id::{Gvk, ResourceId};
pub use resource::{Behavior, History, PreviousName, Resource};
pub use resource_map::ResourceMap;
pub use scope::Scopes;
pub use transform::{Context, Transformer};
