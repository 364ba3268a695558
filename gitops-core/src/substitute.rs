//! Replaces `${variables}` in objects as Flux does after a build.
//!
//! The syntax is that of Flux's own substitution, with its peculiarities: `${v}`, `${v:=default}`, `${v/old/new}`,
//! `${v#prefix}`, `${v:1:2}`, `${v^^}`, `${#v}`; `$$` is a dollar sign, and `$v` and `$(v)` stay as they are.
//!
//! ```
//! use gitops_core::substitute::{Strictness, Variables};
//! let variables: Variables = [("region", "eu")].into_iter().collect();
//! let text = variables.replace_in("host: ${name:=app}.${region^^}.example $${kept}", Strictness::Strict).unwrap();
//! assert_eq!(text, "host: app.EU.example ${kept}");
//! ```

mod eval;
mod glob;
mod parse;
mod variables;

pub use variables::{Strictness, SubstituteError, Variables, is_disabled};
