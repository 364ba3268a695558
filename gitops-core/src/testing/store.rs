//! A clock that stands still, a store in memory, a letter box.

use super::faults::{Fault, Faults, lock};
use crate::ports::{ArtifactStore, Clock, Notify, PortError, Request, Response};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A clock that moves only when somebody sleeps or the test says so.
#[derive(Debug, Default)]
pub struct FixedClock {
    now: Mutex<Duration>,
}

impl FixedClock {
    /// A clock at this time since the Unix epoch.
    #[must_use]
    pub fn at(now: Duration) -> Self {
        Self { now: Mutex::new(now) }
    }

    /// Moves the clock.
    pub fn advance(&self, time: Duration) {
        *lock(&self.now) += time;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Duration {
        *lock(&self.now)
    }

    async fn sleep(&self, time: Duration) {
        self.advance(time);
    }
}

/// Artifacts in memory.
#[derive(Debug, Default)]
pub struct FakeStore {
    /// Faults to come, for `put`, `get` and `remove`.
    pub faults: Faults,
    content: Mutex<BTreeMap<String, Arc<[u8]>>>,
}

impl ArtifactStore for FakeStore {
    async fn put(&self, name: &str, content: Arc<[u8]>) -> Result<(), PortError> {
        match self.faults.take("put").await? {
            // A store keeps all or nothing, so half a write leaves nothing behind.
            Some(Fault::PartialWrite) => Err(PortError::retry("no space left after half of the content")),
            Some(Fault::Conflict) => Err(PortError::retry("somebody else wrote first")),
            _ => {
                lock(&self.content).insert(name.to_owned(), content);
                Ok(())
            }
        }
    }

    async fn get(&self, name: &str) -> Result<Option<Arc<[u8]>>, PortError> {
        let stale = self.faults.take("get").await? == Some(Fault::StaleRead);
        Ok(if stale { None } else { lock(&self.content).get(name).cloned() })
    }

    async fn remove(&self, name: &str) -> Result<(), PortError> {
        self.faults.take("remove").await?;
        lock(&self.content).remove(name);
        Ok(())
    }
}

/// Keeps what is sent, and answers 200.
#[derive(Debug, Default)]
pub struct FakeNotify {
    /// Faults to come, for `send`.
    pub faults: Faults,
    sent: Mutex<Vec<Request>>,
}

impl FakeNotify {
    /// Returns what was sent so far.
    #[must_use]
    pub fn sent(&self) -> Vec<Request> {
        lock(&self.sent).clone()
    }
}

impl Notify for FakeNotify {
    async fn send(&self, request: &Request) -> Result<Response, PortError> {
        let fault = self.faults.take("send").await?;
        lock(&self.sent).push(request.clone());
        if fault == Some(Fault::PartialWrite) {
            return Err(PortError::retry("the connection broke before an answer came"));
        }
        Ok(Response { status: 200, body: Arc::default() })
    }
}
