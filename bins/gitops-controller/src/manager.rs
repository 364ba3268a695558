//! Drives the reconcilers: watches fill a cache, changes and times fill a queue, a bounded number of tasks empties it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::configs::watch_configs;
use crate::drift::watch_applied;
use gitops_controllers::queue::Queue;
use gitops_controllers::trigger::concerned;
use gitops_controllers::{Cache, Context, Event, Key, Kind, Next, Outcome, World};
use gitops_core::apply::{Follower, Seen};
use gitops_core::ports::{Clock, Cluster, ClusterFault, ListOptions, WatchEvent};
use gitops_yaml::Node;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::time::{sleep, timeout};

/// How the manager works, beyond what concerns single objects.
#[derive(Clone, Debug)]
pub struct ManagerOptions {
    /// How many objects of one kind are reconciled at once: 4.
    pub concurrent: usize,
    /// The kinds that are looked after: all.
    pub kinds: Vec<Kind>,
    /// One namespace to watch; all where `None`.
    pub namespace: Option<String>,
    /// A label selector for objects to look after; empty for all. Flux's `--watch-label-selector`.
    pub labels: String,
    /// A label selector for the ConfigMaps and Secrets whose changes are answered at once; empty for none. Flux's
    /// `--watch-configs-label-selector`.
    pub configs: String,
    /// How long running work may take to end after the stop: 30 s.
    pub grace: Duration,
}

impl Default for ManagerOptions {
    fn default() -> Self {
        Self {
            concurrent: 4,
            kinds: Kind::ALL.to_vec(),
            namespace: None,
            labels: String::new(),
            configs: "reconcile.fluxcd.io/watch=Enabled".into(),
            grace: Duration::from_secs(30),
        }
    }
}

/// What a watch has shown.
enum Change {
    Is(Key, Box<Node>),
    Gone(Key),
    /// All objects of a kind, after a list.
    Listed(Kind, Vec<Key>),
}

/// Something worth showing to a person who looks on.
#[derive(Clone, Debug)]
pub enum Progress {
    /// A reconciliation has begun.
    Started(Key),
    /// A reconciliation has ended: how long it took, and when the object comes back.
    Ended(Key, Duration, Next),
    /// An object is gone.
    Gone(Key),
    /// An event was told.
    Told(Event),
}

/// The controllers of all kinds in one loop.
#[derive(Debug)]
pub struct Manager<W> {
    context: Arc<Context<W>>,
    options: ManagerOptions,
    progress: Option<mpsc::UnboundedSender<Progress>>,
    /// The objects as they were when those whom they concern were last told.
    told: HashMap<Key, Arc<Node>>,
    /// The kinds of which not all objects are known yet.
    unlisted: HashSet<Kind>,
}

/// How long the work waits at most until all kinds were listed once: what is not known yet would be reported as missing.
const FIRST_LOOK: Duration = Duration::from_secs(10);

impl<W: World> Manager<W> {
    /// Makes a manager; nothing runs yet.
    pub fn new(context: Arc<Context<W>>, options: ManagerOptions) -> Self {
        let unlisted = options.kinds.iter().copied().collect();
        Self { context, options, progress: None, told: HashMap::new(), unlisted }
    }

    /// Sends what happens to a channel.
    #[must_use]
    pub fn show(mut self, progress: mpsc::UnboundedSender<Progress>) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Runs until `stop` becomes true, then lets running work end within the grace time.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let (changes, mut changed) = mpsc::channel(1024);
        let (ended, mut endings) = mpsc::channel::<(Key, Outcome, Duration)>(64);
        let told = Arc::new(Notify::new());
        let mut tasks = tokio::task::JoinSet::new();
        for kind in &self.options.kinds {
            let look = Look {
                context: Arc::clone(&self.context),
                kind: *kind,
                options: ListOptions {
                    namespace: self.options.namespace.as_deref().map(Into::into),
                    labels: self.options.labels.clone(),
                    ..ListOptions::default()
                },
                changes: changes.clone(),
            };
            tasks.spawn(look.run());
        }
        tasks.spawn(tell(Arc::clone(&self.context), Arc::clone(&told), self.progress.clone()));
        let (drifted, mut drifts) = mpsc::channel(64);
        if !self.options.configs.is_empty() {
            for kind in ["ConfigMap", "Secret"] {
                let options = ListOptions {
                    namespace: self.options.namespace.as_deref().map(Into::into),
                    labels: self.options.configs.clone(),
                    ..ListOptions::default()
                };
                tasks.spawn(watch_configs(Arc::clone(&self.context), kind, options, drifted.clone()));
            }
        }
        if self.options.namespace.is_none() {
            tasks.spawn(watch_applied(Arc::clone(&self.context), drifted));
        }
        let mut queue = Queue::new(self.options.concurrent);
        let mut running = tokio::task::JoinSet::new();
        let patience = self.now() + FIRST_LOOK;
        loop {
            let now = self.now();
            let has_looked = self.unlisted.is_empty() || now >= patience;
            while has_looked && let Some(key) = queue.take(now) {
                self.progress(|| Progress::Started(key.clone()));
                let (context, ended) = (Arc::clone(&self.context), ended.clone());
                running.spawn(async move {
                    let begun = context.world.clock().now();
                    let outcome = context.reconcile(&key).await;
                    let took = context.world.clock().now().saturating_sub(begun);
                    // Nobody listens only after the stop.
                    drop(ended.send((key, outcome, took)).await);
                });
            }
            let next = match has_looked {
                true => queue.next_due().unwrap_or(now + Duration::from_secs(3600)),
                false => patience,
            };
            let wait = next.saturating_sub(self.now());
            tokio::select! {
                biased;
                result = stop.wait_for(|stop| *stop) => {
                    drop(result);
                    break;
                }
                Some((key, outcome, took)) = endings.recv() => {
                    queue.done(&key);
                    while running.try_join_next().is_some() {}
                    self.progress(|| Progress::Ended(key.clone(), took, outcome.next));
                    told.notify_one();
                    self.schedule(&mut queue, key, outcome);
                }
                Some(change) = changed.recv() => {
                    self.learn(&mut queue, change);
                    // Many changes come at once: take them all before looking for work.
                    while let Ok(change) = changed.try_recv() {
                        self.learn(&mut queue, change);
                    }
                }
                Some((key, wait)) = drifts.recv() => queue.add(key, self.now() + wait),
                () = sleep(wait) => {}
            }
        }
        self.context.stopping.store(true, Ordering::Relaxed);
        drop(endings);
        drop(timeout(self.options.grace, async { while running.join_next().await.is_some() {} }).await);
        told.notify_one();
        tasks.abort_all();
    }

    fn now(&self) -> Duration {
        self.context.world.clock().now()
    }

    fn progress(&self, what: impl FnOnce() -> Progress) {
        if let Some(progress) = &self.progress {
            drop(progress.send(what()));
        }
    }

    fn schedule(&self, queue: &mut Queue, key: Key, outcome: Outcome) {
        let now = self.now();
        for woken in outcome.wake {
            queue.add(woken, now);
        }
        match outcome.next {
            Next::After(time) => {
                queue.succeeded(&key);
                queue.add(key, now + time);
            }
            Next::Backoff => {
                let wait = queue.failed(&key);
                queue.add(key, now + self.context.spread(wait));
            }
            Next::Soon(most) => {
                let wait = queue.failed(&key).min(most);
                queue.add(key, now + self.context.spread(wait));
            }
            Next::OnChange => queue.succeeded(&key),
        }
    }

    fn learn(&mut self, queue: &mut Queue, change: Change) {
        let now = self.now();
        let cache: &Cache = &self.context.cache;
        let mut wake = |keys: Vec<Key>| {
            for key in keys {
                queue.add(key, now);
            }
        };
        match change {
            Change::Is(key, object) => {
                cache.put(&key, *object);
                // An own write may have brought the object into the cache before; what it concerns was not told then.
                let current = cache.get(&key);
                wake(concerned(cache, &key, self.told.get(&key).map(Arc::as_ref), current.as_deref()));
                if let Some(current) = current {
                    self.told.insert(key, current);
                }
            }
            Change::Gone(key) => {
                cache.remove(&key);
                let before = self.told.remove(&key);
                self.context.memory.remove(&key);
                wake(concerned(cache, &key, before.as_deref(), None));
                queue.forget(&key);
                self.progress(|| Progress::Gone(key));
            }
            Change::Listed(kind, keys) => {
                self.unlisted.remove(&kind);
                for key in cache.retain(kind, &keys) {
                    self.told.remove(&key);
                    self.context.memory.remove(&key);
                    queue.forget(&key);
                    self.progress(|| Progress::Gone(key));
                }
            }
        }
    }
}

/// One kind's list and watch, for ever.
struct Look<W> {
    context: Arc<Context<W>>,
    kind: Kind,
    options: ListOptions,
    changes: mpsc::Sender<Change>,
}

impl<W: World> Look<W> {
    async fn run(self) {
        let mut wait = Duration::from_millis(100);
        loop {
            let longest = match self.follow(&mut wait).await {
                Broken::Ended => return,
                Broken::NotServed => {
                    // There are none of a kind that is not served.
                    if self.send(Change::Listed(self.kind, Vec::new())).await.is_err() {
                        return;
                    }
                    Duration::from_secs(10)
                }
                Broken::Failed(why) => {
                    tracing::warn!(kind = %self.kind, error = %why, "the watch broke");
                    Duration::from_secs(30)
                }
            };
            wait = (wait * 2).min(longest);
            sleep(wait).await;
        }
    }

    /// Lists and watches until the kind is no longer served as it was, or asking fails.
    async fn follow(&self, wait: &mut Duration) -> Broken {
        let cluster = self.context.world.cluster();
        let mut gvk = None;
        for version in self.kind.versions() {
            let wanted = self.kind.gvk_of(version);
            match cluster.kind(&wanted).await {
                Ok(Some(_)) => {
                    gvk = Some(wanted);
                    break;
                }
                Ok(None) => {}
                Err(error) => return Broken::Failed(error.to_string()),
            }
        }
        let Some(gvk) = gvk else { return Broken::NotServed };
        let mut follower = Follower::new(cluster, gvk, self.options.clone());
        loop {
            let sent = match follower.next().await {
                Ok(Seen::All(objects)) => self.send_all(objects).await,
                Ok(Seen::Event(WatchEvent::Added(object) | WatchEvent::Modified(object))) => {
                    self.send_one(object, |key, object| Change::Is(key, Box::new(object))).await
                }
                Ok(Seen::Event(WatchEvent::Deleted(object))) => {
                    self.send_one(object, |key, _| Change::Gone(key)).await
                }
                Ok(Seen::Event(WatchEvent::Bookmark(_))) => Ok(()),
                // A server that ends watches at once is not to be asked in a circle.
                Ok(Seen::Quiet) => {
                    sleep(Duration::from_millis(20)).await;
                    continue;
                }
                // It may be served in another version now.
                Err(error) if matches!(error.fault, ClusterFault::NotFound | ClusterFault::UnknownKind) => {
                    return Broken::Failed(error.to_string());
                }
                Err(error) => {
                    tracing::warn!(kind = %self.kind, error = %error, "the watch broke");
                    *wait = (*wait * 2).min(Duration::from_secs(30));
                    sleep(*wait).await;
                    continue;
                }
            };
            if sent.is_err() {
                return Broken::Ended;
            }
            *wait = Duration::from_millis(100);
        }
    }

    async fn send_all(&self, objects: Vec<Node>) -> Result<(), Broken> {
        let mut keys = Vec::with_capacity(objects.len());
        for object in objects {
            let Some(key) = Key::of(&object) else { continue };
            keys.push(key.clone());
            self.send(Change::Is(key, Box::new(object))).await?;
        }
        self.send(Change::Listed(self.kind, keys)).await
    }

    async fn send_one(&self, object: Node, change: impl FnOnce(Key, Node) -> Change) -> Result<(), Broken> {
        match Key::of(&object) {
            Some(key) => self.send(change(key, object)).await,
            None => Ok(()),
        }
    }

    async fn send(&self, change: Change) -> Result<(), Broken> {
        self.changes.send(change).await.map_err(|_| Broken::Ended)
    }
}

enum Broken {
    Ended,
    NotServed,
    Failed(String),
}

/// How many notices are sent at once.
const SENT_AT_ONCE: usize = 16;
/// How many notices wait to be sent; what comes beyond is lost, and told so.
const WAITING: usize = 1024;

/// Sends what the reconcilers told: as Events of the cluster, and through the alerts to people. A server that does not answer
/// holds up neither reconcilers nor the notices of others.
async fn tell<W: World>(
    context: Arc<Context<W>>,
    told: Arc<Notify>,
    progress: Option<mpsc::UnboundedSender<Progress>>,
) {
    let places = Arc::new(Semaphore::new(SENT_AT_ONCE));
    let mut sending = tokio::task::JoinSet::new();
    loop {
        drop(timeout(Duration::from_millis(500), told.notified()).await);
        for event in context.outbox.take() {
            if let Some(progress) = &progress {
                drop(progress.send(Progress::Told(event.clone())));
            }
            while sending.try_join_next().is_some() {}
            for delivery in context.route(&event) {
                if sending.len() >= WAITING {
                    context.dropped(&delivery);
                    continue;
                }
                let (context, places) = (Arc::clone(&context), Arc::clone(&places));
                sending.spawn(async move {
                    // The semaphore is never closed.
                    let place = places.acquire().await;
                    context.send(delivery).await;
                    drop(place);
                });
            }
            context.deliver(&event).await;
        }
    }
}
