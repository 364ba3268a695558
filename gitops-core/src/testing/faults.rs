//! Faults that a test orders, and a port's fake delivers.

use crate::ports::PortError;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What goes wrong with one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call fails and may be tried again.
    Error(String),
    /// The call fails until somebody changes something.
    Refused(String),
    /// The call answers only when it is polled this many times more.
    Delay(u32),
    /// The call answers what was true before the last write.
    StaleRead,
    /// An open watch ends in silence.
    DroppedWatch,
    /// A write finds that somebody else wrote first.
    Conflict,
    /// A write stores only its first half and then fails.
    PartialWrite,
}

/// The faults still to come, in order; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<VecDeque<(String, Fault)>>>);

impl Faults {
    /// Orders a fault for the next call of this name: `tags`, `push` …
    pub fn push(&self, call: impl Into<String>, fault: Fault) {
        lock(&self.0).push_back((call.into(), fault));
    }

    /// Returns how many faults are still to come.
    #[must_use]
    pub fn remaining(&self) -> usize {
        lock(&self.0).len()
    }

    /// Takes the first fault that is meant for this call; those that are errors of any call come back as `Err`.
    pub(super) async fn take(&self, call: &str) -> Result<Option<Fault>, PortError> {
        let found = {
            let mut faults = lock(&self.0);
            let index = faults.iter().position(|(name, _)| name == call);
            index.and_then(|index| faults.remove(index)).map(|(_, fault)| fault)
        };
        match found {
            Some(Fault::Error(why)) => Err(PortError::retry(why)),
            Some(Fault::Refused(why)) => Err(PortError::stalled(why)),
            Some(Fault::Delay(polls)) => {
                later(polls).await;
                Ok(None)
            }
            other => Ok(other),
        }
    }
}

/// Returns after being polled `polls` times, without a timer or a runtime.
async fn later(mut polls: u32) {
    std::future::poll_fn(|context| {
        if polls == 0 {
            return std::task::Poll::Ready(());
        }
        polls -= 1;
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// Locks, also after another test thread panicked while it held the lock.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
