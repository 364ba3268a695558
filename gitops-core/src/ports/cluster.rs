//! A Kubernetes API: reading, applying, deleting and watching objects of any kind.

use super::{Outlook, PortError};
use crate::object::Gvk;
use gitops_yaml::{Node, Str};
use std::fmt;
use std::future::Future;
use std::time::Duration;

/// How a cluster serves a kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServedKind {
    /// Group, version and kind.
    pub gvk: Gvk,
    /// The name in paths: `deployments`.
    pub plural: Str,
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
}

/// One object's address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectRef {
    /// Group, version and kind.
    pub gvk: Gvk,
    /// The namespace; empty for objects of the cluster.
    pub namespace: Str,
    /// The name.
    pub name: Str,
}

impl ObjectRef {
    /// Reads an object's address; what is missing is empty.
    #[must_use]
    pub fn of(object: &Node) -> Self {
        let text =
            |field| object.at_path(&["metadata", field]).and_then(Node::scalar).cloned().unwrap_or_default();
        Self { gvk: Gvk::of(object), namespace: text("namespace"), name: text("name") }
    }
}

/// `Deployment/namespace/name`, or `Namespace/name`, as Flux prints objects.
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.gvk.kind)?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

/// What to list or watch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// One namespace; all where `None`.
    pub namespace: Option<Str>,
    /// A label selector in kubectl's syntax; empty selects all.
    pub labels: String,
    /// A field selector in kubectl's syntax; empty selects all.
    pub fields: String,
    /// Whether objects come with `apiVersion`, `kind` and `metadata` alone.
    pub metadata_only: bool,
}

/// A list's items and where a watch goes on from it.
#[derive(Clone, Debug, Default)]
pub struct ObjectList {
    /// The objects; each has its `apiVersion` and `kind`.
    pub items: Vec<Node>,
    /// The list's resource version.
    pub resource_version: Str,
}

/// What happened to a watched object.
#[derive(Clone, Debug)]
pub enum WatchEvent {
    /// It was created, or came to match the selector.
    Added(Node),
    /// It was changed.
    Modified(Node),
    /// It was deleted, or matches no more.
    Deleted(Node),
    /// Nothing: all up to this resource version was seen.
    Bookmark(Str),
}

impl WatchEvent {
    /// Returns the resource version up to which everything was seen with this event.
    #[must_use]
    pub fn resource_version(&self) -> Option<Str> {
        match self {
            Self::Added(object) | Self::Modified(object) | Self::Deleted(object) => {
                object.at_path(&["metadata", "resourceVersion"])?.scalar().cloned()
            }
            Self::Bookmark(version) => Some(version.clone()),
        }
    }
}

/// A watch that is open. It ends when the server ends it; then watch anew from the last resource version seen.
pub trait Watch: Send {
    /// Waits for the next event; `None` where the watch has ended.
    ///
    /// # Errors
    /// [`ClusterFault::Expired`] where the resource version is too old: list again. Others where the connection breaks.
    fn next(&mut self) -> impl Future<Output = Option<Result<WatchEvent, ClusterError>>> + Send;
}

/// Who takes a field that another manager owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldConflicts {
    /// The server refuses with [`ClusterFault::Conflict`].
    #[default]
    Refused,
    /// The applier.
    TakenOver,
}

/// Whether a write is made or only tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WriteMode {
    /// It is made.
    #[default]
    Real,
    /// The server checks it and answers as if, and keeps nothing.
    DryRun,
}

/// Which part of an object a write changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// All but the status, where the kind has a status of its own.
    #[default]
    Main,
    /// The status alone.
    Status,
}

/// How an object is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// The field manager: `kustomize-controller`.
    pub manager: Str,
    /// For server-side apply: who takes fields of others.
    pub conflicts: FieldConflicts,
    /// Real or tried.
    pub mode: WriteMode,
    /// The part written.
    pub part: Part,
}

/// A change of an object in one of the forms that the API takes beside server-side apply.
#[derive(Clone, Debug)]
pub enum Patch {
    /// RFC 7386.
    Merge(Node),
    /// RFC 6902: a sequence of operations.
    Json(Node),
    /// Kubernetes' strategic merge; for built-in kinds alone.
    Strategic(Node),
}

/// What becomes of the objects that a deleted one owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// They go after it.
    #[default]
    Background,
    /// They go before it.
    Foreground,
    /// They stay.
    Orphan,
}

/// How an object is deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// What becomes of what it owns.
    pub propagation: Propagation,
    /// Only where it still has this uid.
    pub uid: Option<Str>,
    /// Real or tried.
    pub mode: WriteMode,
}

/// A Kubernetes API server, real or embedded.
///
/// Objects go in and come out whole, with `apiVersion` and `kind`. Nothing is cached but the kinds.
pub trait Cluster: Send + Sync {
    /// An open watch.
    type Watch: Watch;

    /// Returns how a kind is served; `None` where it is not.
    ///
    /// # Errors
    /// Where the cluster can't be asked.
    fn kind(&self, gvk: &Gvk) -> impl Future<Output = Result<Option<ServedKind>, ClusterError>> + Send;

    /// Lists every kind served, in its preferred version.
    ///
    /// # Errors
    /// Where the cluster can't be asked.
    fn kinds(&self) -> impl Future<Output = Result<Vec<ServedKind>, ClusterError>> + Send;

    /// Returns an object; `None` where there is none.
    ///
    /// # Errors
    /// [`ClusterFault::UnknownKind`], and where the cluster can't be asked or refuses.
    fn get(&self, target: &ObjectRef) -> impl Future<Output = Result<Option<Node>, ClusterError>> + Send;

    /// Lists objects of a kind.
    ///
    /// # Errors
    /// As [`Cluster::get`].
    fn list(
        &self,
        gvk: &Gvk,
        options: &ListOptions,
    ) -> impl Future<Output = Result<ObjectList, ClusterError>> + Send;

    /// Watches objects of a kind from a list's resource version on.
    ///
    /// # Errors
    /// As [`Cluster::get`].
    fn watch(
        &self,
        gvk: &Gvk,
        options: &ListOptions,
        resource_version: &str,
    ) -> impl Future<Output = Result<Self::Watch, ClusterError>> + Send;

    /// Creates an object and returns it as stored.
    ///
    /// # Errors
    /// [`ClusterFault::AlreadyExists`], [`ClusterFault::Invalid`] and as [`Cluster::get`].
    fn create(
        &self,
        object: &Node,
        options: &WriteOptions,
    ) -> impl Future<Output = Result<Node, ClusterError>> + Send;

    /// Replaces an object; where it carries a resource version, only if that is the stored one.
    ///
    /// # Errors
    /// [`ClusterFault::Conflict`] where the stored one is newer, and as [`Cluster::create`].
    fn replace(
        &self,
        object: &Node,
        options: &WriteOptions,
    ) -> impl Future<Output = Result<Node, ClusterError>> + Send;

    /// Applies an object on the server's side and returns it as stored.
    ///
    /// # Errors
    /// [`ClusterFault::Conflict`] where others own fields, [`ClusterFault::Invalid`], [`ClusterFault::Immutable`], and as
    /// [`Cluster::get`].
    fn apply(
        &self,
        object: &Node,
        options: &WriteOptions,
    ) -> impl Future<Output = Result<Node, ClusterError>> + Send;

    /// Changes an object and returns it as stored.
    ///
    /// # Errors
    /// [`ClusterFault::NotFound`], and as [`Cluster::apply`].
    fn patch(
        &self,
        target: &ObjectRef,
        patch: &Patch,
        options: &WriteOptions,
    ) -> impl Future<Output = Result<Node, ClusterError>> + Send;

    /// Deletes an object; returns whether there was one.
    ///
    /// # Errors
    /// [`ClusterFault::Conflict`] where the uid differs, and as [`Cluster::get`].
    fn delete(
        &self,
        target: &ObjectRef,
        options: &DeleteOptions,
    ) -> impl Future<Output = Result<bool, ClusterError>> + Send;
}

/// What went wrong, as far as a caller acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterFault {
    /// No such object.
    NotFound,
    /// The kind is not served (yet).
    UnknownKind,
    /// There is one already.
    AlreadyExists,
    /// Another writer or field manager was first.
    Conflict,
    /// The object breaks its schema or a rule.
    Invalid,
    /// A field that never changes would be changed.
    Immutable,
    /// The caller may not.
    Forbidden,
    /// The caller is not known; perhaps a token has expired.
    Unauthorized,
    /// A resource version is too old.
    Expired,
    /// The namespace is being deleted.
    Terminating,
    /// Too many requests, a time-out, a server's fault: try again.
    Busy,
    /// The server can't be reached.
    Unreachable,
    /// The caller gave up.
    Cancelled,
}

/// A call that a cluster refused or did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterError {
    /// What kind of failure it is.
    pub fault: ClusterFault,
    /// The HTTP status; 0 where none came.
    pub status: u16,
    /// The API's reason word: `Invalid`, `Forbidden`; empty where none came.
    pub reason: String,
    /// The server's message.
    pub message: String,
    /// What the server asked to wait.
    pub retry_after: Option<Duration>,
}

impl ClusterError {
    /// Makes an error that no server worded.
    #[must_use]
    pub fn new(fault: ClusterFault, message: impl Into<String>) -> Self {
        Self { fault, status: 0, reason: String::new(), message: message.into(), retry_after: None }
    }

    /// Returns what the caller should do.
    #[must_use]
    pub fn outlook(&self) -> Outlook {
        match self.fault {
            ClusterFault::Invalid | ClusterFault::Immutable | ClusterFault::Forbidden => Outlook::Stalled,
            ClusterFault::Cancelled => Outlook::GiveUp,
            ClusterFault::NotFound
            | ClusterFault::UnknownKind
            | ClusterFault::AlreadyExists
            | ClusterFault::Conflict
            | ClusterFault::Unauthorized
            | ClusterFault::Expired
            | ClusterFault::Terminating
            | ClusterFault::Busy
            | ClusterFault::Unreachable => Outlook::Retry { after: self.retry_after },
        }
    }
}

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ClusterError {}

impl From<ClusterError> for PortError {
    fn from(error: ClusterError) -> Self {
        let message = error.message.clone();
        let made = match error.outlook() {
            Outlook::Retry { after: Some(wait) } => Self::retry_after(wait, message),
            Outlook::Retry { after: None } => Self::retry(message),
            Outlook::Stalled => Self::stalled(message),
            Outlook::GiveUp => Self::give_up(message),
        };
        made.because(error)
    }
}

/// A cluster that several share.
impl<C: Cluster> Cluster for std::sync::Arc<C> {
    type Watch = C::Watch;

    async fn kind(&self, gvk: &Gvk) -> Result<Option<ServedKind>, ClusterError> {
        (**self).kind(gvk).await
    }
    async fn kinds(&self) -> Result<Vec<ServedKind>, ClusterError> {
        (**self).kinds().await
    }
    async fn get(&self, target: &ObjectRef) -> Result<Option<Node>, ClusterError> {
        (**self).get(target).await
    }
    async fn list(&self, gvk: &Gvk, options: &ListOptions) -> Result<ObjectList, ClusterError> {
        (**self).list(gvk, options).await
    }
    async fn watch(
        &self,
        gvk: &Gvk,
        options: &ListOptions,
        resource_version: &str,
    ) -> Result<C::Watch, ClusterError> {
        (**self).watch(gvk, options, resource_version).await
    }
    async fn create(&self, object: &Node, options: &WriteOptions) -> Result<Node, ClusterError> {
        (**self).create(object, options).await
    }
    async fn replace(&self, object: &Node, options: &WriteOptions) -> Result<Node, ClusterError> {
        (**self).replace(object, options).await
    }
    async fn apply(&self, object: &Node, options: &WriteOptions) -> Result<Node, ClusterError> {
        (**self).apply(object, options).await
    }
    async fn patch(
        &self,
        target: &ObjectRef,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Node, ClusterError> {
        (**self).patch(target, patch, options).await
    }
    async fn delete(&self, target: &ObjectRef, options: &DeleteOptions) -> Result<bool, ClusterError> {
        (**self).delete(target, options).await
    }
}
