//! The embedded API beside a real API server, through the same client over a socket:
//! `KUBECONFIG=… cargo run --release -p gitops-kube --example servers`. Makes a namespace on the real server and deletes it.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a program that measures"
)]

use gitops_core::object::Gvk;
use gitops_core::ports::{
    Cluster, DeleteOptions, FieldConflicts, ListOptions, ObjectRef, Watch, WatchEvent, WriteOptions,
};
use gitops_kube::{Connection, KubeCluster, Trust};
use gitops_local_cluster::{ApiServer, LocalCluster};
use gitops_yaml::{FileId, Node, from_json};
use std::time::Instant;

const OBJECTS: usize = 2_000;
const CLIENTS: usize = 16;

fn read(text: &str) -> Node {
    from_json(text, FileId::NONE).unwrap()
}

fn config_map(namespace: &str, index: usize, value: usize) -> Node {
    read(&format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"settings-{index}","namespace":"{namespace}","labels":{{"app":"a-{}"}}}},"data":{{"value":"{value}"}}}}"#,
        index % 100,
    ))
}

fn options() -> WriteOptions {
    let conflicts = FieldConflicts::TakenOver;
    WriteOptions { manager: "figures".into(), conflicts, ..WriteOptions::default() }
}

async fn apply_all(cluster: &KubeCluster, namespace: &str, value: usize) {
    let mut tasks = Vec::new();
    for client in 0..CLIENTS {
        let (cluster, namespace) = (cluster.clone(), namespace.to_owned());
        tasks.push(tokio::spawn(async move {
            for index in (client..OBJECTS).step_by(CLIENTS) {
                cluster.apply(&config_map(&namespace, index, value), &options()).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

/// Seconds of each kind of work.
async fn measure(cluster: &KubeCluster, namespace: &str) -> Vec<(&'static str, f64)> {
    let maps = Gvk::new("v1", "ConfigMap");
    let space =
        read(&format!(r#"{{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"{namespace}"}}}}"#));
    cluster.apply(&space, &options()).await.unwrap();
    let mut figures = Vec::new();
    let mut begun = Instant::now();
    let mut note = |what| {
        figures.push((what, begun.elapsed().as_secs_f64()));
        begun = Instant::now();
    };
    apply_all(cluster, namespace, 1).await;
    note("2,000 objects created by 16 clients");
    apply_all(cluster, namespace, 2).await;
    note("2,000 changed");
    apply_all(cluster, namespace, 2).await;
    note("2,000 applied without a change");
    let wanted = ListOptions { namespace: Some(namespace.into()), ..ListOptions::default() };
    let list = cluster.list(&maps, &wanted).await.unwrap();
    note("2,000 listed");
    assert!(list.items.len() >= OBJECTS);
    let mut watch = cluster.watch(&maps, &wanted, &list.resource_version).await.unwrap();
    for turn in 0..100 {
        cluster.apply(&config_map(namespace, turn, 3), &options()).await.unwrap();
        while !matches!(watch.next().await, Some(Ok(WatchEvent::Modified(_)))) {}
    }
    note("100 changes, each seen by a watch before the next");
    cluster.delete(&ObjectRef::of(&space), &DeleteOptions::default()).await.unwrap();
    figures
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let Some(path) = std::env::var_os("KUBECONFIG") else {
        println!("KUBECONFIG names no real API server to compare with");
        return;
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let real = Connection::from_file(path.as_ref(), None).await.unwrap();
    let real = KubeCluster::connect(real).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let stored = LocalCluster::open(&folder.path().join("state"), Default::default()).unwrap();
    let server = ApiServer::bind(&stored, ("127.0.0.1", 0)).await.unwrap();
    let login = Connection::from_text(&server.kubeconfig().unwrap(), None, Trust::User).await.unwrap();
    tokio::spawn(server.serve());
    let embedded = KubeCluster::connect(login).unwrap();

    let namespace = format!("figures-{}", std::process::id());
    let ours = measure(&embedded, &namespace).await;
    let theirs = measure(&real, &namespace).await;
    println!("| work | embedded, in a file | kube-apiserver and etcd | ratio |\n|---|---|---|---|");
    for ((what, ours), (_, theirs)) in ours.iter().zip(&theirs) {
        println!("| {what} | {ours:.3} s | {theirs:.3} s | {:.1} x |", theirs / ours);
    }
}
