//! Defaults and choices.

use super::{pure, pure_variadic};
use crate::function::{Functions, Type};
use crate::value::Value;

pub(super) fn add(functions: &mut Functions) {
    functions.insert(
        "default",
        pure_variadic(&[Type::Any, Type::Any], Type::Any, |args| {
            let given = args.get(1).filter(|given| given.truth());
            Ok(given.unwrap_or(&args[0]).clone())
        }),
    );
    functions.insert("empty", pure(&[Type::Any], Type::Bool, |args| Ok(Value::Bool(!args[0].truth()))));
    functions.insert(
        "coalesce",
        pure_variadic(&[Type::Any], Type::Any, |args| {
            Ok(args.iter().find(|value| value.truth()).cloned().unwrap_or(Value::Nil))
        }),
    );
    functions.insert(
        "all",
        pure_variadic(&[Type::Any], Type::Bool, |args| Ok(Value::Bool(args.iter().all(Value::truth)))),
    );
    functions.insert(
        "any",
        pure_variadic(&[Type::Any], Type::Bool, |args| Ok(Value::Bool(args.iter().any(Value::truth)))),
    );
    functions.insert(
        "ternary",
        pure(&[Type::Any, Type::Any, Type::Bool], Type::Any, |args| {
            Ok(args[usize::from(!args[2].truth())].clone())
        }),
    );
}
