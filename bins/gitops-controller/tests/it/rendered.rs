//! What `gitops render` says of a repository is what the controllers apply from it, object by object: the fleet of the
//! examples, and generated ones.

#[allow(dead_code, reason = "it serves the comparison of speed as well")]
#[path = "../../../../benches/src/compare/generate.rs"]
mod generate;
mod random;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use gitops_controllers::fleet::{
    App, AppId, AppKind, Cache, Charts, Fleet, Gap, RemoteChart, Rendered, RenderedObject, Severity, seeds,
};
use gitops_controllers::{Key, Kind, World as _};
use gitops_core::object::{Gvk, ObjectId};
use gitops_core::ports::{Cluster as _, ListOptions, ObjectRef};
use gitops_fs::Folder;
use gitops_local_cluster::LocalCluster;
use gitops_yaml::{Dialect, Node, print_sigs};
use helm_rs::chart::{Chart, File};

use crate::stage::{Stage, copy, examples, nodes, options, words};

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
        let asked = |annotations: &mut Node| {
            annotations.remove("reconcile.fluxcd.io/requestedAt");
            annotations.entries().is_some_and(<[_]>::is_empty)
        };
        if metadata.get_mut("annotations").is_some_and(asked) {
            metadata.remove("annotations");
        }
    }
    print_sigs(&object, Dialect::V3).unwrap()
}

/// Adds the marks by which Helm knows what it has installed, which `helm template` does not show either.
fn installed(app: &App, mut object: Node) -> Node {
    if app.id.kind == AppKind::HelmRelease
        && let Some(metadata) = object.get_mut("metadata")
    {
        let asked = |field| app.manifest.at_path(&["spec", field]).and_then(Node::as_str);
        let namespace = asked("targetNamespace").unwrap_or(&app.id.namespace);
        let name = match (asked("releaseName"), asked("targetNamespace")) {
            (Some(name), _) => name.to_owned(),
            (None, Some(target)) => format!("{target}-{}", app.id.name),
            (None, None) => app.id.name.to_string(),
        };
        let marks = [
            ("labels", "app.kubernetes.io/managed-by", "Helm"),
            ("annotations", "meta.helm.sh/release-name", name.as_str()),
            ("annotations", "meta.helm.sh/release-namespace", namespace),
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

fn kind_of(id: &AppId) -> Kind {
    match id.kind {
        AppKind::Kustomization => Kind::Kustomization,
        AppKind::HelmRelease => Kind::HelmRelease,
    }
}

/// Why an app can't be rendered, or not as a whole.
fn refusals(app: &App) -> impl Iterator<Item = &Gap> {
    app.gaps.iter().filter(|gap| gap.severity == Severity::Error)
}

/// Whether the controller gives the same reason with the same place; where in its sentence the place stands is its own affair.
fn is_told(gap: &Gap, said: &str) -> bool {
    let (place, message) = (format!("{}: ", gap.place), gap.message.replace("helm template failed: ", ""));
    said.replace(&place, "").contains(&message)
}

/// What the controller has not come to yet: an app that is rendered and not ready, or one that is refused otherwise than
/// here. What waits for an app that is refused is refused for that reason alone.
fn is_outstanding(stage: &Stage, rendered: &Rendered) -> Option<String> {
    // All conditions: a release that was tried often enough keeps its reason in another one.
    let words = |app: &App| {
        let AppId { namespace, name, .. } = &app.id;
        let key = Key::new(kind_of(&app.id), namespace.clone(), name.to_string());
        let Some(object) = stage.context.cache.get(&key) else { return String::new() };
        let others = object.at_path(&["status", "conditions"]).and_then(Node::items).unwrap_or_default();
        let messages = others.iter().filter_map(|condition| condition.get("message")?.as_str());
        messages.fold(words(&object), |all, message| all + "\n" + message)
    };
    let mut revisions = BTreeSet::new();
    for app in &rendered.apps {
        if app
            .parent
            .and_then(|parent| rendered.apps.get(parent))
            .is_some_and(|above| refusals(above).next().is_some())
        {
            continue;
        }
        let said = words(app);
        let mut refused = refusals(app).peekable();
        let is_as_rendered = match refused.peek() {
            None => stage.is_ready(kind_of(&app.id), &app.id.namespace, &app.id.name),
            Some(_) => said.starts_with("False ") && refused.all(|gap| is_told(gap, &said)),
        };
        if !is_as_rendered {
            let wanted: Vec<String> = refusals(app).map(ToString::to_string).collect();
            return Some(format!("{}: {said}\n  rendered: {wanted:?}", app.id));
        }
        revisions.extend(
            said.lines()
                .filter_map(|line| line.split_once("Applied revision: "))
                .map(|(_, revision)| revision.to_owned()),
        );
    }
    (revisions.len() > 1).then(|| format!("some are of an older revision: {revisions:?}"))
}

/// Renders the stage's files, waits until the controllers have come to the same end, and compares.
async fn check(stage: Stage, refused: &[&str]) {
    compare(&stage, refused).await;
    stage.end().await;
}

/// The same; what is refused is named, and whatever else is found wrong fails.
async fn compare(stage: &Stage, refused: &[&str]) {
    let folder = Folder::new(stage.folder.path()).unwrap();
    let rendered = Fleet::new(&folder).charts(&ExampleCharts).render(&mut Cache::default());
    let gaps: BTreeSet<String> = rendered
        .all_gaps()
        .filter(|(_, gap)| gap.severity > Severity::Note)
        .map(|(app, gap)| {
            app.filter(|_| gap.severity == Severity::Error)
                .map_or_else(|| gap.to_string(), |app| app.name.to_string())
        })
        .collect();
    let all: Vec<String> = rendered.all_gaps().map(|(_, gap)| gap.to_string()).collect();
    assert_eq!(gaps, refused.iter().map(|name| (*name).to_owned()).collect(), "{}", all.join("\n"));
    let begun = Instant::now();
    while let Some(outstanding) = is_outstanding(stage, &rendered) {
        assert!(begun.elapsed() < Duration::from_secs(600), "not in time: {outstanding}{}", stage.seen());
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
    let is_applied = |app: &&App| {
        let above = std::iter::successors(Some(*app), |app| rendered.apps.get(app.parent?));
        above.into_iter().all(|app| refusals(app).next().is_none())
    };
    let of_app = |app: &'_ App| {
        let read = |object: &RenderedObject| (object.id.clone(), installed(app, object.read().unwrap()));
        app.objects.iter().map(read).collect::<Vec<_>>()
    };
    let mut objects: Vec<(ObjectId, Node)> =
        rendered.apps.iter().filter(is_applied).flat_map(of_app).collect();
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
    for app in rendered.apps.iter().filter(|app| is_applied(app) && app.id.kind == AppKind::Kustomization) {
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
}

async fn generated(count: usize) {
    let stage = Stage::begin(GIT, |folder, _| {
        generate::fleet(folder, count, generate::Apps::WithCharts);
        // Not a repository: the folder stands for one.
        std::fs::remove_dir_all(folder.join(".git")).unwrap();
    })
    .await;
    check(stage, &[]).await;
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
    check(stage, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_rendered_of_fifty_apps_is_what_is_applied() {
    generated(50).await;
}

/// A how-to's own files, exactly as people copy them but for the address of their charts; then with its slips mended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_rendered_of_a_how_to_is_what_is_applied() {
    // Beside the recorded cases.
    let Some(files) = gitops_conformance::folder("../seed/how-to") else { return };
    let git = "https://github.com/YourGitHubUserName/YourRepository";
    let stage = Stage::begin(git, |folder, charts| {
        copy(&files, folder, &|text| text.replace("https://kubernetes.github.io/ingress-nginx", charts));
    })
    .await;
    compare(&stage, &["apps-echo", "config-apps", "config-core"]).await;

    let mend = |path: &str, changes: &[(&str, &str)]| {
        stage.edit(path, |text| {
            changes.iter().fold(text, |text, (from, to)| {
                assert!(text.contains(from), "{path} has no {from}");
                text.replace(from, to)
            })
        });
    };
    mend("k8s/apps/demo/echo/kustomization.yaml", &[("- deployment.yaml", "- ingress.yaml")]);
    mend("k8s/infrastructure/image-automation/policy.yaml", &[("[email\u{a0}protected]", "bot@example.org")]);
    let class = ("    kubernetes.io/ingress.class: nginx\n", "");
    mend("k8s/apps/base/echo/ingress.yaml", &[class, ("ingressClass:", "ingressClassName:")]);
    for folder in ["core", "apps"] {
        let from = stage.folder.path().join("k8s/custers/demo").join(folder);
        std::fs::rename(from, stage.folder.path().join("k8s/clusters/demo").join(folder)).unwrap();
    }
    stage.fetch_again("kubernetes").await;
    check(stage, &[]).await;
}

async fn at_random(number: u64, apps: usize) {
    let fleet = random::RandomFleet::new(number, apps);
    println!("fleet {number}, refused: {:?}", fleet.refused);
    let stage = Stage::begin(GIT, |folder, _| fleet.write(folder)).await;
    let refused: Vec<&str> = fleet.refused.iter().map(String::as_str).collect();
    check(stage, &refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_rendered_of_random_fleets_is_what_is_applied() {
    for number in 1..=6 {
        at_random(number, 10).await;
    }
}

/// Other fleets than those of each run: `FROM=100 COUNT=50 cargo test -p gitops-controller --test it -- --ignored many`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn what_is_rendered_of_many_random_fleets_is_what_is_applied() {
    let number = |name: &str, other: u64| std::env::var(name).map_or(other, |text| text.parse().unwrap());
    let from = number("FROM", 100);
    for number in from..from + number("COUNT", 50) {
        at_random(number, 10).await;
    }
}

/// Minutes in a build without optimization: `cargo test --release -p gitops-controller --test it -- --ignored thousand`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn what_is_rendered_of_a_thousand_apps_is_what_is_applied() {
    generated(1_000).await;
}
