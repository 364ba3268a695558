//! `gitops kustomize`: kustomize's own commands under the names that its users know.

pub(crate) mod create;
pub(crate) mod edit;

use std::process::ExitCode;

use clap::Subcommand;
use gitops_fs::{Folder, write_below};
use kustomize_rs::edit::KustomizationFile;

use crate::{Failure, build};

/// Create, edit and build kustomizations, as kustomize's commands do.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # A kustomization of the manifests of this directory
  gitops kustomize create --autodetect --namespace staging

  # Another image, comments kept
  gitops kustomize edit set image nginx=registry.example.org/nginx:1.29")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
#[allow(clippy::large_enum_variant, reason = "parsed once")]
enum Command {
    Build(build::Args),
    #[command(alias = "init")]
    Create(create::Args),
    Edit(edit::Args),
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.command {
        Command::Build(args) => build::run(args),
        Command::Create(args) => create::run(args),
        Command::Edit(args) => edit::run(args),
    }
}

/// The directory in which the command runs, and the disk around it: arguments may lead to directories beside it.
struct Here {
    disk: Folder,
    path: String,
}

impl Here {
    fn new() -> Result<Self, Failure> {
        let path = std::env::current_dir()?;
        let path = path.to_str().ok_or("the path of this directory is no UTF-8")?.to_owned();
        Ok(Self { disk: Folder::new("/")?, path })
    }

    /// Reads the kustomization file.
    fn read(&self) -> Result<(&'static str, KustomizationFile), Failure> {
        Ok(KustomizationFile::find(&self.disk, &self.path)?)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        write_below(self.path.as_ref(), name.as_ref(), text.as_bytes())?;
        Ok(())
    }

    /// Refuses the arguments that match nothing, as upstream words it.
    fn refuse_missing(&self, missing: &[String]) -> Result<(), Failure> {
        let Some(path) = missing.first() else { return Ok(()) };
        let full = format!("{}/{path}", self.path);
        let mut message = format!(
            "{path} has no match: must build at directory: not a valid directory: evalsymlink failure on '{full}' : \
             lstat {full}: no such file or directory"
        );
        if let Err(error) = gitops_core::tree::Source::kind(&self.disk, &full)
            && let Some(near) = error.suggestion()
        {
            let near = format!("/{}", near.trim_start_matches('/'));
            let near = near.strip_prefix(&format!("{}/", self.path)).unwrap_or(&near);
            message.push_str(&format!(" (did you mean {near}?)"));
        }
        Err(message.into())
    }
}
