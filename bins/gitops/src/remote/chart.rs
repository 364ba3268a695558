//! Charts from repositories and registries: which version, and its archive.

use super::login::{Login, Plain, secret};
use super::wait;
use crate::Failure;
use crate::helm::print_warnings;
use gitops_core::digest::sha256;
use gitops_core::ports::{ChartRepository, PortError, Registry, Secret};
use gitops_http::{HttpRepository, PassCredentials, RepositoryOptions};
use gitops_oci::{HELM_CHART, OciRegistry, Reference};
use gitops_semver::{Constraint, Version};
use gitops_transport::{Call, Verification};
use helm_rs::{RepositoryIndex, Warnings};
use std::path::PathBuf;
use std::sync::Arc;

/// The flags that say where a chart is, as Helm has them.
#[derive(clap::Args, Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of helm")]
pub(crate) struct ChartFlags {
    /// The repository that holds the chart.
    #[arg(long, value_name = "URL")]
    pub repo: Option<String>,
    /// A version or a range of versions; the newest stable one where none is given.
    #[arg(long, value_name = "RANGE")]
    pub version: Option<String>,
    /// Take versions that are not stable too.
    #[arg(long)]
    pub devel: bool,
    /// The user's name at the repository.
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// The user's password at the repository.
    #[arg(long, value_name = "PASSWORD", value_parser = secret)]
    password: Option<Secret>,
    /// Send name and password to every host that the repository names.
    #[arg(long)]
    pass_credentials: bool,
    /// Trust the authorities of this file.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The client's certificate.
    #[arg(long, value_name = "FILE")]
    cert_file: Option<PathBuf>,
    /// The key of the client's certificate.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Don't check the server's certificate.
    #[arg(long)]
    insecure_skip_tls_verify: bool,
    /// Speak to the registry without TLS.
    #[arg(long)]
    plain_http: bool,
}

impl ChartFlags {
    fn login(&self) -> Login {
        Login {
            username: self.username.clone(),
            password: self.password.clone(),
            ca_file: self.ca_file.clone(),
            cert_file: self.cert_file.clone(),
            key_file: self.key_file.clone(),
            verification: if self.insecure_skip_tls_verify {
                Verification::Skipped
            } else {
                Verification::Full
            },
            plain: if self.plain_http { Plain::Yes } else { Plain::No },
            timeout: None,
        }
    }

    /// Returns whether a chart's name means one that is not on disk.
    pub(crate) fn is_remote(&self, name: &str) -> bool {
        self.repo.as_ref().is_some_and(|repo| !repo.is_empty())
            || ["oci://", "http://", "https://"].iter().any(|scheme| name.starts_with(scheme))
    }

    /// Returns the flags for a chart of another repository; the login is this one's where it is of the same host.
    pub(crate) fn elsewhere(repo: &str, version: &str) -> Self {
        Self { repo: Some(repo.to_owned()), version: Some(version.to_owned()), ..Self::default() }
    }
}

/// A chart's archive and where it came from.
#[derive(Clone, Debug)]
pub(crate) struct Fetched {
    pub archive: Arc<[u8]>,
    /// The version that was picked; empty where the address was exact.
    pub version: String,
    /// Where the archive is, without a login.
    pub url: String,
    /// The manifest's digest, for a chart of a registry.
    pub manifest_digest: Option<String>,
}

/// Fetches a chart: by name from a repository, or by its own address.
pub(crate) fn fetch(name: &str, flags: &ChartFlags) -> Result<Fetched, Failure> {
    match flags.repo.as_deref().filter(|repo| !repo.is_empty()) {
        Some(repo) if repo.starts_with("oci://") => {
            from_registry(&format!("{}/{name}", repo.trim_end_matches('/')), flags)
        }
        Some(repo) => from_repository(repo, name, flags),
        None if name.starts_with("oci://") => from_registry(name, flags),
        None => from_address(name, flags),
    }
}

fn repository(url: &str, flags: &ChartFlags) -> Result<HttpRepository, Failure> {
    let login = flags.login();
    let mut options = RepositoryOptions::new(url);
    options.authorization = login.authorization();
    options.transport = login.transport()?;
    // A person may well want a chart that is larger than a controller takes.
    options.chart_bytes = 100 << 20;
    if flags.pass_credentials {
        options.pass_credentials = PassCredentials::Everywhere;
    }
    Ok(HttpRepository::new(options)?)
}

fn from_address(url: &str, flags: &ChartFlags) -> Result<Fetched, Failure> {
    let repository = repository(url, flags)?;
    let archive = wait(repository.chart(url))?;
    let url = Call::get(url)?.url().to_string();
    Ok(Fetched { archive, version: String::new(), url, manifest_digest: None })
}

fn from_repository(repo: &str, name: &str, flags: &ChartFlags) -> Result<Fetched, Failure> {
    let shown = Call::get(repo)?.url().to_string();
    let shown = shown.trim_end_matches('/');
    let unreachable = |error: &dyn std::fmt::Display| {
        format!("looks like {shown:?} is not a valid chart repository or cannot be reached: {error}")
    };
    let repository = repository(repo, flags)?;
    wait(async {
        let fetched = repository.index(None).await.map_err(|error| unreachable(&error))?;
        let (text, _) = fetched.ok_or_else(|| unreachable(&"the server sent no index"))?;
        let mut warnings = Warnings::new();
        let index = RepositoryIndex::parse(&text, &format!("{shown}/index.yaml"), &mut warnings)
            .map_err(|error| unreachable(&error))?;
        drop(text);
        print_warnings(&warnings);
        let range = range(flags);
        let found = index.find(name, &range).map_err(|error| {
            let version =
                flags.version.as_ref().map_or(String::new(), |version| format!(" version {version:?}"));
            format!("chart {name:?}{version} not found in {shown} repository: {error}")
        })?;
        let version = found.metadata.version.to_string();
        let url = found.urls.first().filter(|url| !url.is_empty());
        let url =
            url.ok_or_else(|| format!("chart {name:?} version {version:?} has no downloadable URLs"))?;
        let archive = repository.chart(url).await?;
        let digest = sha256(&archive);
        let wanted = found.digest.trim_start_matches("sha256:");
        if !wanted.is_empty() && !digest.ends_with(&wanted.to_ascii_lowercase()) {
            return Err(Failure::from(format!(
                "chart {name:?} version {version:?}: the archive's digest is {digest}, the index says {wanted}"
            )));
        }
        let url =
            if url.contains("://") { Call::get(url)?.url().to_string() } else { format!("{shown}/{url}") };
        Ok(Fetched { archive, version, url, manifest_digest: None })
    })
}

fn range(flags: &ChartFlags) -> String {
    match flags.version.as_deref() {
        None | Some("") if flags.devel => ">0.0.0-0".to_owned(),
        version => version.unwrap_or_default().to_owned(),
    }
}

fn from_registry(url: &str, flags: &ChartFlags) -> Result<Fetched, Failure> {
    let reference: Reference = url.parse().map_err(|error| format!("invalid chart reference: {error}"))?;
    let login = flags.login();
    let registry = login.registry(&reference)?;
    let repository = reference.repository();
    let range = range(flags);
    let fetched = wait(async {
        let wanted = match (reference.digest(), reference.tag()) {
            (Some(digest), _) => digest.to_owned(),
            (None, Some(tag)) if range.is_empty() || tag == tag_of(&range) => tag.to_owned(),
            (None, Some(tag)) => {
                let message = format!("chart reference and version mismatch: {tag} is not {range}");
                return Err(PortError::stalled(message));
            }
            (None, None) => version_tag(&registry, repository, &range).await?,
        };
        let manifest = registry.manifest(repository, &wanted).await?;
        let layer = manifest.layer(Some(HELM_CHART)).or_else(|error| {
            // Helm's first registries had charts under this name.
            manifest.layer(Some("application/tar+gzip")).map_err(|_| error)
        })?;
        let archive = registry.blob(repository, layer).await?;
        let is_digest = reference.digest().is_some();
        let version = if is_digest { String::new() } else { wanted.replace('_', "+") };
        let url = format!("oci://{repository}{}{wanted}", if is_digest { '@' } else { ':' });
        Ok(Fetched { archive, version, url, manifest_digest: Some(manifest.digest) })
    });
    fetched.map_err(|failure| match failure.downcast::<PortError>() {
        Ok(error) => login.explain(&reference, *error),
        Err(failure) => failure,
    })
}

/// Tags can't hold the plus sign of a version.
fn tag_of(version: &str) -> String {
    version.replace('+', "_")
}

async fn version_tag(registry: &OciRegistry, repository: &str, range: &str) -> Result<String, PortError> {
    if Version::parse_strict(range.trim_start_matches('v')).is_ok() {
        return Ok(tag_of(range));
    }
    let tags = registry.tags(repository).await?;
    newest(tags.iter().map(String::as_str), if range.is_empty() { "*" } else { range })?
        .map(str::to_owned)
        .ok_or_else(|| {
            PortError::stalled(format!(
                "could not locate a version matching provided version string {range} in {repository}"
            ))
        })
}

/// Returns the tag with the highest version in a range.
pub(crate) fn newest<'t>(
    tags: impl Iterator<Item = &'t str>,
    range: &str,
) -> Result<Option<&'t str>, PortError> {
    let range = Constraint::parse(range)
        .map_err(|error| PortError::stalled(format!("semver '{range}' parse error: {error}")))?;
    let versions = tags.filter_map(|tag| Some((Version::parse(&tag.replace('_', "+")).ok()?, tag)));
    let found = versions.filter(|(version, _)| range.check(version)).max_by(|a, b| a.0.cmp(&b.0));
    Ok(found.map(|(_, tag)| tag))
}
