//! Zulip: a message of a stream's topic, as a form.

use gitops_core::ports::Request;

use super::{Endpoint, Exchange, Notice, basic, form, messages};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let url = endpoint.url("Zulip endpoint URL")?;
    let Some((stream, topic)) =
        endpoint.channel.split_once('/').filter(|(stream, topic)| !stream.is_empty() && !topic.is_empty())
    else {
        return Err(format!(
            "invalid Zulip channel format, expected <channel>/<topic>, got '{}'",
            endpoint.channel
        ));
    };
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    let body =
        format!("content={}&to={}&topic={}&type=stream", form(&markdown(notice)), form(stream), form(topic));
    let request = Request {
        method: "POST".into(),
        url: format!("{}/api/v1/messages", &url[..end]),
        headers: vec![("Content-Type".into(), "application/x-www-form-urlencoded".into())],
        body: body.into_bytes().into(),
    };
    Ok(messages(vec![basic(request, &endpoint.username, endpoint.password.reveal())]))
}

fn markdown(notice: &Notice) -> String {
    let object = &notice.involved_object;
    let emoji = if notice.is_error() { "⚠️" } else { "ℹ️" };
    let mut text = format!(
        "## Flux Status\n\n{emoji} {}/{}/{}\n\n{}\n\nMetadata:\n",
        object.kind, object.namespace, object.name, notice.message
    );
    for (key, value) in notice.metadata.iter().filter(|(key, _)| *key != "change_request") {
        text.push_str(&format!("* `{key}`: {value}\n"));
    }
    text
}
