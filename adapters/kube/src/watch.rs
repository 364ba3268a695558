//! A watch: one event a line, as long as the server keeps it open.

use crate::answer;
use bytes::{Bytes, BytesMut};
use gitops_core::object::Gvk;
use gitops_core::ports::{ClusterError, ClusterFault, Watch, WatchEvent};
use gitops_yaml::{Node, Str};
use http_body_util::BodyExt;
use kube::client::Body;
use std::fmt;
use std::time::Duration;

/// An open watch of a [`KubeCluster`](crate::KubeCluster).
pub struct KubeWatch {
    body: Body,
    buffer: BytesMut,
    /// Up to where the buffer holds no line break.
    searched: usize,
    gvk: Gvk,
    metadata_only: bool,
    most_bytes: usize,
    idle: Duration,
    ended: bool,
}

impl fmt::Debug for KubeWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubeWatch")
            .field("gvk", &self.gvk)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl KubeWatch {
    pub(crate) fn new(body: Body, gvk: Gvk, metadata_only: bool, most_bytes: usize, idle: Duration) -> Self {
        let buffer = BytesMut::new();
        Self { body, buffer, searched: 0, gvk, metadata_only, most_bytes, idle, ended: false }
    }

    /// Takes the next line out of the buffer.
    fn line(&mut self) -> Option<BytesMut> {
        let found = self.buffer.get(self.searched..)?.iter().position(|byte| *byte == b'\n');
        let Some(found) = found else {
            self.searched = self.buffer.len();
            return None;
        };
        let line = self.buffer.split_to(self.searched + found + 1);
        self.searched = 0;
        Some(line)
    }

    /// Waits for more of the body; `None` at its end.
    async fn more(&mut self) -> Option<Result<Bytes, ClusterError>> {
        loop {
            match tokio::time::timeout(self.idle, self.body.frame()).await {
                // A server that keeps silent beyond its own time is no longer there.
                Err(_) | Ok(None) => return None,
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
                Ok(Some(Err(error))) => {
                    let message = format!("the watch broke: {error}");
                    return Some(Err(ClusterError::new(ClusterFault::Unreachable, message)));
                }
            }
        }
    }

    fn event(&self, line: &[u8]) -> Result<Option<WatchEvent>, ClusterError> {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let mut event = answer::read(line)?;
        let kind: Str = event.get("type").and_then(Node::scalar).cloned().unwrap_or_default();
        let mut object = event.remove("object").unwrap_or_else(Node::null);
        if kind == "ERROR" {
            let error = answer::of_status(&object, 500);
            return Err(error);
        }
        if kind == "BOOKMARK" {
            let version = object.at_path(&["metadata", "resourceVersion"]).and_then(Node::scalar).cloned();
            return Ok(version.map(WatchEvent::Bookmark));
        }
        answer::name_kind(&mut object, &self.gvk, self.metadata_only);
        Ok(match kind.as_str() {
            "ADDED" => Some(WatchEvent::Added(object)),
            "MODIFIED" => Some(WatchEvent::Modified(object)),
            "DELETED" => Some(WatchEvent::Deleted(object)),
            _ => None,
        })
    }
}

impl Watch for KubeWatch {
    async fn next(&mut self) -> Option<Result<WatchEvent, ClusterError>> {
        while !self.ended {
            if let Some(line) = self.line() {
                match self.event(&line) {
                    Ok(Some(event)) => return Some(Ok(event)),
                    Ok(None) => continue,
                    Err(error) => {
                        self.ended = true;
                        return Some(Err(error));
                    }
                }
            }
            if self.buffer.len() > self.most_bytes {
                self.ended = true;
                let message = format!("an event is larger than {} bytes", self.most_bytes);
                return Some(Err(ClusterError::new(ClusterFault::Busy, message)));
            }
            match self.more().await {
                Some(Ok(data)) => self.buffer.extend_from_slice(&data),
                // A line that has no end was cut: what it said comes again with the next watch.
                None => self.ended = true,
                Some(Err(error)) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}
