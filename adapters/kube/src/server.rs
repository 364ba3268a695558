//! What a server tells beside its objects: its version, and what containers have logged.

use crate::cluster::KubeCluster;
use crate::request::{Call, JSON, Query, collection, push_segment};
use bytes::BytesMut;
use gitops_core::object::Gvk;
use gitops_core::ports::{ClusterError, ClusterFault, ServedKind};
use gitops_yaml::Node;
use http_body_util::BodyExt;
use kube::client::Body;
use std::fmt;
use std::time::Duration;

/// Which part of a container's log is wanted; all of what there is by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// The container; the pod's only one where it is not named.
    pub container: Option<String>,
    /// Whether lines to come are waited for.
    pub follow: bool,
    /// So many of the last lines.
    pub tail: Option<u64>,
    /// Not older than this, to the second.
    pub since: Option<Duration>,
    /// Not before this time, as RFC 3339 writes it.
    pub since_time: Option<String>,
}

/// What a container logs, line by line.
pub struct PodLog {
    body: Body,
    buffer: BytesMut,
    ended: bool,
}

impl fmt::Debug for PodLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PodLog").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// What is longer comes in pieces.
const LINE_BYTES: usize = 1 << 20;

impl PodLog {
    /// Waits for the next line, without its end; `None` where there are no more. Bytes that are no UTF-8 are replaced.
    ///
    /// # Errors
    /// Where the connection breaks.
    pub async fn line(&mut self) -> Option<Result<String, ClusterError>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end + 1);
                return Some(Ok(text(line.get(..end).unwrap_or_default())));
            }
            if self.buffer.len() > LINE_BYTES || (self.ended && !self.buffer.is_empty()) {
                return Some(Ok(text(&self.buffer.split())));
            }
            if self.ended {
                return None;
            }
            match self.body.frame().await {
                None => self.ended = true,
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => {
                    self.ended = true;
                    let message = format!("the log broke off: {error}");
                    return Some(Err(ClusterError::new(ClusterFault::Unreachable, message)));
                }
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl KubeCluster {
    /// Returns the server's version as it writes it: `v1.34.1`.
    ///
    /// # Errors
    /// Where the server can't be asked, or does not say.
    pub async fn server_version(&self) -> Result<String, ClusterError> {
        let version = self.read(&Call::get("/version".to_owned(), JSON)).await?;
        let said = version.get("gitVersion").and_then(Node::as_str).map(str::to_owned);
        said.ok_or_else(|| ClusterError::new(ClusterFault::Invalid, "the server does not say its version"))
    }

    /// Opens the log of a pod's container.
    ///
    /// # Errors
    /// Where the pod is not there or has not begun, and where the server can't be asked.
    pub async fn pod_log(
        &self,
        namespace: &str,
        pod: &str,
        options: &LogOptions,
    ) -> Result<PodLog, ClusterError> {
        let pods = ServedKind { gvk: Gvk::new("v1", "Pod"), plural: "pods".into(), namespaced: true };
        let mut path = collection(&pods, Some(namespace))?;
        push_segment(&mut path, pod)?;
        path.push_str("/log");
        let mut query = Query::default();
        if let Some(container) = &options.container {
            query.add("container", container);
        }
        if options.follow {
            query.add("follow", "true");
        }
        if let Some(lines) = options.tail {
            query.add("tailLines", &lines.to_string());
        }
        if let Some(time) = options.since {
            // The server refuses none at all.
            let seconds = (time + Duration::from_millis(500)).as_secs().max(1);
            query.add("sinceSeconds", &seconds.to_string());
        }
        if let Some(time) = &options.since_time {
            query.add("sinceTime", time);
        }
        let response = self.send(&Call::get(query.behind(&path), "*/*")).await?;
        Ok(PodLog { body: response.into_body(), buffer: BytesMut::new(), ended: false })
    }
}
