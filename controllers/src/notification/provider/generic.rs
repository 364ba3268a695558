//! Any web hook: the event as it is, signed where a key is given.

use gitops_core::ports::Request;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::{Endpoint, Exchange, Notice, header, messages};
use crate::notification::notice::json;

pub(super) fn plain(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    Ok(messages(vec![request(endpoint, notice)?]))
}

pub(super) fn signed(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let request = request(endpoint, notice)?;
    let key = endpoint.token.reveal();
    if key.is_empty() {
        return Err("HMAC key is empty: the secret's 'token' is the key".into());
    }
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.as_bytes()).map_err(|_| "HMAC key is too long".to_owned())?;
    mac.update(&request.body);
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(messages(vec![header(request, "X-Signature", format!("sha256={hex}"))]))
}

fn request(endpoint: &Endpoint, notice: &Notice) -> Result<Request, String> {
    let mut request = Request {
        method: "POST".into(),
        url: endpoint.url("hook URL")?.to_owned(),
        headers: vec![("Content-Type".into(), "application/json".into())],
        body: json(notice).into(),
    };
    request = header(request, "Gotk-Component", notice.reporting_controller.as_str());
    for (name, value) in &endpoint.headers {
        request = header(request, name, value.reveal());
    }
    Ok(request)
}
