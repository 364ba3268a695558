//! `gitops kustomize edit`: changes the kustomization file of this directory and keeps its comments.

mod add;
mod fix;
mod remove;
mod set;

use std::process::ExitCode;

use clap::Subcommand;

use crate::Failure;

/// Edit the kustomization file of the current directory; comments, order and quotes stay.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # List another resource
  gitops edit add resource service.yaml

  # Set images and numbers of replicas
  gitops edit set image nginx:1.29 web=registry.example.org/web:2.0
  gitops edit set replicas web=3

  # Move deprecated fields to those that took their place
  gitops edit fix")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
#[allow(clippy::large_enum_variant, reason = "parsed once")]
enum Command {
    /// Add an item.
    #[command(subcommand)]
    Add(add::What),
    /// Set the value of a field.
    #[command(subcommand)]
    Set(set::What),
    /// Remove an item.
    #[command(subcommand)]
    Remove(remove::What),
    Fix(fix::Args),
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.command {
        Command::Add(what) => add::run(what)?,
        Command::Set(what) => set::run(what)?,
        Command::Remove(what) => remove::run(what)?,
        Command::Fix(args) => fix::run(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What a patch applies to.
#[derive(clap::Args)]
struct PatchArgs {
    /// The file of the patch.
    #[arg(long, default_value = "")]
    path: String,
    /// The patch itself.
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    patch: String,
    /// The API group of the target.
    #[arg(long, default_value = "")]
    group: String,
    /// The API version of the target.
    #[arg(long, default_value = "")]
    version: String,
    /// The kind of the target.
    #[arg(long, default_value = "")]
    kind: String,
    /// The name of the target.
    #[arg(long, default_value = "")]
    name: String,
    /// The namespace of the target.
    #[arg(long, default_value = "")]
    namespace: String,
    /// A selector over the target's annotations.
    #[arg(long, default_value = "")]
    annotation_selector: String,
    /// A selector over the target's labels.
    #[arg(long, default_value = "")]
    label_selector: String,
}

impl PatchArgs {
    fn entry(&self) -> Result<gitops_yaml::Node, Failure> {
        if !self.patch.is_empty() && !self.path.is_empty() {
            return Err("patch and path can't be set at the same time".into());
        }
        let target = kustomize_rs::kustomization::Selector {
            group: self.group.as_str().into(),
            version: self.version.as_str().into(),
            kind: self.kind.as_str().into(),
            name: self.name.as_str().into(),
            namespace: self.namespace.as_str().into(),
            annotation_selector: self.annotation_selector.as_str().into(),
            label_selector: self.label_selector.as_str().into(),
        };
        Ok(kustomize_rs::edit::patch_entry(&self.path, &self.patch, &target))
    }
}

/// Reads the one argument that lists values between commas.
fn one_list(arguments: &[String], none: &str, what: &str) -> Result<Vec<String>, Failure> {
    match arguments {
        [] => Err(none.into()),
        [list] => Ok(list.split(',').map(str::to_owned).collect()),
        _ => {
            let given = arguments.join(" ");
            Err(format!(
                "too many arguments: [{given}]; to provide multiple {what}, please separate them by commas"
            )
            .into())
        }
    }
}
