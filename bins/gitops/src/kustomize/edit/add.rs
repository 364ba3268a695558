//! `edit add`.

use clap::Subcommand;
use kustomize_rs::edit::{
    Existing, GeneratorEdit, GeneratorKind, LabelForm, MetadataField, PathField, expand, parse_pairs,
};

use super::super::Here;
use super::{PatchArgs, one_list};
use crate::Failure;

#[derive(Subcommand)]
#[allow(clippy::large_enum_variant, reason = "parsed once")]
pub(super) enum What {
    /// Files or directories to `resources`: paths, patterns or URLs.
    Resource {
        paths: Vec<String>,
        /// List them without looking whether they are there.
        #[arg(long)]
        no_verify: bool,
    },
    /// Directories to `resources`: `DIR,DIR`.
    Base { paths: Vec<String> },
    /// Directories to `components`.
    Component { paths: Vec<String> },
    /// Files to `configurations`.
    Configuration { paths: Vec<String> },
    /// Files to `generators`.
    Generator { paths: Vec<String> },
    /// Files to `transformers`.
    Transformer { paths: Vec<String> },
    /// A patch to `patches`.
    Patch(PatchArgs),
    /// Labels `name:value` to `commonLabels`, or to `labels`.
    Label {
        pairs: Vec<String>,
        /// Overwrite a label that is there.
        #[arg(short, long)]
        force: bool,
        /// Leave selectors alone: add to `labels`.
        #[arg(long)]
        without_selector: bool,
        /// Label templates as well; needs --without-selector.
        #[arg(long)]
        include_templates: bool,
    },
    /// Annotations `name:value` to `commonAnnotations`.
    Annotation {
        pairs: Vec<String>,
        /// Overwrite an annotation that is there.
        #[arg(short, long)]
        force: bool,
    },
    /// Options to `buildMetadata`: `OPTION,OPTION`.
    Buildmetadata { options: Vec<String> },
    /// Sources to an entry of `configMapGenerator`.
    Configmap(GeneratorArgs),
    /// Sources to an entry of `secretGenerator`.
    Secret {
        #[command(flatten)]
        args: GeneratorArgs,
        /// The type of a new Secret.
        #[arg(long = "type", value_name = "TYPE", default_value = "Opaque")]
        secret_type: String,
    },
}

#[derive(clap::Args)]
pub(super) struct GeneratorArgs {
    /// The name of the entry.
    names: Vec<String>,
    /// A file, a pattern of files, or `key=file`.
    #[arg(long, value_delimiter = ',', value_name = "[KEY=]FILE")]
    from_file: Vec<String>,
    /// A value.
    #[arg(long, value_name = "KEY=VALUE")]
    from_literal: Vec<String>,
    /// A file of `key=value` lines.
    #[arg(long, value_name = "FILE", default_value = "")]
    from_env_file: String,
    /// No hash behind the name.
    #[arg(long = "disableNameSuffixHash")]
    disable_name_suffix_hash: bool,
    /// What to do about one of the same name: create, merge or replace.
    #[arg(long, default_value = "")]
    behavior: String,
    /// The namespace of the entry.
    #[arg(long, default_value = "")]
    namespace: String,
}

impl GeneratorArgs {
    fn edit(&self) -> Result<GeneratorEdit, Failure> {
        let [name] = &self.names[..] else {
            return Err("failed to validate flags: name must be specified once".into());
        };
        let mut edit = GeneratorEdit::default();
        edit.name.clone_from(name);
        edit.namespace.clone_from(&self.namespace);
        edit.files.clone_from(&self.from_file);
        edit.literals.clone_from(&self.from_literal);
        edit.env_file.clone_from(&self.from_env_file);
        edit.behavior.clone_from(&self.behavior);
        edit.disable_name_suffix_hash = self.disable_name_suffix_hash;
        Ok(edit)
    }
}

pub(super) fn run(what: &What) -> Result<(), Failure> {
    let here = Here::new()?;
    match what {
        What::Resource { paths, no_verify: true } => {
            require(paths, "must specify a resource file")?;
            list(&here, PathField::Resources, paths)
        }
        What::Resource { paths, no_verify: false } => {
            verified(&here, PathField::Resources, paths, "must specify a resource file")
        }
        What::Component { paths } => {
            verified(&here, PathField::Components, paths, "must specify a component file")
        }
        What::Base { paths } => {
            let [list] = &paths[..] else { return Err("must specify a base directory".into()) };
            let paths: Vec<String> = list.split(',').map(str::to_owned).collect();
            let (name, mut file) = here.read()?;
            file.add_bases(&here.disk, &here.path, &paths)?;
            here.write(name, &file.finish())
        }
        What::Configuration { paths } => {
            found(&here, PathField::Configurations, paths, "a configuration resource")
        }
        What::Generator { paths } => {
            found(&here, PathField::Generators, paths, "a generator plugin resource")
        }
        What::Transformer { paths } => {
            found(&here, PathField::Transformers, paths, "a transformer plugin resource")
        }
        What::Patch(args) => {
            if args.patch.is_empty() && args.path.is_empty() {
                return Err("must provide either patch or path".into());
            }
            let entry = args.entry()?;
            let (name, mut file) = here.read()?;
            if !file.add_patch(entry) {
                anstream::eprintln!("patch already in kustomization file");
                return Ok(());
            }
            here.write(name, &file.finish())
        }
        What::Label { pairs, force, without_selector, include_templates } => {
            require(pairs, "must specify label")?;
            if *include_templates && !without_selector {
                let message = "--without-selector flag must be specified for --include-templates to work";
                return Err(message.into());
            }
            let pairs = parse_pairs(pairs.iter().map(String::as_str), "label")?;
            let (name, mut file) = here.read()?;
            let form = if *include_templates { LabelForm::WithTemplates } else { LabelForm::ObjectsOnly };
            if *without_selector {
                file.add_labels(form, &pairs, existing(*force))?;
            } else {
                file.put_metadata(MetadataField::Labels, &pairs, existing(*force))?;
            }
            here.write(name, &file.finish())
        }
        What::Annotation { pairs, force } => {
            require(pairs, "must specify annotation")?;
            let pairs = parse_pairs(pairs.iter().map(String::as_str), "annotation")?;
            let (name, mut file) = here.read()?;
            file.put_metadata(MetadataField::Annotations, &pairs, existing(*force))?;
            here.write(name, &file.finish())
        }
        What::Buildmetadata { options } => {
            let options = one_list(options, "must specify a buildMetadata option", "buildMetadata options")?;
            let (name, mut file) = here.read()?;
            file.add_build_metadata(&options)?;
            here.write(name, &file.finish())
        }
        What::Configmap(args) => generate(&here, GeneratorKind::ConfigMap, &args.edit()?),
        What::Secret { args, secret_type } => {
            let mut edit = args.edit()?;
            edit.secret_type.clone_from(secret_type);
            generate(&here, GeneratorKind::Secret, &edit)
        }
    }
}

fn existing(force: bool) -> Existing {
    if force { Existing::Overwrite } else { Existing::Refuse }
}

fn require(arguments: &[String], message: &str) -> Result<(), Failure> {
    if arguments.is_empty() { Err(message.into()) } else { Ok(()) }
}

fn list(here: &Here, field: PathField, paths: &[String]) -> Result<(), Failure> {
    if paths.is_empty() {
        return Ok(());
    }
    let (name, mut file) = here.read()?;
    let paths: Vec<String> = paths.iter().filter(|path| *path != name).cloned().collect();
    let known = file.add(field, &paths);
    for path in &known {
        anstream::eprintln!("{} {path} already in kustomization file", field.one());
    }
    if known.len() == paths.len() {
        return Ok(());
    }
    here.write(name, &file.finish())
}

fn verified(here: &Here, field: PathField, patterns: &[String], none: &str) -> Result<(), Failure> {
    require(patterns, none)?;
    let (paths, missing) = expand(&here.disk, &here.path, patterns)?;
    here.refuse_missing(&missing)?;
    list(here, field, &paths)
}

fn found(here: &Here, field: PathField, patterns: &[String], what: &str) -> Result<(), Failure> {
    require(patterns, &format!("must specify a yaml file which contains {what}"))?;
    let (paths, missing) = expand(&here.disk, &here.path, patterns)?;
    for pattern in missing {
        anstream::eprintln!("{pattern} has no match");
    }
    list(here, field, &paths)
}

fn generate(here: &Here, kind: GeneratorKind, edit: &GeneratorEdit) -> Result<(), Failure> {
    let (name, mut file) = here.read()?;
    file.add_to_generator(kind, edit, &here.disk, &here.path)?;
    here.write(name, &file.finish())
}
