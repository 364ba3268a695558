//! What operations on releases need of the world: a cluster, a place for records, the time.

use std::fmt;
use std::future::Future;

use gitops_yaml::{Node, Str};

use super::record::{ApplyMethod, Release};
use crate::Time;

/// Names an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    /// `v1`, `apps/v1`
    pub api_version: Str,
    /// The kind.
    pub kind: Str,
    /// The namespace; empty for objects of the whole cluster.
    pub namespace: Str,
    /// The name.
    pub name: Str,
}

/// Whether objects of a kind live in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// They do.
    Namespaced,
    /// They belong to the whole cluster.
    Cluster,
}

/// An object to apply.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its name.
    pub id: ObjectId,
    /// All of it, with the namespace filled in.
    pub content: Node,
}

/// What a cluster refuses with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterError(pub String);

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ClusterError {}

/// How an object is applied.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Apply {
    /// The object.
    pub object: Object,
    /// Who merges.
    pub method: ApplyMethod,
    /// Whether fields of others are taken over; for the server's merge alone.
    pub conflicts: Conflicts,
    /// What was applied last, for the client's merge; `None` creates the object.
    pub previous: Option<Node>,
}

/// What happens where another manager owns a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conflicts {
    /// The server refuses.
    #[default]
    Refused,
    /// The field is taken over.
    TakenOver,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFor {
    /// Objects are ready, by the caller's strategy: perhaps at once.
    Ready,
    /// As [`WaitFor::Ready`], and jobs are done.
    ReadyAndJobsDone,
    /// A hook is done: its job or pod ran to its end, other objects exist.
    HookDone,
    /// Objects are gone.
    Gone,
}

/// A cluster, as far as releases need it. Waiting strategies and time limits are the caller's.
pub trait Cluster: Send + Sync {
    /// Says whether objects of a kind live in a namespace; `None` where the kind is not served.
    ///
    /// # Errors
    /// That the cluster can't be asked.
    fn scope(
        &self,
        api_version: &str,
        kind: &str,
    ) -> impl Future<Output = Result<Option<Scope>, ClusterError>> + Send;

    /// Returns an object; `None` where there is none.
    ///
    /// # Errors
    /// That the cluster can't be asked, or refuses.
    fn get(&self, id: &ObjectId) -> impl Future<Output = Result<Option<Node>, ClusterError>> + Send;

    /// Creates or changes an object.
    ///
    /// # Errors
    /// Why the cluster refuses.
    fn apply(&self, apply: &Apply) -> impl Future<Output = Result<(), ClusterError>> + Send;

    /// Deletes an object; one that is not there is fine.
    ///
    /// # Errors
    /// Why the cluster refuses.
    fn delete(&self, id: &ObjectId) -> impl Future<Output = Result<(), ClusterError>> + Send;

    /// Waits for objects.
    ///
    /// # Errors
    /// What is not as it should be when the time is over.
    fn wait(
        &self,
        objects: &[ObjectId],
        wanted: WaitFor,
    ) -> impl Future<Output = Result<(), ClusterError>> + Send;
}

/// Where records are kept: Secrets of the release's namespace, ConfigMaps, memory.
pub trait ReleaseStore: Send + Sync {
    /// Returns all records of a release, in any order; none is no error.
    ///
    /// # Errors
    /// That the records can't be read.
    fn history(&self, name: &str) -> impl Future<Output = Result<Vec<Release>, ClusterError>> + Send;

    /// Returns one record.
    ///
    /// # Errors
    /// That the record can't be read.
    fn get(
        &self,
        name: &str,
        revision: i64,
    ) -> impl Future<Output = Result<Option<Release>, ClusterError>> + Send;

    /// Returns the records of a release that are deployed.
    ///
    /// # Errors
    /// That the records can't be read.
    fn deployed(&self, name: &str) -> impl Future<Output = Result<Vec<Release>, ClusterError>> + Send;

    /// Writes a new record.
    ///
    /// # Errors
    /// Why it can't be written; a record that is there already too.
    fn create(&self, release: &Release) -> impl Future<Output = Result<(), ClusterError>> + Send;

    /// Writes a record over.
    ///
    /// # Errors
    /// Why it can't be written.
    fn update(&self, release: &Release) -> impl Future<Output = Result<(), ClusterError>> + Send;

    /// Deletes a record.
    ///
    /// # Errors
    /// Why it can't be deleted.
    fn delete(&self, name: &str, revision: i64) -> impl Future<Output = Result<(), ClusterError>> + Send;
}

/// Tells the time.
pub trait Now: Send + Sync {
    /// Returns the time.
    fn now(&self) -> Time;
}
