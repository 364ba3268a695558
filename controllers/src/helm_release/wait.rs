//! Waits for objects as Helm does: until they are ready, hooks are done, or nothing is left.

use std::time::Duration;

use gitops_core::apply::Readiness;
use gitops_core::object::Gvk;
use gitops_core::ports::{Clock, Cluster, ClusterFault, ListOptions, Watch, WatchEvent};
use gitops_yaml::{Node, Str};
use helm_rs::release::{ObjectId, WaitFor};

use super::cluster::{ReleaseCluster, target};

/// How long, and for what, an operation waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// How long each wait takes at most; five minutes by default.
    pub timeout: Duration,
    /// How long at most between two looks; two seconds by default. The first ones come sooner.
    pub interval: Duration,
    /// For what.
    pub strategy: WaitingStrategy,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WaitingStrategy {
    /// All objects.
    #[default]
    Objects,
    /// Hooks and definitions of kinds alone, as Helm does without `--wait`.
    HooksOnly,
}

impl Default for Waiting {
    fn default() -> Self {
        let (timeout, interval) = (Duration::from_secs(300), Duration::from_secs(2));
        Self { timeout, interval, strategy: WaitingStrategy::default() }
    }
}

/// How an object was seen last.
struct Seen {
    id: ObjectId,
    readiness: Readiness,
    /// The resource version of a Job that the server deletes by itself once it has ended.
    passing: Option<Str>,
}

impl<C: Cluster, K: Clock> ReleaseCluster<'_, C, K> {
    pub(super) async fn wait_for(&self, objects: &[ObjectId], wanted: WaitFor) -> Result<(), String> {
        let is_definition = |id: &ObjectId| id.kind == "CustomResourceDefinition";
        if self.waiting.strategy == WaitingStrategy::HooksOnly
            && wanted != WaitFor::HookDone
            && (wanted == WaitFor::Gone || !objects.iter().all(is_definition))
        {
            return Ok(());
        }
        let deadline = self.clock.now() + self.waiting.timeout;
        let mut pause = Duration::from_millis(100).min(self.waiting.interval);
        let mut open: Vec<(ObjectId, Option<Str>)> = objects.iter().map(|id| (id.clone(), None)).collect();
        let mut failed = Vec::new();
        loop {
            let mut still = Vec::new();
            for (id, mut passing) in open {
                if let Some(readiness) = self.look(&id, wanted, &mut passing).await {
                    let list = if readiness.is_failed() { &mut failed } else { &mut still };
                    list.push(Seen { id, readiness, passing });
                }
            }
            let is_over = self.clock.now() >= deadline;
            if still.is_empty() && failed.is_empty() {
                return Ok(());
            }
            if still.is_empty() || is_over || (self.cancelled)() {
                let end = match () {
                    () if still.is_empty() => None,
                    () if is_over => Some("context deadline exceeded"),
                    () => Some("context canceled"),
                };
                let mistakes = failed.iter().chain(&still).map(|seen| seen.mistake(wanted));
                let lines: Vec<String> = mistakes.chain(end.map(str::to_owned)).collect();
                return Err(lines.join("\n"));
            }
            open = still.into_iter().map(|seen| (seen.id, seen.passing)).collect();
            self.clock.sleep(pause.min(deadline.saturating_sub(self.clock.now()))).await;
            pause = (pause * 2).min(self.waiting.interval);
        }
    }

    /// Looks at an object; `None` where it is as wanted.
    async fn look(&self, id: &ObjectId, wanted: WaitFor, passing: &mut Option<Str>) -> Option<Readiness> {
        let live = match self.cluster.get(&target(id)).await {
            Ok(live) => live,
            Err(error) if wanted == WaitFor::Gone && error.fault == ClusterFault::UnknownKind => None,
            Err(error) => return Some(Readiness::new("Unknown", error.to_string())),
        };
        let Some(live) = live else {
            if wanted == WaitFor::Gone {
                return None;
            }
            let ended = match passing.as_deref() {
                Some(since) => self.last_words(id, since, wanted).await,
                None => None,
            };
            let missing = || Readiness::new("NotFound", "Resource not found");
            return Some(ended.unwrap_or_else(missing)).filter(|readiness| !readiness.is_current());
        };
        if id.kind == "Job" && !text(&live, &["spec", "ttlSecondsAfterFinished"]).is_empty() {
            *passing = Some(text(&live, &["metadata", "resourceVersion"]).into());
        }
        if wanted == WaitFor::Gone {
            let readiness = self.ready_of(&live);
            // An object that is left over is never done.
            let status = if readiness.is_failed() { "InProgress".into() } else { readiness.status };
            return Some(Readiness { status, message: readiness.message });
        }
        let readiness = special(&live, wanted).unwrap_or_else(|| match wanted {
            WaitFor::HookDone => Readiness::new("Current", "Resource is current"),
            _ => self.ready_of(&live),
        });
        (!readiness.is_current()).then_some(readiness)
    }
}

impl<C: Cluster, K: Clock> ReleaseCluster<'_, C, K> {
    /// Returns how a Job ended that was there at a resource version and is gone: `ttlSecondsAfterFinished` may remove it
    /// before anybody looks again, and the server still knows what happened since.
    async fn last_words(&self, id: &ObjectId, since: &str, wanted: WaitFor) -> Option<Readiness> {
        let target = target(id);
        let options = ListOptions {
            namespace: Some(target.namespace),
            fields: format!("metadata.name={}", target.name),
            ..ListOptions::default()
        };
        let mut watch = self.cluster.watch(&target.gvk, &options, since).await.ok()?;
        loop {
            let (job_then, is_over) = match watch.next().await?.ok()? {
                WatchEvent::Modified(object) => (object, false),
                WatchEvent::Deleted(object) => (object, true),
                // Another of its name has come.
                WatchEvent::Added(_) => return None,
                WatchEvent::Bookmark(_) => continue,
            };
            let readiness = job(&job_then, wanted);
            if is_over || readiness.is_current() || readiness.is_failed() {
                return Some(readiness).filter(|readiness| readiness.status != "InProgress");
            }
        }
    }
}

impl Seen {
    fn mistake(&self, wanted: WaitFor) -> String {
        let Self { id: ObjectId { kind, namespace, name, .. }, readiness, .. } = self;
        let Readiness { status, message } = readiness;
        let state = if wanted == WaitFor::Gone { "still exists" } else { "not ready" };
        format!("resource {kind}/{namespace}/{name} {state}. status: {status}, message: {message}")
    }
}

/// Returns the readiness of kinds that Helm reads in its own way.
fn special(live: &Node, wanted: WaitFor) -> Option<Readiness> {
    let Gvk { group, kind, .. } = Gvk::of(live);
    match (group.as_str(), kind.as_str()) {
        ("batch", "Job") => Some(job(live, wanted)),
        ("", "Pod") if wanted == WaitFor::HookDone => Some(pod(live)),
        // A paused Deployment makes no progress, and nobody waits for it.
        ("apps", "Deployment") if text(live, &["spec", "paused"]) == "true" => {
            Some(Readiness::new("Current", "Deployment is paused"))
        }
        _ => None,
    }
}

fn text<'a>(object: &'a Node, path: &[&str]) -> &'a str {
    object.at_path(path).and_then(Node::as_str).unwrap_or_default()
}

/// A Job is ready once it runs, and done once it has completed.
fn job(live: &Node, wanted: WaitFor) -> Readiness {
    let number = |path: &[&str]| text(live, path).parse::<i64>().ok();
    let parallelism = number(&["spec", "parallelism"]).unwrap_or(1);
    let completions = number(&["spec", "completions"]).unwrap_or(parallelism);
    let count = |field| number(&["status", field]).unwrap_or(0);
    for condition in live.at_path(&["status", "conditions"]).and_then(Node::items).unwrap_or_default() {
        match (text(condition, &["type"]), text(condition, &["status"])) {
            ("Complete", "True") => {
                let succeeded = count("succeeded");
                return Readiness::new(
                    "Current",
                    format!("Job Completed. succeeded: {succeeded}/{completions}"),
                );
            }
            ("Failed", "True") => {
                let failed = count("failed");
                return Readiness::new("Failed", format!("Job Failed. failed: {failed}/{completions}"));
            }
            _ => {}
        }
    }
    if wanted == WaitFor::Ready && !text(live, &["status", "startTime"]).is_empty() {
        return Readiness::new("Current", "Job in progress");
    }
    let message = if wanted == WaitFor::Ready { "Job not started" } else { "Job in progress" };
    Readiness::new("InProgress", message)
}

fn pod(live: &Node) -> Readiness {
    let name = text(live, &["metadata", "name"]);
    match text(live, &["status", "phase"]) {
        "Succeeded" => Readiness::new("Current", format!("pod {name} succeeded")),
        "Failed" => Readiness::new("Failed", format!("pod {name} failed")),
        _ => Readiness::new("InProgress", "Pod in progress"),
    }
}
