//! The Common Expression Language as Flux uses it: `healthCheckExprs`, `readyExpr` and the filters of receivers.
//!
//! The language is that of cel-go with the libraries that Flux turns on: optional values, `strings`, `sets` and `base64`;
//! numbers of different types compare. Expressions are not checked for types before they run, as Flux's are not. Work is
//! bounded: an expression has at most 100,000 bytes, nests at most 100 levels deep and ends after 1,000,000 steps.
//!
//! ```
//! use gitops_core::cel::Program;
//! use gitops_yaml::{FileId, ReadOptions, read_document};
//! let text = b"{status: {conditions: [{type: Synced, status: 'True'}]}}";
//! let object = read_document(text, FileId::NONE, &ReadOptions::v3()).unwrap().unwrap().root;
//! let synced = Program::parse("status.conditions.exists(c, c.type == 'Synced' && c.status == 'True')")?;
//! assert!(synced.holds_for(&object)?);
//! assert!(synced.holds(&[("self", &object)]).unwrap_err().to_string().ends_with("no such attribute(s): status.conditions"));
//! # Ok::<(), gitops_core::cel::CelError>(())
//! ```

mod eval;
mod expression;
mod functions;
mod lex;
mod methods;
mod number;
mod parse;
mod strings;
mod time;
mod value;

use crate::health::{Expression, ExpressionError};
use eval::Run;
use gitops_yaml::Node;
use std::fmt;
use value::Value;

/// Why an expression can't be read, or has no answer for an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CelError(String);

impl fmt::Display for CelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CelError {}

/// An expression that was read and can be asked.
#[derive(Clone, Debug)]
pub struct Program {
    text: String,
    root: expression::Expr,
    steps: u64,
}

impl Program {
    /// Reads an expression.
    ///
    /// # Errors
    /// With line and column where it is no expression, and where it is too long or nests too deep.
    pub fn parse(text: &str) -> Result<Self, CelError> {
        let root = parse::parse(text).map_err(|error| {
            CelError(format!("failed to parse the CEL expression '{text}': {}", error.shown(text)))
        })?;
        Ok(Self { text: text.to_owned(), root, steps: 1_000_000 })
    }

    /// Ends an evaluation after another number of steps.
    #[must_use]
    pub fn limit(mut self, steps: u64) -> Self {
        self.steps = steps;
        self
    }

    /// Returns the expression as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Asks whether the expression holds, given what its variables stand for.
    ///
    /// # Errors
    /// Where a variable, field or function is missing, where the result is no boolean, and where it takes too long.
    pub fn holds(&self, variables: &[(&str, &Node)]) -> Result<bool, CelError> {
        let scope: Vec<_> = variables.iter().map(|(name, node)| (*name, Value::from_node(node))).collect();
        match self.run(&scope)? {
            Value::Bool(holds) => Ok(holds),
            _ => Err(CelError(format!("failed to evaluate CEL expression as boolean: '{}'", self.text))),
        }
    }

    /// Asks whether the expression holds for an object, whose top-level fields are its variables.
    ///
    /// # Errors
    /// As [`Program::holds`].
    pub fn holds_for(&self, object: &Node) -> Result<bool, CelError> {
        self.holds(&fields(object))
    }

    /// Returns the text that the expression makes, given what its variables stand for.
    ///
    /// # Errors
    /// Where a variable, field or function is missing, where the result is no string, and where it takes too long.
    pub fn string(&self, variables: &[(&str, &Node)]) -> Result<String, CelError> {
        let scope: Vec<_> = variables.iter().map(|(name, node)| (*name, Value::from_node(node))).collect();
        match self.run(&scope)? {
            Value::Text(text) => Ok(text.into_owned()),
            _ => Err(CelError(format!("failed to evaluate CEL expression as string: '{}'", self.text))),
        }
    }

    fn run<'a>(&'a self, scope: &[(&'a str, Value<'a>)]) -> Result<Value<'a>, CelError> {
        Run::new(scope, self.steps)
            .eval(&self.root)
            .map_err(|why| CelError(format!("failed to evaluate the CEL expression '{}': {why}", self.text)))
    }
}

fn fields(object: &Node) -> Vec<(&str, &Node)> {
    let entries = object.entries().unwrap_or_default().iter();
    entries.filter_map(|entry| Some((entry.key.as_str()?, &entry.value))).collect()
}

impl Expression for Program {
    fn holds(&self, object: &Node) -> Result<bool, ExpressionError> {
        self.holds_for(object).map_err(|error| ExpressionError(error.to_string()))
    }
}
