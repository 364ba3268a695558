//! Who is reconciled next: a queue of keys with times, in which no object stands twice and none is worked on twice at once.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::time::Duration;

use crate::kind::{Key, Kind};

/// A queue of objects. Times are those of the caller's clock.
///
/// ```
/// use gitops_controllers::{Key, Kind, queue::Queue};
/// use std::time::Duration;
/// let mut queue = Queue::new(4);
/// let key = Key::new(Kind::Kustomization, "flux-system", "apps");
/// queue.add(key.clone(), Duration::ZERO);
/// queue.add(key.clone(), Duration::ZERO);
/// assert_eq!(queue.take(Duration::ZERO), Some(key.clone()));
/// assert_eq!(queue.take(Duration::ZERO), None);
/// queue.add(key.clone(), Duration::ZERO); // while it is being worked on: once more afterwards
/// queue.done(&key);
/// assert_eq!(queue.take(Duration::ZERO), Some(key));
/// ```
#[derive(Debug)]
pub struct Queue {
    due: HashMap<Key, Duration>,
    heap: BinaryHeap<Reverse<(Duration, Key)>>,
    working: HashSet<Key>,
    busy: HashMap<Kind, usize>,
    failures: HashMap<Key, u32>,
    concurrent: usize,
}

impl Queue {
    /// Makes an empty queue that hands out at most `concurrent` objects of a kind at once.
    #[must_use]
    pub fn new(concurrent: usize) -> Self {
        Self {
            due: HashMap::new(),
            heap: BinaryHeap::new(),
            working: HashSet::new(),
            busy: HashMap::new(),
            failures: HashMap::new(),
            concurrent: concurrent.max(1),
        }
    }

    /// Wants an object reconciled at a time; an earlier wish stands.
    pub fn add(&mut self, key: Key, at: Duration) {
        match self.due.get(&key) {
            Some(known) if *known <= at => {}
            _ => {
                self.due.insert(key.clone(), at);
                self.heap.push(Reverse((at, key)));
            }
        }
    }

    /// Wants no reconciliation of an object that is gone.
    pub fn forget(&mut self, key: &Key) {
        self.due.remove(key);
        self.failures.remove(key);
    }

    /// Takes the next object that is due; it is not handed out again before [`Queue::done`].
    pub fn take(&mut self, now: Duration) -> Option<Key> {
        let mut later = Vec::new();
        let mut found = None;
        while let Some(Reverse((at, _))) = self.heap.peek() {
            if *at > now {
                break;
            }
            let Some(Reverse((at, key))) = self.heap.pop() else { break };
            if self.due.get(&key) != Some(&at) {
                continue; // a wish that was overtaken
            }
            if self.working.contains(&key) || self.busy.get(&key.kind).is_some_and(|n| *n >= self.concurrent)
            {
                later.push(Reverse((at, key)));
                continue;
            }
            self.due.remove(&key);
            self.working.insert(key.clone());
            *self.busy.entry(key.kind).or_default() += 1;
            found = Some(key);
            break;
        }
        self.heap.extend(later);
        found
    }

    /// Says that the work on an object has ended.
    pub fn done(&mut self, key: &Key) {
        if self.working.remove(key)
            && let Some(busy) = self.busy.get_mut(&key.kind)
        {
            *busy = busy.saturating_sub(1);
        }
    }

    /// Returns when the next object that nobody works on is due.
    #[must_use]
    pub fn next_due(&mut self) -> Option<Duration> {
        let mut later = Vec::new();
        let mut found = None;
        while let Some(Reverse((at, key))) = self.heap.peek() {
            if self.due.get(key) != Some(at) {
                self.heap.pop();
                continue;
            }
            if !self.working.contains(key) && self.busy.get(&key.kind).is_none_or(|n| *n < self.concurrent) {
                found = Some(*at);
                break;
            }
            later.extend(self.heap.pop());
        }
        self.heap.extend(later);
        found
    }

    /// Returns whether nothing is worked on and nothing is due by `now`.
    #[must_use]
    pub fn is_idle(&mut self, now: Duration) -> bool {
        self.working.is_empty() && self.next_due().is_none_or(|at| at > now)
    }

    /// Counts a failure and returns how long to wait: 0.75 s doubled each time, at most 15 minutes, as Flux's controllers do.
    pub fn failed(&mut self, key: &Key) -> Duration {
        let count = self.failures.entry(key.clone()).or_default();
        *count = count.saturating_add(1);
        let factor = 1u32 << (*count - 1).min(11);
        (Duration::from_millis(750) * factor).min(Duration::from_secs(15 * 60))
    }

    /// Forgets earlier failures.
    pub fn succeeded(&mut self, key: &Key) {
        self.failures.remove(key);
    }

    /// Returns how many objects wait or are worked on.
    #[must_use]
    pub fn len(&self) -> usize {
        self.due.len() + self.working.len()
    }

    /// Returns whether nothing waits and nothing is worked on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn earlier_wishes_stand_and_later_ones_are_overtaken() {
        let mut queue = Queue::new(1);
        let key = Key::new(Kind::Kustomization, "n", "a");
        queue.add(key.clone(), 9 * S);
        queue.add(key.clone(), 2 * S);
        queue.add(key.clone(), 5 * S);
        assert_eq!(queue.next_due(), Some(2 * S));
        assert_eq!(queue.take(S), None);
        assert_eq!(queue.take(2 * S), Some(key.clone()));
        queue.done(&key);
        assert_eq!(queue.take(20 * S), None, "overtaken wishes are gone");
    }

    #[test]
    fn a_kind_at_its_limit_does_not_hold_up_another() {
        let mut queue = Queue::new(1);
        let a = Key::new(Kind::Kustomization, "n", "a");
        let b = Key::new(Kind::Kustomization, "n", "b");
        let c = Key::new(Kind::GitRepository, "n", "c");
        for key in [&a, &b, &c] {
            queue.add(key.clone(), Duration::ZERO);
        }
        // Sources sort first.
        assert_eq!(queue.take(S), Some(c));
        assert_eq!(queue.take(S), Some(a.clone()));
        assert_eq!(queue.take(S), None);
        assert_eq!(queue.next_due(), None);
        queue.done(&a);
        assert_eq!(queue.take(S), Some(b));
    }

    #[test]
    fn waiting_doubles_to_a_limit() {
        let mut queue = Queue::new(1);
        let key = Key::new(Kind::Kustomization, "n", "a");
        assert_eq!(queue.failed(&key), Duration::from_millis(750));
        assert_eq!(queue.failed(&key), Duration::from_millis(1500));
        for _ in 0..40 {
            queue.failed(&key);
        }
        assert_eq!(queue.failed(&key), Duration::from_secs(900));
        queue.succeeded(&key);
        assert_eq!(queue.failed(&key), Duration::from_millis(750));
    }
}
