//! One HTTP request within bounds, for the adapters that speak HTTP.
//!
//! What every such adapter must get right stands here once: a deadline for the whole call and one for a body that stalls,
//! a limit on what is read, retries that respect `Retry-After`, redirects that never carry a credential to another host or
//! fall from https to http, certificates of one's own, and errors that show neither credentials nor queries.
//!
//! ```
//! # async fn example() -> Result<(), gitops_core::ports::PortError> {
//! use gitops_transport::{Call, Client, Options};
//! let client = Client::new(Options::default())?;
//! let call = Call::get("https://example.org/index.yaml")?.limit(50 << 20);
//! let answer = client.call(&call).await?.success()?;
//! println!("{} bytes", answer.body.len());
//! # Ok(()) }
//! ```

mod answer;
mod authorization;
mod call;
mod client;
mod fault;
mod options;
mod retry;

pub use answer::Answer;
pub use authorization::Authorization;
pub use call::{Call, Redirects, Shown, same_host};
pub use client::Client;
pub use fault::clean;
pub use options::{Options, Proxy, Retries, Tls, Verification};
pub use reqwest::header;
pub use reqwest::{Method, StatusCode, Url};
