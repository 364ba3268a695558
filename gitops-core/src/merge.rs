//! Ways to change one document by another: strategic merge, JSON patch, JSON merge patch, three-way merge.
//!
//! All of them work on nodes in place. What a patch brings keeps the place where the patch wrote it, so that a caller can
//! say of every field which file set it.

mod associative;
mod directive;
mod error;
mod strategic;

pub use error::MergeError;
pub use strategic::{Merged, strategic_merge};

use gitops_yaml::{Data, Node, Style, Tag};

/// Returns whether a node is a null, written in any way.
fn is_null(node: &Node) -> bool {
    let Data::Scalar(text) = &node.data else { return false };
    match node.tag {
        Tag::Null => true,
        Tag::Implicit => {
            matches!(node.style, Style::Default | Style::Flow)
                && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
        }
        _ => false,
    }
}

/// Returns a scalar's text; that of collections is empty.
fn text(node: &Node) -> &str {
    node.as_str().unwrap_or_default()
}
