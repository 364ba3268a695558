//! TOML, written and read as BurntSushi's library does it, which Helm uses.

mod read;
mod write;

use super::{pure, text};
use crate::function::{CallError, Functions, Type};
use crate::value::{Map, Value};

pub(super) fn add(functions: &mut Functions) {
    functions.insert(
        "toToml",
        pure(&[Type::Any], Type::String, |args| match write::write(&args[0]) {
            // Only what reflection itself refuses ends the render.
            Err(write::Refusal::Value(error)) => Ok(error.into()),
            Err(write::Refusal::Nil) => Err(nil()),
            Ok(text) => Ok(text.into()),
        }),
    );
    functions.insert(
        "mustToToml",
        pure(&[Type::Any], Type::String, |args| match write::write(&args[0]) {
            Err(write::Refusal::Value(error)) => Err(CallError::new(error)),
            Err(write::Refusal::Nil) => Err(nil()),
            Ok(text) => Ok(text.into()),
        }),
    );
    functions.insert(
        "fromToml",
        pure(&[Type::String], Type::Map, |args| {
            Ok(match read::read(&text(&args[0])) {
                Ok(map) => map.into(),
                Err(error) => [("Error", Value::from(error))].into_iter().collect::<Map>().into(),
            })
        }),
    );
}

fn nil() -> CallError {
    CallError::new("reflect: call of reflect.Value.Type on zero Value")
}
