//! Builds what a Flux Kustomization names, up to the substitution of variables.

use std::collections::BTreeMap;
use std::fmt;

use gitops_core::api::Kustomization;
use gitops_core::tree::Source;
use gitops_sops::AgeKeys;
use gitops_yaml::{Files, Node};
use kustomize_rs::{Build, LoadRestrictions, Options, Reorder};

use super::decrypt::{Unsealed, objects, refuse_sealed, shown};
use super::generate::{Generated, Overlay, generate};

/// What a build made.
#[derive(Clone, Debug, Default)]
pub struct Built {
    /// The objects in kustomize's order; each knows where it was written.
    pub objects: Vec<Node>,
    /// The files that places refer to.
    pub files: Files,
    /// What is worth knowing.
    pub warnings: Vec<String>,
}

/// Why nothing was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    /// `file:line:column`, as far as known.
    pub location: Option<String>,
    /// What is wrong, and what would be right. It begins with the location where there is one.
    pub message: String,
}

impl BuildError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { location: None, message: message.into() }
    }

    pub(super) fn at(location: impl Into<String>, message: impl Into<String>) -> Self {
        let (location, message) = (location.into(), message.into());
        let message = if message.contains(&location) { message } else { format!("{location}: {message}") };
        Self { location: Some(location), message }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for BuildError {}

/// Builds the path of a Kustomization in a tree. Files may be read from the whole tree and from nowhere else.
///
/// ```
/// use gitops_controllers::kustomization::build;
/// use gitops_core::api::Kustomization;
/// use gitops_core::tree::MemTree;
/// let mut tree = MemTree::new();
/// tree.add_file("apps/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n")?;
/// let spec = Kustomization { path: "./apps".into(), name_prefix: Some("prod-".into()), ..Kustomization::default() };
/// let built = build(&tree, &spec)?;
/// let name = built.objects[0].at_path(&["metadata", "name"]).and_then(|name| name.as_str());
/// assert_eq!(name, Some("prod-settings"));
/// let missing = Kustomization { path: "./aps".into(), ..Kustomization::default() };
/// assert!(build(&tree, &missing).unwrap_err().message.ends_with("did you mean ./apps?"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`generate`](super::generate), and as `kustomize build`: `kustomize build failed: …`.
pub fn build(source: &dyn Source, spec: &Kustomization) -> Result<Built, BuildError> {
    let generated = generate(source, spec)?;
    run(source, generated, &BTreeMap::new())
}

/// Returns the URLs that a build needs and that are not known yet; nothing where it can't be told, which the build tells then.
pub(super) fn missing_remotes(
    source: &dyn Source,
    spec: &Kustomization,
    known: &BTreeMap<String, String>,
) -> Vec<String> {
    let Ok(generated) = generate(source, spec) else { return Vec::new() };
    let missing = match &generated.text {
        Some(text) => {
            let overlay = Overlay::new(source, &generated.file, text);
            Build::new(&overlay).options(options(known)).remotes(&generated.path)
        }
        None => Build::new(source).options(options(known)).remotes(&generated.path),
    };
    missing.unwrap_or_default()
}

fn options(remotes: &BTreeMap<String, String>) -> Options {
    let mut options = Options::default();
    options.load_restrictions = LoadRestrictions::None;
    options.reorder = Some(Reorder::None);
    options.remotes.clone_from(remotes);
    options
}

/// Builds as [`build`] does, and decrypts: files of secret generators and patches before the build, objects and values of
/// Secrets after it. Where no keys are given nothing is decrypted.
///
/// # Errors
/// As [`build`], where something can't be decrypted, and where a Secret stays encrypted. No decrypted value is quoted.
pub fn build_decrypted(
    source: &dyn Source,
    spec: &Kustomization,
    keys: Option<&AgeKeys>,
) -> Result<Built, BuildError> {
    build_with(source, spec, keys, &BTreeMap::new())
}

/// Builds as [`build_decrypted`] does, with remote bases and files: their URLs, and where the tree has them.
pub(super) fn build_with(
    source: &dyn Source,
    spec: &Kustomization,
    keys: Option<&AgeKeys>,
    remotes: &BTreeMap<String, String>,
) -> Result<Built, BuildError> {
    let generated = generate(source, spec)?;
    let built = match keys {
        Some(keys) => {
            let unsealed = Unsealed::open(source, &generated, keys)?;
            let mut built = run(&unsealed, generated, remotes)?;
            let errors = objects(&mut built.objects, &built.files, keys);
            if !errors.is_empty() {
                let errors: Vec<_> = errors.iter().map(|(place, why)| shown(place, why)).collect();
                return Err(BuildError::new(errors.join("\n")));
            }
            built
        }
        None => run(source, generated, remotes)?,
    };
    refuse_sealed(&built)?;
    Ok(built)
}

fn run(
    source: &dyn Source,
    generated: Generated,
    remotes: &BTreeMap<String, String>,
) -> Result<Built, BuildError> {
    if generated.is_empty {
        return Ok(Built { warnings: generated.warnings, ..Built::default() });
    }
    let options = options(remotes);
    let output = match &generated.text {
        Some(text) => {
            let overlay = Overlay::new(source, &generated.file, text);
            Build::new(&overlay).options(options).run(&generated.path)
        }
        None => Build::new(source).options(options).run(&generated.path),
    };
    let output = output.map_err(|error| {
        let location = Some(error.location().to_owned()).filter(|location| !location.is_empty());
        BuildError { location, message: format!("kustomize build failed: {error}") }
    })?;
    let mut warnings = generated.warnings;
    warnings.extend(output.warnings().iter().cloned());
    Ok(Built {
        objects: output.resources().iter().map(|resource| resource.node.clone()).collect(),
        files: output.files().clone(),
        warnings,
    })
}
