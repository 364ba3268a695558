//! PagerDuty: an incident is triggered or resolved, and what went well is a change event.

use serde_json::{Value, json};

use super::{Endpoint, Exchange, Notice, messages, post};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let url = endpoint.url("PagerDuty endpoint URL")?;
    if notice.is_progress() {
        return Ok(messages(Vec::new()));
    }
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    let host = &url[..end];
    let object = &notice.involved_object;
    let name = format!("{}/{}", object.kind, object.name).to_lowercase();
    let summary = format!("{}: {name}", notice.reason_in_words());
    let source = format!("Flux {}", notice.reporting_controller);
    let metadata = if notice.metadata.is_empty() { Value::Null } else { json!(notice.metadata) };
    let details = json!({"message": notice.message, "metadata": metadata});
    let mut event = json!({
        "routing_key": endpoint.channel,
        // An incident may be open.
        "event_action": if notice.is_error() { "trigger" } else { "resolve" },
        "dedup_key": object.uid,
    });
    if notice.is_error() {
        event["payload"] = json!({
            "summary": summary,
            "source": source,
            "severity": "error",
            "timestamp": notice.timestamp,
            "component": object.name,
            "group": object.kind,
            "custom_details": details,
        });
    }
    let mut requests = vec![post(format!("{host}/v2/enqueue"), &event)];
    if notice.severity == "info" {
        let change = json!({
            "routing_key": endpoint.channel,
            "payload": {
                "summary": summary,
                "source": source,
                "timestamp": notice.timestamp,
                "custom_details": details,
            },
        });
        requests.push(post(format!("{host}/v2/change/enqueue"), &change));
    }
    Ok(messages(requests))
}
