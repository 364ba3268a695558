//! What could not be done, for which object, and whether trying again can help.

use crate::object::ObjectId;
use crate::ports::{ClusterError, ClusterFault, Outlook};
use gitops_yaml::{Files, Node, Place};
use std::fmt;

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// The object was looked at before anything was asked of the cluster.
    Checking,
    /// The live object was read.
    Reading,
    /// The server was asked what an apply would do.
    DryRun,
    /// Fields that others had managed were taken over.
    Cleanup,
    /// It was applied.
    Applying,
    /// It was deleted, to be made anew.
    Recreating,
    /// It was deleted because it is wanted no more.
    Deleting,
    /// It was to become ready.
    Waiting,
    /// It was to be gone.
    Terminating,
}

/// One object that something could not be done with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyError {
    /// The object.
    pub id: ObjectId,
    /// Where it is written; unknown for those that are wanted no more.
    pub place: Place,
    /// What was being done.
    pub doing: Doing,
    /// Why it failed.
    pub cause: ClusterError,
}

impl ApplyError {
    /// Returns whether, and when, trying again can help.
    #[must_use]
    pub fn outlook(&self) -> Outlook {
        self.cause.outlook()
    }

    /// Takes the values of a Secret out of what the server has said of it: a server that refuses a value may quote it.
    #[must_use]
    pub(super) fn without_values_of(mut self, object: &Node) -> Self {
        if self.id.kind != "Secret" || !self.id.group.is_empty() {
            return self;
        }
        let message = &mut self.cause.message;
        // As the server prints a value that is no string: `got &value.valueUnstructured{Value:12345}`.
        let mut masked = String::with_capacity(message.len());
        let mut rest = message.as_str();
        while let Some((before, after)) = rest.split_once("{Value:") {
            masked.push_str(before);
            masked.push_str("{Value:***");
            rest = after.find('}').and_then(|end| after.get(end..)).unwrap_or_default();
        }
        masked.push_str(rest);
        *message = masked;
        for field in ["data", "stringData"] {
            for entry in object.get(field).and_then(Node::entries).unwrap_or_default() {
                // A word of a letter or two would be found everywhere.
                if let Some(value) = entry.value.as_str().filter(|value| value.len() > 3) {
                    *message = message.replace(value, "***");
                }
            }
        }
        self
    }

    /// Prints the error behind the place of the object, and says whether it is tried again:
    /// `apps/echo.yaml:1:1: Deployment/apps/echo dry-run failed (Invalid): …; not retried until it is changed`.
    #[must_use]
    pub fn show(&self, files: &Files) -> String {
        let again = match self.outlook() {
            Outlook::Retry { after: None } => "; will be retried".to_owned(),
            Outlook::Retry { after: Some(wait) } => {
                format!("; will be retried in {}s", wait.as_secs().max(1))
            }
            Outlook::Stalled => "; not retried until it is changed".to_owned(),
            Outlook::GiveUp => String::new(),
        };
        match files.show(self.place) {
            place if place.is_empty() => format!("{self}{again}"),
            place => format!("{place}: {self}{again}"),
        }
    }
}

/// In Flux's words: `Deployment/apps/echo dry-run failed (Invalid): …`.
impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, cause, .. } = self;
        let reason = match reason(cause) {
            "" => String::new(),
            reason => format!(" ({reason})"),
        };
        match self.doing {
            Doing::Checking => write!(f, "{id} {cause}"),
            Doing::Reading => write!(f, "{id} query failed{reason}: {cause}"),
            Doing::DryRun if cause.fault == ClusterFault::NotFound && id.namespace.is_empty() => {
                write!(f, "{id} namespace not specified: {cause}")
            }
            Doing::DryRun if cause.fault == ClusterFault::NotFound => write!(f, "{id} not found: {cause}"),
            Doing::DryRun => write!(f, "{id} dry-run failed{reason}: {cause}"),
            Doing::Cleanup => write!(f, "{id} metadata.managedFields cleanup failed: {cause}"),
            Doing::Applying => write!(f, "{id} apply failed{reason}: {cause}"),
            Doing::Recreating => write!(f, "{id} immutable field detected, failed to delete object: {cause}"),
            Doing::Deleting => write!(f, "{id} delete failed{reason}: {cause}"),
            Doing::Waiting => write!(f, "{id} {cause}"),
            Doing::Terminating => write!(f, "{id} termination timeout: {cause}"),
        }
    }
}

impl std::error::Error for ApplyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// The API's word for a failure.
fn reason(cause: &ClusterError) -> &str {
    if !cause.reason.is_empty() {
        return &cause.reason;
    }
    match cause.fault {
        ClusterFault::NotFound => "NotFound",
        ClusterFault::AlreadyExists => "AlreadyExists",
        ClusterFault::Conflict => "Conflict",
        ClusterFault::Invalid | ClusterFault::Immutable => "Invalid",
        ClusterFault::Forbidden => "Forbidden",
        ClusterFault::Unauthorized => "Unauthorized",
        ClusterFault::Expired => "Expired",
        ClusterFault::UnknownKind
        | ClusterFault::Terminating
        | ClusterFault::Busy
        | ClusterFault::Unreachable
        | ClusterFault::Cancelled => "",
    }
}

/// Prints all errors of a run, one a line.
#[must_use]
pub fn show_errors(errors: &[ApplyError], files: &Files) -> String {
    errors.iter().map(|error| error.show(files)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[track_caller]
    fn check(doing: Doing, fault: ClusterFault, wanted: &str) {
        let mut files = Files::default();
        let place = Place { file: files.add("apps/echo.yaml"), line: 3, column: 1 };
        let id = ObjectId {
            group: "apps".into(),
            kind: "Deployment".into(),
            namespace: "apps".into(),
            name: "echo".into(),
        };
        let mut cause = ClusterError::new(fault, "why");
        if fault == ClusterFault::Busy {
            cause.retry_after = Some(Duration::from_secs(5));
        }
        assert_eq!(ApplyError { id, place, doing, cause }.show(&files), wanted);
    }

    #[test]
    fn errors_name_object_cause_place_and_whether_they_are_retried() {
        check(
            Doing::DryRun,
            ClusterFault::Invalid,
            "apps/echo.yaml:3:1: Deployment/apps/echo dry-run failed (Invalid): why; not retried until it is changed",
        );
        check(
            Doing::Applying,
            ClusterFault::Busy,
            "apps/echo.yaml:3:1: Deployment/apps/echo apply failed: why; will be retried in 5s",
        );
        check(
            Doing::DryRun,
            ClusterFault::NotFound,
            "apps/echo.yaml:3:1: Deployment/apps/echo not found: why; will be retried",
        );
    }

    #[test]
    fn no_error_quotes_a_secrets_value() {
        let object = r#"{"kind":"Secret","data":{"a":12345,"b":"aHVudGVyMg=="}}"#;
        let object = gitops_yaml::from_json(object, gitops_yaml::FileId::NONE).unwrap();
        let said = "errors:\n  .data.a: expected string, got &value.valueUnstructured{Value:12345}\n  .data.b: bad \"aHVudGVyMg==\"";
        let error = |kind: &str| ApplyError {
            id: ObjectId { kind: kind.into(), name: "s".into(), ..ObjectId::default() },
            place: Place::NONE,
            doing: Doing::Applying,
            cause: ClusterError::new(ClusterFault::Invalid, said),
        };
        let masked = error("Secret").without_values_of(&object).to_string();
        assert!(!masked.contains("12345") && !masked.contains("aHVud"), "{masked}");
        assert!(
            masked.contains(".data.a: expected string, got &value.valueUnstructured{Value:***}"),
            "{masked}"
        );
        assert!(error("ConfigMap").without_values_of(&object).to_string().contains("12345"));
    }
}
