//! `gitops source`: fetches what Flux's sources fetch, and shows the artifact that they would make of it.

mod chart;
mod git;
mod oci;
mod summary;
mod tags;

use crate::Failure;
use clap::{Subcommand, ValueEnum};
use gitops_core::artifact::{pack, unpack};
use gitops_core::revision::Revision;
use gitops_core::tree::{FileMode, IgnoreRules, Limits, MemTree, Source};
use gitops_fs::write_below;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Fetch a source and show its revision, digest and files.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Git(Box<git::Args>),
    Oci(Box<oci::Args>),
    Chart(Box<chart::Args>),
    Tags(tags::Args),
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.command {
        Command::Git(args) => git::run(args),
        Command::Oci(args) => oci::run(args),
        Command::Chart(args) => chart::run(args),
        Command::Tags(args) => tags::run(args),
    }
}

/// Flags of every kind of source.
#[derive(clap::Args)]
struct Output {
    /// The form of the summary.
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
    /// Write the artifact's files below a folder.
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// Patterns to leave out, as spec.ignore: one a line, `.sourceignore`'s syntax.
    #[arg(long, value_name = "PATTERNS")]
    ignore: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Json,
}

/// Packs a tree as Flux packs it, prints what came out and exports it where asked.
fn show(url: &str, revision: &Revision, tree: &MemTree, output: &Output) -> Result<(), Failure> {
    let rules = IgnoreRules::load(tree, output.ignore.as_deref())?;
    let artifact = pack(tree, Some(&rules))?;
    if let Some(folder) = &output.export {
        export(&unpack(&artifact.content, Limits::default())?, folder)?;
    }
    match output.output {
        Form::Text => anstream::println!(
            "url       {url}\nrevision  {revision}\ndigest    {}\nsize      {}\nfiles     {}",
            artifact.digest,
            artifact.content.len(),
            artifact.files
        ),
        Form::Json => {
            let summary = serde_json::json!({
                "url": url,
                "revision": revision.to_string(),
                "digest": artifact.digest,
                "size": artifact.content.len(),
                "files": artifact.files,
            });
            anstream::println!("{}", serde_json::to_string_pretty(&summary)?);
        }
    }
    Ok(())
}

/// Writes a tree's files below a folder; programs stay programs.
fn export(tree: &MemTree, folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (path, content) in tree.files() {
        let written = write_below(folder, Path::new(&path), content)?;
        #[cfg(unix)]
        if tree.mode(&path)? == FileMode::Executable {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&written, std::fs::Permissions::from_mode(0o755))?;
        }
        #[cfg(not(unix))]
        let _ = (written, FileMode::Executable);
    }
    Ok(())
}

/// Reads a credential: the flag's value, standard input where it is `-`, or else a variable of the environment.
fn credential(flag: Option<&str>, variable: &str) -> Result<Option<String>, Failure> {
    match flag {
        Some("-") => {
            let mut text = String::new();
            std::io::stdin().read_line(&mut text)?;
            Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
        Some(text) => Ok(Some(text.to_owned())),
        None => Ok(std::env::var(variable).ok().filter(|text| !text.is_empty())),
    }
}

/// Runs what waits for servers to its end.
fn wait<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(work);
    // A call that was given up may still be waiting for a server.
    runtime.shutdown_background();
    Ok(result)
}
