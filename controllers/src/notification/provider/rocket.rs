//! Rocket.Chat: Slack's messages with colors of its own.

use super::slack::payload;
use super::{Endpoint, Exchange, Notice, messages, post};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let url = endpoint.url("Rocket hook URL")?;
    let color = if notice.is_error() { "#FF0000" } else { "#0076D7" };
    Ok(messages(vec![post(url, &payload(endpoint, notice, color, ""))]))
}
