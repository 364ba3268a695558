//! The fleet of the examples, from nothing to ready, through a change, a deletion, a mistake and its repair.

use std::time::Duration;

use gitops_controllers::{Kind, Severity};
use gitops_yaml::Node;

use crate::stage::{Stage, copy, examples};

const GIT: &str = "https://git.example.org/platform/fleet";
const KUSTOMIZATIONS: [&str; 6] = [
    "cluster-configuration",
    "config-infrastructure",
    "config-core",
    "config-apps",
    "core-ingress-nginx",
    "apps-echo",
];
const OVERLAY: &str = "k8s/apps/demo/echo/kustomization.yaml";

async fn fleet() -> Stage {
    let stage = Stage::begin(GIT, |folder, charts| {
        copy(&examples().join("fleet"), folder, &|text| {
            text.replace("https://charts.example.org/ingress-nginx", charts)
                // A folder is looked at as often as a repository would be; a test does not wait for minutes.
                .replace("interval: 5m\n  url: https://git", "interval: 1s\n  url: https://git")
        });
    })
    .await;
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: slack-webhook, namespace: flux-system}}\nstringData: {{address: '{}'}}\n",
        stage.hook.url
    );
    stage.apply(&secret).await;
    stage
}

async fn all_ready(stage: &Stage) {
    stage
        .until("all Kustomizations are ready", async |stage| {
            KUSTOMIZATIONS.iter().all(|name| stage.is_ready(Kind::Kustomization, "flux-system", name))
        })
        .await;
}

/// Returns the ConfigMap that the Deployment reads.
async fn settings(stage: &Stage) -> Option<String> {
    let deployment = stage.get("apps/v1", "Deployment", "echo", "echo").await?;
    let containers = deployment.at_path(&["spec", "template", "spec", "containers"])?.items()?;
    let from = containers.first()?.get("envFrom")?.items()?.first()?.at_path(&["configMapRef", "name"])?;
    from.as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_comes_up_in_order_and_follows_its_repository() {
    let stage = fleet().await;
    all_ready(&stage).await;
    stage
        .until("the release is ready", async |stage| {
            stage.is_ready(Kind::HelmRelease, "ingress-nginx", "ingress-nginx")
        })
        .await;
    let controller =
        stage.get("apps/v1", "Deployment", "ingress-nginx", "ingress-nginx-controller").await.unwrap();
    assert_eq!(controller.at_path(&["spec", "replicas"]).and_then(Node::as_str), Some("2"), "demo's values");

    stage
        .until("the last one is told", async |stage| {
            let told = stage.told();
            told.iter()
                .any(|event| &*event.key.name == "apps-echo" && event.reason == "ReconciliationSucceeded")
        })
        .await;
    let told = stage.told();
    let first = |name: &str, reason: &str| {
        told.iter()
            .position(|event| &*event.key.name == name && event.reason == reason)
            .unwrap_or_else(|| panic!("{name} never told {reason}"))
    };
    let base = first("core-ingress-nginx", "ReconciliationSucceeded");
    assert!(first("apps-echo", "DependencyNotReady") < base, "it waited, and said so");
    assert!(base < first("apps-echo", "ReconciliationSucceeded"), "and came after what it depends on");

    let before = settings(&stage).await.unwrap();
    assert!(before.starts_with("echo-settings-") && before.len() == "echo-settings-".len() + 10, "{before}");
    stage.edit(OVERLAY, |text| text.replace("hello from demo", "hello again"));
    stage
        .until("the Deployment reads the new map", async |stage| {
            settings(stage).await.is_some_and(|now| now != before)
        })
        .await;
    stage
        .until("the old map is pruned", async |stage| {
            stage.get("v1", "ConfigMap", "echo", &before).await.is_none()
        })
        .await;
    let now = settings(&stage).await.unwrap();
    assert!(stage.get("v1", "ConfigMap", "echo", &now).await.is_some());

    let policy = "k8s/infrastructure/image-automation/echo.yaml";
    assert!(stage.get("image.toolkit.fluxcd.io/v1", "ImagePolicy", "flux-system", "echo").await.is_some());
    std::fs::remove_file(stage.folder.path().join(policy)).unwrap();
    stage
        .until("the objects of a deleted file are pruned", async |stage| {
            stage.get("image.toolkit.fluxcd.io/v1", "ImagePolicy", "flux-system", "echo").await.is_none()
                && stage
                    .get("image.toolkit.fluxcd.io/v1", "ImageRepository", "flux-system", "echo")
                    .await
                    .is_none()
        })
        .await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_overlay_is_told_to_people_and_heals() {
    let stage = fleet().await;
    all_ready(&stage).await;
    stage
        .until("the Provider is ready", async |stage| stage.is_ready(Kind::Provider, "flux-system", "slack"))
        .await;
    let about_echo = |stage: &Stage| -> Vec<serde_json::Value> {
        let sent = stage.hook.sent().into_iter();
        sent.filter(|one| one["attachments"][0]["author_name"] == "kustomization/apps-echo.flux-system")
            .collect()
    };
    let calm = about_echo(&stage).len();
    stage.edit(OVERLAY, |text| text.replace("path: replicas.yaml", "path: replica.yaml"));
    stage.until("people are told", async |stage| about_echo(stage).len() > calm).await;
    let message = about_echo(&stage).pop().unwrap();
    assert_eq!(message["channel"], "demo");
    assert_eq!(message["username"], "kustomize-controller");
    let attachment = &message["attachments"][0];
    assert_eq!(attachment["color"], "danger");
    let text = attachment["text"].as_str().unwrap();
    assert!(text.contains("replica.yaml") && text.contains("kustomization.yaml:"), "{text}");
    assert!(attachment["fields"].as_array().unwrap().iter().any(|field| field["title"] == "revision"));
    assert!(!stage.is_ready(Kind::Kustomization, "flux-system", "apps-echo"));
    assert!(settings(&stage).await.is_some(), "what runs goes on running");

    stage.edit(OVERLAY, |text| text.replace("path: replica.yaml", "path: replicas.yaml"));
    all_ready(&stage).await;
    let told = about_echo(&stage).len();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(about_echo(&stage).len(), told, "nobody is told of what went well");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mistake_of_a_run_is_told_with_its_place_and_the_rest_is_applied() {
    let stage = fleet().await;
    all_ready(&stage).await;
    stage.write(
        "k8s/infrastructure/mistakes.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good, namespace: flux-system}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_A_Name, namespace: flux-system}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: no-selector, namespace: flux-system}\nspec: {template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}\n",
    );
    stage
        .until("the mistakes are told", async |stage| {
            stage.ready(Kind::Kustomization, "config-infrastructure").contains("mistakes.yaml")
        })
        .await;
    let ready = stage.ready(Kind::Kustomization, "config-infrastructure");
    assert!(ready.starts_with("False"), "{ready}");
    for (name, line) in [("Not_A_Name", 5), ("no-selector", 9)] {
        let place = format!("k8s/infrastructure/mistakes.yaml:{line}");
        assert!(ready.contains(name) && ready.contains(&place), "{name} at {place}: {ready}");
    }
    assert!(stage.get("v1", "ConfigMap", "flux-system", "good").await.is_some(), "the rest is applied");
    let object = stage
        .get("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "flux-system", "config-infrastructure")
        .await
        .unwrap();
    let entries = object.at_path(&["status", "inventory", "entries"]).and_then(Node::items).unwrap();
    let holds = |id: &str| entries.iter().any(|entry| entry.get("id").and_then(Node::as_str) == Some(id));
    assert!(holds("flux-system_good__ConfigMap"), "it is among what is looked after");
    assert!(ready.contains("2 failed, 0 were not reached"), "{ready}");
    let errors = |stage: &Stage| {
        let told = stage.told();
        let errors = told.iter().filter(|event| event.severity == Severity::Error);
        errors.filter(|event| event.message.contains("Not_A_Name")).count()
    };
    stage.until("they are told as an event", async |stage| errors(stage) > 0).await;
    std::fs::remove_file(stage.folder.path().join("k8s/infrastructure/mistakes.yaml")).unwrap();
    all_ready(&stage).await;
    assert!(stage.get("v1", "ConfigMap", "flux-system", "good").await.is_none(), "and pruned again");
    assert_eq!(errors(&stage), 1, "told once");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_asks_for_it_is_noticed_when_it_changes() {
    let stage = fleet().await;
    stage
        .until("the Provider is ready", async |stage| stage.is_ready(Kind::Provider, "flux-system", "slack"))
        .await;
    let secret = |address: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: slack-webhook, namespace: flux-system, labels: {{reconcile.fluxcd.io/watch: Enabled}}}}\nstringData: {{address: '{address}'}}\n"
        )
    };
    stage.apply(&secret("no address")).await;
    stage
        .until("the Provider is told apart", async |stage| {
            stage.ready(Kind::Provider, "slack").contains("the address is no URL")
        })
        .await;
    stage.apply(&secret(&stage.hook.url)).await;
    stage
        .until("it is ready again", async |stage| stage.is_ready(Kind::Provider, "flux-system", "slack"))
        .await;
    stage.end().await;
}
