//! Finds the Flux Kustomizations that nothing else of the repository applies: where rendering begins.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use gitops_core::tree::{EntryKind, Source, join};
use gitops_yaml::{FileId, Files, Limits, MergeRule, Node, ReadOptions, Str, read_stream};

use super::app::{AppId, RenderedObject};
use super::flux::{app_id, is_kustomization, is_source, kind, text};
use super::kustomize::is_manifest;
use super::sealed::{Secrets, hold_places};
use super::variables::Configs;

/// An object in a file.
#[derive(Clone)]
pub(crate) struct Declared {
    pub(crate) node: Node,
    /// The file that it stands in.
    pub(crate) path: String,
    /// `file:line:column`
    pub(crate) place: String,
    /// The files that the places of its nodes refer to.
    pub(crate) files: Arc<Files>,
    /// Decrypted values that are in it.
    pub(crate) secrets: Option<Arc<Secrets>>,
}

impl Declared {
    /// Shows where a node of the object stands; the object's own place where that is not known.
    pub(crate) fn show(&self, node: &Node) -> String {
        let shown = if node.place.is_known() { self.files.show(node.place) } else { String::new() };
        if shown.is_empty() { self.place.clone() } else { shown }
    }
}

/// Names of kustomization files.
pub(crate) use kustomize_rs::kustomization::FILE_NAMES;

/// Lists all files below a folder, sorted; `.git` is left out.
pub(crate) fn files_below(source: &dyn Source, folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    walk(source, folder, 0, &mut found);
    found
}

const DEPTH: usize = 64;

fn walk(source: &dyn Source, folder: &str, depth: usize, found: &mut Vec<String>) {
    let Ok(names) = source.list(folder) else { return };
    for name in names.into_iter().filter(|name| name != ".git") {
        let path = if folder == "." { name } else { format!("{folder}/{name}") };
        match source.kind(&path) {
            Ok(EntryKind::File) => found.push(path),
            // A link to a folder above would never end.
            Ok(EntryKind::Directory) if depth < DEPTH && source.resolve(&path).as_ref() == Ok(&path) => {
                walk(source, &path, depth + 1, found);
            }
            _ => {}
        }
    }
}

/// Reads the objects of a file; none where it is no YAML.
pub(crate) fn objects_of(source: &dyn Source, path: &str) -> Vec<Declared> {
    let Ok(content) = source.read(path) else { return Vec::new() };
    let mut files = Files::default();
    let file = files.add(path);
    let mut documents =
        read_stream(&content, file, &ReadOptions::v3().without_comments()).unwrap_or_default();
    if memchr::memchr(b'&', &content).is_some() {
        for document in &mut documents {
            // What can't be expanded is refused where it is built.
            let _ = document.expand_merge_keys(MergeRule::OwnKeysWin, &Limits::default());
        }
    }
    let files = Arc::new(files);
    let declared = |node: Node| Declared {
        place: files.show(node.place),
        path: path.to_owned(),
        node,
        files: Arc::clone(&files),
        secrets: None,
    };
    documents.into_iter().map(|document| declared(document.root)).collect()
}

/// Reads ConfigMaps and Secrets as they stand in files.
pub(crate) fn find_raw_configs<'f>(source: &dyn Source, files: impl IntoIterator<Item = &'f str>) -> Configs {
    let mut raw = Configs::default();
    for path in files.into_iter().filter(|path| is_manifest(path)) {
        for mut declared in objects_of(source, path) {
            if !matches!(super::flux::kind(&declared.node), "ConfigMap" | "Secret") {
                continue;
            }
            if declared.node.get("sops").is_some_and(Node::is_mapping) {
                hold_places(&mut declared.node);
            }
            if let Ok(object) = RenderedObject::of(&declared.node, declared.place) {
                raw.add(&object);
            }
        }
    }
    raw
}

/// What files say of how a fleet begins.
#[derive(Clone, Default)]
pub(crate) struct Found {
    /// Complete Flux Kustomizations: patches of them have no source.
    pub(crate) kustomizations: Vec<Declared>,
    /// Sources: kind, name, address. Their namespace often stands in another file.
    pub(crate) sources: Vec<[Str; 3]>,
    /// ArtifactGenerators: those beside a root are applied with it.
    pub(crate) generators: Vec<Declared>,
}

impl Found {
    pub(crate) fn extend(&mut self, other: Self) {
        self.kustomizations.extend(other.kustomizations);
        self.sources.extend(other.sources);
        self.generators.extend(other.generators);
    }
}

/// Looks through files.
pub(crate) fn find(source: &dyn Source, files: &[String]) -> Found {
    let mut all = Found::default();
    for path in files.iter().filter(|path| is_manifest(path)) {
        all.extend(find_in(source, path, &source.read(path).unwrap_or_default()));
    }
    all
}

/// Looks through a file with this content.
pub(crate) fn find_in(source: &dyn Source, path: &str, content: &[u8]) -> Found {
    let mut found = Found::default();
    let mentions = |word: &[u8]| memchr::memmem::find(content, word).is_some();
    if !mentions(b".toolkit.fluxcd.io/") && !mentions(b".extensions.fluxcd.io/") {
        return found;
    }
    for declared in objects_of(source, path) {
        let object = &declared.node;
        let name = text(object, &["metadata", "name"]);
        if name.is_empty() {
            continue;
        }
        let url = text(object, &["spec", "url"]);
        if is_source(object) && kind(object) == "ArtifactGenerator" {
            found.generators.push(declared);
        } else if is_source(object) && !url.is_empty() {
            found.sources.push([kind(object).into(), name, url]);
        } else if is_kustomization(object) && object.at_path(&["spec", "sourceRef"]).is_some() {
            found.kustomizations.push(declared);
        }
    }
    found
}

/// Keeps paths to those Kustomizations that read this repository; another's path leads to nothing of it.
///
/// The source that most of them name is this repository's. One that has another address is another one, whatever
/// lies at the path here.
fn paths(kustomizations: &[Declared], sources: &[[Str; 3]]) -> Vec<Option<String>> {
    let named = |one: &Declared| {
        let reference = |field| text(&one.node, &["spec", "sourceRef", field]);
        [reference("kind"), reference("name")]
    };
    let mut counts: BTreeMap<[Str; 2], usize> = BTreeMap::new();
    // Its paths are those within what was put together.
    let is_artifact = |[kind, _]: &[Str; 2]| kind == "ExternalArtifact";
    let repositories = kustomizations.iter().map(named).filter(|name| !is_artifact(name));
    repositories.for_each(|name| *counts.entry(name).or_default() += 1);
    let most = counts.values().copied().max().unwrap_or_default();
    // Where several are named as often, the first.
    let own = kustomizations.iter().map(named).find(|name| counts.get(name) == Some(&most));
    let address = |[wanted, name]: &[Str; 2]| {
        let mut found = sources.iter().filter(|[kind, known, _]| kind == wanted && known == name);
        found.next().map(|[.., url]| url)
    };
    let is_elsewhere = |one: &Declared| {
        let wanted = named(one);
        if is_artifact(&wanted) {
            return true;
        }
        if own.as_ref() == Some(&wanted) {
            return false;
        }
        match (address(&wanted), own.as_ref().and_then(address)) {
            (Some(theirs), Some(ours)) => repository_of(theirs) != repository_of(ours),
            (Some(_), None) => path_of(one).is_none_or(|path| path == "."),
            (None, _) => false,
        }
    };
    kustomizations.iter().map(|one| path_of(one).filter(|_| !is_elsewhere(one))).collect()
}

/// A repository's address without what may differ: the scheme, a user, `.git`.
fn repository_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, path) = rest.split_once(['/', ':']).unwrap_or((rest, ""));
    let host = host.rsplit('@').next().unwrap_or_default().to_lowercase();
    let path = path.trim_matches('/').trim_end_matches(".git").to_lowercase();
    format!("{host}/{path}")
}

fn path_of(one: &Declared) -> Option<String> {
    gitops_core::tree::clean(&text(&one.node, &["spec", "path"])).ok()
}

/// Whether the path of a Kustomization leads to its own file, as a bootstrapped one's does.
fn holds_itself(one: &Declared, path: Option<&String>) -> bool {
    path.is_some_and(|path| {
        path == "." || one.path.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/'))
    })
}

/// A Kustomization that nothing else applies.
pub(crate) struct Root {
    pub(crate) declared: Declared,
    /// Its path, if it reads this repository.
    path: Option<String>,
}

impl Root {
    fn holds_itself(&self) -> bool {
        holds_itself(&self.declared, self.path.as_ref())
    }
}

/// Parts roots into clusters: each bootstrapped one is a cluster of its own, and others belong to the one that lies
/// nearest to them, unless an app of their name is there already.
pub(crate) fn clusters(roots: &[Root]) -> Vec<usize> {
    let mut heads: Vec<(&str, Vec<AppId>)> = Vec::new();
    let mut found = vec![0; roots.len()];
    let mut order: Vec<usize> = (0..roots.len()).collect();
    order.sort_by_key(|index| roots.get(*index).is_none_or(|one| !one.holds_itself()));
    for index in order {
        let (Some(root), Some(slot)) = (roots.get(index), found.get_mut(index)) else { continue };
        let one = &root.declared;
        let Some(id) = app_id(&one.node) else { continue };
        let common =
            |head: &str| head.split('/').zip(one.path.split('/')).take_while(|(a, b)| a == b).count();
        let free = heads.iter_mut().enumerate().filter(|(_, (_, ids))| !ids.contains(&id));
        let nearest = free.max_by_key(|(at, (head, _))| (common(head), usize::MAX - at));
        match nearest.filter(|_| !root.holds_itself()) {
            Some((at, (_, ids))) => {
                ids.push(id);
                *slot = at;
            }
            None => {
                *slot = heads.len();
                heads.push((&one.path, vec![id]));
            }
        }
    }
    found
}

fn is_hidden(one: &Declared) -> bool {
    one.path.split('/').any(|part| part.starts_with('.'))
}

/// Chooses those that no other one's path leads to.
pub(crate) fn roots(source: &dyn Source, found: Found) -> Vec<Root> {
    let Found { kustomizations: mut candidates, sources, .. } = found;
    // What is put away in a folder such as `.archive` is applied where a path leads to it alone.
    if !candidates.iter().all(is_hidden) {
        candidates.retain(|one| !is_hidden(one));
    }
    let mut closures = Closures { source, known: HashMap::new() };
    let mut paths = paths(&candidates, &sources);
    let mut by_file: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, one) in candidates.iter().enumerate() {
        by_file.entry(&one.path).or_default().push(index);
    }
    let mut covered: BTreeSet<usize> = BTreeSet::new();
    let mut roots: Vec<usize> = Vec::new();
    let mut reach = |from: usize, covered: &mut BTreeSet<usize>, roots: &mut Vec<usize>| {
        let mut queue = vec![from];
        while let Some(at) = queue.pop() {
            let Some(Some(path)) = paths.get(at) else { continue };
            if covered.len() + 1 >= candidates.len() {
                return;
            }
            for file in closures.of(path) {
                for &below in by_file.get(file.as_str()).into_iter().flatten() {
                    if below != from && covered.insert(below) {
                        roots.retain(|root| *root != below);
                        queue.push(below);
                    }
                }
            }
        }
    };
    // Bootstrapped ones apply themselves, so that nothing else need lead to them.
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    let is_bootstrapped = |index: &usize| {
        let path = paths.get(*index).and_then(Option::as_ref);
        candidates.get(*index).is_some_and(|one| holds_itself(one, path))
    };
    order.sort_by_key(|index| !is_bootstrapped(index));
    for index in order {
        if !covered.contains(&index) {
            roots.push(index);
            reach(index, &mut covered, &mut roots);
        }
    }
    roots.sort_unstable();
    let mut keep = roots.into_iter().peekable();
    let mut chosen = |(index, declared)| {
        let path = paths.get_mut(index).and_then(Option::take);
        (keep.next_if_eq(&index).is_some()).then_some(Root { declared, path })
    };
    candidates.into_iter().enumerate().filter_map(&mut chosen).collect()
}

/// Which files a path leads to, found without a build.
struct Closures<'a> {
    source: &'a dyn Source,
    known: HashMap<String, Vec<String>>,
}

impl Closures<'_> {
    fn of(&mut self, path: &str) -> Vec<String> {
        if let Some(known) = self.known.get(path) {
            return known.clone();
        }
        let mut files = BTreeSet::new();
        let mut seen = BTreeSet::new();
        self.directory(path, &mut files, &mut seen);
        let files: Vec<String> = files.into_iter().collect();
        self.known.insert(path.to_owned(), files.clone());
        files
    }

    fn directory(&self, path: &str, files: &mut BTreeSet<String>, seen: &mut BTreeSet<String>) {
        if !seen.insert(path.to_owned()) {
            return;
        }
        let file =
            FILE_NAMES.iter().filter_map(|name| join(path, name).ok()).find(|f| self.source.is_file(f));
        let Some(file) = file else {
            // As the controller generates it: everything below, down to folders with a kustomization of their own.
            for name in self.source.list(path).unwrap_or_default() {
                let Ok(below) = join(path, &name) else { continue };
                if self.source.is_directory(&below) {
                    self.directory(&below, files, seen);
                } else if is_manifest(&below) {
                    files.insert(below);
                }
            }
            return;
        };
        let Ok(content) = self.source.read(&file) else { return };
        let options = ReadOptions::yaml11();
        let Ok(Some(document)) = gitops_yaml::read_document(&content, FileId::NONE, &options) else { return };
        for field in ["resources", "bases", "components"] {
            for entry in document.root.get(field).and_then(Node::items).unwrap_or_default() {
                let Some(Ok(below)) = entry.as_str().map(|entry| join(path, entry)) else { continue };
                if self.source.is_directory(&below) {
                    self.directory(&below, files, seen);
                } else {
                    files.insert(below);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::tree::{MemTree, base_name};

    fn tree(files: &[(&str, &str)]) -> MemTree {
        let mut tree = MemTree::new();
        for (path, target) in files {
            let name = base_name(path).trim_end_matches(".yaml");
            let text = format!(
                "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}}}\nspec:\n  path: \
                 {target}\n  sourceRef: {{kind: GitRepository, name: a}}\n"
            );
            tree.add_file(path, text).unwrap();
        }
        tree
    }

    #[track_caller]
    fn check(files: &[(&str, &str)], wanted: &[&str]) {
        let tree = tree(files);
        let found = roots(&tree, find(&tree, &files_below(&tree, ".")));
        assert_eq!(found.iter().map(|root| root.declared.path.as_str()).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn bootstrapped_roots_are_clusters_of_their_own() {
        let tree =
            tree(&[("one/boot.yaml", "./one"), ("two/boot.yaml", "./two"), ("two-more/x.yaml", "./x")]);
        let found = roots(&tree, find(&tree, &files_below(&tree, ".")));
        assert_eq!(clusters(&found), [0, 1, 0]);
    }

    #[test]
    fn what_another_leads_to_is_no_root() {
        check(&[("a.yaml", "./b"), ("b/b.yaml", "./c"), ("c/c.yaml", "./d")], &["a.yaml"]);
        check(&[("x/boot.yaml", "./x"), ("x/apps.yaml", "./apps")], &["x/boot.yaml"]);
        check(&[("one/boot.yaml", "./one"), ("two/boot.yaml", "two")], &["one/boot.yaml", "two/boot.yaml"]);
        check(&[("a/a.yaml", "./b"), ("b/b.yaml", "./a")], &["a/a.yaml"]);
        check(
            &[("b/a.yaml", "./a"), ("z.yaml", "./b"), ("a/b.yaml", "./x"), ("b/c.yaml", "./c")],
            &["z.yaml"],
        );
        check(&[("z.yaml", "./missing"), ("orphans/a.yaml", "./apps")], &["orphans/a.yaml", "z.yaml"]);
    }
    #[test]
    fn what_reads_another_repository_leads_to_nothing_here() {
        let mut tree = tree(&[("boot/boot.yaml", "./boot"), ("boot/apps.yaml", "./apps")]);
        let other = |kind: &str, url: &str| {
            format!(
                "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: {kind}}}\nspec: {{url: \"{url}\"}}\n---\n"
            )
        };
        let dashboards = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: boards}\nspec: {sourceRef: {kind: \
             GitRepository, name: b}}\n";
        let sources =
            other("a", "https://git.example.org/fleet.git") + &other("b", "https://git.example.org/boards");
        tree.add_file("apps/boards.yaml", format!("{sources}{dashboards}")).unwrap();
        let all = |tree: &MemTree| {
            let found = roots(tree, find(tree, &files_below(tree, ".")));
            found.into_iter().map(|root| root.declared.path).collect::<Vec<_>>()
        };
        assert_eq!(all(&tree), ["boot/boot.yaml"]);
        // Another name of this repository.
        let same =
            other("a", "https://git.example.org/fleet.git") + &other("b", "ssh://git@git.example.org/fleet");
        tree.add_file("apps/boards.yaml", format!("{same}{dashboards}")).unwrap();
        assert_eq!(all(&tree), ["apps/boards.yaml"], "it holds everything");
    }
}
