//! The operator's commands on the embedded cluster, over its socket.

mod compare;
mod flow;
mod local;
mod look;

use gitops_core::ports::{Cluster, DeleteOptions, FieldConflicts, ObjectRef, Part, WriteOptions};
use gitops_local_cluster::{ApiServer, LocalCluster};
use gitops_yaml::{FileId, Node, ReadOptions, read_stream};
use std::path::PathBuf;
use std::process::{Command, Output};
use tokio::runtime::Runtime;

/// An embedded cluster with the definitions of Flux's kinds, and a kubeconfig for it.
pub(crate) struct Embedded {
    pub(crate) cluster: LocalCluster,
    pub(crate) runtime: Runtime,
    folder: PathBuf,
}

impl Embedded {
    pub(crate) fn start(name: &str) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let cluster = LocalCluster::new();
        let folder = std::env::temp_dir().join(format!("gitops-it-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let server = runtime.block_on(ApiServer::bind(&cluster, "127.0.0.1:0")).unwrap();
        std::fs::write(folder.join("kubeconfig"), server.kubeconfig().unwrap()).unwrap();
        runtime.spawn(server.serve());
        let made = Self { cluster, runtime, folder };
        for definition in gitops_core::api::definitions(gitops_core::api::ServedVersions::Newest) {
            made.put(&definition);
        }
        made
    }

    /// Applies objects, and their status.
    pub(crate) fn apply(&self, text: &str) {
        for object in nodes(text) {
            let namespace =
                object.at_path(&["metadata", "namespace"]).and_then(Node::as_str).unwrap_or_default();
            if !namespace.is_empty() {
                let text = format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {namespace}}}}}");
                self.put(&nodes(&text)[0]);
            }
            self.put(&object);
            if object.get("status").is_some() {
                let options = WriteOptions { part: Part::Status, ..options() };
                let mut patch = object.clone();
                for field in ["spec", "metadata", "apiVersion", "kind"] {
                    patch.remove(field);
                }
                let patch = gitops_core::ports::Patch::Merge(patch);
                self.runtime.block_on(self.cluster.patch(&ObjectRef::of(&object), &patch, &options)).unwrap();
            }
        }
    }

    fn put(&self, object: &Node) {
        self.runtime.block_on(self.cluster.apply(object, &options())).unwrap();
    }

    pub(crate) fn get(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Option<Node> {
        let gvk = gitops_core::object::Gvk::new(api_version, kind);
        let target = ObjectRef { gvk, namespace: namespace.into(), name: name.into() };
        self.runtime.block_on(self.cluster.get(&target)).unwrap()
    }

    pub(crate) fn remove(&self, api_version: &str, kind: &str, namespace: &str, name: &str) {
        let gvk = gitops_core::object::Gvk::new(api_version, kind);
        let target = ObjectRef { gvk, namespace: namespace.into(), name: name.into() };
        self.runtime.block_on(self.cluster.delete(&target, &DeleteOptions::default())).unwrap();
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// Runs a command on this cluster.
    pub(crate) fn run(&self, line: &[&str]) -> Output {
        self.command(line).output().unwrap()
    }

    pub(crate) fn command(&self, line: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gitops"));
        command.args(line).arg("--kubeconfig").arg(self.kubeconfig());
        if !line.iter().any(|word| word.starts_with("--timeout")) {
            command.arg("--timeout=60s");
        }
        command.stdin(std::process::Stdio::null());
        command
    }

    /// Runs a command that must go well, and returns what it printed.
    pub(crate) fn ok(&self, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        let done = self.run(&words);
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    /// Runs a command that must be refused, and returns why.
    pub(crate) fn refused(&self, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        let done = self.run(&words);
        assert_eq!(done.status.code(), Some(1), "{line}");
        String::from_utf8(done.stderr).unwrap()
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn options() -> WriteOptions {
    WriteOptions { manager: "test".into(), conflicts: FieldConflicts::TakenOver, ..WriteOptions::default() }
}

pub(crate) fn nodes(text: &str) -> Vec<Node> {
    let documents = read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::yaml11()).unwrap();
    documents.into_iter().map(|document| document.root).filter(Node::is_mapping).collect()
}
