//! Webex: a message of a room in Markdown.

use serde_json::{Map, Value};

use super::{Endpoint, Exchange, Notice, bearer, messages, post};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let url = endpoint.url("Webex hook URL")?;
    let emoji = if notice.is_error() { "💣" } else { "✅" };
    let mut markdown = format!("{emoji} **{}**\n{}\n", notice.subject(), notice.message);
    for (key, value) in &notice.metadata {
        markdown.push_str(&format!(">**{key}**: {value}\n"));
    }
    let mut payload = Map::new();
    if !endpoint.channel.is_empty() {
        payload.insert("roomId".into(), endpoint.channel.as_str().into());
    }
    payload.insert("markdown".into(), markdown.into());
    Ok(messages(vec![bearer(post(url, &Value::Object(payload)), endpoint.token.reveal())]))
}
