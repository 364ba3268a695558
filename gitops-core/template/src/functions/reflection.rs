//! Types and kinds by name.

use super::equal::deep_equal;
use super::{pure, text};
use crate::function::{Function, Functions, Signature, Type};
use crate::value::Value;

const NAMED: &[Type] = &[Type::String, Type::Any];

pub(super) fn add(functions: &mut Functions) {
    functions.insert(
        "typeOf",
        pure(&[Type::Any], Type::String, |args| Ok(args[0].type_name().into_owned().into())),
    );
    functions.insert("kindOf", pure(&[Type::Any], Type::String, |args| Ok(args[0].kind_name().into())));
    functions.insert(
        "typeIs",
        pure(NAMED, Type::Bool, |args| Ok(Value::Bool(text(&args[0]) == args[1].type_name()))),
    );
    functions.insert(
        "typeIsLike",
        pure(NAMED, Type::Bool, |args| {
            let (wanted, found) = (text(&args[0]), args[1].type_name());
            Ok(Value::Bool(wanted == found || found.strip_prefix('*') == Some(&wanted)))
        }),
    );
    functions.insert(
        "kindIs",
        pure(NAMED, Type::Bool, |args| Ok(Value::Bool(text(&args[0]) == args[1].kind_name()))),
    );
    functions.insert(
        "deepEqual",
        Function::new(Signature::new(&[Type::Any, Type::Any], Type::Bool), |context, args| {
            Ok(Value::Bool(deep_equal(context, &args[0], &args[1])?))
        }),
    );
}
