//! Functions that templates can call, with Go's rules for their arguments.
//!
//! A function says what types its parameters have; the engine checks count and types before the call and words the refusal
//! as Go's reflection does, so that a function only sees what it asked for.

use crate::error::RenderError;
use crate::named::Named;
use crate::value::{Element, Map, Value};
use crate::world::World;
use gitops_yaml::Str;
use std::fmt;
use std::sync::Arc;

/// The static type of a parameter or of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `interface {}`: anything; a missing value arrives as [`Value::Nil`].
    Any,
    /// `reflect.Value`: anything, a missing value stays [`Value::Missing`].
    Reflect,
    /// `string`
    String,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `int64`
    Int64,
    /// `int32` (a rune)
    Int32,
    /// `uint`
    Uint,
    /// `uint32`
    Uint32,
    /// `float64`
    Float,
    /// `[]uint8`; nil arrives as [`Value::Nil`].
    Bytes,
    /// `[]interface {}`; nil arrives as [`Value::Nil`].
    List,
    /// `[]string`; nil arrives as [`Value::Nil`].
    Strings,
    /// `map[string]interface {}`; nil arrives as [`Value::Nil`].
    Map,
    /// `map[string]string`; nil arrives as [`Value::Nil`].
    StringMap,
    /// `time.Time` or another type of the host's, by its name.
    Object(&'static str),
}

impl Type {
    /// Returns Go's name of the type.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Reflect => "reflect.Value",
            Self::String => "string",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Int32 => "int32",
            Self::Uint => "uint",
            Self::Uint32 => "uint32",
            Self::Float => "float64",
            Self::Bytes => "[]uint8",
            Self::List => "[]interface {}",
            Self::Strings => "[]string",
            Self::Map => "map[string]interface {}",
            Self::StringMap => "map[string]string",
            Self::Object(name) => name,
        }
    }

    /// Returns whether a nil may stand for the type.
    pub(crate) fn can_be_nil(self) -> bool {
        match self {
            Self::Any
            | Self::Reflect
            | Self::Bytes
            | Self::List
            | Self::Strings
            | Self::Map
            | Self::StringMap => true,
            Self::Object(name) => name.starts_with('*'),
            _ => false,
        }
    }

    /// Returns whether a value that is not nil is of the type.
    pub(crate) fn accepts(self, value: &Value) -> bool {
        use crate::value::{IntKind, UintKind};
        match (self, value) {
            (Self::Any | Self::Reflect, _)
            | (Self::String, Value::String(_) | Value::RawString(_))
            | (Self::Bool, Value::Bool(_))
            | (Self::Int, Value::Int(_, IntKind::Int))
            | (Self::Int64, Value::Int(_, IntKind::Int64))
            | (Self::Int32, Value::Int(_, IntKind::Int32))
            | (Self::Uint, Value::Uint(_, UintKind::Uint))
            | (Self::Uint32, Value::Uint(_, UintKind::Uint32))
            | (Self::Float, Value::Float(_))
            | (Self::Bytes, Value::Bytes(_)) => true,
            (Self::List, Value::List(list)) => list.element() == Element::Any,
            (Self::Strings, Value::List(list)) => list.element() == Element::String,
            (Self::Map, Value::Map(map)) => map.element() == Element::Any,
            (Self::StringMap, Value::Map(map)) => map.element() == Element::String,
            // A named map type of the host's (chart values) is assignable to the plain one.
            (Self::Map, Value::Object(object)) => matches!(object.plain(), Some(Value::Map(_))),
            (Self::Object(name), Value::Object(object)) => {
                let found = object.type_name();
                found == name || found.strip_prefix('*') == Some(name)
            }
            _ => false,
        }
    }
}

/// What a function takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The parameters' types; where the function is variadic, the last one is that of each further argument.
    pub params: &'static [Type],
    /// Whether the last parameter takes any number of arguments.
    pub variadic: bool,
    /// The result's type. [`Type::Any`] matters: error texts name `interface {}` for its fields.
    pub result: Type,
}

impl Signature {
    /// Takes exactly these.
    #[must_use]
    pub const fn new(params: &'static [Type], result: Type) -> Self {
        Self { params, variadic: false, result }
    }

    /// Takes these, the last one any number of times.
    #[must_use]
    pub const fn variadic(params: &'static [Type], result: Type) -> Self {
        Self { params, variadic: true, result }
    }
}

/// Why a function refused.
#[derive(Debug)]
pub struct CallError {
    /// The words, or those before the inner failure's.
    message: String,
    inner: Option<Box<RenderError>>,
    /// The whole render must end: a limit was reached.
    pub(crate) fatal: bool,
}

impl CallError {
    /// A refusal with this text.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), inner: None, fatal: false }
    }

    /// Returns the failure of a template that the function rendered, if that was the cause.
    #[must_use]
    pub fn inner(&self) -> Option<&RenderError> {
        self.inner.as_deref()
    }

    /// A refusal because a limit was reached, which ends the render.
    #[must_use]
    pub fn limit(message: impl Into<String>) -> Self {
        Self { fatal: true, ..Self::new(message) }
    }

    pub(crate) fn into_parts(self) -> (String, Option<Box<RenderError>>) {
        (self.message, self.inner)
    }

    /// Puts text before the message: `prefix: message`, keeping the inner failure.
    #[must_use]
    pub fn context(mut self, prefix: impl fmt::Display) -> Self {
        self.message = format!("{prefix}: {}", self.message);
        self
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.inner.as_ref().map_or(Ok(()), |inner| inner.fmt(f))
    }
}

impl std::error::Error for CallError {}

impl From<RenderError> for CallError {
    fn from(error: RenderError) -> Self {
        Self { message: String::new(), fatal: error.is_limit(), inner: Some(Box::new(error)) }
    }
}

impl From<String> for CallError {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl From<&str> for CallError {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

/// What a running function may ask of the render that calls it.
pub trait CallContext {
    /// Returns the source of time, randomness, names and keys.
    fn world(&self) -> &dyn World;

    /// Renders a template of the set with this dot and returns its text, a string, as Helm's `include` does.
    ///
    /// # Errors
    /// What the template's render fails with; where there is no such template, Go's text for that.
    fn include(&mut self, name: &str, dot: &Value) -> Result<Value, CallError>;

    /// Parses a text and renders it with the templates of the set at hand, as Helm's `tpl` does. What the text defines
    /// is known within it alone. Texts are parsed once a render.
    ///
    /// # Errors
    /// What parsing or rendering fails with.
    fn render_text(&mut self, text: &str, dot: &Value) -> Result<Value, CallError>;

    /// Returns a map as YAML: what `print` makes of it, or made before of the same map with nothing changed since.
    ///
    /// # Errors
    /// What `print` fails with.
    fn yaml(&mut self, map: &Map, print: fn(&Map) -> Result<Value, CallError>) -> Result<Value, CallError> {
        print(map)
    }

    /// Counts work that a function does in one call, so that a template can't make it unbounded.
    ///
    /// # Errors
    /// When the limit of steps is reached.
    fn step(&mut self, count: usize) -> Result<(), CallError>;

    /// Counts bytes that a function makes besides those of its result, or is about to make: the entries of a map that it
    /// changes, and all that a large result holds.
    ///
    /// # Errors
    /// When the limit of bytes is reached.
    fn made(&mut self, bytes: usize) -> Result<(), CallError>;

    /// Returns how many bytes one value or output may have.
    fn output_limit(&self) -> usize;

    /// Returns whether the static type of an argument of the call at hand, counted from 0, is `interface {}`; asked before
    /// anything else is called.
    fn is_interface(&self, argument: usize) -> bool {
        let _ = argument;
        false
    }

    /// Notes that the function asks something else than its arguments and [`world`](Self::world), which notes it
    /// itself: texts that hold its result are rendered anew each time.
    fn asked(&mut self) {}

    /// Notes that the function changed one of its arguments, as `set` does: texts that were rendered before are rendered
    /// anew when they are needed again.
    fn changed(&mut self) {}

    /// Calls a function value as `call` does.
    ///
    /// # Errors
    /// What the function fails with.
    fn call(&mut self, function: &Function, arguments: &[Value]) -> Result<Value, CallError>;
}

type Body = dyn Fn(&mut dyn CallContext, &[Value]) -> Result<Value, CallError> + Send + Sync;

/// Prints a string result behind what is printed already, up to a little over a limit of its own bytes.
pub(crate) type Print = dyn Fn(&mut Vec<u8>, &[Value], usize) -> Result<(), CallError> + Send + Sync;

/// A function under its signature.
#[derive(Clone)]
pub struct Function {
    signature: Signature,
    body: Arc<Body>,
    print: Option<Arc<Print>>,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.type_name())
    }
}

impl Function {
    /// Makes a function. The body gets arguments that fit the signature.
    ///
    /// ```
    /// use gitops_template::{Function, Options, Signature, Templates, Type, Value, builtins};
    /// let mut functions = builtins();
    /// let double = Signature::new(&[Type::Int], Type::Int);
    /// functions.insert("double", Function::new(double, |_, arguments| match arguments {
    ///     [Value::Int(number, _)] => number.checked_mul(2).map(Value::int).ok_or_else(|| "too large".into()),
    ///     _ => Err("not a number".into()),
    /// }));
    /// let mut templates = Templates::new(functions);
    /// templates.parse("t", "{{double 21}} {{double \"x\"}}")?;
    /// let error = templates.render("t", &Value::Nil, &Options::default()).unwrap_err();
    /// assert_eq!(error.message(), "expected integer; found \"x\"");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(
        signature: Signature,
        body: impl Fn(&mut dyn CallContext, &[Value]) -> Result<Value, CallError> + Send + Sync + 'static,
    ) -> Self {
        Self { signature, body: Arc::new(body), print: None }
    }

    /// Makes a function that gives a string, from what prints it: at the end of a pipeline it prints at once.
    pub(crate) fn printing(
        signature: Signature,
        print: impl Fn(&mut Vec<u8>, &[Value], usize) -> Result<(), CallError> + Send + Sync + 'static,
    ) -> Self {
        let print: Arc<Print> = Arc::new(print);
        let printed = Arc::clone(&print);
        let body = move |context: &mut dyn CallContext, arguments: &[Value]| {
            let mut text = Vec::new();
            printed(&mut text, arguments, context.output_limit())?;
            Ok(Value::from_bytes(&text))
        };
        Self { print: Some(print), ..Self::new(signature, body) }
    }

    /// Returns what prints the function's result, where that is a way of its own.
    pub(crate) fn print(&self) -> Option<&Print> {
        self.print.as_deref()
    }

    /// Returns the signature.
    #[must_use]
    pub fn signature(&self) -> Signature {
        self.signature
    }

    /// Calls the body with arguments that fit the signature.
    ///
    /// # Errors
    /// What the body refuses with.
    pub fn call(&self, context: &mut dyn CallContext, arguments: &[Value]) -> Result<Value, CallError> {
        (self.body)(context, arguments)
    }

    /// Returns Go's name of the function's type: `func(int, string) string`.
    #[must_use]
    pub fn type_name(&self) -> String {
        let mut params: Vec<String> = self.signature.params.iter().map(|t| t.name().to_owned()).collect();
        if let (true, Some(last)) = (self.signature.variadic, params.last_mut()) {
            last.insert_str(0, "...");
        }
        format!("func({}) {}", params.join(", "), self.signature.result.name())
    }
}

/// Functions by name. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct Functions {
    by_name: Arc<Named<Arc<Function>>>,
}

impl Functions {
    /// Adds or replaces a function.
    pub fn insert(&mut self, name: impl Into<Str>, function: Function) {
        Arc::make_mut(&mut self.by_name).insert(name.into(), Arc::new(function));
    }

    /// Returns whether both are the very same table.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.by_name, &other.by_name)
    }

    /// Removes a function.
    pub fn remove(&mut self, name: &str) {
        Arc::make_mut(&mut self.by_name).remove(name);
    }

    /// Looks up a function.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Function>> {
        self.by_name.get(name)
    }

    /// Returns all names, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(Str::as_str)
    }
}
