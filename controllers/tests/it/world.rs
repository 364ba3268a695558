//! A world of fakes, and a loop that reconciles in it until nothing is left to do.

use std::sync::Arc;
use std::time::Duration;

use gitops_controllers::queue::Queue;
use gitops_controllers::trigger::concerned;
use gitops_controllers::{ClusterAccess, Context, HttpAccess, Key, Kind, Next, Settings, World};
use gitops_core::ports::{
    Clock, Cluster, DeleteOptions, FieldConflicts, ListOptions, ObjectRef, PortError, WriteOptions,
};
use gitops_core::testing::{
    FakeCharts, FakeCluster, FakeGit, FakeNotify, FakeRegistry, FakeStore, FixedClock,
};
use gitops_core::tree::MemTree;
use gitops_yaml::{FileId, Node, ReadOptions, read_stream};

pub(crate) struct FakeWorld {
    pub(crate) cluster: Arc<FakeCluster>,
    pub(crate) git: FakeGit,
    pub(crate) registry: Arc<FakeRegistry>,
    pub(crate) notify: Arc<FakeNotify>,
    pub(crate) charts: Arc<FakeCharts>,
    pub(crate) store: FakeStore,
    pub(crate) clock: FixedClock,
    /// How registries were reached.
    pub(crate) access: std::sync::Mutex<Vec<HttpAccess>>,
    /// As whom, and on which cluster, objects were applied where that was not the controller itself on its own.
    pub(crate) through: std::sync::Mutex<Vec<ClusterAccess>>,
}

impl World for FakeWorld {
    type Cluster = Arc<FakeCluster>;
    type Git = FakeGit;
    type Registry = Arc<FakeRegistry>;
    type Notify = Arc<FakeNotify>;
    type Charts = Arc<FakeCharts>;
    type Store = FakeStore;
    type Clock = FixedClock;

    fn cluster(&self) -> &Arc<FakeCluster> {
        &self.cluster
    }
    async fn cluster_through(&self, access: &ClusterAccess) -> Result<Arc<FakeCluster>, PortError> {
        self.through.lock().unwrap().push(access.clone());
        Ok(self.cluster.clone())
    }
    fn git(&self) -> &FakeGit {
        &self.git
    }
    fn registry(&self, access: &HttpAccess) -> Result<Arc<FakeRegistry>, PortError> {
        self.access.lock().unwrap().push(access.clone());
        Ok(self.registry.clone())
    }
    fn charts(&self, _: &str, _: &HttpAccess) -> Result<Arc<FakeCharts>, PortError> {
        Ok(self.charts.clone())
    }
    fn notifier(&self, _: &HttpAccess) -> Result<Arc<FakeNotify>, PortError> {
        Ok(self.notify.clone())
    }
    fn store(&self) -> &FakeStore {
        &self.store
    }
    fn clock(&self) -> &FixedClock {
        &self.clock
    }
    fn random(&self) -> f64 {
        0.5
    }
}

/// A controller in a world of fakes.
pub(crate) struct Fleet {
    pub(crate) context: Context<FakeWorld>,
    queue: Queue,
    told: std::collections::HashMap<Key, std::sync::Arc<Node>>,
    events: Vec<String>,
    life: Life,
}

/// Whether a controller ends where it has to wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Safe,
    AtRisk,
    Over,
}

impl Fleet {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let world = FakeWorld {
            cluster: Arc::default(),
            git: FakeGit::default(),
            registry: Arc::default(),
            notify: Arc::default(),
            charts: Arc::default(),
            store: FakeStore::default(),
            clock: FixedClock::at(Duration::from_secs(1_767_323_045)),
            access: std::sync::Mutex::default(),
            through: std::sync::Mutex::default(),
        };
        for definition in gitops_core::api::open_definitions() {
            world.cluster.put(definition);
        }
        Self::in_world(world, settings)
    }

    fn in_world(world: FakeWorld, settings: Settings) -> Self {
        let context = Context::new(world, settings);
        Self {
            context,
            queue: Queue::new(4),
            told: std::collections::HashMap::new(),
            events: Vec::new(),
            life: Life::Safe,
        }
    }

    /// Applies objects as a user would.
    pub(crate) fn apply(&self, text: &str) {
        for object in nodes(text) {
            let options = WriteOptions {
                manager: "kubectl".into(),
                conflicts: FieldConflicts::TakenOver,
                ..WriteOptions::default()
            };
            block_on(self.context.world.cluster.apply(&object, &options)).unwrap();
        }
    }

    /// Looks at all objects as a watch would, and reconciles until nothing is due. Panics where it never ends.
    pub(crate) fn settle(&mut self) {
        for _ in 0..1000 {
            self.look();
            let now = self.context.world.clock.now();
            if self.life == Life::Over {
                return;
            }
            let Some(key) = self.queue.take(now) else { return };
            let outcome = match self.life {
                Life::AtRisk => poll_once(self.context.reconcile(&key)),
                _ => Some(block_on(self.context.reconcile(&key))),
            };
            let Some(outcome) = outcome else {
                self.life = Life::Over;
                return;
            };
            self.queue.done(&key);
            for woken in outcome.wake {
                self.queue.add(woken, now);
            }
            match outcome.next {
                Next::After(time) => {
                    self.queue.succeeded(&key);
                    self.queue.add(key, now + time);
                }
                Next::Backoff => {
                    let wait = self.queue.failed(&key);
                    self.queue.add(key, now + wait);
                }
                Next::Soon(most) => {
                    let wait = self.queue.failed(&key).min(most);
                    self.queue.add(key, now + wait);
                }
                Next::OnChange => self.queue.succeeded(&key),
            }
            for event in self.context.outbox.take() {
                self.events.push(format!("{}: {}", event.reason, event.message));
                block_on(self.context.deliver(&event));
                for delivery in self.context.route(&event) {
                    block_on(self.context.send(delivery));
                }
            }
        }
        panic!("there is always more to do");
    }

    /// Ends the controller at the nth call of this name to the cluster, before it is made.
    pub(crate) fn kill_at(&mut self, call: &str, nth: usize) {
        self.life = Life::AtRisk;
        kill_at(&self.context.world.cluster.faults, call, nth);
    }

    /// Ends the controller at the nth call of this name to git, before it is made.
    pub(crate) fn kill_git_at(&mut self, call: &str, nth: usize) {
        self.life = Life::AtRisk;
        kill_at(&self.context.world.git.faults, call, nth);
    }

    /// Returns whether the controller was ended.
    pub(crate) fn is_dead(&self) -> bool {
        self.life == Life::Over
    }

    /// Starts a controller that knows nothing in the same world.
    pub(crate) fn restart(self) -> Self {
        Self::in_world(self.context.world, self.context.settings)
    }

    /// Lets the controller live, whatever is still to come.
    pub(crate) fn be_safe(&mut self) {
        self.life = Life::Safe;
    }

    /// Returns the events since this was last asked, as `reason: message`.
    pub(crate) fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events)
    }

    /// Lets time pass, then settles.
    pub(crate) fn after(&mut self, time: Duration) {
        self.context.world.clock.advance(time);
        self.settle();
    }

    fn look(&mut self) {
        for kind in Kind::ALL {
            let list = block_on(self.context.world.cluster.list(&kind.gvk(), &ListOptions::default()));
            let mut keys = Vec::new();
            for object in list.map(|list| list.items).unwrap_or_default() {
                let key = Key::of(&object).unwrap();
                keys.push(key.clone());
                self.context.cache.put(&key, object);
                let current = self.context.cache.get(&key);
                let before = self.told.get(&key).cloned();
                self.wake(&key, before.as_deref(), current.as_deref());
                self.told.extend(current.map(|current| (key, current)));
            }
            for gone in self.context.cache.retain(kind, &keys) {
                let before = self.told.remove(&gone);
                self.wake(&gone, before.as_deref(), None);
                self.queue.forget(&gone);
            }
        }
    }

    fn wake(&mut self, key: &Key, before: Option<&Node>, after: Option<&Node>) {
        for woken in concerned(&self.context.cache, key, before, after) {
            self.queue.add(woken, self.context.world.clock.now());
        }
    }

    /// Deletes an object as a user would.
    pub(crate) fn delete(&self, key: &Key) {
        block_on(self.context.world.cluster.delete(&key.address(None), &DeleteOptions::default())).unwrap();
    }

    /// Returns an object of the cluster.
    pub(crate) fn get(&self, version: &str, kind: &str, name: &str) -> Option<Node> {
        let target = ObjectRef {
            gvk: gitops_core::object::Gvk::new(version, kind),
            namespace: "flux-system".into(),
            name: name.into(),
        };
        self.context.world.cluster.stored(&target)
    }

    /// Returns the `Ready` condition of an object as `status reason: message`.
    pub(crate) fn ready(&self, key: &Key) -> String {
        let object = self.context.cache.get(key).unwrap();
        let condition = gitops_controllers::status::condition_of(&object, "Ready");
        let text = |field| {
            condition.and_then(|condition| condition.get(field)).and_then(Node::as_str).unwrap_or_default()
        };
        format!("{} {}: {}", text("status"), text("reason"), text("message"))
    }
}

/// Makes a tree of files.
pub(crate) fn tree(files: &[(&str, &str)]) -> MemTree {
    let mut tree = MemTree::new();
    for (path, content) in files {
        tree.add_file(path, content).unwrap();
    }
    tree
}

/// Reads a YAML stream.
pub(crate) fn nodes(text: &str) -> Vec<Node> {
    let documents = read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::yaml11()).unwrap();
    documents.into_iter().map(|document| document.root).filter(Node::is_mapping).collect()
}

fn kill_at(faults: &gitops_core::testing::Faults, call: &str, nth: usize) {
    for _ in 0..nth {
        faults.push(call, gitops_core::testing::Fault::Delay(0));
    }
    faults.push(call, gitops_core::testing::Fault::Delay(1));
}

/// Runs a future until it has to wait, and drops it there.
fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    let future = std::pin::pin!(future);
    match future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

/// Runs a future of fakes, which never wait for anything but their own wake-ups.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
