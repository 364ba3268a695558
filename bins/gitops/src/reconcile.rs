//! `gitops reconcile`: asks the controllers to look at an object now, and waits for the outcome.

use crate::Failure;
use crate::cluster::ready::{POLL, condition};
use crate::cluster::{
    ClusterFlags, Target, address, fetch, node, run as run_async, say, text, within, worded, writing,
};
use crate::get::release_revision;
use clap::Subcommand;
use gitops_core::health::{self, State};
use gitops_core::ports::{Cluster, Patch};
use gitops_kube::KubeCluster;
use gitops_yaml::Node;
use serde_json::{Map, Value, json};
use std::process::ExitCode;

/// Ask for a reconciliation now, and wait for its outcome.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops reconcile kustomization podinfo --with-source
  gitops reconcile source git podinfo -n apps
  gitops reconcile hr web --force")]
pub(crate) struct Args {
    #[command(flatten)]
    cluster: ClusterFlags,
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Args, Debug)]
struct One {
    /// The object's name.
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

#[derive(clap::Args, Debug)]
struct Sourced {
    /// The object's name.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Its source first.
    #[arg(long)]
    with_source: bool,
}

#[derive(clap::Args, Debug)]
struct Release {
    /// The release's name.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Its source first.
    #[arg(long)]
    with_source: bool,
    /// Install or upgrade once even if nothing has changed.
    #[arg(long)]
    force: bool,
    /// Forget earlier failures.
    #[arg(long)]
    reset: bool,
}

#[derive(Subcommand, Debug)]
enum What {
    /// A Helm release.
    #[command(visible_alias = "hr")]
    Helmrelease(Release),
    /// An image repository, policy or automation.
    #[command(subcommand)]
    Image(Image),
    /// A Kustomization.
    #[command(visible_alias = "ks")]
    Kustomization(Sourced),
    /// A receiver of web hooks.
    Receiver(One),
    /// A source.
    #[command(subcommand)]
    Source(Source),
}

#[derive(Subcommand, Debug)]
enum Image {
    /// An image policy.
    Policy(One),
    /// An image repository.
    Repository(One),
    /// An image update automation.
    Update(One),
}

#[derive(Subcommand, Debug)]
enum Source {
    /// A bucket.
    Bucket(One),
    /// A Helm chart.
    Chart(Sourced),
    /// A git repository.
    Git(One),
    /// A Helm repository.
    Helm(One),
    /// An OCI repository.
    Oci(One),
}

/// What is asked for beside the reconciliation.
#[derive(Clone, Copy, Debug, Default)]
struct Wish {
    with_source: bool,
    force: bool,
    reset: bool,
}

impl What {
    fn target(&self) -> (Target, Option<&str>, Wish) {
        let plain = |target, one: &'_ One| (target, one.name.clone(), Wish::default());
        let sourced = |target, one: &Sourced| {
            (target, one.name.clone(), Wish { with_source: one.with_source, ..Wish::default() })
        };
        let (target, _, wish) = match self {
            Self::Helmrelease(one) => {
                let wish = Wish { with_source: one.with_source, force: one.force, reset: one.reset };
                (Target::HelmRelease, one.name.clone(), wish)
            }
            Self::Image(Image::Policy(one)) => plain(Target::ImagePolicy, one),
            Self::Image(Image::Repository(one)) => plain(Target::ImageRepository, one),
            Self::Image(Image::Update(one)) => plain(Target::ImageUpdate, one),
            Self::Kustomization(one) => sourced(Target::Kustomization, one),
            Self::Receiver(one) => plain(Target::Receiver, one),
            Self::Source(Source::Bucket(one)) => plain(Target::Bucket, one),
            Self::Source(Source::Chart(one)) => sourced(Target::Chart, one),
            Self::Source(Source::Git(one)) => plain(Target::Git, one),
            Self::Source(Source::Helm(one)) => plain(Target::Helm, one),
            Self::Source(Source::Oci(one)) => plain(Target::Oci, one),
        };
        (target, self.name(), wish)
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Helmrelease(one) => one.name.as_deref(),
            Self::Kustomization(one) | Self::Source(Source::Chart(one)) => one.name.as_deref(),
            Self::Image(Image::Policy(one) | Image::Repository(one) | Image::Update(one))
            | Self::Receiver(one)
            | Self::Source(Source::Bucket(one) | Source::Git(one) | Source::Helm(one) | Source::Oci(one)) => {
                one.name.as_deref()
            }
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    run_async(async {
        let (target, name, wish) = args.what.target();
        let name = name.ok_or_else(|| format!("{} name is required", target.info().kind))?;
        let namespace = args.cluster.namespace();
        let cluster = args.cluster.connect().await?;
        within(args.cluster.timeout.0, reconcile(&cluster, target, &namespace, name, wish)).await?;
        Ok(ExitCode::SUCCESS)
    })
}

async fn reconcile(
    cluster: &KubeCluster,
    target: Target,
    namespace: &str,
    name: &str,
    wish: Wish,
) -> Result<(), Failure> {
    let kind = target.info();
    let at = address(kind, namespace, name);
    let object = fetch(cluster, &at).await?;
    if target == Target::Helm && text(&object, &["spec", "type"]) == "oci" {
        say::success("reconciliation not supported by the object");
        return Ok(());
    }
    if object.at_path(&["spec", "suspend"]).and_then(Node::scalar).is_some_and(|value| &**value == "true") {
        return Err("resource is suspended".into());
    }
    if wish.with_source {
        let (source, namespace, name) = source_of(target, &object)?;
        // A release's chart has a source of its own, which is what has to be fetched.
        let wish = Wish { with_source: source == Target::Chart, ..Wish::default() };
        Box::pin(reconcile(cluster, source, &namespace, &name, wish)).await?;
    }
    say::action(format_args!("annotating {} {name} in {namespace} namespace", kind.kind));
    let before = text(&object, &["status", "lastHandledReconcileAt"]).to_owned();
    let now = now();
    let mut notes = Map::new();
    notes.insert("reconcile.fluxcd.io/requestedAt".to_owned(), Value::String(now.clone()));
    if wish.force {
        notes.insert("reconcile.fluxcd.io/forceAt".to_owned(), Value::String(now.clone()));
    }
    if wish.reset {
        notes.insert("reconcile.fluxcd.io/resetAt".to_owned(), Value::String(now));
    }
    let change = Patch::Merge(node(&json!({"metadata": {"annotations": notes}}))?);
    cluster.patch(&at, &change, &writing()).await.map_err(worded)?;
    say::success(format_args!("{} annotated", kind.kind));
    say::waiting(format_args!("waiting for {} reconciliation", kind.kind));
    let object = loop {
        let object = fetch(cluster, &at).await?;
        if text(&object, &["status", "lastHandledReconcileAt"]) != before {
            let health = health::status(&object);
            match health.state {
                State::Current => break object,
                State::InProgress => {}
                _ => return Err(health.message.into()),
            }
        }
        tokio::time::sleep(POLL).await;
    };
    let ready = condition(&object, "Ready").ok_or("status can't be determined")?;
    if text(ready, &["status"]) != "True" {
        return Err(format!("{} reconciliation failed: '{}'", kind.kind, text(ready, &["message"])).into());
    }
    say::success(done_message(target, &object));
    Ok(())
}

/// Where an object comes from: the kind, the namespace and the name.
fn source_of(target: Target, object: &Node) -> Result<(Target, String, String), Failure> {
    let own = text(object, &["metadata", "namespace"]);
    let or_own = |namespace: &str| if namespace.is_empty() { own.to_owned() } else { namespace.to_owned() };
    let reference = |path: [&str; 2]| {
        let part = |field| text(object, &[path[0], path[1], field]);
        (part("kind").to_owned(), or_own(part("namespace")), part("name").to_owned())
    };
    let (kind, namespace, name) = match target {
        Target::HelmRelease if object.at_path(&["spec", "chartRef"]).is_none() => {
            let chart = ["spec", "chart", "spec", "sourceRef", "namespace"];
            let name = format!("{own}-{}", text(object, &["metadata", "name"]));
            ("HelmChart".to_owned(), or_own(text(object, &chart)), name)
        }
        Target::HelmRelease => reference(["spec", "chartRef"]),
        _ => reference(["spec", "sourceRef"]),
    };
    let source = [Target::Git, Target::Oci, Target::Helm, Target::Chart, Target::Bucket]
        .into_iter()
        .find(|source| source.info().kind == kind)
        .ok_or_else(|| format!("cannot reconcile source of kind {kind}"))?;
    Ok((source, namespace, name))
}

/// What is said of an object that is done.
pub(crate) fn done_message(target: Target, object: &Node) -> String {
    let fetched = || format!("fetched revision {}", text(object, &["status", "artifact", "revision"]));
    let number = |path: &[&str]| object.at_path(path).and_then(Node::scalar).map_or("0", |text| &**text);
    match target {
        Target::Helm if text(object, &["spec", "type"]) == "oci" => "Helm repository is Ready".to_owned(),
        Target::Git | Target::Oci | Target::Helm | Target::Chart | Target::Bucket | Target::External => {
            fetched()
        }
        Target::Kustomization => {
            format!("applied revision {}", text(object, &["status", "lastAppliedRevision"]))
        }
        Target::HelmRelease => format!("applied revision {}", release_revision(object)),
        Target::ImageRepository => {
            format!("scan fetched {} tags", number(&["status", "lastScanResult", "tagCount"]))
        }
        Target::ImagePolicy => {
            let latest = |field| text(object, &["status", "latestRef", field]);
            let digest = match latest("digest") {
                "" => String::new(),
                digest => format!("@{digest}"),
            };
            format!("selected ref {}:{}{digest}", latest("name"), latest("tag"))
        }
        Target::ImageUpdate => match condition(object, "Ready") {
            Some(ready) => text(ready, &["message"]).to_owned(),
            None => format!("last run {}", text(object, &["status", "lastAutomationRunTime"])),
        },
        Target::Alert | Target::AlertProvider | Target::Receiver | Target::Generator => {
            format!("{} reconciliation completed", target.info().kind)
        }
    }
}

/// The time, to the nanosecond, so that two requests differ.
fn now() -> String {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    gitops_controllers::time::rfc3339_nano(time)
}
