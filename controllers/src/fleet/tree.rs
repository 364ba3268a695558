//! Draws a fleet as a tree: sources, the apps that use them, what those apply.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use super::app::{App, AppId, AppKind};
use super::render::Rendered;

/// How much a tree shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Every object.
    #[default]
    Objects,
    /// Apps alone.
    Apps,
}

impl Rendered {
    /// Draws the fleet as a tree of text, one line an object.
    ///
    /// Roots stand below the source that they come from; nested apps stand where their objects do.
    #[must_use]
    pub fn to_tree(&self, detail: Detail) -> String {
        let mut children: HashMap<usize, HashMap<&AppId, usize>> = HashMap::new();
        let mut sources: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, app) in self.apps.iter().enumerate() {
            match app.parent {
                Some(parent) => {
                    children.entry(parent).or_default().insert(&app.id, index);
                }
                None => {
                    let source = app.source.as_ref().map(ToString::to_string).unwrap_or_default();
                    sources.entry(source).or_default().push(index);
                }
            }
        }
        let drawing = Drawing { rendered: self, children, detail };
        let mut text = String::new();
        for (source, roots) in sources {
            let _ = writeln!(text, "{}", if source.is_empty() { "(this folder)" } else { &source });
            for (at, root) in roots.iter().enumerate() {
                drawing.app(*root, "", at + 1 == roots.len(), 0, &mut text);
            }
        }
        text
    }
}

struct Drawing<'r> {
    rendered: &'r Rendered,
    children: HashMap<usize, HashMap<&'r AppId, usize>>,
    detail: Detail,
}

enum Leaf<'r> {
    App(usize),
    Object(&'r super::app::RenderedObject),
}

impl Drawing<'_> {
    fn app(&self, index: usize, indent: &str, is_last: bool, depth: usize, text: &mut String) {
        let Some(app) = self.rendered.apps.get(index) else { return };
        if depth > 64 {
            return;
        }
        let (branch, below) = if is_last { ("└── ", "    ") } else { ("├── ", "│   ") };
        let _ = writeln!(text, "{indent}{branch}{}{}", app.id, notes(app));
        let own = self.children.get(&index);
        let nested = |object: &super::app::RenderedObject| {
            let kind = match object.id.kind.as_str() {
                "Kustomization" => AppKind::Kustomization,
                "HelmRelease" => AppKind::HelmRelease,
                _ => return None,
            };
            let id = AppId { kind, namespace: object.id.namespace.clone(), name: object.id.name.clone() };
            own?.get(&id).copied()
        };
        let leaves: Vec<Leaf<'_>> = app
            .objects
            .iter()
            .filter_map(|object| match nested(object) {
                Some(index) => Some(Leaf::App(index)),
                None if self.detail == Detail::Objects => Some(Leaf::Object(object)),
                None => None,
            })
            .collect();
        let indent = format!("{indent}{below}");
        for (at, leaf) in leaves.iter().enumerate() {
            let is_last = at + 1 == leaves.len();
            match leaf {
                Leaf::App(index) => self.app(*index, &indent, is_last, depth + 1, text),
                Leaf::Object(object) => {
                    let branch = if is_last { "└── " } else { "├── " };
                    let _ = writeln!(text, "{indent}{branch}{}", object.id);
                }
            }
        }
    }
}

/// What stands behind an app's name.
fn notes(app: &App) -> String {
    let mut notes = String::new();
    if !app.path.is_empty() {
        let _ = write!(notes, "  {}", app.path);
    }
    if app.is_suspended {
        notes.push_str("  (suspended)");
    }
    let errors = app.gaps.iter().filter(|gap| gap.severity == super::app::Severity::Error).count();
    if errors > 0 {
        let _ = write!(notes, "  ({errors} {})", if errors == 1 { "error" } else { "errors" });
    }
    notes
}
