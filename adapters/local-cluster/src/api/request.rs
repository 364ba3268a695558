//! A request, taken apart.

use super::protobuf;
use crate::failure::{Failure, Wrong};
use crate::store::UnknownFields;
use crate::value::Value;
use bytes::Bytes;
use gitops_yaml::{FileId, ReadOptions, Str, read_document};
use http::{Method, header, request::Parts};

/// A request, taken apart.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    query: Vec<(String, String)>,
    pub(super) content_type: String,
    pub(super) accept: String,
    agent: String,
    pub(super) body: Bytes,
}

/// The form that a client wants objects in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Whole.
    Whole,
    /// `apiVersion`, `kind` and `metadata`.
    Metadata,
    /// A table for people.
    Table,
}

impl Call {
    pub(super) fn read(head: &Parts, body: Bytes) -> Self {
        let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let content_type = text(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_owned();
        Self {
            method: head.method.clone(),
            path: decoded(head.uri.path(), false),
            query: pairs(head.uri.query().unwrap_or_default()),
            content_type,
            accept: text(header::ACCEPT).to_owned(),
            agent: text(header::USER_AGENT).to_owned(),
            body,
        }
    }

    pub(super) fn option(&self, name: &str) -> &str {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.query.iter().any(|(key, _)| key == name)
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.has(name) && matches!(self.option(name), "true" | "1" | "")
    }

    /// The first form of those accepted that is known.
    pub(super) fn form(&self) -> Form {
        for range in self.accept.split(',') {
            let has = |what: &str| range.split(';').any(|part| part.trim() == what);
            let json = range.trim_start().starts_with("application/json") || range.contains("yaml");
            if !json {
                continue;
            }
            if has("as=Table") {
                return Form::Table;
            }
            if has("as=PartialObjectMetadata") || has("as=PartialObjectMetadataList") {
                return Form::Metadata;
            }
            return Form::Whole;
        }
        Form::Whole
    }

    /// The field manager: as named, or the client's own name.
    pub(super) fn manager(&self) -> Str {
        let named = self.option("fieldManager");
        if !named.is_empty() {
            return named.into();
        }
        let agent = self.agent.split('/').next().unwrap_or_default();
        let agent: String = agent.chars().take(128).collect();
        if agent.is_empty() { Str::literal("unknown") } else { agent.into() }
    }

    /// Checks the options of writes; `kind` is what the API calls them together.
    pub(super) fn check_options(&self, kind: &str) -> Result<(), Failure> {
        let mut wrong = Vec::new();
        let manager = self.option("fieldManager");
        if manager.len() > 128 {
            wrong.push(Wrong::too_long("fieldManager", 128));
        }
        let dry_run = self.option("dryRun");
        if self.has("dryRun") && dry_run != "All" {
            let found = Value::List(vec![dry_run.into()]);
            wrong.push(Wrong::not_supported("dryRun", &found, &["All"]));
        }
        if self.has("force") && self.content_type != APPLY && kind == "PatchOptions" {
            wrong.push(Wrong::forbidden("force", "may not be specified for non-apply patch"));
        }
        if kind == "PatchOptions" && self.content_type == APPLY && manager.is_empty() {
            wrong.insert(0, Wrong::required("fieldManager", "is required for apply patch"));
        }
        let validation = self.option("fieldValidation");
        if !matches!(validation, "" | "Ignore" | "Warn" | "Strict") {
            let known = ["", "Ignore", "Strict", "Warn"];
            wrong.push(Wrong::not_supported("fieldValidation", &validation.into(), &known));
        }
        if wrong.is_empty() {
            return Ok(());
        }
        Err(Failure::invalid("meta.k8s.io", kind, "", &wrong))
    }

    pub(super) fn unknown_fields(&self) -> UnknownFields {
        match self.option("fieldValidation") {
            "Strict" => UnknownFields::Refused,
            "Ignore" => UnknownFields::Dropped,
            _ => UnknownFields::Warned,
        }
    }

    pub(super) fn dry_run(&self) -> bool {
        self.option("dryRun") == "All"
    }

    /// The body as a value.
    pub(super) fn value(&self) -> Result<Value, Failure> {
        match self.content_type.as_str() {
            ""
            | "application/json"
            | "application/json-patch+json"
            | "application/merge-patch+json"
            | "application/strategic-merge-patch+json" => Value::from_json(&self.body).map_err(|why| {
                Failure::bad_request(format!("couldn't get version/kind; json parse error: {why}"))
            }),
            "application/yaml" | APPLY => {
                if self.body.first() == Some(&b'{')
                    && let Ok(value) = Value::from_json(&self.body)
                {
                    return Ok(value);
                }
                let document = read_document(&self.body, FileId::default(), &ReadOptions::yaml11())
                    .map_err(|why| Failure::bad_request(format!("error decoding YAML: {why}")))?;
                match document {
                    Some(document) => Value::from_node(&document.root)
                        .map_err(|why| Failure::bad_request(format!("error decoding YAML: {why}"))),
                    None => Ok(Value::Null),
                }
            }
            PROTOBUF => protobuf::read(&self.body),
            _ => Err(unsupported()),
        }
    }
}

/// The media type of Kubernetes' own encoding.
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// The media type of server-side apply.
pub(super) const APPLY: &str = "application/apply-patch+yaml";

fn unsupported() -> Failure {
    Failure::new(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
    )
}

fn pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key, true), decoded(value, true))
        })
        .collect()
}

fn decoded(text: &str, form: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = |at: usize| tail.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
                rest = &tail[2..];
                continue;
            }
            (b'+', _, _) if form => bytes.push(b' '),
            (byte, _, _) => bytes.push(*byte),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        assert_eq!(decoded("a%2Fb+c%", true), "a/b c%");
        assert_eq!(decoded("a+b", false), "a+b");
        assert_eq!(pairs("a=1&b&c=%3D").len(), 3);
    }
}
