//! Picks an image's tag, edits the files that name it, words the commit.
//!
//! Three engines in a row, each of use alone: a [`Policy`] picks one tag of many and explains itself; an [`Updater`]
//! writes what was picked into the values on which a marker stands and leaves every other byte as it was; a
//! [`CommitPlan`] words the commit and says where to push it. Nothing here opens a file, asks a registry or runs git.

mod changes;
mod commit;
mod near;
mod policy;
mod reference;
mod setter;

pub use changes::{Change, Changes, Conflict, ObjectChanges, ObjectId};
pub use commit::{
    Author, CheckoutRef, CommitPlan, CommitSpec, DEFAULT_BRANCH, DEFAULT_MESSAGE, MessageError,
    MessageTemplate, PlanError, SigningFormat, SigningRequest, Subject, SwitchBranch,
};
pub use policy::{
    DigestReflection, DigestStep, Exclusions, Explanation, Order, Policy, PolicyError, TagFilter, Verdict,
};
pub use reference::{DEFAULT_REGISTRY, Part, Reference, ReferenceError};
pub use setter::{
    ChosenImage, ChosenImageError, DuplicatePolicy, Field, Limits, Marker, MarkerProblem, Mode, Policies,
    PolicyName, Problem, Setter, Setters, SkipReason, Skipped, Update, Updater,
};
