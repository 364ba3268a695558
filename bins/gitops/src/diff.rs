//! `gitops diff`: what a commit will change, in the repository's clusters or in a running one.
//!
//! Exit codes: 0 nothing differs, 1 something does, 2 it can't be told or something can no longer be rendered.

mod kustomization;

use crate::cluster::{ClusterFlags, within, worded};
use crate::fleet::{
    FleetFlags, Repository, Side, Snapshot, changed_revisions, coloured, commit_tree, report,
};
use crate::remote::wait;
use crate::{Failure, artifact};
use anstyle::{AnsiColor, Style};
use gitops_controller::SystemClock;
use gitops_controllers::fleet::diff::{FleetDiff, Line, LineKind};
use gitops_controllers::fleet::{Cache, KeepNodes, Rendered, Selector, Severity, live};
use gitops_fs::Folder;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Show what a change to a repository changes in its clusters: object by object, field by field.
#[derive(clap::Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    // The flags of clusters are for comparing with one, and not for what is below.
    mut_args(|arg| arg.global(false)),
    mut_arg("cluster", |arg| {
        let help = "Compare with a running cluster: that of the kubeconfig's context, or the kubeconfig's cluster NAME. \
                    Nothing is written: the server answers dry runs.";
        arg.num_args(0..=1).require_equals(true).default_missing_value("").hide_short_help(false).help(help)
    }),
    after_help = "Examples:
  # What the edits that are not committed yet would change
  gitops diff

  # What a branch would change, as a comment for its pull request
  gitops diff main..feature -o markdown

  # What the files would change in the cluster of the current context, by dry runs of the server
  gitops diff --cluster
  gitops diff main --cluster --context production --path clusters/production

  # Two folders
  gitops diff old/ new/

  # An artifact of a registry and a folder
  gitops diff artifact oci://ghcr.io/org/app:1.0 --path ./manifests

  # Only one app
  gitops diff HEAD~1..HEAD --only kustomization/apps

  # A folder and what a Kustomization of the cluster has made of it
  gitops diff kustomization apps --path ./apps/production

Exit codes: 0 nothing changes, 1 something does, 2 it can't be told"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    other: Option<Other>,
    /// Revisions FROM..TO, one revision to compare with the files, or two folders; HEAD by default.
    #[arg(value_name = "REVISIONS|FOLDER", num_args = 0..=2)]
    sides: Vec<String>,
    /// A folder of the repository.
    #[arg(short = 'C', long = "directory", value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
    /// Only show this app or object: KIND/[NAMESPACE/]NAME (repeatable).
    #[arg(long, value_name = "SELECTOR")]
    only: Vec<Selector>,
    /// The most bytes that Markdown may have.
    #[arg(long, value_name = "BYTES", default_value_t = 60_000)]
    limit: usize,
    #[command(flatten)]
    fleet: FleetFlags,
    #[command(flatten)]
    cluster: ClusterFlags,
}

#[derive(Debug, clap::Subcommand)]
enum Other {
    #[command(visible_alias = "ks")]
    Kustomization(Box<kustomization::Args>),
    Artifact(Box<artifact::diff::Args>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Fields, in colour on terminals.
    Text,
    /// Manifests, as a unified diff.
    #[value(alias = "yaml")]
    Unified,
    /// A comment for a pull request.
    Markdown,
    Json,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let outcome = match &args.other {
        Some(Other::Artifact(args)) => return artifact::diff::run(args),
        Some(Other::Kustomization(args)) => kustomization::run(args),
        None => compare(args),
    };
    outcome.or_else(|failure| {
        anstream::eprintln!("Error: {failure}");
        Ok(ExitCode::from(2))
    })
}

fn compare(args: &Args) -> Result<ExitCode, Failure> {
    if args.cluster.is_named() {
        return with_cluster(args);
    }
    let Sides { root, old, new, inside } = sides(args)?;
    let below = args.fleet.below(&inside);
    let mut cache = Cache::default();
    let before = args.fleet.render_with(&root, old.source(), below, KeepNodes::No, &mut cache)?;
    let after = args.fleet.render_with(&root, new.source(), below, KeepNodes::No, &mut cache)?;
    let diff = FleetDiff::between(&before, &after);
    drop((before, after));
    show(args, diff, |keep| args.fleet.render_with(&root, new.source(), below, keep, &mut cache))
}

/// Compares what is rendered with what a cluster has.
fn with_cluster(args: &Args) -> Result<ExitCode, Failure> {
    let repository = Repository::find(&args.folder)?;
    let side = match &args.sides[..] {
        [] => Side::Folder(Box::new(repository.folder)),
        [one] if Path::new(one).is_dir() => Side::Folder(Box::new(Snapshot::new(Folder::new(one)?))),
        [one] if !one.contains("..") => Side::Commit(commit_tree(&repository.root, one)?),
        _ => return Err("a cluster is compared with one revision".into()),
    };
    let below = args.fleet.below(&repository.inside);
    let mut cache = Cache::default();
    let mut render = |keep: KeepNodes<'_>| {
        args.fleet.render_with(&repository.root, side.source(), below, keep, &mut cache)
    };
    let rendered = render(KeepNodes::No)?;
    if let [_, _, ..] = &rendered.clusters[..] {
        let names: Vec<&str> = rendered.clusters.iter().map(|name| &**name).collect();
        let names = names.join(", ");
        return Err(format!("the repository is for several clusters: name one with --path: {names}").into());
    }
    let errors = report(&rendered);
    let work = async {
        let cluster = args.cluster.connect().await?;
        live::compare(&rendered, &cluster, &SystemClock).await.map_err(worded)
    };
    let diff = wait(within(args.cluster.timeout.0, work))??;
    let code = show(args, diff, &mut render)?;
    Ok(if errors > 0 { ExitCode::from(2) } else { code })
}

/// Prints what differs, and says it by the exit code.
fn show(
    args: &Args,
    mut diff: FleetDiff,
    mut render: impl FnMut(KeepNodes<'_>) -> Result<Rendered, Failure>,
) -> Result<ExitCode, Failure> {
    if !args.only.is_empty() {
        diff.changes.retain(|change| {
            args.only.iter().any(|only| only.selects_app(&change.app) || only.selects(&change.id))
        });
    }
    let apps = diff.apps();
    if !apps.is_empty() {
        // Only what differs is rendered once more, to say where each value stands.
        diff.locate(&render(KeepNodes::Of(&apps))?);
    }
    match args.output {
        Format::Text => print_text(&diff),
        Format::Unified => print!("{}", diff.to_unified()),
        Format::Markdown => print!("{}", diff.to_markdown(args.limit)),
        Format::Json => print!("{}", diff.to_json()),
    }
    Ok(if diff.has_new_errors() || !diff.broken.is_empty() {
        ExitCode::from(2)
    } else if diff.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The two trees.
struct Sides {
    /// The repository's root, where the lock file is.
    root: PathBuf,
    old: Side,
    new: Side,
    /// The folder in them that was named.
    inside: String,
}

fn sides(args: &Args) -> Result<Sides, Failure> {
    if let [old, new] = &args.sides[..]
        && Path::new(old).is_dir()
        && Path::new(new).is_dir()
    {
        let side =
            |path: &String| Ok::<_, Failure>(Side::Folder(Box::new(Snapshot::new(Folder::new(path)?))));
        return Ok(Sides { root: new.into(), old: side(old)?, new: side(new)?, inside: ".".to_owned() });
    }
    let repository = Repository::find(&args.folder)?;
    let (from, to) = match &args.sides[..] {
        [] => ("HEAD".to_owned(), None),
        [one] => changed_revisions(one),
        [from, to, ..] => (from.clone(), Some(to.clone())),
    };
    let old = Side::Commit(commit_tree(&repository.root, &from)?);
    let new = match to {
        Some(to) => Side::Commit(commit_tree(&repository.root, &to)?),
        None => Side::Folder(Box::new(repository.folder)),
    };
    Ok(Sides { root: repository.root, old, new, inside: repository.inside })
}

fn print_text(diff: &FleetDiff) {
    for line in diff.to_lines() {
        anstream::println!("{}", painted(&line));
    }
    for app in &diff.broken {
        anstream::println!("! {app} can no longer be rendered: its objects are not compared");
    }
    for (app, gap) in &diff.new_problems {
        if gap.severity > Severity::Note {
            let app = app.as_ref().map(|id| format!(" [{id}]")).unwrap_or_default();
            anstream::println!("new {}{app}", coloured(gap));
        }
    }
    for (_, gap) in diff.solved.iter().filter(|(_, gap)| gap.severity > Severity::Note) {
        anstream::println!("solved {}", coloured(gap));
    }
    if !diff.changes.is_empty() {
        println!();
    }
    println!("{}", if diff.is_empty() { "no changes".to_owned() } else { diff.summary() });
}

fn painted(line: &Line) -> String {
    let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
    let style = match line.kind {
        LineKind::Heading => Style::new().bold(),
        LineKind::Added => colour(AnsiColor::Green),
        LineKind::Removed => colour(AnsiColor::Red),
        LineKind::Changed => colour(AnsiColor::Yellow),
        LineKind::Place => Style::new().dimmed(),
        _ => Style::new(),
    };
    format!("{style}{}{style:#}", line.text)
}
