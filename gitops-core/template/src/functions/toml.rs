//! TOML, written and read as BurntSushi's library does it, which Helm uses.

mod read;
mod write;

use super::{bytes, text};
use crate::function::{CallContext, CallError, Function, Functions, Signature, Type};
use crate::limits::ITEM_BYTES;
use crate::value::{Map, Value};

const WRITE: Signature = Signature::new(&[Type::Any], Type::String);

pub(super) fn add(functions: &mut Functions) {
    functions.insert(
        "toToml",
        Function::new(WRITE, |context, args| match write::write(&args[0], context.output_limit()) {
            // Only what reflection itself refuses ends the render.
            Err(write::Refusal::Value(error)) => Ok(error.into()),
            Err(other) => Err(ended(&other, context)),
            Ok(text) => Ok(text.into()),
        }),
    );
    functions.insert(
        "mustToToml",
        Function::new(WRITE, |context, args| match write::write(&args[0], context.output_limit()) {
            Err(write::Refusal::Value(error)) => Err(CallError::new(error)),
            Err(other) => Err(ended(&other, context)),
            Ok(text) => Ok(text.into()),
        }),
    );
    functions.insert(
        "fromToml",
        Function::new(Signature::new(&[Type::String], Type::Map), |context, args| {
            context.made(bytes(&args[0]).len() / 2 * ITEM_BYTES)?;
            Ok(match read::read(&text(&args[0])) {
                Ok(map) => map.into(),
                Err(error) => [("Error", Value::from(error))].into_iter().collect::<Map>().into(),
            })
        }),
    );
}

/// What ends the render.
fn ended(refusal: &write::Refusal, context: &dyn CallContext) -> CallError {
    match refusal {
        write::Refusal::Size => {
            CallError::limit(format!("the text is over the limit of {} bytes", context.output_limit()))
        }
        _ => CallError::new("reflect: call of reflect.Value.Type on zero Value"),
    }
}
