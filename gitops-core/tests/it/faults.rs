//! Every fault that a test can order, at every port that can have it.

use gitops_core::git_location::{GitLocation, LocalRepositories};
use gitops_core::object::Gvk;
use gitops_core::ports::{
    ArtifactStore, Blob, ChartRepository, Cluster, ClusterFault, FetchRequest, GitReference, GitRemote,
    ImageManifest, ListOptions, Notify, Null, ObjectRef, PortError, PushRequest, Registry, Request, Watch,
    WriteOptions,
};
use gitops_core::testing::{
    FakeCharts, FakeCluster, FakeGit, FakeNotify, FakeRegistry, FakeStore, Fault, Faults,
};
use gitops_core::tree::{MemTree, Source};
use gitops_yaml::Node;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Runs a future; how often it had to be asked, and its result.
fn polled<T>(future: impl Future<Output = T>) -> (usize, T) {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for count in 1..1_000 {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return (count, value);
        }
    }
    panic!("it waits for ever")
}

fn run<T>(future: impl Future<Output = T>) -> T {
    polled(future).1
}

/// Orders an error, a refusal and a delay for a call, one after the other: the call fails, stalls, and is late.
#[track_caller]
fn fails_stalls_and_waits<T, F>(faults: &Faults, call: &str, ask: impl Fn() -> F)
where
    F: Future<Output = Result<T, PortError>>,
{
    faults.push(call, Fault::Error("503".into()));
    faults.push(call, Fault::Refused("401".into()));
    faults.push(call, Fault::Delay(3));
    let error = run(ask()).err().unwrap();
    assert!(error.can_retry() && error.to_string().contains("503"), "{call}: {error}");
    let error = run(ask()).err().unwrap();
    assert!(!error.can_retry() && error.to_string().contains("401"), "{call}: {error}");
    let (count, answer) = polled(ask());
    assert_eq!((count, answer.is_ok()), (4, true), "{call}");
    assert_eq!(faults.remaining(), 0);
}

const URL: &str = "https://git.example.org/fleet";

fn location() -> GitLocation {
    GitLocation::new(URL, None, LocalRepositories::Refused).unwrap()
}

fn main_branch() -> GitReference {
    GitReference { branch: Some("main".into()), ..GitReference::default() }
}

fn tree(content: &str) -> MemTree {
    let mut tree = MemTree::new();
    tree.add_file("a", content).unwrap();
    tree
}

#[test]
fn git_fails_as_it_is_told_to() {
    let git = FakeGit::default();
    let first = git.commit(URL, "main", tree("1"), "first");
    let (at, main) = (location(), main_branch());
    fails_stalls_and_waits(&git.faults, "resolve", || git.resolve(&at, &main));
    let request = FetchRequest::new(at.clone(), main.clone());
    fails_stalls_and_waits(&git.faults, "fetch", || git.fetch(&request));
    let second = git.commit(URL, "main", tree("2"), "second");
    git.faults.push("resolve", Fault::StaleRead);
    git.faults.push("fetch", Fault::StaleRead);
    assert_eq!(run(git.resolve(&at, &main)).unwrap().hash(), first);
    assert_eq!(run(git.fetch(&request)).unwrap().tree.read("a").unwrap().as_ref(), b"1");
    assert_eq!(run(git.resolve(&at, &main)).unwrap().hash(), second);
    let mut push = PushRequest::new(at.clone(), Some(second.clone()), "main");
    push.references.push("refs/heads/other".into());
    push.message = "third".into();
    push.changes.push(("a".into(), Some(b"3".as_slice().into())));
    git.faults.push("push", Fault::Conflict);
    assert!(run(git.push(&push)).unwrap_err().to_string().contains("non-fast-forward"));
    assert_eq!(git.messages(URL), ["first", "second"]);
    git.faults.push("push", Fault::PartialWrite);
    assert!(run(git.push(&push)).unwrap_err().can_retry());
    let other = GitReference { branch: Some("other".into()), ..GitReference::default() };
    assert_ne!(run(git.resolve(&at, &main)).unwrap().hash(), second, "the first reference has moved");
    assert!(run(git.resolve(&at, &other)).is_err(), "and the second has not");
}

#[test]
fn a_registry_fails_as_it_is_told_to() {
    const APP: &str = "registry.example.org/app";
    let registry = FakeRegistry::default();
    let blob = Blob { media_type: "m".into(), ..Blob::default() };
    let manifest = ImageManifest { layers: vec![blob], ..ImageManifest::default() };
    let push = |content: &'static [u8]| registry.push(APP, "v1", &manifest, content.into());
    fails_stalls_and_waits(&registry.faults, "push", || push(b"1"));
    let first = run(registry.resolve(APP, "v1")).unwrap();
    let layer = run(registry.manifest(APP, "v1")).unwrap().layers[0].clone();
    fails_stalls_and_waits(&registry.faults, "tags", || registry.tags(APP));
    fails_stalls_and_waits(&registry.faults, "resolve", || registry.resolve(APP, "v1"));
    fails_stalls_and_waits(&registry.faults, "manifest", || registry.manifest(APP, "v1"));
    fails_stalls_and_waits(&registry.faults, "blob", || registry.blob(APP, &layer));
    registry.faults.push("push", Fault::Conflict);
    assert!(run(push(b"2")).unwrap_err().can_retry());
    registry.faults.push("push", Fault::PartialWrite);
    assert!(run(push(b"2")).unwrap_err().can_retry());
    assert_eq!(run(registry.resolve(APP, "v1")).unwrap(), first, "a layer alone moves no tag");
    let second = run(push(b"2")).unwrap();
    for call in ["resolve", "manifest", "tags"] {
        registry.faults.push(call, Fault::StaleRead);
    }
    assert_eq!(run(registry.resolve(APP, "v1")).unwrap(), first);
    assert_eq!(run(registry.manifest(APP, "v1")).unwrap().digest, first);
    assert_eq!(run(registry.resolve(APP, "v1")).unwrap(), second);
    registry.set_tags(APP, ["v1", "v2"]);
    assert_eq!(run(registry.tags(APP)).unwrap(), ["v1"]);
    assert_eq!(run(registry.tags(APP)).unwrap(), ["v1", "v2"]);
}

#[test]
fn a_chart_repository_fails_as_it_is_told_to() {
    let charts = FakeCharts::default();
    charts.put("index.yaml", b"1".as_slice().into());
    charts.put("a.tgz", b"a".as_slice().into());
    fails_stalls_and_waits(&charts.faults, "index", || charts.index(None));
    fails_stalls_and_waits(&charts.faults, "chart", || charts.chart("a.tgz"));
    let (_, known) = run(charts.index(None)).unwrap().unwrap();
    assert!(run(charts.index(known.as_deref())).unwrap().is_none());
    charts.put("index.yaml", b"2".as_slice().into());
    charts.faults.push("index", Fault::StaleRead);
    assert!(run(charts.index(known.as_deref())).unwrap().is_none(), "it answers as before");
    assert_eq!(run(charts.index(known.as_deref())).unwrap().unwrap().0.as_ref(), b"2");
    assert!(!run(charts.chart("b.tgz")).unwrap_err().can_retry());
}

#[test]
fn a_store_and_a_letter_box_fail_as_they_are_told_to() {
    let store = FakeStore::default();
    let content: Arc<[u8]> = b"1".as_slice().into();
    fails_stalls_and_waits(&store.faults, "put", || store.put("a", content.clone()));
    fails_stalls_and_waits(&store.faults, "get", || store.get("a"));
    fails_stalls_and_waits(&store.faults, "remove", || store.remove("a"));
    for fault in [Fault::PartialWrite, Fault::Conflict] {
        store.faults.push("put", fault);
        assert!(run(store.put("a", content.clone())).unwrap_err().can_retry());
        assert!(run(store.get("a")).unwrap().is_none(), "all or nothing");
    }
    run(store.put("a", content.clone())).unwrap();
    store.faults.push("get", Fault::StaleRead);
    assert!(run(store.get("a")).unwrap().is_none());
    assert!(run(store.get("a")).unwrap().is_some());
    let letters = FakeNotify::default();
    let request = Request { url: "https://hooks.example.org".into(), ..Request::default() };
    fails_stalls_and_waits(&letters.faults, "send", || letters.send(&request));
    let before = letters.sent().len();
    letters.faults.push("send", Fault::PartialWrite);
    assert!(run(letters.send(&request)).unwrap_err().can_retry());
    assert_eq!(letters.sent().len(), before + 1, "it was sent, and its answer lost");
}

fn map(value: &str) -> Node {
    let text = format!(
        r#"{{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "a", "namespace": "ns"}}, "data": {{"v": "{value}"}}}}"#
    );
    gitops_yaml::from_json(&text, gitops_yaml::FileId::NONE).unwrap()
}

#[test]
fn a_cluster_fails_as_it_is_told_to() {
    let cluster = FakeCluster::default();
    let options = WriteOptions { manager: "test".into(), ..WriteOptions::default() };
    let apply = |value: &str| run(cluster.apply(&map(value), &options));
    let faults = &cluster.faults;
    apply("1").unwrap();
    for (fault, seen) in [
        (Fault::Error("503".into()), ClusterFault::Busy),
        (Fault::Refused("422".into()), ClusterFault::Invalid),
        (Fault::Conflict, ClusterFault::Conflict),
    ] {
        faults.push("apply", fault);
        assert_eq!(apply("2").unwrap_err().fault, seen);
    }
    let target = ObjectRef::of(&map(""));
    let stored = || run(cluster.get(&target)).unwrap().unwrap().at_path(&["data", "v"]).cloned();
    assert_eq!(stored().unwrap().as_str(), Some("1"));
    faults.push("apply", Fault::PartialWrite);
    assert_eq!(apply("2").unwrap_err().fault, ClusterFault::Unreachable);
    assert_eq!(stored().unwrap().as_str(), Some("2"), "only the answer was lost");
    faults.push("get", Fault::StaleRead);
    assert_eq!(stored().unwrap().as_str(), Some("1"));
    faults.push("get", Fault::Delay(2));
    assert_eq!(polled(cluster.get(&target)).0, 3);
    let gvk: &Gvk = &target.gvk;
    let list = run(cluster.list(gvk, &ListOptions::default())).unwrap();
    let watch = || run(cluster.watch(gvk, &ListOptions::default(), &list.resource_version)).unwrap();
    let mut open = watch();
    apply("3").unwrap();
    faults.push("next", Fault::DroppedWatch);
    assert!(run(open.next()).is_none(), "the connection is cut in silence");
    let mut open = watch();
    faults.push("next", Fault::StaleRead);
    assert_eq!(run(open.next()).unwrap().unwrap_err().fault, ClusterFault::Expired);
    let mut open = watch();
    faults.push("next", Fault::Error("500".into()));
    assert_eq!(run(open.next()).unwrap().unwrap_err().fault, ClusterFault::Busy);
    assert!(run(open.next()).unwrap().is_ok(), "what happened meanwhile is not lost");
}

#[test]
fn a_world_without_adapters_reaches_nothing() {
    let refused = |error: PortError| assert!(!error.can_retry(), "{error}");
    refused(run(GitRemote::resolve(&Null, &location(), &main_branch())).unwrap_err());
    refused(run(Registry::resolve(&Null, "registry.example.org/app", "v1")).unwrap_err());
    refused(run(Null.index(None)).unwrap_err());
    assert!(run(ArtifactStore::get(&Null, "a")).unwrap().is_none());
    assert_eq!(run(Null.send(&Request::default())).unwrap().status, 200);
    let error = run(Cluster::get(&Null, &ObjectRef::of(&map("")))).unwrap_err();
    assert_eq!(error.fault, ClusterFault::Unreachable);
    assert!(run(Cluster::apply(&Null, &map(""), &WriteOptions::default())).is_err());
}
