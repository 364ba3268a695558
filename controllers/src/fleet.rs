//! A whole repository as its controllers would apply it, without a cluster.
//!
//! [`Fleet`] finds the Flux Kustomizations of a tree, follows each to its path and to what that holds - nested
//! Kustomizations, HelmReleases and their charts - and returns every object with the app that applies it. What can't be
//! known without a cluster or a network is left as a [`Gap`] with its place.

mod app;
mod cache;
pub mod diff;
mod elsewhere;
pub mod explain;
mod flux;
mod graph;
pub(crate) mod kustomize;
pub mod live;
mod local;
mod ports;
mod recorder;
pub(crate) mod release;
mod render;
mod roots;
mod scan;
mod sealed;
mod seeds;
mod select;
mod tree;
pub mod validate;
mod variables;

pub use app::{App, AppId, AppKind, Dependency, Gap, RenderedObject, Severity};
pub use cache::Cache;
pub use flux::{SourceRef, short_kind};
pub use graph::{Edge, EdgeKind, Graph, GraphNode};
pub use local::{Local, specification};
pub use ports::{
    Charts, Digests, NoCharts, NoDigests, OneByOne, RemoteChart, RemoteFiles, RemoteTree, Workers,
};
pub use recorder::{Digest, Reads};
pub use render::{Fleet, KeepNodes, Rendered};
pub use seeds::{seeds, source_of};
pub use select::Selector;
pub use tree::Detail;
