//! `gitops kustomize create`: a new kustomization in this directory.

use std::process::ExitCode;

use kustomize_rs::edit::{
    Existing, KustomizationFile, MetadataField, PathField, autodetect, expand, parse_pairs,
};

use super::Here;
use crate::Failure;

/// Create a new kustomization in the current directory.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # An overlay of the base beside it
  gitops kustomize create --resources ../base

  # What this directory holds
  gitops kustomize create --autodetect

  # Several resources and fields
  gitops kustomize create --resources deployment.yaml,service.yaml,../base --namespace staging --nameprefix acme-")]
pub(crate) struct Args {
    /// Files and directories to list, or patterns of them.
    #[arg(long, value_name = "PATH,…", default_value = "")]
    resources: String,
    /// The namespace of all objects.
    #[arg(long, default_value = "")]
    namespace: String,
    /// Annotations for all objects: `name:value,name:value`.
    #[arg(long, value_name = "NAME:VALUE,…", default_value = "")]
    annotations: String,
    /// Labels for all objects: `name:value,name:value`.
    #[arg(long, value_name = "NAME:VALUE,…", default_value = "")]
    labels: String,
    /// A prefix for all names.
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    nameprefix: String,
    /// A suffix for all names.
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    namesuffix: String,
    /// List the manifests of this directory.
    #[arg(long)]
    autodetect: bool,
    /// With --autodetect, those of directories below as well.
    #[arg(long)]
    recursive: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let here = Here::new()?;
    let mut resources = Vec::new();
    if !args.resources.is_empty() {
        let patterns: Vec<String> = args.resources.split(',').map(str::to_owned).collect();
        let (found, missing) = expand(&here.disk, &here.path, &patterns)?;
        here.refuse_missing(&missing)?;
        resources = found;
    }
    let exists = |name: &&str| std::path::Path::new(name).exists();
    if kustomize_rs::kustomization::FILE_NAMES.iter().any(exists) {
        return Err("kustomization file already exists".into());
    }
    let mut file = KustomizationFile::default();
    file.add(PathField::Resources, &resources);
    if args.autodetect {
        file.add(PathField::Resources, &autodetect(&here.disk, &here.path, args.recursive));
    }
    for (field, value) in
        [("namespace", &args.namespace), ("namePrefix", &args.nameprefix), ("nameSuffix", &args.namesuffix)]
    {
        file.set(field, value);
    }
    for (field, pairs) in
        [(MetadataField::Annotations, &args.annotations), (MetadataField::Labels, &args.labels)]
    {
        if !pairs.is_empty() {
            file.put_metadata(field, &parse_pairs(pairs.split(','), field.one())?, Existing::Overwrite)?;
        }
    }
    here.write("kustomization.yaml", &file.finish())?;
    Ok(ExitCode::SUCCESS)
}
