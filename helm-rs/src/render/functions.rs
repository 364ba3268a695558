//! The functions that Helm ties to a render: `include`, `tpl`, `required`, `fail`, `lookup` and `getHostByName`.

use std::fmt;
use std::sync::Arc;

use gitops_template::{CallError, Function, Functions, Map, Signature, Type, Value};

use super::engine::Mode;
use super::output::NO_VALUE;
use crate::go::quoted;
use crate::values;

/// What surrounds the message of `fail` and `required` on its way through Go's error texts.
pub(crate) const WARNING_START: &str = "HELM_ERR_START";
/// See [`WARNING_START`].
pub(crate) const WARNING_END: &str = "HELM_ERR_END";

/// Objects that templates can ask for.
pub trait Lookup: Send + Sync + fmt::Debug {
    /// Returns an object, or a list of objects where the name is empty; `None` where there is none.
    ///
    /// # Errors
    /// What went wrong, as text for the template's author.
    fn lookup(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<values::Value>, String>;
}

/// A cluster that holds nothing: what templates see when they are rendered without one.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCluster;

impl Lookup for NoCluster {
    fn lookup(&self, _: &str, _: &str, _: &str, _: &str) -> Result<Option<values::Value>, String> {
        Ok(None)
    }
}

/// Adds Helm's own functions.
pub(crate) fn add(functions: &mut Functions, mode: Mode, cluster: Arc<dyn Lookup>) {
    functions.remove("env");
    functions.remove("expandenv");
    const NAME_AND_DATA: Signature = Signature::new(&[Type::String, Type::Any], Type::String);
    functions.insert(
        "include",
        Function::new(NAME_AND_DATA, |context, arguments| {
            let (name, data) = text_and_value(arguments);
            context.include(name, data)
        }),
    );
    functions.insert(
        "tpl",
        Function::new(NAME_AND_DATA, |context, arguments| {
            let (text, data) = text_and_value(arguments);
            match context.render_text(text, data) {
                Ok(Value::String(text)) if text.contains(NO_VALUE) => {
                    Ok(Value::from(text.replace(NO_VALUE, "")))
                }
                Ok(printed) => Ok(printed),
                Err(error) if error.inner().is_some() => {
                    Err(error.context(format!("error during tpl function execution for {}", quoted(text))))
                }
                Err(error) => Err(error.context(format!("cannot parse template {}", quoted(text)))),
            }
        }),
    );
    functions.insert(
        "required",
        Function::new(Signature::new(&[Type::String, Type::Any], Type::Any), move |_, arguments| {
            let (warning, value) = text_and_value(arguments);
            let is_missing = value.is_nil() || value.as_str() == Some("");
            match mode {
                _ if !is_missing => Ok(value.clone()),
                Mode::Lint => Ok(Value::from("")),
                _ => Err(warned(warning)),
            }
        }),
    );
    functions.insert(
        "fail",
        Function::new(Signature::new(&[Type::String], Type::String), move |_, arguments| {
            let (message, _) = text_and_value(arguments);
            if mode == Mode::Lint { Ok(Value::from("")) } else { Err(warned(message)) }
        }),
    );
    const LOOKUP: Signature =
        Signature::new(&[Type::String, Type::String, Type::String, Type::String], Type::Map);
    functions.insert(
        "lookup",
        Function::new(LOOKUP, move |context, arguments| {
            let text = |index: usize| arguments.get(index).and_then(Value::as_str).unwrap_or_default();
            if mode == Mode::Lint {
                return Ok(Value::Map(Map::new()));
            }
            context.asked();
            match cluster.lookup(text(0), text(1), text(2), text(3)) {
                Ok(Some(object)) => Ok(super::context::to_template(&object)),
                Ok(None) => Ok(Value::Map(Map::new())),
                Err(message) => Err(CallError::new(message)),
            }
        }),
    );
    // Helm answers nothing unless DNS is switched on: a name can carry a value out.
    functions.insert(
        "getHostByName",
        Function::new(Signature::new(&[Type::String], Type::String), |_, _| Ok(Value::from(""))),
    );
}

fn text_and_value(arguments: &[Value]) -> (&str, &Value) {
    const NIL: &Value = &Value::Nil;
    (arguments.first().and_then(Value::as_str).unwrap_or_default(), arguments.get(1).unwrap_or(NIL))
}

fn warned(message: &str) -> CallError {
    CallError::new(format!("{WARNING_START}{message}{WARNING_END}"))
}
