//! How many requests a second, as Kubernetes' own clients bound theirs.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A bound on requests: some at once, and then one after another in even steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    step: Duration,
    burst: u32,
}

impl Rate {
    /// Allows so many requests a second, and `burst` at once where there were none for a while; `None` where the number is not
    /// above zero, which is no bound.
    #[must_use]
    pub fn new(per_second: f32, burst: u32) -> Option<Self> {
        let step = Duration::try_from_secs_f32(per_second.recip()).ok()?;
        (!step.is_zero()).then_some(Self { step, burst: burst.max(1) })
    }
}

/// Lets requests through at a rate. A server that shares its time among its clients itself needs none.
#[derive(Debug)]
pub(crate) struct Throttle {
    rate: Rate,
    /// When all requests that were let through are paid for; `None` where the server needs no bound.
    paid: Mutex<Option<Instant>>,
}

impl Throttle {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, paid: Mutex::new(Some(Instant::now())) }
    }

    /// Waits for this request's turn.
    pub(crate) async fn turn(&self) {
        let wait = self.reserve(Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Ends the bound.
    pub(crate) fn lift(&self) {
        *self.paid.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn reserve(&self, now: Instant) -> Duration {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(until) = *paid else { return Duration::ZERO };
        let until = until.max(now) + self.rate.step;
        *paid = Some(until);
        until.duration_since(now).saturating_sub(self.rate.step.saturating_mul(self.rate.burst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_what_follows_in_steps() {
        let throttle = Throttle::new(Rate::new(10.0, 3).unwrap());
        let now = Instant::now();
        let waits: Vec<u128> = (0..5).map(|_| throttle.reserve(now).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 100, 200]);
        let later = now + Duration::from_secs(60);
        let waits: Vec<u128> = (0..4).map(|_| throttle.reserve(later).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 100], "time saves no more than a burst");
        throttle.lift();
        assert_eq!(throttle.reserve(later), Duration::ZERO);
    }

    #[test]
    fn no_rate_is_no_bound() {
        for number in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert_eq!(Rate::new(number, 5), None, "{number}");
        }
        assert!(Rate::new(0.5, 0).is_some());
    }
}
