//! Ways to change one document by another: strategic merge, JSON patch, JSON merge patch, three-way merge.
//!
//! All of them work on nodes in place. What a patch brings keeps the place where the patch wrote it, so that a caller can
//! say of every field which file set it.

mod associative;
mod directive;
mod error;
mod json_form;
mod json_patch;
mod merge_patch;
mod strategic;
mod three_way;

pub use error::MergeError;
pub use json_patch::JsonPatch;
pub use merge_patch::merge_patch;
pub use strategic::{Merged, strategic_merge};
pub use three_way::three_way_merge;

use gitops_yaml::Node;

/// Returns a scalar's text; that of collections is empty.
fn text(node: &Node) -> &str {
    node.as_str().unwrap_or_default()
}
