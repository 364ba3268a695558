//! Which events are the same: nobody is told the same twice within minutes.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::notice::Involved;

/// The prefix of facts that users write as annotations of objects.
pub(super) const EVENT_GROUP: &str = "event.toolkit.fluxcd.io/";
/// How many keys are remembered.
const KEYS: usize = 16_384;

/// An event's facts, parted by who gave them, without their prefixes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// From the object's annotations: `event.toolkit.fluxcd.io/…`.
    pub annotations: BTreeMap<String, String>,
    /// From the object's controller: the object's own group in front.
    pub controller: BTreeMap<String, String>,
}

impl Facts {
    /// Takes the facts that go on; those of other groups, checksums and digests are left behind.
    pub fn of<'f>(group: &str, metadata: impl IntoIterator<Item = (&'f str, &'f str)>) -> Self {
        let mut facts = Self::default();
        let own = |key: &'f str| key.strip_prefix(group)?.strip_prefix('/');
        for (key, value) in metadata {
            if let Some(name) = own(key) {
                if !name.eq_ignore_ascii_case("checksum") && !name.eq_ignore_ascii_case("digest") {
                    facts.controller.insert(name.to_owned(), value.to_owned());
                }
            } else if let Some(name) = key.strip_prefix(EVENT_GROUP) {
                facts.annotations.insert(name.to_owned(), value.to_owned());
            }
        }
        facts
    }
}

/// Returns what is the same for events that need not be told again: the object, the message and the revision.
#[must_use]
pub fn rate_key(object: &Involved, message: &str, facts: &Facts) -> [u8; 32] {
    let mut text = format!(
        "event/name={}/namespace={}/kind={}/message={message}",
        object.name, object.namespace, object.kind
    );
    for name in ["originRevision", "revision", "token"] {
        if let Some(value) = facts.controller.get(name) {
            text.push_str(&format!("/{name}={value}"));
        }
    }
    Sha256::digest(text).into()
}

/// Remembers what was told, for a time.
#[derive(Debug)]
pub struct Limiter {
    interval: Duration,
    told: HashMap<[u8; 32], Duration>,
}

impl Limiter {
    /// Makes a limiter that lets a key through once an interval; all of them where it is zero.
    #[must_use]
    pub fn new(interval: Duration) -> Self {
        Self { interval, told: HashMap::new() }
    }

    /// Returns whether a key may go through now, and remembers it where it may.
    pub fn allows(&mut self, key: [u8; 32], now: Duration) -> bool {
        let fresh = |told: &Duration| now.saturating_sub(*told) < self.interval;
        if self.told.get(&key).is_some_and(fresh) {
            return false;
        }
        if self.told.len() >= KEYS {
            self.told.retain(|_, told| fresh(told));
            if self.told.len() >= KEYS {
                // So many different events: the memory is worth less than the bound.
                self.told.clear();
            }
        }
        self.told.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_goes_through_once_an_interval() {
        let mut limiter = Limiter::new(Duration::from_secs(300));
        let (a, b) = ([1; 32], [2; 32]);
        assert!(limiter.allows(a, Duration::from_secs(0)));
        assert!(!limiter.allows(a, Duration::from_secs(299)));
        assert!(limiter.allows(b, Duration::from_secs(299)));
        assert!(limiter.allows(a, Duration::from_secs(300)));
        assert!(Limiter::new(Duration::ZERO).allows(a, Duration::ZERO));
    }

    #[test]
    fn facts_of_others_are_left_behind() {
        let facts = Facts::of(
            "kustomize.toolkit.fluxcd.io",
            [
                ("kustomize.toolkit.fluxcd.io/revision", "r"),
                ("kustomize.toolkit.fluxcd.io/Checksum", "c"),
                ("helm.toolkit.fluxcd.io/revision", "h"),
                ("event.toolkit.fluxcd.io/team", "t"),
                ("plain", "p"),
            ],
        );
        assert_eq!(facts.controller, BTreeMap::from([("revision".into(), "r".into())]));
        assert_eq!(facts.annotations, BTreeMap::from([("team".into(), "t".into())]));
    }
}
