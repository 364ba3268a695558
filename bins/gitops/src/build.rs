//! `gitops build`: what `kustomize build` does, with its flags.

mod artifact;
mod charts;
mod kustomization;
pub(crate) mod login;
mod remote;
mod world;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use gitops_fs::{Folder, write_below};
use kustomize_rs::{Build, LoadRestrictions, ManagedBy, Options, Output, Remote, Reorder, Resource, Scopes};

use self::charts::Charts;
use self::remote::Remotes;
use self::world::{FETCHED, World};
use crate::Failure;
use crate::printable::Printable;

/// Build kustomizations and print the resources; with a word behind it a Flux Kustomization, or an artifact.
#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  # The kustomization of this directory
  gitops build

  # An overlay, into a file
  gitops build overlays/production -o production.yaml

  # One file a resource
  mkdir out && gitops build overlays/production -o out

  # A repository of git, at a tag
  gitops build 'https://github.com/org/repo//deploy/base?ref=v1.2.0'

  # Several at once
  gitops build apps/web apps/api | kubectl apply -f -

  # What a Flux Kustomization makes of a folder; a directory that is called so is ./kustomization
  gitops build kustomization apps --path ./apps/production --kustomization-file apps.yaml --dry-run"
)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of kustomize")]
pub(crate) struct Args {
    #[command(subcommand)]
    other: Option<Other>,
    /// Directories or repositories that hold a kustomization; this directory where none is named.
    #[arg(value_name = "DIR|URL")]
    paths: Vec<String>,
    /// Write to a file, or one file a resource into an existing directory.
    #[arg(short, long, value_name = "FILE|DIR")]
    output: Option<PathBuf>,
    /// Which files a kustomization may load.
    #[arg(long, value_enum, default_value_t = Restrictor::LoadRestrictionsRootOnly)]
    load_restrictor: Restrictor,
    /// Allow helmCharts.
    #[arg(long)]
    enable_helm: bool,
    /// Accepted for scripts: charts are rendered here, and no program is run.
    #[arg(long, value_name = "PROGRAM", default_value = "helm", hide = true)]
    helm_command: String,
    /// API versions that charts may ask for.
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    helm_api_versions: Vec<String>,
    /// The version of Kubernetes that charts may ask for.
    #[arg(long, value_name = "VERSION", default_value = "")]
    helm_kube_version: String,
    /// Accepted for scripts.
    #[arg(long, hide = true)]
    helm_debug: bool,
    /// The order of the resources.
    #[arg(long, value_enum)]
    reorder: Option<Order>,
    /// Add the label app.kubernetes.io/managed-by.
    #[arg(long)]
    enable_managedby_label: bool,
    /// Accepted for scripts: plugins that are programs or containers are refused in any case.
    #[arg(long, hide = true)]
    enable_alpha_plugins: bool,
    /// Accepted for scripts, as above.
    #[arg(long, hide = true)]
    enable_exec: bool,
    /// Accepted for scripts, as above.
    #[arg(long, hide = true)]
    network: bool,
    /// Accepted for scripts, as above.
    #[arg(long, value_name = "NAME", default_value = "bridge", hide = true)]
    network_name: String,
    /// Accepted for scripts, as above.
    #[arg(long, value_name = "MOUNT", hide = true)]
    mount: Vec<String>,
    /// Accepted for scripts, as above.
    #[arg(short, long, value_name = "KEY=VALUE", hide = true)]
    env: Vec<String>,
    /// Accepted for scripts, as above.
    #[arg(long, hide = true)]
    as_current_user: bool,
    /// Accepted for scripts: errors name file, line and column instead.
    #[arg(long, hide = true)]
    stack_trace: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Other {
    #[command(visible_alias = "ks")]
    Kustomization(Box<kustomization::Args>),
    Artifact(Box<artifact::Args>),
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(clippy::enum_variant_names, reason = "kustomize's own words")]
enum Restrictor {
    #[value(name = "LoadRestrictionsRootOnly", alias = "rootOnly")]
    LoadRestrictionsRootOnly,
    #[value(name = "LoadRestrictionsNone", alias = "none")]
    LoadRestrictionsNone,
}

#[derive(Clone, Copy, ValueEnum)]
enum Order {
    None,
    Legacy,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.other {
        Some(Other::Kustomization(args)) => return kustomization::run(args),
        Some(Other::Artifact(args)) => return artifact::run(args),
        None => {}
    }
    let here = [".".to_owned()];
    let paths = if args.paths.is_empty() { &here[..] } else { &args.paths };
    let mut world = World::new(Folder::new("/")?.remembering());
    let mut remotes = Remotes::default();
    let mut outputs = Vec::new();
    for path in paths {
        let output = build(&mut world, &mut remotes, path, args)?;
        for warning in output.warnings() {
            anstream::eprintln!("{}", Printable(warning));
        }
        for note in output.notes() {
            anstream::eprintln!("note: {}", Printable(shorter(note)));
        }
        outputs.push(output);
    }
    if let Some(directory) = args.output.as_ref().filter(|path| path.is_dir()) {
        for output in &outputs {
            write_files(output, directory)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut sink: Box<dyn std::io::Write> = match &args.output {
        Some(path) => {
            Box::new(std::fs::File::create(path).map_err(|error| format!("{}: {error}", path.display()))?)
        }
        None => Box::new(std::io::stdout().lock()),
    };
    // Nothing is written before all of it could be printed: a half of the manifests is worse than none.
    let mut chunks: Vec<String> = Vec::new();
    let mut text = String::new();
    for resource_and_output in
        outputs.iter().flat_map(|output| output.resources().iter().map(move |r| (r, output)))
    {
        let (resource, output) = resource_and_output;
        if !chunks.is_empty() || !text.is_empty() {
            text.push_str("---\n");
        }
        output.append_yaml(resource, &mut text)?;
        if text.len() > CHUNK {
            chunks.push(std::mem::take(&mut text));
        }
    }
    chunks.push(text);
    // The process ends: giving back node by node what it holds would be a tenth of a large build.
    std::mem::forget(outputs);
    for chunk in chunks {
        match sink.write_all(chunk.as_bytes()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => break,
            result => result?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds one kustomization. What it needs from elsewhere is fetched when the build asks for it: one that needs nothing does
/// not pay for the question.
fn build(world: &mut World, remotes: &mut Remotes, path: &str, args: &Args) -> Result<Output, Failure> {
    // A path that is there is a path; anything else may be the URL of a remote base.
    let local = Path::new(path);
    let path = match std::path::absolute(local) {
        Ok(absolute)
            if local.exists() || Remote::parse(path).is_none_or(|remote| remote.repository.is_none()) =>
        {
            absolute.to_string_lossy().into_owned()
        }
        _ => path.to_owned(),
    };
    let mut options = options(args);
    loop {
        options.remotes.clone_from(&remotes.mounted);
        let charts = Charts(world);
        let mut build = Build::new(&*world).options(options.clone());
        if args.enable_helm {
            build = build.charts(&charts);
        }
        let error = match build.run(&path) {
            Ok(output) => return Ok(output),
            Err(error) => error,
        };
        if let Some(chart) = error.needed_chart() {
            let place = shorter(error.location());
            charts::fetch(chart, world).map_err(|failure| format!("{place}: {failure}"))?;
            continue;
        }
        let Some(needed) = error.needed_remote() else { return Err(shorter(&error.to_string()).into()) };
        // All that is known to be missing is fetched at once.
        let mut missing = build.remotes(&path).unwrap_or_default();
        if !missing.iter().any(|url| url == needed) {
            missing.push(needed.to_owned());
        }
        // Of several, the place of this one says nothing about the one that failed.
        let place = if missing.len() == 1 { shorter(error.location()) } else { String::new() };
        remotes.fetch(&missing, world).map_err(|failure| match place.as_str() {
            "" => failure,
            place => format!("{place}: {failure}").into(),
        })?;
    }
}

fn options(args: &Args) -> Options {
    let mut options = Options::default();
    options.working_directory = "/".to_owned();
    if args.load_restrictor == Restrictor::LoadRestrictionsNone {
        options.load_restrictions = LoadRestrictions::None;
    }
    options.reorder = args.reorder.map(|order| match order {
        Order::None => Reorder::None,
        Order::Legacy => Reorder::Legacy,
    });
    options.managed_by = args.enable_managedby_label.then(ManagedBy::default);
    options.alpha_plugins = args.enable_alpha_plugins;
    options.helm.api_versions.clone_from(&args.helm_api_versions);
    options.helm.kube_version.clone_from(&args.helm_kube_version);
    options.helm.debug = args.helm_debug;
    options
}

/// Shows paths below the current directory as the user would type them, and those of fetched trees by their URLs.
fn shorter(text: &str) -> String {
    let text = &text.replace(&format!("/{FETCHED}"), "");
    match std::env::current_dir() {
        Ok(here) if here.parent().is_some() => text.replace(&format!("{}/", here.display()), ""),
        _ => text.clone(),
    }
}

/// Bytes of output that are kept in one piece.
const CHUNK: usize = 60 << 10;

/// Writes one file a resource, named as kustomize names them.
fn write_files(output: &Output, directory: &Path) -> Result<(), Failure> {
    let scopes = Scopes::default();
    let namespace = |resource: &Resource| {
        let is_cluster_scoped = scopes.is_cluster_scoped(&resource.gvk());
        (!is_cluster_scoped).then(|| match resource.namespace() {
            name if name.is_empty() => "default".to_owned(),
            name => name.to_string(),
        })
    };
    let namespaces: BTreeSet<String> = output.resources().iter().filter_map(namespace).collect();
    for resource in output.resources() {
        let gvk = resource.gvk();
        let name = resource.name();
        let parts = [&gvk.group, &gvk.version, &gvk.kind, &name];
        let mut file = parts
            .map(|part| part.to_lowercase())
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>();
        if let Some(namespace) = namespace(resource).filter(|_| namespaces.len() > 1) {
            file.insert(0, namespace.to_lowercase());
        }
        let mut text = String::new();
        output.append_yaml(resource, &mut text)?;
        // A name may hold what a path must not: a role's colon is fine, a slash is not.
        let file = file.join("_").replace('/', "_") + ".yaml";
        write_below(directory, Path::new(&file), text.as_bytes())?;
    }
    Ok(())
}
