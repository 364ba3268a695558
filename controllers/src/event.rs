//! What reconcilers tell the world: collected here, sent by whoever drives them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gitops_yaml::{Node, Str};

use crate::kind::Key;

/// How grave an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// All is as it should be.
    Info,
    /// Something failed.
    Error,
}

impl Severity {
    /// Returns Flux's word: `info`, `error`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Error => "error",
        }
    }

    /// Returns Kubernetes' type of event: `Normal`, `Warning`.
    #[must_use]
    pub fn event_type(self) -> &'static str {
        match self {
            Self::Info => "Normal",
            Self::Error => "Warning",
        }
    }
}

/// One event of an object, as Flux's controllers word it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Whose event it is.
    pub key: Key,
    /// The object's version of its API: `v1`.
    pub api_version: Str,
    /// The object's uid and resource version.
    pub identity: (Str, Str),
    /// How grave it is.
    pub severity: Severity,
    /// One word for machines: `NewArtifact`.
    pub reason: String,
    /// The text.
    pub message: String,
    /// More facts: keys with the group in front, such as `kustomize.toolkit.fluxcd.io/revision`.
    pub metadata: Vec<(String, String)>,
    /// When, since the Unix epoch.
    pub time: Duration,
}

impl Event {
    /// Makes an event of an object.
    #[must_use]
    pub fn of(
        key: &Key,
        object: &Node,
        severity: Severity,
        reason: &str,
        message: impl Into<String>,
    ) -> Self {
        let text =
            |field| object.at_path(&["metadata", field]).and_then(Node::scalar).cloned().unwrap_or_default();
        Self {
            key: key.clone(),
            api_version: object.get("apiVersion").and_then(Node::scalar).cloned().unwrap_or_default(),
            identity: (text("uid"), text("resourceVersion")),
            severity,
            reason: reason.to_owned(),
            message: message.into(),
            metadata: Vec::new(),
            time: Duration::ZERO,
        }
    }

    /// Adds a fact under the object's own group.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.metadata.push((format!("{}/{name}", self.key.kind.group()), value.into()));
        self
    }
}

/// Events on their way, oldest first; when it is full, the oldest go unsent.
#[derive(Debug)]
pub struct Outbox {
    events: Mutex<VecDeque<Event>>,
    limit: usize,
}

impl Outbox {
    /// Makes an outbox that holds at most `limit` events.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { events: Mutex::new(VecDeque::new()), limit }
    }

    /// Adds an event.
    pub fn push(&self, event: Event) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() >= self.limit {
            events.pop_front();
        }
        events.push_back(event);
    }

    /// Takes all events.
    pub fn take(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }
}
