//! A graph as a picture: what comes first stands left, lines go round what they do not touch.

use super::{EdgeKind, Graph};
use crate::fleet::app::AppId;
use std::collections::BTreeSet;
use std::fmt::Write;

/// A box's height, and that of the way of a line through a column.
const BOX: usize = 40;
const WAY: usize = 8;
const GAP_Y: usize = 12;
const MARGIN: usize = 16;
/// Between two columns.
const GAP_X: usize = 72;
/// The width of a character of the fixed-width font, in hundredths, and how many are shown.
const CHARACTER: usize = 730;
const CHARACTERS: usize = 44;
/// How often rows are put in order: there and back until lines hardly cross.
const SWEEPS: usize = 8;
/// How many places lines have in the columns that they pass; bounds the work for long chains.
const WAYS: usize = 20_000;

const STYLE: &str = "<style>\
.box{fill:#f6f8fa;stroke:#57606a}.wrong{stroke:#cf222e;stroke-width:2}.name{fill:#1f2328}.kind{fill:#57606a;font-size:10px}\
.line{fill:none;stroke:#818b98;stroke-width:1.3}.dash{stroke-dasharray:5 3}.head{fill:#818b98}.note{fill:#818b98;font-size:11px}\
@media (prefers-color-scheme:dark){.box{fill:#21262d;stroke:#8b949e}.wrong{stroke:#ff7b72}.name{fill:#e6edf3}.kind{fill:#9da7b3}}\
</style>";

/// What stands in a column: an app, or a line on its way.
#[derive(Clone, Copy, Debug)]
struct Item {
    app: Option<usize>,
    layer: usize,
    row: usize,
    x: usize,
    y: usize,
}

/// Places of all items, and the lines between them.
struct Drawing<'a> {
    graph: &'a Graph,
    items: Vec<Item>,
    columns: Vec<Vec<usize>>,
    /// Each line's items, from the one that comes first to the one that comes later.
    lines: Vec<(Vec<usize>, EdgeKind)>,
}

/// Draws a graph.
pub(super) fn svg(graph: &Graph) -> String {
    let mut drawing = Drawing::new(graph);
    drawing.order();
    let (wide, high) = drawing.place();
    drawing.print(wide, high)
}

impl<'a> Drawing<'a> {
    fn new(graph: &'a Graph) -> Self {
        let item = |(at, node): (usize, &super::GraphNode)| Item {
            app: Some(at),
            layer: node.layer,
            row: 0,
            x: 0,
            y: 0,
        };
        let mut items: Vec<Item> = graph.nodes.iter().enumerate().map(item).collect();
        let mut lines = Vec::new();
        for edge in &graph.edges {
            let (Some(first), Some(later)) = (items.get(edge.to).copied(), items.get(edge.from).copied())
            else {
                continue;
            };
            let mut line = vec![edge.to];
            if items.len() < graph.nodes.len().saturating_add(WAYS) {
                for layer in first.layer.saturating_add(1)..later.layer {
                    line.push(items.len());
                    items.push(Item { app: None, layer, row: 0, x: 0, y: 0 });
                }
            }
            line.push(edge.from);
            lines.push((line, edge.kind));
        }
        let count = items.iter().map(|item| item.layer).max().map_or(0, |last| last + 1);
        let mut columns = vec![Vec::new(); count];
        for (at, item) in items.iter().enumerate() {
            if let Some(column) = columns.get_mut(item.layer) {
                column.push(at);
            }
        }
        Self { graph, items, columns, lines }
    }

    /// Puts what is joined side by side: each item goes to the middle of those in the columns before, then behind it.
    fn order(&mut self) {
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); self.items.len()];
        let mut after = before.clone();
        for (line, _) in &self.lines {
            for pair in line.windows(2) {
                if let [first, later] = *pair {
                    before[later].push(first);
                    after[first].push(later);
                }
            }
        }
        let name = |item: &Item| item.app.and_then(|at| self.graph.nodes.get(at)).map(|node| &node.id);
        for column in &mut self.columns {
            column.sort_by(|a, b| name(&self.items[*a]).cmp(&name(&self.items[*b])));
        }
        self.number();
        for sweep in 0..SWEEPS {
            let is_forth = sweep % 2 == 0;
            let joined = if is_forth { &before } else { &after };
            let count = self.columns.len();
            for step in 0..count {
                let at = if is_forth { step } else { count - 1 - step };
                let items = &self.items;
                // In thousandths of a row; an item without neighbours stays.
                let middle = |item: &usize| match joined[*item].as_slice() {
                    [] => items[*item].row * 1000,
                    others => {
                        others.iter().map(|other| items[*other].row * 1000).sum::<usize>() / others.len()
                    }
                };
                self.columns[at].sort_by_cached_key(middle);
                for (row, item) in self.columns[at].iter().enumerate() {
                    self.items[*item].row = row;
                }
            }
        }
    }

    fn number(&mut self) {
        for column in &self.columns {
            for (row, item) in column.iter().enumerate() {
                self.items[*item].row = row;
            }
        }
    }

    fn high(&self, item: usize) -> usize {
        if self.items[item].app.is_some() { BOX } else { WAY }
    }

    fn wide(&self, layer: usize) -> usize {
        let names = self.columns[layer].iter().filter_map(|item| self.items[*item].app);
        let longest = names.filter_map(|at| self.graph.nodes.get(at)).map(|node| {
            let (kind, name) = label(&node.id);
            kind.chars().count().max(name.chars().count())
        });
        longest.max().unwrap_or(0) * CHARACTER / 100 + 20
    }

    /// Gives each item its place; returns the size of the picture.
    fn place(&mut self) -> (usize, usize) {
        let heights: Vec<usize> = self
            .columns
            .iter()
            .map(|column| {
                column.iter().map(|item| self.high(*item) + GAP_Y).sum::<usize>().saturating_sub(GAP_Y)
            })
            .collect();
        let highest = heights.iter().copied().max().unwrap_or(0);
        let mut x = MARGIN;
        for (layer, height) in heights.iter().enumerate() {
            let mut y = MARGIN + (highest - height) / 2;
            for at in self.columns[layer].clone() {
                (self.items[at].x, self.items[at].y) = (x, y);
                y += self.high(at) + GAP_Y;
            }
            x += self.wide(layer) + GAP_X;
        }
        let notes = 40;
        (x.saturating_sub(GAP_X).max(430) + MARGIN, highest + 2 * MARGIN + notes)
    }

    fn print(&self, wide: usize, high: usize) -> String {
        let (apps, lines) = (self.graph.nodes.len(), self.graph.edges.len());
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide}\" height=\"{high}\" viewBox=\"0 0 {wide} {high}\" role=\"img\" \
             aria-labelledby=\"fleet-title fleet-description\" font-family=\"ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace\" \
             font-size=\"12\">\n<title id=\"fleet-title\">Dependencies of {apps} apps</title>\n<desc id=\"fleet-description\">{}</desc>\n{STYLE}\n\
             <defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\">\
             <path class=\"head\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\n",
            escaped(&self.description(lines))
        );
        for (line, kind) in &self.lines {
            let dash = if *kind == EdgeKind::AppliedBy { " dash" } else { "" };
            let _ = writeln!(
                text,
                "<path class=\"line{dash}\" d=\"{}\" marker-end=\"url(#head)\"/>",
                self.path(line)
            );
        }
        let circling: BTreeSet<&AppId> = self.graph.cycles.iter().flatten().collect();
        for item in &self.items {
            let Some(node) = item.app.and_then(|at| self.graph.nodes.get(at)) else { continue };
            let wrong = if circling.contains(&node.id) || node.place.is_empty() { " wrong" } else { "" };
            let (kind, name) = label(&node.id);
            let place = if node.place.is_empty() { "missing" } else { &node.place };
            let (x, y, wide) = (item.x, item.y, self.wide(item.layer));
            let _ = writeln!(
                text,
                "<g><title>{} ({})</title><rect class=\"box{wrong}\" x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{BOX}\" rx=\"5\"/>\
                 <text class=\"kind\" x=\"{}\" y=\"{}\">{}</text><text class=\"name\" x=\"{}\" y=\"{}\">{}</text></g>",
                escaped(&node.id.to_string()),
                escaped(place),
                x + 10,
                y + 15,
                escaped(&kind),
                x + 10,
                y + 31,
                escaped(&name)
            );
        }
        self.print_notes(&mut text, high.saturating_sub(34));
        text.push_str("</svg>\n");
        text
    }

    /// What the lines mean.
    fn print_notes(&self, text: &mut String, y: usize) {
        let mut x = MARGIN;
        for (dash, note) in [("", "must be ready before"), (" dash", "applies")] {
            let _ = writeln!(
                text,
                "<path class=\"line{dash}\" d=\"M{x} {y}h40\" marker-end=\"url(#head)\"/><text class=\"note\" x=\"{}\" y=\"{}\">{note}</text>",
                x + 48,
                y + 4
            );
            x += 210;
        }
        if !self.graph.cycles.is_empty() || self.graph.nodes.iter().any(|node| node.place.is_empty()) {
            let note = "red: missing, or waits for itself in a circle";
            let _ = writeln!(text, "<text class=\"note\" x=\"{MARGIN}\" y=\"{}\">{note}</text>", y + 24);
        }
    }

    /// The picture in words.
    fn description(&self, lines: usize) -> String {
        let mut text = format!("{lines} lines between them; what comes first stands left.");
        for cycle in &self.graph.cycles {
            let names: Vec<String> = cycle.iter().map(ToString::to_string).collect();
            let _ = write!(text, " In a circle: {}.", names.join(", "));
        }
        text
    }

    /// From the right side of the first to the left side of the last, through the ways between.
    fn path(&self, line: &[usize]) -> String {
        let mut path = String::new();
        let mut from: Option<(usize, usize)> = None;
        for (index, at) in line.iter().enumerate() {
            let item = self.items[*at];
            let (x, y, wide) = (item.x, item.y + self.high(*at) / 2, self.wide(item.layer));
            match from {
                None => {
                    let _ = write!(path, "M{} {y}", x + wide);
                }
                Some((x1, y1)) if x > x1 => {
                    let half = (x - x1) / 2;
                    let _ = write!(path, "C{} {y1} {} {y} {x} {y}", x1 + half, x - half);
                }
                // Within a circle a line leads back, or to its own column: it goes round on the right.
                Some((x1, y1)) => {
                    let far = x1.max(x + wide) + GAP_X / 2;
                    let _ = write!(path, "C{far} {y1} {far} {y} {} {y}", x + wide);
                }
            }
            if index > 0 && index + 1 < line.len() {
                let _ = write!(path, "H{}", x + wide);
            }
            from = Some((x + wide, y));
        }
        path
    }
}

/// The kind and the name of an app, as far as they are shown.
fn label(id: &AppId) -> (String, String) {
    let text = id.to_string();
    let (kind, name) = text.split_once('/').unwrap_or(("", &text));
    (shortened(kind), shortened(name))
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= CHARACTERS {
        return text.to_owned();
    }
    // The end tells apps apart.
    let end: Vec<char> = text.chars().rev().take(CHARACTERS - 1).collect();
    std::iter::once('…').chain(end.into_iter().rev()).collect()
}

/// A text within XML, which has no place for control characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other if other.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::{Edge, GraphNode};
    use super::*;
    use crate::fleet::app::AppKind;

    fn graph(names: &[(&str, usize)], edges: &[(usize, usize)]) -> Graph {
        let node = |(name, layer): &(&str, usize)| GraphNode {
            id: AppId { kind: AppKind::Kustomization, namespace: "flux-system".into(), name: (*name).into() },
            place: "a.yaml:1:1".into(),
            layer: *layer,
        };
        let edge = |&(from, to): &(usize, usize)| Edge { from, to, kind: EdgeKind::DependsOn };
        Graph {
            nodes: names.iter().map(node).collect(),
            edges: edges.iter().map(edge).collect(),
            cycles: Vec::new(),
        }
    }

    fn placed(graph: &Graph) -> Drawing<'_> {
        let mut drawing = Drawing::new(graph);
        drawing.order();
        drawing.place();
        drawing
    }

    #[test]
    fn nothing_lies_on_anything_else() {
        let names: Vec<(String, usize)> = (0..60).map(|at| (format!("app-{at}"), at % 5)).collect();
        let names: Vec<(&str, usize)> = names.iter().map(|(name, layer)| (name.as_str(), *layer)).collect();
        let edges: Vec<(usize, usize)> =
            (0..60).filter(|at| at % 5 > 0).flat_map(|at| [(at, at - 1), (at, at / 5 * 5)]).collect();
        let graph = graph(&names, &edges);
        let drawing = placed(&graph);
        assert!(drawing.items.len() > 60, "lines have ways of their own");
        for (at, one) in drawing.items.iter().enumerate() {
            for (other_at, other) in drawing.items.iter().enumerate().skip(at + 1) {
                let apart_x = one.x + drawing.wide(one.layer) <= other.x
                    || other.x + drawing.wide(other.layer) <= one.x;
                let apart_y =
                    one.y + drawing.high(at) <= other.y || other.y + drawing.high(other_at) <= one.y;
                assert!(apart_x || apart_y, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn what_is_joined_stands_side_by_side() {
        // By name the three would cross.
        let graph =
            graph(&[("a", 0), ("b", 0), ("c", 0), ("x", 1), ("y", 1), ("z", 1)], &[(3, 2), (4, 1), (5, 0)]);
        let drawing = placed(&graph);
        let y = |at: usize| drawing.items[at].y;
        assert_eq!((y(3), y(4), y(5)), (y(2), y(1), y(0)));
    }

    #[test]
    fn names_are_text_and_fit() {
        let long = "x".repeat(300);
        let text = svg(&graph(&[("<&\"\u{1}", 0), (&long, 0)], &[]));
        assert!(text.contains(">flux-system/&lt;&amp;&quot;\u{fffd}<"), "{text}");
        assert!(!text.contains('\u{1}'));
        let shown = format!(">…{}<", "x".repeat(CHARACTERS - 1));
        assert!(text.contains(&shown) && text.contains(&format!("{long} (a.yaml:1:1)</title>")), "{text}");
        let wide = CHARACTERS * CHARACTER / 100 + 20;
        assert_eq!(text.matches(&format!("width=\"{wide}\" height=\"{BOX}\"")).count(), 2);
        assert!(
            text.contains("role=\"img\"")
                && text.contains("<title id=\"fleet-title\">Dependencies of 2 apps</title>")
        );
    }

    #[test]
    fn a_circle_and_an_empty_fleet_have_pictures() {
        let mut circle = graph(&[("a", 0), ("b", 0)], &[(0, 1), (1, 0)]);
        circle.cycles = vec![circle.nodes.iter().map(|node| node.id.clone()).collect()];
        let text = svg(&circle);
        assert_eq!(text.matches("class=\"box wrong\"").count(), 2);
        assert!(
            text.contains("In a circle: kustomization/flux-system/a, kustomization/flux-system/b."),
            "{text}"
        );
        assert!(svg(&Graph::default()).contains("Dependencies of 0 apps"));
    }
}
