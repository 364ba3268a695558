//! OCI registries: tags listed, references resolved, artifacts and charts pulled and pushed.
//!
//! [`OciRegistry`] is the [`Registry`](gitops_core::ports::Registry) port over the distribution protocol, written
//! directly over HTTP: a registry is asked for little, and every answer is checked (digests, sizes, pages that turn in
//! circles) and bounded. Asking for an unchanged tag is one `HEAD`.
//!
//! ```
//! # async fn example() -> Result<(), gitops_core::ports::PortError> {
//! use gitops_core::ports::Registry;
//! use gitops_oci::{OciOptions, OciRegistry};
//! let registry = OciRegistry::new(OciOptions::default())?;
//! let digest = registry.resolve("ghcr.io/stefanprodan/manifests/podinfo", "latest").await?;
//! let manifest = registry.manifest("ghcr.io/stefanprodan/manifests/podinfo", &digest).await?;
//! let content = registry.blob("ghcr.io/stefanprodan/manifests/podinfo", manifest.layer(None)?).await?;
//! println!("{digest}: {} bytes", content.len());
//! # Ok(()) }
//! ```

mod challenge;
mod flux;
mod keychain;
mod link;
mod manifest;
mod options;
mod reference;
mod registry;
mod session;
mod upload;

pub use flux::{ArtifactInfo, CREATED, FLUX_CONFIG, FLUX_CONTENT, HELM_CHART, HELM_CONFIG, REVISION, SOURCE};
pub use keychain::{Helper, Keychain};
pub use options::{Mirror, OciOptions, RegistryLimits};
pub use reference::{Reference, ReferenceError};
pub use registry::OciRegistry;
pub use upload::Push;
