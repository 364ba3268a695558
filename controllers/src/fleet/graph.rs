//! Who waits for whom: dependencies between apps, their order, and circles among them.

mod picture;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::app::AppId;
use super::render::Rendered;

/// The dependencies of a fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Graph {
    /// The apps; those that others name but that are not there have no place.
    pub nodes: Vec<GraphNode>,
    /// From the app that waits or is applied to the one that it waits for or is applied by, as indices of nodes.
    pub edges: Vec<Edge>,
    /// Apps that wait for each other in a circle, so that none of them is ever applied.
    pub cycles: Vec<Vec<AppId>>,
}

/// An app of a [`Graph`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphNode {
    /// What it is known by.
    pub id: AppId,
    /// Where it is declared; empty for one that is nowhere.
    pub place: String,
    /// How many steps must be done before: 0 for what waits for nothing.
    pub layer: usize,
}

/// A line between two apps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The one that comes later.
    pub from: usize,
    /// The one that comes first.
    pub to: usize,
    /// Why.
    pub kind: EdgeKind,
}

/// Why one app comes after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeKind {
    /// `dependsOn` says so.
    DependsOn,
    /// The other one applies it.
    AppliedBy,
}

impl Graph {
    /// Reads the dependencies of a fleet.
    #[must_use]
    pub fn of(rendered: &Rendered) -> Self {
        let mut graph = Self::default();
        // Clusters of one repository may share names: an app is told apart by its cluster too.
        let mut index: BTreeMap<(usize, &AppId), usize> = BTreeMap::new();
        for (at, app) in rendered.apps.iter().enumerate() {
            index.insert((app.cluster, &app.id), at);
            let place = app.place.to_string();
            graph.nodes.push(GraphNode { id: app.id.clone(), place, layer: 0 });
        }
        let mut missing: BTreeMap<&AppId, usize> = BTreeMap::new();
        for (from, app) in rendered.apps.iter().enumerate() {
            if let Some(parent) = app.parent {
                graph.edges.push(Edge { from, to: parent, kind: EdgeKind::AppliedBy });
            }
            for dependency in &app.depends_on {
                let to = index.get(&(app.cluster, &dependency.on)).copied().unwrap_or_else(|| {
                    *missing.entry(&dependency.on).or_insert_with(|| {
                        let id = dependency.on.clone();
                        graph.nodes.push(GraphNode { id, place: String::new(), layer: 0 });
                        graph.nodes.len() - 1
                    })
                });
                graph.edges.push(Edge { from, to, kind: EdgeKind::DependsOn });
            }
        }
        graph.find_cycles();
        graph.find_layers();
        graph
    }

    /// Strongly connected parts of more than one app, and apps that wait for themselves. An app that is applied by one
    /// which waits for it is such a circle too.
    fn find_cycles(&mut self) {
        let count = self.nodes.len();
        let mut after: Vec<Vec<usize>> = vec![Vec::new(); count];
        for edge in &self.edges {
            if let Some(targets) = after.get_mut(edge.from) {
                targets.push(edge.to);
            }
        }
        let mut order = Vec::with_capacity(count);
        let mut seen = vec![false; count];
        for start in 0..count {
            visit(start, &after, &mut seen, &mut order);
        }
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); count];
        for edge in &self.edges {
            if let Some(sources) = before.get_mut(edge.to) {
                sources.push(edge.from);
            }
        }
        let mut seen = vec![false; count];
        for &start in order.iter().rev() {
            let mut part = Vec::new();
            visit(start, &before, &mut seen, &mut part);
            let is_own = |at: usize| self.edges.iter().any(|edge| edge.from == at && edge.to == at);
            if part.len() > 1 || part.first().is_some_and(|at| is_own(*at)) {
                part.sort_unstable();
                let ids = part.iter().filter_map(|at| self.nodes.get(*at)).map(|node| node.id.clone());
                self.cycles.push(ids.collect());
            }
        }
        self.cycles.sort();
    }

    fn find_layers(&mut self) {
        let mut edges: Vec<(usize, usize)> = self.edges.iter().map(|edge| (edge.from, edge.to)).collect();
        edges.sort_unstable();
        // As many rounds as the longest chain has links; a circle ends after as many as there are apps.
        for _ in 0..self.nodes.len() {
            let mut changed = false;
            for &(from, to) in &edges {
                let wanted = self.nodes.get(to).map_or(0, |node| node.layer + 1);
                let most = self.nodes.len();
                if let Some(node) = self.nodes.get_mut(from)
                    && node.layer < wanted
                    && wanted <= most
                    && !self.cycles.iter().any(|cycle| cycle.contains(&node.id))
                {
                    node.layer = wanted;
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
    }

    /// Prints the apps in the order in which they can be applied, each with what it waits for.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let last = self.nodes.iter().map(|node| node.layer).max().unwrap_or(0);
        for layer in 0..=last {
            for (at, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.layer == layer) {
                let _ = write!(text, "{layer}  {}", node.id);
                if node.place.is_empty() {
                    text.push_str("  (missing)");
                }
                let waits: Vec<String> = self.lines(at, EdgeKind::DependsOn);
                if !waits.is_empty() {
                    let _ = write!(text, "  after {}", waits.join(", "));
                }
                text.push('\n');
            }
        }
        for cycle in &self.cycles {
            let names: Vec<String> = cycle.iter().map(ToString::to_string).collect();
            let _ = writeln!(text, "cycle: {}", names.join(" <-> "));
        }
        text
    }

    fn lines(&self, from: usize, kind: EdgeKind) -> Vec<String> {
        let edges = self.edges.iter().filter(|edge| edge.from == from && edge.kind == kind);
        edges.filter_map(|edge| self.nodes.get(edge.to)).map(|node| node.id.to_string()).collect()
    }

    /// Prints the graph for Mermaid, as code hosts draw it in Markdown.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for (at, node) in self.nodes.iter().enumerate() {
            let _ = writeln!(text, "  n{at}[\"{}\"]", mermaid_label(&node.id.to_string()));
        }
        for edge in &self.edges {
            let arrow = match edge.kind {
                EdgeKind::DependsOn => "-->|depends on|",
                EdgeKind::AppliedBy => "-.->|applied by|",
            };
            let _ = writeln!(text, "  n{} {arrow} n{}", edge.from, edge.to);
        }
        let circling: BTreeSet<&AppId> = self.cycles.iter().flatten().collect();
        for (at, node) in self.nodes.iter().enumerate() {
            if circling.contains(&node.id) || node.place.is_empty() {
                let _ = writeln!(text, "  style n{at} stroke:#c00,stroke-width:2px");
            }
        }
        text
    }

    /// Draws the graph as a picture (SVG): what comes first stands left, what is missing or in a circle is red. It has colours for
    /// light and dark pages, and a title and description for who can't see it.
    #[must_use]
    pub fn to_svg(&self) -> String {
        picture::svg(self)
    }
}

/// A label that Mermaid takes for no syntax, markup or entity of its own: everything but letters, digits and `-._/ ` as a code.
fn mermaid_label(text: &str) -> String {
    let mut label = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            _ if character.is_control() => label.push('\u{fffd}'),
            _ if character.is_ascii_punctuation() && !"-._/".contains(character) => {
                let _ = write!(label, "#{};", u32::from(character));
            }
            _ => label.push(character),
        }
    }
    label
}

/// Walks in depth without recursion and adds each node after those that it leads to.
fn visit(start: usize, after: &[Vec<usize>], seen: &mut [bool], order: &mut Vec<usize>) {
    let mut stack = vec![(start, 0)];
    if std::mem::replace(seen.get_mut(start).unwrap_or(&mut true), true) {
        return;
    }
    while let Some((at, next)) = stack.pop() {
        match after.get(at).and_then(|targets| targets.get(next)) {
            Some(&target) => {
                stack.push((at, next + 1));
                if !std::mem::replace(seen.get_mut(target).unwrap_or(&mut true), true) {
                    stack.push((target, 0));
                }
            }
            None => order.push(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_syntax_to_mermaid() {
        assert_eq!(mermaid_label("kustomization/flux-system/a_b.c"), "kustomization/flux-system/a_b.c");
        assert_eq!(mermaid_label("größe"), "größe");
        assert_eq!(mermaid_label("a\"]\n`x`#35;<b>"), "a#34;#93;\u{fffd}#96;x#96;#35;35#59;#60;b#62;");
    }
}
