//! Sentry: what failed is an event, what went well is a trace, which alerts nobody.

use gitops_core::ports::Request;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::super::notice;
use super::{Endpoint, Exchange, Notice, header, messages};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let (url, key) = server(endpoint)?;
    // The same notice has the same id: what is sent twice is shown once.
    let hash: String =
        Sha256::digest(notice::json(notice)).iter().map(|byte| format!("{byte:02x}")).collect();
    let (id, rest) = hash.split_at(32);
    let (kind, mut event) = match notice.is_error() {
        true => ("event", failure(notice)),
        false => ("transaction", trace(notice, id, rest.get(..16).unwrap_or_default())),
    };
    event.insert("event_id".into(), id.into());
    event.insert("platform".into(), "other".into());
    if !endpoint.channel.is_empty() {
        event.insert("environment".into(), endpoint.channel.as_str().into());
    }
    let event = notice::json(&event);
    let mut body = notice::json(&json!({"event_id": id}));
    body.push(b'\n');
    body.extend(notice::json(&json!({"type": kind, "length": event.len()})));
    body.push(b'\n');
    body.extend(event);
    body.push(b'\n');
    let request = Request { method: "POST".into(), url, headers: Vec::new(), body: body.into() };
    let request = header(request, "Content-Type", "application/x-sentry-envelope");
    let auth = format!("Sentry sentry_version=7, sentry_client=gitops-controller/1, sentry_key={key}");
    Ok(messages(vec![header(request, "X-Sentry-Auth", auth)]))
}

fn summary(notice: &Notice) -> String {
    let object = &notice.involved_object;
    format!("{}: {}/{}", object.kind, object.namespace, object.name)
}

fn failure(notice: &Notice) -> Map<String, Value> {
    let event = json!({
        "timestamp": notice.timestamp,
        "level": notice.severity,
        "server_name": notice.reporting_controller,
        "transaction": summary(notice),
        "contexts": {"metadata": notice.metadata},
        "message": notice.message,
    });
    fields(event)
}

fn trace(notice: &Notice, trace: &str, span: &str) -> Map<String, Value> {
    let object = &notice.involved_object;
    let mut tags = fields(json!({
        "flux_involved_object_kind": object.kind,
        "flux_involved_object_namespace": object.namespace,
        "flux_involved_object_name": object.name,
        "flux_reporting_controller": notice.reporting_controller,
        "flux_reporting_instance": notice.reporting_instance,
        "flux_reason": notice.reason,
    }));
    tags.extend(notice.metadata.iter().map(|(name, value)| (name.clone(), value.as_str().into())));
    let event = json!({
        "type": "transaction",
        "transaction": summary(notice),
        "message": notice.message,
        "contexts": {"trace": {"trace_id": trace, "span_id": span, "op": "event"}},
        "tags": tags,
        "start_timestamp": notice.timestamp,
        "timestamp": notice.timestamp,
        "spans": [],
    });
    fields(event)
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// Reads `https://KEY@host/path/PROJECT`, which Sentry calls DSN: where envelopes go, and the key.
fn server(endpoint: &Endpoint) -> Result<(String, &str), String> {
    let refused = || "invalid Sentry DSN: it would be like https://key@host/project".to_owned();
    if endpoint.address.reveal().is_empty() {
        return Err("DSN cannot be empty".into());
    }
    let dsn = endpoint.url("Sentry DSN")?;
    let (scheme, rest) = dsn.split_once("://").ok_or_else(refused)?;
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (keys, rest) = rest.split_once('@').ok_or_else(refused)?;
    let (server, project) = rest.rsplit_once('/').ok_or_else(refused)?;
    // An old DSN has a second key, which nothing needs any more.
    let key = keys.split(':').next().unwrap_or_default();
    if key.is_empty() || server.is_empty() || server.starts_with('/') || project.is_empty() {
        return Err(refused());
    }
    let (host, path) =
        server.split_once('/').map_or((server, String::new()), |(host, path)| (host, format!("/{path}")));
    Ok((format!("{scheme}://{host}{path}/api/{project}/envelope/"), key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::ports::Secret;

    fn endpoint(dsn: &str) -> Endpoint {
        Endpoint { address: Secret::new(dsn), channel: "production".into(), ..Endpoint::default() }
    }

    fn sent(severity: &str) -> (Request, Vec<Value>) {
        let notice = super::super::samples::notice(severity, "BuildFailed");
        let exchange = word(&endpoint("https://k3y@o1.ingest.example/a/42"), &notice).unwrap();
        let Exchange::Messages { mut requests, .. } = exchange else { panic!() };
        let request = requests.remove(0);
        let text = String::from_utf8(request.body.to_vec()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let values: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(values[1]["length"], lines[2].len());
        assert_eq!(values[0]["event_id"], values[2]["event_id"]);
        (request, values)
    }

    #[test]
    fn failures_are_events() {
        let (request, values) = sent("error");
        assert_eq!(request.url, "https://o1.ingest.example/a/api/42/envelope/");
        assert!(request.headers.iter().any(|(name, value)| name == "X-Sentry-Auth"
            && value.starts_with("Sentry sentry_version=7, ")
            && value.ends_with("sentry_key=k3y")));
        assert_eq!(values[1]["type"], "event");
        let event = &values[2];
        assert_eq!((&event["level"], &event["environment"]), (&json!("error"), &json!("production")));
        assert_eq!(event["transaction"], "Kustomization: flux-system/apps");
        assert_eq!(event["server_name"], "kustomize-controller");
        assert!(event["contexts"]["metadata"]["revision"].is_string() && event["tags"].is_null());
    }

    #[test]
    fn successes_are_traces() {
        let (_, values) = sent("info");
        assert_eq!((&values[1]["type"], &values[2]["type"]), (&json!("transaction"), &json!("transaction")));
        let length = |path: &str| values[2].pointer(path).and_then(Value::as_str).map(str::len);
        assert_eq!(length("/contexts/trace/trace_id"), Some(32));
        assert_eq!(length("/contexts/trace/span_id"), Some(16));
        assert_eq!(values[2]["tags"]["flux_reason"], "BuildFailed");
        assert_eq!(values[2]["start_timestamp"], values[2]["timestamp"]);
    }

    #[test]
    fn addresses_without_key_or_project_are_refused() {
        for wrong in [
            "",
            "https://o1.example/42",
            "https://@o1.example/42",
            "https://k3y@o1.example",
            "https://k3y@o1/",
        ] {
            let error = server(&endpoint(wrong)).unwrap_err();
            assert!(error.contains("DSN") && !error.contains("k3y"), "{error}");
        }
    }
}
