//! What `gitops render` says of a repository is what the controllers apply from it, object by object: the fleet of the
//! examples, and generated ones.

#[allow(dead_code, reason = "it serves the comparison of speed as well")]
#[path = "../../../../benches/src/compare/generate.rs"]
mod generate;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use gitops_controllers::fleet::{
    App, AppId, AppKind, Cache, Charts, Fleet, RemoteChart, Rendered, RenderedObject, Severity, seeds,
};
use gitops_controllers::{Kind, World as _};
use gitops_core::object::{Gvk, ObjectId};
use gitops_core::ports::{Cluster as _, ListOptions, ObjectRef};
use gitops_fs::Folder;
use gitops_local_cluster::LocalCluster;
use gitops_yaml::{Dialect, Node, print_sigs};
use helm_rs::chart::{Chart, File};

use crate::stage::{Stage, copy, examples, nodes, options};

const GIT: &str = "https://git.example.org/platform/fleet";

/// The charts of the examples, which the stage serves over HTTP.
struct ExampleCharts;

impl Charts for ExampleCharts {
    fn chart(&self, chart: &RemoteChart) -> Result<Chart, String> {
        let folder = examples().join("charts").join(&chart.name);
        let mut files = Vec::new();
        for name in ["Chart.yaml", "values.yaml", "templates/controller.yaml"] {
            let content = std::fs::read(folder.join(name)).map_err(|error| error.to_string())?;
            files.push(File::new(name, &content));
        }
        Chart::load(&files, &mut helm_rs::Warnings::new()).map_err(|error| error.to_string())
    }
}

/// Takes off what each cluster writes for itself.
fn own(mut object: Node) -> String {
    object.remove("status");
    if object.get("kind").and_then(Node::as_str) == Some("Service")
        && let Some(spec) = object.get_mut("spec")
    {
        spec.remove("clusterIP");
        spec.remove("clusterIPs");
        for port in spec.get_mut("ports").and_then(Node::items_mut).into_iter().flatten() {
            port.remove("nodePort");
        }
    }
    if let Some(metadata) = object.get_mut("metadata") {
        for field in
            ["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "finalizers"]
        {
            metadata.remove(field);
        }
    }
    print_sigs(&object, Dialect::V3).unwrap()
}

/// Adds the marks by which Helm knows what it has installed, which `helm template` does not show either.
fn installed(app: &App, mut object: Node) -> Node {
    if app.id.kind == AppKind::HelmRelease
        && let Some(metadata) = object.get_mut("metadata")
    {
        let marks = [
            ("labels", "app.kubernetes.io/managed-by", "Helm"),
            ("annotations", "meta.helm.sh/release-name", &app.id.name),
            ("annotations", "meta.helm.sh/release-namespace", &app.id.namespace),
        ];
        for (field, key, value) in marks {
            if metadata.get(field).is_none() {
                metadata.set(field, Node::mapping(Vec::new()));
            }
            metadata.get_mut(field).unwrap().set(key, Node::string(value));
        }
    }
    object
}

fn is_calm(stage: &Stage, rendered: &Rendered) -> bool {
    let is_ready = |id: &AppId| {
        let kind = match id.kind {
            AppKind::Kustomization => Kind::Kustomization,
            AppKind::HelmRelease => Kind::HelmRelease,
        };
        stage.is_ready(kind, &id.namespace, &id.name)
    };
    rendered.apps.iter().all(|app| is_ready(&app.id))
}

/// Waits until all is ready, and compares.
async fn check(stage: Stage) {
    let folder = Folder::new(stage.folder.path()).unwrap();
    let rendered = Fleet::new(&folder).charts(&ExampleCharts).render(&mut Cache::default());
    let gaps: Vec<String> = rendered
        .all_gaps()
        .filter(|(_, gap)| gap.severity > Severity::Note)
        .map(|(_, gap)| gap.to_string())
        .collect();
    assert_eq!(gaps, [""; 0]);
    let begun = Instant::now();
    while !is_calm(&stage, &rendered) {
        assert!(begun.elapsed() < Duration::from_secs(900), "not ready in time:{}", stage.seen());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    // The rendered objects in a cluster of their own have the same defaults.
    let other = LocalCluster::new();
    for definition in gitops_core::api::open_definitions() {
        other.apply(&definition, &options()).await.unwrap();
    }
    for namespace in nodes("apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n") {
        other.apply(&namespace, &options()).await.unwrap();
    }
    let of_app = |app: &'_ App| {
        let read = |object: &RenderedObject| (object.id.clone(), installed(app, object.read().unwrap()));
        app.objects.iter().map(read).collect::<Vec<_>>()
    };
    let mut objects: Vec<(ObjectId, Node)> = rendered.apps.iter().flat_map(of_app).collect();
    objects.sort_by_key(|(id, _)| !matches!(&*id.kind, "Namespace" | "CustomResourceDefinition"));
    for (_, object) in &objects {
        other.apply(object, &options()).await.unwrap();
    }
    let cluster = stage.context.world.cluster();
    for (id, object) in &objects {
        let target = ObjectRef::of(object);
        let live = cluster.get(&target).await.unwrap();
        let live = live.unwrap_or_else(|| panic!("{id} is rendered and not applied"));
        let wanted = other.get(&target).await.unwrap().unwrap();
        assert_eq!(own(live), own(wanted), "{id} differs");
    }

    // Nothing else is there, of all kinds that there are; what begins it all is in no path.
    let by_hand: BTreeSet<ObjectId> = seeds(&folder, ".").iter().map(ObjectId::of).collect();
    let known: BTreeSet<&ObjectId> = objects.iter().map(|(id, _)| id).collect();
    let all = rendered.apps.iter().flat_map(|app| &app.objects);
    let kinds: BTreeSet<(&str, &str)> = all.map(|object| (&*object.api_version, &*object.id.kind)).collect();
    for (version, kind) in kinds {
        let list = cluster.list(&Gvk::new(version, kind), &ListOptions::default()).await.unwrap();
        for live in list.items {
            let id = ObjectId::of(&live);
            let is_by_hand = match kind {
                _ if by_hand.contains(&id) => true,
                "Namespace" => {
                    ["default", "flux-system"].contains(&&*id.name) || id.name.starts_with("kube-")
                }
                "Secret" => id.name == "slack-webhook" || id.name.starts_with("sh.helm.release."),
                _ => false,
            };
            assert!(known.contains(&id) || is_by_hand, "{id} is applied and not rendered");
        }
    }

    // Each app looks after what is rendered for it.
    for app in rendered.apps.iter().filter(|app| app.id.kind == AppKind::Kustomization) {
        let version = app.manifest.get("apiVersion").and_then(Node::as_str).unwrap();
        let live = stage.get(version, "Kustomization", &app.id.namespace, &app.id.name).await.unwrap();
        let entries =
            live.at_path(&["status", "inventory", "entries"]).and_then(Node::items).unwrap_or_default();
        let kept: BTreeSet<&str> = entries.iter().filter_map(|entry| entry.get("id")?.as_str()).collect();
        let shown: BTreeSet<String> = app
            .objects
            .iter()
            .map(|object| {
                let ObjectId { group, kind, namespace, name } = &object.id;
                format!("{namespace}_{name}_{group}_{kind}")
            })
            .collect();
        assert_eq!(kept, shown.iter().map(String::as_str).collect(), "{}", app.id);
    }
    stage.end().await;
}

async fn generated(count: usize) {
    let stage = Stage::begin(GIT, |folder, _| {
        generate::fleet(folder, count, generate::Apps::WithCharts);
        // Not a repository: the folder stands for one.
        std::fs::remove_dir_all(folder.join(".git")).unwrap();
    })
    .await;
    check(stage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_rendered_of_the_example_fleet_is_what_is_applied() {
    let stage = Stage::begin(GIT, |folder, charts| {
        copy(&examples().join("fleet"), folder, &|text| {
            text.replace("https://charts.example.org/ingress-nginx", charts)
        });
    })
    .await;
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: slack-webhook, namespace: flux-system}}\nstringData: {{address: '{}'}}\n",
        stage.hook.url
    );
    stage.apply(&secret).await;
    check(stage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_rendered_of_fifty_apps_is_what_is_applied() {
    generated(50).await;
}

/// Minutes in a build without optimization: `cargo test --release -p gitops-controller --test it -- --ignored thousand`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn what_is_rendered_of_a_thousand_apps_is_what_is_applied() {
    generated(1_000).await;
}
