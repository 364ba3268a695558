//! `gitops diff`: what a commit will change.
//!
//! Exit codes: 0 nothing differs, 1 something does, 2 it can't be told or something can no longer be rendered.

use crate::fleet::{FleetFlags, Repository, Side, Snapshot, changed_revisions, coloured, commit_tree};
use crate::{Failure, artifact};
use anstyle::{AnsiColor, Style};
use gitops_controllers::fleet::diff::{FleetDiff, Line, LineKind};
use gitops_controllers::fleet::{Cache, KeepNodes, Selector, Severity};
use gitops_fs::Folder;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Show what a change to a repository changes in its clusters: object by object, field by field.
#[derive(clap::Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  # What the edits that are not committed yet would change
  gitops diff

  # What a branch would change, as a comment for its pull request
  gitops diff main..feature -o markdown

  # Two folders
  gitops diff old/ new/

  # An artifact of a registry and a folder
  gitops diff artifact oci://ghcr.io/org/app:1.0 --path ./manifests

  # Only one app
  gitops diff HEAD~1..HEAD --only kustomization/apps

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
}

#[derive(Debug, clap::Subcommand)]
enum Other {
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
    if let Some(Other::Artifact(args)) = &args.other {
        return artifact::diff::run(args);
    }
    compare(args).or_else(|failure| {
        anstream::eprintln!("Error: {failure}");
        Ok(ExitCode::from(2))
    })
}

fn compare(args: &Args) -> Result<ExitCode, Failure> {
    let Sides { root, old, new, inside } = sides(args)?;
    let below = args.fleet.below(&inside);
    let mut cache = Cache::default();
    let before = args.fleet.render_with(&root, old.source(), below, KeepNodes::No, &mut cache)?;
    let after = args.fleet.render_with(&root, new.source(), below, KeepNodes::No, &mut cache)?;
    let mut diff = FleetDiff::between(&before, &after);
    drop((before, after));
    if !args.only.is_empty() {
        diff.changes.retain(|change| {
            args.only.iter().any(|only| only.selects_app(&change.app) || only.selects(&change.id))
        });
    }
    let apps = diff.apps();
    if !apps.is_empty() {
        // Only what differs is rendered once more, to say where each value stands.
        diff.locate(&args.fleet.render_with(&root, new.source(), below, KeepNodes::Of(&apps), &mut cache)?);
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
