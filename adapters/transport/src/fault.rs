//! What goes wrong below HTTP, in words that help and that show no secret.

use gitops_core::ports::{PortError, Secret};
use std::error::Error;

/// Characters of a server's text that a message shows.
const SHOWN: usize = 400;

/// Makes a stranger's text fit for a message: one line, no control characters, not too long, without these secrets.
#[must_use]
pub fn clean(text: &str, secrets: &[Secret]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().map(Secret::reveal).filter(|secret| secret.len() > 2) {
        text = text.replace(secret, "***");
    }
    let printable = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut shown: String = printable.clone().take(SHOWN).collect();
    if printable.count() > SHOWN {
        shown.push('…');
    }
    shown
}

/// Words a request that got no answer.
pub(crate) fn unanswered(described: &str, error: reqwest::Error) -> PortError {
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut certificate = false;
    let mut next: Option<&(dyn Error + 'static)> = error.source();
    while let Some(cause) = next {
        reason = cause.to_string();
        if let Some(tls) = tls_fault(cause) {
            reason = tls.to_string();
            certificate |= matches!(tls, rustls::Error::InvalidCertificate(_));
        }
        next = cause.source();
    }
    let message = format!("{described}: {}", clean(&reason, &[]));
    // A certificate does not get better by asking again.
    if certificate || error.is_builder() { PortError::stalled(message) } else { PortError::retry(message) }
}

/// Looks into the wrappers of the operating system's errors, which their own `source` jumps over.
fn tls_fault<'e>(mut error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    loop {
        match error.downcast_ref::<rustls::Error>() {
            Some(found) => return Some(found),
            None => error = error.downcast_ref::<std::io::Error>()?.get_ref()?,
        }
    }
}
