//! Which kinds a server serves, and under which names.

use gitops_core::object::Gvk;
use gitops_core::ports::ServedKind;
use gitops_yaml::{Node, Str};
use std::collections::{HashMap, HashSet};
use std::time::Instant;

/// The kinds of a server, as they were at one time.
#[derive(Debug)]
pub(crate) struct Kinds {
    pub(crate) asked: Instant,
    /// In the server's order: the preferred version of a kind comes first.
    served: Vec<ServedKind>,
    index: HashMap<Gvk, usize>,
    /// Groups and versions that the server could not ask about just now.
    stale: HashSet<(Str, Str)>,
}

impl Kinds {
    pub(crate) fn at(asked: Instant) -> Self {
        Self { asked, served: Vec::new(), index: HashMap::new(), stale: HashSet::new() }
    }

    pub(crate) fn find(&self, gvk: &Gvk) -> Option<&ServedKind> {
        self.index.get(gvk).and_then(|index| self.served.get(*index))
    }

    /// Returns whether nothing is known of a group's version, since the server that serves it does not answer.
    pub(crate) fn is_stale(&self, gvk: &Gvk) -> bool {
        self.stale.contains(&(gvk.group.clone(), gvk.version.clone()))
    }

    /// Lists every kind in its preferred version.
    pub(crate) fn preferred(&self) -> Vec<ServedKind> {
        let mut seen = HashSet::new();
        let first = |kind: &&ServedKind| seen.insert((kind.gvk.group.clone(), kind.gvk.kind.clone()));
        self.served.iter().filter(first).cloned().collect()
    }

    fn add(&mut self, kind: ServedKind) {
        // Several resources may answer with one kind; the first is the kind's own.
        if !self.index.contains_key(&kind.gvk) {
            self.index.insert(kind.gvk.clone(), self.served.len());
            self.served.push(kind);
        }
    }

    /// Takes in an `APIGroupDiscoveryList`; false where the answer is none.
    pub(crate) fn add_aggregated(&mut self, list: &Node) -> bool {
        if text(list, "kind") != "APIGroupDiscoveryList" {
            return false;
        }
        for item in items(list, "items") {
            let group: Str =
                item.at_path(&["metadata", "name"]).and_then(Node::scalar).cloned().unwrap_or_default();
            for version in items(item, "versions") {
                let name: Str = text(version, "version").into();
                if text(version, "freshness") == "Stale" {
                    self.stale.insert((group.clone(), name.clone()));
                }
                for resource in items(version, "resources") {
                    let kind = resource.at_path(&["responseKind", "kind"]).and_then(Node::scalar).cloned();
                    let Some(kind) = kind.filter(|kind| !kind.is_empty()) else { continue };
                    let gvk = Gvk { group: group.clone(), version: name.clone(), kind };
                    let namespaced = text(resource, "scope") == "Namespaced";
                    self.add(ServedKind { gvk, plural: text(resource, "resource").into(), namespaced });
                }
            }
        }
        true
    }

    /// Takes in the `APIResourceList` of one group's version.
    pub(crate) fn add_resources(&mut self, list: &Node) {
        let api_version = text(list, "groupVersion");
        for resource in items(list, "resources") {
            let (plural, kind) = (text(resource, "name"), text(resource, "kind"));
            if plural.is_empty() || kind.is_empty() || plural.contains('/') {
                continue;
            }
            let namespaced = text(resource, "namespaced") == "true";
            self.add(ServedKind { gvk: Gvk::new(api_version, kind), plural: plural.into(), namespaced });
        }
    }
}

/// Lists the `group/version`s of an `APIGroupList`, each group's preferred one first.
pub(crate) fn group_versions(list: &Node) -> Vec<String> {
    let mut found = Vec::new();
    for group in items(list, "groups") {
        let preferred = group.at_path(&["preferredVersion", "groupVersion"]).and_then(Node::as_str);
        found.extend(preferred.map(str::to_owned));
        let others = items(group, "versions").iter().map(|version| text(version, "groupVersion"));
        found.extend(others.filter(|one| Some(*one) != preferred).map(str::to_owned));
    }
    found
}

fn text<'a>(node: &'a Node, field: &str) -> &'a str {
    node.get(field).and_then(Node::as_str).unwrap_or_default()
}

fn items<'a>(node: &'a Node, field: &str) -> &'a [Node] {
    node.get(field).and_then(Node::items).unwrap_or_default()
}
