//! How ready an object is, as kstatus and Flux tell it from its status.
//!
//! ```
//! use gitops_core::health::{State, status};
//! use gitops_yaml::{FileId, ReadOptions, read_document};
//! let text = b"{apiVersion: v1, kind: PersistentVolumeClaim, status: {phase: Pending}}";
//! let claim = read_document(text, FileId::NONE, &ReadOptions::v3()).unwrap().unwrap().root;
//! let health = status(&claim);
//! assert_eq!((health.state, health.message.as_str()), (State::InProgress, "PVC is not Bound. phase: Pending"));
//! ```

mod builtin;
mod condition;
mod custom;
mod state;

pub use condition::{condition, is_ready};
pub use custom::{CustomHealth, Expression, ExpressionError};
pub use state::{Health, SCHEDULE_WINDOW, State, status, status_at};
