//! What the terminal shows: events as they come, and at the end every object with its state.

use super::Args;
use crate::printable::Printable;
use gitops_controller::{Progress, RealWorld};
use gitops_controllers::status::{condition_of, is_ready};
use gitops_controllers::{Context, Event, Key, Kind, Severity};
use gitops_core::apply::Inventory;
use gitops_yaml::Node;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Prints what happens until all is ready or the time is over; returns whether all is ready.
pub(super) async fn look_on(
    args: &Args,
    context: &Context<RealWorld>,
    mut told: mpsc::UnboundedReceiver<Progress>,
) -> Option<bool> {
    let begun = Instant::now();
    let mut quiet = 0;
    loop {
        let wait = tokio::time::timeout(Duration::from_millis(100), told.recv()).await;
        match wait {
            Ok(Some(Progress::Told(event))) => {
                print(&event, begun);
                quiet = 0;
                continue;
            }
            Ok(Some(_)) => {
                quiet = 0;
                continue;
            }
            Ok(None) => return None,
            Err(_) => quiet += 1,
        }
        if args.exit_when_ready {
            if quiet >= 3 && all_ready(context) {
                return Some(true);
            }
            if begun.elapsed() > args.timeout {
                return Some(false);
            }
        }
    }
}

fn print(event: &Event, begun: Instant) {
    let mark = match (event.severity, event.reason.as_str()) {
        (Severity::Error, _) => "✗",
        (Severity::Info, "DependencyNotReady") => "◎",
        (Severity::Info, "Warning") => "⚠",
        (Severity::Info, _) => "✔",
    };
    let time = begun.elapsed().as_secs_f64();
    for (index, line) in event.message.lines().map(Printable).enumerate() {
        if index == 0 {
            anstream::eprintln!("{time:7.2}s {mark} {}: {line}", event.key);
        } else {
            anstream::eprintln!("{:>10} {line}", "");
        }
    }
}

/// The kinds that come to be ready.
const KINDS: [Kind; 9] = [
    Kind::GitRepository,
    Kind::OciRepository,
    Kind::HelmRepository,
    Kind::HelmChart,
    Kind::Kustomization,
    Kind::HelmRelease,
    Kind::ImageRepository,
    Kind::ImagePolicy,
    Kind::ImageUpdateAutomation,
];

fn all_ready(context: &Context<RealWorld>) -> bool {
    KINDS.iter().all(|kind| {
        context.cache.list(*kind).iter().all(|object| {
            object.at_path(&["spec", "suspend"]).and_then(Node::as_str) == Some("true") || is_ready(object)
        })
    })
}

/// Prints what came of it as a tree: sources, what reads them, and what was applied, each with its state.
pub(super) fn summary(context: &Context<RealWorld>) {
    let mut tree = Tree::default();
    let all: Vec<(Key, Arc<Node>)> = KINDS
        .into_iter()
        .flat_map(|kind| context.cache.list(kind))
        .filter_map(|object| Some((Key::of(&object)?, object)))
        .collect();
    for (key, object) in &all {
        let above = above(key, object).filter(|above| all.iter().any(|(known, _)| known == above));
        match above {
            Some(above) => tree.below.entry(above).or_default().push((key, object)),
            None => tree.roots.push((key, object)),
        }
    }
    for (key, object) in tree.roots.clone() {
        tree.print(key, object, 0);
    }
    let Tree { ready, total, applied, .. } = tree;
    anstream::println!("{ready} of {total} ready, {applied} objects applied");
}

/// What an object reads: its source, its chart, its repository of images.
fn above(key: &Key, object: &Node) -> Option<Key> {
    let text = |path: &[&str]| object.at_path(path).and_then(Node::as_str);
    if key.kind == Kind::HelmRelease {
        let (namespace, name) = text(&["status", "helmChart"])?.split_once('/')?;
        return Some(Key::new(Kind::HelmChart, namespace.to_owned(), name.to_owned()));
    }
    let (field, default) = match key.kind {
        Kind::Kustomization | Kind::HelmChart => ("sourceRef", None),
        Kind::ImageUpdateAutomation => ("sourceRef", Some(Kind::GitRepository)),
        Kind::ImagePolicy => ("imageRepositoryRef", Some(Kind::ImageRepository)),
        _ => return None,
    };
    let kind = text(&["spec", field, "kind"]).map_or(default, Kind::named)?;
    let namespace = text(&["spec", field, "namespace"]).unwrap_or(&key.namespace).to_owned();
    Some(Key::new(kind, namespace, text(&["spec", field, "name"])?.to_owned()))
}

#[derive(Default)]
struct Tree<'o> {
    roots: Vec<(&'o Key, &'o Node)>,
    below: HashMap<Key, Vec<(&'o Key, &'o Node)>>,
    ready: usize,
    total: usize,
    applied: usize,
}

impl Tree<'_> {
    fn print(&mut self, key: &Key, object: &Node, depth: usize) {
        let indent = "  ".repeat(depth);
        self.total += 1;
        let is_ready = is_ready(object);
        self.ready += usize::from(is_ready);
        let words = |kind| condition_of(object, kind).and_then(|found| found.get("message")?.as_str());
        let mark = if is_ready { "✔" } else { "✗" };
        let message = words("Ready").unwrap_or("nobody has looked at it yet");
        for (index, line) in message.lines().map(Printable).enumerate() {
            match index {
                0 => anstream::println!("{indent}{mark} {key}: {line}"),
                _ => anstream::println!("{indent}    {line}"),
            }
        }
        for line in words("Warnings").unwrap_or_default().lines() {
            anstream::println!("{indent}    ⚠ {}", Printable(line));
        }
        if let Some(Ok(inventory)) = object.at_path(&["status", "inventory"]).map(Inventory::read) {
            for target in inventory.iter() {
                self.applied += 1;
                anstream::println!("{indent}    {target}");
            }
        }
        for (key, object) in self.below.remove(key).unwrap_or_default() {
            self.print(key, object, depth + 1);
        }
    }
}
