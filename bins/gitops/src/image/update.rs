//! `gitops image update`: write images into the files of a folder.

use super::files::Tree;
use super::{Output, print, print_json, strictly, warn};
use crate::Failure;
use image_policy::{ChosenImage, Mode, ObjectId, Policies, Problem, Update, Updater};
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Write images into the values that have a marker, and print what changed
///
/// Only the bytes of those values change: comments, indentation, line endings and everything else stay.
///
/// Exit codes: 0 done, 1 failed, or with --strict something was warned of, 2 the flags were wrong, 3 with
/// --exit-code files changed or would change.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  # See what a release would change
  gitops image update clusters --policy flux-system:app=ghcr.io/org/app:1.2.3 --dry-run

  # Write it, with a digest
  gitops image update clusters --policy flux-system:app=ghcr.io/org/app:1.2.3@sha256:0d5f…

  # Write the very bytes that Flux would commit
  gitops image update clusters --policy flux-system:app=ghcr.io/org/app:1.2.3 --flux-format")]
pub(super) struct Args {
    /// The folder, or a single file
    dir: PathBuf,
    /// A policy and the image that it chose; may be repeated
    #[arg(long, value_name = "NS:NAME=IMAGE:TAG[@DIGEST]", required = true)]
    policy: Vec<ChosenImage>,
    /// Print what would change and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write changed files whole, as Flux does
    #[arg(long)]
    flux_format: bool,
    /// Fail when a marker sets nothing or a file can't be read
    #[arg(long)]
    strict: bool,
    /// Exit with 3 when files changed or would change
    #[arg(long)]
    exit_code: bool,
    /// How to print: the difference, or what changed as JSON
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

const REMOVED: anstyle::Style = anstyle::AnsiColor::Red.on_default();
const ADDED: anstyle::Style = anstyle::AnsiColor::Green.on_default();
const PLACE: anstyle::Style = anstyle::AnsiColor::Cyan.on_default();

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mut policies = Policies::default();
    for chosen in &args.policy {
        policies.choose(chosen.clone())?;
    }
    let tree = Tree::new(&args.dir)?;
    let mode = if args.flux_format { Mode::Flux } else { Mode::Minimal };
    let mut updater = Updater::new(&policies).mode(mode);
    tree.each(|file, bytes| Ok(updater.file(file, bytes)?))?;
    let update = updater.finish();
    match args.output {
        Output::Text => print_difference(&tree, &update)?,
        Output::Json => print_json(&as_json(&update))?,
    }
    if !args.dry_run {
        for (file, text) in update.files() {
            tree.write(file, text)?;
        }
    }
    warn(&tree.notes);
    warn(update.problems());
    warn(update.skipped());
    if args.exit_code && update.files().next().is_some() {
        return Ok(ExitCode::from(3));
    }
    Ok(strictly(args.strict, update.problems().len() + update.skipped().len()))
}

fn print_difference(tree: &Tree, update: &Update) -> Result<(), Failure> {
    for (file, new) in update.files() {
        let old = tree.read(file)?;
        let mut text = format!("--- a/{file}\n+++ b/{file}\n");
        let difference = TextDiff::from_lines(old.as_str(), new);
        for hunk in difference.unified_diff().context_radius(2).iter_hunks() {
            writeln!(text, "{PLACE}{}{PLACE:#}", hunk.header())?;
            for change in hunk.iter_changes() {
                let (sign, style) = match change.tag() {
                    ChangeTag::Delete => ('-', REMOVED),
                    ChangeTag::Insert => ('+', ADDED),
                    ChangeTag::Equal => (' ', anstyle::Style::new()),
                };
                let line = change.value().trim_end_matches(['\r', '\n']);
                writeln!(text, "{style}{sign}{line}{style:#}")?;
                if change.missing_newline() {
                    text.push_str("\\ No newline at end of file\n");
                }
            }
        }
        print(&text)?;
    }
    Ok(())
}

fn as_json(update: &Update) -> Value {
    let mut changes = Vec::new();
    for (file, objects) in update.changes().files() {
        for (id, all) in objects {
            for change in all {
                changes.push(json!({
                    "file": file, "line": change.line, "object": object(id),
                    "old": change.old_value, "new": change.new_value, "setter": change.setter,
                }));
            }
        }
    }
    json!({
        "changes": changes,
        "problems": update.problems().iter().map(problem).collect::<Vec<_>>(),
        "skipped": update.skipped().iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

pub(super) fn object(id: &ObjectId) -> Value {
    json!({ "apiVersion": id.api_version, "kind": id.kind, "name": id.name, "namespace": id.namespace })
}

pub(super) fn problem(problem: &Problem) -> Value {
    json!({
        "file": problem.file, "line": problem.line, "column": problem.column,
        "message": problem.problem.to_string(),
    })
}
