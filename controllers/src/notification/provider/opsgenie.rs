//! Opsgenie: an alert whose alias is the same for the same object and reason.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Endpoint, Exchange, Notice, header, messages, post};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let url = endpoint.url("Opsgenie hook URL")?;
    let token = endpoint.token.reveal();
    if token.is_empty() {
        return Err("empty Opsgenie apikey/token".into());
    }
    let object = &notice.involved_object;
    let mut details = notice.metadata.clone();
    details.insert("severity".into(), notice.severity.clone());
    let key =
        format!("{}/{}/{}/{}/{}", endpoint.uid, object.kind, object.namespace, object.name, notice.reason);
    let alias: String = Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
    let payload = json!({
        "message": format!("{}/{}", object.kind, object.name),
        "alias": alias,
        "description": notice.message,
        "details": details,
    });
    Ok(messages(vec![header(post(url, &payload), "Authorization", format!("GenieKey {token}"))]))
}
