//! The applier against a cluster in memory: what it writes, what it leaves alone, and what it says.

use gitops_core::apply::{
    Action, Applier, ApplyOptions, ApplySet, Checkpoint, DriftWatch, Foreign, Inventory, Outcome, Owner,
    Readiness, SetOptions, WaitOptions,
};
use gitops_core::object::{Gvk, ObjectId};
use gitops_core::ports::{Cluster, ListOptions, ObjectRef, PortError, Watch, WriteOptions};
use gitops_core::testing::{FakeCluster, Fault, FixedClock};
use gitops_yaml::{Files, Node, ReadOptions, read_stream};
use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

/// Runs a future that waits for nothing but fakes.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..100_000 {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
    panic!("it waits for ever")
}

pub(crate) fn readiness(object: &Node) -> Readiness {
    if object.get("kind").and_then(Node::as_str) != Some("CustomResourceDefinition") {
        return Readiness::new("Current", "");
    }
    let conditions = object.at_path(&["status", "conditions"]).and_then(Node::items).unwrap_or_default();
    let established = |one: &Node| one.get("type").and_then(Node::as_str) == Some("Established");
    Readiness::new(if conditions.iter().any(established) { "Current" } else { "InProgress" }, "")
}

/// The inventory as a status would hold it.
#[derive(Default)]
pub(crate) struct Status(pub(crate) Mutex<Inventory>);

impl Checkpoint for Status {
    async fn store(&self, inventory: &Inventory) -> Result<(), PortError> {
        *self.0.lock().unwrap() = inventory.clone();
        Ok(())
    }
}

pub(crate) struct World {
    pub(crate) cluster: FakeCluster,
    pub(crate) clock: FixedClock,
    pub(crate) owner: Owner,
    pub(crate) status: Status,
    pub(crate) drift: DriftWatch,
    files: Files,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            cluster: FakeCluster::default(),
            clock: FixedClock::default(),
            owner: Owner::kustomization("flux-system", "apps"),
            status: Status::default(),
            drift: DriftWatch::default(),
            files: Files::default(),
        }
    }

    fn set(&mut self, text: &str) -> ApplySet {
        let file = self.files.add("apps.yaml");
        let documents = read_stream(text.as_bytes(), file, &ReadOptions::v3()).unwrap();
        let objects = documents.into_iter().map(|document| document.root).collect();
        ApplySet::prepare(objects, &self.owner, &SetOptions::default()).unwrap()
    }

    pub(crate) fn apply_with(&mut self, text: &str, options: ApplyOptions) -> Outcome {
        let set = self.set(text);
        let applier = Applier::new(&self.cluster, &self.clock, &self.owner, &readiness).with_options(options);
        let before = self.status.0.lock().unwrap().clone();
        let outcome = run(applier.apply(set, &before, &self.status, &mut self.drift));
        *self.status.0.lock().unwrap() = outcome.inventory.clone();
        outcome
    }

    /// A run that is killed where it still waits; what it knew is gone with it, and the status is what it stored.
    pub(crate) fn apply_and_die(&mut self, text: &str) {
        let set = self.set(text);
        let applier = Applier::new(&self.cluster, &self.clock, &self.owner, &readiness);
        let before = self.status.0.lock().unwrap().clone();
        {
            let mut run = pin!(applier.apply(set, &before, &self.status, &mut self.drift));
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..64 {
                if run.as_mut().poll(&mut context).is_ready() {
                    break;
                }
            }
        }
        self.drift.forget();
    }

    pub(crate) fn apply(&mut self, text: &str) -> Outcome {
        self.apply_with(text, ApplyOptions::default())
    }

    fn shown(&self, outcome: &Outcome) -> Vec<String> {
        outcome.errors.iter().map(|error| error.show(&self.files)).collect()
    }
}

fn changes(outcome: &Outcome) -> Vec<String> {
    outcome.changes.iter().map(ToString::to_string).collect()
}

pub(crate) fn config_map(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: apps}}\ndata: {{a: '{value}'}}\n---\n"
    )
}

fn map_ref(name: &str) -> ObjectRef {
    ObjectRef { gvk: Gvk::new("v1", "ConfigMap"), namespace: "apps".into(), name: name.into() }
}

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: apps}\n---\n";
const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\nspec: {group: example.com, scope: Namespaced, names: {kind: Widget, plural: widgets}, versions: [{name: v1}]}\nstatus: {conditions: [{type: Established, status: 'True'}]}\n---\n";
const WIDGET: &str = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w, namespace: apps}\n---\n";

#[test]
fn only_changed_objects_are_written_and_what_is_wanted_no_more_goes() {
    let mut world = World::new();
    let both = format!("{}{}{NAMESPACE}", config_map("a", "1"), config_map("b", "1"));
    let first = world.apply(&both);
    assert_eq!(
        changes(&first),
        ["Namespace/apps created", "ConfigMap/apps/a created", "ConfigMap/apps/b created"]
    );
    world.cluster.forget_requests();
    world.drift.forget();
    let second = world.apply(&format!("{}{NAMESPACE}", config_map("b", "2")));
    assert_eq!(
        changes(&second),
        ["Namespace/apps unchanged", "ConfigMap/apps/b configured", "ConfigMap/apps/a deleted"]
    );
    assert_eq!(second.changes[1].reason, "data.a differs");
    assert_eq!(second.changed(), "ConfigMap/apps/b configured\nConfigMap/apps/a deleted");
    assert_eq!(world.cluster.writes(), ["apply ConfigMap/apps/b", "delete ConfigMap/apps/a"]);
    assert_eq!(world.status.0.lock().unwrap().len(), 2);
}

#[test]
fn an_unchanged_run_over_a_thousand_objects_makes_no_request_at_all() {
    let mut world = World::new();
    let text: String = (0..1000).map(|index| config_map(&format!("m{index}"), "1")).collect();
    assert!(world.apply(&text).is_success());
    // A kind, and of each object what is there and what it shall be.
    assert_eq!(world.cluster.requests().len(), 1 + 2 * 1000);
    world.cluster.forget_requests();
    let again = world.apply(&text);
    assert!(again.is_success() && again.changed().is_empty());
    assert_eq!(world.cluster.requests(), Vec::<String>::new());
}

#[test]
fn drift_is_noticed_by_a_watch_of_metadata_and_only_the_changed_object_is_compared() {
    let mut world = World::new();
    let text = config_map("a", "1") + &config_map("b", "1");
    world.apply(&text);
    let options =
        ListOptions { labels: world.owner.selector(), metadata_only: true, ..ListOptions::default() };
    let gvk = world.drift.kinds().remove(0);
    let list = run(world.cluster.list(&gvk, &options)).unwrap();
    assert!(world.drift.relisted(&gvk, &list.items).is_empty());
    let mut watch = run(world.cluster.watch(&gvk, &options, &list.resource_version)).unwrap();
    let mut edited = world.cluster.stored(&map_ref("a")).unwrap();
    edited.get_mut("data").unwrap().set("a", Node::string("by hand"));
    world.cluster.put(edited);
    let event = run(watch.next()).unwrap().unwrap();
    world.drift.note(&event);
    world.cluster.forget_requests();
    let outcome = world.apply(&text);
    assert_eq!(outcome.changed(), "ConfigMap/apps/a configured");
    assert_eq!(
        world.cluster.requests(),
        ["kind ConfigMap", "get ConfigMap/apps/a", "dry-run ConfigMap/apps/a", "apply ConfigMap/apps/a"]
    );
}

#[test]
fn one_refused_object_does_not_stop_the_others_of_its_stage() {
    let mut world = World::new();
    world.cluster.faults.push("apply", Fault::Refused("data: Invalid value".into()));
    let text = config_map("a", "1") + &config_map("b", "1") + &config_map("c", "1");
    let outcome = world.apply(&text);
    assert_eq!(changes(&outcome), ["ConfigMap/apps/b created", "ConfigMap/apps/c created"]);
    assert_eq!(
        world.shown(&outcome),
        [
            "apps.yaml:1:1: ConfigMap/apps/a dry-run failed (Invalid): data: Invalid value; not retried until it is changed"
        ]
    );
    assert_eq!(world.status.0.lock().unwrap().len(), 3, "what may have been made is remembered");
    assert!(world.apply(&text).is_success());
}

#[test]
fn a_definition_and_its_first_object_are_applied_in_one_run() {
    let mut world = World::new();
    let outcome = world.apply(&format!("{WIDGET}{DEFINITION}{NAMESPACE}"));
    assert_eq!(
        changes(&outcome),
        [
            "CustomResourceDefinition/widgets.example.com created",
            "Namespace/apps created",
            "Widget/apps/w created"
        ]
    );
    let alone = World::new().apply(WIDGET);
    assert_eq!(
        alone.errors[0].to_string(),
        "Widget/apps/w dry-run failed: no matches for kind \"Widget\" in version \"example.com/v1\""
    );
}

#[test]
fn a_definition_that_is_not_established_stops_what_needs_it() {
    let mut world = World::new();
    let pending = DEFINITION.replace("Established", "NamesAccepted");
    let mut options = ApplyOptions::default();
    options.stage_wait = WaitOptions::default();
    let outcome = world.apply_with(&format!("{WIDGET}{pending}"), options);
    assert_eq!(outcome.unreached, 1);
    assert!(outcome.errors[0].to_string().contains("did not become ready, status: 'InProgress'"));
    assert!(outcome.errors[0].show(&Files::default()).ends_with("will be retried"));
}

#[test]
fn marks_say_how_an_object_is_treated() {
    let mark = |name: &str, key: &str, value: &str| {
        config_map(name, "2").replace(
            "namespace: apps",
            &format!("namespace: apps, annotations: {{kustomize.toolkit.fluxcd.io/{key}: {value}}}"),
        )
    };
    let mut world = World::new();
    let marked = mark("once", "ssa", "IfNotPresent")
        + &mark("never", "ssa", "Ignore")
        + &mark("off", "reconcile", "disabled");
    let first = world.apply(&marked);
    assert_eq!(
        changes(&first),
        ["ConfigMap/apps/never skipped", "ConfigMap/apps/off skipped", "ConfigMap/apps/once created"]
    );
    let second = world.apply(&marked.replace("'2'", "'3'"));
    assert!(second.changed().is_empty(), "{:?}", changes(&second));
    world.apply(&mark("kept", "prune", "disabled"));
    let last = world.apply(NAMESPACE);
    let of = |id: &str| last.changes.iter().find(|change| change.id.to_string() == id).unwrap();
    assert_eq!(of("ConfigMap/apps/kept").action, Action::Skipped);
    assert_eq!(of("ConfigMap/apps/kept").reason, "it is marked prune: disabled");
    assert!(world.cluster.stored(&map_ref("kept")).is_some());
}

#[test]
fn objects_of_others_are_never_deleted() {
    let mut world = World::new();
    world.apply(&(config_map("a", "1") + &config_map("b", "1")));
    // Another Kustomization takes one over, and a user takes the labels off the other.
    let mut moved = world.cluster.stored(&map_ref("a")).unwrap();
    moved
        .get_mut("metadata")
        .unwrap()
        .get_mut("labels")
        .unwrap()
        .set("kustomize.toolkit.fluxcd.io/name", Node::string("other"));
    world.cluster.put(moved);
    let mut bare = world.cluster.stored(&map_ref("b")).unwrap();
    bare.get_mut("metadata").unwrap().remove("labels");
    world.cluster.put(bare);
    let outcome = world.apply(NAMESPACE);
    let reasons: Vec<&str> = outcome.changes[1..].iter().map(|change| change.reason.as_str()).collect();
    assert_eq!(reasons, ["it does not carry the owner's labels", "it belongs to flux-system/other"]);
    assert_eq!(world.cluster.addresses().len(), 3);
}

#[test]
fn another_owners_object_is_taken_over_or_refused() {
    let mut world = World::new();
    world.apply(&config_map("a", "1"));
    world.owner = Owner::kustomization("flux-system", "other");
    world.status = Status::default();
    let mut options = ApplyOptions::default();
    options.foreign = Foreign::Refuse;
    let refused = world.apply_with(&config_map("a", "1"), options);
    assert_eq!(
        refused.errors[0].to_string(),
        "ConfigMap/apps/a belongs to flux-system/apps: an object has one owner"
    );
    let taken = world.apply(&config_map("a", "1"));
    assert_eq!(taken.changed(), "ConfigMap/apps/a configured");
    assert_eq!(
        taken.warnings[0].message,
        "is taken over from flux-system/apps: two owners of one object undo each other's work"
    );
}

#[test]
fn immutable_fields_are_refused_or_the_object_is_made_anew() {
    let mut world = World::new();
    world.cluster.set_immutable("ConfigMap", &["data"]);
    world.apply(&config_map("a", "1"));
    let uid = |world: &World| {
        let stored = world.cluster.stored(&map_ref("a")).unwrap();
        stored.at_path(&["metadata", "uid"]).and_then(Node::scalar).cloned()
    };
    let before = uid(&world);
    let refused = world.apply(&config_map("a", "2"));
    assert!(refused.errors[0].to_string().contains("data: field is immutable"));
    let mut options = ApplyOptions::default();
    options.force = true;
    let forced = world.apply_with(&config_map("a", "2"), options);
    assert_eq!(forced.changed(), "ConfigMap/apps/a configured");
    assert_ne!(uid(&world), before);
}

#[test]
fn an_object_that_is_merely_invalid_is_never_deleted_by_force() {
    let mut world = World::new();
    world.apply(&config_map("a", "1"));
    world.cluster.faults.push("dry-run", Fault::Refused("data: Invalid value".into()));
    world.cluster.forget_requests();
    let mut options = ApplyOptions::default();
    options.force = true;
    let outcome = world.apply_with(&config_map("a", "2"), options);
    assert_eq!(outcome.errors.len(), 1);
    assert!(world.cluster.writes().is_empty());
}

#[test]
fn what_is_being_deleted_is_tried_again() {
    let mut world = World::new();
    let text = config_map("a", "1").replace("namespace: apps", "namespace: apps, finalizers: [x/y]");
    world.apply(&text);
    run(world.cluster.delete(&map_ref("a"), &Default::default())).unwrap();
    world.drift.forget();
    let outcome = world.apply(&text);
    assert_eq!(
        world.shown(&outcome),
        [
            "apps.yaml:1:1: ConfigMap/apps/a is being deleted: it is made again once it is gone; will be retried"
        ]
    );
}

#[test]
fn an_inventory_that_can_not_be_stored_stops_all_writes() {
    struct Broken;
    impl Checkpoint for Broken {
        async fn store(&self, _: &Inventory) -> Result<(), PortError> {
            Err(PortError::retry("etcdserver: request timed out"))
        }
    }
    let mut world = World::new();
    let set = world.set(&config_map("a", "1"));
    let applier = Applier::new(&world.cluster, &world.clock, &world.owner, &readiness);
    let outcome = run(applier.apply(set, &Inventory::default(), &Broken, &mut world.drift));
    assert_eq!(outcome.errors.len(), 1);
    assert!(world.cluster.writes().is_empty());
}

#[test]
fn a_plan_writes_nothing_and_says_what_would_happen() {
    let mut world = World::new();
    world.apply(&(config_map("a", "1") + &config_map("gone", "1")));
    world.cluster.forget_requests();
    let set = world.set(&format!("{}{DEFINITION}{WIDGET}", config_map("a", "2")));
    let applier = Applier::new(&world.cluster, &world.clock, &world.owner, &readiness);
    let before = world.status.0.lock().unwrap().clone();
    let (plan, errors, _) = run(applier.plan(set, &before));
    assert!(errors.is_empty(), "{errors:?}");
    let planned: Vec<String> = plan.objects.iter().map(|planned| planned.change.to_string()).collect();
    assert_eq!(
        planned,
        [
            "CustomResourceDefinition/widgets.example.com created",
            "ConfigMap/apps/a configured",
            "Widget/apps/w created",
            "ConfigMap/apps/gone deleted"
        ]
    );
    assert_eq!(plan.count(Action::Created), 2);
    assert!(!plan.is_settled());
    assert!(world.cluster.writes().is_empty());
    assert!(plan.objects[1].live.is_some() && plan.objects[1].next.is_some());
}

#[test]
fn a_run_that_is_cancelled_or_too_late_says_so() {
    let mut world = World::new();
    let set = world.set(&config_map("a", "1"));
    let applier = Applier::new(&world.cluster, &world.clock, &world.owner, &readiness).until(&|| true);
    let outcome = run(applier.apply(set, &Inventory::default(), &world.status, &mut world.drift));
    assert_eq!(outcome.errors[0].to_string(), "ConfigMap/apps/a query failed: context canceled");
    assert!(outcome.inventory.contains(&ObjectId::of(&world.set(&config_map("a", "1")).objects[0].object)));
    let mut options = ApplyOptions::default();
    options.timeout = Some(std::time::Duration::ZERO);
    let late = world.apply_with(&config_map("a", "1"), options);
    assert_eq!(late.errors[0].to_string(), "ConfigMap/apps/a query failed: context deadline exceeded");
}

#[test]
fn deleting_all_waits_until_everything_is_gone() {
    let mut world = World::new();
    let text = config_map("a", "1").replace("namespace: apps", "namespace: apps, finalizers: [x/y]");
    world.apply(&(text + &config_map("b", "1")));
    let applier = Applier::new(&world.cluster, &world.clock, &world.owner, &readiness);
    let inventory = world.status.0.lock().unwrap().clone();
    let outcome = run(applier.delete_all(&inventory, Some(&WaitOptions::default())));
    assert_eq!(changes(&outcome), ["ConfigMap/apps/b deleted", "ConfigMap/apps/a deleted"]);
    assert_eq!(
        outcome.errors[0].to_string(),
        "ConfigMap/apps/a termination timeout: it is still there after 60s"
    );
}

#[test]
fn a_managers_fields_are_handed_over_before_the_comparison() {
    let mut world = World::new();
    let mut early = world.set(&config_map("a", "1")).objects.remove(0).object;
    let fields = r#"[{"manager":"kubectl-client-side-apply","operation":"Update","fieldsV1":{}}]"#;
    let fields = gitops_yaml::from_json(fields, gitops_yaml::FileId::NONE).unwrap();
    early.get_mut("metadata").unwrap().set("managedFields", fields);
    run(world.cluster.create(&early, &WriteOptions::default())).unwrap();
    world.cluster.forget_requests();
    let outcome = world.apply(&config_map("a", "1"));
    assert_eq!(outcome.changes[0].reason, "fields of earlier managers are taken over");
    assert_eq!(world.cluster.writes(), ["patch ConfigMap/apps/a", "apply ConfigMap/apps/a"]);
    world.drift.forget();
    world.cluster.forget_requests();
    assert!(world.apply(&config_map("a", "1")).changed().is_empty());
}
