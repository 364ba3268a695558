//! What is waited for: objects that fail and are mended, objects that vanish, and wishes that change meanwhile.

use std::time::{Duration, Instant};

use gitops_controllers::{Kind, World};
use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, DeleteOptions, ObjectRef, Part, Patch, WriteOptions};

use crate::stage::{Stage, nodes, options};

const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: databases.db.example.com}\nspec: {group: db.example.com, scope: Namespaced, names: {kind: Database, plural: databases, singular: database}, versions: [{name: v1, served: true, storage: true, subresources: {status: {}}, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}\n";
const DATABASE: &str = "apiVersion: db.example.com/v1\nkind: Database\nmetadata: {name: main, namespace: default}\nspec: {size: 1}\n";
const EXPRESSIONS: &str = ", healthCheckExprs: [{apiVersion: db.example.com/v1, kind: Database, failed: \"spec.size == 13 || has(status.phase) && status.phase == 'Broken'\", current: 'has(status.phase)'}]";

/// A repository with one Kustomization that comes back after ten minutes, unless something wakes it.
async fn stage(file: &str, more: &str) -> Stage {
    Stage::begin("https://git.example.org/fleet", |folder, _| {
        let root = format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: fleet, namespace: flux-system}}\nspec: {{interval: 1s, url: 'https://git.example.org/fleet', ref: {{branch: main}}}}\n---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: apps, namespace: flux-system}}\nspec: {{interval: 10m, prune: true, wait: true, path: ./apps, sourceRef: {{kind: GitRepository, name: fleet}}{more}}}\n"
        );
        std::fs::write(folder.join("root.yaml"), root).unwrap();
        std::fs::create_dir(folder.join("apps")).unwrap();
        std::fs::write(folder.join("apps/file.yaml"), file).unwrap();
    })
    .await
}

fn database() -> ObjectRef {
    ObjectRef {
        gvk: Gvk::new("db.example.com/v1", "Database"),
        namespace: "default".into(),
        name: "main".into(),
    }
}

async fn set_phase(stage: &Stage, phase: &str) {
    let patch = Patch::Merge(nodes(&format!("status: {{phase: {phase}}}\n")).remove(0));
    let options = WriteOptions { part: Part::Status, ..options() };
    stage.context.world.cluster().patch(&database(), &patch, &options).await.unwrap();
}

async fn says(stage: &Stage, words: &str) {
    let what = format!("apps is {words}");
    stage.until(&what, async |stage| stage.ready(Kind::Kustomization, "apps").contains(words)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_has_failed_is_ready_as_soon_as_it_is_mended() {
    let stage = stage(&format!("{DEFINITION}---\n{DATABASE}"), EXPRESSIONS).await;
    says(&stage, "Running health checks").await;
    set_phase(&stage, "Broken").await;
    says(&stage, "False HealthCheckFailed").await;
    let told = stage.ready(Kind::Kustomization, "apps");
    assert!(
        told.ends_with(
            "health check failed early due to stalled resources: [Database/default/main status: 'Failed']"
        ),
        "{told}"
    );
    // By its own controller, which changes nothing but the status.
    set_phase(&stage, "Up").await;
    says(&stage, "True ReconciliationSucceeded").await;
    // Broken and mended by commits.
    stage.edit("apps/file.yaml", |text| text.replace("size: 1", "size: 13"));
    says(&stage, "False HealthCheckFailed").await;
    stage.edit("apps/file.yaml", |text| text.replace("size: 13", "size: 2"));
    says(&stage, "True ReconciliationSucceeded").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deleted_while_it_is_waited_for_is_made_again_at_once() {
    let stage = stage(&format!("{DEFINITION}---\n{DATABASE}"), EXPRESSIONS).await;
    says(&stage, "Running health checks").await;
    let uid = async |stage: &Stage| {
        let object = stage.context.world.cluster().get(&database()).await.unwrap()?;
        object.at_path(&["metadata", "uid"])?.as_str().map(str::to_owned)
    };
    let first = uid(&stage).await.unwrap();
    stage.context.world.cluster().delete(&database(), &DeleteOptions::default()).await.unwrap();
    stage.until("there is another one", async |stage| uid(stage).await.is_some_and(|now| now != first)).await;
    set_phase(&stage, "Up").await;
    says(&stage, "True ReconciliationSucceeded").await;
    stage
        .until("it was told", async |stage| {
            let gone = "Database/default/main status: 'NotFound' (it was deleted while it was waited for)";
            stage.told().iter().any(|event| event.message.contains(gone))
        })
        .await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kustomization_that_is_changed_or_deleted_waits_no_longer() {
    let stage = stage(&format!("{DEFINITION}---\n{DATABASE}"), EXPRESSIONS).await;
    says(&stage, "Running health checks").await;
    let begun = Instant::now();
    let key = gitops_controllers::Key::new(Kind::Kustomization, "flux-system", "apps");
    let patch = Patch::Merge(nodes("spec: {wait: false}\n").remove(0));
    stage.context.world.cluster().patch(&key.address(None), &patch, &options()).await.unwrap();
    says(&stage, "True ReconciliationSucceeded").await;
    let patch = Patch::Merge(nodes("spec: {wait: true}\n").remove(0));
    stage.context.world.cluster().patch(&key.address(None), &patch, &options()).await.unwrap();
    says(&stage, "Running health checks").await;
    stage.context.world.cluster().delete(&key.address(None), &DeleteOptions::default()).await.unwrap();
    stage
        .until("it is gone with what it made", async |stage| {
            stage.context.cache.get(&key).is_none()
                && stage.context.world.cluster().get(&database()).await.ok().flatten().is_none()
        })
        .await;
    // The wait itself lasts nine and a half minutes.
    assert!(begun.elapsed() < Duration::from_secs(300));
    stage.end().await;
}
