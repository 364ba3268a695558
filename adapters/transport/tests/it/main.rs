//! Requests against servers that misbehave.
#![allow(clippy::unwrap_used, reason = "tests")]
mod bounds;
mod certificates;
mod redirects;
mod server;
mod tls;
