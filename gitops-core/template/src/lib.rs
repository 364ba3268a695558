//! Go's text/template with the functions of sprig and Helm.
//!
//! A template is text, parsed once into a tree and rendered any number of times over [`Value`]s. This crate knows nothing
//! of charts and opens nothing: the time, chance and names come through a [`World`].

mod ast;
mod builtin;
mod error;
mod eval;
mod exec;
mod function;
mod functions;
mod lex;
mod limits;
mod number;
mod parse;
mod printf;
mod quote;
mod set;
mod time;
mod value;
mod world;

pub use builtin::builtins;
pub use error::{Location, NilPath, ParseError, RenderError};
pub use function::{CallContext, CallError, Function, Functions, Signature, Type};
pub use functions::sprig;
pub use lex::Delimiters;
pub use limits::Limits;
pub use quote::{is_print, quote, quote_ascii, quote_rune, quote_rune_ascii, unquote};
pub use set::{MissingKey, Options, Origin, Output, Templates, Trace};
pub use value::{Element, IntKind, List, Map, Object, UintKind, Value};
pub use world::{Hermetic, Refused, Seeded, World};
