//! What is known of applied objects while watches run over them, so that a run looks only at those that have changed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gitops_core::apply::{DriftWatch, Noticed};
use gitops_core::object::Gvk;
use gitops_core::ports::WatchEvent;
use gitops_yaml::Node;

use crate::kind::{Key, Kind};

/// The label that says which Kustomization an object belongs to.
const NAME: &str = "kustomize.toolkit.fluxcd.io/name";
const NAMESPACE: &str = "kustomize.toolkit.fluxcd.io/namespace";

/// The applied objects of all Kustomizations.
///
/// Whoever drives the reconcilers watches [`Drift::kinds`] by the label [`Drift::SELECTOR`] and feeds what is seen. As long as
/// nobody says that watches run, every run compares everything.
#[derive(Debug, Default)]
pub struct Drift {
    owners: Mutex<HashMap<Key, Owned>>,
    watched: AtomicBool,
}

#[derive(Debug, Default)]
struct Owned {
    watch: DriftWatch,
    /// A run has the watch; what is seen meanwhile is noted afterwards.
    is_lent: bool,
    seen: Vec<WatchEvent>,
    /// The last run ended with objects that were not ready: a change of a status may be what mends them.
    is_unhealthy: bool,
}

/// How long a change of a status waits before the run that it brings about: what is failing changes it again and again.
const LULL: Duration = Duration::from_secs(1);

impl Drift {
    /// The label selector of all objects that belong to a Kustomization.
    pub const SELECTOR: &'static str = NAME;

    /// Says whether watches run without a gap.
    pub fn set_watched(&self, watched: bool) {
        self.watched.store(watched, Ordering::Relaxed);
    }

    /// Lends what is known of a Kustomization's objects to a run; nothing, where no watch would tell of changes.
    pub(crate) fn lend(&self, key: &Key) -> DriftWatch {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let owned = owners.entry(key.clone()).or_default();
        owned.is_lent = true;
        let watch = std::mem::take(&mut owned.watch);
        if self.watched.load(Ordering::Relaxed) { watch } else { DriftWatch::default() }
    }

    /// Takes back what a run has learned.
    pub(crate) fn give_back(&self, key: &Key, mut watch: DriftWatch) {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let owned = owners.entry(key.clone()).or_default();
        owned.is_lent = false;
        for event in std::mem::take(&mut owned.seen) {
            watch.note(&event);
        }
        owned.watch = watch;
    }

    /// Returns whether watches run and none of a Kustomization's objects has changed since the last run.
    pub(crate) fn is_quiet(&self, key: &Key) -> bool {
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        self.watched.load(Ordering::Relaxed)
            && owners.get(key).is_some_and(|owned| !owned.is_lent && owned.watch.is_quiet())
    }

    /// Says whether objects of a Kustomization are not ready. As long as it is so, the next change of one of them, be it of its
    /// status alone, brings a run about.
    pub(crate) fn set_unhealthy(&self, key: &Key, is_unhealthy: bool) {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.entry(key.clone()).or_default().is_unhealthy = is_unhealthy;
    }

    /// Forgets a Kustomization.
    pub fn remove(&self, key: &Key) {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Returns the kinds to watch.
    #[must_use]
    pub fn kinds(&self) -> Vec<Gvk> {
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kinds: Vec<Gvk> = owners.values().flat_map(|owned| owned.watch.kinds()).collect();
        kinds.sort();
        kinds.dedup();
        kinds
    }

    /// Takes in an event of a watch; returns the Kustomizations to run because one of their objects has changed, each with how
    /// long to wait before.
    ///
    /// An object that another Kustomization has taken over bears that one's label. The one that had it before looks at it in
    /// its next run, and runs at once when it is gone: two owners that answered each other at once would never rest.
    pub fn note(&self, event: WatchEvent) -> Vec<(Key, Duration)> {
        let (WatchEvent::Added(object) | WatchEvent::Modified(object) | WatchEvent::Deleted(object)) = &event
        else {
            return Vec::new();
        };
        let Some(key) = owner(object) else { return Vec::new() };
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let mut woken = Vec::new();
        let is_gone = matches!(event, WatchEvent::Deleted(_));
        // What a run of its owner wrote, and what is gone, may be another's too; what happens to an object otherwise is not
        // worth a look at all of them.
        let owned = owners.get(&key);
        let is_written = matches!(event, WatchEvent::Modified(_))
            && owned.is_none_or(|owned| owned.is_lent || owned.watch.has_seen(object));
        if is_gone || is_written {
            for (other, owned) in owners.iter_mut().filter(|(other, _)| **other != key) {
                if owned.is_lent {
                    owned.seen.push(event.clone());
                } else if owned.watch.note(&event) != Noticed::Nothing && is_gone {
                    woken.push((other.clone(), Duration::ZERO));
                }
            }
        }
        let Some(owned) = owners.get_mut(&key) else { return woken };
        if owned.is_lent {
            owned.seen.push(event);
            return woken;
        }
        match owned.watch.note(&event) {
            Noticed::Suspect(_) => woken.push((key, Duration::ZERO)),
            Noticed::Nothing if std::mem::take(&mut owned.is_unhealthy) => woken.push((key, LULL)),
            Noticed::Nothing => {}
        }
        woken
    }

    /// Takes in a whole list of a kind's objects, after a watch had a gap; returns the Kustomizations to run, as [`Drift::note`].
    pub fn relisted(&self, gvk: &Gvk, objects: &[Node]) -> Vec<(Key, Duration)> {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let mut keys = Vec::new();
        for (key, owned) in owners.iter_mut() {
            let own: Vec<Node> =
                objects.iter().filter(|object| owner(object).as_ref() == Some(key)).cloned().collect();
            if owned.is_lent {
                owned.seen.extend(own.into_iter().map(WatchEvent::Modified));
            } else if !owned.watch.relisted(gvk, &own).is_empty() {
                keys.push((key.clone(), Duration::ZERO));
            } else if !own.is_empty() && std::mem::take(&mut owned.is_unhealthy) {
                keys.push((key.clone(), LULL));
            }
        }
        keys
    }
}

fn owner(object: &Node) -> Option<Key> {
    let label = |name| object.at_path(&["metadata", "labels", name])?.scalar().cloned();
    Some(Key { kind: Kind::Kustomization, namespace: label(NAMESPACE)?, name: label(NAME)? })
}
