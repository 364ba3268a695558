//! What each call of the port sends, and what it makes of the answers.

use crate::server::{GROUPS, Server};
use gitops_core::object::Gvk;
use gitops_core::ports::{
    Cluster, ClusterFault, DeleteOptions, FieldConflicts, ListOptions, ObjectRef, Part, Patch, Propagation,
    Watch, WatchEvent, WriteMode, WriteOptions,
};
use gitops_kube::{Impersonation, KubeCluster, Limits};
use gitops_yaml::{Dialect, FileId, Node, from_json, to_json};
use std::time::Duration;

fn read(text: &str) -> Node {
    from_json(text, FileId::NONE).unwrap()
}

fn json(node: &Node) -> String {
    to_json(node, Dialect::V3).unwrap()
}

fn map_ref(name: &str) -> ObjectRef {
    ObjectRef { gvk: Gvk::new("v1", "ConfigMap"), namespace: "n".into(), name: name.into() }
}

const MAP: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"n"}}"#;

fn failure(code: u16, reason: &str, message: &str, details: &str) -> String {
    format!(
        r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"{message}","reason":"{reason}","details":{{{details}}},"code":{code}}}"#
    )
}

#[tokio::test(start_paused = true)]
async fn kinds_are_asked_for_once_and_again_where_one_is_unknown() {
    let server = Server::new();
    let cluster = server.cluster();
    let deployment = cluster.kind(&Gvk::new("apps/v1", "Deployment")).await.unwrap().unwrap();
    assert_eq!((deployment.plural.as_str(), deployment.namespaced), ("deployments", true));
    assert!(!cluster.kind(&Gvk::new("v1", "Namespace")).await.unwrap().unwrap().namespaced);
    assert_eq!(server.discoveries(), 1);
    let widget = Gvk::new("example.com/v1", "Widget");
    assert_eq!(cluster.kind(&widget).await.unwrap(), None);
    assert_eq!(server.discoveries(), 2);
    // The definition is established meanwhile.
    server.set_groups(&GROUPS.replace("apps", "example.com").replace("Deployment", "Widget"));
    assert!(cluster.kind(&widget).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_server_is_silent_is_not_taken_for_unknown() {
    let error =
        Server::new().cluster().kind(&Gvk::new("metrics.k8s.io/v1beta1", "NodeMetrics")).await.unwrap_err();
    assert_eq!(error.fault, ClusterFault::Busy);
}

#[tokio::test(start_paused = true)]
async fn older_servers_are_asked_group_by_group() {
    let server = Server::new();
    server.set_groups(
        r#"{"kind":"APIGroupList","groups":[{"name":"apps","versions":[{"groupVersion":"apps/v1"}],"preferredVersion":{"groupVersion":"apps/v1"}}]}"#,
    );
    server.answer(
        200,
        r#"{"kind":"APIResourceList","groupVersion":"apps/v1","resources":[{"name":"deployments","namespaced":true,"kind":"Deployment"},{"name":"deployments/scale","namespaced":true,"kind":"Scale"}]}"#,
    );
    let cluster = server.cluster();
    assert!(cluster.kind(&Gvk::new("apps/v1", "Deployment")).await.unwrap().unwrap().namespaced);
    assert_eq!(server.lines(), ["GET /apis/apps/v1"]);
    assert_eq!(
        cluster.kind(&Gvk::new("apps/v1", "Deployment")).await.unwrap().unwrap().plural,
        "deployments"
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_not_there_is_none_and_a_path_that_is_not_there_an_unknown_kind() {
    let server = Server::new();
    let cluster = server.cluster();
    server.answer(200, MAP);
    assert_eq!(json(&cluster.get(&map_ref("a")).await.unwrap().unwrap()), MAP);
    server
        .answer(404, failure(404, "NotFound", "configmaps a not found", r#""name":"a","kind":"configmaps""#));
    assert!(cluster.get(&map_ref("a")).await.unwrap().is_none());
    server.answer(404, "404 page not found");
    let error = cluster.get(&map_ref("a")).await.unwrap_err();
    assert_eq!(error.fault, ClusterFault::UnknownKind);
    assert_eq!(error.message, "no matches for kind \"ConfigMap\" in version \"v1\"");
    assert_eq!(server.discoveries(), 1);
    server.answer(200, MAP);
    cluster.get(&map_ref("a")).await.unwrap();
    assert_eq!(server.discoveries(), 2, "what was known of kinds was forgotten");
    let refused = cluster.get(&map_ref("../../secrets/x")).await.unwrap_err();
    assert_eq!(refused.fault, ClusterFault::Invalid);
}

#[tokio::test(start_paused = true)]
async fn applying_names_manager_force_and_dry_run() {
    let server = Server::new();
    let cluster = server.cluster();
    server.answer(200, MAP).answer(200, MAP).answer(200, MAP);
    let mut options = WriteOptions { manager: "kustomize-controller".into(), ..WriteOptions::default() };
    options.conflicts = FieldConflicts::TakenOver;
    options.mode = WriteMode::DryRun;
    cluster.apply(&read(MAP), &options).await.unwrap();
    options.mode = WriteMode::Real;
    options.part = Part::Status;
    options.conflicts = FieldConflicts::Refused;
    cluster.apply(&read(MAP), &options).await.unwrap();
    cluster.create(&read(MAP), &WriteOptions::default()).await.unwrap();
    let seen = server.seen();
    assert_eq!(
        server.lines(),
        [
            "PATCH /api/v1/namespaces/n/configmaps/a?fieldManager=kustomize-controller&force=true&dryRun=All",
            "PATCH /api/v1/namespaces/n/configmaps/a/status?fieldManager=kustomize-controller&force=false",
            "POST /api/v1/namespaces/n/configmaps"
        ]
    );
    assert_eq!(seen[0].header("content-type"), "application/apply-patch+yaml");
    assert_eq!(seen[0].body, MAP);
    assert_eq!(seen[2].header("content-type"), "application/json");
}

#[tokio::test(start_paused = true)]
async fn patches_and_replacements_have_their_own_types() {
    let server = Server::new();
    let cluster = server.cluster();
    for _ in 0..4 {
        server.answer(200, MAP);
    }
    let options = WriteOptions::default();
    let empty = || Node::mapping(vec![]);
    cluster.patch(&map_ref("a"), &Patch::Merge(empty()), &options).await.unwrap();
    cluster.patch(&map_ref("a"), &Patch::Json(Node::sequence(vec![])), &options).await.unwrap();
    cluster.patch(&map_ref("a"), &Patch::Strategic(empty()), &options).await.unwrap();
    let status = WriteOptions { part: Part::Status, ..WriteOptions::default() };
    cluster.replace(&read(MAP), &status).await.unwrap();
    let types: Vec<String> =
        server.seen().iter().map(|seen| seen.header("content-type").to_owned()).collect();
    assert_eq!(
        types,
        [
            "application/merge-patch+json",
            "application/json-patch+json",
            "application/strategic-merge-patch+json",
            "application/json"
        ]
    );
    assert_eq!(server.lines()[3], "PUT /api/v1/namespaces/n/configmaps/a/status");
}

#[tokio::test(start_paused = true)]
async fn deleting_names_propagation_and_uid() {
    let server = Server::new();
    let cluster = server.cluster();
    server.answer(200, failure(200, "", "", ""));
    let options = DeleteOptions {
        propagation: Propagation::Foreground,
        uid: Some("u-1".into()),
        mode: WriteMode::DryRun,
    };
    assert!(cluster.delete(&map_ref("a"), &options).await.unwrap());
    server.answer(404, failure(404, "NotFound", "m", r#""name":"a""#));
    assert!(!cluster.delete(&map_ref("a"), &DeleteOptions::default()).await.unwrap());
    let body: serde_json::Value = serde_json::from_str(&server.seen()[0].body).unwrap();
    assert_eq!(body["propagationPolicy"], "Foreground");
    assert_eq!(body["preconditions"]["uid"], "u-1");
    assert_eq!(body["dryRun"][0], "All");
}

#[tokio::test(start_paused = true)]
async fn lists_come_in_pages_and_every_item_says_what_it_is() {
    let server = Server::new();
    let cluster = server.cluster();
    server
        .answer(
            200,
            r#"{"metadata":{"resourceVersion":"9","continue":"tok en"},"items":[{"metadata":{"name":"a"}}]}"#,
        )
        .answer(200, r#"{"metadata":{"resourceVersion":"9"},"items":[{"metadata":{"name":"b"},"data":{}}]}"#);
    let options = ListOptions {
        labels: "x=y".into(),
        namespace: Some("n".into()),
        metadata_only: true,
        ..ListOptions::default()
    };
    let list = cluster.list(&Gvk::new("v1", "ConfigMap"), &options).await.unwrap();
    assert_eq!(list.resource_version, "9");
    let items: Vec<String> = list.items.iter().map(json).collect();
    assert_eq!(
        items,
        [
            r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}"#,
            r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b"}}"#
        ]
    );
    assert_eq!(
        server.lines(),
        [
            "GET /api/v1/namespaces/n/configmaps?labelSelector=x%3Dy&limit=500",
            "GET /api/v1/namespaces/n/configmaps?labelSelector=x%3Dy&limit=500&continue=tok%20en"
        ]
    );
    assert!(server.seen()[0].header("accept").contains("as=PartialObjectMetadataList"));
}

#[tokio::test(start_paused = true)]
async fn pages_that_expire_or_go_in_a_circle_end() {
    let server = Server::new();
    let cluster = server.cluster();
    let page = r#"{"metadata":{"resourceVersion":"1","continue":"c"},"items":[]}"#;
    server.answer(200, page).answer(410, failure(410, "Expired", "too old", ""));
    server.answer(200, r#"{"metadata":{"resourceVersion":"2"},"items":[]}"#);
    let list = cluster.list(&Gvk::new("v1", "ConfigMap"), &ListOptions::default()).await.unwrap();
    assert_eq!(list.resource_version, "2");
    assert_eq!(server.lines()[2], "GET /api/v1/configmaps");
    server.answer(200, page).answer(200, page);
    let error = cluster.list(&Gvk::new("v1", "ConfigMap"), &ListOptions::default()).await.unwrap_err();
    assert_eq!(error.message, "the server's pages go in a circle");
}

#[tokio::test(start_paused = true)]
async fn watches_give_events_bookmarks_and_their_end() {
    let server = Server::new();
    let cluster = server.cluster();
    let event = |kind: &str, version: u32| {
        format!(
            r#"{{"type":"{kind}","object":{{"kind":"ConfigMap","apiVersion":"v1","metadata":{{"name":"a","resourceVersion":"{version}"}},"data":{{}}}}}}"#
        )
    };
    let stream = [event("ADDED", 2), event("MODIFIED", 3), event("BOOKMARK", 4), event("DELETED", 5)]
        .join("\n")
        + "\n"
        + r#"{"type":"ADDED","object":{"metad"#;
    server.answer(200, stream);
    let options = ListOptions { metadata_only: true, ..ListOptions::default() };
    let mut watch = cluster.watch(&Gvk::new("v1", "ConfigMap"), &options, "1").await.unwrap();
    let mut seen = Vec::new();
    while let Some(event) = watch.next().await {
        let event = event.unwrap();
        if let WatchEvent::Added(object) = &event {
            assert!(object.get("data").is_none());
        }
        seen.push(event.resource_version().unwrap().to_string());
    }
    assert_eq!(seen, ["2", "3", "4", "5"], "a line that was cut is no event");
    assert_eq!(
        server.lines(),
        ["GET /api/v1/configmaps?watch=true&allowWatchBookmarks=true&timeoutSeconds=300&resourceVersion=1"]
    );
    server.answer(
        200,
        r#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}"#
            .to_owned()
            + "\n",
    );
    let mut watch = cluster.watch(&Gvk::new("v1", "ConfigMap"), &options, "1").await.unwrap();
    assert_eq!(watch.next().await.unwrap().unwrap_err().fault, ClusterFault::Expired);
    assert!(watch.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn busy_servers_are_asked_again_as_they_say_and_not_for_ever() {
    let server = Server::new();
    let cluster = server.cluster();
    let busy = failure(429, "TooManyRequests", "slow down", "");
    server.answer_with(429, vec![("retry-after", "3")], busy.clone()).answer(503, "").answer(200, MAP);
    let start = tokio::time::Instant::now();
    cluster.get(&map_ref("a")).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(3), "{:?}", start.elapsed());
    assert_eq!(server.lines().len(), 3);
    for _ in 0..10 {
        server.answer(429, busy.clone());
    }
    let error = cluster.get(&map_ref("a")).await.unwrap_err();
    assert_eq!(error.fault, ClusterFault::Busy);
    assert_eq!(server.lines().len(), 3 + 5);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_too_long_is_left_to_the_caller() {
    let server = Server::new();
    server.answer_with(503, vec![("retry-after", "600")], "");
    let error = server.cluster().get(&map_ref("a")).await.unwrap_err();
    assert_eq!(error.retry_after, Some(Duration::from_secs(600)));
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_done_twice_is_not_done_twice() {
    let server = Server::new();
    let cluster = server.cluster();
    let webhook = failure(500, "InternalError", "failed calling webhook: context deadline exceeded", "");
    server.answer(500, webhook.clone());
    let error = cluster.apply(&read(MAP), &WriteOptions::default()).await.unwrap_err();
    assert_eq!((error.fault, error.reason.as_str()), (ClusterFault::Busy, "InternalError"));
    server.answer(504, "");
    assert!(cluster.create(&read(MAP), &WriteOptions::default()).await.is_err());
    assert_eq!(server.lines().len(), 2);
    server.answer(504, "").answer(200, MAP);
    cluster.apply(&read(MAP), &WriteOptions::default()).await.unwrap();
    assert_eq!(server.lines().len(), 4, "applying twice does the same");
}

#[tokio::test(start_paused = true)]
async fn refusals_carry_reason_and_cause() {
    let server = Server::new();
    let cluster = server.cluster();
    let terminating = r#""causes":[{"reason":"NamespaceTerminating"}]"#;
    server
        .answer(403, failure(403, "Forbidden", "namespace n is being terminated", terminating))
        .answer(401, failure(401, "Unauthorized", "Unauthorized", ""))
        .answer(422, failure(422, "Invalid", "data: field is immutable", ""));
    for (fault, can_retry) in [
        (ClusterFault::Terminating, true),
        (ClusterFault::Unauthorized, true),
        (ClusterFault::Immutable, false),
    ] {
        let error = cluster.apply(&read(MAP), &WriteOptions::default()).await.unwrap_err();
        assert_eq!(error.fault, fault);
        assert_eq!(matches!(error.outlook(), gitops_core::ports::Outlook::Retry { .. }), can_retry);
    }
}

#[tokio::test(start_paused = true)]
async fn impersonation_stands_on_every_request() {
    let server = Server::new();
    server.answer(200, MAP);
    let account = Impersonation::service_account("apps", "deployer").unwrap();
    server.cluster().impersonating(&account).unwrap().get(&map_ref("a")).await.unwrap();
    assert_eq!(server.seen()[0].header("impersonate-user"), "system:serviceaccount:apps:deployer");
    server.answer(200, MAP);
    server.cluster().get(&map_ref("a")).await.unwrap();
    assert_eq!(server.seen()[1].header("impersonate-user"), "");
}

#[tokio::test(start_paused = true)]
async fn answers_are_bounded_in_size_and_time() {
    let server = Server::new();
    let mut limits = Limits::default();
    limits.answer_bytes = 2_000;
    server.answer(200, format!(r#"{{"kind":"ConfigMap","data":{{"a":"{}"}}}}"#, "x".repeat(3_000)));
    let error = server.cluster().with_limits(limits).get(&map_ref("a")).await.unwrap_err();
    assert_eq!(
        (error.fault, error.message.as_str()),
        (ClusterFault::Invalid, "the answer is larger than 2000 bytes")
    );

    let silent = tower::service_fn(|_: http::Request<kube::client::Body>| {
        std::future::pending::<Result<http::Response<kube::client::Body>, std::convert::Infallible>>()
    });
    let cluster = KubeCluster::new(kube::Client::new(silent, "default"));
    let error = cluster.get(&map_ref("a")).await.unwrap_err();
    assert_eq!(error.message, "no answer within 60s");

    let mut limits = Limits::default();
    limits.event_bytes = 100;
    server.answer(200, "x".repeat(1_000));
    let cluster = server.cluster().with_limits(limits);
    let mut watch = cluster.watch(&Gvk::new("v1", "ConfigMap"), &ListOptions::default(), "").await.unwrap();
    assert_eq!(watch.next().await.unwrap().unwrap_err().message, "an event is larger than 100 bytes");
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_no_json_are_errors() {
    let server = Server::new();
    let cluster = server.cluster();
    for answer in ["<html>", "{\"a\":", "\u{0}"] {
        server.answer(200, answer);
        let error = cluster.get(&map_ref("a")).await.unwrap_err();
        assert!(error.message.starts_with("the server's answer can not be read: "), "{error}");
    }
}
