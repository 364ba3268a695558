//! What the engines and controllers need of the world, as small traits that adapters implement.
//!
//! Each trait stands with its own types in a file. Every one of them has a null form here (it refuses, or does nothing) and
//! an in-memory form under the feature `testing` that can be told to fail. The traits are asynchronous without
//! naming a runtime, and share one error type, [`PortError`], which says whether trying again can help.

mod artifact_store;
mod chart_repository;
mod clock;
mod cluster;
mod error;
mod git;
mod notify;
mod null;
mod registry;
mod secret;

pub use artifact_store::ArtifactStore;
pub use chart_repository::ChartRepository;
pub use clock::Clock;
pub use cluster::{
    Cluster, ClusterError, ClusterFault, DeleteOptions, FieldConflicts, ListOptions, ObjectList, ObjectRef,
    Part, Patch, Propagation, ServedKind, Watch, WatchEvent, WriteMode, WriteOptions,
};
pub use error::{Outlook, PortError};
pub use git::{
    Author, Checkout, CommitInfo, FetchRequest, GitReference, GitRemote, MovedReference, PushRequest,
    SignatureError, SignatureProblem, Signer, SigningKey, Verification, VerificationMode,
};
pub use notify::{Notify, Request, Response};
pub use null::Null;
pub use registry::{Blob, ImageManifest, Registry};
pub use secret::Secret;
