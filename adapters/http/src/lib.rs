//! Chart repositories behind an `index.yaml`, and notifications, over HTTP.
//!
//! [`HttpRepository`] is the [`ChartRepository`](gitops_core::ports::ChartRepository) port, [`HttpNotify`] the
//! [`Notify`](gitops_core::ports::Notify) port. Asking for an unchanged index is one small request.
//!
//! ```
//! # async fn example() -> Result<(), gitops_core::ports::PortError> {
//! use gitops_core::ports::ChartRepository;
//! use gitops_http::{HttpRepository, RepositoryOptions};
//! let repository = HttpRepository::new(RepositoryOptions::new("https://stefanprodan.github.io/podinfo"))?;
//! if let Some((index, tag)) = repository.index(None).await? {
//!     println!("{} bytes", index.len());
//!     assert!(repository.index(tag.as_deref()).await?.is_none(), "unchanged");
//! }
//! let chart = repository.chart("podinfo-6.7.0.tgz").await?;
//! # Ok(()) }
//! ```

mod notify;
mod repository;

pub use notify::HttpNotify;
pub use repository::{HttpRepository, PassCredentials, RepositoryOptions};
