//! `edit set`.

use clap::Subcommand;
use kustomize_rs::edit::{
    Existing, GeneratorEdit, GeneratorKind, KustomizationFile, MetadataField, parse_pairs,
};

use super::super::Here;
use super::one_list;
use crate::Failure;

#[derive(Subcommand)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) enum What {
    /// The prefix of all names.
    Nameprefix {
        #[arg(allow_hyphen_values = true)]
        values: Vec<String>,
    },
    /// The suffix of all names: `edit set namesuffix -- -acme`.
    Namesuffix {
        #[arg(allow_hyphen_values = true)]
        values: Vec<String>,
    },
    /// The namespace of all objects.
    Namespace { values: Vec<String> },
    /// Images: `name=new-name:tag@digest`; `*` keeps a part.
    Image { images: Vec<String> },
    /// Numbers of replicas: `name=3`.
    Replicas { replicas: Vec<String> },
    /// Options of `buildMetadata`: `OPTION,OPTION`.
    Buildmetadata { options: Vec<String> },
    /// `commonLabels`: `name:value`.
    Label { pairs: Vec<String> },
    /// `commonAnnotations`: `name:value`.
    Annotation { pairs: Vec<String> },
    /// Literals or the namespace of an entry of `configMapGenerator`.
    Configmap(GeneratorArgs),
    /// Literals or the namespace of an entry of `secretGenerator`.
    Secret(GeneratorArgs),
}

#[derive(clap::Args)]
pub(super) struct GeneratorArgs {
    /// The name of the entry.
    names: Vec<String>,
    /// A key that is there and its new value.
    #[arg(long, value_name = "KEY=VALUE")]
    from_literal: Vec<String>,
    /// The namespace of the entry.
    #[arg(long, default_value = "")]
    namespace: String,
    /// The namespace that it gets.
    #[arg(long, default_value = "")]
    new_namespace: String,
}

pub(super) fn run(what: &What) -> Result<(), Failure> {
    match what {
        What::Nameprefix { values } => set("namePrefix", values, "prefix"),
        What::Namesuffix { values } => set("nameSuffix", values, "suffix"),
        What::Namespace { values } => set("namespace", values, "namespace"),
        What::Image { images } => change(|file, _| Ok(file.set_images(images)?)),
        What::Replicas { replicas } => change(|file, _| Ok(file.set_replicas(replicas)?)),
        What::Buildmetadata { options } => {
            let options = one_list(options, "must specify a buildMetadata option", "buildMetadata options")?;
            change(|file, _| Ok(file.set_build_metadata(&options)?))
        }
        What::Label { pairs } => metadata(MetadataField::Labels, pairs),
        What::Annotation { pairs } => metadata(MetadataField::Annotations, pairs),
        What::Configmap(args) => generate(GeneratorKind::ConfigMap, args),
        What::Secret(args) => generate(GeneratorKind::Secret, args),
    }
}

fn change(edit: impl FnOnce(&mut KustomizationFile, &Here) -> Result<(), Failure>) -> Result<(), Failure> {
    let here = Here::new()?;
    let (name, mut file) = here.read()?;
    edit(&mut file, &here)?;
    here.write(name, &file.finish())
}

fn set(field: &str, values: &[String], what: &str) -> Result<(), Failure> {
    let [value] = values else { return Err(format!("must specify exactly one {what} value").into()) };
    change(|file, _| {
        file.set(field, value);
        Ok(())
    })
}

fn metadata(field: MetadataField, pairs: &[String]) -> Result<(), Failure> {
    if pairs.is_empty() {
        return Err(format!("must specify {}", field.one()).into());
    }
    let pairs = parse_pairs(pairs.iter().map(String::as_str), field.one())?;
    if field == MetadataField::Annotations && !pairs.keys().all(|name| is_annotation_name(name)) {
        let message = "invalid annotation key: see the syntax and character set rules at \
                       https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/";
        return Err(message.into());
    }
    change(|file, _| Ok(file.put_metadata(field, &pairs, Existing::Overwrite)?))
}

/// Returns whether this may be an annotation's name: at most 63 letters, digits, `-`, `_` and `.` that begin and end with
/// a letter or digit, behind a domain and a slash or not.
fn is_annotation_name(name: &str) -> bool {
    let (domain, name) = name.split_once('/').map_or((None, name), |(domain, name)| (Some(domain), name));
    let is_outer = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let is_part = |text: &str, inner: &[char], most: usize| {
        text.len() <= most
            && is_outer(text.chars().next())
            && is_outer(text.chars().next_back())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || inner.contains(&c))
    };
    is_part(name, &['-', '_', '.'], 63)
        && domain.is_none_or(|domain| {
            domain.starts_with(|c: char| c.is_ascii_alphabetic()) && is_part(domain, &['-', '.'], 253)
        })
}

fn generate(kind: GeneratorKind, args: &GeneratorArgs) -> Result<(), Failure> {
    let [name] = &args.names[..] else {
        return Err("failed to validate flags: name must be specified once".into());
    };
    let mut edit = GeneratorEdit::default();
    edit.name.clone_from(name);
    edit.namespace.clone_from(&args.namespace);
    edit.new_namespace.clone_from(&args.new_namespace);
    edit.literals.clone_from(&args.from_literal);
    change(|file, here| Ok(file.set_in_generator(kind, &edit, &here.disk, &here.path)?))
}
