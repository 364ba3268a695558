//! Go's own functions: printing, comparing, indexing, escaping.
//!
//! The rules and the words of refusals are those of Go's `text/template/funcs.go`.

mod compare;
mod escape;
mod index;

use crate::function::{CallContext, CallError, Function, Functions, Signature, Type};
use crate::printf;
use crate::value::Value;

const ONE: &[Type] = &[Type::Reflect];
const TWO: &[Type] = &[Type::Reflect, Type::Reflect];
const ANY: &[Type] = &[Type::Any];

/// Returns Go's own functions, but for `and` and `or`, which are part of the engine.
///
/// ```
/// use gitops_template::{Options, Templates, Value, builtins};
/// let mut templates = Templates::new(builtins());
/// templates.parse("t", "{{printf \"%05.1f|%q\" 3.14159 \"a\\tb\"}} {{len .}} {{index . 1}} {{lt 1 2}}")?;
/// let data = Value::list(vec![Value::from("x"), Value::from("y")]);
/// assert_eq!(templates.render("t", &data, &Options::default())?.text, "003.1|\"a\\tb\" 2 y true");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn builtins() -> Functions {
    let mut all = Functions::default();
    let mut add = |name, signature, body: Body| all.insert(name, Function::new(signature, body));
    add("not", Signature::new(ONE, Type::Bool), |_, args| Ok(Value::Bool(!args[0].truth())));
    add("len", Signature::new(ONE, Type::Int), |_, args| index::len(&args[0]));
    add("index", Signature::variadic(TWO, Type::Reflect), |_, args| index::index(args));
    add("slice", Signature::variadic(TWO, Type::Reflect), index::slice);
    add("call", Signature::variadic(TWO, Type::Reflect), call);
    add("print", Signature::variadic(ANY, Type::String), |context, args| {
        printed(context, |most| printf::sprint(args, most))
    });
    add("println", Signature::variadic(ANY, Type::String), |context, args| {
        printed(context, |most| printf::sprintln(args, most))
    });
    add("printf", Signature::variadic(&[Type::String, Type::Any], Type::String), |context, args| {
        let format = args[0].as_string_bytes().unwrap_or_default();
        printed(context, |most| printf::sprintf(format, &args[1..], most))
    });
    add("html", Signature::variadic(ANY, Type::String), |context, args| {
        printed(context, |most| escape::html(&escape::text(args, most)))
    });
    add("js", Signature::variadic(ANY, Type::String), |context, args| {
        printed(context, |most| escape::js(&escape::text(args, most)))
    });
    add("urlquery", Signature::variadic(ANY, Type::String), |context, args| {
        printed(context, |most| escape::url_query(&escape::text(args, most)))
    });
    add("eq", Signature::variadic(TWO, Type::Bool), |_, args| Ok(Value::Bool(compare::eq(args)?)));
    add("ne", Signature::new(TWO, Type::Bool), |_, args| Ok(Value::Bool(!compare::eq(args)?)));
    add("lt", Signature::new(TWO, Type::Bool), |_, args| Ok(Value::Bool(compare::lt(args)?)));
    add("le", Signature::new(TWO, Type::Bool), |_, args| Ok(Value::Bool(compare::le(args)?)));
    add("gt", Signature::new(TWO, Type::Bool), |_, args| Ok(Value::Bool(!compare::le(args)?)));
    add("ge", Signature::new(TWO, Type::Bool), |_, args| Ok(Value::Bool(!compare::lt(args)?)));
    all
}

type Body = fn(&mut dyn CallContext, &[Value]) -> Result<Value, CallError>;

/// Makes a string of what was printed, unless it reached the limit.
fn printed(context: &mut dyn CallContext, print: impl FnOnce(usize) -> Vec<u8>) -> Result<Value, CallError> {
    let most = context.output_limit();
    let bytes = print(most);
    if bytes.len() > most {
        return Err(CallError::limit(format!("the text is over the limit of {most} bytes")));
    }
    // A long text is work.
    context.step(bytes.len() / 256)?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Value::from(text),
        Err(error) => Value::RawString(error.as_bytes().into()),
    })
}

/// `call`, where it is used as a value; written as a call, the engine words its errors.
fn call(context: &mut dyn CallContext, args: &[Value]) -> Result<Value, CallError> {
    match &args[0] {
        Value::Missing | Value::Nil => Err("call of nil".into()),
        Value::Func(function) => context.call(function, &args[1..]),
        other => Err(format!("non-function of type {}", other.type_name()).into()),
    }
}
