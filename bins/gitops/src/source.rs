//! `gitops source`: fetches what Flux's sources fetch, and shows the artifact that they would make of it.

mod chart;
mod git;
mod oci;
mod tags;

use crate::Failure;
use clap::{Subcommand, ValueEnum};
use gitops_core::artifact::{pack, unpack};
use gitops_core::tree::{IgnoreRules, Limits, MemTree};
use gitops_fs::export;
use std::path::PathBuf;
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
    Tags(Box<tags::Args>),
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

/// What was fetched.
struct Summary {
    /// Where from, without a login.
    url: String,
    /// `main@sha1:…`, `6.6.2@sha256:…`, a chart's version.
    revision: String,
    /// Further facts.
    facts: Vec<(String, String)>,
}

impl Summary {
    fn new(url: impl Into<String>, revision: impl Into<String>) -> Self {
        Self { url: url.into(), revision: revision.into(), facts: Vec::new() }
    }

    /// Prints what was fetched, and exports the files where asked.
    fn show(&self, digest: &str, size: usize, tree: &MemTree, output: &Output) -> Result<(), Failure> {
        if let Some(folder) = &output.export {
            export(tree, folder)?;
        }
        let files = tree.files().len();
        match output.output {
            Form::Text => {
                let Self { url, revision, .. } = self;
                anstream::println!(
                    "url       {url}\nrevision  {revision}\ndigest    {digest}\nsize      {size}\nfiles     {files}"
                );
                for (name, value) in &self.facts {
                    // What others have written could be anything on a terminal.
                    anstream::println!("{name:<9} {}", gitops_transport::clean(value, &[]));
                }
            }
            Form::Json => {
                let mut summary = serde_json::json!({
                    "url": self.url,
                    "revision": self.revision,
                    "digest": digest,
                    "size": size,
                    "files": files,
                });
                if !self.facts.is_empty() {
                    let facts = self.facts.iter().map(|(name, value)| (name.clone(), value.clone().into()));
                    summary["metadata"] = serde_json::Value::Object(facts.collect());
                }
                anstream::println!("{}", serde_json::to_string_pretty(&summary)?);
            }
        }
        Ok(())
    }
}

/// Packs a tree as Flux packs it, prints what came out and exports it where asked.
fn show(summary: &Summary, tree: &MemTree, output: &Output) -> Result<(), Failure> {
    let rules = IgnoreRules::load(tree, output.ignore.as_deref())?;
    let artifact = pack(tree, Some(&rules))?;
    let kept = unpack(&artifact.content, Limits::default())?;
    summary.show(&artifact.digest, artifact.content.len(), &kept, output)
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
