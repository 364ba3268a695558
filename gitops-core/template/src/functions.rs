//! The functions of sprig and of Helm that need no chart: one family a file.
//!
//! Each family adds its functions to a table, with Go's signatures; `must…` forms and plain ones differ in sprig only in how
//! they fail, and in a template both fail the render.

mod cast;
#[cfg(feature = "crypto")]
mod certificates;
mod checksums;
#[cfg(feature = "crypto")]
mod crypto;
mod dates;
mod defaults;
mod dicts;
mod encoding;
mod equal;
mod json;
mod lists;
mod math;
mod merge;
mod network;
mod path;
mod random;
mod reflection;
mod regex;
mod semver;
mod strings;
mod toml;
mod url;
mod words;

use crate::builtin::builtins;
use crate::function::{CallContext, CallError, Function, Functions, Signature, Type};
use crate::limits::ITEM_BYTES;
use crate::value::Value;
use std::borrow::Cow;
pub use url::is_request_url;

/// Returns Go's, sprig's and Helm's functions, but for those that need a chart (`include`, `tpl`, `required`, `lookup`).
#[must_use]
pub fn sprig() -> Functions {
    let mut functions = builtins();
    for add in [
        strings::add,
        words::add,
        lists::add,
        dicts::add,
        math::add,
        defaults::add,
        reflection::add,
        encoding::add,
        json::add,
        regex::add,
        semver::add,
        path::add,
        network::add,
        random::add,
        dates::add,
        url::add,
        toml::add,
        checksums::add,
        #[cfg(feature = "crypto")]
        crypto::add,
        #[cfg(feature = "crypto")]
        certificates::add,
    ] {
        add(&mut functions);
    }
    functions
}

#[cfg(feature = "crypto")]
pub(crate) use encoding::{base64, from_base64};

type Result<T = Value> = std::result::Result<T, CallError>;

/// A function that needs nothing but its arguments.
fn pure(params: &'static [Type], result: Type, body: fn(&[Value]) -> Result) -> Function {
    Function::new(Signature::new(params, result), move |_, args| body(args))
}

/// A variadic function that needs nothing but its arguments.
fn pure_variadic(params: &'static [Type], result: Type, body: fn(&[Value]) -> Result) -> Function {
    Function::new(Signature::variadic(params, result), move |_, args| body(args))
}

/// A function that changes one of its arguments.
fn changing(signature: Signature, body: fn(&[Value]) -> Result) -> Function {
    Function::new(signature, move |context, args| {
        context.changed();
        context.made(ITEM_BYTES)?;
        body(args)
    })
}

/// A string argument's text; what is no UTF-8 in it is replaced.
fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::RawString(bytes) => String::from_utf8_lossy(bytes),
        _ => Cow::Borrowed(""),
    }
}

/// A string argument's bytes.
fn bytes(value: &Value) -> &[u8] {
    value.as_string_bytes().unwrap_or_default()
}

/// An integer argument.
fn int(value: &Value) -> i64 {
    match value {
        Value::Int(value, _) => *value,
        _ => 0,
    }
}

/// Refuses a result that would be over the limit of the render, before it is made.
fn check_size(context: &dyn CallContext, size: Option<usize>) -> Result<()> {
    within(context.output_limit(), size)
}

/// Returns how many items a list or a map may have.
fn most_items(context: &dyn CallContext) -> usize {
    context.output_limit() / ITEM_BYTES
}

/// Refuses a list or a map of more items than it may have; callers make no more than one too many.
fn check_items(context: &dyn CallContext, count: usize) -> Result<()> {
    let most = most_items(context);
    if count > most {
        return Err(CallError::limit(format!("the result has more than {most} items, the limit")));
    }
    Ok(())
}

/// Refuses a size over a limit.
fn within(limit: usize, size: Option<usize>) -> Result<()> {
    match size {
        Some(size) if size <= limit => Ok(()),
        _ => Err(CallError::new(format!("the result is over the limit of {limit} bytes"))),
    }
}

/// Text as sprig's `strval`: strings as they are, the rest as `%v`.
fn shown(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::RawString(bytes) | Value::Bytes(bytes) => String::from_utf8_lossy(bytes),
        other => Cow::Owned(crate::printf::plain(other)),
    }
}

/// The items of a list argument; `None` for anything else. A nil is refused as Go's reflection panics.
fn items(value: &Value, refusal: &str) -> Result<Vec<Value>> {
    match value {
        Value::List(list) => Ok(list.to_vec()),
        Value::Bytes(bytes) => {
            let byte = |b: &u8| Value::Uint(u64::from(*b), crate::value::UintKind::Uint8);
            Ok(bytes.iter().map(byte).collect())
        }
        Value::Missing | Value::Nil => {
            Err(CallError::new("runtime error: invalid memory address or nil pointer dereference"))
        }
        Value::Object(object) => match object.plain() {
            Some(plain @ (Value::List(_) | Value::Bytes(_))) => items(&plain, refusal),
            _ => Err(CallError::new(format!("{refusal} {}", value.kind_name()))),
        },
        other => Err(CallError::new(format!("{refusal} {}", other.kind_name()))),
    }
}
