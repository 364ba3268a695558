//! A cluster in a file outlives its process, however that ends.

use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, ListOptions, ObjectRef, WriteOptions};
use gitops_local_cluster::{LocalCluster, StoreOptions};
use gitops_yaml::{FileId, Node, from_json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

fn config_map(name: &str, value: usize) -> Node {
    let text = format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}","namespace":"default"}},"data":{{"value":"{value}"}}}}"#
    );
    from_json(&text, FileId::default()).unwrap()
}

fn open(path: &Path) -> LocalCluster {
    LocalCluster::open(path, StoreOptions::default()).unwrap()
}

fn options() -> WriteOptions {
    WriteOptions { manager: "test".into(), ..WriteOptions::default() }
}

async fn value(cluster: &LocalCluster, name: &str) -> Option<usize> {
    let found = cluster.get(&ObjectRef::of(&config_map(name, 0))).await.unwrap()?;
    found.at_path(&["data", "value"])?.as_str()?.parse().ok()
}

#[tokio::test]
async fn a_file_holds_objects_kinds_and_versions() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    let definition = r#"{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
        "metadata":{"name":"things.example.org"},"spec":{"group":"example.org","scope":"Namespaced",
        "names":{"plural":"things","kind":"Thing"},"versions":[{"name":"v1","served":true,"storage":true,
        "schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}"#;
    let thing = r#"{"apiVersion":"example.org/v1","kind":"Thing","metadata":{"name":"a","namespace":"default"},"spec":1}"#;
    let read = |text: &str| from_json(text, FileId::default()).unwrap();
    let before = {
        let cluster = open(&file);
        cluster.apply(&read(definition), &options()).await.unwrap();
        cluster.apply(&read(thing), &options()).await.unwrap();
        cluster.apply(&config_map("kept", 1), &options()).await.unwrap();
        cluster.apply(&config_map("gone", 1), &options()).await.unwrap();
        cluster.delete(&ObjectRef::of(&config_map("gone", 1)), &Default::default()).await.unwrap();
        assert!(LocalCluster::open(&file, StoreOptions::default()).is_err(), "one process at a time");
        cluster.list(&Gvk::new("v1", "ConfigMap"), &ListOptions::default()).await.unwrap()
    };
    let cluster = open(&file);
    let after = cluster.list(&Gvk::new("v1", "ConfigMap"), &ListOptions::default()).await.unwrap();
    assert_eq!(after.resource_version, before.resource_version);
    let texts = |items: &[Node]| {
        items
            .iter()
            .map(|one| gitops_yaml::to_json(one, gitops_yaml::Dialect::V3).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(texts(&after.items), texts(&before.items));
    assert!(cluster.get(&ObjectRef::of(&read(thing))).await.unwrap().is_some());
    assert_eq!(value(&cluster, "gone").await, None);
    // Managers are known again: what is applied without a field takes it away.
    let bare = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"kept","namespace":"default"}}"#;
    let applied = cluster.apply(&read(bare), &options()).await.unwrap();
    assert!(applied.at_path(&["data", "value"]).is_none());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_file_of_another_kind_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "these are notes".repeat(500)).unwrap();
    let why = LocalCluster::open(&file, StoreOptions::default()).unwrap_err().to_string();
    assert!(why.contains("notes.txt"), "{why}");
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("these are notes"));
}

const CHILD: &str = "GITOPS_LOCAL_CLUSTER_TEST_STATE";

/// Not a test of its own: the process that the next test kills. Writes without end, and says what was answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_writes_until_it_is_killed() {
    let Some(file) = std::env::var_os(CHILD) else { return };
    let cluster = open(Path::new(&file));
    let mut writers = Vec::new();
    for writer in 0..4 {
        let cluster = cluster.clone();
        writers.push(tokio::spawn(async move {
            let name = format!("writer-{writer}");
            let first = value(&cluster, &name).await.unwrap_or(0);
            for count in first + 1.. {
                cluster.apply(&config_map(&name, count), &options()).await.unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "answered {name} {count}").unwrap();
                out.flush().unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn nothing_that_was_answered_is_lost_to_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    let mut answered = [0_usize; 4];
    for round in 0..12_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "state::child_that_writes_until_it_is_killed", "--nocapture"])
            .env(CHILD, &file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // A different point each round, from the first write on.
        let mut left = round * round * 3 + 1;
        let mut note = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            if let ["answered", name, count] = words.as_slice()
                && let Ok(count) = count.parse::<usize>()
            {
                let writer: usize = name.rsplit('-').next().unwrap().parse().unwrap();
                answered[writer] = answered[writer].max(count);
                return true;
            }
            false
        };
        while left > 0 {
            let Some(Ok(line)) = lines.next() else { break };
            left -= usize::from(note(&line));
        }
        child.kill().unwrap();
        // What it still said before it was gone was answered too; a line that was cut is none.
        for line in lines.map_while(Result::ok) {
            note(&line);
        }
        child.wait().unwrap();
        let cluster = open(&file);
        for (writer, answered) in answered.iter().enumerate() {
            let stored = value(&cluster, &format!("writer-{writer}")).await.unwrap_or(0);
            assert!(stored >= *answered, "round {round}: {stored} is stored of {answered} answered");
        }
    }
    assert!(answered.iter().all(|count| *count > 1), "{answered:?}");
}
