//! Discord: it reads Slack's messages at its hook's address with `/slack` behind.

use super::slack::{color, named, payload};
use super::{Endpoint, Exchange, Notice, messages, post};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let url = endpoint.url("Discord hook URL")?;
    let (path, query) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
    let url = match url.ends_with("/slack") {
        true => url.to_owned(),
        false => format!("{}/slack{query}", path.trim_end_matches('/')),
    };
    Ok(messages(vec![post(url, &payload(&named(endpoint, notice), notice, color(notice), ""))]))
}
