//! Edits the values of files on which a marker stands: `image: app:1.0 # {"$imagepolicy": "flux-system:app"}`.

mod flux;
mod list;
mod marker;
mod policies;
mod report;
mod scan;
mod update;

pub use list::{Setter, Setters};
pub use marker::{Field, Marker, MarkerProblem};
pub use policies::{ChosenImage, ChosenImageError, DuplicatePolicy, Policies, PolicyName};
pub use report::{Problem, SkipReason, Skipped};
pub use update::{Limits, Mode, Update, Updater};
