//! What every reconciler is given, and what it answers.

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gitops_core::object::Gvk;
use gitops_core::ports::{Clock, Cluster, ClusterError, ClusterFault, ObjectRef, Part, Patch, WriteOptions};
use gitops_core::substitute::Strictness;
use gitops_yaml::{Node, Str};

use crate::artifact::Trees;
use crate::cache::Cache;
use crate::drift::Drift;
use crate::event::{Event, Outbox, Severity};
use crate::kind::{Key, Kind};
use crate::memory::Memory;
use crate::notification::Limiter;
use crate::origin::Origins;
use crate::status::{Status, Truth};
use crate::time::rfc3339;
use crate::world::World;

/// The finalizer of Flux's controllers.
pub const FINALIZER: &str = "finalizers.fluxcd.io";
/// The annotation that asks for a reconciliation now.
pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

/// What an operator chooses for all objects.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long an object waits for another that is not ready, where no watch tells: 30 s.
    pub requeue_dependency: Duration,
    /// How much intervals are spread, as a share: 0.05.
    pub jitter: f64,
    /// Whether objects may refer to other namespaces.
    pub cross_namespace: CrossNamespace,
    /// The account that objects without one act as; the controller's own where `None`.
    pub default_service_account: Option<String>,
    /// What an unset variable is: an error since Flux 2.9, an empty text before.
    pub substitution: Strictness,
    /// Whether `file://` repositories may be read: only where the controller runs on a person's own machine.
    pub local_git: bool,
    /// Whether kustomizations may take bases from other repositories and web servers.
    pub remote_bases: RemoteBases,
    /// Where artifacts can be fetched: `http://host`, no slash at the end.
    pub artifact_address: String,
    /// How long an event is not told again to people: 5 m.
    pub rate_limit: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            requeue_dependency: Duration::from_secs(30),
            jitter: 0.05,
            cross_namespace: CrossNamespace::Allowed,
            default_service_account: None,
            substitution: Strictness::Strict,
            local_git: false,
            remote_bases: RemoteBases::Fetched,
            artifact_address: "http://source-controller.flux-system.svc.cluster.local.".into(),
            rate_limit: Duration::from_secs(300),
        }
    }
}

/// Whether objects may refer to other namespaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CrossNamespace {
    /// They may.
    #[default]
    Allowed,
    /// They may not: Flux's `--no-cross-namespace-refs`.
    Blocked,
}

/// Whether kustomizations may take bases from elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RemoteBases {
    /// They are fetched at each reconciliation.
    #[default]
    Fetched,
    /// They are refused: Flux's `--no-remote-bases`.
    Refused,
}

/// Why a reconciliation could not end well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason of the `Ready` condition and of the event.
    pub reason: &'static str,
    /// The message of both.
    pub message: String,
    /// Whether and when to try again.
    pub retry: Retry,
    /// Whether an event says it beside the status.
    pub told: Told,
}

/// Whether an event says a failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Told {
    /// It does.
    #[default]
    Event,
    /// The status alone: others are not done yet, and nobody has to do anything.
    Status,
    /// Nothing, where the object is ready: after a start, what was lost is stored anew within moments.
    Nothing,
}

/// Whether and when to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Only when something changes: the configuration is wrong.
    Never,
    /// After a time that grows with each failure.
    Backoff,
    /// After a time that grows with each failure, up to this one: it was the cluster's fault, and such faults pass soon.
    Soon(Duration),
    /// After this time.
    After(Duration),
}

impl Failure {
    /// Makes a failure that may pass.
    pub fn passing(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), retry: Retry::Backoff, told: Told::Event }
    }

    /// Makes a failure that is expected to pass within moments, such as a server's that is busy.
    pub fn soon(reason: &'static str, message: impl Into<String>) -> Self {
        Self { retry: Retry::Soon(Duration::MAX), ..Self::passing(reason, message) }
    }

    /// Makes a failure that nobody needs to know of as long as the object is ready.
    pub fn in_silence(reason: &'static str, message: impl Into<String>, time: Duration) -> Self {
        Self { told: Told::Nothing, ..Self::later(reason, message, time) }
    }

    /// Makes a failure of a call to the cluster: what is not there, or not allowed, stays so for a while; all else passes soon.
    pub fn of_cluster(reason: &'static str, message: impl Into<String>, error: &ClusterError) -> Self {
        match error.fault {
            fault if passes_soon(fault) => Self::soon(reason, message),
            _ => Self::passing(reason, message),
        }
    }

    /// Makes a failure that stays until the configuration changes.
    pub fn lasting(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), retry: Retry::Never, told: Told::Event }
    }

    /// Makes a failure that is tried again after a time.
    pub fn later(reason: &'static str, message: impl Into<String>, time: Duration) -> Self {
        Self { reason, message: message.into(), retry: Retry::After(time), told: Told::Event }
    }

    /// Makes a failure that is none yet: it waits for others, for at most a time, and no event says so.
    pub fn waiting(reason: &'static str, message: impl Into<String>, time: Duration) -> Self {
        Self { told: Told::Status, ..Self::later(reason, message, time) }
    }
}

/// Whether a fault of a cluster is expected to pass within moments, and without anybody's doing.
pub(crate) fn passes_soon(fault: ClusterFault) -> bool {
    matches!(
        fault,
        ClusterFault::Conflict
            | ClusterFault::AlreadyExists
            | ClusterFault::Expired
            | ClusterFault::Terminating
            | ClusterFault::Busy
            | ClusterFault::Unreachable
    )
}

/// When an object wants to be reconciled again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After a time.
    After(Duration),
    /// After a time that grows with each failure.
    Backoff,
    /// After a time that grows with each failure, up to this one.
    Soon(Duration),
    /// When it, or something that it depends on, changes.
    OnChange,
}

/// A reconciliation's answer.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// When to come back.
    pub next: Next,
    /// Others to reconcile now.
    pub wake: Vec<Key>,
}

impl Outcome {
    /// Comes back after a time.
    #[must_use]
    pub fn after(time: Duration) -> Self {
        Self { next: Next::After(time), wake: Vec::new() }
    }

    /// Comes back after a time that grows.
    #[must_use]
    pub fn backoff() -> Self {
        Self { next: Next::Backoff, wake: Vec::new() }
    }

    /// Comes back when something changes.
    #[must_use]
    pub fn on_change() -> Self {
        Self { next: Next::OnChange, wake: Vec::new() }
    }
}

/// The world, what is known, and what was learned; shared by all reconcilers.
#[derive(Debug)]
pub struct Context<W> {
    /// The ports.
    pub world: W,
    /// The objects.
    pub cache: Cache,
    /// The operator's choices.
    pub settings: Settings,
    /// Events on their way.
    pub outbox: Outbox,
    /// What is known of applied objects.
    pub drift: Drift,
    /// The trees of artifacts.
    pub trees: Trees,
    /// Whether work is to end soon; what waits gives up.
    pub stopping: AtomicBool,
    /// When this controller came to life.
    pub(crate) begun: Duration,
    told: Mutex<HashSet<(Key, String)>>,
    /// What people were told within the last minutes.
    pub(crate) limiter: Mutex<Limiter>,
    /// What a reconciliation remembers for the next; nothing is lost where it is empty.
    pub memory: Memory,
    /// Where objects were written.
    pub origins: Origins,
}

impl<W: World> Context<W> {
    /// Makes a context that knows nothing yet.
    pub fn new(world: W, settings: Settings) -> Self {
        let limiter = Mutex::new(Limiter::new(settings.rate_limit));
        let begun = world.clock().now();
        Self {
            world,
            cache: Cache::new(),
            settings,
            outbox: Outbox::new(4096),
            drift: Drift::default(),
            trees: Trees::new(256 << 20),
            stopping: AtomicBool::new(false),
            begun,
            told: Mutex::default(),
            limiter,
            memory: Memory::default(),
            origins: Origins::default(),
        }
    }

    /// Reconciles one object. Failures stand in its status; nothing is returned but when to come back.
    pub async fn reconcile(&self, key: &Key) -> Outcome {
        let Some(object) = self.cache.get(key) else { return Outcome::on_change() };
        let suspended = object.at_path(&["spec", "suspend"]).and_then(Node::as_str) == Some("true");
        let deleted = object.at_path(&["metadata", "deletionTimestamp"]).is_some();
        if suspended && !deleted {
            return Outcome::on_change();
        }
        let run = Run::new(self, key.clone(), object);
        match key.kind {
            Kind::GitRepository => crate::source::git_repository::reconcile(run).await,
            Kind::OciRepository => crate::source::oci_repository::reconcile(run).await,
            Kind::Kustomization => crate::kustomization::reconcile::reconcile(run).await,
            Kind::HelmChart => crate::source::helm_chart::reconcile(run).await,
            Kind::HelmRepository => crate::source::helm_repository::reconcile(run).await,
            Kind::HelmRelease => crate::helm_release::reconcile::reconcile(run).await,
            Kind::ImageRepository => crate::image::repository::reconcile(run).await,
            Kind::ImagePolicy => crate::image::policy::reconcile(run).await,
            Kind::ImageUpdateAutomation => crate::image::automation::reconcile(run).await,
            Kind::Alert => crate::notification::alert::reconcile(run).await,
            Kind::Provider => crate::notification::address::reconcile(run).await,
            Kind::Receiver => crate::notification::receiver::reconcile(run).await,
            _ => Outcome::on_change(),
        }
    }

    /// Tells what is worth knowing about an object and is no failure, once.
    pub(crate) fn warn(&self, key: &Key, message: &str) {
        let Some(object) = self.cache.get(key) else { return };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if !told.insert((key.clone(), message.to_owned())) {
            return;
        }
        if told.len() > 10_000 {
            told.clear();
        }
        let mut event = Event::of(key, &object, Severity::Info, "Warning", message);
        event.time = self.world.clock().now();
        self.outbox.push(event);
    }

    /// Returns the time as the API writes it.
    pub fn now(&self) -> String {
        rfc3339(self.world.clock().now())
    }

    /// Returns an interval, spread a little.
    pub fn spread(&self, interval: Duration) -> Duration {
        let share = 1.0 + self.settings.jitter * (2.0 * self.world.random() - 1.0);
        interval.mul_f64(share.clamp(0.0, 2.0))
    }

    /// Reads an object of the cluster beside those that are watched: a Secret, a ConfigMap.
    ///
    /// # Errors
    /// [`ClusterFault::NotFound`] with the words of the API where there is none, and as the port.
    pub async fn read(&self, kind: &str, namespace: &str, name: &str) -> Result<Node, ClusterError> {
        let target = ObjectRef { gvk: Gvk::new("v1", kind), namespace: namespace.into(), name: name.into() };
        self.world.cluster().get(&target).await?.ok_or_else(|| {
            let plural = format!("{}s", kind.to_lowercase());
            ClusterError::new(ClusterFault::NotFound, format!("{plural} \"{name}\" not found"))
        })
    }
}

/// One reconciliation while it runs: the object as it was read, and its status as it becomes.
#[derive(Debug)]
pub struct Run<'a, W> {
    /// What all reconcilers share.
    pub context: &'a Context<W>,
    /// Whose reconciliation this is.
    pub key: Key,
    /// The object.
    pub object: Arc<Node>,
    /// Its status.
    pub status: Status,
    /// What is being brought about, once that is known: events say so.
    pub revision: Option<String>,
}

impl<'a, W: World> Run<'a, W> {
    fn new(context: &'a Context<W>, key: Key, object: Arc<Node>) -> Self {
        let status = Status::of(&object, context.now());
        Self { context, key, object, status, revision: None }
    }

    /// Returns whether the object is being deleted.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.object.at_path(&["metadata", "deletionTimestamp"]).is_some()
    }

    /// Returns an annotation.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.object.at_path(&["metadata", "annotations", name])?.as_str()
    }

    /// Returns the request for a reconciliation that was not answered yet.
    #[must_use]
    pub fn request(&self) -> Option<&str> {
        let wanted = self.annotation(REQUESTED_AT)?;
        (self.status.text(&["lastHandledReconcileAt"]) != Some(wanted)).then_some(wanted)
    }

    /// Returns whether the object has changed since it was last seen to its end.
    #[must_use]
    pub fn is_new_generation(&self) -> bool {
        let observed = self.status.field(&["observedGeneration"]).and_then(Node::scalar);
        observed.and_then(|text| text.parse().ok()) != Some(crate::status::generation(&self.object))
    }

    /// Returns the version that the object was read in.
    #[must_use]
    pub fn version(&self) -> Str {
        Gvk::of(&self.object).version
    }

    /// Tells the world.
    pub fn tell(&self, severity: Severity, reason: &str, message: impl Into<String>) {
        let event = Event::of(&self.key, &self.object, severity, reason, message);
        self.send(match &self.revision {
            Some(revision) => event.with("revision", revision.as_str()),
            None => event,
        });
    }

    /// Tells the world an event that was made with more facts.
    pub fn send(&self, mut event: Event) {
        event.time = self.context.world.clock().now();
        self.context.outbox.push(event);
    }

    /// Writes the status where it differs from what was read.
    ///
    /// # Errors
    /// As [`Cluster::patch`]; an object that is gone is no error.
    pub async fn write_status(&mut self) -> Result<(), ClusterError> {
        let Some(patch) = self.status.patch() else { return Ok(()) };
        let options = WriteOptions {
            manager: "gitops-controller".into(),
            part: Part::Status,
            ..WriteOptions::default()
        };
        let target = self.key.address(Some(&self.version()));
        match self.context.world.cluster().patch(&target, &Patch::Merge(patch), &options).await {
            Ok(stored) => {
                self.status.written();
                self.context.cache.put(&self.key, stored);
                Ok(())
            }
            Err(error) if error.fault == ClusterFault::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Writes the status and answers; where that fails the object comes back soon.
    pub async fn end(mut self, outcome: Outcome) -> Outcome {
        let request = self.annotation(REQUESTED_AT).map(str::to_owned);
        self.status.handled(request.as_deref());
        match self.write_status().await {
            Ok(()) => outcome,
            Err(error) => {
                self.tell(
                    Severity::Error,
                    "StatusUpdateFailed",
                    format!("failed to write the status: {error}"),
                );
                Outcome { next: Next::Backoff, ..outcome }
            }
        }
    }

    /// Ends with a failure: a condition, an event unless the same failure was told before, and when to try again.
    pub async fn fail(mut self, mut failure: Failure) -> Outcome {
        // What no retry mends is to be changed where it was written.
        if failure.retry == Retry::Never
            && let Some(place) = self.context.origins.of(&self.key)
            && !failure.message.contains(&place)
        {
            failure.message = format!("{place}: {}", failure.message);
        }
        if let (Told::Nothing, Retry::After(time)) = (failure.told, failure.retry)
            && crate::status::is_ready(&self.object)
            && self.request().is_none()
        {
            return Outcome::after(time);
        }
        // As it stood when the run began, since the run has said meanwhile that it works.
        let before = Status::of(&self.object, String::new());
        let told = failure.told != Told::Event
            || before.truth("Ready") == Some(Truth::False)
                && before.words("Ready") == Some((failure.reason, &failure.message));
        if !told {
            // To wait for others is no error; nobody is to be called for it.
            let waits = failure.reason == "DependencyNotReady" && failure.retry != Retry::Never;
            let severity = if waits { Severity::Info } else { Severity::Error };
            self.tell(severity, failure.reason, &failure.message);
        }
        let next = match failure.retry {
            Retry::Never => {
                self.status.stalled(failure.reason, &failure.message);
                Next::OnChange
            }
            Retry::Backoff => {
                self.status.failed(failure.reason, &failure.message);
                Next::Backoff
            }
            Retry::Soon(most) => {
                self.status.failed(failure.reason, &failure.message);
                Next::Soon(most)
            }
            Retry::After(time) => {
                self.status.failed(failure.reason, &failure.message);
                Next::After(time)
            }
        };
        self.end(Outcome { next, wake: Vec::new() }).await
    }

    /// Adds or removes the finalizer; returns whether the object had to be written.
    ///
    /// # Errors
    /// As [`Cluster::patch`].
    pub async fn finalize(&self, wanted: Finalizer) -> Result<(), ClusterError> {
        if wanted == Finalizer::Gone {
            self.context.origins.remove(&self.key);
        }
        let known =
            self.object.at_path(&["metadata", "finalizers"]).and_then(Node::items).unwrap_or_default();
        let stands = known.iter().any(|name| name.as_str() == Some(FINALIZER));
        if stands == (wanted == Finalizer::Stands) {
            return Ok(());
        }
        let mut names: Vec<Node> =
            known.iter().filter(|name| name.as_str() != Some(FINALIZER)).cloned().collect();
        if wanted == Finalizer::Stands {
            names.push(Node::string(FINALIZER));
        }
        let mut metadata = vec![("finalizers", Node::sequence(names))];
        if let Some(version) = self.object.at_path(&["metadata", "resourceVersion"]) {
            // Others may have added theirs meanwhile.
            metadata.push(("resourceVersion", version.clone()));
        }
        let patch = crate::status::mapping(vec![("metadata", crate::status::mapping(metadata))]);
        let options = WriteOptions { manager: "gitops-controller".into(), ..WriteOptions::default() };
        let target = self.key.address(Some(&self.version()));
        match self.context.world.cluster().patch(&target, &Patch::Merge(patch), &options).await {
            Ok(stored) => {
                if wanted == Finalizer::Stands {
                    self.context.cache.put(&self.key, stored);
                }
                Ok(())
            }
            Err(error) if error.fault == ClusterFault::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Whether an object's deletion waits for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finalizer {
    /// It does.
    Stands,
    /// It does not.
    Gone,
}
