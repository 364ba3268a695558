//! Charts and repositories from elsewhere: from folders of the disk, from what was fetched before, from the network.

use super::charts::ChartFolders;
use super::lock::{self, Archives, Entries, Locked, Wanted};
use crate::Failure;
use crate::build::login as git_login;
use crate::remote::chart::{self, ChartFlags};
use crate::remote::login::{LoginFlags, Plain};
use crate::remote::wait;
use gitops_controllers::fleet::{Charts, RemoteChart, RemoteFiles, RemoteTree};
use gitops_controllers::source::highest_tag;
use gitops_core::artifact::{pack, unpack};
use gitops_core::git_location::{GitLocation, LocalRepositories, Transport};
use gitops_core::ports::{FetchRequest, GitReference, GitRemote as _, Registry as _, Secret};
use gitops_core::revision::Revision;
use gitops_core::tree::{Limits, Source};
use gitops_git::{Git, Options, SshLogin};
use gitops_oci::Reference;
use helm_rs::Warnings;
use helm_rs::chart::Chart;
use std::collections::HashMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Flags that say what may be fetched, and where it is kept.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Charts and repositories from elsewhere")]
pub(crate) struct FetchFlags {
    /// Folder with charts that are not in the repository: NAME-VERSION.tgz, or NAME/Chart.yaml (repeatable). What it holds is
    /// fetched from nowhere.
    #[arg(long, value_name = "FOLDER")]
    charts: Vec<PathBuf>,
    /// Fetch charts of HelmRepositories and OCIRepositories, and other repositories, over the network. What ranges, tags and
    /// branches mean is written to the lock file, and held to from then on. Without the flag nothing is fetched: what the
    /// lock file names is taken from the folder of archives, and the rest is reported and left out.
    #[arg(long)]
    fetch: bool,
    /// Ask anew what ranges, tags and branches mean, and fetch what has changed.
    #[arg(long)]
    update: bool,
    /// The lock file; by default gitops.lock in the repository's root.
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// The folder that keeps archives by digest; by default gitops/archives in the user's cache.
    #[arg(long, value_name = "FOLDER")]
    archives: Option<PathBuf>,
    /// A name and a password for one host (repeatable). Docker's configuration serves for registries, and git's credential
    /// helpers and ssh's own configuration for git. Logins that the repository's Secrets hold are not used.
    #[arg(long = "login", value_name = "HOST=NAME:PASSWORD", value_parser = host_login)]
    logins: Vec<HostLogin>,
    /// Trust the authorities of this file, in PEM, beside the usual ones.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// Whom one host knows.
#[derive(Clone, Debug)]
struct HostLogin {
    host: String,
    username: String,
    password: Secret,
}

/// Reads a login. What is none is refused later: clap would quote the text, and with it the password.
#[allow(clippy::unnecessary_wraps, reason = "what clap calls")]
fn host_login(text: &str) -> Result<HostLogin, Infallible> {
    let (host, rest) = text.split_once('=').unwrap_or_default();
    let (username, password) = rest.split_once(':').unwrap_or_default();
    Ok(HostLogin { host: host.to_owned(), username: username.to_owned(), password: Secret::new(password) })
}

type Slot = Arc<OnceLock<Result<Locked, String>>>;

/// Brings what is not in the repository.
pub(super) struct Fetcher<'a> {
    flags: &'a FetchFlags,
    folders: ChartFolders<'a>,
    archives: Option<Archives>,
    lock: PathBuf,
    entries: Entries,
    /// What this run has asked for; each once.
    known: Mutex<HashMap<Wanted, Slot>>,
}

impl<'a> Fetcher<'a> {
    /// Reads the lock file: that of the tree, or the one that a flag names.
    pub(super) fn new(flags: &'a FetchFlags, root: &Path, source: &dyn Source) -> Result<Self, Failure> {
        if flags.logins.iter().any(|login| login.host.is_empty() || login.username.is_empty()) {
            return Err("--login: a login has the form HOST=NAME:PASSWORD".into());
        }
        let path = flags.lock.clone().unwrap_or_else(|| root.join(lock::FILE));
        let mut entries = match std::fs::read(&path) {
            Ok(text) => lock::read(&text, &path.display().to_string())?,
            Err(_) => Entries::default(),
        };
        // A commit's own lock file says what the commit means.
        if flags.lock.is_none()
            && let Ok(text) = source.read(lock::FILE)
        {
            entries.extend(lock::read(&text, lock::FILE)?);
        }
        Ok(Self {
            flags,
            folders: ChartFolders::new(&flags.charts),
            archives: flags.archives.clone().or_else(Archives::of_user).map(Archives::new),
            lock: path,
            entries,
            known: Mutex::default(),
        })
    }

    /// Writes what was resolved. Entries that this run did not ask for stay.
    pub(super) fn finish(self) -> Result<(), Failure> {
        if !self.may_fetch() {
            return Ok(());
        }
        let mut entries = match std::fs::read(&self.lock) {
            Ok(text) => lock::read(&text, &self.lock.display().to_string())?,
            Err(_) => Entries::default(),
        };
        for (wanted, slot) in self.known.into_inner().unwrap_or_else(PoisonError::into_inner) {
            if let Some(Ok(locked)) = slot.get() {
                entries.insert(wanted, locked.clone());
            }
        }
        if entries.is_empty() { Ok(()) } else { lock::write(&self.lock, &entries) }
    }

    fn may_fetch(&self) -> bool {
        self.flags.fetch || self.flags.update
    }

    fn archives(&self) -> Result<&Archives, String> {
        self.archives
            .as_ref()
            .ok_or_else(|| "there is no folder for archives: name one with --archives".to_owned())
    }

    /// Finds out what something is, and sees to its archive.
    fn resolve(
        &self,
        wanted: &Wanted,
        fetch: impl FnOnce(Option<&Locked>) -> Result<(Locked, Arc<[u8]>), Failure>,
    ) -> Result<Locked, String> {
        let slot = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(wanted.clone()).or_default())
        };
        slot.get_or_init(|| {
            let archives = self.archives()?;
            let locked = self.entries.get(wanted).filter(|_| !self.flags.update);
            if let Some(locked) = locked && archives.get(&locked.digest).is_some() {
                return Ok(locked.clone());
            }
            if !self.may_fetch() {
                return Err(match locked {
                    Some(locked) => format!(
                        "version {} is locked, and its archive is not in the folder of archives: fetch it with --fetch",
                        locked.version
                    ),
                    None => "fetch it with --fetch, or name a folder that holds it with --charts".to_owned(),
                });
            }
            let (mut made, content) = fetch(locked).map_err(|error| error.to_string())?;
            made.digest = archives.put(&content)?;
            match locked {
                Some(locked) if locked.digest != made.digest => Err(format!(
                    "{} has the digest {} now, and {} in the lock file: --update takes it all the same",
                    locked.version, made.digest, locked.digest
                )),
                _ => Ok(made),
            }
        })
        .clone()
    }

    fn content(&self, locked: &Locked) -> Result<Arc<[u8]>, String> {
        let content = self.archives()?.get(&locked.digest);
        content.ok_or_else(|| format!("the archive {} is damaged: remove it", locked.digest))
    }

    fn login(&self, url: &str) -> LoginFlags {
        let host = host_of(url);
        let login = self.flags.logins.iter().find(|login| login.host == host);
        LoginFlags::of(
            login.map(|login| (login.username.clone(), login.password.clone())),
            self.flags.ca_file.clone(),
        )
    }

    fn locked_chart(&self, chart: &RemoteChart) -> Result<Locked, String> {
        let wanted = wanted_chart(chart);
        self.resolve(&wanted, |locked| {
            anstream::eprintln!("fetching chart {} of {}", shown_chart(chart), without_login(&chart.url));
            self.fetch_chart(chart, locked)
        })
    }

    /// What is known of a chart before anything is fetched; nothing where it would be.
    fn peek(&self, chart: &RemoteChart) -> Option<String> {
        let locked = self.entries.get(&wanted_chart(chart)).filter(|_| !self.flags.update);
        let archives = self.archives.as_ref();
        let is_there =
            locked.is_some_and(|locked| archives.is_some_and(|all| all.get(&locked.digest).is_some()));
        (is_there || !self.may_fetch()).then(|| format!("{locked:?} {is_there}"))
    }

    fn fetch_chart(
        &self,
        chart: &RemoteChart,
        locked: Option<&Locked>,
    ) -> Result<(Locked, Arc<[u8]>), Failure> {
        let login = self.login(&chart.url);
        let is_registry = chart.url.starts_with("oci://");
        let manifest = locked.map(|locked| locked.manifest.as_str()).filter(|digest| !digest.is_empty());
        let url = chart.url.trim_end_matches('/');
        let whole = if chart.name.is_empty() { url.to_owned() } else { format!("{url}/{}", chart.name) };
        let fetched = if is_registry {
            let (name, range) = match (manifest, chart.tag.as_str()) {
                (Some(digest), _) => (format!("{whole}@{digest}"), ""),
                (None, "") if chart.semver_filter.is_empty() => (whole, chart.version.as_str()),
                (None, "") => {
                    let tag = self.tag(&whole, &chart.version, &chart.semver_filter, chart.insecure, None)?;
                    (format!("{whole}:{tag}"), "")
                }
                (None, tag) if tag.starts_with("sha256:") => (format!("{whole}@{tag}"), ""),
                (None, tag) => (format!("{whole}:{tag}"), ""),
            };
            chart::fetch(&name, &ChartFlags::of_dependency("", range, login, chart.insecure))?
        } else {
            let range = locked.map_or(chart.version.as_str(), |locked| &locked.version);
            chart::fetch(&chart.name, &ChartFlags::of_dependency(url, range, login, false))?
        };
        let loaded = Chart::load_archive(&fetched.archive, &mut Warnings::new())
            .map_err(|error| format!("{}: {error}", fetched.url))?;
        let version = loaded.metadata().version.to_string();
        let manifest = fetched.manifest_digest.unwrap_or_default();
        Ok((Locked { version, manifest, digest: String::new() }, fetched.archive))
    }

    fn tag(
        &self,
        url: &str,
        range: &str,
        filter: &str,
        insecure: bool,
        media: Option<&str>,
    ) -> Result<String, Failure> {
        let reference: Reference = url.parse()?;
        let registry = self.login(url).registry(&reference, plain(insecure))?;
        let tags = wait(registry.tags(reference.repository()))?
            .map_err(|error| self.login(url).explain(&reference, error))?;
        let filter = Some(filter).filter(|filter| !filter.is_empty());
        Ok(highest_tag(&tags, range, filter, media).map(str::to_owned)?)
    }

    fn fetch_git(
        &self,
        request: &GitRequest<'_>,
        locked: Option<&Locked>,
    ) -> Result<(Locked, Arc<[u8]>), Failure> {
        // What a repository names is fetched for it, and no other folder of this machine is read for that.
        let mut location = GitLocation::of_user(request.url, LocalRepositories::Refused)?;
        let host = host_of(request.url);
        if let Some(login) = self.flags.logins.iter().find(|login| login.host == host) {
            location.credentials.username = Some(login.username.clone());
            location.credentials.password = Some(login.password.clone());
        }
        let mut options = Options::default();
        options.ssh_login = SshLogin::OfUser;
        let git = Git::new(options);
        let mut reference = request.reference.clone();
        if let Some(revision) = locked.and_then(|locked| locked.version.parse::<Revision>().ok()) {
            reference = GitReference { commit: Some(revision.hash().to_owned()), ..GitReference::default() };
        }
        let ask = |location: &GitLocation| {
            let mut asked = FetchRequest::new(location.clone(), reference.clone());
            asked.submodules = request.submodules;
            asked.directories = request.directories.to_vec();
            asked
        };
        let mut result = wait(git.fetch(&ask(&location)))?;
        let is_refused =
            result.as_ref().is_err_and(|error| error.to_string().contains("authentication required"));
        if is_refused
            && location.transport == Transport::Https
            && location.credentials.password.is_none()
            && let Some((user, password)) = git_login::of_user(&location)
        {
            location.credentials.username = Some(user);
            location.credentials.password = Some(Secret::new(password));
            result = wait(git.fetch(&ask(&location)))?;
        }
        let checkout = result?;
        let version = match locked {
            Some(locked) => locked.version.clone(),
            None => checkout.revision.to_string(),
        };
        let archive = pack(&checkout.tree, None)?.content;
        Ok((Locked { version, ..Locked::default() }, archive.into()))
    }

    fn fetch_artifact(
        &self,
        request: &OciRequest<'_>,
        locked: Option<&Locked>,
    ) -> Result<(Locked, Arc<[u8]>), Failure> {
        let reference: Reference = request.url.parse()?;
        let login = self.login(request.url);
        let registry = login.registry(&reference, plain(request.insecure))?;
        let media = Some(request.media_type).filter(|media| !media.is_empty());
        let manifest = locked.map(|locked| locked.manifest.clone()).filter(|digest| !digest.is_empty());
        let tag = match (manifest, request.digest, request.semver, request.tag) {
            (Some(digest), ..) => digest,
            (None, "", "", "") => "latest".to_owned(),
            (None, "", "", tag) => tag.to_owned(),
            (None, "", range, _) => {
                self.tag(request.url, range, request.semver_filter, request.insecure, media)?
            }
            (None, digest, ..) => digest.to_owned(),
        };
        let fetched = wait(async {
            let manifest = registry.manifest(reference.repository(), &tag).await?;
            let layer = manifest.layer(media)?;
            Ok((registry.blob(reference.repository(), layer).await?, manifest.digest.clone()))
        })?;
        let (content, manifest) = fetched.map_err(|error| login.explain(&reference, error))?;
        let name = if tag.starts_with("sha256:") { String::new() } else { tag };
        let version = match locked {
            Some(locked) => locked.version.clone(),
            None => Revision::new(&name, "sha256", manifest.trim_start_matches("sha256:")).to_string(),
        };
        Ok((Locked { version, manifest, digest: String::new() }, content.to_vec().into()))
    }
}

fn wanted_chart(chart: &RemoteChart) -> Wanted {
    let reference = match (chart.tag.as_str(), chart.semver_filter.as_str()) {
        ("", "") => chart.version.clone(),
        ("", filter) => format!("{} of {filter}", chart.version),
        (tag, _) if tag.starts_with("sha256:") => format!("@{tag}"),
        (tag, _) => format!(":{tag}"),
    };
    Wanted { url: without_login(&chart.url), chart: chart.name.clone(), reference }
}

struct GitRequest<'r> {
    url: &'r str,
    reference: &'r GitReference,
    submodules: bool,
    directories: &'r [String],
}

struct OciRequest<'r> {
    url: &'r str,
    digest: &'r str,
    semver: &'r str,
    semver_filter: &'r str,
    tag: &'r str,
    media_type: &'r str,
    insecure: bool,
}

fn plain(insecure: bool) -> Plain {
    if insecure { Plain::Yes } else { Plain::No }
}

/// A URL as it is shown: without a name and a password.
fn without_login(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) =
                rest.split_once('/').map_or((rest, String::new()), |(a, p)| (a, format!("/{p}")));
            format!("{scheme}://{}{path}", authority.rsplit('@').next().unwrap_or_default())
        }
        None => url.to_owned(),
    }
}

/// The host of a URL, with its port.
fn host_of(url: &str) -> String {
    let rest = without_login(url);
    let rest = rest.split_once("://").map_or(rest.as_str(), |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned()
}

fn shown_chart(chart: &RemoteChart) -> String {
    let last = chart.url.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let name = if chart.name.is_empty() { last } else { &chart.name };
    let version = if chart.tag.is_empty() { &chart.version } else { &chart.tag };
    if version.is_empty() { name.to_owned() } else { format!("{name} {version}") }
}

fn shown_reference(reference: &GitReference, submodules: bool, directories: &[String]) -> String {
    let parts = [
        ("commit", &reference.commit),
        ("name", &reference.name),
        ("semver", &reference.semver),
        ("tag", &reference.tag),
        ("branch", &reference.branch),
    ];
    let mut shown: Vec<String> =
        parts.iter().filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?))).collect();
    if submodules {
        shown.push("submodules".to_owned());
    }
    shown.extend((!directories.is_empty()).then(|| format!("directories {}", directories.join(" "))));
    shown.join(", ")
}

impl Charts for Fetcher<'_> {
    fn chart(&self, chart: &RemoteChart) -> Result<Chart, String> {
        let (found, others) = self.folders.chart(chart)?;
        if let Some(found) = found {
            return Ok(found);
        }
        let told = |mut why: String| {
            if !others.is_empty() {
                why.push_str(&format!("; the folders of --charts hold {}", others.join(", ")));
            }
            format!(
                "chart {} of {} is not in this repository: {why}",
                shown_chart(chart),
                without_login(&chart.url)
            )
        };
        let locked = self.locked_chart(chart).map_err(told)?;
        let content = self.content(&locked)?;
        Chart::load_archive(&content, &mut Warnings::new()).map_err(|error| error.to_string())
    }

    fn identity(&self, chart: &RemoteChart) -> Option<String> {
        let folders = self.folders.identity(chart)?;
        if !folders.is_empty() {
            // Where they hold other versions alone, the lock decides.
            return Some(format!("{folders}{}", self.peek(chart)?));
        }
        Some(self.locked_chart(chart).map_or_else(|why| why, |locked| locked.digest))
    }

    fn tree(&self, tree: &RemoteTree) -> Result<RemoteFiles, String> {
        let (wanted, locked) = match tree {
            RemoteTree::Git { url, reference, submodules, directories } => {
                let shown = shown_reference(reference, *submodules, directories);
                let wanted = Wanted { url: without_login(url), reference: shown, ..Wanted::default() };
                let locked = self.resolve(&wanted, |locked| {
                    anstream::eprintln!("fetching {} ({})", without_login(url), wanted.reference);
                    self.fetch_git(
                        &GitRequest { url, reference, submodules: *submodules, directories },
                        locked,
                    )
                });
                (wanted, locked)
            }
            RemoteTree::Oci { url, digest, semver, semver_filter, tag, media_type, insecure } => {
                let parts = [
                    ("digest", digest),
                    ("semver", semver),
                    ("of", semver_filter),
                    ("tag", tag),
                    ("layer", media_type),
                ];
                let parts: Vec<String> = parts
                    .iter()
                    .filter(|(_, value)| !value.is_empty())
                    .map(|(name, value)| format!("{name} {value}"))
                    .collect();
                let wanted =
                    Wanted { url: without_login(url), reference: parts.join(", "), ..Wanted::default() };
                let locked = self.resolve(&wanted, |locked| {
                    anstream::eprintln!("fetching {} ({})", without_login(url), wanted.reference);
                    let request = OciRequest {
                        url,
                        digest,
                        semver,
                        semver_filter,
                        tag,
                        media_type,
                        insecure: *insecure,
                    };
                    self.fetch_artifact(&request, locked)
                });
                (wanted, locked)
            }
            _ => return Err("such a source can't be fetched here".to_owned()),
        };
        let locked = locked?;
        let content = self.content(&locked)?;
        let tree = unpack(&content, Limits::default())
            .map_err(|error| format!("{}: {error}", without_login(&wanted.url)))?;
        Ok(RemoteFiles { tree: Arc::new(tree), revision: format!("{} {}", locked.version, locked.digest) })
    }
}
