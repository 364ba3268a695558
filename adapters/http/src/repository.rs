//! A chart repository: its index, asked for only where it changed, and its charts.

use gitops_core::ports::{ChartRepository, PortError};
use gitops_transport::{Authorization, Call, Client, Method, Options, Redirects, Url, same_host};
use std::fmt;
use std::sync::Arc;

/// Where a chart repository is, and how it is spoken to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RepositoryOptions {
    /// The repository's address, above its `index.yaml`. A name and a password in it are its credential.
    pub url: String,
    /// The credential.
    pub authorization: Option<Authorization>,
    /// Who gets the credential.
    pub pass_credentials: PassCredentials,
    /// Bytes of an index; 50 MiB by default, as in Flux.
    pub index_bytes: u64,
    /// Bytes of a chart's archive; 10 MiB by default, as in Flux.
    pub chart_bytes: u64,
    /// Certificates, proxy, deadlines and retries.
    pub transport: Options,
}

impl RepositoryOptions {
    /// Makes the options of a repository with the defaults.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            authorization: None,
            pass_credentials: PassCredentials::default(),
            index_bytes: 50 << 20,
            chart_bytes: 10 << 20,
            transport: Options::default(),
        }
    }
}

/// Who gets a repository's credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PassCredentials {
    /// The repository's host alone.
    #[default]
    OwnHost,
    /// Every host that its index or a redirect names: `passCredentials: true`.
    Everywhere,
}

/// A chart repository over HTTP.
pub struct HttpRepository {
    base: Url,
    options: RepositoryOptions,
    client: Client,
}

impl fmt::Debug for HttpRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRepository").field("url", &shown(&self.base)).finish_non_exhaustive()
    }
}

impl HttpRepository {
    /// Makes the adapter of one repository. Nothing is asked yet.
    ///
    /// # Errors
    /// Where the URL is none of http or https, or a certificate, a key or the proxy's address can't be read.
    pub fn new(mut options: RepositoryOptions) -> Result<Self, PortError> {
        let call = Call::get(&options.url)?;
        options.authorization = options.authorization.or_else(|| call.credential().cloned());
        // The text of the URL may hold a password.
        options.url = String::new();
        let client = Client::new(options.transport.clone())?;
        Ok(Self { base: call.url().clone(), options, client })
    }

    /// Returns the address of a file as the index names it: absolute, or seen from the repository.
    ///
    /// # Errors
    /// Where it is no address.
    fn resolved(&self, reference: &str) -> Result<Url, PortError> {
        let refused =
            |error| PortError::stalled(format!("{}: invalid chart URL: {error}", shown(&self.base)));
        if let Ok(absolute) = Url::parse(reference) {
            return Ok(absolute);
        }
        let mut directory = self.base.clone();
        if !directory.path().ends_with('/') {
            directory.set_path(&format!("{}/", directory.path()));
        }
        let mut url = directory.join(reference).map_err(refused)?;
        // A repository that needs a query needs it for each of its files.
        if url.query().is_none() {
            url.set_query(self.base.query());
        }
        Ok(url)
    }

    fn call(&self, url: Url, limit: u64) -> Result<Call, PortError> {
        let everywhere = self.options.pass_credentials == PassCredentials::Everywhere;
        let is_own = everywhere || same_host(&self.base, &url);
        let redirects = if everywhere { Redirects::WithCredentials } else { Redirects::Followed };
        let credential = self.options.authorization.clone().filter(|_| is_own);
        Ok(Call::to(Method::GET, url)?.limit(limit).redirects(redirects).authorization(credential))
    }
}

impl ChartRepository for HttpRepository {
    async fn index(&self, known: Option<&str>) -> Result<Option<(Arc<[u8]>, Option<String>)>, PortError> {
        let limit = self.options.index_bytes;
        let mut call = self.call(self.resolved("index.yaml")?, limit)?.header("accept-encoding", "gzip")?;
        if let Some(tag) = known {
            call = call.header("if-none-match", tag)?;
        }
        let answer = self.client.call(&call).await?;
        if answer.status.as_u16() == 304 && known.is_some() {
            return Ok(None);
        }
        let answer = answer.success()?;
        let tag = answer.header("etag").filter(|tag| tag.len() <= 1_024).map(str::to_owned);
        if tag.is_some() && tag.as_deref() == known {
            return Ok(None);
        }
        let index = answer.decoded(limit)?;
        Ok(Some((Arc::from(&index[..]), tag)))
    }

    async fn chart(&self, url: &str) -> Result<Arc<[u8]>, PortError> {
        let call = self.call(self.resolved(url)?, self.options.chart_bytes)?;
        let answer = self.client.call(&call).await?.success()?;
        Ok(Arc::from(&answer.body[..]))
    }
}

fn shown(url: &Url) -> String {
    format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}
