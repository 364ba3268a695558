//! Prometheus' Alertmanager: one firing alert, which ends by Alertmanager's own time limit.

use serde_json::{Map, Value, json};

use super::{Endpoint, Exchange, Notice, basic, bearer, messages, post};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let url = endpoint.url("Alertmanager URL")?;
    let object = &notice.involved_object;
    let mut labels = notice.metadata.clone();
    let summary = labels.remove("summary");
    let mut label = |name: &str, value: &str| labels.insert(name.to_owned(), value.to_owned());
    label("alertname", &format!("Flux{}{}", object.kind, title(&notice.reason)));
    label("severity", &notice.severity);
    label("reason", &notice.reason);
    label("kind", &object.kind);
    label("name", &object.name);
    label("namespace", &object.namespace);
    label("reportingcontroller", &notice.reporting_controller);
    let mut annotations = Map::new();
    annotations.insert("message".into(), notice.message.as_str().into());
    annotations.extend(summary.map(|summary| ("summary".to_owned(), Value::from(summary))));
    let payload = json!([{
        "status": "firing",
        "labels": labels,
        "annotations": annotations,
        "startsAt": notice.timestamp,
        "endsAt": "0001-01-01T00:00:00Z",
    }]);
    let mut request = post(url, &payload);
    if !endpoint.token.reveal().is_empty() {
        request = bearer(request, endpoint.token.reveal());
    }
    if !endpoint.username.is_empty() && !endpoint.password.reveal().is_empty() {
        request = basic(request, &endpoint.username, endpoint.password.reveal());
    }
    Ok(messages(vec![request]))
}

/// Writes each word with one capital letter: `Healthcheckfailed`.
fn title(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in text.chars() {
        match inside {
            true => out.extend(c.to_lowercase()),
            false => out.extend(c.to_uppercase()),
        }
        inside = c.is_alphanumeric() || (inside && matches!(c, '_' | '\''));
    }
    out
}
