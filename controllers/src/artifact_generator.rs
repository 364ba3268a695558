//! What an ArtifactGenerator makes of its sources: the files of its ExternalArtifacts, put together by copy rules.
//!
//! A rule takes files by a path or a pattern and says where they go, as `cp` would: `dir/**` strips `dir`, other patterns keep
//! the path that they matched, a directory becomes one within the target. Only patterns that unpack archives and those that
//! leave files out know `**` at any depth; elsewhere it matches what lies in one directory, which is copied whole.

mod pattern;

use std::collections::{BTreeMap, BTreeSet};

use gitops_core::artifact::unpack;
use gitops_core::tree::{EntryKind, IgnoreRules, Limits, MemTree, Source, base_name, clean};
use gitops_yaml::{Dialect, Node, from_node};
use helm_rs::values::{Value, load_values, merge_tables};
use serde::Deserialize;

use pattern::{has_wildcard, is_any_of, matches_segment};

/// What an ArtifactGenerator asks for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ArtifactGenerator {
    pub(crate) sources: Vec<NamedSource>,
    #[serde(default)]
    path_pattern: String,
    artifacts: Vec<OutputArtifact>,
}

/// A source with the name that rules know it by.
#[derive(Deserialize)]
pub(crate) struct NamedSource {
    pub(crate) alias: String,
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// One artifact that is made.
#[derive(Clone, Deserialize)]
pub(crate) struct OutputArtifact {
    name: String,
    copy: Vec<CopyRule>,
}

#[derive(Clone, Deserialize)]
struct CopyRule {
    from: String,
    to: String,
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default)]
    strategy: Strategy,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
enum Strategy {
    #[default]
    Overwrite,
    Merge,
    Extract,
}

/// The files of a source: those of a tree below a folder.
#[derive(Clone, Copy)]
pub(crate) struct Below<'s> {
    pub(crate) tree: &'s dyn Source,
    pub(crate) folder: &'s str,
}

/// Finds a source by its alias.
pub(crate) type ByAlias<'s> = &'s dyn Fn(&str) -> Option<Below<'s>>;

/// The files of an artifact.
#[derive(Default)]
pub(crate) struct Composed {
    pub(crate) tree: MemTree,
    /// Where files were copied from, by their path here: alias and path there.
    pub(crate) origins: BTreeMap<String, (String, String)>,
}

/// Deeper directories are not copied.
const DEPTH: usize = 64;

impl ArtifactGenerator {
    /// Reads an object.
    pub(crate) fn read(object: &Node) -> Result<Self, String> {
        let spec = object.get("spec").ok_or("spec: required value")?;
        from_node(spec, Dialect::Yaml11).map_err(|error| error.to_string())
    }

    /// Returns the artifact of a name, with the captures of a path pattern in their places.
    pub(crate) fn artifact(
        &self,
        name: &str,
        sources: ByAlias<'_>,
    ) -> Result<Option<OutputArtifact>, String> {
        if self.path_pattern.is_empty() {
            return Ok(self.artifacts.iter().find(|artifact| artifact.name == name).cloned());
        }
        let (alias, pattern) = parts(&self.path_pattern)
            .ok_or_else(|| format!("invalid pathPattern format: {}", self.path_pattern))?;
        let source = sources(alias).ok_or_else(|| {
            format!("pathPattern \"{}\": source alias {alias} not found in local sources", self.path_pattern)
        })?;
        for folder in source.folders() {
            let Some(captures) = captures(pattern, &folder) else { continue };
            let lower = captures.iter().map(|(name, value)| (*name, value.to_lowercase())).collect();
            for artifact in &self.artifacts {
                if filled(&artifact.name, &lower)? != name {
                    continue;
                }
                let mut made = OutputArtifact { name: name.to_owned(), copy: artifact.copy.clone() };
                for rule in &mut made.copy {
                    rule.from = filled(&rule.from, &captures)?;
                    rule.to = filled(&rule.to, &captures)?;
                }
                return Ok(Some(made));
            }
        }
        Ok(None)
    }
}

impl OutputArtifact {
    /// Copies what the rules say.
    pub(crate) fn compose(&self, sources: ByAlias<'_>) -> Result<Composed, String> {
        let mut made = Composed::default();
        for rule in &self.copy {
            rule.apply(sources, &mut made).map_err(|why| {
                let CopyRule { from, to, .. } = rule;
                format!("failed to apply copy operation from '{from}' to '{to}': {why}")
            })?;
        }
        let rules = IgnoreRules::of("");
        let ignored: Vec<String> = made.tree.files().into_iter().map(|(path, _)| path).collect();
        for path in ignored.iter().filter(|path| rules.ignores(path, EntryKind::File)) {
            made.tree.remove(path);
            made.origins.remove(path);
        }
        Ok(made)
    }
}

impl CopyRule {
    fn apply(&self, sources: ByAlias<'_>, made: &mut Composed) -> Result<(), String> {
        let (alias, from) =
            parts(&self.from).ok_or_else(|| format!("invalid copy source '{}'", self.from))?;
        let to = self.to.strip_prefix("@artifact/").ok_or_else(|| {
            format!("invalid copy destination '{}': destination must start with '@artifact/'", self.to)
        })?;
        let source = sources(alias).ok_or_else(|| format!("source alias '{alias}' not found"))?;
        let mut copy = Copy { rule: self, alias, source, made };
        if has_wildcard(from) { copy.matches(from, to) } else { copy.single(from, to) }
    }
}

/// One rule at work.
struct Copy<'c, 's> {
    rule: &'c CopyRule,
    alias: &'c str,
    source: Below<'s>,
    made: &'c mut Composed,
}

impl Copy<'_, '_> {
    fn single(&mut self, from: &str, to: &str) -> Result<(), String> {
        let from = clean(from).map_err(|error| error.to_string())?;
        let extracts = self.rule.strategy == Strategy::Extract;
        match self.source.kind(&from) {
            None => Err(format!("source '{from}' does not exist")),
            Some(EntryKind::Directory) if extracts => {
                Err(format!("extract strategy is not supported for directories, got '{from}'"))
            }
            Some(EntryKind::Directory) => self.directory(&from, &within(to, base_name(&from)), &from, 0),
            Some(EntryKind::File) if self.is_excluded(&from, ".") => Ok(()),
            Some(EntryKind::File) if extracts && !is_archive(&from) => {
                Err(format!("extract strategy requires tarball file (.tar.gz or .tgz), got '{from}'"))
            }
            Some(EntryKind::File) if extracts => self.extract(&from, to),
            Some(EntryKind::File) => {
                let is_folder = to.is_empty() || to.ends_with('/') || self.made.tree.is_directory(to);
                let to = if is_folder { within(to, base_name(&from)) } else { to.to_owned() };
                self.file(&from, &to)
            }
        }
    }

    fn matches(&mut self, pattern: &str, to: &str) -> Result<(), String> {
        let extracts = self.rule.strategy == Strategy::Extract;
        let found =
            if extracts { self.source.files_like(pattern) } else { self.source.entries_like(pattern) };
        if found.is_empty() {
            return Err(format!("no files match pattern '{pattern}' in source '{}'", self.alias));
        }
        let literal: Vec<&str> = pattern.split('/').take_while(|part| !has_wildcard(part)).collect();
        let base = if literal.is_empty() { ".".to_owned() } else { literal.join("/") };
        let kept: Vec<&String> = found.iter().filter(|path| !self.is_excluded(path, &base)).collect();
        if kept.is_empty() {
            return Err(format!(
                "all files matching pattern '{pattern}' in source '{}' were excluded",
                self.alias
            ));
        }
        let stripped = pattern.strip_suffix("/**").map(|folder| format!("{folder}/"));
        for path in kept {
            if extracts {
                if is_archive(path) {
                    self.extract(path, to)?;
                }
                continue;
            }
            let rest = stripped.as_ref().and_then(|folder| path.strip_prefix(folder.as_str()));
            let to = within(to, rest.unwrap_or(path));
            match self.source.kind(path) {
                Some(EntryKind::Directory) => self.directory(path, &to, &base, 0)?,
                _ => self.file(path, &to)?,
            }
        }
        Ok(())
    }

    fn is_excluded(&self, path: &str, base: &str) -> bool {
        let patterns = &self.rule.exclude;
        let inside = path.strip_prefix(base).and_then(|rest| rest.strip_prefix('/'));
        is_any_of(patterns, path) || inside.is_some_and(|inside| is_any_of(patterns, inside))
    }

    /// Copies a directory; files of it are never merged.
    fn directory(&mut self, from: &str, to: &str, base: &str, depth: usize) -> Result<(), String> {
        for name in self.source.list(from) {
            let (from, to) = (within(from, &name), within(to, &name));
            if depth >= DEPTH || self.is_excluded(&from, base) {
                continue;
            }
            match self.source.kind(&from) {
                Some(EntryKind::Directory) => self.directory(&from, &to, base, depth + 1)?,
                Some(EntryKind::File) => self.put(&from, &to)?,
                None => {}
            }
        }
        Ok(())
    }

    fn file(&mut self, from: &str, to: &str) -> Result<(), String> {
        let to = clean(to).map_err(|error| error.to_string())?;
        if self.rule.strategy != Strategy::Merge || !self.made.tree.is_file(&to) {
            return self.put(from, &to);
        }
        let below = self.made.tree.read(&to).map_err(|error| error.to_string())?.into_owned();
        let mut values = load_values(&below, &to).map_err(|error| error.to_string())?;
        let over = load_values(&self.source.read(from)?, from).map_err(|error| error.to_string())?;
        merge_tables(&mut values, &over);
        let text = gitops_yaml::print_sigs(&Value::table(values).to_node(), Dialect::V3)
            .map_err(|error| error.to_string())?;
        self.made.origins.remove(&to);
        self.made.tree.add_file(&to, text).map_err(|error| error.to_string())
    }

    fn put(&mut self, from: &str, to: &str) -> Result<(), String> {
        let to = clean(to).map_err(|error| error.to_string())?;
        let content = self.source.read(from)?;
        self.made.tree.add_file(&to, content).map_err(|error| error.to_string())?;
        self.made.origins.insert(to, (self.alias.to_owned(), from.to_owned()));
        Ok(())
    }

    fn extract(&mut self, from: &str, to: &str) -> Result<(), String> {
        let failed = |why: String| format!("failed to extract tarball '{from}' to '{to}': {why}");
        let files =
            unpack(&self.source.read(from)?, Limits::default()).map_err(|error| failed(error.to_string()))?;
        for (path, content) in files.files() {
            let to = clean(&within(to, &path)).map_err(|error| failed(error.to_string()))?;
            self.made.origins.remove(&to);
            self.made.tree.add_file(&to, content).map_err(|error| failed(error.to_string()))?;
        }
        Ok(())
    }
}

impl Below<'_> {
    fn path(&self, path: &str) -> String {
        if path == "." { self.folder.to_owned() } else { within(self.folder, path) }
    }

    fn kind(&self, path: &str) -> Option<EntryKind> {
        self.tree.kind(&self.path(path)).ok()
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.tree.read(&self.path(path)).map(std::borrow::Cow::into_owned).map_err(|error| error.to_string())
    }

    fn list(&self, path: &str) -> Vec<String> {
        let mut names = self.tree.list(&self.path(path)).unwrap_or_default();
        names.retain(|name| name != ".git");
        names
    }

    /// The entries that a pattern matches, each of its parts in one directory.
    fn entries_like(&self, pattern: &str) -> Vec<String> {
        let mut found = vec![".".to_owned()];
        for part in pattern.split('/').filter(|part| !part.is_empty()) {
            let names = |folder: &String| {
                let names = if has_wildcard(part) {
                    self.list(folder).into_iter().filter(|name| matches_segment(part, name)).collect()
                } else {
                    vec![part.to_owned()]
                };
                let paths = names.into_iter().map(|name| within(folder, &name));
                paths.filter(|path| self.kind(path).is_some()).collect::<Vec<_>>()
            };
            found = found.iter().flat_map(names).collect();
        }
        found
    }

    /// The files that a pattern matches at any depth.
    fn files_like(&self, pattern: &str) -> Vec<String> {
        let pattern = [pattern.to_owned()];
        let folders = std::iter::once(".".to_owned()).chain(self.folders());
        let files = folders.flat_map(|folder| {
            let paths = self.list(&folder).into_iter().map(move |name| within(&folder, &name));
            paths.filter(|path| self.kind(path) == Some(EntryKind::File)).collect::<Vec<_>>()
        });
        files.filter(|path| pattern::is_path_of(&pattern, path)).collect()
    }

    /// All directories, each after the one that holds it.
    fn folders(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut queue = vec![(".".to_owned(), 0)];
        while let Some((folder, depth)) = queue.pop() {
            let real = self.tree.resolve(&self.path(&folder)).unwrap_or_default();
            if depth > DEPTH || !seen.insert(real) {
                continue;
            }
            for name in self.list(&folder).into_iter().rev() {
                let path = within(&folder, &name);
                if self.kind(&path) == Some(EntryKind::Directory) {
                    queue.push((path, depth + 1));
                }
            }
            found.push(folder);
        }
        found.retain(|folder| folder != ".");
        found
    }
}

/// A path in a folder.
fn within(folder: &str, path: &str) -> String {
    let folder = folder.trim_end_matches('/');
    if folder.is_empty() || folder == "." { path.to_owned() } else { format!("{folder}/{path}") }
}

fn is_archive(path: &str) -> bool {
    let path = path.to_lowercase();
    path.ends_with(".tar.gz") || path.ends_with(".tgz")
}

/// Parts `@alias/path`.
fn parts(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('@')?.split_once('/')
}

type Captures<'p> = BTreeMap<&'p str, String>;

/// Lays a pattern such as `apps/{app}` over a path; each capture takes at least one character and no slash.
fn captures<'p>(pattern: &'p str, path: &str) -> Option<Captures<'p>> {
    let mut found = Captures::new();
    let (mut patterns, mut paths) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), paths.next()) {
            (Some(pattern), Some(path)) => segment(pattern, path, &mut found)?,
            (None, None) => return Some(found),
            _ => return None,
        }
    }
}

/// Within one name a capture takes as much as it can.
fn segment<'p>(pattern: &'p str, text: &str, found: &mut Captures<'p>) -> Option<()> {
    let Some((before, rest)) = pattern.split_once('{') else {
        return (pattern == text).then_some(());
    };
    let (name, after) = rest.split_once('}')?;
    let text = text.strip_prefix(before)?;
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8()).rev();
    for end in ends {
        let (value, left) = text.split_at_checked(end)?;
        if segment(after, left, found).is_some() {
            found.insert(name, value.to_owned());
            return Some(());
        }
    }
    None
}

/// Puts captures into a text.
fn filled(template: &str, captures: &Captures<'_>) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(|| {
            format!("invalid template \"{template}\": a capture is missing its closing brace")
        })?;
        let value = captures.get(name).ok_or_else(|| {
            format!(
                "invalid template \"{template}\": capture variable \"{name}\" is not defined by pathPattern"
            )
        })?;
        text.push_str(before);
        text.push_str(value);
        rest = after;
    }
    Ok(text + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> MemTree {
        let mut tree = MemTree::new();
        for path in [
            "apps/base/a.yaml",
            "apps/base/deep/b.yaml",
            "apps/prod/c.yaml",
            "apps/prod/NOTES.md",
            "top.yaml",
        ] {
            tree.add_file(path, format!("from: {path}\n")).unwrap();
        }
        tree.add_file("values/one.yaml", "a: {b: 1, c: [1]}\n").unwrap();
        tree.add_file("values/two.yaml", "a: {c: [2], d: 3}\n").unwrap();
        tree
    }

    fn generator(text: &str) -> ArtifactGenerator {
        let text = format!("spec:\n  sources: [{{alias: repo, kind: GitRepository, name: fleet}}]\n{text}");
        let document = gitops_yaml::read_document(
            text.as_bytes(),
            gitops_yaml::FileId::NONE,
            &gitops_yaml::ReadOptions::yaml11(),
        );
        ArtifactGenerator::read(&document.unwrap().unwrap().root).unwrap()
    }

    fn composed(rules: &str) -> Result<Vec<(String, String)>, String> {
        let tree = source();
        let sources = |alias: &str| (alias == "repo").then_some(Below { tree: &tree, folder: "." });
        let generator = generator(&format!("  artifacts: [{{name: out, copy: [{rules}]}}]\n"));
        let made = generator.artifact("out", &sources)?.unwrap().compose(&sources)?;
        let text = |content: &[u8]| String::from_utf8_lossy(content).into_owned();
        Ok(made.tree.files().into_iter().map(|(path, content)| (path, text(content))).collect())
    }

    #[track_caller]
    fn check(rules: &str, wanted: &[&str]) {
        let found = composed(rules).unwrap();
        assert_eq!(found.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn files_go_where_cp_would_put_them() {
        check("{from: '@repo/apps/base/**', to: '@artifact/'}", &["a.yaml", "deep/b.yaml"]);
        check("{from: '@repo/apps/base', to: '@artifact/x'}", &["x/base/a.yaml", "x/base/deep/b.yaml"]);
        check("{from: '@repo/apps/*/*.yaml', to: '@artifact/'}", &["apps/base/a.yaml", "apps/prod/c.yaml"]);
        check("{from: '@repo/top.yaml', to: '@artifact/other.yaml'}", &["other.yaml"]);
        check("{from: '@repo/top.yaml', to: '@artifact/x/'}", &["x/top.yaml"]);
        check("{from: '@repo/top.yaml', to: '@artifact/'}", &["top.yaml"]);
    }

    #[test]
    fn excluded_files_are_left_out() {
        check(
            "{from: '@repo/apps/**', to: '@artifact/', exclude: ['*.md', base/deep]}",
            &["base/a.yaml", "prod/c.yaml"],
        );
        check(
            "{from: '@repo/apps/**', to: '@artifact/', exclude: ['**/b.yaml', '{prod,x}/*']}",
            &["base/a.yaml"],
        );
        let none = composed("{from: '@repo/*.yaml', to: '@artifact/', exclude: ['*.yaml']}").unwrap_err();
        assert!(
            none.ends_with("all files matching pattern '*.yaml' in source 'repo' were excluded"),
            "{none}"
        );
    }

    #[test]
    fn merged_files_keep_what_only_one_of_them_says() {
        let rules = "{from: '@repo/values/one.yaml', to: '@artifact/v.yaml'}, {from: '@repo/values/two.yaml', to: '@artifact/v.yaml', strategy: Merge}";
        let found = composed(rules).unwrap();
        assert_eq!(found[0].1, "a:\n  b: 1\n  c:\n  - 2\n  d: 3\n");
    }

    #[test]
    fn what_is_missing_is_named() {
        for (rule, wanted) in [
            ("{from: '@repo/none', to: '@artifact/'}", "source 'none' does not exist"),
            ("{from: '@repo/none/*', to: '@artifact/'}", "no files match pattern 'none/*' in source 'repo'"),
            ("{from: '@other/a', to: '@artifact/'}", "source alias 'other' not found"),
            ("{from: '@repo/apps', to: '@artifact/', strategy: Extract}", "not supported for directories"),
        ] {
            let told = composed(rule).unwrap_err();
            assert!(
                told.contains(wanted) && told.starts_with("failed to apply copy operation from '@"),
                "{told}"
            );
        }
    }

    #[test]
    fn a_path_pattern_makes_an_artifact_of_each_match() {
        let tree = source();
        let sources = |alias: &str| (alias == "repo").then_some(Below { tree: &tree, folder: "." });
        let generator = generator(
            "  pathPattern: '@repo/apps/{env}'\n  artifacts: [{name: 'apps-{env}', copy: [{from: '@repo/apps/{env}/**', to: '@artifact/'}]}]\n",
        );
        let made = generator.artifact("apps-prod", &sources).unwrap().unwrap().compose(&sources).unwrap();
        assert!(made.tree.is_file("c.yaml") && !made.tree.is_file("a.yaml"));
        assert_eq!(made.origins["c.yaml"], ("repo".to_owned(), "apps/prod/c.yaml".to_owned()));
        assert!(generator.artifact("apps-test", &sources).unwrap().is_none());
    }
}
