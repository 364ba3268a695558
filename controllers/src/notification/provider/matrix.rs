//! Matrix: a message of a room, put under an id that the event's content gives, so that no try writes it twice.

use serde_json::json;
use sha1::{Digest as _, Sha1};

use super::{Endpoint, Exchange, Notice, bearer, messages, post};
use crate::notification::notice;

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let server = endpoint.url("Matrix homeserver URL")?;
    let id: String = Sha1::digest(notice::json(notice)).iter().map(|byte| format!("{byte:02x}")).collect();
    let url = format!("{server}/_matrix/client/r0/rooms/{}/send/m.room.message/{id}", endpoint.channel);
    let emoji = if notice.is_error() { "🚨" } else { "💫" };
    let mut body = format!("{emoji} {}\n{}\n", notice.subject(), notice.message);
    for (key, value) in &notice.metadata {
        body.push_str(&format!("- {key}: {value}\n"));
    }
    let mut request = post(url, &json!({"body": body, "msgtype": "m.text"}));
    request.method = "PUT".into();
    Ok(messages(vec![bearer(request, endpoint.token.reveal())]))
}
