//! `fix --vars`: turns `vars` into `replacements`, and `$(NAME)` in the files into placeholders.

use std::collections::{BTreeMap, BTreeSet};

use gitops_core::tree::{Source, join};
use gitops_yaml::{Data, Node, ReadOptions, read_stream};

use super::shape::{KUSTOMIZATION, text};
use super::{KustomizationFile, NO_FILE, put, refuse, sequence_of, texts_of};
use crate::error::Error;
use crate::id::Gvk;
use crate::kustomization::FILE_NAMES;
use crate::read::read_config;

/// How deep kustomizations that include others are followed.
const DEEPEST: usize = 32;

impl KustomizationFile {
    /// Turns `vars` into `replacements`; returns the other files that have to change, by their paths as the kustomization
    /// sees them. Replacements that are there already stay.
    ///
    /// # Errors
    /// When a variable stands in the middle of a text without the same delimiter on both sides.
    pub fn vars_to_replacements(
        &mut self,
        source: &dyn Source,
        directory: &str,
    ) -> Result<BTreeMap<String, String>, Error> {
        let vars = self.items("vars");
        if vars.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut files = Touched {
            source,
            directory,
            paths: Vec::new(),
            patches: BTreeMap::new(),
            changed: BTreeMap::new(),
        };
        files.collect(&self.data, "", 0);
        let mut replacements = self.items("replacements");
        for var in &vars {
            let name = var.get("name").and_then(Node::as_str).unwrap_or_default();
            let targets = files.targets(name)?;
            files.put_placeholders(name);
            let mut replacement = Node::mapping(Vec::new());
            replacement.set("source", source_of(var));
            put(&mut replacement, "targets", Node::sequence(targets));
            replacements.push(replacement);
        }
        self.put_items("vars", Vec::new());
        self.put_items("replacements", replacements);
        self.data = KUSTOMIZATION.canonical(Some(&self.data));
        Ok(files.changed)
    }
}

fn source_of(var: &Node) -> Node {
    let object = |field: &str| var.at_path(&["objref", field]).and_then(Node::as_str).unwrap_or_default();
    let gvk = Gvk::parse(object("apiVersion"), object("kind"));
    let path = var.at_path(&["fieldref", "fieldPath"]).and_then(Node::as_str).unwrap_or_default();
    let mut source = selector(&gvk, object("name"), object("namespace"));
    put(&mut source, "fieldPath", text(path));
    source
}

fn selector(gvk: &Gvk, name: &str, namespace: &str) -> Node {
    let mut selector = Node::mapping(Vec::new());
    for (field, value) in [
        ("group", gvk.group.as_str()),
        ("version", gvk.version.as_str()),
        ("kind", gvk.kind.as_str()),
        ("name", name),
        ("namespace", namespace),
    ] {
        put(&mut selector, field, text(value));
    }
    selector
}

/// The files that a kustomization reads, as upstream finds them: nested paths are seen from the first directory.
struct Touched<'a> {
    source: &'a dyn Source,
    directory: &'a str,
    paths: Vec<String>,
    /// The entries of `patches` by the path of their file.
    patches: BTreeMap<String, Node>,
    changed: BTreeMap<String, String>,
}

impl Touched<'_> {
    fn collect(&mut self, kustomization: &Node, inside: &str, depth: usize) {
        let below = |path: &str| if inside.is_empty() { path.to_owned() } else { format!("{inside}/{path}") };
        for resource in texts_of(kustomization.get("resources")) {
            for name in FILE_NAMES {
                let text = self.read(&format!("{resource}/{name}"));
                let node = text.and_then(|text| read_config(text.as_bytes(), NO_FILE).ok().flatten());
                if let Some(node) = node.filter(|_| depth < DEEPEST) {
                    self.collect(&node, &resource, depth + 1);
                }
            }
            self.paths.push(below(&resource));
        }
        for patch in kustomization.get("patches").and_then(Node::items).unwrap_or_default() {
            if let Some(path) = patch.get("path").and_then(Node::as_str) {
                self.paths.push(below(path));
                self.patches.insert(below(path), patch.clone());
            }
        }
    }

    fn read(&self, path: &str) -> Option<String> {
        if let Some(text) = self.changed.get(path) {
            return Some(text.clone());
        }
        let bytes = self.source.read(&join(self.directory, path).ok()?).ok()?;
        String::from_utf8(bytes.into_owned()).ok()
    }

    /// Returns the targets of a replacement that stands for a variable.
    fn targets(&self, name: &str) -> Result<Vec<Node>, Error> {
        let mut targets = Vec::new();
        for path in &self.paths {
            let Some(text) = self.read(path) else { continue };
            let Ok(documents) = read_stream(text.as_bytes(), NO_FILE, &ReadOptions::v3()) else { continue };
            for document in documents {
                for object in objects(document.root) {
                    let mut uses = Vec::new();
                    find(&object, &format!("$({name})"), &mut Vec::new(), &mut uses)
                        .map_err(|error| error.within(format!("error with {path}")))?;
                    for found in uses {
                        targets.push(self.target(path, &object, found));
                    }
                }
            }
        }
        Ok(targets)
    }

    fn target(&self, path: &str, object: &Node, found: Use) -> Node {
        let get = |path: &[&str]| object.at_path(path).and_then(Node::as_str).unwrap_or_default();
        let (kind, name, namespace) =
            (get(&["kind"]), get(&["metadata", "name"]), get(&["metadata", "namespace"]));
        let allows = |patch: &Node, what: &str| patch.at_path(&["options", what]).is_some();
        let patch = self
            .patches
            .get(path)
            .filter(|patch| !(allows(patch, "allowNameChange") && allows(patch, "allowKindChange")));
        let select = match patch {
            // A patch may apply to several resources, whose names are not the patch's.
            Some(patch) => {
                let mut select = patch.get("target").cloned().unwrap_or_else(|| Node::mapping(Vec::new()));
                if allows(patch, "allowNameChange") {
                    put(&mut select, "name", text(name));
                }
                if allows(patch, "allowKindChange") {
                    put(&mut select, "kind", text(kind));
                }
                if !namespace.is_empty() {
                    put(&mut select, "namespace", text(namespace));
                }
                select
            }
            None => selector(&Gvk::parse(get(&["apiVersion"]), kind), name, namespace),
        };
        let mut target = Node::mapping(Vec::new());
        target.set("select", select);
        target.set("fieldPaths", sequence_of(vec![found.path]));
        if let Some((delimiter, index)) = found.part {
            let mut options = Node::mapping(Vec::new());
            options.set("delimiter", text(delimiter));
            put(&mut options, "index", Node::int(index));
            target.set("options", options);
        }
        target
    }

    fn put_placeholders(&mut self, name: &str) {
        let paths: BTreeSet<String> = self.paths.iter().cloned().collect();
        for path in paths {
            let Some(before) = self.read(&path) else { continue };
            let after = before.replace(&format!("$({name})"), &format!("{name}_PLACEHOLDER"));
            if after != before {
                self.changed.insert(path, after);
            }
        }
    }
}

/// Takes lists apart.
fn objects(root: Node) -> Vec<Node> {
    let is_list =
        root.get("kind").and_then(Node::as_str).is_some_and(|kind| kind == "List" || kind == "ResourceList");
    match root.get("items").and_then(Node::items).filter(|_| is_list) {
        Some(items) => items.to_vec(),
        None if root.is_mapping() => vec![root],
        None => Vec::new(),
    }
}

/// Where a variable stands.
struct Use {
    path: String,
    /// What parts the text around it, and which part it is; `None` where it is the whole text.
    part: Option<(String, i64)>,
}

fn find(node: &Node, variable: &str, path: &mut Vec<String>, uses: &mut Vec<Use>) -> Result<(), Error> {
    match &node.data {
        Data::Sequence(items) => {
            for (n, item) in items.iter().enumerate() {
                path.push(n.to_string());
                find(item, variable, path, uses)?;
                path.pop();
            }
        }
        Data::Mapping(entries) => {
            for entry in entries {
                let key = entry.key.as_str().unwrap_or_default().trim();
                path.push(if key.contains('.') { format!("[{key}]") } else { key.to_owned() });
                find(&entry.value, variable, path, uses)?;
                path.pop();
            }
        }
        Data::Scalar(value) if value.contains(variable) => {
            uses.push(Use { path: path.join("."), part: part_of(value, variable)? });
        }
        Data::Scalar(_) | Data::Alias(_) => {}
    }
    Ok(())
}

fn part_of(value: &str, variable: &str) -> Result<Option<(String, i64)>, Error> {
    let Some((before, after)) = value.split_once(variable) else { return Ok(None) };
    let last = before.chars().next_back();
    let next = after.chars().next();
    let index_of = |delimiter: char, part: &str| {
        let at = value.split(delimiter).position(|other| other == part)?;
        i64::try_from(at).ok()
    };
    let (delimiter, index) = match (last, next) {
        (None, None) => return Ok(None),
        (None, Some(next)) => (next, 0),
        (Some(last), None) => {
            let parts = value.split(last).count();
            (last, i64::try_from(parts).unwrap_or(i64::MAX) - 1)
        }
        (Some(last), Some(next)) if last == next => {
            let Some(index) = index_of(last, variable) else {
                return Err(refuse(format!(
                    "cannot convert all vars to replacements; {variable} is not delimited"
                )));
            };
            (last, index)
        }
        _ => {
            return Err(refuse(format!(
                "cannot convert all vars to replacements; {variable} is not delimited"
            )));
        }
    };
    Ok(Some((delimiter.to_string(), index)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_a_part_between_delimiters() {
        let part = |value: &str| part_of(value, "$(V)");
        assert_eq!(part("$(V)").unwrap(), None);
        assert_eq!(part("$(V)/x").unwrap(), Some(("/".into(), 0)));
        assert_eq!(part("a/b/$(V)").unwrap(), Some(("/".into(), 2)));
        assert_eq!(part("a-$(V)-b").unwrap(), Some(("-".into(), 1)));
        assert!(part("a-$(V).b").is_err());
    }
}
