//! Alerts, Providers and Receivers: from an event to a message, and from a web hook to a reconciliation.

use std::time::Duration;

use gitops_controllers::notification::{Hook, HookAnswer};
use gitops_controllers::{Event, Key, Kind, Severity};
use gitops_core::testing::Fault;
use gitops_yaml::Node;

use crate::world::{Fleet, block_on, nodes};

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: hook, namespace: flux-system}\nstringData: {address: 'https://hooks.example/T0/k3y', token: t0ken}\n";
const PROVIDER: &str = "apiVersion: notification.toolkit.fluxcd.io/v1beta1\nkind: Provider\nmetadata: {name: slack, namespace: flux-system}\nspec: {type: slack, channel: demo, secretRef: {name: hook}}\n";
const ALERT: &str = "apiVersion: notification.toolkit.fluxcd.io/v1beta1\nkind: Alert\nmetadata: {name: all, namespace: flux-system}\nspec: {providerRef: {name: slack}, eventSeverity: error, eventSources: [{kind: Kustomization, name: '*'}]}\n";
const APPS: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\n";

fn key(kind: Kind, name: &'static str) -> Key {
    Key::new(kind, "flux-system", name)
}

fn event(severity: Severity, message: &str) -> Event {
    let object = &nodes(APPS)[0];
    let mut event = Event::of(&key(Kind::Kustomization, "apps"), object, severity, "BuildFailed", message);
    event.time = Duration::from_secs(1_767_323_045);
    event.with("revision", "main@sha1:731f7eaddfb6af01cb2173e18f0f75b0ba780ef1")
}

fn send(fleet: &Fleet, event: &Event) {
    for delivery in fleet.context.route(event) {
        block_on(fleet.context.send(delivery));
    }
}

fn bodies(fleet: &Fleet) -> Vec<String> {
    let sent = fleet.context.world.notify.sent();
    sent.iter().map(|request| String::from_utf8_lossy(&request.body).into_owned()).collect()
}

fn told(fleet: &Fleet) -> Vec<String> {
    let events = fleet.context.outbox.take();
    events.iter().map(|event| format!("{} {}: {}", event.key, event.reason, event.message)).collect()
}

#[test]
fn errors_reach_people_once() {
    let mut fleet = Fleet::new();
    fleet.apply(&format!("{SECRET}---\n{PROVIDER}---\n{ALERT}"));
    fleet.settle();
    assert_eq!(fleet.ready(&key(Kind::Provider, "slack")), "True Succeeded: Initialized");
    assert_eq!(fleet.ready(&key(Kind::Alert, "all")), "True Succeeded: Initialized");
    send(&fleet, &event(Severity::Info, "all is well"));
    assert!(bodies(&fleet).is_empty(), "only errors were asked for");
    send(&fleet, &event(Severity::Error, "build failed"));
    send(&fleet, &event(Severity::Error, "build failed"));
    let sent = fleet.context.world.notify.sent();
    assert_eq!((sent.len(), sent[0].url.as_str()), (1, "https://hooks.example/T0/k3y"));
    let body = &bodies(&fleet)[0];
    assert!(body.contains(r#""channel":"demo","username":"kustomize-controller""#), "{body}");
    assert!(
        body.contains(r#""author_name":"kustomization/apps.flux-system","text":"build failed""#),
        "{body}"
    );
    fleet.context.world.clock.advance(Duration::from_secs(300));
    send(&fleet, &event(Severity::Error, "build failed"));
    assert_eq!(bodies(&fleet).len(), 2, "and again after five minutes");
}

#[test]
fn what_fails_is_tried_again_and_then_told_without_the_secret() {
    let mut fleet = Fleet::new();
    fleet.apply(&format!("{SECRET}---\n{PROVIDER}---\n{ALERT}"));
    fleet.settle();
    let faults = &fleet.context.world.notify.faults;
    faults.push("send", Fault::Error("https://hooks.example/T0/k3y timed out".into()));
    send(&fleet, &event(Severity::Error, "one"));
    assert_eq!((bodies(&fleet).len(), told(&fleet).len()), (1, 0), "the second try went through");
    for _ in 0..5 {
        faults.push("send", Fault::Error("https://hooks.example/T0/k3y timed out with t0ken".into()));
    }
    send(&fleet, &event(Severity::Error, "two"));
    assert_eq!(
        told(&fleet),
        ["Alert/flux-system/all NotificationDispatchFailed: failed to send notification for \
             Kustomization/flux-system/apps: *** timed out with ***"]
    );
}

#[test]
fn what_can_not_work_stands_in_a_condition() {
    let mut fleet = Fleet::new();
    fleet.apply(&PROVIDER.replace("type: slack", "type: nats"));
    fleet.apply(ALERT);
    fleet.settle();
    let provider = fleet.ready(&key(Kind::Provider, "slack"));
    assert!(
        provider.starts_with("False ValidationFailed: provider nats not supported: Flux has it"),
        "{provider}"
    );
    fleet.apply(&format!("{}---\n{PROVIDER}", SECRET.replace("'https://hooks.example/T0/k3y'", "changeme")));
    fleet.settle();
    let provider = fleet.ready(&key(Kind::Provider, "slack"));
    assert!(provider.contains("invalid Slack hook URL: the address is no URL"), "{provider}");
    assert!(!provider.contains("changeme"), "{provider}");
    fleet.apply(SECRET);
    fleet.after(Duration::from_secs(60));
    assert_eq!(fleet.ready(&key(Kind::Provider, "slack")), "True Succeeded: Initialized");
    fleet.apply(&ALERT.replace("spec: {", "spec: {exclusionList: ['a('], "));
    fleet.settle();
    let alert = fleet.ready(&key(Kind::Alert, "all"));
    assert!(alert.contains("failed to compile spec.exclusionList: error parsing regexp"), "{alert}");
    fleet.apply(&ALERT.replace("name: slack", "name: other"));
    fleet.settle();
    let alert = fleet.ready(&key(Kind::Alert, "all"));
    assert!(alert.contains("Provider 'flux-system/other' not found"), "{alert}");
    fleet.apply(&PROVIDER.replace("name: slack", "name: other"));
    fleet.settle();
    assert_eq!(fleet.ready(&key(Kind::Alert, "all")), "True Succeeded: Initialized", "the Provider has come");
}

#[test]
fn commits_get_a_status() {
    let mut fleet = Fleet::new();
    fleet.apply(SECRET);
    fleet.apply(&PROVIDER.replace("type: slack", "type: github, address: 'https://github.com/org/repo', commitStatusExpr: \"event.involvedObject.name + '/' + provider.metadata.name + '/' + alert.metadata.name\"").replace("name: hook", "name: token"));
    fleet.apply("apiVersion: v1\nkind: Secret\nmetadata: {name: token, namespace: flux-system}\nstringData: {token: t0ken}\n");
    fleet.apply(ALERT);
    fleet.settle();
    assert_eq!(fleet.ready(&key(Kind::Provider, "slack")), "True Succeeded: Initialized");
    send(&fleet, &event(Severity::Error, "build failed"));
    let sent = fleet.context.world.notify.sent();
    let urls: Vec<&str> = sent.iter().map(|request| request.url.rsplit("/repos").next().unwrap()).collect();
    let commit = "731f7eaddfb6af01cb2173e18f0f75b0ba780ef1";
    assert_eq!(
        urls,
        [format!("/org/repo/commits/{commit}/statuses?per_page=50"), format!("/org/repo/statuses/{commit}")]
    );
    assert!(bodies(&fleet)[1].contains(r#""context":"apps/slack/all""#), "{:?}", bodies(&fleet));
}

#[test]
fn finished_runs_are_no_news_but_for_commits() {
    let mut fleet = Fleet::new();
    fleet.apply(&format!("{SECRET}---\n{PROVIDER}---\n{}", ALERT.replace("eventSeverity: error, ", "")));
    fleet.settle();
    send(&fleet, &event(Severity::Info, "Reconciliation finished").with("commit_status", "update"));
    assert!(bodies(&fleet).is_empty());
    fleet.apply(&PROVIDER.replace("type: slack", "type: generic"));
    fleet.settle();
    send(&fleet, &event(Severity::Info, "Reconciliation finished again").with("commit_status", "update"));
    let body = &bodies(&fleet)[0];
    assert!(body.contains(r#""metadata":{"commit_status":"update","revision":"main@sha1:"#), "{body}");
}

const RECEIVER: &str = "apiVersion: notification.toolkit.fluxcd.io/v1beta2\nkind: Receiver\nmetadata: {name: push, namespace: flux-system}\nspec: {type: gitlab, events: ['Push Hook'], secretRef: {name: hook}, resources: [{kind: GitRepository, name: fleet}, {kind: Kustomization, name: '*', matchLabels: {app: web}, filter: \"req.ref == 'main' && res.metadata.name != 'skipped'\"}]}\n";
const OBJECTS: &str = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: fleet, namespace: flux-system}\nspec: {url: 'https://git.example/fleet', interval: 1m, suspend: true}\n---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: web, namespace: flux-system, labels: {app: web}}\nspec: {suspend: true}\n---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: skipped, namespace: flux-system, labels: {app: web}}\nspec: {suspend: true}\n---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: db, namespace: flux-system}\nspec: {suspend: true}\n";

fn requested(fleet: &Fleet, kind: Kind, name: &str) -> bool {
    let object = fleet.get(&kind.gvk().api_version(), kind.name(), name).unwrap();
    object.at_path(&["metadata", "annotations", "reconcile.fluxcd.io/requestedAt"]).is_some()
}

#[test]
fn a_web_hook_reconciles_what_it_names() {
    let mut fleet = Fleet::new();
    fleet.apply(&format!("{SECRET}---\n{RECEIVER}---\n{OBJECTS}"));
    fleet.settle();
    let receiver = fleet.context.cache.get(&key(Kind::Receiver, "push")).unwrap();
    let path = receiver.at_path(&["status", "webhookPath"]).and_then(Node::as_str).unwrap().to_owned();
    assert_eq!(
        fleet.ready(&key(Kind::Receiver, "push")),
        format!("True Succeeded: Receiver initialized for path: {path}")
    );
    let call = |path: &str, token: &str, event: &str| {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let hook = Hook {
            path: path.to_owned(),
            headers: vec![
                header("x-gitlab-token", token),
                header("x-gitlab-event", event),
                header("content-type", "application/json"),
            ],
            body: br#"{"ref":"main"}"#.to_vec(),
        };
        block_on(fleet.context.receive(&hook))
    };
    assert_eq!(call("/hook/00", "t0ken", "Push Hook").0, HookAnswer::Unknown);
    let (answer, why) = call(&path, "other", "Push Hook");
    assert!(answer == HookAnswer::Refused && !why.contains("t0ken"), "{why}");
    assert_eq!(call(&path, "t0ken", "Tag Push Hook").0, HookAnswer::Refused);
    assert!(!requested(&fleet, Kind::GitRepository, "fleet"));
    let (answer, why) = call(&path, "t0ken", "Push Hook");
    assert_eq!(answer, HookAnswer::Accepted, "{why}");
    assert!(requested(&fleet, Kind::GitRepository, "fleet") && requested(&fleet, Kind::Kustomization, "web"));
    assert!(!requested(&fleet, Kind::Kustomization, "db"), "it lacks the label");
    assert!(!requested(&fleet, Kind::Kustomization, "skipped"), "the filter leaves it out");
}

#[test]
fn receivers_that_would_let_everybody_in_are_refused() {
    let mut fleet = Fleet::new();
    fleet.apply(&format!("{}---\n{RECEIVER}", SECRET.replace("token: t0ken", "token: ''")));
    fleet.settle();
    let ready = fleet.ready(&key(Kind::Receiver, "push"));
    assert!(ready.starts_with("False TokenNotFound: ") && ready.contains("empty 'token'"), "{ready}");
    fleet.apply(&RECEIVER.replace("type: gitlab", "type: gcr"));
    fleet.settle();
    let ready = fleet.ready(&key(Kind::Receiver, "push"));
    assert!(ready.contains("receiver type \"gcr\" not supported"), "{ready}");
    fleet.apply(&RECEIVER.replace("req.ref ==", "req.ref ="));
    fleet.settle();
    let ready = fleet.ready(&key(Kind::Receiver, "push"));
    assert!(ready.contains("invalid filter expression for resources[1]"), "{ready}");
}
