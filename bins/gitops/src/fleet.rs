//! What the commands about whole repositories share: which files, which charts, which cache, how many threads.

mod charts;
mod fetch;
mod folder;
mod git;
mod lock;
mod snapshot;
mod stats;
mod threads;

use crate::Failure;
use crate::printable::Printable;
use gitops_controllers::fleet::{App, Cache, Fleet, Gap, KeepNodes, Rendered, Severity};
use gitops_core::tree::{MemTree, Source};
use gitops_fs::Folder;
use gitops_sops::AgeKeys;
use gitops_yaml::{Document, FileId, Node, ReadOptions, read_stream};
use std::path::{Path, PathBuf};

pub(crate) use folder::{FolderArgs, TextOrJson};
pub(crate) use git::{changed_revisions, commit_tree};
pub(crate) use snapshot::Snapshot;

/// Flags that all commands about fleets have.
#[derive(clap::Args, Debug)]
pub(crate) struct FleetFlags {
    /// Look for Flux Kustomizations below this folder of the repository only, such as one cluster's.
    #[arg(long = "path", value_name = "FOLDER")]
    below: Option<String>,
    /// Keep what was rendered in this folder, and render only what has changed since.
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    /// age keys that open what SOPS encrypted, as age-keygen writes them (repeatable; SOPS_AGE_KEY and SOPS_AGE_KEY_FILE are
    /// read too). Without a key **SOPS** stands in place of each encrypted value, and __SOPS__ within other texts.
    #[arg(long, value_name = "FILE")]
    sops_age_key_file: Vec<PathBuf>,
    /// The Kubernetes version that charts see.
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
    /// Further API versions that charts see (repeatable, comma-separated).
    #[arg(short = 'a', long, value_name = "VERSION", value_delimiter = ',')]
    api_versions: Vec<String>,
    /// How many threads work; one a processor by default.
    #[arg(long, value_name = "COUNT")]
    threads: Option<usize>,
    #[command(flatten)]
    fetch: fetch::FetchFlags,
}

/// A repository on disk.
pub(crate) struct Repository {
    /// Its root: where `.git` is, or the folder that was named.
    pub(crate) root: PathBuf,
    pub(crate) folder: Snapshot,
    /// The folder that was named, seen from the root.
    pub(crate) inside: String,
}

impl Repository {
    /// Finds the repository that a folder belongs to.
    pub(crate) fn find(path: &Path) -> Result<Self, Failure> {
        let named = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
        if !named.is_dir() {
            return Err(format!("{} is no folder", path.display()).into());
        }
        let root = named.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(&named).to_owned();
        let inside = named.strip_prefix(&root)?.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
        let inside = if inside.is_empty() { ".".to_owned() } else { inside };
        Ok(Self { folder: Snapshot::new(Folder::new(&root)?), root, inside })
    }

    /// As [`Repository::find`], but a folder whose paths begin in itself is a repository of its own.
    pub(crate) fn find_to_render(path: &Path) -> Result<Self, Failure> {
        let around = Self::find(path)?;
        let named = around.root.join(&around.inside);
        if around.inside == "." || !is_repository_itself(&around.root, &named) {
            return Ok(around);
        }
        let what = format!("{} is taken for a repository of its own: its paths begin there", path.display());
        anstream::eprintln!("{}", coloured(&Gap::new(Severity::Note, "", what)));
        Ok(Self { folder: Snapshot::new(Folder::new(&named)?), root: named, inside: ".".to_owned() })
    }
}

/// How many files are looked into for paths.
const MOST_FILES: usize = 1_000;

/// Whether the paths of the Flux Kustomizations in a folder are there, seen from the folder itself, and none of them is seen from
/// the repository around it: so it is with an example of a repository within another.
fn is_repository_itself(around: &Path, named: &Path) -> bool {
    let mut open = vec![named.to_owned()];
    let (mut files, mut found) = (0, false);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(path),
                Ok(kind) if kind.is_file() && is_yaml => {
                    files += 1;
                    if files > MOST_FILES {
                        return false;
                    }
                    let text = std::fs::read(&path).unwrap_or_default();
                    for below in paths_in(&text) {
                        if around.join(&below).is_dir() || !named.join(&below).is_dir() {
                            return false;
                        }
                        found = true;
                    }
                }
                _ => {}
            }
        }
    }
    found
}

/// Returns the paths of Flux Kustomizations in a file.
fn paths_in(text: &[u8]) -> Vec<String> {
    if !String::from_utf8_lossy(text).contains("kustomize.toolkit.fluxcd.io/") {
        return Vec::new();
    }
    let documents = read_stream(text, FileId::NONE, &ReadOptions::yaml11()).unwrap_or_default();
    let path = |document: &Document| {
        let root = &document.root;
        let is_flux = root.get("kind").and_then(Node::as_str) == Some("Kustomization")
            && root.get("apiVersion")?.as_str()?.starts_with("kustomize.toolkit.fluxcd.io/");
        let path = root.at_path(&["spec", "path"])?.as_str()?.trim_start_matches(['.', '/']);
        (is_flux && !path.is_empty()).then(|| path.to_owned())
    };
    documents.iter().filter_map(path).collect()
}

impl FleetFlags {
    /// Where roots are looked for: `--path` seen from the repository's root, or else the folder that was named.
    pub(crate) fn below<'a>(&'a self, inside: &'a str) -> &'a str {
        self.below.as_deref().unwrap_or(inside)
    }

    /// Renders a repository, with the cache where one is wanted.
    pub(crate) fn render(&self, repository: &Repository, keep: KeepNodes<'_>) -> Result<Rendered, Failure> {
        let Repository { root, folder, inside } = repository;
        let below = self.below(inside);
        let Some(kept) = &self.cache else {
            return self.render_with(root, folder, below, keep, &mut Cache::default());
        };
        let (file, stamp) = (kept.join("fleet"), stamp());
        let stats = folder.remember(kept.join("files"));
        let mut cache =
            std::fs::read(&file).map_or_else(|_| Cache::default(), |bytes| Cache::from_bytes(bytes, &stamp));
        let render = |fleet: Fleet<'_>| fleet.keep_nodes(keep).digests(stats).render(&mut cache);
        let rendered = self.with_fleet(root, folder, below, render)?;
        // Who edits files while they are read gets no cache of the mixture.
        if stats.is_steady() {
            if cache.has_changed() {
                write_private(&file, |out| cache.write_to(&stamp, out))?;
            }
            stats.save(|path| folder.has(path))?;
        }
        Ok(rendered)
    }

    /// Renders a tree with a cache of the caller's.
    pub(crate) fn render_with(
        &self,
        root: &Path,
        source: &(dyn Source + Sync),
        below: &str,
        keep: KeepNodes<'_>,
        cache: &mut Cache,
    ) -> Result<Rendered, Failure> {
        self.with_fleet(root, source, below, |fleet| fleet.keep_nodes(keep).render(cache))
    }

    /// Wires a fleet to the charts, the threads and the cluster's facts that the flags name.
    pub(crate) fn with_fleet<R>(
        &self,
        root: &Path,
        source: &(dyn Source + Sync),
        below: &str,
        job: impl FnOnce(Fleet<'_>) -> R,
    ) -> Result<R, Failure> {
        let mut capabilities = helm_rs::Capabilities::default();
        if let Some(version) = &self.kube_version {
            capabilities.kube_version = helm_rs::KubeVersion::parse(version)
                .map_err(|error| format!("invalid kube version '{version}': {error}"))?;
        }
        capabilities.api_versions.extend(self.api_versions.iter().map(Into::into));
        let charts = fetch::Fetcher::new(&self.fetch, root, source)?;
        let workers = threads::Threads::new(self.threads);
        let keys = self.keys()?;
        let fleet = Fleet::new(source)
            .charts(&charts)
            .workers(&workers)
            .below(below)
            .capabilities(&capabilities)
            .keys(&keys);
        let result = job(fleet);
        charts.finish()?;
        Ok(result)
    }

    /// Reads the keys of the flag and of sops' own variables.
    fn keys(&self) -> Result<AgeKeys, Failure> {
        let mut keys = AgeKeys::default();
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        if let Some(text) = variable("SOPS_AGE_KEY") {
            keys.add(&text.to_string_lossy()).map_err(|error| format!("SOPS_AGE_KEY: {error}"))?;
        }
        let more = variable("SOPS_AGE_KEY_FILE").map(PathBuf::from);
        for path in self.sops_age_key_file.iter().chain(&more) {
            let text =
                std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            keys.add(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(keys)
    }
}

/// Tells this program from others of its version, whose renders may differ.
fn stamp() -> String {
    let found = std::env::current_exe().and_then(std::fs::metadata);
    let changed = found.as_ref().ok().and_then(|found| found.modified().ok());
    let since = changed.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default();
    format!("{} {}", found.map_or(0, |found| found.len()), since.as_nanos())
}

/// Writes a file whole or not at all. Rendered Secrets are nobody else's business.
fn write_private(
    path: &Path,
    write: impl FnOnce(&mut std::io::BufWriter<std::fs::File>) -> std::io::Result<()>,
) -> std::io::Result<()> {
    use std::io::Write;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&fresh).and_then(|file| {
        let mut out = std::io::BufWriter::with_capacity(1 << 16, file);
        write(&mut out)?;
        out.flush()
    });
    written.and_then(|()| std::fs::rename(&fresh, path)).inspect_err(|_| {
        let _ = std::fs::remove_file(&fresh);
    })
}

/// Prints what is wrong or not known to stderr, and returns how many errors there were.
pub(crate) fn report(rendered: &Rendered) -> usize {
    let mut errors = 0;
    if rendered.apps.is_empty() && rendered.gaps.is_empty() {
        let what = "no Flux Kustomization is here, so that nothing is applied";
        let help = "gitops build DIR builds a kustomization that none names";
        anstream::eprintln!("{}", coloured(&Gap::new(Severity::Note, "", what).help(help)));
    }
    for (app, gap) in rendered.all_gaps() {
        errors += usize::from(gap.severity == Severity::Error);
        let app = app.map(|id| format!(" [{id}]")).unwrap_or_default();
        anstream::eprintln!("{}{app}", coloured(gap));
    }
    errors
}

/// `file:line:column: error: message`, the word in its colour.
pub(crate) fn coloured(gap: &Gap) -> String {
    use anstyle::{AnsiColor, Style};
    let colour = match gap.severity {
        Severity::Error => AnsiColor::Red,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Note | Severity::Unresolved => AnsiColor::Cyan,
    };
    let style = Style::new().bold().fg_color(Some(colour.into()));
    let place = if gap.place.is_empty() { String::new() } else { format!("{}: ", Printable(&gap.place)) };
    let help =
        if gap.help.is_empty() { String::new() } else { format!("\n  help: {}", Printable(&gap.help)) };
    format!("{place}{style}{}{style:#}: {}{help}", gap.severity.as_str(), Printable(&gap.message))
}

/// Says which apps there are, where a selector names none.
pub(crate) fn unknown(selector: &str, apps: &[App]) -> Failure {
    let names: Vec<String> = apps
        .iter()
        .map(|app| app.id.to_string())
        .chain(apps.iter().flat_map(|app| app.objects.iter().map(|object| object.id.to_string())))
        .collect();
    match gitops_core::did_you_mean(selector, names.iter().map(String::as_str)) {
        Some(near) => format!("nothing in this fleet is called {selector}; did you mean {near}?").into(),
        None => format!("nothing in this fleet is called {selector}").into(),
    }
}

/// Either a folder on disk or a commit in memory.
pub(crate) enum Side {
    Folder(Box<Snapshot>),
    Commit(MemTree),
}

impl Side {
    pub(crate) fn source(&self) -> &(dyn Source + Sync) {
        match self {
            Self::Folder(folder) => &**folder,
            Self::Commit(tree) => tree,
        }
    }
}
