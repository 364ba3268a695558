//! Makes generators and transformers: those that a kustomization's fields ask for, and those that configuration files
//! describe.

use std::collections::BTreeMap;

use gitops_yaml::{Node, Str};

use crate::accumulate::first_line;
use crate::error::{Error, ErrorKind};
use crate::field_spec::FieldSpec;
use crate::field_specs::FieldSpecs;
use crate::generate::{IamPolicyArgs, config_map, iam_policy, inflate, secret};
use crate::hash::content_hash;
use crate::kustomization::decode::{Decode, Decoder, fields};
use crate::kustomization::{
    GeneratorArgs, HelmChart, HelmGlobals, Image, Kustomization, ObjectMeta, Patch, Replacement, Replica,
    Selector, Text,
};
use crate::load::Loader;
use crate::origin::Origin;
use crate::read::{read_config, read_resources, read_resources_from};
use crate::resource::Resource;
use crate::resource_map::ResourceMap;
use crate::transform::annotations::AnnotationsTransformer;
use crate::transform::images::ImageTagTransformer;
use crate::transform::json_patch;
use crate::transform::labels::LabelTransformer;
use crate::transform::namespace::{NamespaceTransformer, Subjects};
use crate::transform::patch::PatchTransformer;
use crate::transform::patch_json6902::PatchJson6902Transformer;
use crate::transform::patch_strategic_merge::PatchStrategicMergeTransformer;
use crate::transform::prefix::PrefixTransformer;
use crate::transform::replacement::ReplacementTransformer;
use crate::transform::replicas::ReplicaCountTransformer;
use crate::transform::suffix::SuffixTransformer;
use crate::transform::value_add::{ValueAddTarget, ValueAddTransformer};
use crate::transform::{Context, Transformer};

/// What a configuration describes.
pub(crate) enum Configured {
    Generator(Vec<Resource>),
    Transformers(Vec<Box<dyn Transformer>>),
}

/// A transformer and its kind, by which origins name it.
pub(crate) type NamedTransformer = (Box<dyn Transformer>, &'static str);

/// Returns the transformers of a kustomization's fields in upstream's order, each with its kind.
pub(crate) fn of_kustomization(
    loader: &Loader<'_, '_>,
    kustomization: &Kustomization,
    specs: &FieldSpecs,
) -> Result<Vec<NamedTransformer>, Error> {
    let mut all: Vec<NamedTransformer> = Vec::new();
    let old_patches = kustomization.patches_strategic_merge.as_deref().unwrap_or_default();
    if !old_patches.is_empty() {
        let mut patches = Vec::new();
        for entry in old_patches {
            let read = strategic_patches(loader, entry);
            patches.extend(read.map_err(|error| trouble(error, "PatchStrategicMergeTransformer"))?);
        }
        if patches.is_empty() {
            let names: Vec<&str> = old_patches.iter().map(|entry| &**entry).collect();
            let message = format!("patch appears to be empty; files=[{}], Patch=", names.join(" "));
            return Err(refuse(message).at(old_patches[0].place));
        }
        all.push((Box::new(PatchStrategicMergeTransformer { patches }), "PatchStrategicMergeTransformer"));
    }
    for entry in &kustomization.patches {
        let transformer = patch(loader, entry).map_err(|error| trouble(error, "PatchTransformer"))?;
        all.push((Box::new(transformer), "PatchTransformer"));
    }
    if !kustomization.namespace.is_empty() {
        let namespace = NamespaceTransformer {
            namespace: kustomization.namespace.clone(),
            fields: specs.namespace.clone(),
            unset_only: false,
            subjects: Subjects::parse("")?,
        };
        all.push((Box::new(namespace), "NamespaceTransformer"));
    }
    if !kustomization.name_prefix.is_empty() {
        let (prefix, fields) = (kustomization.name_prefix.clone(), specs.name_prefix.clone());
        all.push((Box::new(PrefixTransformer { prefix, fields }), "PrefixTransformer"));
    }
    if !kustomization.name_suffix.is_empty() {
        let (suffix, fields) = (kustomization.name_suffix.clone(), specs.name_suffix.clone());
        all.push((Box::new(SuffixTransformer { suffix, fields }), "SuffixTransformer"));
    }
    for label in &kustomization.labels {
        all.push((Box::new(LabelTransformer::of_entry(label, specs)?), "LabelTransformer"));
    }
    let labels = kustomization.common_labels.clone().unwrap_or_default();
    // Where there are labels upstream runs a transformer for commonLabels even without any, which shows in the
    // annotations about what changed a resource.
    if !labels.is_empty() || !kustomization.labels.is_empty() {
        let fields = specs.common_labels.clone();
        all.push((Box::new(LabelTransformer { labels, fields }), "LabelTransformer"));
    }
    if !kustomization.common_annotations.is_empty() {
        let (annotations, fields) =
            (kustomization.common_annotations.clone(), specs.common_annotations.clone());
        all.push((Box::new(AnnotationsTransformer { annotations, fields }), "AnnotationsTransformer"));
    }
    for entry in kustomization.patches_json6902.iter().flatten() {
        let transformer = json_patch_of(loader, entry.target.as_ref(), &entry.path, &entry.patch)
            .map_err(|error| trouble(error, "PatchJson6902Transformer"))?;
        all.push((Box::new(transformer), "PatchJson6902Transformer"));
    }
    for replica in &kustomization.replicas {
        let (replica, fields) = (replica.clone(), specs.replicas.clone());
        all.push((Box::new(ReplicaCountTransformer { replica, fields }), "ReplicaCountTransformer"));
    }
    // What changed a resource is noted for each image by itself.
    let images = &kustomization.images[..];
    let at_once = if kustomization.build_metadata.is_empty() { images.len().max(1) } else { 1 };
    for images in images.chunks(at_once) {
        let (images, fields) = (images.to_vec(), specs.images.clone());
        all.push((Box::new(ImageTagTransformer { images, fields }), "ImageTagTransformer"));
    }
    if !kustomization.replacements.is_empty() {
        let replacements = replacements(loader, &kustomization.replacements)?;
        all.push((Box::new(ReplacementTransformer { replacements }), "ReplacementTransformer"));
    }
    Ok(all)
}

/// What the work of a configured plugin is put down to, where the build keeps track.
pub(crate) fn origin(config: &Resource) -> Option<Origin> {
    let from = config.history.origin.as_ref()?;
    Some(Origin {
        repo: from.repo.clone(),
        reference: from.reference.clone(),
        configured_in: from.path.clone(),
        api_version: config.api_version().into(),
        kind: config.kind().into(),
        name: config.name(),
        namespace: config.namespace(),
        ..Origin::default()
    })
}

/// Makes what a configuration describes.
///
/// # Errors
/// When it is no built-in plugin, or its fields are wrong.
pub(crate) fn configure(loader: &Loader<'_, '_>, config: &Resource) -> Result<Configured, Error> {
    configure_here(loader, config).map_err(|error| {
        let error = error.at(config.place());
        if error.kind() == ErrorKind::Unsupported {
            return error;
        }
        let id = loader.session().resource_map().original_id(config);
        error.within(format!("plugin {id} fails configuration"))
    })
}

fn configure_here(loader: &Loader<'_, '_>, config: &Resource) -> Result<Configured, Error> {
    if config.api_version() != "builtin" {
        return Err(external(loader, config));
    }
    match config.kind() {
        "ConfigMapGenerator" => generator(loader, config, config_map),
        "SecretGenerator" => generator(loader, config, secret),
        "HelmChartInflationGenerator" => {
            let mut chart: HelmChart = decode(config)?;
            let globals: HelmGlobals = decode(config)?;
            chart.chart_home = globals.chart_home;
            chart.config_home = globals.config_home;
            Ok(Configured::Generator(inflate(loader, &chart)?))
        }
        "IAMPolicyGenerator" => {
            Ok(Configured::Generator(vec![iam_policy(&decode::<IamPolicyArgs>(config)?)?]))
        }
        _ => transformers(loader, config).map(Configured::Transformers),
    }
}

/// Says why a plugin that is not built in does not run.
fn external(loader: &Loader<'_, '_>, config: &Resource) -> Error {
    let session = loader.session();
    let id = session.resource_map().original_id(config);
    let message = if session.options.alpha_plugins {
        format!(
            "plugin '{id}' is a program or a container, which this build does not run: use a built-in one"
        )
    } else {
        let kind = &id.gvk.kind;
        format!("external plugins disabled; unable to load external plugin '{kind}'")
    };
    Error::new(ErrorKind::Unsupported, message)
}

fn decode<T: Decode>(config: &Resource) -> Result<T, Error> {
    Decoder::plugin().decode(&config.node)
}

fn generator(
    loader: &Loader<'_, '_>,
    config: &Resource,
    make: fn(&Loader<'_, '_>, &GeneratorArgs) -> Result<Resource, Error>,
) -> Result<Configured, Error> {
    let mut args: GeneratorArgs = decode(config)?;
    let metadata = decode::<WithMetadata>(config)?.metadata.unwrap_or_default();
    if args.name.is_empty() {
        args.name = Text { text: metadata.name, place: config.place() };
    }
    if args.namespace.is_empty() {
        args.namespace = metadata.namespace;
    }
    if !args.env.is_empty() {
        args.envs.push(std::mem::take(&mut args.env));
    }
    Ok(Configured::Generator(vec![make(loader, &args)?]))
}

fn transformers(loader: &Loader<'_, '_>, config: &Resource) -> Result<Vec<Box<dyn Transformer>>, Error> {
    let args: TransformerArgs = decode(config)?;
    let fields = args.field_specs;
    let one: Box<dyn Transformer> = match config.kind() {
        "AnnotationsTransformer" => {
            Box::new(AnnotationsTransformer { annotations: args.annotations, fields })
        }
        "LabelTransformer" => Box::new(LabelTransformer { labels: args.labels, fields }),
        "NamespaceTransformer" => Box::new(NamespaceTransformer {
            namespace: args.metadata.unwrap_or_default().namespace,
            fields,
            unset_only: args.unset_only,
            subjects: Subjects::parse(&args.set_role_binding_subjects)?,
        }),
        "PrefixTransformer" => Box::new(PrefixTransformer { prefix: args.prefix, fields }),
        "SuffixTransformer" => Box::new(SuffixTransformer { suffix: args.suffix, fields }),
        "PrefixSuffixTransformer" => {
            return Ok(vec![
                Box::new(PrefixTransformer { prefix: args.prefix, fields: fields.clone() }),
                Box::new(SuffixTransformer { suffix: args.suffix, fields }),
            ]);
        }
        "ImageTagTransformer" => Box::new(ImageTagTransformer { images: vec![args.image_tag], fields }),
        "ReplicaCountTransformer" => Box::new(ReplicaCountTransformer { replica: args.replica, fields }),
        "HashTransformer" => Box::new(HashTransformer),
        "PatchTransformer" => Box::new(patch(loader, &decode::<Patch>(config)?)?),
        "PatchJson6902Transformer" => {
            Box::new(json_patch_of(loader, args.target.as_ref(), &args.path, &args.json_op)?)
        }
        "PatchStrategicMergeTransformer" => {
            let args: StrategicArgs = decode(config)?;
            if args.paths.is_empty() && args.patches.is_empty() {
                return Err(refuse("empty file path and empty patch content"));
            }
            let mut patches = Vec::new();
            for path in &args.paths {
                patches.extend(strategic_patches(loader, path)?);
            }
            if !args.patches.is_empty() {
                patches.extend(read_resources_from(
                    args.patches.as_bytes(),
                    args.patches.place.file,
                    first_line(&args.patches),
                )?);
            }
            if patches.is_empty() {
                return Err(refuse("patch appears to be empty"));
            }
            Box::new(PatchStrategicMergeTransformer { patches })
        }
        "ReplacementTransformer" => {
            let args: ReplacementArgs = decode(config)?;
            Box::new(ReplacementTransformer { replacements: replacements(loader, &args.replacements)? })
        }
        "ValueAddTransformer" => {
            let args: ValueAddArgs = decode(config)?;
            let mut targets = args.targets;
            if !args.target_file_path.is_empty() {
                let (path, content) = loader.load(&args.target_file_path)?;
                if let Some(node) = read_config(&content, loader.session().add_file(&path))? {
                    targets.extend(Decoder::plugin().decode::<ValueAddArgs>(&node)?.targets);
                }
            }
            let transformer = ValueAddTransformer { value: args.value, targets };
            transformer.validate()?;
            Box::new(transformer)
        }
        kind => {
            let mut message = format!("unable to load builtin {kind}.builtin.[noGrp]");
            if let Some(near) = gitops_core::did_you_mean(kind, BUILTIN.iter().copied()) {
                message.push_str(&format!(" (did you mean {near}?)"));
            }
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
    };
    Ok(vec![one])
}

const BUILTIN: [&str; 19] = [
    "AnnotationsTransformer",
    "ConfigMapGenerator",
    "HashTransformer",
    "HelmChartInflationGenerator",
    "IAMPolicyGenerator",
    "ImageTagTransformer",
    "LabelTransformer",
    "NamespaceTransformer",
    "PatchJson6902Transformer",
    "PatchStrategicMergeTransformer",
    "PatchTransformer",
    "PrefixSuffixTransformer",
    "PrefixTransformer",
    "ReplacementTransformer",
    "ReplicaCountTransformer",
    "SecretGenerator",
    "SuffixTransformer",
    "ValueAddTransformer",
    "SortOrderTransformer",
];

/// Says which field's transformer could not be made, in upstream's words.
fn trouble(error: Error, kind: &str) -> Error {
    error.within(format!("trouble configuring builtin {kind}"))
}

fn refuse(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Kustomization, message)
}

/// Reads an entry of `patches`.
fn patch(loader: &Loader<'_, '_>, entry: &Patch) -> Result<PatchTransformer, Error> {
    let place = if entry.patch.is_empty() { entry.path.place } else { entry.patch.place };
    let inline = entry.patch.trim();
    let made = match (entry.path.is_empty(), inline.is_empty()) {
        (true, true) => Err(refuse("must specify one of patch and path")),
        (false, false) => Err(refuse("patch and path can't be set at the same time")),
        (false, true) => {
            let (path, content) = loader.load(&entry.path).map_err(|error| {
                error.within(format!("failed to get the patch file from path({})", &*entry.path))
            })?;
            let file = loader.session().add_file(&path);
            let text = String::from_utf8_lossy(&content);
            let source = format!("[path: {:?}]", &*entry.path);
            let (resources, operations) = (read_resources(&content, file), json_patch::read(&text, file, 1));
            PatchTransformer::new(source, resources, operations, entry.target.as_ref(), entry.options)
        }
        (true, false) => {
            let blank = entry.patch.len() - entry.patch.trim_start().len();
            let blank_lines = entry.patch.get(..blank).unwrap_or_default().matches('\n').count();
            let line =
                first_line(&entry.patch).saturating_add(u32::try_from(blank_lines).unwrap_or(u32::MAX));
            let file = entry.patch.place.file;
            let source = format!("[patch: {}]", gitops_quoted(inline));
            let resources = read_resources_from(inline.as_bytes(), file, line);
            PatchTransformer::new(
                source,
                resources,
                json_patch::read(inline, file, line),
                entry.target.as_ref(),
                entry.options,
            )
        }
    };
    made.map(|transformer| transformer.named_at(place)).map_err(|error| error.at(place))
}

/// Quotes text as Go's `%q` does, as far as patches go.
fn gitops_quoted(text: &str) -> String {
    format!("{text:?}").replace("\\'", "'")
}

/// Reads an entry of `patchesStrategicMerge`: a path, or the patch itself.
fn strategic_patches(loader: &Loader<'_, '_>, entry: &Text) -> Result<Vec<Resource>, Error> {
    if let Ok(resources) = read_resources_from(entry.as_bytes(), entry.place.file, first_line(entry)) {
        return Ok(resources);
    }
    let (path, content) = loader.load(entry)?;
    read_resources(&content, loader.session().add_file(&path))
}

fn json_patch_of(
    loader: &Loader<'_, '_>,
    target: Option<&Selector>,
    path: &Text,
    operations: &Text,
) -> Result<PatchJson6902Transformer, Error> {
    let none = Selector::default();
    let target = target.unwrap_or(&none);
    let place = if operations.is_empty() { path.place } else { operations.place };
    if target.name.is_empty() {
        return Err(refuse("must specify the target name").at(place));
    }
    let patch = match (path.is_empty(), operations.is_empty()) {
        (true, true) => return Err(refuse("empty file path and empty jsonOp")),
        (false, false) => return Err(refuse("must specify a file path or jsonOp, not both").at(place)),
        (false, true) => {
            let (full, content) = loader.load(path)?;
            json_patch::read(&String::from_utf8_lossy(&content), loader.session().add_file(&full), 1)
        }
        (true, false) => json_patch::read(operations, operations.place.file, first_line(operations)),
    };
    PatchJson6902Transformer::new(target, patch.map_err(|error| error.at(place))?, place)
        .map_err(|error| error.at(place))
}

/// Reads the replacements that stand in files of their own.
fn replacements(loader: &Loader<'_, '_>, entries: &[Replacement]) -> Result<Vec<Replacement>, Error> {
    let mut all = Vec::new();
    for entry in entries {
        if entry.path.is_empty() {
            all.push(entry.clone());
            continue;
        }
        if entry.source.is_some() || !entry.targets.is_empty() {
            return Err(refuse("cannot specify both path and inline replacement").at(entry.path.place));
        }
        let (path, content) = loader.load(&entry.path)?;
        let Some(node) = read_config(&content, loader.session().add_file(&path))? else { continue };
        let decode = |node: &Node| Decoder::strict_plugin().decode::<Replacement>(node);
        match node.items() {
            Some(items) => {
                for item in items {
                    all.push(decode(item)?);
                }
            }
            None if node.is_mapping() => all.push(decode(&node)?),
            None => {
                let message = format!(
                    "unsupported replacement type encountered within replacement path: {}",
                    &*entry.path
                );
                return Err(refuse(message).at(node.place));
            }
        }
    }
    Ok(all)
}

/// Appends hashes to the names of ConfigMaps and Secrets at once, instead of at the end of the build.
struct HashTransformer;

impl Transformer for HashTransformer {
    fn transform(&self, resources: &mut ResourceMap, _: &Context<'_>) -> Result<(), Error> {
        for position in 0..resources.len() {
            let Some(resource) = resources.get(position).filter(|resource| resource.history.needs_hash)
            else {
                continue;
            };
            let name = format!("{}-{}", resource.name(), content_hash(resource)?);
            resources.store_previous_id(position);
            if let Some(resource) = resources.get_mut(position) {
                resource.set_name(name);
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default)]
struct WithMetadata {
    metadata: Option<ObjectMeta>,
}
fields!(WithMetadata = "plugin" { metadata: "metadata" });

/// The fields of all simple transformers.
#[derive(Clone, Debug, Default)]
struct TransformerArgs {
    metadata: Option<ObjectMeta>,
    annotations: BTreeMap<Str, Str>,
    labels: BTreeMap<Str, Str>,
    field_specs: Vec<FieldSpec>,
    prefix: Str,
    suffix: Str,
    unset_only: bool,
    set_role_binding_subjects: Str,
    image_tag: Image,
    replica: Replica,
    target: Option<Selector>,
    path: Text,
    json_op: Text,
}
fields!(TransformerArgs = "plugin" {
    metadata: "metadata", annotations: "annotations", labels: "labels", field_specs: "fieldSpecs", prefix: "prefix",
    suffix: "suffix", unset_only: "unsetOnly", set_role_binding_subjects: "setRoleBindingSubjects",
    image_tag: "imageTag", replica: "replica", target: "target", path: "path", json_op: "jsonOp",
});

#[derive(Clone, Debug, Default)]
struct StrategicArgs {
    paths: Vec<Text>,
    patches: Text,
}
fields!(StrategicArgs = "plugin" { paths: "paths", patches: "patches" });

#[derive(Clone, Debug, Default)]
struct ReplacementArgs {
    replacements: Vec<Replacement>,
}
fields!(ReplacementArgs = "plugin" { replacements: "replacements" });

#[derive(Clone, Debug, Default)]
struct ValueAddArgs {
    value: Str,
    targets: Vec<ValueAddTarget>,
    target_file_path: Text,
}
fields!(ValueAddArgs = "plugin" { value: "value", targets: "targets", target_file_path: "targetFilePath" });
