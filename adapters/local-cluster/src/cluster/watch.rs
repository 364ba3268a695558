//! Watching, in process.

use super::LocalCluster;
use crate::store::{Query, Seen, Target};
use gitops_core::ports::{ClusterError, Watch, WatchEvent};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::watch::Receiver;

/// How long a watch waits for events before it says up to where it has seen all.
const QUIET: Duration = Duration::from_secs(60);

/// An open watch on a [`LocalCluster`].
#[derive(Debug)]
pub struct LocalWatch {
    cluster: LocalCluster,
    target: Target,
    query: Query,
    metadata_only: bool,
    revision: u64,
    waiting: VecDeque<Seen>,
    changes: Receiver<u64>,
    ended: bool,
}

impl LocalWatch {
    pub(super) fn new(
        cluster: &LocalCluster,
        target: Target,
        query: Query,
        metadata_only: bool,
        revision: u64,
        first: Vec<Seen>,
    ) -> Self {
        let changes = cluster.changes();
        let waiting = first.into();
        Self {
            cluster: cluster.clone(),
            target,
            query,
            metadata_only,
            revision,
            waiting,
            changes,
            ended: false,
        }
    }

    fn event(&self, seen: Seen) -> WatchEvent {
        let node =
            |object: &crate::store::Object| super::port::shown(object, &self.target, self.metadata_only);
        match seen {
            Seen::Added(object) => WatchEvent::Added(node(&object)),
            Seen::Modified(object) => WatchEvent::Modified(node(&object)),
            Seen::Deleted(object) => WatchEvent::Deleted(node(&object)),
        }
    }
}

impl Watch for LocalWatch {
    async fn next(&mut self) -> Option<Result<WatchEvent, ClusterError>> {
        loop {
            if let Some(seen) = self.waiting.pop_front() {
                return Some(Ok(self.event(seen)));
            }
            if self.ended {
                return None;
            }
            self.changes.mark_unchanged();
            let found = self.cluster.state().store.seen_since(&self.target, &self.query, self.revision);
            match found {
                Ok((seen, revision)) => {
                    self.revision = revision;
                    self.waiting.extend(seen);
                }
                Err(failure) => {
                    self.ended = true;
                    return Some(Err(failure.into()));
                }
            }
            if self.waiting.is_empty() {
                match tokio::time::timeout(QUIET, self.changes.changed()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return None,
                    Err(_) => return Some(Ok(WatchEvent::Bookmark(self.revision.to_string().into()))),
                }
            }
        }
    }
}
