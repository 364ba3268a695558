//! Which objects a command is about: `source git NAME…`, as export, delete, suspend and resume take them.

use crate::cluster::Target;
use clap::Subcommand;

/// Names of objects.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Names {
    /// The object's name.
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
}

/// A kind and the names of its objects.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum Named {
    /// Alerts.
    Alert(Names),
    /// Providers of alerts.
    AlertProvider(Names),
    /// Artifacts that are made of others.
    #[command(subcommand)]
    Artifact(Artifact),
    /// Helm releases.
    #[command(visible_alias = "hr")]
    Helmrelease(Names),
    /// Image repositories, policies and automations.
    #[command(subcommand)]
    Image(Image),
    /// Kustomizations.
    #[command(visible_alias = "ks")]
    Kustomization(Names),
    /// Receivers of web hooks.
    Receiver(Names),
    /// Sources.
    #[command(subcommand)]
    Source(Source),
}

#[derive(Subcommand, Clone, Debug)]
pub(crate) enum Artifact {
    /// Generators of artifacts.
    Generator(Names),
}

#[derive(Subcommand, Clone, Debug)]
pub(crate) enum Image {
    /// Image policies.
    Policy(Names),
    /// Image repositories.
    Repository(Names),
    /// Image update automations.
    Update(Names),
}

#[derive(Subcommand, Clone, Debug)]
pub(crate) enum Source {
    /// Buckets.
    Bucket(Names),
    /// Helm charts.
    Chart(Names),
    /// External artifacts.
    External(Names),
    /// Git repositories.
    Git(Names),
    /// Helm repositories.
    Helm(Names),
    /// OCI repositories.
    Oci(Names),
}

impl Named {
    /// Returns the kind and the names.
    pub(crate) fn target(&self) -> (Target, &[String]) {
        let (target, names) = match self {
            Self::Alert(names) => (Target::Alert, names),
            Self::AlertProvider(names) => (Target::AlertProvider, names),
            Self::Artifact(Artifact::Generator(names)) => (Target::Generator, names),
            Self::Helmrelease(names) => (Target::HelmRelease, names),
            Self::Image(Image::Policy(names)) => (Target::ImagePolicy, names),
            Self::Image(Image::Repository(names)) => (Target::ImageRepository, names),
            Self::Image(Image::Update(names)) => (Target::ImageUpdate, names),
            Self::Kustomization(names) => (Target::Kustomization, names),
            Self::Receiver(names) => (Target::Receiver, names),
            Self::Source(Source::Bucket(names)) => (Target::Bucket, names),
            Self::Source(Source::Chart(names)) => (Target::Chart, names),
            Self::Source(Source::External(names)) => (Target::External, names),
            Self::Source(Source::Git(names)) => (Target::Git, names),
            Self::Source(Source::Helm(names)) => (Target::Helm, names),
            Self::Source(Source::Oci(names)) => (Target::Oci, names),
        };
        (target, &names.names)
    }
}
