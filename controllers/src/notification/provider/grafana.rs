//! Grafana: an annotation with tags.

use serde_json::json;

use super::{Endpoint, Exchange, Notice, basic, bearer, messages, post};
use crate::time::parse_rfc3339;

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let url = endpoint.url("Grafana URL")?;
    let object = &notice.involved_object;
    // A colon parts a tag's name from its value.
    let piped = |text: &str| text.replace(':', "|");
    let mut tags = vec!["flux".to_owned(), notice.reporting_controller.clone()];
    tags.extend(notice.metadata.iter().map(|(key, value)| format!("{}: {}", piped(key), piped(value))));
    tags.push(format!("kind: {}", object.kind));
    tags.push(format!("name: {}", object.name));
    tags.push(format!("namespace: {}", object.namespace));
    let when = parse_rfc3339(&notice.timestamp).unwrap_or_default().as_secs();
    let mut request = post(url, &json!({"when": when, "text": notice.subject(), "tags": tags}));
    let (token, password) = (endpoint.token.reveal(), endpoint.password.reveal());
    if !token.is_empty() {
        request = bearer(request, token);
    } else if !endpoint.username.is_empty() && !password.is_empty() {
        request = basic(request, &endpoint.username, password);
    }
    Ok(messages(vec![request]))
}
