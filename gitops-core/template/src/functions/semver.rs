//! Versions, as objects with the methods of Masterminds' `Version`.

use super::{Result, pure, text};
use crate::function::{CallError, Function, Functions, Signature, Type};
use crate::value::{IntKind, Object, UintKind, Value};
use gitops_semver::{Constraint, Version};
use std::any::Any;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

const POINTER: &str = "*semver.Version";

pub(super) fn add(functions: &mut Functions) {
    functions.insert(
        "semver",
        pure(&[Type::String], Type::Object(POINTER), |args| {
            Ok(SemanticVersion { version: parse(&text(&args[0]))?, pointer: true }.into_value())
        }),
    );
    functions.insert(
        "semverCompare",
        pure(&[Type::String, Type::String], Type::Bool, |args| {
            let constraint =
                Constraint::parse(&text(&args[0])).map_err(|error| CallError::new(error.to_string()))?;
            Ok(Value::Bool(constraint.check(&parse(&text(&args[1]))?)))
        }),
    );
}

fn parse(text: &str) -> Result<Version> {
    Version::parse(text).map_err(|error| CallError::new(error.to_string()))
}

#[derive(Debug)]
struct SemanticVersion {
    version: Version,
    /// Whether Go would hold it by a pointer: what `semver` gives, but not what its methods give.
    pointer: bool,
}

impl SemanticVersion {
    fn into_value(self) -> Value {
        Value::Object(Arc::new(self))
    }
}

impl Object for SemanticVersion {
    fn type_name(&self) -> Cow<'static, str> {
        Cow::Borrowed(if self.pointer { POINTER } else { "semver.Version" })
    }

    fn method(&self, name: &str) -> Option<Arc<Function>> {
        let own = self.version.clone();
        Some(Arc::new(match name {
            "Major" => constant(Type::Any, Value::Uint(own.major(), UintKind::Uint64)),
            "Minor" => constant(Type::Any, Value::Uint(own.minor(), UintKind::Uint64)),
            "Patch" => constant(Type::Any, Value::Uint(own.patch(), UintKind::Uint64)),
            "Prerelease" => constant(Type::String, own.prerelease().into()),
            "Metadata" => constant(Type::String, own.metadata().into()),
            "Original" => constant(Type::String, own.original().into()),
            "String" => constant(Type::String, own.to_string().into()),
            "IncMajor" => next(own.next_major(), "major"),
            "IncMinor" => next(own.next_minor(), "minor"),
            "IncPatch" => next(own.next_patch(), "patch"),
            "Compare" => compare(own, Type::Int, |order| Value::Int(i64::from(order as i8), IntKind::Int)),
            "Equal" => compare(own, Type::Bool, |order| Value::Bool(order.is_eq())),
            "LessThan" => compare(own, Type::Bool, |order| Value::Bool(order.is_lt())),
            "LessThanEqual" => compare(own, Type::Bool, |order| Value::Bool(order.is_le())),
            "GreaterThan" => compare(own, Type::Bool, |order| Value::Bool(order.is_gt())),
            "GreaterThanEqual" => compare(own, Type::Bool, |order| Value::Bool(order.is_ge())),
            "SetPrerelease" => with_part(own, '-'),
            "SetMetadata" => with_part(own, '+'),
            _ => return None,
        }))
    }

    fn text(&self) -> Option<String> {
        Some(self.version.to_string())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn constant(result: Type, value: Value) -> Function {
    Function::new(Signature::new(&[], result), move |_, _| Ok(value.clone()))
}

fn next(next: Option<Version>, which: &'static str) -> Function {
    Function::new(Signature::new(&[], Type::Object("semver.Version")), move |_, _| match &next {
        Some(version) => Ok(SemanticVersion { version: version.clone(), pointer: false }.into_value()),
        None => Err(CallError::new(format!("{which} version increment would overflow uint64"))),
    })
}

fn compare(own: Version, result: Type, answer: fn(Ordering) -> Value) -> Function {
    Function::new(Signature::new(&[Type::Object(POINTER)], result), move |_, args| {
        let Some(other) = version_of(&args[0]) else {
            return Err("runtime error: invalid memory address or nil pointer dereference".into());
        };
        Ok(answer(own.cmp(&other.version)))
    })
}

fn version_of(value: &Value) -> Option<&SemanticVersion> {
    match value {
        Value::Object(object) => object.as_any().downcast_ref(),
        _ => None,
    }
}

/// Replaces the prerelease or the metadata; the other one, and a leading `v`, stay.
fn with_part(own: Version, mark: char) -> Function {
    let result = Type::Object("semver.Version");
    Function::new(Signature::new(&[Type::String], result), move |_, args| {
        let part = text(&args[0]);
        let (prerelease, metadata): (&str, &str) =
            if mark == '-' { (&part, own.metadata()) } else { (own.prerelease(), &part) };
        let v = if own.original().starts_with('v') { "v" } else { "" };
        let written = Version::new(own.major(), own.minor(), own.patch(), prerelease, metadata);
        // The strict reader words what is wrong with a part.
        Version::parse_strict(written.original()).map_err(|error| CallError::new(error.to_string()))?;
        Ok(SemanticVersion { version: parse(&format!("{v}{written}"))?, pointer: false }.into_value())
    })
}
