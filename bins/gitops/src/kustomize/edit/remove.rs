//! `edit remove`.

use clap::Subcommand;
use kustomize_rs::edit::{GeneratorKind, KustomizationFile, MetadataField, PathField};

use super::super::Here;
use super::{PatchArgs, one_list};
use crate::Failure;

#[derive(Subcommand)]
pub(super) enum What {
    /// Entries of `resources`: paths or patterns.
    Resource { patterns: Vec<String> },
    /// Entries of `components`: paths or patterns.
    Component { patterns: Vec<String> },
    /// Entries of `transformers`: paths or patterns.
    Transformer { patterns: Vec<String> },
    /// A patch that is exactly this.
    Patch(PatchArgs),
    /// Labels of `commonLabels`: `NAME,NAME`.
    Label(NamesArgs),
    /// Annotations of `commonAnnotations`: `NAME,NAME`.
    Annotation(NamesArgs),
    /// Options of `buildMetadata`: `OPTION,OPTION`.
    Buildmetadata { options: Vec<String> },
    /// Entries of `configMapGenerator`: `NAME,NAME`.
    Configmap(GeneratorArgs),
    /// Entries of `secretGenerator`: `NAME,NAME`.
    Secret(GeneratorArgs),
}

#[derive(clap::Args)]
pub(super) struct NamesArgs {
    names: Vec<String>,
    /// Pass over names that are not there.
    #[arg(short, long)]
    ignore_non_existence: bool,
}

#[derive(clap::Args)]
pub(super) struct GeneratorArgs {
    names: Vec<String>,
    /// The namespace of the entries.
    #[arg(long, default_value = "")]
    namespace: String,
}

pub(super) fn run(what: &What) -> Result<(), Failure> {
    match what {
        What::Resource { patterns } => paths(PathField::Resources, patterns),
        What::Component { patterns } => paths(PathField::Components, patterns),
        What::Transformer { patterns } => paths(PathField::Transformers, patterns),
        What::Patch(args) => {
            let entry = args.entry()?;
            change(|file| {
                let removed = file.remove_patch(&entry);
                if !removed {
                    anstream::eprintln!("patch {} doesn't exist in kustomization file", args.patch);
                }
                Ok(removed)
            })
        }
        What::Label(args) => names(MetadataField::Labels, args),
        What::Annotation(args) => names(MetadataField::Annotations, args),
        What::Buildmetadata { options } => {
            let options = one_list(options, "must specify a buildMetadata option", "buildMetadata options")?;
            change(|file| {
                file.remove_build_metadata(&options)?;
                Ok(true)
            })
        }
        What::Configmap(args) => generated(GeneratorKind::ConfigMap, args),
        What::Secret(args) => generated(GeneratorKind::Secret, args),
    }
}

/// Edits the file; it is written where the edit says that something changed.
fn change(edit: impl FnOnce(&mut KustomizationFile) -> Result<bool, Failure>) -> Result<(), Failure> {
    let here = Here::new()?;
    let (name, mut file) = here.read()?;
    if edit(&mut file)? { here.write(name, &file.finish()) } else { Ok(()) }
}

fn paths(field: PathField, patterns: &[String]) -> Result<(), Failure> {
    if patterns.is_empty() {
        return Err(format!("must specify a {} file", field.one()).into());
    }
    change(|file| Ok(file.remove(field, patterns)?))
}

fn names(field: MetadataField, args: &NamesArgs) -> Result<(), Failure> {
    let [list] = &args.names[..] else {
        // Upstream calls annotations labels here.
        let message = if args.names.is_empty() {
            "must specify label"
        } else {
            "labels must be comma-separated, with no spaces"
        };
        return Err(message.into());
    };
    let names: Vec<String> = list.split(',').map(str::to_owned).collect();
    if names.iter().any(String::is_empty) {
        return Err("invalid label: '' (name is empty)".into());
    }
    change(|file| {
        file.remove_metadata(field, &names, args.ignore_non_existence)?;
        Ok(true)
    })
}

fn generated(kind: GeneratorKind, args: &GeneratorArgs) -> Result<(), Failure> {
    let none = format!("at least one {} name must be specified", kind.one());
    let names = one_list(&args.names, &none, &format!("{}s to remove", kind.one()))?;
    change(|file| {
        for name in file.remove_from_generator(kind, &names, &args.namespace)? {
            anstream::eprintln!("{} {name} doesn't exist in kustomization file", kind.one());
        }
        Ok(true)
    })
}
