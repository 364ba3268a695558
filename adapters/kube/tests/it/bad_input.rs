//! What goes wrong in clusters: each is answered with what failed, for which object, and whether it will be retried.

use crate::servers::{apply, on_both, real};
use gitops_core::apply::{ApplyOptions, Follower, Foreign, Inventory, Owner, Seen};
use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, DeleteOptions, ListOptions, ObjectRef, Patch, WatchEvent, WriteOptions};
use gitops_kube::{KubeCluster, Limits};
use gitops_local_cluster::LocalCluster;
use gitops_yaml::{FileId, Node, from_json};
use http::{Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tower::ServiceExt;

on_both!(
    a_namespace_that_is_being_deleted_takes_nothing_new_for_now,
    two_owners_of_one_object_are_told_and_neither_prunes_the_others,
    a_watch_that_is_cut_every_second_loses_nothing,
);

fn read(text: &str) -> Node {
    from_json(text, FileId::NONE).unwrap()
}

fn options() -> WriteOptions {
    WriteOptions { manager: "test".into(), ..WriteOptions::default() }
}

fn map_ref(namespace: &str, name: &str) -> ObjectRef {
    ObjectRef { gvk: Gvk::new("v1", "ConfigMap"), namespace: namespace.into(), name: name.into() }
}

fn config_map(namespace: &str, name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\ndata: {{a: '{value}'}}\n---\n"
    )
}

fn as_node(namespace: &str, name: &str, metadata: &str) -> Node {
    read(&format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}","namespace":"{namespace}"{metadata}}}}}"#
    ))
}

async fn make_namespace(cluster: &KubeCluster, name: &str) -> ObjectRef {
    let space = read(&format!(r#"{{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"{name}"}}}}"#));
    cluster.create(&space, &options()).await.unwrap();
    ObjectRef::of(&space)
}

async fn version(cluster: &KubeCluster, target: &ObjectRef) -> Option<String> {
    let found = cluster.get(target).await.unwrap()?;
    found.at_path(&["metadata", "resourceVersion"]).and_then(Node::as_str).map(str::to_owned)
}

async fn a_namespace_that_is_being_deleted_takes_nothing_new_for_now(cluster: KubeCluster, unique: String) {
    let owner = Owner::kustomization("flux-system", unique.as_str());
    let space = make_namespace(&cluster, &unique).await;
    let held = as_node(&unique, "held", r#","finalizers":["example.org/held"]"#);
    cluster.create(&held, &options()).await.unwrap();
    cluster.delete(&space, &DeleteOptions::default()).await.unwrap();
    let (outcome, said) = apply(
        &cluster,
        &owner,
        &config_map(&unique, "late", "1"),
        &Inventory::default(),
        ApplyOptions::default(),
    )
    .await;
    assert!(outcome.changed().is_empty());
    assert!(said.contains(&format!("apps.yaml:1:1: ConfigMap/{unique}/late ")), "{said}");
    assert!(said.contains("it is being terminated") && said.ends_with("; will be retried"), "{said}");
    assert!(cluster.get(&map_ref(&unique, "late")).await.unwrap().is_none());
    let free = Patch::Merge(read(r#"{"metadata":{"finalizers":null}}"#));
    cluster.patch(&map_ref(&unique, "held"), &free, &options()).await.unwrap();
}

async fn two_owners_of_one_object_are_told_and_neither_prunes_the_others(
    cluster: KubeCluster,
    unique: String,
) {
    let (one, two) = (Owner::kustomization("flux-system", "one"), Owner::kustomization("flux-system", "two"));
    let space = make_namespace(&cluster, &unique).await;
    cluster.create(&as_node(&unique, "stranger", ""), &options()).await.unwrap();
    let stranger = version(&cluster, &map_ref(&unique, "stranger")).await;
    let text = config_map(&unique, "shared", "1");
    let (first, said) = apply(&cluster, &one, &text, &Inventory::default(), ApplyOptions::default()).await;
    assert!(first.is_success(), "{said}");
    let mut refusing = ApplyOptions::default();
    refusing.foreign = Foreign::Refuse;
    let (refused, said) = apply(&cluster, &two, &text, &Inventory::default(), refusing).await;
    assert!(refused.changed().is_empty() && refused.errors.len() == 1, "{said}");
    assert!(
        said.contains(&format!("ConfigMap/{unique}/shared")) && said.contains("flux-system/one"),
        "{said}"
    );
    let (taken, said) = apply(&cluster, &two, &text, &Inventory::default(), ApplyOptions::default()).await;
    assert!(taken.is_success() && said.contains("two owners of one object"), "{said}");
    // The first one wants it no more, and leaves it to the second.
    let (left, said) = apply(&cluster, &one, "", &first.inventory, ApplyOptions::default()).await;
    assert!(left.is_success(), "{said}");
    assert!(cluster.get(&map_ref(&unique, "shared")).await.unwrap().is_some());
    let (gone, said) = apply(&cluster, &two, "", &taken.inventory, ApplyOptions::default()).await;
    assert_eq!(gone.changed(), format!("ConfigMap/{unique}/shared deleted"), "{said}");
    assert_eq!(version(&cluster, &map_ref(&unique, "stranger")).await, stranger);
    cluster.delete(&space, &DeleteOptions::default()).await.unwrap();
}

async fn a_watch_that_is_cut_every_second_loses_nothing(cluster: KubeCluster, unique: String) {
    let space = make_namespace(&cluster, &unique).await;
    let mut limits = Limits::default();
    limits.watch = Duration::from_secs(1);
    let watching = cluster.clone().with_limits(limits);
    let wanted = ListOptions {
        namespace: Some(unique.as_str().into()),
        labels: "a=b".into(),
        metadata_only: true,
        ..ListOptions::default()
    };
    let mut follower = Follower::new(&watching, Gvk::new("v1", "ConfigMap"), wanted);
    assert!(matches!(follower.next().await, Ok(Seen::All(_))));
    let (writer, namespace) = (cluster.clone(), unique.clone());
    let writing = tokio::spawn(async move {
        for count in 0..16 {
            let object = as_node(&namespace, &format!("m{count}"), r#","labels":{"a":"b"}"#);
            writer.create(&object, &options()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let mut seen = Vec::new();
    while seen.len() < 16 {
        match tokio::time::timeout(Duration::from_secs(60), follower.next()).await.unwrap().unwrap() {
            Seen::Event(WatchEvent::Added(object)) => seen.push(ObjectRef::of(&object).name.to_string()),
            Seen::Quiet => {}
            other => panic!("{other:?}"),
        }
    }
    writing.await.unwrap();
    assert_eq!(seen, (0..16).map(|count| format!("m{count}")).collect::<Vec<_>>(), "each once, in order");
    cluster.delete(&space, &DeleteOptions::default()).await.unwrap();
}

/// A webhook stands in the way of ConfigMaps and of nothing else.
async fn check_webhook(cluster: &KubeCluster, namespace: &str) {
    let owner = Owner::kustomization("flux-system", namespace);
    let secret =
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s, namespace: {namespace}}}\n---\n");
    let text = config_map(namespace, "slow", "1") + &secret;
    let (outcome, said) = apply(cluster, &owner, &text, &Inventory::default(), ApplyOptions::default()).await;
    assert_eq!(outcome.changed(), format!("Secret/{namespace}/s created"), "{said}");
    let start =
        format!("apps.yaml:1:1: ConfigMap/{namespace}/slow dry-run failed (InternalError): Internal error");
    assert!(said.starts_with(&start) && said.contains("failed calling webhook"), "{said}");
    assert!(said.ends_with("; will be retried"), "{said}");
    // What may have been made is in the inventory, so that it can be pruned.
    assert_eq!(outcome.inventory.len(), 2);
}

#[tokio::test]
async fn a_webhook_that_times_out_stops_one_object_on_the_embedded_api() {
    let cluster = LocalCluster::new();
    let (service, calls) = (cluster.service(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&calls);
    let hooked = tower::service_fn(move |request: Request<Body>| {
        let (service, counted) = (service.clone(), Arc::clone(&counted));
        async move {
            if request.method() == http::Method::PATCH && request.uri().path().contains("/configmaps/") {
                counted.fetch_add(1, Ordering::SeqCst);
                let said = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"Internal error occurred: failed calling webhook \"slow.example.org\": context deadline exceeded","reason":"InternalError","code":500}"#;
                let body = Body::from(said.as_bytes().to_vec());
                return Ok::<_, Infallible>(Response::builder().status(500).body(body).unwrap());
            }
            let (head, body) = service.oneshot(request).await.unwrap().into_parts();
            Ok(Response::from_parts(head, Body::from(body.collect().await.unwrap().to_bytes().to_vec())))
        }
    });
    let cluster = KubeCluster::new(kube::Client::new(hooked, "default"));
    make_namespace(&cluster, "hooked").await;
    check_webhook(&cluster, "hooked").await;
    assert_eq!(calls.load(Ordering::SeqCst), 1, "a write that may have been made is not made again at once");
}

#[tokio::test]
async fn a_webhook_that_does_not_answer_stops_one_object_on_a_real_server() {
    let Some((cluster, unique)) = real().await else { return };
    let space = make_namespace(&cluster, &unique).await;
    let hook = read(&format!(
        r#"{{"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingWebhookConfiguration","metadata":{{"name":"{unique}"}},"webhooks":[{{"name":"slow.example.org","admissionReviewVersions":["v1"],"sideEffects":"None","timeoutSeconds":1,"clientConfig":{{"url":"https://127.0.0.1:1/"}},"namespaceSelector":{{"matchLabels":{{"kubernetes.io/metadata.name":"{unique}"}}}},"rules":[{{"apiGroups":[""],"apiVersions":["v1"],"operations":["CREATE"],"resources":["configmaps"]}}]}}]}}"#
    ));
    cluster.create(&hook, &options()).await.unwrap();
    // The server takes a moment to know of it.
    let probe = as_node(&unique, "probe", "");
    for _ in 0..100 {
        if cluster.create(&probe, &options()).await.is_err_and(|error| error.status == 500) {
            break;
        }
        let _ = cluster.delete(&ObjectRef::of(&probe), &DeleteOptions::default()).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    check_webhook(&cluster, &unique).await;
    cluster.delete(&ObjectRef::of(&hook), &DeleteOptions::default()).await.unwrap();
    cluster.delete(&space, &DeleteOptions::default()).await.unwrap();
}
