//! incident.io: an alert that fires or is resolved.

use serde_json::{Value, json};

use super::{Endpoint, Exchange, Notice, bearer, messages, post};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let url = endpoint.url("incident.io alert source URL")?;
    let token = endpoint.token.reveal();
    if token.is_empty() {
        return Err("empty incident.io API token".into());
    }
    if notice.is_progress() {
        return Ok(messages(Vec::new()));
    }
    let mut metadata = notice.metadata.clone();
    metadata.insert("severity".into(), notice.severity.clone());
    metadata.insert("reason".into(), notice.reason.clone());
    if !notice.reporting_controller.is_empty() {
        metadata.insert("reportingController".into(), notice.reporting_controller.clone());
    }
    let mut payload = json!({
        "title": format!("{}: {}", notice.subject(), notice.reason),
        "status": if notice.is_error() { "firing" } else { "resolved" },
        "deduplication_key": notice.involved_object.uid,
    });
    if !notice.message.is_empty() {
        payload["description"] = Value::from(notice.message.as_str());
    }
    payload["metadata"] = json!(metadata);
    Ok(messages(vec![bearer(post(url, &payload), token)]))
}
