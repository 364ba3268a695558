//! A tree in memory: files, directories, symbolic links and mounted trees.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{EntryKind, ErrorKind, Source, TreeError, clean, parent};
use crate::did_you_mean;

/// How much a tree may hold; content comes from strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one file; 64 MiB by default.
    pub file_bytes: usize,
    /// Bytes of all files; 1 GiB by default. Mounted trees count by themselves.
    pub tree_bytes: usize,
    /// Files, directories and links; 1,000,000 by default.
    pub entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: 64 << 20, tree_bytes: 1 << 30, entries: 1_000_000 }
    }
}

/// Links that one look-up may follow, as Linux has it.
const LINKS: usize = 40;
/// Names that one path may have; deeper trees are refused when built, so that no walk overflows the stack.
const DEPTH: usize = 256;

/// Files in memory. Cloning is cheap: unchanged directories and contents are shared.
///
/// ```
/// use gitops_core::tree::{MemTree, Source};
/// let mut tree = MemTree::new();
/// tree.add_file("base/deployment.yaml", "kind: Deployment\n")?;
/// tree.add_link("overlay/shared", "../base")?;
/// assert_eq!(tree.read("overlay/shared/deployment.yaml")?.as_ref(), b"kind: Deployment\n");
/// assert_eq!(tree.resolve("overlay/shared")?, "base");
/// let error = tree.read("base/deploymnet.yaml").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "no such file or directory: base/deploymnet.yaml (did you mean base/deployment.yaml?)",
/// );
/// # Ok::<(), gitops_core::tree::TreeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemTree {
    root: Arc<Directory>,
    limits: Limits,
    bytes: usize,
    entries: usize,
}

#[derive(Clone, Debug, Default)]
struct Directory {
    entries: BTreeMap<String, Entry>,
    /// The root of a mounted tree: links in it don't lead above it.
    is_mount: bool,
}

#[derive(Clone, Debug)]
enum Entry {
    File(Arc<[u8]>, FileMode),
    Directory(Arc<Directory>),
    Link(String),
}

/// What a file is good for besides being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileMode {
    /// A file like most.
    #[default]
    Plain,
    /// A program or script.
    Executable,
}

impl MemTree {
    /// Makes an empty tree with the default limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an empty tree with other limits.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Adds or replaces a file, and makes the directories above it.
    ///
    /// # Errors
    /// When the path leaves the tree or runs through a file, or the content exceeds a limit.
    pub fn add_file(&mut self, path: &str, content: impl AsRef<[u8]>) -> Result<(), TreeError> {
        self.add_shared(path, content.as_ref().into(), FileMode::Plain)
    }

    /// Adds or replaces a file whose content is shared, not copied; otherwise as [`MemTree::add_file`].
    ///
    /// # Errors
    /// As [`MemTree::add_file`].
    pub fn add_shared(&mut self, path: &str, content: Arc<[u8]>, mode: FileMode) -> Result<(), TreeError> {
        if content.len() > self.limits.file_bytes {
            let detail = format!("{} bytes, the limit is {}", content.len(), self.limits.file_bytes);
            return Err(TreeError::new(ErrorKind::TooLarge, path).with_detail(detail));
        }
        let bytes = self.bytes.saturating_sub(self.bytes_at(path)).saturating_add(content.len());
        if bytes > self.limits.tree_bytes {
            let detail = format!("the tree exceeds {} bytes", self.limits.tree_bytes);
            return Err(TreeError::new(ErrorKind::TooLarge, path).with_detail(detail));
        }
        self.insert(path, Entry::File(content, mode))?;
        self.bytes = bytes;
        Ok(())
    }

    /// Adds a symbolic link. Its target is seen from the link's own directory and may not exist.
    ///
    /// # Errors
    /// When the link's path leaves the tree or runs through a file. Where the target leads is checked when it is used.
    pub fn add_link(&mut self, path: &str, target: &str) -> Result<(), TreeError> {
        let replaced = self.bytes_at(path);
        self.insert(path, Entry::Link(target.to_owned()))?;
        self.bytes = self.bytes.saturating_sub(replaced);
        Ok(())
    }

    /// Adds an empty directory, unless it is there.
    ///
    /// # Errors
    /// When the path leaves the tree or runs through a file.
    pub fn add_directory(&mut self, path: &str) -> Result<(), TreeError> {
        let path = clean(path)?;
        if path == "." || self.is_directory(&path) {
            return Ok(());
        }
        self.insert(&path, Entry::Directory(Arc::default()))
    }

    /// Puts another tree at a path, in place of what stands there. Its contents are shared, not copied; its links
    /// don't lead out of it.
    ///
    /// # Errors
    /// When the path leaves the tree or runs through a file.
    pub fn mount(&mut self, path: &str, tree: &MemTree) -> Result<(), TreeError> {
        let root = Directory { entries: tree.root.entries.clone(), is_mount: true };
        let replaced = self.bytes_at(path);
        self.insert(path, Entry::Directory(Arc::new(root)))?;
        self.bytes = self.bytes.saturating_sub(replaced);
        Ok(())
    }

    /// Removes a file, a link, or a directory with all it holds; returns whether something was there.
    pub fn remove(&mut self, path: &str) -> bool {
        let Ok(path) = clean(path) else { return false };
        let mut directory = &mut self.root;
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            if names.peek().is_none() {
                return Arc::make_mut(directory).entries.remove(name).is_some();
            }
            match Arc::make_mut(directory).entries.get_mut(name) {
                Some(Entry::Directory(below)) => directory = below,
                _ => return false,
            }
        }
        false
    }

    /// Returns the path and content of every file, sorted by path; links are not followed.
    #[must_use]
    pub fn files(&self) -> Vec<(String, &[u8])> {
        let mut found = Vec::new();
        collect(&self.root, "", &mut found);
        found
    }

    /// Returns a tree of its own that shares a directory of this one.
    ///
    /// # Errors
    /// Where there is no directory.
    pub fn subtree(&self, path: &str) -> Result<MemTree, TreeError> {
        match self.find(path)?.1 {
            Found::Directory(directory) => {
                Ok(Self { root: Arc::clone(directory), limits: self.limits, bytes: 0, entries: 0 })
            }
            Found::File(..) => Err(TreeError::new(ErrorKind::NotDirectory, path)),
        }
    }

    /// Returns the bytes of the file at a path, 0 where there is none; links are not followed.
    fn bytes_at(&self, path: &str) -> usize {
        let Ok(path) = clean(path) else { return 0 };
        let mut directory = &self.root;
        for name in path.split('/') {
            match directory.entries.get(name) {
                Some(Entry::Directory(below)) => directory = below,
                Some(Entry::File(content, _)) => return content.len(),
                Some(Entry::Link(_)) | None => return 0,
            }
        }
        0
    }

    /// Puts an entry at a path and makes the directories above it.
    fn insert(&mut self, path: &str, entry: Entry) -> Result<(), TreeError> {
        let cleaned = clean(path)?;
        if cleaned == "." {
            return Err(TreeError::new(ErrorKind::IsDirectory, path));
        }
        if cleaned.split('/').count() > DEPTH {
            let detail = format!("deeper than {DEPTH} directories");
            return Err(TreeError::new(ErrorKind::TooLarge, path).with_detail(detail));
        }
        let (above, name) = cleaned.rsplit_once('/').unwrap_or(("", &cleaned));
        let mut made = 0;
        let mut directory = &mut self.root;
        for part in above.split('/').filter(|part| !part.is_empty()) {
            let slot = Arc::make_mut(directory).entries.entry(part.to_owned()).or_insert_with(|| {
                made += 1;
                Entry::Directory(Arc::default())
            });
            match slot {
                Entry::Directory(below) => directory = below,
                Entry::File(..) | Entry::Link(_) => {
                    return Err(TreeError::new(ErrorKind::NotDirectory, path));
                }
            }
        }
        let entries = &mut Arc::make_mut(directory).entries;
        let is_file = !matches!(entry, Entry::Directory(_));
        match entries.get(name) {
            Some(Entry::Directory(_)) if is_file => return Err(TreeError::new(ErrorKind::IsDirectory, path)),
            Some(_) => {}
            None => made += 1,
        }
        self.entries = self.entries.saturating_add(made);
        if self.entries > self.limits.entries {
            let detail = format!("the tree exceeds {} entries", self.limits.entries);
            return Err(TreeError::new(ErrorKind::TooLarge, path).with_detail(detail));
        }
        entries.insert(name.to_owned(), entry);
        Ok(())
    }

    /// Follows a path and the links on it; returns the path without links and what stands there.
    fn find(&self, path: &str) -> Result<(String, Found<'_>), TreeError> {
        let cleaned = clean(path)?;
        let mut todo: Vec<Cow<'_, str>> =
            cleaned.rsplit('/').filter(|p| *p != ".").map(Cow::Borrowed).collect();
        let mut names: Vec<String> = Vec::new();
        let mut above: Vec<&Arc<Directory>> = vec![&self.root];
        let mut links = 0;
        while let Some(name) = todo.pop() {
            let here = above.last().copied().unwrap_or(&self.root);
            if name == ".." {
                // Only links bring `..` here. They stay inside the mount in which they stand.
                if here.is_mount || names.pop().is_none() {
                    return Err(TreeError::leaves_tree(path).with_detail("by a symbolic link"));
                }
                above.pop();
                continue;
            }
            match here.entries.get(name.as_ref()) {
                Some(Entry::Directory(below)) => {
                    names.push(name.into_owned());
                    above.push(below);
                }
                Some(Entry::File(content, mode)) => {
                    names.push(name.into_owned());
                    if todo.is_empty() {
                        return Ok((names.join("/"), Found::File(content, *mode)));
                    }
                    return Err(TreeError::new(ErrorKind::NotDirectory, path));
                }
                Some(Entry::Link(target)) => {
                    links += 1;
                    if links > LINKS {
                        return Err(TreeError::new(ErrorKind::LinkLoop, path));
                    }
                    if target.starts_with('/') {
                        return Err(TreeError::leaves_tree(path).with_detail("by a symbolic link"));
                    }
                    let parts = target.rsplit('/').filter(|p| !p.is_empty() && *p != ".");
                    todo.extend(parts.map(|part| Cow::Owned(part.to_owned())));
                }
                None => return Err(self.missing(path, &cleaned, here, &name)),
            }
        }
        let here = above.last().copied().unwrap_or(&self.root);
        let path = if names.is_empty() { ".".to_owned() } else { names.join("/") };
        Ok((path, Found::Directory(here)))
    }

    /// Words a missing path: a name like it in the same directory, or else the same name in a directory near by.
    fn missing(&self, asked: &str, cleaned: &str, here: &Directory, name: &str) -> TreeError {
        let near = did_you_mean(name, here.entries.keys().map(String::as_str));
        let suggestion = near.and_then(|near| {
            let replaced: Vec<&str> = cleaned.split('/').map(|p| if p == name { near } else { p }).collect();
            let replaced = replaced.join("/");
            self.exists(&replaced).then_some(replaced)
        });
        let suggestion = suggestion.or_else(|| {
            let up = parent(parent(cleaned));
            let base = super::base_name(cleaned);
            let there = if up == "." { base.to_owned() } else { format!("{up}/{base}") };
            (there != cleaned && self.exists(&there)).then_some(there)
        });
        TreeError::not_found(asked, suggestion)
    }

    /// Looks without following links, so that a suggestion can't ask for suggestions.
    fn exists(&self, cleaned: &str) -> bool {
        let mut directory = &self.root;
        let mut names = cleaned.split('/').peekable();
        while let Some(name) = names.next() {
            match directory.entries.get(name) {
                Some(Entry::Directory(below)) => directory = below,
                Some(_) => return names.peek().is_none(),
                None => return false,
            }
        }
        true
    }
}

enum Found<'a> {
    File(&'a [u8], FileMode),
    Directory(&'a Arc<Directory>),
}

fn collect<'a>(directory: &'a Directory, prefix: &str, found: &mut Vec<(String, &'a [u8])>) {
    for (name, entry) in &directory.entries {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        match entry {
            Entry::File(content, _) => found.push((path, content)),
            Entry::Directory(below) => collect(below, &path, found),
            Entry::Link(_) => {}
        }
    }
}

impl Source for MemTree {
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, TreeError> {
        match self.find(path)?.1 {
            Found::File(content, _) => Ok(Cow::Borrowed(content)),
            Found::Directory(_) => Err(TreeError::new(ErrorKind::IsDirectory, path)),
        }
    }

    fn kind(&self, path: &str) -> Result<EntryKind, TreeError> {
        Ok(match self.find(path)?.1 {
            Found::File(..) => EntryKind::File,
            Found::Directory(_) => EntryKind::Directory,
        })
    }

    fn mode(&self, path: &str) -> Result<FileMode, TreeError> {
        match self.find(path)?.1 {
            Found::File(_, mode) => Ok(mode),
            Found::Directory(_) => Err(TreeError::new(ErrorKind::IsDirectory, path)),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<String>, TreeError> {
        match self.find(path)?.1 {
            Found::Directory(directory) => Ok(directory.entries.keys().cloned().collect()),
            Found::File(..) => Err(TreeError::new(ErrorKind::NotDirectory, path)),
        }
    }

    fn resolve(&self, path: &str) -> Result<String, TreeError> {
        self.find(path).map(|(path, _)| path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> MemTree {
        let mut tree = MemTree::new();
        for file in files {
            tree.add_file(file, file).unwrap();
        }
        tree
    }

    #[track_caller]
    fn refused(tree: &MemTree, path: &str, kind: ErrorKind) {
        assert_eq!(tree.read(path).unwrap_err().kind(), kind, "{path}");
    }

    #[test]
    fn reads_lists_and_tells_files_from_directories() {
        let tree = tree(&["b/z", "b/a/x", "c"]);
        assert_eq!(tree.read("./b//z").unwrap().as_ref(), b"b/z");
        assert_eq!(tree.list("b").unwrap(), ["a", "z"]);
        assert_eq!(tree.list(".").unwrap(), ["b", "c"]);
        assert!(tree.is_directory("/b/a") && tree.is_file("c") && !tree.is_file("d"));
        refused(&tree, "b", ErrorKind::IsDirectory);
        refused(&tree, "c/d", ErrorKind::NotDirectory);
        refused(&tree, "b/../../c", ErrorKind::LeavesTree);
        refused(&tree, "nope", ErrorKind::NotFound);
    }

    #[test]
    fn links_are_followed_inside_the_tree_only() {
        let mut tree = tree(&["a/secret", "b/x"]);
        tree.add_link("b/up", "../a/secret").unwrap();
        tree.add_link("b/out", "../../etc/passwd").unwrap();
        tree.add_link("b/absolute", "/a/secret").unwrap();
        tree.add_link("l", "b").unwrap();
        assert_eq!(tree.read("l/up").unwrap().as_ref(), b"a/secret");
        assert_eq!(tree.resolve("l/up").unwrap(), "a/secret");
        refused(&tree, "b/out", ErrorKind::LeavesTree);
        refused(&tree, "b/absolute", ErrorKind::LeavesTree);
    }

    #[test]
    fn links_in_circles_end() {
        let mut tree = MemTree::new();
        tree.add_link("a", "b").unwrap();
        tree.add_link("b", "./a").unwrap();
        refused(&tree, "a", ErrorKind::LinkLoop);
    }

    #[test]
    fn links_of_a_mounted_tree_stay_in_it() {
        let mut remote = tree(&["dir/x"]);
        remote.add_link("dir/ok", "../dir/x").unwrap();
        remote.add_link("dir/steal", "../../secret").unwrap();
        let mut tree = tree(&["secret"]);
        tree.mount("remote", &remote).unwrap();
        assert_eq!(tree.read("remote/dir/ok").unwrap().as_ref(), b"dir/x");
        refused(&tree, "remote/dir/steal", ErrorKind::LeavesTree);
        assert!(tree.is_file("remote/../secret"), "paths are resolved by text, and may go up");
    }

    #[test]
    fn a_clone_does_not_see_later_changes() {
        let mut tree = tree(&["d/a"]);
        let before = tree.clone();
        tree.add_file("d/b", "").unwrap();
        assert!(tree.remove("d/a") && !tree.remove("d/a"));
        assert_eq!(before.list("d").unwrap(), ["a"]);
        assert_eq!(tree.list("d").unwrap(), ["b"]);
        assert_eq!(tree.files().len(), 1);
    }

    #[test]
    fn missing_paths_name_what_is_near() {
        let tree = tree(&["base/service.yaml", "overlay/kustomization.yaml"]);
        let say = |path: &str| tree.read(path).unwrap_err().suggestion().map(str::to_owned);
        assert_eq!(say("base/servcie.yaml").as_deref(), Some("base/service.yaml"));
        assert_eq!(say("bsae/service.yaml").as_deref(), Some("base/service.yaml"));
        assert_eq!(say("overlay/base/service.yaml"), None);
        assert_eq!(say("overlay/overlay/kustomization.yaml").as_deref(), Some("overlay/kustomization.yaml"));
    }

    #[test]
    fn limits_hold() {
        let mut tree = MemTree::with_limits(Limits { file_bytes: 4, tree_bytes: 6, entries: 3 });
        assert_eq!(tree.add_file("a", "12345").unwrap_err().kind(), ErrorKind::TooLarge);
        tree.add_file("a", "1234").unwrap();
        tree.add_file("a", "123").unwrap();
        tree.add_file("b", "123").unwrap();
        assert_eq!(tree.add_file("c", "1").unwrap_err().kind(), ErrorKind::TooLarge);
        assert_eq!(tree.add_file("d/e", "").unwrap_err().kind(), ErrorKind::TooLarge);
        let deep = "x/".repeat(400);
        assert_eq!(MemTree::new().add_file(&deep, "").unwrap_err().kind(), ErrorKind::TooLarge);
    }
}
