//! Why the API refuses a request: a `Status` as the API server words it.

use crate::value::Value;
use gitops_core::ports::{ClusterError, ClusterFault};
use std::fmt;
use std::time::Duration;

/// A refused request.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The HTTP status.
    pub code: u16,
    /// The reason's word: `NotFound`; empty where the API names none.
    pub reason: &'static str,
    /// The message.
    pub message: String,
    /// What it is about.
    pub details: Option<Details>,
}

/// What a refusal is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// The object's name.
    pub name: String,
    /// The API group.
    pub group: String,
    /// The kind, or the resource's plural; the API server is not of one mind.
    pub kind: String,
    /// The object's uid.
    pub uid: String,
    /// One for each field that is wrong.
    pub causes: Vec<Cause>,
    /// Seconds to wait.
    pub retry_after: Option<u32>,
}

/// One wrong field.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cause {
    /// The cause's word: `FieldValueRequired`.
    pub reason: &'static str,
    /// What is wrong with it.
    pub message: String,
    /// Its path: `spec.replicas`.
    pub field: String,
}

impl Failure {
    pub(crate) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None }
    }

    pub(crate) fn about(mut self, group: &str, kind: &str, name: &str) -> Self {
        let details = self.details.get_or_insert_default();
        (details.group, details.kind, details.name) = (group.into(), kind.into(), name.into());
        self
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(crate) fn internal(message: impl fmt::Display) -> Self {
        let mut failure = Self::new(500, "InternalError", format!("Internal error occurred: {message}"));
        failure.details = Some(Details {
            causes: vec![Cause { message: message.to_string(), ..Cause::default() }],
            ..Details::default()
        });
        failure
    }

    pub(crate) fn not_found(group: &str, plural: &str, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} {name:?} not found", qualified(group, plural)))
            .about(group, plural, name)
    }

    pub(crate) fn already_exists(group: &str, plural: &str, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{} {name:?} already exists", qualified(group, plural)))
            .about(group, plural, name)
    }

    pub(crate) fn conflict(group: &str, plural: &str, name: &str, why: impl fmt::Display) -> Self {
        let message =
            format!("Operation cannot be fulfilled on {} {name:?}: {why}", qualified(group, plural));
        Self::new(409, "Conflict", message).about(group, plural, name)
    }

    pub(crate) fn modified(group: &str, plural: &str, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(group, plural, name, why)
    }

    pub(crate) fn forbidden(group: &str, plural: &str, name: &str, why: impl fmt::Display) -> Self {
        let message = if name.is_empty() {
            format!("{} is forbidden: {why}", qualified(group, plural))
        } else {
            format!("{} {name:?} is forbidden: {why}", qualified(group, plural))
        };
        Self::new(403, "Forbidden", message).about(group, plural, name)
    }

    /// The body as the API server sends it.
    #[must_use]
    pub fn to_status(&self) -> Value {
        let mut status = Value::from([
            ("apiVersion", "v1".into()),
            ("kind", "Status".into()),
            ("metadata", Value::map()),
            ("status", "Failure".into()),
            ("message", self.message.as_str().into()),
            ("code", i64::from(self.code).into()),
        ]);
        if !self.reason.is_empty() {
            status.set("reason", self.reason.into());
        }
        if let Some(details) = &self.details {
            status.set("details", details.to_value());
        }
        status
    }
}

impl Details {
    fn to_value(&self) -> Value {
        let mut out = Value::map();
        for (key, text) in
            [("name", &self.name), ("group", &self.group), ("kind", &self.kind), ("uid", &self.uid)]
        {
            if !text.is_empty() {
                out.set(key, text.as_str().into());
            }
        }
        if !self.causes.is_empty() {
            let causes = self.causes.iter().map(|cause| {
                let mut out = Value::map();
                for (key, text) in
                    [("reason", cause.reason), ("message", &cause.message), ("field", &cause.field)]
                {
                    if !text.is_empty() {
                        out.set(key, text.into());
                    }
                }
                out
            });
            out.set("causes", Value::List(causes.collect()));
        }
        if let Some(seconds) = self.retry_after {
            out.set("retryAfterSeconds", i64::from(seconds).into());
        }
        out
    }
}

fn qualified(group: &str, plural: &str) -> String {
    if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for ClusterError {
    fn from(failure: Failure) -> Self {
        let terminating = failure.details.iter().flat_map(|details| &details.causes);
        let fault = match (failure.code, failure.reason) {
            (403, _) if { terminating }.any(|cause| cause.reason == "NamespaceTerminating") => {
                ClusterFault::Terminating
            }
            (404, "NotFound") => ClusterFault::NotFound,
            (404, _) => ClusterFault::UnknownKind,
            (409, "AlreadyExists") => ClusterFault::AlreadyExists,
            (409, _) => ClusterFault::Conflict,
            (410, _) => ClusterFault::Expired,
            (403, _) => ClusterFault::Forbidden,
            (401, _) => ClusterFault::Unauthorized,
            (422, _)
                if failure.message.contains("immutable")
                    || failure.message.contains("may not change")
                    || failure.message.contains("may not be changed") =>
            {
                ClusterFault::Immutable
            }
            (400..=499, _) if failure.code != 429 && failure.code != 408 => ClusterFault::Invalid,
            _ => ClusterFault::Busy,
        };
        let retry_after = failure.details.as_ref().and_then(|details| details.retry_after);
        Self {
            fault,
            status: failure.code,
            reason: failure.reason.to_owned(),
            message: failure.message,
            retry_after: retry_after.map(|seconds| Duration::from_secs(u64::from(seconds))),
        }
    }
}

/// A field that breaks a rule.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wrong {
    reason: &'static str,
    field: String,
    message: String,
}

impl Wrong {
    fn new(reason: &'static str, field: impl Into<String>, kind: &str, detail: &str) -> Self {
        let message = if detail.is_empty() { kind.to_owned() } else { format!("{kind}: {detail}") };
        Self { reason, field: field.into(), message }
    }

    pub(crate) fn required(field: impl Into<String>, detail: impl AsRef<str>) -> Self {
        Self::new("FieldValueRequired", field, "Required value", detail.as_ref())
    }

    pub(crate) fn forbidden(field: impl Into<String>, detail: impl AsRef<str>) -> Self {
        Self::new("FieldValueForbidden", field, "Forbidden", detail.as_ref())
    }

    pub(crate) fn invalid(field: impl Into<String>, value: &Value, detail: impl AsRef<str>) -> Self {
        let shown = match value {
            Value::Text(text) => go_quoted(text),
            other => other.to_json(),
        };
        Self::new("FieldValueInvalid", field, &format!("Invalid value: {shown}"), detail.as_ref())
    }

    /// The value has another type than its schema says.
    pub(crate) fn type_invalid(field: impl Into<String>, shown: &str, detail: impl AsRef<str>) -> Self {
        Self::new("FieldValueTypeInvalid", field, &format!("Invalid value: {shown}"), detail.as_ref())
    }

    pub(crate) fn not_supported(field: impl Into<String>, value: &Value, known: &[&str]) -> Self {
        let shown = match value {
            Value::Text(text) => go_quoted(text),
            other => other.to_json(),
        };
        let known: Vec<String> = known.iter().map(|one| go_quoted(one)).collect();
        let detail = format!("supported values: {}", known.join(", "));
        Self::new("FieldValueNotSupported", field, &format!("Unsupported value: {shown}"), &detail)
    }

    /// A value that is shown as the API server's own types print it.
    pub(crate) fn not_supported_as(field: impl Into<String>, shown: &str, known: &[&str]) -> Self {
        let known: Vec<String> = known.iter().map(|one| go_quoted(one)).collect();
        let detail = format!("supported values: {}", known.join(", "));
        Self::new("FieldValueNotSupported", field, &format!("Unsupported value: {shown}"), &detail)
    }

    pub(crate) fn not_found(field: impl Into<String>, value: &Value) -> Self {
        let shown = value.as_str().map_or_else(|| value.to_json(), go_quoted);
        Self::new("FieldValueNotFound", field, &format!("Not found: {shown}"), "")
    }

    /// A value is required, one of those known.
    pub(crate) fn required_in(field: impl Into<String>, known: &[&str]) -> Self {
        let known: Vec<String> = known.iter().map(|one| go_quoted(one)).collect();
        Self::new(
            "FieldValueRequired",
            field,
            "Required value",
            &format!("valid values: {}", known.join(", ")),
        )
    }

    pub(crate) fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        let shown = match value {
            Value::Text(text) => go_quoted(text),
            other => other.to_json(),
        };
        Self::new("FieldValueDuplicate", field, &format!("Duplicate value: {shown}"), "")
    }

    pub(crate) fn too_long(field: impl Into<String>, bytes: usize) -> Self {
        Self::new("FieldValueTooLong", field, "Too long", &format!("may not be more than {bytes} bytes"))
    }

    pub(crate) fn too_many(field: impl Into<String>, found: usize, most: usize) -> Self {
        let kind = format!("Too many: {found}");
        Self::new("FieldValueTooMany", field, &kind, &format!("must have at most {most} items"))
    }
}

/// As Go's `%q` prints text.
pub(crate) fn go_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl Failure {
    /// An object with fields that break rules.
    pub(crate) fn invalid(group: &str, kind: &str, name: &str, wrong: &[Wrong]) -> Self {
        let shown = |one: &Wrong| format!("{}: {}", one.field, one.message);
        let list = match wrong {
            [one] => shown(one),
            several => {
                let mut seen: Vec<String> = Vec::new();
                for text in several.iter().map(shown) {
                    if !seen.contains(&text) {
                        seen.push(text);
                    }
                }
                if let [one] = seen.as_slice() { one.clone() } else { format!("[{}]", seen.join(", ")) }
            }
        };
        let message = format!("{} {} is invalid: {list}", qualified(group, kind), go_quoted(name));
        let mut failure = Self::new(422, "Invalid", message).about(group, kind, name);
        failure.details.get_or_insert_default().causes = wrong
            .iter()
            .map(|one| Cause { reason: one.reason, message: one.message.clone(), field: one.field.clone() })
            .collect();
        failure
    }
}
