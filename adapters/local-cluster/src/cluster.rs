//! The cluster as a handle that is cheap to clone, and as the port that engines use.

mod journal;
mod port;
mod watch;
mod world;

pub use watch::LocalWatch;

use crate::failure::Failure;
use crate::kinds::Resource;
use crate::store::{Store, StoreOptions, Subresource, Target};
use gitops_core::object::Gvk;
use gitops_core::ports::{ClusterError, ClusterFault};
use gitops_yaml::Str;
use journal::{Journal, Restored};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch as channel;
use world::World;

/// An embedded Kubernetes API, in memory or in a file. Clones are handles of one cluster.
///
/// ```
/// use gitops_core::ports::{Cluster, ObjectRef, WriteOptions};
/// use gitops_local_cluster::LocalCluster;
/// use gitops_yaml::{FileId, from_json};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let cluster = LocalCluster::new();
/// let read = |json: &str| from_json(json, FileId::default()).unwrap();
/// let namespace = read(r#"{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps"}}"#);
/// let map = read(
///     r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "apps"},
///         "data": {"colour": "blue"}}"#,
/// );
/// let options = WriteOptions { manager: "example".into(), ..WriteOptions::default() };
/// cluster.create(&namespace, &options).await?;
/// cluster.apply(&map, &options).await?;
/// let stored = cluster.get(&ObjectRef::of(&map)).await?.unwrap();
/// assert_eq!(stored.at_path(&["data", "colour"]).and_then(|node| node.as_str()), Some("blue"));
/// # Ok::<(), gitops_core::ports::ClusterError>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct LocalCluster {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// The revision of the last write.
    written: channel::Sender<u64>,
    /// The file that the cluster is kept in.
    journal: Option<Journal>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) world: World,
}

impl Default for LocalCluster {
    fn default() -> Self {
        Self::new()
    }
}

impl LocalCluster {
    /// Makes a cluster in memory with the namespaces that every cluster has.
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(StoreOptions::default())
    }

    /// Makes a cluster in memory.
    #[must_use]
    pub fn with_options(options: StoreOptions) -> Self {
        let mut world = World::default();
        let store = Store::new(options, &mut world);
        Self::of(store, world, None)
    }

    /// Opens a cluster that is kept in a file, which is made where there is none. What was answered as written is there
    /// again, however the process ended. One process at a time can open a file.
    ///
    /// # Errors
    /// Where the file can't be opened or is no such file, and where another process has it open.
    pub fn open(path: &Path, options: StoreOptions) -> io::Result<Self> {
        let mut world = World::default();
        let Restored { journal, objects, revision } = Journal::open(path)?;
        let store = Store::restored(options, objects, revision, &mut world);
        let cluster = Self::of(store, world, Some(journal));
        cluster.write(|_, _| ());
        Ok(cluster)
    }

    fn of(store: Store, world: World, journal: Option<Journal>) -> Self {
        let (written, _) = channel::channel(store.revision());
        Self { shared: Arc::new(Shared { state: Mutex::new(State { store, world }), written, journal }) }
    }

    /// Waits until what was written is in the file that the cluster is kept in, if it is kept in one.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub(crate) async fn settled(&self) -> Result<(), Failure> {
        match &self.shared.journal {
            Some(journal) => journal.settled().await,
            None => Ok(()),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A panic while writing leaves the store as it was before or after one write.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the store and wakes those who watch it.
    pub(crate) fn write<T>(&self, change: impl FnOnce(&mut Store, &mut World) -> T) -> T {
        let mut state = self.state();
        let State { store, world } = &mut *state;
        let before = store.revision();
        let out = change(store, world);
        let after = store.revision();
        if let Some(journal) = &self.shared.journal {
            let touched = store.take_touched();
            if !touched.is_empty() {
                journal.send(after, touched);
            }
        }
        drop(state);
        if after != before {
            self.shared.written.send_replace(after);
        }
        out
    }

    pub(crate) fn changes(&self) -> channel::Receiver<u64> {
        self.shared.written.subscribe()
    }

    fn find(&self, gvk: &Gvk) -> Result<(Arc<Resource>, usize), ClusterError> {
        let state = self.state();
        match state.store.kinds().by_kind(gvk) {
            Some((resource, version)) => Ok((resource.clone(), version)),
            None => Err(unknown_kind(gvk)),
        }
    }

    fn target(
        &self,
        gvk: &Gvk,
        namespace: &str,
        name: &str,
        part: Subresource,
    ) -> Result<Target, ClusterError> {
        let (resource, version) = self.find(gvk)?;
        let namespace = if resource.namespaced { Str::from(namespace) } else { Str::EMPTY };
        if resource.namespaced && namespace.is_empty() && !name.is_empty() {
            let message = "an empty namespace may not be set when a resource name is provided";
            return Err(Failure::bad_request(message).into());
        }
        Ok(Target { resource, version, namespace, name: name.into(), part })
    }
}

fn unknown_kind(gvk: &Gvk) -> ClusterError {
    ClusterError {
        fault: ClusterFault::UnknownKind,
        status: 404,
        reason: "NotFound".to_owned(),
        message: format!(
            "no matches for kind {:?} in version {:?}",
            gvk.kind.as_str(),
            gvk.api_version().as_str()
        ),
        retry_after: None,
    }
}
