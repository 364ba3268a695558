//! `gitops get`: objects and their state, in Flux's tables.

mod rows;

pub(crate) use rows::release_revision;

use crate::Failure;
use crate::cluster::{ClusterFlags, Target, list, run as run_async, say, table, within, worded};
use clap::Subcommand;
use gitops_core::ports::{Cluster, ClusterFault, ListOptions, Watch, WatchEvent};
use gitops_kube::KubeCluster;
use gitops_yaml::Node;
use std::process::ExitCode;

/// Show sources, Kustomizations, releases and their state.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops get all -A
  gitops get kustomizations --status-selector ready=false
  gitops get sources git podinfo --watch
  gitops get hr -l app=web --no-header")]
pub(crate) struct Args {
    #[command(flatten)]
    list: ListFlags,
    #[command(flatten)]
    cluster: ClusterFlags,
    #[command(subcommand)]
    what: What,
}

/// Which objects, and how they are shown.
#[derive(clap::Args, Clone, Debug)]
struct ListFlags {
    /// Of all namespaces.
    #[arg(long, short = 'A', global = true)]
    all_namespaces: bool,
    /// Only those with these labels.
    #[arg(
        long,
        short = 'l',
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "SELECTOR"
    )]
    label_selector: String,
    /// Leave out the titles.
    #[arg(long, global = true)]
    no_header: bool,
    /// Only those with this condition: ready=false, ready!=true.
    #[arg(long, global = true, default_value = "", hide_default_value = true, value_name = "CONDITION")]
    status_selector: String,
    /// Go on showing changes.
    #[arg(long, short, global = true)]
    watch: bool,
}

#[derive(clap::Args, Clone, Debug)]
struct One {
    /// Only the object of this name.
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

#[derive(clap::Args, Clone, Debug)]
struct Sourced {
    /// Only the object of this name.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Show the source too.
    #[arg(long)]
    show_source: bool,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Everything.
    All(One),
    /// Alerts.
    #[command(visible_alias = "alert")]
    Alerts(One),
    /// Providers of alerts.
    #[command(visible_alias = "alert-provider")]
    AlertProviders(One),
    /// Artifacts that are made of others.
    #[command(subcommand, visible_alias = "artifact")]
    Artifacts(Artifacts),
    /// Helm releases.
    #[command(visible_aliases = ["hr", "helmrelease"])]
    Helmreleases(Sourced),
    /// Image repositories, policies and automations.
    #[command(subcommand, visible_alias = "image")]
    Images(Images),
    /// Kustomizations.
    #[command(visible_aliases = ["ks", "kustomization"])]
    Kustomizations(Sourced),
    /// Receivers of web hooks.
    #[command(visible_alias = "receiver")]
    Receivers(One),
    /// Sources.
    #[command(subcommand, visible_alias = "source")]
    Sources(Sources),
}

#[derive(Subcommand, Debug)]
enum Artifacts {
    /// Generators of artifacts.
    #[command(visible_alias = "generator")]
    Generators(One),
}

#[derive(Subcommand, Debug)]
enum Images {
    /// All of them.
    All(One),
    /// Image policies.
    Policy(One),
    /// Image repositories.
    Repository(One),
    /// Image update automations.
    Update(One),
}

#[derive(Subcommand, Debug)]
enum Sources {
    /// All of them.
    All(One),
    /// Buckets.
    Bucket(One),
    /// Helm charts.
    Chart(One),
    /// External artifacts.
    External(One),
    /// Git repositories.
    Git(One),
    /// Helm repositories.
    Helm(One),
    /// OCI repositories.
    Oci(One),
}

const SOURCES: [Target; 6] =
    [Target::Oci, Target::Bucket, Target::Git, Target::Helm, Target::Chart, Target::External];
const IMAGES: [Target; 3] = [Target::ImageRepository, Target::ImagePolicy, Target::ImageUpdate];
const OTHERS: [Target; 5] =
    [Target::HelmRelease, Target::Kustomization, Target::Receiver, Target::AlertProvider, Target::Alert];

/// What is listed.
struct Listing<'a> {
    targets: Vec<Target>,
    is_all: bool,
    name: Option<&'a str>,
    show_source: bool,
}

impl What {
    fn listing(&self) -> Listing<'_> {
        fn one<'a>(target: Target, one: &'a One) -> Listing<'a> {
            Listing { targets: vec![target], is_all: false, name: one.name.as_deref(), show_source: false }
        }
        fn all<'a>(targets: &[Target], one: &'a One) -> Listing<'a> {
            Listing { targets: targets.to_vec(), is_all: true, name: one.name.as_deref(), show_source: false }
        }
        fn sourced<'a>(target: Target, args: &'a Sourced) -> Listing<'a> {
            Listing {
                targets: vec![target],
                is_all: false,
                name: args.name.as_deref(),
                show_source: args.show_source,
            }
        }
        match self {
            Self::All(args) => all(&[&SOURCES[..], &IMAGES, &OTHERS].concat(), args),
            Self::Alerts(args) => one(Target::Alert, args),
            Self::AlertProviders(args) => one(Target::AlertProvider, args),
            Self::Artifacts(Artifacts::Generators(args)) => one(Target::Generator, args),
            Self::Helmreleases(args) => sourced(Target::HelmRelease, args),
            Self::Images(Images::All(args)) => all(&IMAGES, args),
            Self::Images(Images::Policy(args)) => one(Target::ImagePolicy, args),
            Self::Images(Images::Repository(args)) => one(Target::ImageRepository, args),
            Self::Images(Images::Update(args)) => one(Target::ImageUpdate, args),
            Self::Kustomizations(args) => sourced(Target::Kustomization, args),
            Self::Receivers(args) => one(Target::Receiver, args),
            Self::Sources(Sources::All(args)) => all(&SOURCES, args),
            Self::Sources(Sources::Bucket(args)) => one(Target::Bucket, args),
            Self::Sources(Sources::Chart(args)) => one(Target::Chart, args),
            Self::Sources(Sources::External(args)) => one(Target::External, args),
            Self::Sources(Sources::Git(args)) => one(Target::Git, args),
            Self::Sources(Sources::Helm(args)) => one(Target::Helm, args),
            Self::Sources(Sources::Oci(args)) => one(Target::Oci, args),
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    run_async(within(args.cluster.timeout.0, get(args)))
}

async fn get(args: &Args) -> Result<ExitCode, Failure> {
    let listing = args.what.listing();
    if listing.is_all && args.list.watch {
        return Err("expected a single resource type, but found all".into());
    }
    let filter = Filter::read(&args.list.status_selector)?;
    let cluster = args.cluster.connect().await?;
    let namespace = args.cluster.namespace();
    let query = Query { args, listing, filter, namespace };
    if args.list.watch {
        query.watch(&cluster).await?;
        return Ok(ExitCode::SUCCESS);
    }
    for &target in &query.listing.targets {
        let shown = query.show(&cluster, target).await;
        match shown {
            Err(why) if query.listing.is_all => say::failure(why),
            shown => shown?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

struct Query<'a> {
    args: &'a Args,
    listing: Listing<'a>,
    filter: Option<Filter>,
    namespace: String,
}

impl Query<'_> {
    async fn show(&self, cluster: &KubeCluster, target: Target) -> Result<(), Failure> {
        let kind = target.info();
        let flags = &self.args.list;
        let of = (!flags.all_namespaces).then_some(self.namespace.as_str());
        let mut objects = match list(cluster, kind, of, &flags.label_selector).await {
            Ok(objects) => objects,
            Err(why) if why.fault == ClusterFault::UnknownKind && self.listing.is_all => return Ok(()),
            Err(why) => return Err(worded(why)),
        };
        if let Some(name) = self.listing.name {
            objects.retain(|object| crate::cluster::text(object, &["metadata", "name"]) == name);
        }
        let place = if flags.all_namespaces { "any".to_owned() } else { format!("{:?}", self.namespace) };
        if objects.is_empty() && (!self.listing.is_all || self.listing.name.is_some()) {
            let kind = kind.kind;
            return Err(match self.listing.name {
                Some(name) => format!("{kind} object '{name}' not found in {place} namespace").into(),
                None => format!("no {kind} objects found in {place} namespace").into(),
            });
        }
        let rows = self.rows(target, &objects);
        if self.listing.is_all && rows.is_empty() {
            return Ok(());
        }
        anstream::print!("{}", table::print(&self.header(target), &rows));
        if self.listing.is_all {
            anstream::println!();
        }
        Ok(())
    }

    fn header(&self, target: Target) -> Vec<&'static str> {
        let flags = &self.args.list;
        if flags.no_header {
            return Vec::new();
        }
        rows::header(target, flags.all_namespaces, self.listing.show_source)
    }

    fn rows(&self, target: Target, objects: &[Node]) -> Vec<Vec<String>> {
        let shape = rows::Shape {
            namespace: self.args.list.all_namespaces,
            kind: self.listing.is_all,
            source: self.listing.show_source,
        };
        objects
            .iter()
            .filter(|object| self.filter.as_ref().is_none_or(|filter| filter.takes(target, object)))
            .map(|object| rows::row(target, object, shape))
            .collect()
    }

    /// Shows each object once, and again whenever it changes, until the server or the time ends it.
    async fn watch(&self, cluster: &KubeCluster) -> Result<(), Failure> {
        let Some(&target) = self.listing.targets.first() else { return Ok(()) };
        let gvk = target.info().gvk();
        let flags = &self.args.list;
        let options = ListOptions {
            namespace: (!flags.all_namespaces).then(|| self.namespace.as_str().into()),
            labels: flags.label_selector.clone(),
            fields: self.listing.name.map(|name| format!("metadata.name={name}")).unwrap_or_default(),
            metadata_only: false,
        };
        let known = cluster.list(&gvk, &options).await.map_err(worded)?;
        let mut header = self.header(target);
        for object in &known.items {
            self.tell(target, object, &mut header);
        }
        let mut watch = cluster.watch(&gvk, &options, &known.resource_version).await.map_err(worded)?;
        while let Some(event) = watch.next().await {
            if let WatchEvent::Added(object) | WatchEvent::Modified(object) = event.map_err(worded)? {
                self.tell(target, &object, &mut header);
            }
        }
        Ok(())
    }

    fn tell(&self, target: Target, object: &Node, header: &mut Vec<&'static str>) {
        let rows = self.rows(target, std::slice::from_ref(object));
        if !rows.is_empty() {
            anstream::print!("{}", table::print(&std::mem::take(header), &rows));
        }
    }
}

/// A condition that objects must have, or must not have.
struct Filter {
    condition: String,
    status: String,
    is_negated: bool,
}

impl Filter {
    fn read(text: &str) -> Result<Option<Self>, Failure> {
        if text.is_empty() {
            return Ok(None);
        }
        let (parts, is_negated) = match text.split_once("!=") {
            Some(parts) => (Some(parts), true),
            None => (text.split_once('='), false),
        };
        let Some((condition, status)) = parts else {
            return Err(format!(
                "expected status selector in type=status or type!=status format, but found: {text}"
            )
            .into());
        };
        Ok(Some(Self { condition: condition.to_owned(), status: status.to_owned(), is_negated }))
    }

    fn takes(&self, target: Target, object: &Node) -> bool {
        let matches = if target.info().is_static() {
            self.condition.eq_ignore_ascii_case("ready") && self.status.eq_ignore_ascii_case("true")
        } else {
            crate::cluster::ready::condition(object, &self.condition).is_some_and(|condition| {
                crate::cluster::text(condition, &["status"]).eq_ignore_ascii_case(&self.status)
            })
        };
        matches != self.is_negated
    }
}
