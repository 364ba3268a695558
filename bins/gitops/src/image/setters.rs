//! `gitops image list-setters`: which values of a folder have a marker.

use super::files::Tree;
use super::{Output, print, print_json, strictly, warn};
use crate::Failure;
use image_policy::{Limits, Setter, Setters};
use std::path::PathBuf;
use std::process::ExitCode;

/// List the values with an image policy marker, and the markers that do not work
///
/// Exit codes: 0 done, 1 failed, or with --strict something was warned of, 2 the flags were wrong.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  # All markers of a repository
  gitops image list-setters .

  # Fail a pull request that has a marker which Flux would ignore
  gitops image list-setters clusters --strict > /dev/null")]
pub(super) struct Args {
    /// The folder, or a single file
    dir: PathBuf,
    /// Fail when a marker does not work or a file can't be read
    #[arg(long)]
    strict: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let tree = Tree::new(&args.dir)?;
    let mut found = Setters::default();
    tree.each(|file, bytes| {
        found.add(file, bytes, Limits::default());
        Ok(())
    })?;
    match args.output {
        Output::Text => {
            print(&found.setters.iter().map(line).collect::<String>())?;
        }
        Output::Json => {
            let setters = found.setters.iter().map(|setter| {
                serde_json::json!({
                    "file": setter.file, "line": setter.line, "column": setter.column,
                    "object": super::update::object(&setter.object),
                    "path": setter.path, "setter": setter.marker.to_string(), "value": setter.value,
                })
            });
            print_json(&serde_json::json!({
                "setters": setters.collect::<Vec<_>>(),
                "problems": found.problems.iter().map(super::update::problem).collect::<Vec<_>>(),
                "skipped": found.skipped.iter().map(ToString::to_string).collect::<Vec<_>>(),
            }))?;
        }
    }
    warn(&tree.notes);
    warn(&found.problems);
    warn(&found.skipped);
    Ok(strictly(args.strict, found.problems.len() + found.skipped.len()))
}

/// Place, object, path, marker and value, with tabs between.
fn line(setter: &Setter) -> String {
    let object = [&setter.object.kind, &setter.object.namespace, &setter.object.name];
    let object: Vec<&str> = object.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    let Setter { file, line, column, path, marker, value, .. } = setter;
    format!("{file}:{line}:{column}\t{}\t{path}\t{marker}\t{value}\n", object.join("/"))
}
