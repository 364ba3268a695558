//! The adapter and the applier against two servers: the embedded API, through the client's service and without a socket, and the
//! API server that `KUBECONFIG` names. Each behaviour is written once and tried on both.

use gitops_core::api::{ServedVersions, definitions};
use gitops_core::apply::{
    Applier, ApplyOptions, ApplySet, DriftWatch, Inventory, NoCheckpoint, Outcome, Owner, Readiness,
    SetOptions,
};
use gitops_core::object::Gvk;
use gitops_core::ports::{
    Clock, Cluster, ClusterFault, DeleteOptions, FieldConflicts, ListOptions, ObjectRef, Part, Patch, Watch,
    WatchEvent, WriteMode, WriteOptions,
};
use gitops_kube::{Connection, Impersonation, KubeCluster};
use gitops_local_cluster::LocalCluster;
use gitops_yaml::{FileId, Files, Node, ReadOptions, from_json, read_stream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
    }
    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// The real server, and a name that no other run has.
pub(crate) async fn real() -> Option<(KubeCluster, String)> {
    let Some(path) = std::env::var_os("KUBECONFIG") else {
        println!("KUBECONFIG is not set: nothing is tried against a real API server");
        return None;
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let connection = Connection::from_file(path.as_ref(), None).await.unwrap();
    let cluster = KubeCluster::connect(connection).unwrap();
    Some((cluster, format!("kube-{}", SystemClock.now().as_nanos() % 1_000_000_000_000)))
}

pub(crate) fn embedded() -> (KubeCluster, String) {
    let client = kube::Client::new(LocalCluster::new().service(), "default");
    (KubeCluster::new(client), "kube-1".to_owned())
}

/// Makes a test of each function for each of the two servers.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_the_embedded_api {
            $(#[tokio::test]
            async fn $name() {
                let (cluster, unique) = crate::servers::embedded();
                super::$name(cluster, unique).await;
            })*
        }
        mod on_a_real_server {
            $(#[tokio::test]
            async fn $name() {
                let Some((cluster, unique)) = crate::servers::real().await else { return };
                super::$name(cluster, unique).await;
            })*
        }
    };
}

pub(crate) use on_both;

on_both!(
    objects_are_made_watched_and_deleted,
    kinds_leases_events_and_statuses_are_plain_objects,
    a_whole_run_with_a_definition_and_its_first_object,
    immutable_fields_are_made_anew_by_force_alone,
    the_definitions_of_all_kinds_are_taken_in_every_version,
    an_object_that_is_too_large_is_named_and_the_others_are_applied,
);

pub(crate) fn objects(text: &str, files: &mut Files) -> Vec<Node> {
    let file = files.add("apps.yaml");
    let documents = read_stream(text.as_bytes(), file, &ReadOptions::v3()).unwrap();
    documents.into_iter().map(|document| document.root).collect()
}

fn readiness(object: &Node) -> Readiness {
    if object.get("kind").and_then(Node::as_str) != Some("CustomResourceDefinition") {
        return Readiness::new("Current", "");
    }
    let conditions = object.at_path(&["status", "conditions"]).and_then(Node::items).unwrap_or_default();
    let is = |one: &Node, field: &str, value: &str| one.get(field).and_then(Node::as_str) == Some(value);
    let established =
        conditions.iter().any(|one| is(one, "type", "Established") && is(one, "status", "True"));
    Readiness::new(if established { "Current" } else { "InProgress" }, "")
}

pub(crate) async fn apply(
    cluster: &KubeCluster,
    owner: &Owner,
    text: &str,
    before: &Inventory,
    options: ApplyOptions,
) -> (Outcome, String) {
    let mut files = Files::default();
    let set = ApplySet::prepare(objects(text, &mut files), owner, &SetOptions::default()).unwrap();
    let applier = Applier::new(cluster, &SystemClock, owner, &readiness).with_options(options);
    let outcome = applier.apply(set, before, &NoCheckpoint, &mut DriftWatch::default()).await;
    let warnings: Vec<String> = outcome.warnings.iter().map(|warning| warning.show(&files)).collect();
    let errors = gitops_core::apply::show_errors(&outcome.errors, &files);
    (outcome, warnings.join("\n") + &errors)
}

async fn objects_are_made_watched_and_deleted(cluster: KubeCluster, namespace: String) {
    let options = WriteOptions {
        manager: "kustomize-controller".into(),
        conflicts: FieldConflicts::TakenOver,
        ..WriteOptions::default()
    };
    let read = |text: &str| from_json(text, FileId::NONE).unwrap();
    let space =
        read(&format!(r#"{{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"{namespace}"}}}}"#));
    cluster.apply(&space, &options).await.unwrap();
    let maps = Gvk::new("v1", "ConfigMap");
    let list_options = ListOptions {
        namespace: Some(namespace.as_str().into()),
        metadata_only: true,
        ..ListOptions::default()
    };
    let list = cluster.list(&maps, &list_options).await.unwrap();
    let mut watch = cluster.watch(&maps, &list_options, &list.resource_version).await.unwrap();
    let map = |value: &str| {
        read(&format!(
            r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"m","namespace":"{namespace}"}},"data":{{"a":"{value}"}}}}"#
        ))
    };
    cluster.apply(&map("1"), &options).await.unwrap();
    let target = ObjectRef::of(&map("1"));
    let other = WriteOptions { manager: "somebody".into(), ..WriteOptions::default() };
    let conflict = cluster.apply(&map("2"), &other).await.unwrap_err();
    assert_eq!((conflict.fault, conflict.reason.as_str()), (ClusterFault::Conflict, "FieldManagerConflict"));
    let exists = cluster.create(&map("1"), &other).await.unwrap_err();
    assert_eq!(exists.fault, ClusterFault::AlreadyExists);
    assert!(cluster.delete(&target, &DeleteOptions::default()).await.unwrap());
    assert!(!cluster.delete(&target, &DeleteOptions::default()).await.unwrap());
    assert!(cluster.get(&target).await.unwrap().is_none());
    let mut seen = Vec::new();
    while !seen.iter().any(|event| *event == "deleted m") {
        let event = watch.next().await.unwrap().unwrap();
        let (word, object) = match &event {
            WatchEvent::Added(object) => ("added", object),
            WatchEvent::Deleted(object) => ("deleted", object),
            WatchEvent::Modified(object) => ("modified", object),
            WatchEvent::Bookmark(_) => continue,
        };
        assert!(object.get("data").is_none());
        assert_eq!(object.get("kind").and_then(Node::as_str), Some("ConfigMap"));
        seen.push(format!("{word} {}", ObjectRef::of(object).name));
    }
    assert!(seen.contains(&"added m".to_owned()), "{seen:?}");
    let unknown =
        cluster.get(&ObjectRef { gvk: Gvk::new("example.com/v1", "Nothing"), ..target }).await.unwrap_err();
    assert_eq!(unknown.fault, ClusterFault::UnknownKind);
    cluster.delete(&ObjectRef::of(&space), &DeleteOptions::default()).await.unwrap();
}

async fn kinds_leases_events_and_statuses_are_plain_objects(cluster: KubeCluster, namespace: String) {
    let kinds = cluster.kinds().await.unwrap();
    assert!(
        kinds
            .iter()
            .any(|kind| kind.gvk == Gvk::new("apps/v1", "Deployment") && kind.plural == "deployments")
    );
    let options = WriteOptions { manager: "test".into(), ..WriteOptions::default() };
    let read = |text: String| from_json(&text, FileId::NONE).unwrap();
    let space =
        read(format!(r#"{{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"{namespace}"}}}}"#));
    cluster.create(&space, &options).await.unwrap();
    let lease = read(format!(
        r#"{{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{{"name":"l","namespace":"{namespace}"}},"spec":{{"holderIdentity":"a","leaseDurationSeconds":15}}}}"#
    ));
    let mut stored = cluster.create(&lease, &options).await.unwrap();
    stored.get_mut("spec").unwrap().set("holderIdentity", Node::string("b"));
    cluster.replace(&stored, &options).await.unwrap();
    let late = cluster.replace(&stored, &options).await.unwrap_err();
    assert_eq!(late.fault, ClusterFault::Conflict, "somebody else holds the lease now");
    let event = read(format!(
        r#"{{"apiVersion":"v1","kind":"Event","metadata":{{"generateName":"e-","namespace":"{namespace}"}},"involvedObject":{{"kind":"Lease","namespace":"{namespace}","name":"l"}},"reason":"Tested","message":"m","type":"Normal"}}"#
    ));
    let event = cluster.create(&event, &options).await.unwrap();
    assert!(ObjectRef::of(&event).name.starts_with("e-"));
    let deployment = read(format!(
        r#"{{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"d","namespace":"{namespace}"}},"spec":{{"replicas":0,"selector":{{"matchLabels":{{"a":"b"}}}},"template":{{"metadata":{{"labels":{{"a":"b"}}}},"spec":{{"containers":[{{"name":"c","image":"i"}}]}}}}}}}}"#
    ));
    let stored = cluster.apply(&deployment, &options).await.unwrap();
    let status = WriteOptions { part: Part::Status, ..options };
    let patch = read(r#"{"status":{"observedGeneration":1},"spec":{"replicas":7}}"#.to_owned());
    let stored = cluster.patch(&ObjectRef::of(&stored), &Patch::Merge(patch), &status).await.unwrap();
    assert_eq!(stored.at_path(&["spec", "replicas"]).and_then(Node::as_str), Some("0"));
    let observed =
        stored.at_path(&["status", "observedGeneration"]).and_then(Node::as_str).map(str::to_owned);
    assert_eq!(observed.as_deref(), Some("1"));
    cluster.delete(&ObjectRef::of(&space), &DeleteOptions::default()).await.unwrap();
}

#[tokio::test]
async fn an_impersonated_account_has_its_own_rights_alone() {
    let Some((cluster, _)) = real().await else { return };
    let account = Impersonation::service_account("default", "nobody-there").unwrap();
    let cluster = cluster.impersonating(&account).unwrap();
    let error = cluster.list(&Gvk::new("v1", "Secret"), &ListOptions::default()).await.unwrap_err();
    assert_eq!(error.fault, ClusterFault::Forbidden);
    assert!(error.message.contains("system:serviceaccount:default:nobody-there"), "{error}");
}

async fn a_whole_run_with_a_definition_and_its_first_object(cluster: KubeCluster, unique: String) {
    let owner = Owner::kustomization("flux-system", unique.as_str());
    let group = format!("{unique}.example.com");
    let text = format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: {unique}}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: widgets.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{kind: Widget, plural: widgets}}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
---
apiVersion: {group}/v1
kind: Widget
metadata: {{name: w, namespace: {unique}}}
spec: {{a: 1}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: echo, namespace: {unique}}}
spec:
  ingressClass: nginx
  defaultBackend: {{service: {{name: echo, port: {{number: 80}}}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: echo, namespace: {unique}}}
spec: {{ports: [{{port: 80}}, {{port: 80, protocol: UDP, name: u}}], selector: {{a: b}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: s, namespace: {unique}}}
stringData: {{password: hunter2}}
"
    );
    // Two ports of one number need names.
    let text = text.replace("{port: 80},", "{port: 80, name: t},");
    let (first, said) = apply(&cluster, &owner, &text, &Inventory::default(), ApplyOptions::default()).await;
    assert!(first.is_success(), "{said}");
    assert_eq!(first.changed().lines().count(), 6, "{}", first.changed());
    assert!(
        said.contains("apps.yaml:27:3: Ingress/") && said.contains("field spec.ingressClass is not known"),
        "{said}"
    );
    let (second, said) = apply(&cluster, &owner, &text, &first.inventory, ApplyOptions::default()).await;
    assert!(second.is_success() && second.changed().is_empty(), "{said} {}", second.changed());
    // An invalid object and a valid one: the valid one is applied, the other named with its place.
    let broken = format!(
        "{text}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: A_B, namespace: {unique}}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: ok, namespace: {unique}}}\n"
    );
    let (third, said) = apply(&cluster, &owner, &broken, &second.inventory, ApplyOptions::default()).await;
    assert_eq!(third.changed(), format!("ConfigMap/{unique}/ok created"));
    assert!(
        said.contains(&format!("apps.yaml:40:1: ConfigMap/{unique}/A_B dry-run failed (Invalid): ")),
        "{said}"
    );
    // Everything goes but what was never ours.
    let applier = Applier::new(&cluster, &SystemClock, &owner, &readiness);
    let gone = applier.delete_all(&third.inventory, None).await;
    assert!(gone.is_success(), "{:?}", gone.errors);
}

async fn immutable_fields_are_made_anew_by_force_alone(cluster: KubeCluster, unique: String) {
    let owner = Owner::kustomization("flux-system", unique.as_str());
    let text = |labels: &str| {
        format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {unique}}}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d, namespace: {unique}}}\nspec:\n  replicas: 0\n  selector: {{matchLabels: {{a: {labels}}}}}\n  template:\n    metadata: {{labels: {{a: {labels}}}}}\n    spec: {{containers: [{{name: c, image: i}}]}}\n"
        )
    };
    let (first, said) =
        apply(&cluster, &owner, &text("x"), &Inventory::default(), ApplyOptions::default()).await;
    assert!(first.is_success(), "{said}");
    let (refused, said) =
        apply(&cluster, &owner, &text("z"), &first.inventory, ApplyOptions::default()).await;
    assert!(said.contains("dry-run failed (Invalid)") && said.contains("field is immutable"), "{said}");
    let mut options = ApplyOptions::default();
    options.force = true;
    let (forced, said) = apply(&cluster, &owner, &text("z"), &refused.inventory, options).await;
    assert_eq!(forced.changed(), format!("Deployment/{unique}/d configured"), "{said}");
    Applier::new(&cluster, &SystemClock, &owner, &readiness).delete_all(&forced.inventory, None).await;
}

async fn the_definitions_of_all_kinds_are_taken_in_every_version(cluster: KubeCluster, _: String) {
    let options = WriteOptions {
        manager: "gitops".into(),
        conflicts: FieldConflicts::TakenOver,
        mode: WriteMode::DryRun,
        ..WriteOptions::default()
    };
    for versions in [ServedVersions::Newest, ServedVersions::All] {
        for definition in definitions(versions) {
            let answer = cluster.apply(&definition, &options).await;
            assert!(answer.is_ok(), "{}: {answer:?}", ObjectRef::of(&definition));
        }
    }
}

async fn an_object_that_is_too_large_is_named_and_the_others_are_applied(
    cluster: KubeCluster,
    unique: String,
) {
    let owner = Owner::kustomization("flux-system", unique.as_str());
    let large = "x".repeat(5 << 20);
    let text = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {unique}}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: large, namespace: {unique}}}\ndata: {{a: {large}}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: ok, namespace: {unique}}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: labels, namespace: {unique}, labels: {{a: '-/-'}}}}\n"
    );
    let (outcome, said) =
        apply(&cluster, &owner, &text, &Inventory::default(), ApplyOptions::default()).await;
    assert_eq!(outcome.changed(), format!("Namespace/{unique} created\nConfigMap/{unique}/ok created"));
    assert!(said.contains(&format!("apps.yaml:5:1: ConfigMap/{unique}/large dry-run failed")), "{said}");
    assert!(said.contains(&format!("ConfigMap/{unique}/labels dry-run failed (Invalid)")), "{said}");
    assert!(said.lines().all(|line| line.ends_with("not retried until it is changed")), "{said}");
    assert!(!said.contains("xxxx"), "an error quotes no whole object");
    Applier::new(&cluster, &SystemClock, &owner, &readiness).delete_all(&outcome.inventory, None).await;
}
