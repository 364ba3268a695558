//! Objects of any version as structs.

use std::fmt;

use gitops_yaml::{Dialect, Kind, Node, Place, Str, from_node};
use serde::de::DeserializeOwned;

use super::upgrade::upgrade;
use super::{
    Alert, Bucket, ExternalArtifact, GitRepository, HelmChart, HelmRelease, HelmRepository, ImagePolicy,
    ImageRepository, ImageUpdateAutomation, Kustomization, OciRepository, Provider, Receiver,
};
use crate::did_you_mean;
use crate::object::Gvk;

/// A kind's `spec`.
pub trait Spec: DeserializeOwned {
    /// The kind: `Kustomization`.
    const KIND: &'static str;
    /// The API group: `kustomize.toolkit.fluxcd.io`.
    const GROUP: &'static str;
    /// The versions that Flux served, newest first.
    const VERSIONS: &'static [&'static str];
    /// Fields that an object can not do without.
    const REQUIRED: &'static [&'static str];
}

macro_rules! spec {
    ($type:ident, $kind:literal, $group:literal, $versions:expr, $required:expr) => {
        impl Spec for $type {
            const KIND: &'static str = $kind;
            const GROUP: &'static str = concat!($group, ".toolkit.fluxcd.io");
            const VERSIONS: &'static [&'static str] = &$versions;
            const REQUIRED: &'static [&'static str] = &$required;
        }
    };
}

spec!(
    GitRepository,
    "GitRepository",
    "source",
    ["v1", "v1beta2", "v1beta1", "v1alpha1"],
    ["url", "interval"]
);
spec!(OciRepository, "OCIRepository", "source", ["v1", "v1beta2"], ["url", "interval"]);
spec!(HelmRepository, "HelmRepository", "source", ["v1", "v1beta2", "v1beta1", "v1alpha1"], ["url"]);
spec!(
    HelmChart,
    "HelmChart",
    "source",
    ["v1", "v1beta2", "v1beta1", "v1alpha1"],
    ["chart", "sourceRef", "interval"]
);
spec!(
    Bucket,
    "Bucket",
    "source",
    ["v1", "v1beta2", "v1beta1", "v1alpha1"],
    ["bucketName", "endpoint", "interval"]
);
spec!(ExternalArtifact, "ExternalArtifact", "source", ["v1"], []);
spec!(
    Kustomization,
    "Kustomization",
    "kustomize",
    ["v1", "v1beta2", "v1beta1", "v1alpha1"],
    ["interval", "prune", "sourceRef"]
);
spec!(HelmRelease, "HelmRelease", "helm", ["v2", "v2beta2", "v2beta1", "v2alpha1"], ["interval"]);
spec!(
    ImageRepository,
    "ImageRepository",
    "image",
    ["v1", "v1beta2", "v1beta1", "v1alpha2", "v1alpha1"],
    ["image", "interval"]
);
spec!(
    ImagePolicy,
    "ImagePolicy",
    "image",
    ["v1", "v1beta2", "v1beta1", "v1alpha2", "v1alpha1"],
    ["imageRepositoryRef", "policy"]
);
spec!(
    ImageUpdateAutomation,
    "ImageUpdateAutomation",
    "image",
    ["v1", "v1beta2", "v1beta1", "v1alpha2", "v1alpha1"],
    ["interval", "sourceRef"]
);
spec!(
    Alert,
    "Alert",
    "notification",
    ["v1beta3", "v1beta2", "v1beta1", "v1alpha1"],
    ["providerRef", "eventSources"]
);
spec!(Provider, "Provider", "notification", ["v1beta3", "v1beta2", "v1beta1", "v1alpha1"], ["type"]);
spec!(Receiver, "Receiver", "notification", ["v1", "v1beta2", "v1beta1", "v1alpha1"], ["type", "resources"]);

/// An object of Flux's API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object<S> {
    /// The API version that it was written in.
    pub api_version: Str,
    /// The namespace; empty where none was written.
    pub namespace: Str,
    /// The name.
    pub name: Str,
    /// What is wanted.
    pub spec: S,
    /// What is worth knowing about how it was written.
    pub notices: Vec<Notice>,
}

/// Something that is worth knowing about how an object was written, and that is no error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Where.
    pub place: Place,
    /// What, and what to do about it.
    pub message: String,
}

/// Why an object can not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// Where.
    pub place: Place,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}

impl<S: Spec> Object<S> {
    /// Reads an object of this kind, in whatever version it is written.
    ///
    /// ```
    /// use gitops_core::api::{Kustomization, Object};
    /// let text = "apiVersion: kustomize.toolkit.fluxcd.io/v1beta1\nkind: Kustomization\nmetadata: {name: apps}\n\
    ///     spec:\n  interval: 5m\n  prune: true\n  validation: client\n  sourceRef: {kind: GitRepository, name: repo}\n";
    /// let options = gitops_yaml::ReadOptions::yaml11();
    /// let document = gitops_yaml::read_document(text.as_bytes(), gitops_yaml::FileId::NONE, &options)?.unwrap();
    /// let apps = Object::<Kustomization>::read(&document.root)?;
    /// assert_eq!(apps.spec.interval.unwrap().to_string(), "5m0s");
    /// assert!(apps.notices[0].message.starts_with("spec.validation has no effect any more"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Where the kind is another, a required field is missing, or a field has not its type.
    pub fn read(object: &Node) -> Result<Self, ApiError> {
        let gvk = Gvk::of(object);
        if &*gvk.kind != S::KIND || &*gvk.group != S::GROUP {
            return Err(ApiError {
                place: object.place,
                message: format!("{gvk} is not a {} of {}", S::KIND, S::GROUP),
            });
        }
        let mut notices = Vec::new();
        if !S::VERSIONS.contains(&&*gvk.version) {
            let versions = S::VERSIONS.join(", ");
            notices.push(Notice {
                place: object.get("apiVersion").map_or(object.place, |version| version.place),
                message: format!(
                    "{} is not a version of {} (there are {versions})",
                    gvk.api_version(),
                    S::KIND
                ),
            });
        }
        let text =
            |field| object.at_path(&["metadata", field]).and_then(Node::scalar).cloned().unwrap_or_default();
        let mut spec = match object.get("spec") {
            Some(spec) if spec.is_mapping() => spec.clone(),
            Some(other) => {
                return Err(ApiError { place: other.place, message: "spec is not a mapping".into() });
            }
            None if S::REQUIRED.is_empty() => Node::mapping(Vec::new()),
            None => return Err(ApiError { place: object.place, message: "spec is missing".into() }),
        };
        upgrade(S::KIND, &mut spec, &mut notices);
        for field in S::REQUIRED {
            if spec.get(field).is_none() {
                let names = spec.entries().unwrap_or_default().iter().filter_map(|entry| entry.key.as_str());
                let near = did_you_mean(field, names);
                let hint = near.map(|near| format!(" (`{near}` stands there)")).unwrap_or_default();
                return Err(ApiError {
                    place: spec.place,
                    message: format!("spec.{field} is required{hint}"),
                });
            }
        }
        check_texts(&spec)?;
        let read = from_node(&spec, Dialect::Yaml11).map_err(|error| ApiError {
            place: error.place(),
            message: format!("spec.{error}{}", advice(&spec)),
        })?;
        Ok(Self {
            api_version: gvk.api_version(),
            namespace: text("namespace"),
            name: text("name"),
            spec: read,
            notices,
        })
    }
}

/// Variables are texts: a number would lose its zeros and signs.
fn check_texts(spec: &Node) -> Result<(), ApiError> {
    let values = spec.at_path(&["postBuild", "substitute"]).and_then(Node::entries).unwrap_or_default();
    for entry in values {
        if entry.value.kind(Dialect::Yaml11) != Kind::Str {
            let name = entry.key.as_str().unwrap_or_default();
            return Err(ApiError {
                place: entry.value.place,
                message: format!("spec.postBuild.substitute.{name} must be a string: put it in quotes"),
            });
        }
    }
    Ok(())
}

/// A hint for a mistake that web pages make: `[email protected]` instead of an address.
fn advice(spec: &Node) -> &'static str {
    let email = spec.at_path(&["git", "commit", "author", "email"]);
    if email.is_some_and(Node::is_sequence) {
        "; the address looks as if a web page had hidden it: write it out, such as flux@example.com"
    } else {
        ""
    }
}

/// An object of any of Flux's kinds.
#[derive(Clone, Debug)]
#[allow(
    missing_docs,
    clippy::large_enum_variant,
    reason = "one variant a kind, named as it; made to be looked into"
)]
pub enum Flux {
    GitRepository(Object<GitRepository>),
    OciRepository(Object<OciRepository>),
    HelmRepository(Object<HelmRepository>),
    HelmChart(Object<HelmChart>),
    Bucket(Object<Bucket>),
    ExternalArtifact(Object<ExternalArtifact>),
    Kustomization(Object<Kustomization>),
    HelmRelease(Object<HelmRelease>),
    ImageRepository(Object<ImageRepository>),
    ImagePolicy(Object<ImagePolicy>),
    ImageUpdateAutomation(Object<ImageUpdateAutomation>),
    Alert(Object<Alert>),
    Provider(Object<Provider>),
    Receiver(Object<Receiver>),
}

/// The kinds, for near misses.
const KINDS: [&str; 14] = [
    GitRepository::KIND,
    OciRepository::KIND,
    HelmRepository::KIND,
    HelmChart::KIND,
    Bucket::KIND,
    ExternalArtifact::KIND,
    Kustomization::KIND,
    HelmRelease::KIND,
    ImageRepository::KIND,
    ImagePolicy::KIND,
    ImageUpdateAutomation::KIND,
    Alert::KIND,
    Provider::KIND,
    Receiver::KIND,
];

/// Reads an object of any of Flux's kinds; `None` where it is of another API.
///
/// # Errors
/// As [`Object::read`]; and where a kind of Flux's groups does not exist, with the one that is meant.
pub fn read(object: &Node) -> Option<Result<Flux, ApiError>> {
    let gvk = Gvk::of(object);
    if !gvk.group.ends_with(".toolkit.fluxcd.io") {
        return None;
    }
    Some(match &*gvk.kind {
        "GitRepository" => Object::read(object).map(Flux::GitRepository),
        "OCIRepository" => Object::read(object).map(Flux::OciRepository),
        "HelmRepository" => Object::read(object).map(Flux::HelmRepository),
        "HelmChart" => Object::read(object).map(Flux::HelmChart),
        "Bucket" => Object::read(object).map(Flux::Bucket),
        "ExternalArtifact" => Object::read(object).map(Flux::ExternalArtifact),
        "Kustomization" => Object::read(object).map(Flux::Kustomization),
        "HelmRelease" => Object::read(object).map(Flux::HelmRelease),
        "ImageRepository" => Object::read(object).map(Flux::ImageRepository),
        "ImagePolicy" => Object::read(object).map(Flux::ImagePolicy),
        "ImageUpdateAutomation" => Object::read(object).map(Flux::ImageUpdateAutomation),
        "Alert" => Object::read(object).map(Flux::Alert),
        "Provider" => Object::read(object).map(Flux::Provider),
        "Receiver" => Object::read(object).map(Flux::Receiver),
        unknown => {
            let near = match unknown {
                "ImageRegistry" => Some("ImageRepository"),
                _ => did_you_mean(unknown, KINDS),
            };
            let hint = near.map(|near| format!(", did you mean {near}?")).unwrap_or_default();
            Err(ApiError {
                place: object.get("kind").map_or(object.place, |kind| kind.place),
                message: format!("unknown kind {unknown}{hint}"),
            })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_yaml::{FileId, ReadOptions, read_document};

    fn node(text: &str) -> Node {
        read_document(text.as_bytes(), FileId::NONE, &ReadOptions::yaml11()).unwrap().unwrap().root
    }

    #[test]
    fn old_automations_are_read_as_new_ones() {
        let text = "apiVersion: image.toolkit.fluxcd.io/v1alpha1\nkind: ImageUpdateAutomation\nmetadata: {name: a, namespace: n}\nspec:\n  interval: 1m\n  checkout: {gitRepositoryRef: {name: r}, branch: main}\n  commit: {authorName: bot, authorEmail: b@x, messageTemplate: hi}\n  push: {branch: next}\n";
        let read = Object::<ImageUpdateAutomation>::read(&node(text)).unwrap().spec;
        let git = read.git.unwrap();
        assert_eq!((read.source_ref.kind.as_str(), read.source_ref.name.as_str()), ("GitRepository", "r"));
        assert_eq!(git.checkout.unwrap().reference.branch.as_deref(), Some("main"));
        assert_eq!(
            (git.commit.author.name.as_deref(), git.commit.author.email.as_str()),
            (Some("bot"), "b@x")
        );
        assert_eq!(git.push.unwrap().branch.as_deref(), Some("next"));
    }

    #[test]
    fn old_patches_come_first() {
        let text = "apiVersion: kustomize.toolkit.fluxcd.io/v1beta2\nkind: Kustomization\nmetadata: {name: a}\nspec:\n  interval: 1m\n  prune: false\n  sourceRef: {kind: GitRepository, name: r}\n  patches: [{patch: new}]\n  patchesStrategicMerge: [{kind: Pod}]\n  patchesJson6902: [{target: {kind: Job}, patch: [{op: remove, path: /a}]}]\n";
        let spec = Object::<Kustomization>::read(&node(text)).unwrap().spec;
        let patches: Vec<_> = spec.patches.iter().map(|patch| patch.patch.as_str()).collect();
        assert_eq!(patches, ["kind: Pod\n", "- op: remove\n  path: /a\n", "new"]);
        assert_eq!(spec.patches[1].target.as_ref().unwrap().kind.as_deref(), Some("Job"));
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let text = "apiVersion: image.toolkit.fluxcd.io/v1alpha2\nkind: ImageUpdateAutomation\nmetadata: {name: a}\nspec:\n  interval: 1m\n  sourceRef: {kind: GitRepository, name: r}\n  git:\n    commit:\n      author:\n        email: [email protected]\n";
        let error = Object::<ImageUpdateAutomation>::read(&node(text)).unwrap_err();
        assert_eq!((error.place.line, error.place.column), (10, 16));
        assert!(error.message.starts_with("spec.git.commit.author.email"), "{error}");
        assert!(error.message.contains("web page"), "{error}");
        let error = read(&node("apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRegistry\n"))
            .unwrap()
            .unwrap_err();
        assert_eq!(error.message, "unknown kind ImageRegistry, did you mean ImageRepository?");
        let error = Object::<Kustomization>::read(&node(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec: {intervall: 5m, prune: true}\n",
        ));
        assert_eq!(error.unwrap_err().message, "spec.interval is required (`intervall` stands there)");
    }
}
