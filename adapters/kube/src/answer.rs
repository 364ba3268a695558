//! Answers: objects, and what a server says where it refuses.

use gitops_core::object::Gvk;
use gitops_core::ports::{ClusterError, ClusterFault};
use gitops_yaml::{FileId, Node, Str, from_json};
use http::{HeaderMap, StatusCode};
use std::time::Duration;

/// Reads a body as JSON.
pub(crate) fn read(body: &[u8]) -> Result<Node, ClusterError> {
    let text = std::str::from_utf8(body).map_err(|_| unreadable("it is not UTF-8"))?;
    from_json(text, FileId::NONE).map_err(|error| unreadable(&error.to_string()))
}

fn unreadable(why: &str) -> ClusterError {
    ClusterError::new(ClusterFault::Busy, format!("the server's answer can not be read: {why}"))
}

/// Gives an object of a list, or one that is metadata alone, its own `apiVersion` and `kind`.
pub(crate) fn name_kind(object: &mut Node, gvk: &Gvk, metadata_only: bool) {
    if let Some(entries) = object.entries_mut() {
        entries.retain(|entry| match entry.key.as_str() {
            Some("apiVersion" | "kind") => false,
            Some("metadata") => true,
            _ => !metadata_only,
        });
        let pair = |key: &'static str, value: Str| gitops_yaml::Entry {
            key: Node::string(Str::literal(key)),
            value: Node::string(value),
        };
        entries.insert(0, pair("kind", gvk.kind.clone()));
        entries.insert(0, pair("apiVersion", gvk.api_version()));
    }
}

/// Reads what a server answers where it refuses.
pub(crate) fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ClusterError {
    let said = std::str::from_utf8(body).ok().and_then(|text| from_json(text, FileId::NONE).ok());
    let mut error = match said.filter(|node| node.get("kind").and_then(Node::as_str) == Some("Status")) {
        Some(node) => of_status(&node, status.as_u16()),
        None => of_text(status, body),
    };
    error.retry_after = retry_after(headers).or(error.retry_after);
    error
}

/// Reads a `Status` object, of a refusal or of a watch's error event.
pub(crate) fn of_status(node: &Node, status: u16) -> ClusterError {
    let text = |path: &[&str]| node.at_path(path).and_then(Node::as_str).unwrap_or_default().to_owned();
    let number = |path: &[&str]| text(path).parse::<u64>().ok();
    let status = number(&["code"]).and_then(|code| u16::try_from(code).ok()).unwrap_or(status);
    let (reason, message) = (text(&["reason"]), text(&["message"]));
    let causes = node.at_path(&["details", "causes"]).and_then(Node::items).unwrap_or_default();
    let has_cause =
        |wanted: &str| causes.iter().any(|cause| cause.get("reason").and_then(Node::as_str) == Some(wanted));
    let fault = match (status, reason.as_str()) {
        (_, "AlreadyExists") => ClusterFault::AlreadyExists,
        (403, _) if has_cause("NamespaceTerminating") => ClusterFault::Terminating,
        (404, _) if node.at_path(&["details", "name"]).is_none() => ClusterFault::UnknownKind,
        _ => fault(status, &message),
    };
    let reason = if has_cause("FieldManagerConflict") { "FieldManagerConflict".to_owned() } else { reason };
    let retry_after =
        number(&["details", "retryAfterSeconds"]).filter(|seconds| *seconds > 0).map(Duration::from_secs);
    let message = if message.is_empty() { format!("the server answered {status}") } else { message };
    ClusterError { fault, status, reason, message, retry_after }
}

fn of_text(status: StatusCode, body: &[u8]) -> ClusterError {
    let text = String::from_utf8_lossy(body.get(..body.len().min(512)).unwrap_or_default());
    // A proxy's page may hold anything; control characters are not for terminals.
    let text: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    let status_code = status.as_u16();
    let fault = if status_code == 404 { ClusterFault::UnknownKind } else { fault(status_code, &text) };
    let message = match status_code {
        404 => "the server could not find the requested resource".to_owned(),
        _ if text.is_empty() => format!("the server answered {status}"),
        _ => format!("the server answered {status}: {text}"),
    };
    ClusterError { status: status_code, ..ClusterError::new(fault, message) }
}

/// What servers say of fields that never change, in answers of "invalid".
const IMMUTABLE: [&str; 5] = [
    "is immutable",
    "immutable field",
    "may not change once set",
    "updates to statefulset spec for fields other than",
    "pod updates may not change fields other than",
];

fn fault(status: u16, message: &str) -> ClusterFault {
    match status {
        401 => ClusterFault::Unauthorized,
        403 => ClusterFault::Forbidden,
        404 => ClusterFault::NotFound,
        409 => ClusterFault::Conflict,
        410 => ClusterFault::Expired,
        422 if IMMUTABLE.iter().any(|text| message.contains(text)) => ClusterFault::Immutable,
        // The server's answer to fields that its types do not have.
        500 if message.contains("failed to create typed patch object") => ClusterFault::Invalid,
        408 | 429 | 500.. => ClusterFault::Busy,
        _ => ClusterFault::Invalid,
    }
}

/// Reads `Retry-After` in seconds; dates are not used by API servers.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim().parse::<u64>().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, fault: ClusterFault, reason: &str, message: &str) {
        let error = refusal(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes());
        assert_eq!((error.fault, error.reason.as_str(), error.message.as_str()), (fault, reason, message));
    }

    #[test]
    fn refusals_are_told_apart() {
        let status = |code: u16, reason: &str, message: &str, details: &str| {
            format!(
                r#"{{"kind":"Status","status":"Failure","message":"{message}","reason":"{reason}","details":{{{details}}},"code":{code}}}"#
            )
        };
        check(
            404,
            &status(404, "NotFound", "m", r#""name":"a","kind":"pods""#),
            ClusterFault::NotFound,
            "NotFound",
            "m",
        );
        check(404, &status(404, "NotFound", "m", ""), ClusterFault::UnknownKind, "NotFound", "m");
        check(
            404,
            "404 page not found\n",
            ClusterFault::UnknownKind,
            "",
            "the server could not find the requested resource",
        );
        check(
            403,
            &status(403, "Forbidden", "m", r#""causes":[{"reason":"NamespaceTerminating"}]"#),
            ClusterFault::Terminating,
            "Forbidden",
            "m",
        );
        check(
            409,
            &status(409, "Conflict", "m", r#""causes":[{"reason":"FieldManagerConflict"}]"#),
            ClusterFault::Conflict,
            "FieldManagerConflict",
            "m",
        );
        check(409, &status(409, "AlreadyExists", "m", ""), ClusterFault::AlreadyExists, "AlreadyExists", "m");
        check(
            422,
            &status(422, "Invalid", "f: field is immutable", ""),
            ClusterFault::Immutable,
            "Invalid",
            "f: field is immutable",
        );
        check(
            422,
            &status(422, "Invalid", "f: required", ""),
            ClusterFault::Invalid,
            "Invalid",
            "f: required",
        );
        check(410, &status(410, "Expired", "old", ""), ClusterFault::Expired, "Expired", "old");
        check(
            502,
            "<html>\u{1b}[31mbad",
            ClusterFault::Busy,
            "",
            "the server answered 502 Bad Gateway: <html>[31mbad",
        );
        let undeclared =
            "failed to create typed patch object (a/b; v1): .spec.x: field not declared in schema";
        check(500, &status(500, "", undeclared, ""), ClusterFault::Invalid, "", undeclared);
        check(
            500,
            &status(500, "InternalError", "failed calling webhook: context deadline exceeded", ""),
            ClusterFault::Busy,
            "InternalError",
            "failed calling webhook: context deadline exceeded",
        );
    }

    #[test]
    fn a_server_says_how_long_to_wait() {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::RETRY_AFTER, "7".parse().unwrap());
        let error = refusal(StatusCode::TOO_MANY_REQUESTS, &headers, b"");
        assert_eq!((error.fault, error.retry_after), (ClusterFault::Busy, Some(Duration::from_secs(7))));
    }
}
