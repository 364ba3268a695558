//! The part of libyaml's emitter that both of Go's YAML printers share: what a scalar allows, and how it is written.
//!
//! The printers above decide what is written where; here a scalar becomes bytes, folded at a width, quoted, escaped or
//! laid out as a block, exactly as go-yaml's emitter does it, its oddities included.

mod analysis;
mod writer;

pub(crate) use analysis::{Analysis, Variant, analyze, is_ordinary};
pub(crate) use writer::{Folding, ScalarStyle, Writer};
