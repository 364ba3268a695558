//! Watching over HTTP: one line of JSON an event.

use super::request::{Call, Form};
use super::resource::{check_list, no_version, query, shown};
use super::respond::{self, ApiBody};
use super::table;
use crate::cluster::LocalCluster;
use crate::failure::Failure;
use crate::store::{Object, Query, Seen, Target};
use crate::value::Value;
use bytes::Bytes;
use http::Response;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::watch::Receiver;
use tokio::time::Instant;

/// How often a quiet watch says how far it has seen.
const BOOKMARK: Duration = Duration::from_secs(60);
/// How long a watch lasts where the client does not say.
const LONGEST: Duration = Duration::from_secs(3_600);

struct Stream {
    cluster: LocalCluster,
    target: Target,
    query: Query,
    form: Form,
    revision: u64,
    lines: VecDeque<Bytes>,
    changes: Receiver<u64>,
    bookmarks: bool,
    ends: Instant,
    ended: bool,
}

/// Answers with a stream of events.
pub(super) fn answer(
    cluster: &LocalCluster,
    call: &Call,
    target: &Target,
) -> Result<Response<ApiBody>, Failure> {
    check_list(call)?;
    let mut query = query(call)?;
    query.limit = 0;
    let initial = call.flag("sendInitialEvents");
    let changes = cluster.changes();
    let state = cluster.state();
    let (first, revision) = match call.option("resourceVersion") {
        "" | "0" => {
            let listed = state.store.list(target, &query)?;
            (listed.items.into_iter().map(Seen::Added).collect(), listed.revision)
        }
        _ if initial => {
            let listed = state.store.list(target, &query)?;
            (listed.items.into_iter().map(Seen::Added).collect(), listed.revision)
        }
        text => {
            let revision = text.parse::<u64>().map_err(|_| Failure::new(500, "", no_version(text)))?;
            match state.store.seen_since(target, &query, revision) {
                Ok(found) => found,
                // The watch opens, and says at once that it is too late.
                Err(failure) if failure.code == 410 => {
                    let event = Value::from([("type", "ERROR".into()), ("object", failure.to_status())]);
                    return Ok(respond::stream(futures::stream::iter([line(&event)])));
                }
                Err(failure) => return Err(failure),
            }
        }
    };
    drop(state);
    let seconds = call.option("timeoutSeconds").parse::<u64>().ok();
    let lasts = seconds.map_or(LONGEST, Duration::from_secs).min(Duration::from_secs(86_400));
    let mut stream = Stream {
        cluster: cluster.clone(),
        target: target.clone(),
        query,
        form: call.form(),
        revision,
        lines: VecDeque::new(),
        changes,
        bookmarks: call.flag("allowWatchBookmarks"),
        ends: Instant::now() + lasts,
        ended: false,
    };
    for seen in first {
        stream.push(&seen);
    }
    if initial && stream.bookmarks {
        stream.bookmark(true);
    }
    let events = futures::stream::unfold(stream, |mut stream| async move {
        let line = stream.next().await?;
        Some((line, stream))
    });
    Ok(respond::stream(events))
}

fn line(event: &Value) -> Bytes {
    let mut text = event.to_json();
    text.push('\n');
    Bytes::from(text)
}

impl Stream {
    fn push(&mut self, seen: &Seen) {
        let (kind, object) = match seen {
            Seen::Added(object) => ("ADDED", object),
            Seen::Modified(object) => ("MODIFIED", object),
            Seen::Deleted(object) => ("DELETED", object),
        };
        let object: &Object = object;
        let shown = match self.form {
            Form::Table => table::of(&self.target, &[object], false),
            form => shown(object, &self.target, form),
        };
        self.lines.push_back(line(&Value::from([("type", kind.into()), ("object", shown)])));
    }

    fn bookmark(&mut self, initial: bool) {
        let resource = &self.target.resource;
        let mut metadata = Value::from([("resourceVersion", self.revision.to_string().into())]);
        if initial {
            metadata.set("annotations", Value::from([("k8s.io/initial-events-end", "true".into())]));
        }
        let (kind, version) = match self.form {
            Form::Whole => (resource.kind.as_str(), resource.api_version(self.target.version).to_string()),
            Form::Metadata => ("PartialObjectMetadata", "meta.k8s.io/v1".to_owned()),
            Form::Table => ("Table", "meta.k8s.io/v1".to_owned()),
        };
        let object =
            Value::from([("kind", kind.into()), ("apiVersion", version.into()), ("metadata", metadata)]);
        self.lines.push_back(line(&Value::from([("type", "BOOKMARK".into()), ("object", object)])));
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            if self.ended {
                return None;
            }
            self.changes.mark_unchanged();
            let found = self.cluster.state().store.seen_since(&self.target, &self.query, self.revision);
            match found {
                Ok((seen, revision)) => {
                    self.revision = revision;
                    seen.iter().for_each(|seen| self.push(seen));
                }
                Err(failure) => {
                    self.ended = true;
                    self.lines.push_back(line(&Value::from([
                        ("type", "ERROR".into()),
                        ("object", failure.to_status()),
                    ])));
                }
            }
            if !self.lines.is_empty() {
                continue;
            }
            let until = self.ends.min(Instant::now() + BOOKMARK);
            match tokio::time::timeout_at(until, self.changes.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return None,
                Err(_) => {
                    self.ended = Instant::now() >= self.ends;
                    if self.bookmarks && !self.ended {
                        self.bookmark(false);
                    }
                }
            }
        }
    }
}
