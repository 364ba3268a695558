//! Charts from repositories and registries: which version, and its archive.

use super::login::{LoginFlags, Plain};
use super::{refused, told, wait};
use crate::Failure;
use crate::helm::print_warnings;
use gitops_controllers::source::chart_tag;
use gitops_core::digest::sha256;
use gitops_core::ports::{ChartRepository, PortError, Registry};
use gitops_http::{HttpRepository, PassCredentials, RepositoryOptions};
use gitops_oci::{HELM_CHART, OciRegistry, Reference};
use gitops_semver::Version;
use gitops_transport::Call;
use helm_rs::{RepositoryIndex, Warnings};
use kustomize_rs::NeededChart;
use std::sync::Arc;

/// The flags that say where a chart is, as Helm has them.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ChartFlags {
    /// The repository that holds the chart: https://, http:// or oci://.
    #[arg(long, value_name = "URL")]
    repo: Option<String>,
    /// A version or a range of versions; the newest stable one where none is given.
    #[arg(long, value_name = "RANGE")]
    version: Option<String>,
    /// Take versions that are not stable too.
    #[arg(long)]
    devel: bool,
    #[command(flatten)]
    login: LoginFlags,
    /// Send name and password to every host that the repository names.
    #[arg(long)]
    pass_credentials: bool,
    /// Speak to the registry without TLS.
    #[arg(long)]
    plain_http: bool,
}

impl ChartFlags {
    /// Returns whether a chart's name means one that is not on disk.
    pub(crate) fn is_remote(&self, name: &str) -> bool {
        self.repo.as_ref().is_some_and(|repo| !repo.is_empty())
            || ["oci://", "http://", "https://"].iter().any(|scheme| name.starts_with(scheme))
    }

    /// Asks for a chart that another depends on.
    pub(crate) fn of_dependency(repo: &str, range: &str, login: LoginFlags, plain_http: bool) -> Self {
        let (repo, version) = (Some(repo.to_owned()), Some(range.to_owned()));
        Self { repo, version, devel: false, login, pass_credentials: false, plain_http }
    }

    /// Asks for a chart that a kustomization takes from a repository.
    pub(crate) fn of_kustomization(chart: &NeededChart) -> Self {
        let version = Some(chart.version.clone()).filter(|version| !version.is_empty());
        let (repo, login) = (Some(chart.repository.clone()), LoginFlags::default());
        Self { repo, version, devel: chart.devel, login, pass_credentials: false, plain_http: false }
    }

    /// Brings charts/ and Chart.lock of a chart on disk up to date, with this login.
    pub(crate) fn update_dependencies(&self, folder: &std::path::Path) -> Result<(), Failure> {
        crate::dependency::update_first(folder, &self.login, self.plain_http)
    }

    fn range(&self) -> &str {
        match self.version.as_deref() {
            None | Some("") if self.devel => ">0.0.0-0",
            version => version.unwrap_or_default(),
        }
    }
}

/// A chart's archive and where it came from.
#[derive(Clone, Debug)]
pub(crate) struct Fetched {
    pub archive: Arc<[u8]>,
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
        Some(repo) if !is_web_address(repo) => Err(format!(
            "{repo} is no address of a repository: it begins with https://, http:// or oci://, as in https://charts.example.com"
        )
        .into()),
        Some(repo) => wait(from_repository(repo, name, flags))?,
        None if name.starts_with("oci://") => from_registry(name, flags),
        None => wait(from_address(name, flags))?,
    }
}

fn is_web_address(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme))
}

fn repository(url: &str, flags: &ChartFlags) -> Result<HttpRepository, Failure> {
    let mut options = RepositoryOptions::new(url);
    options.authorization = flags.login.authorization();
    options.transport = flags.login.transport()?;
    // A person may well want a chart that is larger than a controller takes.
    options.chart_bytes = 100 << 20;
    if flags.pass_credentials {
        options.pass_credentials = PassCredentials::Everywhere;
    }
    Ok(HttpRepository::new(options)?)
}

async fn from_address(url: &str, flags: &ChartFlags) -> Result<Fetched, Failure> {
    let archive = repository(url, flags)?.chart(url).await.map_err(told)?;
    Ok(Fetched { archive, url: Call::get(url)?.url().to_string(), manifest_digest: None })
}

async fn from_repository(repo: &str, name: &str, flags: &ChartFlags) -> Result<Fetched, Failure> {
    let shown = Call::get(repo)?.url().to_string();
    let shown = shown.trim_end_matches('/');
    let unreachable = |error: &dyn std::fmt::Display| {
        format!("looks like {shown:?} is not a valid chart repository or cannot be reached: {error}")
    };
    let repository = repository(repo, flags)?;
    let fetched = repository.index(None).await.map_err(|error| unreachable(&told(error)))?;
    let (text, _) = fetched.ok_or_else(|| unreachable(&"the server sent no index"))?;
    let mut warnings = Warnings::new();
    let file = format!("{shown}/index.yaml");
    let index = RepositoryIndex::parse_only(&text, &file, |chart| chart == name, &mut warnings)
        .map_err(|error| unreachable(&error))?;
    drop(text);
    print_warnings(&warnings);
    let found = index.find(name, flags.range()).map_err(|error| {
        let version = flags.version.as_ref().map_or(String::new(), |version| format!(" version {version:?}"));
        format!("chart {name:?}{version} not found in {shown} repository: {error}")
    })?;
    let version = found.metadata.version.to_string();
    let url = found.urls.first().filter(|url| !url.is_empty());
    let url = url.ok_or_else(|| format!("chart {name:?} version {version:?} has no downloadable URLs"))?;
    let archive = repository.chart(url).await.map_err(told)?;
    let digest = sha256(&archive);
    let wanted = found.digest.trim_start_matches("sha256:").to_ascii_lowercase();
    if !wanted.is_empty() && digest.trim_start_matches("sha256:") != wanted {
        return Err(Failure::from(format!(
            "chart {name:?} version {version:?}: the archive's digest is {digest}, the index says {wanted}"
        )));
    }
    let url = if url.contains("://") { Call::get(url)?.url().to_string() } else { format!("{shown}/{url}") };
    Ok(Fetched { archive, url, manifest_digest: None })
}

fn from_registry(url: &str, flags: &ChartFlags) -> Result<Fetched, Failure> {
    let reference: Reference = url.parse().map_err(|error| format!("invalid chart reference: {error}"))?;
    let plain = if flags.plain_http { Plain::Yes } else { Plain::No };
    let registry = flags.login.registry(&reference, plain)?;
    let fetched = wait(pulled(&registry, &reference, flags.range()))?;
    fetched.map_err(|error| flags.login.explain(&reference, error))
}

async fn pulled(registry: &OciRegistry, reference: &Reference, range: &str) -> Result<Fetched, PortError> {
    let repository = reference.repository();
    let wanted = match (reference.digest(), reference.tag()) {
        (Some(digest), _) => digest.to_owned(),
        (None, Some(tag)) if range.is_empty() || tag == range.replace('+', "_") => tag.to_owned(),
        (None, Some(tag)) => {
            return Err(refused(format!("chart reference and version mismatch: {tag} is not {range}")));
        }
        // What is no range is asked for without listing all tags.
        (None, None) if Version::parse_strict(range).is_ok() => range.replace('+', "_"),
        (None, None) => {
            let tags = registry.tags(repository).await?;
            chart_tag(&tags, range).map_err(|why| refused(format!("{repository}: {why}")))?
        }
    };
    let manifest = registry.manifest(repository, &wanted).await?;
    let layer = manifest.layer(Some(HELM_CHART)).or_else(|error| {
        // Helm's first registries had charts under this name.
        manifest.layer(Some("application/tar+gzip")).map_err(|_| error)
    })?;
    let archive = registry.blob(repository, layer).await?;
    let url = format!("oci://{repository}{}{wanted}", if reference.digest().is_some() { '@' } else { ':' });
    Ok(Fetched { archive, url, manifest_digest: Some(manifest.digest) })
}
