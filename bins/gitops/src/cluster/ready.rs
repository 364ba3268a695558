//! When an object that a controller looks after is done.

use super::{KindInfo, fetch};
use crate::Failure;
use gitops_core::health::{self, State};
use gitops_core::ports::{Cluster, ObjectRef};
use gitops_yaml::Node;
use std::time::Duration;

/// How often a cluster is asked.
pub(crate) const POLL: Duration = Duration::from_secs(1);

/// Whether an object is ready; an error where it has failed for good.
///
/// The `Ready` condition counts only for the object's present generation; what kstatus makes of the object decides.
pub(crate) fn is_ready(kind: &KindInfo, object: &Node) -> Result<bool, Failure> {
    if kind.is_static() {
        return Ok(true);
    }
    if !is_observed(object) {
        return Ok(false);
    }
    let health = health::status(object);
    match health.state {
        State::Current => Ok(true),
        State::InProgress => Ok(false),
        _ => Err(health.message.into()),
    }
}

fn is_observed(object: &Node) -> bool {
    let number = |node: &Node, path: &[&str]| {
        node.at_path(path).and_then(Node::scalar).and_then(|text| text.parse::<i64>().ok()).unwrap_or(0)
    };
    let observed = number(object, &["status", "observedGeneration"]);
    let generation = number(object, &["metadata", "generation"]);
    if observed < 1 {
        return false;
    }
    let Some(ready) = condition(object, "Ready") else { return false };
    let of_condition = number(ready, &["observedGeneration"]);
    if of_condition == 0 { observed == generation } else { of_condition == generation }
}

/// A condition of an object.
pub(crate) fn condition<'a>(object: &'a Node, kind: &str) -> Option<&'a Node> {
    let all = object.at_path(&["status", "conditions"])?.items()?;
    all.iter().find(|one| super::text(one, &["type"]).eq_ignore_ascii_case(kind))
}

/// Waits until an object is ready, and returns it.
pub(crate) async fn wait_ready<C: Cluster>(
    cluster: &C,
    kind: &KindInfo,
    target: &ObjectRef,
) -> Result<Node, Failure> {
    loop {
        let object = fetch(cluster, target).await?;
        if is_ready(kind, &object)? {
            return Ok(object);
        }
        tokio::time::sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Target;
    use gitops_yaml::{FileId, from_json};

    fn ready(status: &str) -> Option<bool> {
        let text = format!(
            r#"{{"apiVersion":"source.toolkit.fluxcd.io/v1","kind":"GitRepository","metadata":{{"name":"a","namespace":"b","generation":2}},"status":{status}}}"#
        );
        is_ready(Target::Git.info(), &from_json(&text, FileId::NONE).unwrap()).ok()
    }

    #[test]
    fn a_condition_of_an_older_generation_does_not_count() {
        let with = |observed: i64, status: &str| {
            ready(&format!(
                r#"{{"observedGeneration":{observed},"conditions":[{{"type":"Ready","status":"{status}","observedGeneration":{observed}}}]}}"#
            ))
        };
        assert_eq!(with(2, "True"), Some(true));
        assert_eq!(with(1, "True"), Some(false));
        assert_eq!(ready("{}"), Some(false));
        assert_eq!(
            ready(
                r#"{"observedGeneration":2,"conditions":[{"type":"Stalled","status":"True","message":"no"},{"type":"Ready","status":"False"}]}"#
            ),
            None
        );
    }
}
