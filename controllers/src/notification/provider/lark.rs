//! Lark: an interactive card.

use serde_json::json;

use super::{Endpoint, Exchange, Notice, messages, post};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let url = endpoint.url("Lark hook URL")?;
    let (emoji, color) = if notice.is_error() { ("🚨", "red") } else { ("💫", "turquoise") };
    let mut message = format!("**{}**\n\n", notice.message);
    for (key, value) in &notice.metadata {
        message.push_str(&format!("{key}: {value}\n"));
    }
    let payload = json!({
        "msg_type": "interactive",
        "card": {
            "config": {"wide_screen_mode": true},
            "header": {
                "title": {"tag": "plain_text", "content": format!("{emoji} {}", notice.subject())},
                "template": color,
            },
            "elements": [{"tag": "div", "text": {"tag": "lark_md", "content": message}}],
        },
    });
    Ok(messages(vec![post(url, &payload)]))
}
