//! Figures of an embedded cluster with 10,000 objects: `cargo run --release -p gitops-local-cluster --example figures`.
//!
//! Each part runs in a process of its own, so that its memory is its own too.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a program that measures"
)]

use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, ListOptions, WriteOptions};
use gitops_local_cluster::{ApiService, LocalCluster, StoreOptions};
use gitops_yaml::{FileId, Node, from_json};
use http_body_util::{BodyExt, Full};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tower::ServiceExt;

const OBJECTS: usize = 10_000;
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn config_map(index: usize, value: usize) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"settings-{index}","namespace":"default",
        "labels":{{"app.kubernetes.io/name":"app-{}","app.kubernetes.io/part-of":"fleet"}},
        "annotations":{{"example.org/owner":"team-{}"}}}},
        "data":{{"value":"{value}","settings.yaml":"colour: blue\nsize: {index}\nhosts: [a.example.org, b.example.org]\n"}}}}"#,
        index % 100,
        index % 7,
    )
}

/// Memory of this process in MB, where the system tells.
fn memory(field: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|line| line.strip_prefix(field)?.trim().strip_suffix(" kB"));
    let megabytes = found.and_then(|text| text.trim().parse::<u64>().ok()).map(|kilobytes| kilobytes / 1_024);
    megabytes.map_or_else(|| "unknown".to_owned(), |megabytes| format!("{megabytes} MB"))
}

fn per_second(time: Duration) -> f64 {
    f64::from(u32::try_from(OBJECTS).unwrap()) / time.as_secs_f64()
}

fn milliseconds(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e3
}

/// Time that this thread has worked, in milliseconds, where the system tells: others may share the machine.
fn worked() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1e6
}

async fn apply_in_process(cluster: &LocalCluster, value: usize) -> Duration {
    let options = WriteOptions { manager: "figures".into(), ..WriteOptions::default() };
    let mut spent = Duration::ZERO;
    for index in 0..OBJECTS {
        let object: Node = from_json(&config_map(index, value), FileId::NONE).unwrap();
        let begun = Instant::now();
        cluster.apply(&object, &options).await.unwrap();
        spent += begun.elapsed();
    }
    spent
}

/// Applies all objects as clients of the API do: a request each, some clients at once.
async fn apply_by_clients(service: &ApiService, value: usize, clients: usize) -> Duration {
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for client in 0..clients {
        let service = service.clone();
        tasks.push(tokio::spawn(async move {
            for index in (client..OBJECTS).step_by(clients) {
                let request =
                    http::Request::patch(format!("{MAPS}/settings-{index}?fieldManager=figures&force=true"))
                        .header("content-type", "application/apply-patch+yaml")
                        .body(Full::new(bytes::Bytes::from(config_map(index, value))))
                        .unwrap();
                let response = service.clone().oneshot(request).await.unwrap();
                assert!(response.status().is_success());
                response.into_body().collect().await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    begun.elapsed()
}

async fn list(cluster: &LocalCluster) {
    let (begun, before) = (Instant::now(), worked());
    let listed = cluster.list(&Gvk::new("v1", "ConfigMap"), &ListOptions::default()).await.unwrap();
    let (count, work) = (listed.items.len(), worked() - before);
    println!("list of {count} objects in process: {:.0} ms, CPU {work:.0} ms", milliseconds(begun));
}

async fn list_as_json(cluster: &LocalCluster) {
    let request = http::Request::get(MAPS).body(Full::new(bytes::Bytes::new())).unwrap();
    let (begun, before) = (Instant::now(), worked());
    let response = cluster.service().oneshot(request).await.unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let (size, work) = (bytes.len() / 1_024, worked() - before);
    println!("list as JSON, {size} KB: {:.0} ms, CPU {work:.0} ms", milliseconds(begun));
}

async fn in_memory() {
    let cluster = LocalCluster::new();
    for (what, value) in [("new", 1), ("changed", 2), ("unchanged", 2)] {
        let spent = apply_in_process(&cluster, value).await;
        println!("{OBJECTS} applied one by one in memory, {what}: {:.0} a second", per_second(spent));
    }
    println!("memory with {OBJECTS} objects and what watches may still ask for: {}", memory("VmRSS:"));
}

async fn in_a_file(file: &Path) {
    let cluster = LocalCluster::open(file, StoreOptions::default()).unwrap();
    for (what, value) in [("new", 1), ("changed", 2)] {
        let spent = apply_by_clients(&cluster.service(), value, 64).await;
        println!(
            "{OBJECTS} applied by 64 clients of the API, each answer on disk, {what}: {:.0} a second",
            per_second(spent)
        );
    }
    println!("memory then: {}", memory("VmRSS:"));
}

async fn again(file: &Path) {
    let (begun, before) = (Instant::now(), worked());
    let cluster = LocalCluster::open(file, StoreOptions::default()).unwrap();
    println!("start from the file: {:.0} ms, CPU {:.0} ms", milliseconds(begun), worked() - before);
    println!("memory at the start: {}", memory("VmRSS:"));
    list_as_json(&cluster).await;
    list(&cluster).await;
    println!("memory after lists: {}, most {}", memory("VmRSS:"), memory("VmHWM:"));
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["memory"] => in_memory().await,
        ["file", file] => in_a_file(Path::new(file)).await,
        ["again", file] => again(Path::new(file)).await,
        _ => {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("state");
            for part in ["memory", "file", "again"] {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.arg(part);
                if part != "memory" {
                    command.arg(&file);
                }
                assert!(command.status().unwrap().success(), "{part}");
            }
        }
    }
}
