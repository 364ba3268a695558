//! The printers: sorted as `kustomize build` and Helm's `toYaml` print, node by node as yaml.v3 does, and as kyaml
//! writes files back.

mod kyaml;
mod order;
mod pretty;
mod scalar;
mod sigs;
mod v3;

pub use kyaml::{KyamlDocument, print_kyaml, read_kyaml};
pub(crate) use order::sort_by_order;
pub use order::{key_less, key_order, pretty_key_order, sort_keys};
pub use pretty::PrettyPrinter;
pub use sigs::{SigsPrinter, append_sigs, print_sigs};
pub use v3::{PrintOptions, SequenceIndent, print_documents, print_v3};
