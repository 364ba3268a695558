//! Figures of an embedded cluster with 10,000 objects: `cargo run --release -p gitops-local-cluster --example figures`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a program that measures"
)]

use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, ListOptions, WriteOptions};
use gitops_local_cluster::{LocalCluster, StoreOptions};
use gitops_yaml::{FileId, Node, from_json};
use http_body_util::{BodyExt, Full};
use std::time::{Duration, Instant};
use tower::ServiceExt;

const OBJECTS: usize = 10_000;

fn config_map(index: usize, value: usize) -> Node {
    let text = format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"settings-{index}","namespace":"default",
        "labels":{{"app.kubernetes.io/name":"app-{}","app.kubernetes.io/part-of":"fleet"}},
        "annotations":{{"example.org/owner":"team-{}"}}}},
        "data":{{"value":"{value}","settings.yaml":"colour: blue\nsize: {index}\nhosts: [a.example.org, b.example.org]\n"}}}}"#,
        index % 100,
        index % 7,
    );
    from_json(&text, FileId::NONE).unwrap()
}

/// Memory of this process in MB, where the system tells.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()? / 1_024)
}

fn per_second(count: usize, time: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / time.as_secs_f64()
}

async fn apply_all(cluster: &LocalCluster, value: usize, writers: usize) -> Duration {
    let objects: Vec<Node> = (0..OBJECTS).map(|index| config_map(index, value)).collect();
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for part in objects.chunks(OBJECTS.div_ceil(writers)) {
        let (cluster, part) = (cluster.clone(), part.to_vec());
        tasks.push(tokio::spawn(async move {
            let options = WriteOptions { manager: "figures".into(), ..WriteOptions::default() };
            for object in &part {
                cluster.apply(object, &options).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    begun.elapsed()
}

async fn lists(cluster: &LocalCluster) {
    let begun = Instant::now();
    let listed = cluster.list(&Gvk::new("v1", "ConfigMap"), &ListOptions::default()).await.unwrap();
    println!("list of {} in process: {:.0} ms", listed.items.len(), begun.elapsed().as_secs_f64() * 1e3);
    drop(listed);
    let request = || {
        let uri = "/api/v1/namespaces/default/configmaps";
        http::Request::get(uri).body(Full::new(bytes::Bytes::new())).unwrap()
    };
    let begun = Instant::now();
    let response = cluster.service().oneshot(request()).await.unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    println!("list as JSON, {} bytes: {:.0} ms", bytes.len(), begun.elapsed().as_secs_f64() * 1e3);
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    println!("before: {:?} MB", memory());
    let cluster = LocalCluster::new();
    for (what, value) in [("new", 1), ("changed", 2), ("unchanged", 2)] {
        let time = apply_all(&cluster, value, 1).await;
        println!("{OBJECTS} applied one by one in memory, {what}: {:.0} a second", per_second(OBJECTS, time));
    }
    println!("with {OBJECTS} objects in memory: {:?} MB", memory());
    lists(&cluster).await;
    drop(cluster);
    let cluster = LocalCluster::open(&file, StoreOptions::default()).unwrap();
    for (what, value) in [("new", 1), ("changed", 2)] {
        let time = apply_all(&cluster, value, 64).await;
        println!(
            "{OBJECTS} applied by 64 clients into a file, {what}: {:.0} a second",
            per_second(OBJECTS, time)
        );
    }
    drop(cluster);
    let begun = Instant::now();
    let cluster = LocalCluster::open(&file, StoreOptions::default()).unwrap();
    println!("start from the file: {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
    lists(&cluster).await;
    println!("at the end: {:?} MB", memory());
}
