//! What the terminal shows: events as they come, and at the end every object with its state.

use super::Args;
use crate::printable::Printable;
use gitops_controller::{Progress, RealWorld};
use gitops_controllers::status::{condition_of, is_ready};
use gitops_controllers::{Context, Event, Key, Kind, Severity};
use gitops_core::apply::Inventory;
use gitops_yaml::Node;
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

/// Prints every object that is looked after, with its state, and what was applied.
pub(super) fn summary(context: &Context<RealWorld>) {
    let mut ready = 0;
    let mut total = 0;
    let mut applied = 0;
    for kind in KINDS {
        for object in context.cache.list(kind) {
            let Some(key) = Key::of(&object) else { continue };
            total += 1;
            let is_ready = is_ready(&object);
            ready += usize::from(is_ready);
            let message = condition_of(&object, "Ready").and_then(|ready| ready.get("message")?.as_str());
            let mark = if is_ready { "✔" } else { "✗" };
            anstream::println!("{mark} {key}: {}", message.unwrap_or("nobody has looked at it yet"));
            let warnings = condition_of(&object, "Warnings").and_then(|found| found.get("message")?.as_str());
            for line in warnings.unwrap_or_default().lines() {
                anstream::println!("    ⚠ {}", Printable(line));
            }
            let inventory = object.at_path(&["status", "inventory"]).map(Inventory::read);
            if let Some(Ok(inventory)) = inventory {
                for target in inventory.iter() {
                    applied += 1;
                    anstream::println!("    {target}");
                }
            }
        }
    }
    anstream::println!("{ready} of {total} ready, {applied} objects applied");
}
