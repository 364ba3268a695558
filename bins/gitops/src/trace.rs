//! `gitops trace`: from an object in a cluster back to the Kustomization or release that made it, and to its source.

use crate::Failure;
use crate::cluster::ready::condition;
use crate::cluster::{ClusterFlags, KindInfo, fetch, run as run_async, say, text, within, worded};
use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, ObjectRef, ServedKind};
use gitops_kube::KubeCluster;
use gitops_yaml::{Node, did_you_mean};
use std::fmt::Write;
use std::process::ExitCode;

/// Show which Kustomization or release an object comes from, from which source and revision, and how that fares.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  # A Deployment
  gitops trace -n apps deployment my-app

  # Several objects
  gitops trace -n redis pod/redis-master-0 cm/redis

  # An object of the cluster
  gitops trace namespace redis

  # With its kind and version in full
  gitops trace redis --kind=HelmRelease --api-version=helm.toolkit.fluxcd.io/v2 -n redis

Exit codes: 0 all were traced, 1 one was not")]
pub(crate) struct Args {
    /// KIND NAME…, or KIND/NAME…; a kind by its name, its plural or its short name.
    #[arg(value_name = "KIND/NAME")]
    objects: Vec<String>,
    /// The object's kind, with --api-version.
    #[arg(long, default_value = "", hide_default_value = true)]
    kind: String,
    /// The version of the object's API: apps/v1.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "VERSION")]
    api_version: String,
    #[command(flatten)]
    cluster: ClusterFlags,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    run_async(within(args.cluster.timeout.0, trace(args)))
}

async fn trace(args: &Args) -> Result<ExitCode, Failure> {
    let namespace = args.cluster.namespace();
    let cluster = args.cluster.connect().await?;
    let is_static = !args.kind.is_empty() || !args.api_version.is_empty();
    let objects = if is_static {
        vec![named(&cluster, args, &namespace).await?]
    } else {
        all(&cluster, &args.objects, &namespace).await?
    };
    let mut code = ExitCode::SUCCESS;
    for (index, object) in objects.iter().enumerate() {
        if index > 0 {
            anstream::println!("---");
        }
        match report(&cluster, object).await {
            Ok(report) => anstream::print!("{report}"),
            Err(why) => {
                let at = ObjectRef::of(object);
                let (kind, name) = (&at.gvk.kind, &at.name);
                say::failure(format_args!(
                    "failed to trace {kind}/{name} in namespace {}: {why}",
                    at.namespace
                ));
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

/// The object that --kind and --api-version are about.
async fn named(cluster: &KubeCluster, args: &Args, namespace: &str) -> Result<Node, Failure> {
    let name = args.objects.first().ok_or("object name is required")?;
    if args.kind.is_empty() {
        return Err("object kind is required (--kind)".into());
    }
    if args.api_version.is_empty() {
        return Err("object apiVersion is required (--api-version)".into());
    }
    // The kind may be written in any case.
    let kinds = cluster.kinds().await.map_err(worded)?;
    let known = kinds.iter().find(|known| known.gvk.kind.eq_ignore_ascii_case(&args.kind));
    let gvk = Gvk::new(&args.api_version, known.map_or(args.kind.as_str(), |known| &*known.gvk.kind));
    let served = cluster.kind(&gvk).await.map_err(worded)?;
    let served = served.ok_or_else(|| {
        format!(
            "failed to find object: no matches for kind {:?} in version {:?}",
            args.kind, args.api_version
        )
    })?;
    fetch(cluster, &at(&served, namespace, name))
        .await
        .map_err(|why| format!("failed to find object: {why}").into())
}

fn at(kind: &ServedKind, namespace: &str, name: &str) -> ObjectRef {
    let namespace = if kind.namespaced { namespace } else { "" };
    ObjectRef { gvk: kind.gvk.clone(), namespace: namespace.into(), name: name.into() }
}

/// The objects that arguments name, as kubectl understands them.
async fn all(cluster: &KubeCluster, words: &[String], namespace: &str) -> Result<Vec<Node>, Failure> {
    let usage = "either `<resource>/<name>` or `<resource> <name>` is required as an argument";
    let pairs: Vec<(&str, &str)> = match words {
        [kind, names @ ..] if words.iter().all(|word| !word.contains('/')) => {
            names.iter().map(|name| (kind.as_str(), name.as_str())).collect()
        }
        _ => words.iter().map(|word| word.split_once('/').ok_or(usage)).collect::<Result<_, _>>()?,
    };
    if pairs.is_empty() {
        return Err(usage.into());
    }
    let kinds = cluster.kinds().await.map_err(worded)?;
    let mut found = Vec::new();
    for (kind, name) in pairs {
        let kind = served(&kinds, kind)?;
        let target = at(kind, namespace, name);
        let object = cluster.get(&target).await.map_err(worded)?;
        let group = if kind.gvk.group.is_empty() { String::new() } else { format!(".{}", kind.gvk.group) };
        found.push(object.ok_or_else(|| format!("{}{group} {name:?} not found", kind.plural))?);
    }
    Ok(found)
}

/// Short names of kinds, which the list of kinds does not tell.
const SHORT: [(&str, &str); 30] = [
    ("cm", "configmaps"),
    ("crd", "customresourcedefinitions"),
    ("crds", "customresourcedefinitions"),
    ("cj", "cronjobs"),
    ("deploy", "deployments"),
    ("ds", "daemonsets"),
    ("ep", "endpoints"),
    ("ev", "events"),
    ("hc", "helmcharts"),
    ("helmrepo", "helmrepositories"),
    ("hpa", "horizontalpodautoscalers"),
    ("hr", "helmreleases"),
    ("gitrepo", "gitrepositories"),
    ("imgpol", "imagepolicies"),
    ("imgrepo", "imagerepositories"),
    ("iua", "imageupdateautomations"),
    ("ing", "ingresses"),
    ("ks", "kustomizations"),
    ("limits", "limitranges"),
    ("netpol", "networkpolicies"),
    ("no", "nodes"),
    ("ns", "namespaces"),
    ("ocirepo", "ocirepositories"),
    ("pdb", "poddisruptionbudgets"),
    ("po", "pods"),
    ("pvc", "persistentvolumeclaims"),
    ("rs", "replicasets"),
    ("sa", "serviceaccounts"),
    ("sts", "statefulsets"),
    ("svc", "services"),
];

fn served<'k>(kinds: &'k [ServedKind], word: &str) -> Result<&'k ServedKind, Failure> {
    let lower = word.to_lowercase();
    let (name, group) = lower.split_once('.').unwrap_or((&lower, ""));
    let name = SHORT.iter().find(|(short, _)| *short == name).map_or(name, |(_, plural)| plural);
    let found = kinds.iter().find(|kind| {
        (kind.plural == name || kind.gvk.kind.eq_ignore_ascii_case(name)) && kind.gvk.group.starts_with(group)
    });
    found.ok_or_else(|| {
        let names: Vec<String> = kinds.iter().map(|kind| kind.gvk.kind.to_lowercase()).collect();
        let near = did_you_mean(name, names.iter().map(String::as_str));
        let hint = near.map(|near| format!(", did you mean {near:?}?")).unwrap_or_default();
        format!("the server doesn't have a resource type {word:?}{hint}").into()
    })
}

const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
const HELM: &str = "helm.toolkit.fluxcd.io";

/// How many owners are asked at most: Pod, ReplicaSet, Deployment and what stands over them.
const MOST_OWNERS: usize = 16;

async fn report(cluster: &KubeCluster, object: &Node) -> Result<String, Failure> {
    let mut made_by = None;
    let mut owners = vec![object.clone()];
    let mut asked = 0;
    while let Some(owner) = owners.pop() {
        made_by = manager(&owner);
        asked += 1;
        if made_by.is_some() || asked > MOST_OWNERS {
            break;
        }
        let references = owner.at_path(&["metadata", "ownerReferences"]).and_then(Node::items);
        for reference in references.unwrap_or_default() {
            let gvk = Gvk::new(text(reference, &["apiVersion"]), text(reference, &["kind"]));
            let name = text(reference, &["name"]).into();
            let Some(served) = cluster.kind(&gvk).await.map_err(worded)? else { continue };
            let namespace = if served.namespaced { text(object, &["metadata", "namespace"]) } else { "" };
            let target = ObjectRef { gvk, namespace: namespace.into(), name };
            owners.extend(cluster.get(&target).await.map_err(worded)?);
        }
    }
    match made_by {
        Some((KUSTOMIZE, at)) => of_kustomization(cluster, object, &at).await,
        Some((_, at)) => of_release(cluster, object, &at).await,
        None => Err("object not managed by Flux".into()),
    }
}

/// Who has made an object, as its labels say.
fn manager(object: &Node) -> Option<(&'static str, ObjectRef)> {
    [(KUSTOMIZE, "Kustomization"), (HELM, "HelmRelease")].into_iter().find_map(|(group, kind)| {
        let label = |part: &str| text(object, &["metadata", "labels", &format!("{group}/{part}")]).to_owned();
        let gvk = KindInfo::of(kind)?.gvk();
        let target = ObjectRef { gvk, namespace: label("namespace").into(), name: label("name").into() };
        (!target.name.is_empty()).then_some((group, target))
    })
}

/// Lines of a label and a value, the values below each other.
struct Report {
    text: String,
    width: usize,
}

impl Report {
    fn of(object: &Node, width: usize) -> Self {
        let mut made = Self { text: "\n".to_owned(), width };
        let at = ObjectRef::of(object);
        made.line("Object", &format!("{}/{}", at.gvk.kind, at.name));
        made.some("Namespace", &at.namespace);
        made.line("Status", "Managed by Flux");
        made
    }

    fn line(&mut self, label: &str, value: &str) {
        let width = self.width;
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{:<width$}{value}", format!("{label}:"));
    }

    /// A line where there is a value.
    fn some(&mut self, label: &str, value: &str) {
        if !value.is_empty() {
            self.line(label, value);
        }
    }

    fn head(&mut self, object: &Node) {
        self.text.push_str("---\n");
        self.line(text(object, &["kind"]), text(object, &["metadata", "name"]));
        self.line("Namespace", text(object, &["metadata", "namespace"]));
    }

    /// What the object's controller says.
    fn ready(&mut self, object: &Node, failure: Failures) {
        let Some(ready) = condition(object, "Ready") else { return self.line("Status", "Unknown") };
        // As Go prints times.
        let time = text(ready, &["lastTransitionTime"]).replace('T', " ").replace('Z', " +0000 UTC");
        let has_failed = failure == Failures::Told && text(ready, &["status"]) == "False";
        let what = if has_failed { "Last reconciliation failed at" } else { "Last reconciled at" };
        self.line("Status", &format!("{what} {time}"));
        self.line("Message", text(ready, &["message"]));
    }

    /// A source: where it is and what was fetched of it.
    fn source(&mut self, source: &Node, origin: Origin, failure: Failures) {
        self.head(source);
        let spec = |path: &[&str]| text(source, path).to_owned();
        match text(source, &["kind"]) {
            "ExternalArtifact" => {
                let part = |field| spec(&["spec", "sourceRef", field]);
                self.line("Source", &format!("{}/{}/{}", part("kind"), part("namespace"), part("name")));
            }
            "Bucket" => {
                self.line("Bucket", &spec(&["spec", "bucketName"]));
                self.line("Endpoint", &spec(&["spec", "endpoint"]));
            }
            _ => self.line("URL", &spec(&["spec", "url"])),
        }
        let reference = |field| spec(&["spec", "ref", field]);
        let named = [("Tag", "tag"), ("Tag", "semver"), ("Branch", "branch"), ("Digest", "digest")];
        if let Some((label, field)) = named.into_iter().find(|(_, field)| !reference(field).is_empty()) {
            self.line(label, &reference(field));
        }
        self.some("Revision", text(source, &["status", "artifact", "revision"]));
        if origin == Origin::Told {
            for (label, note) in [("Origin Revision", "revision"), ("Origin Source", "source")] {
                let note = format!("org.opencontainers.image.{note}");
                self.some(label, text(source, &["status", "artifact", "metadata", &note]));
            }
        }
        self.ready(source, failure);
    }
}

/// Whether a failed reconciliation is called one; Flux does so for some kinds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Failures {
    Told,
    Reconciled,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Told,
    LeftOut,
}

/// The object that a reference names; its namespace is the referrer's where it names none.
async fn referenced(cluster: &KubeCluster, reference: &Node, own: &str) -> Result<Option<Node>, Failure> {
    let kind = text(reference, &["kind"]);
    let Some(info) = KindInfo::of(kind) else { return Ok(None) };
    let namespace = Some(text(reference, &["namespace"])).filter(|name| !name.is_empty()).unwrap_or(own);
    let target = crate::cluster::address(info, namespace, text(reference, &["name"]));
    let found = fetch(cluster, &target).await.map_err(|why| format!("failed to find {kind}: {why}"))?;
    Ok(Some(found))
}

async fn of_kustomization(cluster: &KubeCluster, object: &Node, at: &ObjectRef) -> Result<String, Failure> {
    let found = fetch(cluster, at).await.map_err(|why| format!("failed to find kustomization: {why}"))?;
    let mut report = Report::of(object, 17);
    report.head(&found);
    report.some("Target", text(&found, &["spec", "targetNamespace"]));
    report.line("Path", text(&found, &["spec", "path"]));
    report.line("Revision", text(&found, &["status", "lastAppliedRevision"]));
    report.ready(&found, Failures::Reconciled);
    if let Some(reference) = found.at_path(&["spec", "sourceRef"])
        && let Some(source) = referenced(cluster, reference, &at.namespace).await?
    {
        report.source(&source, Origin::Told, Failures::Told);
    }
    Ok(report.text)
}

async fn of_release(cluster: &KubeCluster, object: &Node, at: &ObjectRef) -> Result<String, Failure> {
    let found = fetch(cluster, at).await.map_err(|why| format!("failed to find HelmRelease: {why}"))?;
    let mut report = Report::of(object, 16);
    report.head(&found);
    report.some("Target", text(&found, &["spec", "targetNamespace"]));
    report.line("Revision", text(&found, &["status", "lastAttemptedRevision"]));
    report.ready(&found, Failures::Reconciled);
    if let Some((namespace, name)) = text(&found, &["status", "helmChart"]).split_once('/')
        && let Some(kind) = KindInfo::of("HelmChart")
    {
        let target = crate::cluster::address(kind, namespace, name);
        let chart =
            fetch(cluster, &target).await.map_err(|why| format!("failed to find HelmChart: {why}"))?;
        report.head(&chart);
        report.line("Chart", text(&chart, &["spec", "chart"]));
        report.line("Version", text(&chart, &["spec", "version"]));
        report.some("Revision", text(&chart, &["status", "artifact", "revision"]));
        report.ready(&chart, Failures::Reconciled);
    }
    let reference = found.at_path(&["spec", "chart", "spec", "sourceRef"]);
    if let Some(reference) = reference.or_else(|| found.at_path(&["spec", "chartRef"]))
        && let Some(source) = referenced(cluster, reference, &at.namespace).await?
    {
        // The columns of each source are Flux's.
        let (width, failure) = match text(&source, &["kind"]) {
            "GitRepository" => (15, Failures::Told),
            "OCIRepository" => (17, Failures::Told),
            "ExternalArtifact" => (17, Failures::Reconciled),
            _ => (16, Failures::Reconciled),
        };
        report.width = width;
        report.source(&source, Origin::LeftOut, failure);
    }
    Ok(report.text)
}
