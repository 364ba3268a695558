//! Slack: a web hook, or `chat.postMessage` with a bot's token.

use gitops_core::ports::Response;
use serde_json::{Value, json};

use super::{Endpoint, Exchange, Notice, any_success, bearer, post};

const BOT: &str = "https://slack.com/api/chat.postMessage";

/// Words a message of Slack's form, which Discord and Rocket.Chat read as well.
pub(super) fn payload(endpoint: &Endpoint, notice: &Notice, color: &str, fallback: &str) -> Value {
    let fields: Vec<Value> = notice
        .metadata
        .iter()
        .map(|(key, value)| json!({"title": key, "value": value, "short": false}))
        .collect();
    json!({
        "channel": endpoint.channel,
        "username": endpoint.username,
        "icon_url": "",
        "icon_emoji": "",
        "attachments": [{
            "fallback": fallback,
            "color": color,
            "author_name": notice.subject(),
            "text": notice.message,
            "mrkdwn_in": ["text"],
            "fields": fields,
        }],
    })
}

/// Names the controller where no name was chosen.
pub(super) fn named(endpoint: &Endpoint, notice: &Notice) -> Endpoint {
    let mut endpoint = endpoint.clone();
    if endpoint.username.is_empty() {
        endpoint.username.clone_from(&notice.reporting_controller);
    }
    endpoint
}

pub(super) fn color(notice: &Notice) -> &'static str {
    if notice.is_error() { "danger" } else { "good" }
}

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let url = endpoint.url("Slack hook URL")?;
    let first = notice.message.split('\n').next().unwrap_or_default();
    let fallback = format!("{}: {first}", notice.subject());
    let mut request = post(url, &payload(&named(endpoint, notice), notice, color(notice), &fallback));
    if !endpoint.token.reveal().is_empty() {
        request = bearer(request, endpoint.token.reveal());
    }
    let verdict = if url == BOT { said_ok } else { any_success };
    Ok(Exchange::Messages { requests: vec![request], verdict })
}

/// Slack's API answers 200 to what it refuses.
fn said_ok(response: &Response) -> Result<(), String> {
    any_success(response)?;
    let said: Value = serde_json::from_slice(&response.body)
        .map_err(|error| format!("unable to unmarshal response body: {error}"))?;
    if said.get("ok") == Some(&Value::Bool(true)) {
        return Ok(());
    }
    let why = said.get("error").and_then(Value::as_str).unwrap_or_default();
    Err(format!("Slack responded with error: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::ports::Secret;

    #[test]
    fn the_bots_answer_is_read() {
        let endpoint = Endpoint { address: Secret::new(BOT), ..Endpoint::default() };
        let Ok(Exchange::Messages { verdict, .. }) = word(&endpoint, &Notice::default()) else { panic!() };
        let answer = |text: &str| verdict(&Response { status: 200, body: text.as_bytes().into() });
        assert_eq!(answer(r#"{"ok":true}"#), Ok(()));
        assert_eq!(
            answer(r#"{"ok":false,"error":"not_in_channel"}"#),
            Err("Slack responded with error: not_in_channel".into())
        );
    }
}
