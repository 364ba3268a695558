//! A kind's objects, listed and then watched, over every break of the connection.

use crate::object::Gvk;
use crate::ports::{Cluster, ClusterError, ClusterFault, ListOptions, ObjectList, Watch, WatchEvent};
use gitops_yaml::{Node, Str};

/// What a [`Follower`] sees.
#[derive(Clone, Debug)]
pub enum Seen {
    /// All objects as they are now: at the start, and after a gap that could not be closed.
    All(Vec<Node>),
    /// One event.
    Event(WatchEvent),
    /// A watch has ended without an event: wait a moment before the next call, since a server may end every watch at once.
    Quiet,
}

/// Lists the objects of a kind, watches them, watches on where a watch ends, and lists again where too much was missed.
///
/// It waits for nothing between two tries: after an error the caller waits, and asks for the next one.
#[derive(Debug)]
pub struct Follower<'a, C: Cluster> {
    cluster: &'a C,
    gvk: Gvk,
    options: ListOptions,
    /// Up to where everything was seen; `None` before a list.
    version: Option<Str>,
    watch: Option<C::Watch>,
    /// Whether the open watch has given an event.
    has_seen: bool,
}

impl<'a, C: Cluster> Follower<'a, C> {
    /// Follows a kind's objects.
    #[must_use]
    pub fn new(cluster: &'a C, gvk: Gvk, options: ListOptions) -> Self {
        Self { cluster, gvk, options, version: None, watch: None, has_seen: false }
    }

    /// Waits for what is seen next.
    ///
    /// # Errors
    /// Where the cluster refuses or can't be reached; the next call tries again from where this one stood.
    pub async fn next(&mut self) -> Result<Seen, ClusterError> {
        loop {
            let Some(version) = self.version.clone() else {
                let ObjectList { items, resource_version } =
                    self.cluster.list(&self.gvk, &self.options).await?;
                self.version = Some(resource_version);
                return Ok(Seen::All(items));
            };
            if self.watch.is_none() {
                match self.cluster.watch(&self.gvk, &self.options, &version).await {
                    Ok(watch) => {
                        self.watch = Some(watch);
                        self.has_seen = false;
                    }
                    Err(error) => self.fail(error)?,
                }
                continue;
            }
            let Some(watch) = &mut self.watch else { continue };
            match watch.next().await {
                Some(Ok(WatchEvent::Bookmark(version))) => {
                    self.has_seen = true;
                    self.version = Some(version);
                }
                Some(Ok(event)) => {
                    self.has_seen = true;
                    self.version = event.resource_version().or(self.version.take());
                    return Ok(Seen::Event(event));
                }
                Some(Err(error)) => self.fail(error)?,
                None => {
                    self.watch = None;
                    if !self.has_seen {
                        return Ok(Seen::Quiet);
                    }
                }
            }
        }
    }

    /// Gives the watch up; where the version is too old, a list comes next.
    fn fail(&mut self, error: ClusterError) -> Result<(), ClusterError> {
        self.watch = None;
        if error.fault == ClusterFault::Expired {
            self.version = None;
            return Ok(());
        }
        Err(error)
    }
}

#[cfg(test)]
#[cfg(feature = "testing")]
mod tests {
    use super::*;
    use crate::ports::WriteOptions;
    use crate::testing::{FakeCluster, Fault};
    use gitops_yaml::{FileId, from_json};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    fn map(name: &str) -> Node {
        let text = format!(
            r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}","namespace":"n"}}}}"#
        );
        from_json(&text, FileId::NONE).unwrap()
    }

    #[test]
    fn goes_on_where_a_watch_was_cut_and_lists_again_where_too_much_was_missed() {
        let cluster = FakeCluster::default();
        now(cluster.apply(&map("a"), &WriteOptions::default())).unwrap().unwrap();
        let mut follower = Follower::new(&cluster, Gvk::new("v1", "ConfigMap"), ListOptions::default());
        assert!(matches!(now(follower.next()), Some(Ok(Seen::All(items))) if items.len() == 1));
        now(cluster.apply(&map("b"), &WriteOptions::default())).unwrap().unwrap();
        assert!(matches!(now(follower.next()), Some(Ok(Seen::Event(WatchEvent::Added(_))))));
        cluster.close_watches();
        assert!(now(follower.next()).is_none(), "nothing is seen twice");
        cluster.close_watches();
        assert!(
            matches!(now(follower.next()), Some(Ok(Seen::Quiet))),
            "watches that end at once are no busy loop"
        );
        cluster.faults.push("next", Fault::Error("reset".into()));
        assert!(now(follower.next()).unwrap().is_err());
        cluster.faults.push("next", Fault::StaleRead);
        assert!(matches!(now(follower.next()), Some(Ok(Seen::All(items))) if items.len() == 2));
    }
}
