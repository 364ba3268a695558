//! Go's text/template with the functions of sprig and Helm.
//!
//! A template is text, parsed once into a tree and rendered any number of times over [`Value`]s. This crate knows nothing
//! of charts and opens nothing: the time, chance and names come through a [`World`].

mod error;
mod function;
mod limits;
mod quote;
mod value;
mod world;

pub use error::{Location, NilPath, ParseError, RenderError};
pub use function::{CallContext, CallError, Function, Functions, Signature, Type};
pub use limits::Limits;
pub use quote::{is_print, quote, quote_ascii, quote_rune, quote_rune_ascii, unquote};
pub use value::{Element, IntKind, List, Map, Object, UintKind, Value};
pub use world::{Hermetic, Refused, Seeded, World};
