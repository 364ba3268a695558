//! Evaluates commands, fields and calls: the half of Go's `exec.go` that computes values.

use crate::ast::{Arg, ArgKind, Callee, Command, Part, Pos, RED_ZONE, STACK, Span, Tree};
use crate::error::{DeadEnd, RenderError};
use crate::exec::{Frame, Machine, Operand, Run, refused};
use crate::function::{CallError, Function, Signature, Type};
use crate::number::Number;
use crate::quote::quote;
use crate::set::MissingKey;
use crate::time::duration_method;
use crate::value::{Element, IntKind, UintKind, Value};
use std::sync::Arc;

const AND_OR: Signature = Signature::variadic(&[Type::Reflect, Type::Reflect], Type::Reflect);
const CALL: Signature = Signature::variadic(&[Type::Reflect, Type::Reflect], Type::Reflect);

/// A call as it is written: the words after the name, and what the pipeline brings.
struct Words<'t> {
    node: Part<'t>,
    args: &'t [Arg],
    last: Option<Operand>,
}

/// What became of a command at the end of a pipeline.
pub(crate) enum Printed {
    Yes,
    /// It has to be evaluated, with what the pipeline brings.
    No(Option<Operand>),
}

impl Words<'_> {
    fn any(&self) -> bool {
        !self.args.is_empty() || self.last.is_some()
    }
}

impl Machine<'_> {
    pub(crate) fn command<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        command: &'t Command,
        last: Option<Operand>,
    ) -> Run<Operand> {
        let (first, args) =
            frame.tree.args(command).split_first().expect("the parser refuses empty commands");
        match &first.kind {
            ArgKind::Field(_) | ArgKind::Chain { .. } | ArgKind::Variable { .. } => {
                self.operand_with(frame, dot, first, Words { node: Part::Arg(first), args, last })
            }
            ArgKind::Function(id) => {
                frame.at = Some(Part::Arg(first));
                let (name, function) = frame.tree.function(*id);
                self.function(frame, dot, name, function, Words { node: Part::Command(command), args, last })
            }
            ArgKind::Pipe(pipe) => {
                not_a_function(frame, first, args, last.as_ref())?;
                stacker::maybe_grow(RED_ZONE, STACK, || self.pipeline(frame, dot, *pipe))
            }
            kind => {
                frame.at = Some(Part::Arg(first));
                not_a_function(frame, first, args, last.as_ref())?;
                match kind {
                    ArgKind::Nil => Err(frame.error("nil is not a command")),
                    ArgKind::Dot => Ok(dot.clone()),
                    _ => literal(frame, first).map(Operand::of),
                }
            }
        }
    }

    /// A field, chain or variable, called with what follows it.
    fn operand_with<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        arg: &'t Arg,
        words: Words<'t>,
    ) -> Run<Operand> {
        frame.at = Some(Part::Arg(arg));
        match &arg.kind {
            ArgKind::Field(fields) => self.fields(frame, dot, dot.clone(), "", *fields, words),
            ArgKind::Variable { variable, fields } => {
                let variable = frame.tree.variable(*variable);
                let name = frame.tree.text(variable.name);
                let known =
                    variable.slot.and_then(|slot| frame.variables.get(slot as usize).cloned().flatten());
                let Some(value) = known else {
                    return Err(frame.error(format!("undefined variable: {name}")));
                };
                if fields.is_empty() {
                    not_a_function(frame, arg, words.args, words.last.as_ref())?;
                    return Ok(value);
                }
                self.fields(frame, dot, value, name, *fields, words)
            }
            ArgKind::Chain { base, fields } => {
                let base = frame.tree.base(*base);
                if matches!(base.kind, ArgKind::Nil) {
                    let shown = frame.tree.show(Part::Arg(arg));
                    return Err(frame.error(format!("indirection through explicit nil in {shown}")));
                }
                let value = self.untyped(frame, dot, base)?;
                self.fields(frame, dot, value, "(…)", *fields, words)
            }
            _ => self.untyped(frame, dot, arg),
        }
    }

    /// An argument before its type is checked.
    fn untyped<'t>(&mut self, frame: &mut Frame<'t>, dot: &Operand, arg: &'t Arg) -> Run<Operand> {
        frame.at = Some(Part::Arg(arg));
        let words = Words { node: Part::Arg(arg), args: &[], last: None };
        match &arg.kind {
            ArgKind::Dot => Ok(dot.clone()),
            ArgKind::Pipe(pipe) => stacker::maybe_grow(RED_ZONE, STACK, || self.pipeline(frame, dot, *pipe)),
            ArgKind::Function(id) => {
                let (name, function) = frame.tree.function(*id);
                self.function(frame, dot, name, function, words)
            }
            ArgKind::Field(_) | ArgKind::Variable { .. } | ArgKind::Chain { .. } => {
                self.operand_with(frame, dot, arg, words)
            }
            _ => literal(frame, arg).map(Operand::of),
        }
    }

    /// Follows fields from a value; the last one may be a method with arguments.
    fn fields<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        mut value: Operand,
        base: &str,
        fields: Span,
        words: Words<'t>,
    ) -> Run<Operand> {
        let tree = frame.tree;
        let fields = tree.fields(fields);
        let Some((last, path)) = fields.split_last() else { return Ok(value) };
        let missing_key = self.templates().missing_key;
        let mut parent: Option<Value> = None;
        for (i, name) in path.iter().enumerate() {
            let name = tree.text(*name);
            let trail = Trail { tree, base, fields, at: i, parent: parent.as_ref() };
            let next = if let Value::Map(map) = &value.value {
                self.entry(frame, map, name, missing_key).map_err(|error| trail.past(error, &value))?
            } else {
                let none = Words { node: words.node, args: &[], last: None };
                self.field(frame, dot, &value, name, none, &trail)?
            };
            parent = Some(std::mem::replace(&mut value, next).value);
        }
        let trail = Trail { tree, base, fields, at: path.len(), parent: parent.as_ref() };
        match &value.value {
            Value::Map(map) if !words.any() => {
                let found = self.entry(frame, map, tree.text(*last), missing_key);
                found.map_err(|error| trail.past(error, &value))
            }
            _ => self.field(frame, dot, &value, tree.text(*last), words, &trail),
        }
    }

    fn field<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        receiver: &Operand,
        name: &'t str,
        words: Words<'t>,
        trail: &Trail<'_>,
    ) -> Run<Operand> {
        let missing_key = self.templates().missing_key;
        match &receiver.value {
            Value::Missing if missing_key == MissingKey::Error => {
                Err(frame
                    .dead_end(format!("nil data; no entry for key {}", quote(name)), trail.end(receiver)))
            }
            Value::Missing => Ok(Operand::of(Value::Missing)),
            Value::Nil => {
                let message = format!("nil pointer evaluating interface {{}}.{name}");
                Err(frame.dead_end(message, trail.end(receiver)))
            }
            Value::Map(map) => {
                if words.any() {
                    return Err(frame.error(format!("{name} is not a method but has arguments")));
                }
                self.entry(frame, map, name, missing_key).map_err(|error| trail.past(error, receiver))
            }
            Value::Object(object) => {
                if let Some(method) = object.method(name) {
                    return self.call(frame, dot, name, &method, words);
                }
                if let Some(value) = object.field(name) {
                    if words.any() {
                        return Err(
                            frame.error(format!("{name} has arguments but cannot be invoked as function"))
                        );
                    }
                    return Ok(Operand::of(value));
                }
                self.tick(frame, object.made_entries())?;
                let plain = if object.as_map().is_none() { object.plain() } else { None };
                let plain = if let Some(Value::Map(map)) = &plain { Some(map) } else { object.as_map() };
                if let Some(map) = plain {
                    if words.any() {
                        return Err(frame.error(format!("{name} is not a method but has arguments")));
                    }
                    let found = self.entry(frame, map, name, missing_key);
                    return found.map_err(|error| trail.past(error, receiver));
                }
                Err(no_field(frame, receiver, name, trail))
            }
            Value::Int(value, IntKind::Duration) => match duration_method(*value, name) {
                Some(method) => self.call(frame, dot, name, &Arc::new(method), words),
                None => Err(no_field(frame, receiver, name, trail)),
            },
            _ => Err(no_field(frame, receiver, name, trail)),
        }
    }

    /// Looks a key up in a map.
    fn entry(
        &self,
        frame: &Frame<'_>,
        map: &crate::value::Map,
        name: &str,
        missing_key: MissingKey,
    ) -> Run<Operand> {
        let is_interface = map.element() == Element::Any;
        if let Some(value) = map.get(name) {
            return Ok(Operand { value, is_interface });
        }
        match missing_key {
            MissingKey::Default => Ok(Operand::of(Value::Missing)),
            MissingKey::Zero => Ok(Operand { value: map.element().zero(), is_interface }),
            MissingKey::Error => Err(frame.error(format!("map has no entry for key {}", quote(name)))),
        }
    }

    fn function<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        name: &'t str,
        callee: &'t Callee,
        words: Words<'t>,
    ) -> Run<Operand> {
        match callee {
            Callee::Plain(function) => self.call(frame, dot, name, function, words),
            Callee::And | Callee::Or => {
                check_count(frame, name, AND_OR, &words)?;
                let stop_at = matches!(callee, Callee::Or);
                let mut value = Operand::of(Value::Missing);
                for arg in words.args {
                    value = self.argument(frame, dot, arg, Type::Reflect)?;
                    if truth(&value) == stop_at {
                        return Ok(value);
                    }
                }
                Ok(words.last.unwrap_or(value))
            }
            Callee::Call => self.call_value(frame, dot, name, words),
        }
    }

    /// Checks and evaluates the arguments, and calls.
    fn call<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        name: &str,
        function: &Function,
        words: Words<'t>,
    ) -> Run<Operand> {
        let node = words.node;
        let arguments = self.arguments(frame, dot, name, function.signature(), words)?;
        let result = self.invoke(frame, node, name, function, &arguments);
        self.take_back(arguments);
        result
    }

    /// Prints a command's result as its function does, if it has a way of its own; else gives back what the pipeline
    /// brings.
    pub(crate) fn print_call<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        command: &'t Command,
        last: Option<Operand>,
        pos: Pos,
    ) -> Run<Printed> {
        let Some((first, args)) = frame.tree.args(command).split_first() else {
            return Ok(Printed::No(last));
        };
        let ArgKind::Function(id) = first.kind else { return Ok(Printed::No(last)) };
        let (name, Callee::Plain(function)) = frame.tree.function(id) else { return Ok(Printed::No(last)) };
        let Some(print) = function.print() else { return Ok(Printed::No(last)) };
        frame.at = Some(Part::Arg(first));
        let node = Part::Command(command);
        let arguments = self.arguments(frame, dot, name, function.signature(), Words { node, args, last })?;
        let printed = self.print_by(frame, print, &arguments, pos)?;
        self.take_back(arguments);
        match printed {
            Ok(()) => Ok(Printed::Yes),
            Err(refusal) => Err(refused(frame, node, name, refusal)),
        }
    }

    /// Keeps the room of arguments for other calls.
    fn take_back(&mut self, mut arguments: Vec<Value>) {
        arguments.clear();
        self.spare.push(arguments);
    }

    /// Checks and evaluates the arguments of a call.
    fn arguments<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        name: &str,
        signature: Signature,
        words: Words<'t>,
    ) -> Run<Vec<Value>> {
        check_count(frame, name, signature, &words)?;
        let mut arguments = self.spare.pop().unwrap_or_default();
        let mut interfaces = 0_u64;
        for (i, arg) in words.args.iter().enumerate() {
            let operand = self.argument(frame, dot, arg, param(signature, i))?;
            interfaces |= u64::from(operand.is_interface && i < 64) << (i % 64);
            arguments.push(operand.value);
        }
        if let Some(last) = words.last {
            let kind = param(signature, arguments.len());
            arguments.push(checked(frame, last, kind)?.value);
        }
        self.interfaces = interfaces;
        Ok(arguments)
    }

    /// Go's `call`: the first argument is the function.
    fn call_value<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        name: &str,
        words: Words<'t>,
    ) -> Run<Operand> {
        check_count(frame, name, CALL, &words)?;
        let shown = match words.args.first() {
            Some(arg) => frame.tree.show(Part::Arg(arg)),
            None => words.last.as_ref().map_or(String::new(), |last| match &last.value {
                Value::String(text) => text.to_string(),
                value => format!("<{} Value>", value.type_name()),
            }),
        };
        let mut arguments = Vec::with_capacity(words.args.len() + 1);
        for arg in words.args {
            arguments.push(self.argument(frame, dot, arg, Type::Reflect)?.value);
        }
        arguments.extend(words.last.map(|last| last.value));
        let called = arguments.remove(0);
        let refused = |frame: &mut Frame<'t>, message: String| {
            frame.at = Some(words.node);
            Err(frame.error(format!("error calling {name}: {message}")))
        };
        match &called {
            Value::Missing | Value::Nil => refused(frame, "call of nil".to_owned()),
            Value::Func(function) => match check_call(&shown, function, &arguments) {
                Ok(()) => self.invoke(frame, words.node, name, function, &arguments),
                Err(error) => refused(frame, error.to_string()),
            },
            other => refused(frame, format!("non-function {shown} of type {}", other.type_name())),
        }
    }

    /// Evaluates an argument for a parameter of a type.
    fn argument<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        arg: &'t Arg,
        kind: Type,
    ) -> Run<Operand> {
        frame.at = Some(Part::Arg(arg));
        match &arg.kind {
            ArgKind::Nil if kind == Type::Reflect => Ok(Operand::of(Value::Missing)),
            ArgKind::Nil if kind.can_be_nil() => Ok(Operand::interface(Value::Nil)),
            ArgKind::Nil => Err(frame.error(format!("cannot assign nil to {}", kind.name()))),
            ArgKind::Bool(_) | ArgKind::Number(_) | ArgKind::String(_) => {
                typed_literal(frame, arg, kind).map(Operand::of)
            }
            _ => {
                let value = self.untyped(frame, dot, arg)?;
                checked(frame, value, kind)
            }
        }
    }
}

/// Makes an error about a field of what has none.
#[cold]
fn no_field(frame: &Frame<'_>, receiver: &Operand, name: &str, trail: &Trail<'_>) -> Box<RenderError> {
    let message = format!("can't evaluate field {name} in type {}", receiver.type_name());
    frame.dead_end(message, trail.end(receiver))
}

/// Where a chain of fields has got to, for an error about its end.
struct Trail<'a> {
    tree: &'a Tree,
    base: &'a str,
    fields: &'a [Span],
    at: usize,
    parent: Option<&'a Value>,
}

impl Trail<'_> {
    /// The path ends here, at what has no fields.
    fn end(&self, at: &Operand) -> DeadEnd {
        let found = if at.value.is_nil() { "nil".to_owned() } else { at.value.type_name().into_owned() };
        self.dead_end(self.at, found, self.parent)
    }

    /// The path ends behind this value, which has no such key.
    #[cold]
    fn past(&self, mut error: Box<RenderError>, at: &Operand) -> Box<RenderError> {
        error.dead_end = Some(self.dead_end(self.at + 1, "nil".to_owned(), Some(&at.value)));
        error
    }

    fn dead_end(&self, end: usize, found: String, holder: Option<&Value>) -> DeadEnd {
        let join = |fields: &[Span]| {
            let mut path = self.base.to_owned();
            for field in fields {
                path.push('.');
                path.push_str(self.tree.text(*field));
            }
            if path.is_empty() { ".".to_owned() } else { path }
        };
        let siblings = holder.and_then(Value::as_map).map(|map| map.keys()).unwrap_or_default();
        DeadEnd { path: join(self.fields), end: join(&self.fields[..end]), found, siblings }
    }
}

fn truth(operand: &Operand) -> bool {
    operand.value.truth()
}

/// The type of the parameter at an index; a variadic one's last type repeats.
fn param(signature: Signature, index: usize) -> Type {
    signature.params.get(index).or(signature.params.last()).copied().unwrap_or(Type::Any)
}

fn check_count(frame: &Frame<'_>, name: &str, signature: Signature, words: &Words<'_>) -> Run<()> {
    let written = words.args.len();
    let given = written + usize::from(words.last.is_some());
    let known = signature.params.len();
    if signature.variadic {
        if given < known - 1 {
            let least = known - 1;
            return Err(
                frame.error(format!("wrong number of args for {name}: want at least {least} got {written}"))
            );
        }
    } else if given != known {
        return Err(frame.error(format!("wrong number of args for {name}: want {known} got {given}")));
    }
    Ok(())
}

/// Checks the arguments of a function value, in the words of Go's `call`.
pub(crate) fn check_call(name: &str, function: &Function, arguments: &[Value]) -> Result<(), CallError> {
    let signature = function.signature();
    let (known, given) = (signature.params.len(), arguments.len());
    if signature.variadic && given + 1 < known {
        let least = known - 1;
        return Err(format!("wrong number of args for {name}: got {given} want at least {least}").into());
    }
    if !signature.variadic && given != known {
        return Err(format!("wrong number of args for {name}: got {given} want {known}").into());
    }
    for (i, argument) in arguments.iter().enumerate() {
        let kind = param(signature, i);
        if argument.is_nil() {
            if !kind.can_be_nil() {
                return Err(format!("arg {i}: value is nil; should be of type {}", kind.name()).into());
            }
        } else if !kind.accepts(argument) {
            let found = argument.type_name();
            return Err(format!("arg {i}: value has type {found}; should be {}", kind.name()).into());
        }
    }
    Ok(())
}

fn not_a_function(frame: &Frame<'_>, first: &Arg, args: &[Arg], last: Option<&Operand>) -> Run<()> {
    if !args.is_empty() || last.is_some() {
        let shown = frame.tree.show(Part::Arg(first));
        return Err(frame.error(format!("can't give argument to non-function {shown}")));
    }
    Ok(())
}

/// Checks a value against a parameter's type.
fn checked(frame: &Frame<'_>, operand: Operand, kind: Type) -> Run<Operand> {
    match &operand.value {
        Value::Missing if kind == Type::Reflect => Ok(operand),
        Value::Missing if kind.can_be_nil() => Ok(Operand::interface(Value::Nil)),
        Value::Missing => Err(frame.error(format!("invalid value; expected {}", kind.name()))),
        Value::Nil if matches!(kind, Type::Any | Type::Reflect) => Ok(operand),
        value if !matches!(value, Value::Nil) && kind.accepts(value) => match (kind, value) {
            (Type::Map, Value::Object(object)) => Ok(Operand::of(object.plain().unwrap_or(Value::Nil))),
            _ => Ok(operand),
        },
        value => {
            let found = if matches!(value, Value::Nil) { "interface {}".into() } else { value.type_name() };
            Err(frame.error(format!("wrong type for value; expected {}; got {found}", kind.name())))
        }
    }
}

/// A literal with the type that Go gives it of itself.
fn literal(frame: &Frame<'_>, arg: &Arg) -> Run<Value> {
    match &arg.kind {
        ArgKind::Bool(value) => Ok(Value::Bool(*value)),
        ArgKind::String(id) => Ok(frame.tree.literal(*id).value.clone()),
        ArgKind::Number(id) => ideal(frame, frame.tree.number(*id)),
        _ => {
            let shown = frame.tree.show(Part::Arg(arg));
            Err(frame.error(format!("can't evaluate command {}", quote(&shown))))
        }
    }
}

/// A number literal's own type: a complex one, a float where it is written like one, an int.
fn ideal(frame: &Frame<'_>, number: &Number) -> Run<Value> {
    if let Some((real, imaginary)) = number.complex {
        return Ok(Value::Complex(real, imaginary));
    }
    let looks_like_float =
        !number.is_hex() && !number.is_rune() && number.text.contains(['.', 'e', 'E', 'p', 'P']);
    match (number.float, number.int) {
        (Some(float), _) if looks_like_float => Ok(Value::Float(float)),
        (_, Some(int)) => Ok(Value::int(int)),
        _ => Err(frame.error(format!("{} overflows int", number.text))),
    }
}

/// A literal for a parameter of a type.
fn typed_literal(frame: &Frame<'_>, arg: &Arg, kind: Type) -> Run<Value> {
    let refused = |what: &str| {
        let shown = frame.tree.show(Part::Arg(arg));
        Err(frame.error(format!("expected {what}; found {shown}")))
    };
    let number = match &arg.kind {
        ArgKind::Number(id) => Some(frame.tree.number(*id)),
        _ => None,
    };
    let int = |kind: IntKind| match number.and_then(|n| n.int) {
        Some(value) => Ok(Value::Int(value, kind)),
        None => refused("integer"),
    };
    let uint = |kind: UintKind| match number.and_then(|n| n.uint) {
        Some(value) => Ok(Value::Uint(value, kind)),
        None => refused("unsigned integer"),
    };
    match (kind, &arg.kind) {
        (Type::Any | Type::Reflect, _) => literal(frame, arg),
        (Type::Bool, ArgKind::Bool(value)) => Ok(Value::Bool(*value)),
        (Type::Bool, _) => refused("bool"),
        (Type::String, ArgKind::String(id)) => Ok(frame.tree.literal(*id).value.clone()),
        (Type::String, _) => refused("string"),
        (Type::Int, _) => int(IntKind::Int),
        (Type::Int64, _) => int(IntKind::Int64),
        (Type::Int32, _) => int(IntKind::Int32),
        (Type::Uint, _) => uint(UintKind::Uint),
        (Type::Uint32, _) => uint(UintKind::Uint32),
        (Type::Float, _) => match number.and_then(|n| n.float) {
            Some(value) => Ok(Value::Float(value)),
            None => refused("float"),
        },
        _ => {
            let shown = frame.tree.show(Part::Arg(arg));
            Err(frame.error(format!("can't handle {shown} for arg of type {}", kind.name())))
        }
    }
}
