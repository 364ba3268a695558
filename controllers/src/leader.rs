//! Which of several controllers works: the one whose name stands in a Lease and was renewed in time.

use std::time::Duration;

use gitops_core::object::Gvk;
use gitops_core::ports::{Clock, Cluster, ClusterError, ClusterFault, ObjectRef, WriteOptions};
use gitops_yaml::Node;

use crate::status::mapping;
use crate::time::rfc3339;

/// The times of an election, as in Flux's controllers.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How long a lease holds that nobody renews: 35 s.
    pub lease: Duration,
    /// How long a leader tries to renew before it gives up; shorter than the lease: 30 s.
    pub renew: Duration,
    /// How often a lease is renewed, and looked at by those who wait: 5 s.
    pub retry: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self { lease: Duration::from_secs(35), renew: Duration::from_secs(30), retry: Duration::from_secs(5) }
    }
}

/// One candidate for a lease.
///
/// The clocks of the candidates need not agree: each measures for how long it has seen the lease unchanged.
///
/// ```no_run
/// # use gitops_core::ports::{Clock, Cluster};
/// # async fn example(cluster: impl Cluster, clock: impl Clock) {
/// use gitops_controllers::leader::{Candidate, Terms};
///
/// let mut candidate = Candidate::new("flux-system", "gitops-controller", "pod-1", Terms::default());
/// candidate.wait(&cluster, &clock).await;
/// // Works now, beside:
/// let why = candidate.keep(&cluster, &clock).await;
/// # let _ = why;
/// # }
/// ```
#[derive(Debug)]
pub struct Candidate {
    lease: ObjectRef,
    identity: String,
    terms: Terms,
    /// The lease's resource version, and since when it stands.
    seen: Option<(String, Duration)>,
}

impl Candidate {
    /// Makes a candidate; `identity` differs from that of all others.
    #[must_use]
    pub fn new(namespace: &str, name: &str, identity: impl Into<String>, terms: Terms) -> Self {
        let gvk = Gvk::new("coordination.k8s.io/v1", "Lease");
        let lease = ObjectRef { gvk, namespace: namespace.into(), name: name.into() };
        Self { lease, identity: identity.into(), terms, seen: None }
    }

    /// Waits until this candidate leads. What goes wrong meanwhile is tried again.
    pub async fn wait(&mut self, cluster: &impl Cluster, clock: &impl Clock) {
        while !matches!(self.step(cluster, clock.now()).await, Ok(true)) {
            clock.sleep(self.terms.retry).await;
        }
    }

    /// Renews the lease for as long as that works, then returns why it is lost: stop all work at once.
    pub async fn keep(&mut self, cluster: &impl Cluster, clock: &impl Clock) -> String {
        let mut renewed = clock.now();
        loop {
            clock.sleep(self.terms.retry).await;
            let why = match self.step(cluster, clock.now()).await {
                Ok(true) => {
                    renewed = clock.now();
                    continue;
                }
                Ok(false) => return format!("{} has another holder", self.lease),
                Err(error) => error,
            };
            if clock.now().saturating_sub(renewed) >= self.terms.renew {
                return format!("{} could not be renewed: {why}", self.lease);
            }
        }
    }

    /// Gives the lease back, so that another need not wait for its end.
    ///
    /// # Errors
    /// As [`Cluster::replace`]; a lease that others hold is left alone.
    pub async fn release(&mut self, cluster: &impl Cluster, clock: &impl Clock) -> Result<(), ClusterError> {
        let Some(lease) = cluster.get(&self.lease).await? else { return Ok(()) };
        if holder(&lease) != self.identity {
            return Ok(());
        }
        self.write(cluster, Some(&lease), "", clock.now()).await
    }

    /// Takes or renews the lease; returns whether this candidate holds it.
    ///
    /// # Errors
    /// Where the cluster can't be asked. To come second is no error.
    pub async fn step(&mut self, cluster: &impl Cluster, now: Duration) -> Result<bool, ClusterError> {
        let lease = cluster.get(&self.lease).await?;
        if let Some(lease) = &lease {
            let version = text(lease, &["metadata", "resourceVersion"]);
            if self.seen.as_ref().is_none_or(|(seen, _)| seen != version) {
                self.seen = Some((version.to_owned(), now));
            }
            let since = self.seen.as_ref().map_or(now, |(_, since)| *since);
            let seconds = text(lease, &["spec", "leaseDurationSeconds"]).parse().ok();
            let term = seconds.map_or(self.terms.lease, Duration::from_secs);
            let others = !holder(lease).is_empty() && holder(lease) != self.identity;
            if others && now.saturating_sub(since) < term {
                return Ok(false);
            }
        }
        let identity = self.identity.clone();
        match self.write(cluster, lease.as_ref(), &identity, now).await {
            Ok(()) => Ok(true),
            // Another was faster.
            Err(error) if matches!(error.fault, ClusterFault::Conflict | ClusterFault::AlreadyExists) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    async fn write(
        &self,
        cluster: &impl Cluster,
        before: Option<&Node>,
        identity: &str,
        now: Duration,
    ) -> Result<(), ClusterError> {
        let field = |path: &[&str]| before.map_or("", |lease| text(lease, path)).to_owned();
        let time = || Node::string(micro(now));
        let moved = before.is_none_or(|lease| holder(lease) != identity);
        let transitions: i64 = field(&["spec", "leaseTransitions"]).parse().unwrap_or(0);
        let taken = !identity.is_empty() && before.is_some() && moved;
        let acquired = if moved { time() } else { Node::string(field(&["spec", "acquireTime"])) };
        let mut metadata = vec![
            ("name", Node::string(self.lease.name.clone())),
            ("namespace", Node::string(self.lease.namespace.clone())),
        ];
        let version = field(&["metadata", "resourceVersion"]);
        if !version.is_empty() {
            metadata.push(("resourceVersion", Node::string(version)));
        }
        let seconds = if identity.is_empty() { 1 } else { self.terms.lease.as_secs().max(1) };
        let lease = mapping(vec![
            ("apiVersion", Node::string("coordination.k8s.io/v1")),
            ("kind", Node::string("Lease")),
            ("metadata", mapping(metadata)),
            (
                "spec",
                mapping(vec![
                    ("holderIdentity", Node::string(identity)),
                    ("leaseDurationSeconds", Node::int(i64::try_from(seconds).unwrap_or(i64::MAX))),
                    ("acquireTime", acquired),
                    ("renewTime", time()),
                    ("leaseTransitions", Node::int(transitions.saturating_add(i64::from(taken)))),
                ]),
            ),
        ]);
        let options = WriteOptions { manager: "gitops-controller".into(), ..WriteOptions::default() };
        match before {
            Some(_) => cluster.replace(&lease, &options).await?,
            None => cluster.create(&lease, &options).await?,
        };
        Ok(())
    }
}

fn text<'a>(object: &'a Node, path: &[&str]) -> &'a str {
    object.at_path(path).and_then(Node::as_str).unwrap_or_default()
}

fn holder(lease: &Node) -> &str {
    text(lease, &["spec", "holderIdentity"])
}

/// Writes a time as Kubernetes' `MicroTime`.
fn micro(time: Duration) -> String {
    let start = rfc3339(time);
    format!("{}.{:06}Z", start.trim_end_matches('Z'), time.subsec_micros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::testing::{FakeCluster, FixedClock};
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn ready<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("the fakes answer at once"),
        }
    }

    fn candidate(identity: &str) -> Candidate {
        Candidate::new("flux-system", "gitops-controller", identity, Terms::default())
    }

    fn second(time: u64) -> Duration {
        Duration::from_secs(1_767_323_045 + time)
    }

    #[test]
    fn one_leads_and_another_follows_when_the_lease_ends() {
        let cluster = FakeCluster::default();
        let (mut one, mut two) = (candidate("one"), candidate("two"));
        assert!(ready(one.step(&cluster, second(0))).unwrap());
        assert!(!ready(two.step(&cluster, second(1))).unwrap());
        assert!(ready(one.step(&cluster, second(30))).unwrap(), "renews");
        assert!(!ready(two.step(&cluster, second(40))).unwrap(), "was renewed meanwhile");
        assert!(!ready(two.step(&cluster, second(74))).unwrap());
        assert!(ready(two.step(&cluster, second(75))).unwrap(), "35 s without a change");
        let lease = cluster.stored(&two.lease).unwrap();
        assert_eq!(text(&lease, &["spec", "leaseTransitions"]), "1");
        assert_eq!(text(&lease, &["spec", "renewTime"]), "2026-01-02T03:05:20.000000Z");
        assert!(!ready(one.step(&cluster, second(76))).unwrap());
    }

    #[test]
    fn a_lease_that_is_given_back_is_free_at_once() {
        let cluster = FakeCluster::default();
        let clock = FixedClock::default();
        let (mut one, mut two) = (candidate("one"), candidate("two"));
        assert!(ready(one.step(&cluster, second(0))).unwrap());
        ready(two.release(&cluster, &clock)).unwrap();
        assert!(!ready(two.step(&cluster, second(0))).unwrap(), "only the holder gives it back");
        ready(one.release(&cluster, &clock)).unwrap();
        assert!(ready(two.step(&cluster, second(0))).unwrap());
    }
}
