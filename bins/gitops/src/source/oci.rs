//! `gitops source oci`: an artifact of a registry, as an OCIRepository would fetch it.

use super::summary::{OutputFlags, Summary};
use crate::Failure;
use crate::remote::chart::newest;
use crate::remote::login::{Login, Plain, secret};
use crate::remote::wait;
use gitops_core::artifact::unpack;
use gitops_core::ports::{PortError, Registry, Secret};
use gitops_core::revision::Revision;
use gitops_core::tree::Limits;
use gitops_oci::Reference;
use std::path::PathBuf;
use std::process::ExitCode;

/// Fetch an artifact of a registry.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops source oci oci://ghcr.io/stefanprodan/manifests/podinfo --semver '6.x'
  gitops source oci oci://ghcr.io/org/app --tag latest --export ./app -o json")]
pub(super) struct Args {
    /// The repository: oci://host/path.
    url: String,
    /// A tag; latest where nothing is named.
    #[arg(long, conflicts_with_all = ["semver", "digest"])]
    tag: Option<String>,
    /// A range of versions; the highest tag in it is taken.
    #[arg(long, value_name = "RANGE", conflicts_with = "digest")]
    semver: Option<String>,
    /// A digest: sha256:…
    #[arg(long)]
    digest: Option<String>,
    /// The layer's media type; the first layer where none is named.
    #[arg(long, value_name = "TYPE")]
    media_type: Option<String>,
    #[command(flatten)]
    login: RegistryFlags,
    #[command(flatten)]
    output: OutputFlags,
}

/// How to log in to a registry.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct RegistryFlags {
    /// The user's name; docker's configuration is read where none is given.
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// The user's password.
    #[arg(long, value_name = "PASSWORD", value_parser = secret)]
    password: Option<Secret>,
    /// Trust the authorities of this file.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Speak to the registry without TLS.
    #[arg(long)]
    insecure: bool,
}

impl RegistryFlags {
    pub(super) fn login(&self) -> Login {
        Login {
            username: self.username.clone(),
            password: self.password.clone(),
            ca_file: self.ca_file.clone(),
            plain: if self.insecure { Plain::Yes } else { Plain::Loopback },
            ..Login::default()
        }
    }
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    if !args.url.starts_with("oci://") {
        return Err("URL must be in format 'oci://<domain>/<org>/<repo>'".into());
    }
    let reference: Reference = args.url.parse()?;
    let login = args.login.login();
    let registry = login.registry(&reference)?;
    let repository = reference.repository();
    let fetched = wait(async {
        let tag = match (&args.digest, &args.semver, &args.tag) {
            (Some(digest), _, _) => digest.clone(),
            (None, Some(range), _) => {
                let tags = registry.tags(repository).await?;
                let found = newest(tags.iter().map(String::as_str), range)?;
                let missing = || PortError::stalled(format!("no match found for semver: {range}"));
                found.ok_or_else(missing)?.to_owned()
            }
            (None, None, Some(tag)) => tag.clone(),
            (None, None, None) => reference.wanted().to_owned(),
        };
        let manifest = registry.manifest(repository, &tag).await?;
        let layer = manifest.layer(args.media_type.as_deref())?;
        let content = registry.blob(repository, layer).await?;
        let tree = unpack(&content, Limits::default()).map_err(PortError::from)?;
        Ok::<_, PortError>((tag, manifest, tree))
    });
    let (tag, manifest, tree) = fetched.map_err(|failure| match failure.downcast::<PortError>() {
        Ok(error) => login.explain(&reference, *error),
        Err(failure) => failure,
    })?;
    let hash = manifest.digest.trim_start_matches("sha256:");
    let name = if tag.starts_with("sha256:") { "" } else { &tag };
    args.output.finish(&Summary {
        url: format!("oci://{repository}"),
        revision: Revision::new(name, "sha256", hash).to_string(),
        digest: None,
        tree: &tree,
        ignored: true,
        metadata: manifest.annotations.into_iter().collect(),
    })
}
