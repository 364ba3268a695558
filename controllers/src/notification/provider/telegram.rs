//! Telegram: a message in its Markdown; the channel may name a topic behind a colon.

use serde_json::json;

use super::{Endpoint, Exchange, Notice, messages, post};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    if endpoint.channel.is_empty() {
        return Err("empty Telegram channel".into());
    }
    let token = endpoint.token.reveal();
    if token.is_empty() {
        return Err("empty Telegram token".into());
    }
    let object = &notice.involved_object;
    let emoji = if notice.is_error() { "🚨" } else { "💫" };
    let heading = format!("{emoji} {}/{}/{}", object.kind.to_lowercase(), object.name, object.namespace);
    let mut text = format!("*{}*\n{}\n", escaped(&heading), escaped(&notice.message));
    for (key, value) in &notice.metadata {
        text.push_str(&format!("\\- *{}*: {}\n", escaped(key), escaped(value)));
    }
    let (chat, thread) = match endpoint.channel.split_once(':') {
        Some((chat, thread)) => (chat, Some(thread)),
        None => (endpoint.channel.as_str(), None),
    };
    let mut payload = json!({"chat_id": chat});
    if let Some(thread) = thread.filter(|thread| !thread.is_empty()) {
        payload["message_thread_id"] = thread.into();
    }
    payload["text"] = text.into();
    payload["parse_mode"] = "MarkdownV2".into();
    Ok(messages(vec![post(format!("https://api.telegram.org/bot{token}/sendMessage"), &payload)]))
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\.-_[]()~>`#+=|{}!*".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
