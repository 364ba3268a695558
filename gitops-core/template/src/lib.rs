//! Go's text/template with the functions of sprig and Helm.
//!
//! A template is text, parsed once into a tree and rendered any number of times over [`Value`]s. This crate knows nothing
//! of charts and opens nothing: the time, chance and names come through a [`World`].
//!
//! Output and error texts are those of Go 1.26. Beside Go's text an error tells its [place](RenderError::location), the
//! [chain of includes](RenderError::inner) that led there and where a path of fields [ended](RenderError::dead_end).
//!
//! ```
//! use gitops_template::{Map, Options, Templates, Value, sprig};
//! let mut templates = Templates::new(sprig());
//! templates.parse("_names.tpl", "{{define \"name\"}}{{.app | lower | quote}}{{end}}")?;
//! templates.parse("a.yaml", "name: {{template \"name\" .}}\nports:{{range .ports}}\n- {{.}}{{end}}\n")?;
//! let data: Map = [
//!     ("app", Value::from("Shop")),
//!     ("ports", Value::list(vec![Value::int64(80), Value::int64(443)])),
//! ].into_iter().collect();
//! let output = templates.render("a.yaml", &Value::Map(data.clone()), &Options::default())?;
//! assert_eq!(output.text, "name: \"shop\"\nports:\n- 80\n- 443\n");
//!
//! templates.parse("b.yaml", "{{.app.name}}")?;
//! let error = templates.render("b.yaml", &Value::Map(data), &Options::default()).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "template: b.yaml:1:6: executing \"b.yaml\" at <.app.name>: can't evaluate field name in type interface {}"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Templates come from strangers: [`Limits`] bound what one render does, and no depth of nesting overflows a stack.

mod ast;
mod budget;
mod builtin;
#[cfg(feature = "crypto")]
mod crypto;
mod error;
mod eval;
mod exec;
mod function;
mod functions;
mod lex;
mod limits;
mod memo;
mod named;
mod number;
mod parse;
mod parsed;
mod printf;
mod quote;
mod set;
mod sorted;
mod time;
mod unicode;
mod value;
mod world;

pub use builtin::builtins;
pub use error::{DeadEnd, Location, ParseError, ParseHelp, RenderError};
pub use function::{CallContext, CallError, Function, Functions, Signature, Type};
pub use functions::{is_request_url, sprig};
pub use lex::Delimiters;
pub use limits::Limits;
pub use parsed::ParsedText;
pub use quote::{quote, quote_ascii, quote_rune, quote_rune_ascii, unquote};
pub use set::{MissingKey, Options, Origin, Output, Renderer, Templates, Trace};
pub use unicode::is_print;
pub use value::{Element, IntKind, List, Map, Object, UintKind, Value};
pub use world::{Hermetic, Refused, Seeded, World};
