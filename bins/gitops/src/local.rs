//! What a Kustomization makes of a local folder: the flags and the work of `build kustomization` and `diff kustomization`.

use crate::Failure;
use crate::cluster::{ClusterFlags, Target, address, fetch, say, worded};
use gitops_controllers::fleet::{Local, specification};
use gitops_controllers::secret::secret_data;
use gitops_core::api::Kustomization;
use gitops_core::object::{Gvk, ObjectId};
use gitops_core::ports::{Cluster as _, ObjectRef};
use gitops_core::substitute::{Strictness, Variables};
use gitops_core::tree::{EntryKind, FileMode, IgnoreRules, Source, TreeError, join};
use gitops_fs::Folder;
use gitops_kube::KubeCluster;
use gitops_yaml::{FileId, Node, ReadOptions, read_stream};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

/// Which Kustomization, and which files.
#[derive(clap::Args, Debug)]
pub(crate) struct LocalFlags {
    /// The Kustomization's name.
    #[arg(value_name = "NAME")]
    name: String,
    /// The folder with the manifests: what the Kustomization's path is in its source.
    #[arg(long, value_name = "DIR")]
    path: PathBuf,
    /// A file that holds the Kustomization; by default it is read from the cluster.
    #[arg(long, value_name = "FILE")]
    pub(crate) kustomization_file: Option<PathBuf>,
    /// Patterns of files to leave out, as in .gitignore, where the folder has no kustomization file.
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    ignore_paths: Vec<String>,
    /// Refuse variables that have neither a value nor a default.
    #[arg(long)]
    strict_substitute: bool,
    /// Follow Kustomizations among the objects, into the folders that --local-sources names.
    #[arg(long, short)]
    recursive: bool,
    /// The folders that hold the sources: KIND/NAMESPACE/NAME=DIR (repeatable, comma-separated).
    #[arg(long, value_name = "SOURCE=DIR", value_delimiter = ',', value_parser = pair)]
    local_sources: Vec<(String, PathBuf)>,
    /// Accepted as flux has it: builds are always done in memory.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    in_memory_build: Option<bool>,
    #[command(flatten)]
    pub(crate) cluster: ClusterFlags,
}

fn pair(text: &str) -> Result<(String, PathBuf), String> {
    let (source, folder) = text.split_once('=').ok_or("must be KIND/NAMESPACE/NAME=DIR")?;
    if source.split('/').count() != 3 {
        return Err(format!("'{source}' must be KIND/NAMESPACE/NAME"));
    }
    Ok((source.to_owned(), folder.into()))
}

/// What is asked of the cluster.
#[derive(Clone, Copy)]
pub(crate) enum Ask<'c> {
    /// Everything that is not in files.
    Cluster(&'c KubeCluster),
    /// The same, but a Kustomization that is not there is no error where a file has it.
    ClusterOrFile(&'c KubeCluster),
    /// Nothing: variables of ConfigMaps and Secrets are left out.
    Nothing,
}

impl<'c> Ask<'c> {
    fn cluster(self) -> Option<&'c KubeCluster> {
        match self {
            Self::Cluster(cluster) | Self::ClusterOrFile(cluster) => Some(cluster),
            Self::Nothing => None,
        }
    }
}

/// Builds the Kustomization, and behind it those that it leads to where that is wished.
pub(crate) async fn build(flags: &LocalFlags, ask: Ask<'_>) -> Result<Vec<Local>, Failure> {
    if flags.name.is_empty() {
        return Err("kustomization name is required".into());
    }
    if !flags.path.is_dir() {
        return Err(format!("invalid resource path {:?}", flags.path.display().to_string()).into());
    }
    let namespace = flags.cluster.namespace();
    let disk = Folder::new("/")?.remembering();
    let mut open = VecDeque::new();
    open.push_back((first(flags, ask, &namespace).await?, namespace, flags.path.clone()));
    let mut seen = BTreeSet::new();
    let mut parts = Vec::new();
    while let Some((manifest, namespace, folder)) = open.pop_front() {
        if !seen.insert(ObjectId { namespace: namespace.as_str().into(), ..ObjectId::of(&manifest) }) {
            continue;
        }
        let part = one(flags, ask, &disk, (manifest, &namespace, &folder)).await?;
        part.warnings.iter().for_each(say::warning);
        for nested in part.nested().filter(|_| flags.recursive) {
            let spec = specification(nested)?;
            let namespace = match &*ObjectId::of(nested).namespace {
                "" => namespace.clone(),
                own => own.to_owned(),
            };
            let below = folder_of(flags, &spec, &namespace, nested)?;
            open.push_back((nested.clone(), namespace, below));
        }
        parts.push(part);
    }
    Ok(parts)
}

/// Reads the Kustomization that is named: from the file, else from the cluster.
async fn first(flags: &LocalFlags, ask: Ask<'_>, namespace: &str) -> Result<Node, Failure> {
    let live = match ask.cluster() {
        Some(cluster) => {
            let target = address(Target::Kustomization.info(), namespace, &flags.name);
            match fetch(cluster, &target).await {
                Ok(live) => Some(live),
                Err(_) if matches!(ask, Ask::ClusterOrFile(_)) => None,
                Err(why) => return Err(format!("failed to get kustomization object: {why}").into()),
            }
        }
        None => None,
    };
    let Some(file) = &flags.kustomization_file else {
        return live.ok_or_else(|| "kustomization file is required for dry-run".into());
    };
    let shown = file.display();
    let text =
        std::fs::read(file).map_err(|why| format!("failed to read kustomization file {shown}: {why}"))?;
    let documents = read_stream(&text, FileId::NONE, &ReadOptions::yaml11())
        .map_err(|why| format!("failed to unmarshall kustomization file {shown}: {why}"))?;
    let is_wanted = |node: &Node| {
        let id = ObjectId::of(node);
        (&*id.group, &*id.kind, &*id.name)
            == ("kustomize.toolkit.fluxcd.io", "Kustomization", flags.name.as_str())
            && (id.namespace.is_empty() || id.namespace == namespace)
    };
    let mut found = documents.into_iter().map(|document| document.root).find(is_wanted).ok_or_else(|| {
        format!(
            "failed find kustomization with name '{}' and namespace '{namespace}' in file '{shown}'",
            flags.name
        )
    })?;
    // What the live one has applied is known to it alone.
    if let Some(status) = live.as_ref().and_then(|live| live.get("status")) {
        found.set("status", status.clone());
    }
    Ok(found)
}

/// Returns the folder of a Kustomization that was found among the objects.
fn folder_of(
    flags: &LocalFlags,
    spec: &Kustomization,
    namespace: &str,
    nested: &Node,
) -> Result<PathBuf, Failure> {
    let source = &spec.source_ref;
    let namespace = source.namespace.as_deref().filter(|name| !name.is_empty()).unwrap_or(namespace);
    let wanted = format!("{}/{namespace}/{}", source.kind, source.name);
    let found = flags.local_sources.iter().find(|(known, _)| *known == wanted);
    let (_, folder) = found.ok_or_else(|| {
        let name = ObjectId::of(nested).name;
        format!(
            "cannot get local path for {wanted} of kustomization {name}: name it with --local-sources {wanted}=DIR"
        )
    })?;
    let root = folder.canonicalize().map_err(|why| format!("{}: {why}", folder.display()))?;
    let below = root.join(spec.path.trim_start_matches('/'));
    let real = below.canonicalize().map_err(|why| format!("{}: {why}", below.display()))?;
    if !real.starts_with(&root) {
        return Err(format!("{} leads out of {}", below.display(), root.display()).into());
    }
    Ok(real)
}

async fn one(
    flags: &LocalFlags,
    ask: Ask<'_>,
    disk: &Folder,
    (manifest, namespace, folder): (Node, &str, &Path),
) -> Result<Local, Failure> {
    let spec = specification(&manifest)?;
    let variables = variables(ask.cluster(), namespace, &spec).await?;
    let real = folder.canonicalize()?;
    let path = real.to_str().ok_or("the path is no UTF-8")?.trim_start_matches('/');
    let strictness = if flags.strict_substitute { Strictness::Strict } else { Strictness::Lenient };
    let rules = IgnoreRules::of(&flags.ignore_paths.join("\n"));
    let hidden = Hidden { disk, below: path, rules };
    let source: &dyn Source = if flags.ignore_paths.is_empty() { disk } else { &hidden };
    Ok(Local::build(source, path, manifest, namespace, (&variables, strictness))?)
}

/// Gathers variables; without a cluster those that the Kustomization itself holds.
async fn variables(
    cluster: Option<&KubeCluster>,
    namespace: &str,
    spec: &Kustomization,
) -> Result<Variables, Failure> {
    let mut variables = Variables::default();
    let Some(post_build) = &spec.post_build else { return Ok(variables) };
    for reference in post_build.substitute_from.iter().filter(|_| cluster.is_some()) {
        let (kind, name) = (reference.kind.as_str(), reference.name.as_str());
        let gvk = Gvk::new("v1", kind);
        let target = ObjectRef { gvk, namespace: namespace.into(), name: name.into() };
        let found = match cluster {
            Some(cluster) => cluster.get(&target).await.map_err(worded)?,
            None => None,
        };
        let Some(found) = found else {
            if reference.optional {
                continue;
            }
            return Err(
                format!("var substitution failed: substitute from '{kind}/{name}' error: not found").into()
            );
        };
        if kind == "Secret" {
            for (name, value) in secret_data(&found)? {
                variables.set(name, &String::from_utf8_lossy(&value));
            }
        } else {
            let entries = found.get("data").and_then(Node::entries).unwrap_or_default();
            for entry in entries {
                if let (Some(name), Some(value)) = (entry.key.as_str(), entry.value.as_str()) {
                    variables.set(name, value);
                }
            }
        }
    }
    let own: &BTreeMap<_, _> = &post_build.substitute;
    own.iter().for_each(|(name, value)| variables.set(name, value));
    Ok(variables)
}

/// A folder of the disk in which some files are not listed.
struct Hidden<'d> {
    disk: &'d Folder,
    below: &'d str,
    rules: IgnoreRules,
}

impl Source for Hidden<'_> {
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, TreeError> {
        self.disk.read(path)
    }

    fn kind(&self, path: &str) -> Result<EntryKind, TreeError> {
        self.disk.kind(path)
    }

    fn mode(&self, path: &str) -> Result<FileMode, TreeError> {
        self.disk.mode(path)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, TreeError> {
        let mut names = self.disk.list(path)?;
        let inside = path.strip_prefix(self.below).map(|rest| rest.trim_start_matches('/'));
        names.retain(|name| {
            let Some(inside) = inside else { return true };
            let (Ok(relative), Ok(whole)) = (join(inside, name), join(path, name)) else { return true };
            self.disk.kind(&whole).map_or(true, |kind| !self.rules.ignores(&relative, kind))
        });
        Ok(names)
    }

    fn resolve(&self, path: &str) -> Result<String, TreeError> {
        self.disk.resolve(path)
    }
}
