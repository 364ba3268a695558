//! Files without a disk: what an engine reads, and a tree that holds it in memory.
//!
//! Engines take a [`Source`]; [`MemTree`] is one, filled from an archive, a commit or a test. Paths are text with
//! forward slashes, seen from the tree's root: `apps/web/kustomization.yaml`; a leading slash changes nothing, the root
//! itself is `.`. No path and no symbolic link leads out of the tree.

mod error;
mod ignore;
mod mem;
mod path;
mod source;

pub use error::{ErrorKind, TreeError};
pub use ignore::{IGNORE_FILE, IgnoreRules};
pub use mem::{FileMode, Limits, MemTree};
pub use path::{base_name, clean, join, parent};
pub use source::{EntryKind, Source};
