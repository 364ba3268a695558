//! Zoom: a message with a heading and fields.

use serde_json::{Value, json};

use super::{Endpoint, Exchange, Notice, header, messages, post};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let url = endpoint.url("Zoom incoming webhook URL")?;
    let token = endpoint.token.reveal();
    if token.is_empty() {
        return Err("empty Zoom verification token".into());
    }
    let mut text = json!({"type": "message"});
    if !notice.message.is_empty() {
        text["text"] = notice.message.as_str().into();
    }
    let mut body = vec![text];
    if !notice.metadata.is_empty() {
        let fields: Vec<Value> =
            notice.metadata.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        body.push(json!({"type": "fields", "items": fields}));
    }
    let payload = json!({
        "content": {
            "head": {"text": notice.subject(), "sub_head": {"text": notice.severity}},
            "body": body,
        },
    });
    Ok(messages(vec![header(post(full(url), &payload), "Authorization", token)]))
}

/// Asks for the form with headings, unless the address asks for one.
fn full(url: &str) -> String {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let mut pairs: Vec<&str> =
        query.split('&').filter(|pair| !pair.is_empty() && *pair != "format=").collect();
    if !pairs.iter().any(|pair| pair.starts_with("format=")) {
        pairs.push("format=full");
    }
    format!("{path}?{}", pairs.join("&"))
}
