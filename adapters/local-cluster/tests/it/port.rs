//! The cluster as engines use it.

use gitops_core::object::Gvk;
use gitops_core::ports::{
    Cluster, ClusterFault, DeleteOptions, FieldConflicts, ListOptions, ObjectRef, Patch, Watch, WatchEvent,
    WriteOptions,
};
use gitops_local_cluster::LocalCluster;
use gitops_yaml::{FileId, Node, from_json};

fn object(json: &str) -> Node {
    from_json(json, FileId::default()).unwrap()
}

fn by(manager: &str) -> WriteOptions {
    WriteOptions { manager: manager.into(), ..WriteOptions::default() }
}

fn config_map(name: &str, data: &str) -> Node {
    object(&format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}","namespace":"default"}},"data":{data}}}"#
    ))
}

fn text<'n>(node: &'n Node, path: &[&str]) -> &'n str {
    node.at_path(path).and_then(Node::as_str).unwrap_or_default()
}

#[tokio::test]
async fn a_field_that_is_applied_no_more_goes_unless_another_owns_it() {
    let cluster = LocalCluster::new();
    cluster.apply(&config_map("a", r#"{"x":"1","y":"1","z":"1"}"#), &by("one")).await.unwrap();
    cluster.apply(&config_map("a", r#"{"y":"1"}"#), &by("two")).await.unwrap();
    let left = cluster.apply(&config_map("a", r#"{"z":"1"}"#), &by("one")).await.unwrap();
    assert_eq!(text(&left, &["data", "z"]), "1");
    assert_eq!(text(&left, &["data", "y"]), "1");
    assert!(left.at_path(&["data", "x"]).is_none());
}

#[tokio::test]
async fn another_managers_field_is_a_conflict_until_it_is_forced() {
    let cluster = LocalCluster::new();
    cluster.create(&config_map("a", r#"{"x":"1"}"#), &by("maker")).await.unwrap();
    let refused = cluster.apply(&config_map("a", r#"{"x":"2"}"#), &by("one")).await.unwrap_err();
    assert_eq!(refused.fault, ClusterFault::Conflict);
    assert_eq!(refused.message, "Apply failed with 1 conflict: conflict with \"maker\" using v1: .data.x");
    let force = WriteOptions { conflicts: FieldConflicts::TakenOver, ..by("one") };
    let taken = cluster.apply(&config_map("a", r#"{"x":"2"}"#), &force).await.unwrap();
    assert_eq!(text(&taken, &["data", "x"]), "2");
}

#[tokio::test]
async fn fields_that_a_kind_does_not_have_are_refused_when_applied() {
    let cluster = LocalCluster::new();
    let ingress = object(
        r#"{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":"a","namespace":"default"},
        "spec":{"ingressClass":"nginx","defaultBackend":{"service":{"name":"a","port":{"number":80}}}}}"#,
    );
    let refused = cluster.apply(&ingress, &by("one")).await.unwrap_err();
    assert!(refused.message.ends_with(".spec.ingressClass: field not declared in schema"), "{refused}");
}

#[tokio::test]
async fn writes_on_what_has_changed_since_are_refused() {
    let cluster = LocalCluster::new();
    let first = cluster.create(&config_map("a", r#"{"x":"1"}"#), &by("one")).await.unwrap();
    cluster.replace(&config_map("a", r#"{"x":"2"}"#), &by("one")).await.unwrap();
    let refused = cluster.replace(&first, &by("one")).await.unwrap_err();
    assert_eq!(refused.fault, ClusterFault::Conflict);
    assert!(refused.message.starts_with("Operation cannot be fulfilled on configmaps \"a\""), "{refused}");
}

#[tokio::test]
async fn a_watch_sees_what_happens_after_a_list() {
    let cluster = LocalCluster::new();
    let kind = Gvk::new("v1", "ConfigMap");
    let options = ListOptions { labels: "app=web".to_owned(), ..ListOptions::default() };
    let from = cluster.list(&kind, &options).await.unwrap().resource_version;
    let mut watch = cluster.watch(&kind, &options, &from).await.unwrap();
    let created = config_map("a", "{}");
    cluster.create(&created, &by("one")).await.unwrap();
    let label = Patch::Merge(object(r#"{"metadata":{"labels":{"app":"web"}}}"#));
    cluster.patch(&ObjectRef::of(&created), &label, &by("one")).await.unwrap();
    let change = Patch::Json(object(r#"[{"op":"add","path":"/data","value":{"x":"1"}}]"#));
    cluster.patch(&ObjectRef::of(&created), &change, &by("one")).await.unwrap();
    cluster.delete(&ObjectRef::of(&created), &DeleteOptions::default()).await.unwrap();
    assert!(matches!(watch.next().await, Some(Ok(WatchEvent::Added(_)))));
    assert!(matches!(watch.next().await, Some(Ok(WatchEvent::Modified(_)))));
    assert!(matches!(watch.next().await, Some(Ok(WatchEvent::Deleted(_)))));
}

#[tokio::test]
async fn a_definition_serves_its_kind_and_takes_its_objects_with_it() {
    let cluster = LocalCluster::new();
    let definition = object(
        r#"{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"things.example.org"},
        "spec":{"group":"example.org","scope":"Namespaced","names":{"plural":"things","kind":"Thing"},
        "versions":[{"name":"v1","served":true,"storage":true,"subresources":{"status":{}},"schema":{"openAPIV3Schema":{"type":"object",
        "properties":{"spec":{"type":"object","required":["size"],"properties":{"size":{"type":"integer"},"colour":{"type":"string","default":"red"}}},
        "status":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}}}]}}"#,
    );
    cluster.create(&definition, &by("one")).await.unwrap();
    let thing = |spec: &str| {
        object(&format!(
            r#"{{"apiVersion":"example.org/v1","kind":"Thing","metadata":{{"name":"a","namespace":"default"}},"spec":{spec}}}"#
        ))
    };
    let refused = cluster.create(&thing(r#"{"colour":"blue"}"#), &by("one")).await.unwrap_err();
    assert_eq!(refused.message, "Thing.example.org \"a\" is invalid: spec.size: Required value");
    let made = cluster.create(&thing(r#"{"size":1,"other":2}"#), &by("one")).await.unwrap();
    assert_eq!(text(&made, &["spec", "colour"]), "red");
    assert!(made.at_path(&["spec", "other"]).is_none());
    assert_eq!(text(&made, &["metadata", "generation"]), "1");
    cluster.delete(&ObjectRef::of(&definition), &DeleteOptions::default()).await.unwrap();
    assert_eq!(cluster.kind(&Gvk::new("example.org/v1", "Thing")).await.unwrap(), None);
}

#[tokio::test]
async fn a_namespace_takes_what_is_in_it_and_waits_for_finalizers() {
    let cluster = LocalCluster::new();
    let namespace = object(r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"apps"}}"#);
    let missing =
        object(r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"apps"}}"#);
    let refused = cluster.create(&missing, &by("one")).await.unwrap_err();
    assert_eq!(refused.message, "namespaces \"apps\" not found");
    cluster.create(&namespace, &by("one")).await.unwrap();
    let held = object(
        r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"apps","finalizers":["example.org/hold"]}}"#,
    );
    cluster.create(&held, &by("one")).await.unwrap();
    cluster.delete(&ObjectRef::of(&namespace), &DeleteOptions::default()).await.unwrap();
    let going = cluster.get(&ObjectRef::of(&namespace)).await.unwrap().unwrap();
    assert_eq!(text(&going, &["status", "phase"]), "Terminating");
    let refused = cluster.create(&config_map_in("apps"), &by("one")).await.unwrap_err();
    assert_eq!(refused.fault, ClusterFault::Terminating);
    let release = Patch::Merge(object(r#"{"metadata":{"finalizers":null}}"#));
    cluster.patch(&ObjectRef::of(&held), &release, &by("one")).await.unwrap();
    assert!(cluster.get(&ObjectRef::of(&namespace)).await.unwrap().is_none());
}

fn config_map_in(namespace: &str) -> Node {
    object(&format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"b","namespace":"{namespace}"}}}}"#
    ))
}

#[tokio::test]
async fn owned_objects_go_with_their_owner() {
    let cluster = LocalCluster::new();
    let owner = cluster.create(&config_map("owner", "{}"), &by("one")).await.unwrap();
    let uid = text(&owner, &["metadata", "uid"]);
    let owned = object(&format!(
        r#"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"owned","namespace":"default",
        "ownerReferences":[{{"apiVersion":"v1","kind":"ConfigMap","name":"owner","uid":"{uid}"}}]}}}}"#
    ));
    cluster.create(&owned, &by("one")).await.unwrap();
    cluster.delete(&ObjectRef::of(&owner), &DeleteOptions::default()).await.unwrap();
    assert!(cluster.get(&ObjectRef::of(&owned)).await.unwrap().is_none());
}
