//! The flow of an image and of a chart on real servers: git over HTTP, a registry, a chart repository, a Kubernetes API, and
//! the controller as a process of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gitops_controllers::fleet::seeds;
use gitops_controllers::status::condition_of;
use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, DeleteOptions, ListOptions, ObjectRef, Part, Patch, WriteOptions};
use gitops_core::tree::MemTree;
use gitops_fs::Folder;
use gitops_kube::{Connection, KubeCluster};
use gitops_oci::{ArtifactInfo, OciOptions, OciRegistry, Push};
use gitops_yaml::Node;

use crate::process::{Controller, git};
use crate::stage::{copy, nodes, options, words};

/// Where the real servers are.
struct Servers {
    kubeconfig: PathBuf,
    git: (String, PathBuf),
    registry: String,
    charts: (String, PathBuf),
}

impl Servers {
    fn of_environment() -> Option<Self> {
        let variable = |name| {
            let value = std::env::var(name).ok();
            if value.is_none() {
                println!("skipped: {name} is not set");
            }
            value
        };
        Some(Self {
            kubeconfig: variable("KUBECONFIG")?.into(),
            git: (variable("GIT_URL")?, variable("GIT_ROOT")?.into()),
            registry: variable("REGISTRY")?,
            charts: (variable("CHARTS_URL")?, variable("CHARTS_ROOT")?.into()),
        })
    }
}

/// A cluster, as tests look at it.
struct Seen<'a> {
    cluster: Arc<KubeCluster>,
    controller: &'a Controller,
}

impl Seen<'_> {
    async fn get(&self, version: &str, kind: &str, namespace: &str, name: &str) -> Option<Node> {
        let target =
            ObjectRef { gvk: Gvk::new(version, kind), namespace: namespace.into(), name: name.into() };
        // A kind that is just being defined is not found either.
        self.cluster.get(&target).await.ok().flatten()
    }

    async fn kustomization(&self, name: &str) -> Option<Node> {
        self.get("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "flux-system", name).await
    }

    /// Waits until something is true; fails with what the controller logged last.
    async fn until(&self, what: &str, mut holds: impl AsyncFnMut(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self).await {
            if begun.elapsed() > Duration::from_secs(300) {
                panic!("not in time: {what}\n{}", self.controller.last_words());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn is_ready(object: Option<&Node>) -> bool {
    // What an earlier run has left behind may still be on its way out.
    let object = object.filter(|object| object.at_path(&["metadata", "deletionTimestamp"]).is_none());
    let status = object.and_then(|object| condition_of(object, "Ready")?.get("status")?.as_str());
    status == Some("True")
}

fn image_of(deployment: &Node) -> Option<&str> {
    deployment.at_path(&["spec", "template", "spec", "containers"])?.items()?.first()?.get("image")?.as_str()
}

/// Says of every Pod that it runs, or that it has ended where a Job owns it, as nodes would.
async fn run_pods(cluster: Arc<KubeCluster>) {
    let options = WriteOptions { part: Part::Status, ..options() };
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let Ok(pods) = cluster.list(&Gvk::new("v1", "Pod"), &ListOptions::default()).await else { continue };
        for pod in pods.items {
            if pod.at_path(&["status", "phase"]).and_then(Node::as_str) != Some("Pending") {
                continue;
            }
            let owners = pod.at_path(&["metadata", "ownerReferences"]).and_then(Node::items);
            let is_job = owners
                .unwrap_or_default()
                .iter()
                .any(|owner| owner.get("kind").and_then(Node::as_str) == Some("Job"));
            let status = match is_job {
                true => "status: {phase: Succeeded}\n",
                false => "status: {phase: Running, conditions: [{type: Ready, status: 'True'}]}\n",
            };
            let patch = Patch::Merge(nodes(status).remove(0));
            // It may be gone meanwhile.
            drop(cluster.patch(&ObjectRef::of(&pod), &patch, &options).await);
        }
    }
}

/// Packs the real chart that lies beside the recorded cases and serves it with its index; returns its version.
fn publish_chart(folder: &Path, name: &str, url: &str) -> Option<String> {
    let root = gitops_conformance::folder("helm/charts/ingress-nginx/chart")?;
    let mut files = Vec::new();
    let mut open = vec![root.clone()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let inner = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            files.push(helm_rs::chart::File::new(inner, &std::fs::read(&path).unwrap()));
        }
    }
    let chart = helm_rs::chart::Chart::load(&files, &mut helm_rs::Warnings::new()).unwrap();
    let time = helm_rs::Time::from_seconds(1_700_000_000);
    let packed = helm_rs::package(&chart, &helm_rs::PackageOptions::new(time)).unwrap();
    let version = chart.metadata().version.to_string();
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("chart.tgz"), packed.archive).unwrap();
    // A newer major version that must not be taken.
    let entry = |version: &str| {
        format!(
            "    - {{apiVersion: v2, name: ingress-nginx, version: {version}, urls: ['{url}/{name}/chart.tgz']}}\n"
        )
    };
    let index = format!("apiVersion: v1\nentries:\n  ingress-nginx:\n{}{}", entry("5.0.0"), entry(&version));
    std::fs::write(folder.join("index.yaml"), index).unwrap();
    Some(version)
}

const BOT: &str = "fluxcdbot <fluxcdbot@example.org>";
const DEPLOYMENT: &str = "k8s/apps/base/echo/deployment.yaml";

/// Writes the how-to's files as its readers would: what is theirs is filled in, and its slips are mended.
fn write_files(from: &Path, to: &Path, git: &str, charts: &str, image: &str) {
    copy(from, to, &|text| {
        text.replace("https://github.com/YourGitHubUserName/YourRepository", git)
            .replace("https://kubernetes.github.io/ingress-nginx", charts)
            .replace("[email\u{a0}protected]", "fluxcdbot@example.org")
            .replace("- deployment.yaml\n- configmap.yaml", "- ingress.yaml\n- configmap.yaml")
            .replace(
                "image: hashicorp/http-echo",
                &format!("image: {image}:1.0.0 # {{\"$imagepolicy\": \"flux-system:echo\"}}"),
            )
            // No node runs the webhook here.
            .replace(
                "      service:\n        type: NodePort",
                "      admissionWebhooks:\n        failurePolicy: Ignore\n      service:\n        type: NodePort",
            )
    });
    for folder in ["core", "apps"] {
        let target = to.join("k8s/clusters/demo").join(folder);
        std::fs::rename(to.join("k8s/custers/demo").join(folder), target).unwrap();
    }
    let policy = format!(
        "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {{name: echo, namespace: flux-system}}\nspec: {{image: {image}, interval: 2s, insecure: true}}\n---\napiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {{name: echo, namespace: flux-system}}\nspec: {{imageRepositoryRef: {{name: echo}}, policy: {{semver: {{range: 1.x}}}}}}\n"
    );
    std::fs::write(to.join("k8s/infrastructure/image-automation/echo.yaml"), policy).unwrap();
}

async fn plant(cluster: &KubeCluster, folder: &Path) {
    for definition in gitops_core::api::open_definitions() {
        cluster.apply(&definition, &options()).await.unwrap();
    }
    for namespace in nodes("apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n") {
        cluster.apply(&namespace, &options()).await.unwrap();
    }
    // What a run that failed has left behind chooses another image.
    for kind in ["ImagePolicy", "ImageRepository"] {
        let left = ObjectRef {
            gvk: Gvk::new("image.toolkit.fluxcd.io/v1", kind),
            namespace: "flux-system".into(),
            name: "echo".into(),
        };
        drop(cluster.delete(&left, &DeleteOptions::default()).await);
    }
    for mut seed in seeds(&Folder::new(folder).unwrap(), ".") {
        let kind = gitops_controllers::Kind::of(&Gvk::of(&seed)).unwrap();
        seed.set("apiVersion", Node::string(kind.gvk().api_version()));
        let begun = Instant::now();
        while let Err(error) = cluster.apply(&seed, &options()).await {
            // A definition is served a moment after it was taken.
            assert!(begun.elapsed() < Duration::from_secs(30), "{error}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_goes_from_the_registry_through_git_to_the_cluster() {
    let Some(servers) = Servers::of_environment() else { return };
    let Some(how_to) = gitops_conformance::folder("../seed/how-to") else { return };
    let unique = format!("flow-{}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros());
    let Some(chart) = publish_chart(&servers.charts.1, &unique, &servers.charts.0) else { return };
    let scratch = tempfile::tempdir().unwrap();

    let (url, bare) =
        (format!("{}/{unique}.git", servers.git.0), servers.git.1.join(format!("{unique}.git")));
    let image = format!("{}/{unique}/echo", servers.registry);
    git(scratch.path(), &["init", "-q", "--bare", "-b", "master", bare.to_str().unwrap()]);
    git(&bare, &["config", "http.receivepack", "true"]);
    let work = scratch.path().join("work");
    std::fs::create_dir(&work).unwrap();
    write_files(&how_to, &work, &url, &format!("{}/{unique}", servers.charts.0), &image);
    for args in [
        &["init", "-q", "-b", "master"][..],
        &["add", "-A"],
        &["commit", "-q", "-m", "Begin"],
        &["push", "-q", &url, "master"],
    ] {
        git(&work, args);
    }

    let mut access = OciOptions::default();
    access.plain_http.push(servers.registry.clone());
    let registry = OciRegistry::new(access).unwrap();
    let mut tree = MemTree::new();
    tree.add_file("app", "one\n").unwrap();
    let artifact = gitops_core::artifact::pack(&tree, None).unwrap().content.into();
    let push = Push::flux(artifact, &ArtifactInfo::default()).unwrap();
    registry.push_artifact(&image, "1.0.0", &push).await.unwrap();

    let connection = Connection::from_file(&servers.kubeconfig, None).await.unwrap();
    let cluster = Arc::new(KubeCluster::connect(connection).unwrap());
    plant(&cluster, &work).await;
    let pods = tokio::spawn(run_pods(Arc::clone(&cluster)));
    let controller = Controller::start(&servers.kubeconfig, scratch.path());
    let seen = Seen { cluster, controller: &controller };

    // The chart, resolved, packed, rendered and installed with its hooks.
    seen.until("the release is ready", async |seen| {
        let release =
            seen.get("helm.toolkit.fluxcd.io/v2", "HelmRelease", "ingress-nginx", "ingress-nginx").await;
        is_ready(release.as_ref())
    })
    .await;
    let release =
        seen.get("helm.toolkit.fluxcd.io/v2", "HelmRelease", "ingress-nginx", "ingress-nginx").await.unwrap();
    assert!(words(&release).contains(&format!("ingress-nginx@{chart}")), "{}", words(&release));
    let installed =
        seen.get("apps/v1", "Deployment", "ingress-nginx", "ingress-nginx-controller").await.unwrap();
    assert_eq!(installed.at_path(&["spec", "replicas"]).and_then(Node::as_str), Some("2"));
    let service = seen.get("v1", "Service", "ingress-nginx", "ingress-nginx-controller").await.unwrap();
    assert_eq!(service.at_path(&["spec", "type"]).and_then(Node::as_str), Some("NodePort"), "the overlay's");

    let runs = async |seen: &Seen<'_>, wanted: &str| {
        let deployment = seen.get("apps/v1", "Deployment", "echo", "echo").await;
        deployment.as_ref().and_then(image_of) == Some(wanted)
    };
    seen.until("the first image is applied", async |seen| runs(seen, &format!("{image}:1.0.0")).await).await;
    seen.until("the automation has looked", async |seen| {
        let automation = seen
            .get("image.toolkit.fluxcd.io/v1", "ImageUpdateAutomation", "flux-system", "flux-system")
            .await;
        is_ready(automation.as_ref())
    })
    .await;
    assert_eq!(git(&bare, &["rev-list", "--count", "master"]), "1\n", "nothing to commit yet");

    // The eight steps.
    registry.tag(&image, "1.0.0", "1.1.0").await.unwrap();
    seen.until("the new image is applied", async |seen| runs(seen, &format!("{image}:1.1.0")).await).await;
    assert_eq!(git(&bare, &["rev-list", "--count", "master"]), "2\n", "one commit");
    let message = format!(
        "An automated update from FluxBot [ci skip]\n\nFiles:\n- {DEPLOYMENT}\nObjects:\n- Deployment echo\nImages:\n- {image}:1.1.0\n"
    );
    let commit = git(&bare, &["cat-file", "commit", "master"]);
    let time =
        commit.split(&format!("author {BOT} ")).nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let (tree, parent) = (git(&bare, &["rev-parse", "master^{tree}"]), git(&work, &["rev-parse", "HEAD"]));
    assert_eq!(
        commit,
        format!(
            "tree {tree}parent {parent}author {BOT} {time} +0000\ncommitter {BOT} {time} +0000\n\n{message}"
        )
    );
    assert_eq!(
        git(&bare, &["diff", "--raw", "--no-abbrev", "--name-status", "master~1", "master"]),
        format!("M\t{DEPLOYMENT}\n")
    );
    let before = std::fs::read_to_string(work.join(DEPLOYMENT)).unwrap();
    let after = before.replace("echo:1.0.0 #", "echo:1.1.0 #");
    assert_ne!(before, after);
    assert_eq!(git(&bare, &["show", &format!("master:{DEPLOYMENT}")]), after);
    let head = git(&bare, &["rev-parse", "master"]);
    let revision = format!("master@sha1:{}", head.trim());
    seen.until("the revision is noted", async |seen| {
        let echo = seen.kustomization("apps-echo").await;
        let applied =
            echo.as_ref().and_then(|echo| echo.at_path(&["status", "lastAppliedRevision"])?.as_str());
        applied == Some(&revision)
    })
    .await;

    // Deleting the root takes all with it, down to the release.
    let root = ObjectRef {
        gvk: Gvk::new("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
        namespace: "flux-system".into(),
        name: "cluster-configuration".into(),
    };
    seen.cluster.delete(&root, &DeleteOptions::default()).await.unwrap();
    seen.until("everything is pruned", async |seen| {
        seen.get("apps/v1", "Deployment", "echo", "echo").await.is_none()
            && seen.get("apps/v1", "Deployment", "ingress-nginx", "ingress-nginx-controller").await.is_none()
            && seen.kustomization("config-infrastructure").await.is_none()
            && seen.kustomization("core-ingress-nginx").await.is_none()
            && seen
                .get("helm.toolkit.fluxcd.io/v2", "HelmRelease", "ingress-nginx", "ingress-nginx")
                .await
                .is_none()
    })
    .await;
    pods.abort();
    std::fs::remove_dir_all(&bare).unwrap();
    std::fs::remove_dir_all(servers.charts.1.join(&unique)).unwrap();
}
