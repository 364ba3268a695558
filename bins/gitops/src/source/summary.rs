//! What was fetched from a registry or repository, as a summary and as files.

use crate::Failure;
use clap::ValueEnum;
use gitops_core::artifact::pack;
use gitops_core::tree::{IgnoreRules, MemTree};
use gitops_fs::write_below;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How a source is shown.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Format {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// What every source shares.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct OutputFlags {
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    /// Write the files below this folder.
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
}

/// What was fetched.
pub(crate) struct Summary<'t> {
    /// Where from, without a login.
    pub url: String,
    /// `main@sha1:…`, `6.6.2@sha256:…`, a chart's version.
    pub revision: String,
    /// The artifact's digest; where `None`, that of the files packed as Flux packs them.
    pub digest: Option<String>,
    /// The files.
    pub tree: &'t MemTree,
    /// Whether Flux's ignore rules apply to the files.
    pub ignored: bool,
    /// Further facts.
    pub metadata: Vec<(String, String)>,
}

impl OutputFlags {
    /// Prints what was fetched, and writes the files where that was asked for.
    pub(crate) fn finish(&self, summary: &Summary<'_>) -> Result<ExitCode, Failure> {
        let rules = if summary.ignored { Some(IgnoreRules::load(summary.tree, None)?) } else { None };
        let (digest, files) = match &summary.digest {
            Some(digest) => (digest.clone(), summary.tree.files().len()),
            None => {
                let artifact = pack(summary.tree, rules.as_ref())?;
                (artifact.digest, artifact.files)
            }
        };
        if let Some(folder) = &self.export {
            export(summary.tree, folder)?;
        }
        match self.output {
            Format::Text => {
                let known = [("url", &summary.url), ("revision", &summary.revision), ("digest", &digest)];
                let known = known
                    .into_iter()
                    .chain(summary.metadata.iter().map(|(key, value)| (key.as_str(), value)));
                for (key, value) in known {
                    anstream::println!("{:<10} {}", format!("{key}:"), gitops_transport::clean(value, &[]));
                }
                anstream::println!("{:<10} {files}", "files:");
            }
            Format::Json => {
                let mut object = Map::new();
                object.insert("url".to_owned(), summary.url.clone().into());
                object.insert("revision".to_owned(), summary.revision.clone().into());
                object.insert("digest".to_owned(), digest.into());
                object.insert("files".to_owned(), files.into());
                if !summary.metadata.is_empty() {
                    let metadata =
                        summary.metadata.iter().map(|(key, value)| (key.clone(), value.clone().into()));
                    object.insert("metadata".to_owned(), Value::Object(metadata.collect()));
                }
                anstream::println!("{}", serde_json::to_string_pretty(&object)?);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Writes a tree's files below a folder; links are not made.
pub(crate) fn export(tree: &MemTree, folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)?;
    for (path, content) in tree.files() {
        write_below(folder, Path::new(&path), content)?;
    }
    Ok(())
}
