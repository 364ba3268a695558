//! The printers: sorted as `kustomize build` and Helm's `toYaml` print, node by node as yaml.v3 does, and as kyaml
//! writes files back.

mod order;
mod sigs;

pub(crate) use order::sort_by_order;
pub use order::{key_less, key_order};
pub use sigs::{SigsPrinter, print_sigs};
