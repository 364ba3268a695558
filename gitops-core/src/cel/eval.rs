//! Expressions asked: within a bound of steps, with errors that a decided `&&` or `||` does not mind.

use super::expression::{Access, Each, Expr, Literal, Operator, Presence};
use super::number::{NO_OVERLOAD, arithmetic, numbers, order};
use super::value::Value;
use super::{functions, methods};
use std::borrow::Cow;

pub(super) struct Run<'s, 'a> {
    globals: &'s [(&'a str, Value<'a>)],
    /// Variables of macros, the innermost last.
    locals: Vec<(&'a str, Value<'a>)>,
    steps: u64,
}

/// What ends an evaluation at once; kept apart from errors that `||` forgives.
pub(super) const TOO_LONG: &str = "operation cancelled: actual cost limit exceeded";

impl<'s, 'a> Run<'s, 'a> {
    pub(super) fn new(globals: &'s [(&'a str, Value<'a>)], steps: u64) -> Self {
        Self { globals, locals: Vec::new(), steps }
    }

    /// Counts work, by the size of what is touched.
    pub(super) fn spend(&mut self, count: usize) -> Result<(), String> {
        let left = self.steps.checked_sub(u64::try_from(count).unwrap_or(u64::MAX));
        self.steps = left.unwrap_or(0);
        if left.is_none() { Err(TOO_LONG.to_owned()) } else { Ok(()) }
    }

    pub(super) fn eval(&mut self, expr: &'a Expr) -> Result<Value<'a>, String> {
        self.spend(1)?;
        match expr {
            Expr::Literal(literal) => Ok(value_of(literal)),
            Expr::Name(name) => self.variable(name),
            Expr::List(items) => self.list(items),
            Expr::Map(entries) => self.map(entries),
            Expr::Chain(first, rest) => self.chain(first, rest),
            Expr::Call(name, arguments) => {
                let arguments = self.each(arguments)?;
                functions::call(self, name, &arguments)
            }
            Expr::Has(base, field) => {
                let base = self.eval(base)?;
                self.spend(base.len())?;
                match &base {
                    Value::Map(_) | Value::Fields(_) => Ok(Value::Bool(base.field(field).is_some())),
                    Value::Optional(inner) => {
                        Ok(Value::Bool(inner.as_ref().is_some_and(|inner| inner.field(field).is_some())))
                    }
                    _ => Err(NO_OVERLOAD.to_owned()),
                }
            }
            Expr::Not(inner) => match self.eval(inner)? {
                Value::Bool(value) => Ok(Value::Bool(!value)),
                _ => Err(NO_OVERLOAD.to_owned()),
            },
            Expr::Negate(inner) => match self.eval(inner)? {
                Value::Int(value) => {
                    value.checked_neg().map(Value::Int).ok_or_else(|| "integer overflow".to_owned())
                }
                Value::Double(value) => Ok(Value::Double(-value)),
                Value::Duration(value) => {
                    value.checked_neg().map(Value::Duration).ok_or_else(|| "duration overflow".to_owned())
                }
                _ => Err(NO_OVERLOAD.to_owned()),
            },
            Expr::All(terms) => self.decide(terms, false),
            Expr::Any(terms) => self.decide(terms, true),
            Expr::Binary(first, rest) => {
                let mut left = self.eval(first)?;
                for (operator, right) in rest {
                    let right = self.eval(right)?;
                    left = self.binary(*operator, &left, &right)?;
                }
                Ok(left)
            }
            Expr::Choice(parts) => match self.eval(&parts[0])? {
                Value::Bool(true) => self.eval(&parts[1]),
                Value::Bool(false) => self.eval(&parts[2]),
                _ => Err(NO_OVERLOAD.to_owned()),
            },
        }
    }

    fn each(&mut self, exprs: &'a [Expr]) -> Result<Vec<Value<'a>>, String> {
        exprs.iter().map(|expr| self.eval(expr)).collect()
    }

    fn variable(&mut self, name: &str) -> Result<Value<'a>, String> {
        let found = self.locals.iter().rev().chain(self.globals).find(|(known, _)| *known == name);
        match found {
            Some((_, value)) => Ok(value.clone()),
            None => functions::type_named(name)
                .map(Value::Type)
                .ok_or_else(|| format!("no such attribute(s): {name}")),
        }
    }

    fn list(&mut self, items: &'a [(Expr, Presence)]) -> Result<Value<'a>, String> {
        let mut out = Vec::with_capacity(items.len());
        for (item, presence) in items {
            out.extend(present(self.eval(item)?, *presence)?);
        }
        Ok(Value::list(out))
    }

    fn map(&mut self, entries: &'a [(Expr, Expr, Presence)]) -> Result<Value<'a>, String> {
        let mut out: Vec<(Value<'a>, Value<'a>)> = Vec::with_capacity(entries.len());
        for (key, value, presence) in entries {
            let key = self.eval(key)?;
            if !matches!(key, Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Text(_)) {
                return Err(format!("unsupported key type: {}", key.type_name()));
            }
            for (known, _) in &out {
                if self.equal(known, &key)? {
                    return Err("failed with repeated key".to_owned());
                }
            }
            out.extend(present(self.eval(value)?, *presence)?.map(|value| (key, value)));
        }
        Ok(Value::Map(out.into()))
    }

    /// `&&` and `||`: a term that decides makes the errors of others not matter.
    fn decide(&mut self, terms: &'a [Expr], decides: bool) -> Result<Value<'a>, String> {
        let mut failed = None;
        for term in terms {
            match self.eval(term) {
                Ok(Value::Bool(value)) if value == decides => return Ok(Value::Bool(decides)),
                Ok(Value::Bool(_)) => {}
                Ok(_) => failed = failed.or_else(|| Some(NO_OVERLOAD.to_owned())),
                Err(why) if why == TOO_LONG => return Err(why),
                Err(why) => failed = failed.or(Some(why)),
            }
        }
        failed.map_or(Ok(Value::Bool(!decides)), Err)
    }

    fn binary(&mut self, operator: Operator, a: &Value<'a>, b: &Value<'a>) -> Result<Value<'a>, String> {
        use std::cmp::Ordering;
        let holds = match operator {
            Operator::Equal => self.equal(a, b)?,
            Operator::Unequal => !self.equal(a, b)?,
            Operator::Less => order(a, b)? == Some(Ordering::Less),
            Operator::LessOrEqual => order(a, b)?.is_some_and(Ordering::is_le),
            Operator::Greater => order(a, b)? == Some(Ordering::Greater),
            Operator::GreaterOrEqual => order(a, b)?.is_some_and(Ordering::is_ge),
            Operator::In => self.contains(b, a)?,
            _ => {
                if matches!(a, Value::Text(_) | Value::Bytes(_) | Value::List(_) | Value::Items(_)) {
                    self.spend(a.len().saturating_add(b.len()))?;
                }
                return arithmetic(operator, a, b);
            }
        };
        Ok(Value::Bool(holds))
    }

    pub(super) fn contains(&mut self, all: &Value<'a>, one: &Value<'a>) -> Result<bool, String> {
        if let (Value::Map(_) | Value::Fields(_), Value::Text(name)) = (all, one) {
            self.spend(all.len())?;
            return Ok(all.field(name).is_some());
        }
        if let Some(items) = all.items() {
            for item in items.iter() {
                if self.equal(item, one)? {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        let entries = all.entries().ok_or(NO_OVERLOAD)?;
        for (key, _) in entries.iter() {
            if self.equal(key, one)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Values of types that do not compare are unequal.
    pub(super) fn equal(&mut self, a: &Value<'a>, b: &Value<'a>) -> Result<bool, String> {
        self.spend(1)?;
        Ok(match (a, b) {
            (Value::Null, Value::Null) => true,
            (Value::Type(a), Value::Type(b)) => a == b,
            (Value::Optional(a), Value::Optional(b)) => match (a, b) {
                (Some(a), Some(b)) => self.equal(a, b)?,
                (a, b) => a.is_none() && b.is_none(),
            },
            (Value::Text(a), Value::Text(b)) => {
                self.spend(a.len() / 64)?;
                a == b
            }
            _ => {
                if let Some(order) = numbers(a, b) {
                    return Ok(order.is_some_and(std::cmp::Ordering::is_eq));
                }
                if a.type_name() != b.type_name() || a.len() != b.len() {
                    return Ok(false);
                }
                if let (Some(a), Some(b)) = (a.items(), b.items()) {
                    for (a, b) in a.iter().zip(b.iter()) {
                        if !self.equal(a, b)? {
                            return Ok(false);
                        }
                    }
                    return Ok(true);
                }
                if let (Some(entries), Some(_)) = (a.entries(), b.entries()) {
                    for (key, value) in entries.iter() {
                        let Some(other) = self.lookup(b, key)? else { return Ok(false) };
                        if !self.equal(value, &other)? {
                            return Ok(false);
                        }
                    }
                    return Ok(true);
                }
                order(a, b)?.is_some_and(std::cmp::Ordering::is_eq)
            }
        })
    }

    fn lookup(&mut self, map: &Value<'a>, key: &Value<'a>) -> Result<Option<Value<'a>>, String> {
        if let Value::Text(name) = key {
            self.spend(map.len() / 8)?;
            return Ok(map.field(name));
        }
        let entries = map.entries().ok_or(NO_OVERLOAD)?;
        for (known, value) in entries.iter() {
            if self.equal(known, key)? {
                return Ok(Some(value.clone()));
            }
        }
        Ok(None)
    }

    fn chain(&mut self, first: &'a Expr, rest: &'a [Access]) -> Result<Value<'a>, String> {
        let mut value = match first {
            Expr::Name(name) => self.variable(name).map_err(|why| {
                // A variable that is missing is named with what was wanted of it.
                let fields = rest.iter().map_while(|access| match access {
                    Access::Field(field, Presence::Always) => Some(field),
                    _ => None,
                });
                fields.fold(why, |path, field| format!("{path}.{field}"))
            })?,
            _ => self.eval(first)?,
        };
        for access in rest {
            self.spend(1)?;
            value = match access {
                Access::Field(name, presence) => {
                    let key = Value::Text(Cow::Borrowed(name.as_str()));
                    self.select(&value, &key, *presence)?
                }
                Access::Index(index, presence) => {
                    let index = self.eval(index)?;
                    self.select(&value, &index, *presence)?
                }
                Access::Method(name, arguments) => {
                    let arguments = self.each(arguments)?;
                    methods::call(self, &value, name, &arguments)?
                }
                Access::Each(each, variable, bodies) => self.macros(*each, &value, variable, bodies)?,
            };
        }
        Ok(value)
    }

    fn select(
        &mut self,
        value: &Value<'a>,
        key: &Value<'a>,
        presence: Presence,
    ) -> Result<Value<'a>, String> {
        // Once a value is optional, what is selected from it is so too.
        if let Value::Optional(inner) = value {
            return Ok(match inner {
                None => Value::NONE,
                Some(inner) => self.find(inner, key)?.map_or(Value::NONE, Value::some),
            });
        }
        let found = self.find(value, key)?;
        match presence {
            Presence::Optional => Ok(found.map_or(Value::NONE, Value::some)),
            Presence::Always => found.ok_or_else(|| match (value, key) {
                (Value::List(_) | Value::Items(_), Value::Int(index)) => {
                    format!("index out of bounds: {index}")
                }
                (_, Value::Text(name)) => format!("no such key: {name}"),
                _ => "no such key".to_owned(),
            }),
        }
    }

    fn find(&mut self, value: &Value<'a>, key: &Value<'a>) -> Result<Option<Value<'a>>, String> {
        match value {
            Value::Map(_) | Value::Fields(_) => self.lookup(value, key),
            Value::List(_) | Value::Items(_) => {
                let index = match key {
                    Value::Int(index) => usize::try_from(*index).ok(),
                    Value::Uint(index) => usize::try_from(*index).ok(),
                    #[allow(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "it is whole and small"
                    )]
                    Value::Double(index) if index.fract() == 0.0 && (0.0..1e9).contains(index) => {
                        Some(*index as usize)
                    }
                    _ => return Err(format!("unsupported index type '{}' in list", key.type_name())),
                };
                Ok(index.and_then(|index| match value {
                    Value::Items(nodes) => nodes.get(index).map(Value::from_node),
                    Value::List(items) => items.get(index).cloned(),
                    _ => None,
                }))
            }
            _ => Err(match key {
                Value::Text(name) => format!("no such key: {name}"),
                _ => NO_OVERLOAD.to_owned(),
            }),
        }
    }

    fn macros(
        &mut self,
        each: Each,
        range: &Value<'a>,
        variable: &'a str,
        bodies: &'a [Expr],
    ) -> Result<Value<'a>, String> {
        let (Some(first), last) = (bodies.first(), bodies.last()) else {
            return Err(NO_OVERLOAD.to_owned());
        };
        let last = last.unwrap_or(first);
        if let Each::OptionalMap | Each::OptionalFlatMap = each {
            let Value::Optional(inner) = range else { return Err(NO_OVERLOAD.to_owned()) };
            let Some(inner) = inner else { return Ok(Value::NONE) };
            let value = self.with(variable, (**inner).clone(), first)?;
            return Ok(if each == Each::OptionalMap { Value::some(value) } else { value });
        }
        let items = match range.items() {
            Some(items) => items,
            // A map is walked by its keys.
            None => range.entries().ok_or(NO_OVERLOAD)?.iter().map(|(key, _)| key.clone()).collect(),
        };
        let mut out = Vec::new();
        let mut count = 0;
        let mut failed: Option<String> = None;
        for item in items.iter() {
            self.spend(1)?;
            let result = self.with(variable, item.clone(), first);
            let holds = match (each, bodies.len(), result) {
                (Each::Map, 1, result) => {
                    out.push(result?);
                    continue;
                }
                (_, _, Ok(Value::Bool(holds))) => holds,
                (_, _, Err(why)) if why == TOO_LONG => return Err(why),
                (Each::All | Each::Exists, _, Ok(_)) => {
                    failed = failed.or_else(|| Some(NO_OVERLOAD.to_owned()));
                    continue;
                }
                (Each::All | Each::Exists, _, Err(why)) => {
                    failed = failed.or(Some(why));
                    continue;
                }
                (_, _, Ok(_)) => return Err(NO_OVERLOAD.to_owned()),
                (_, _, Err(why)) => return Err(why),
            };
            match each {
                Each::All if !holds => return Ok(Value::Bool(false)),
                Each::Exists if holds => return Ok(Value::Bool(true)),
                Each::ExistsOne => count += usize::from(holds),
                Each::Filter if holds => out.push(item.clone()),
                Each::Map if holds => out.push(self.with(variable, item.clone(), last)?),
                _ => {}
            }
        }
        match (each, failed) {
            (_, Some(why)) => Err(why),
            (Each::All, None) => Ok(Value::Bool(true)),
            (Each::Exists, None) => Ok(Value::Bool(false)),
            (Each::ExistsOne, None) => Ok(Value::Bool(count == 1)),
            _ => Ok(Value::list(out)),
        }
    }

    fn with(&mut self, variable: &'a str, value: Value<'a>, body: &'a Expr) -> Result<Value<'a>, String> {
        self.locals.push((variable, value));
        let result = self.eval(body);
        self.locals.pop();
        result
    }
}

/// What an element of a list or map adds: an optional one without a value adds nothing.
fn present(value: Value<'_>, presence: Presence) -> Result<Option<Value<'_>>, String> {
    match (presence, value) {
        (Presence::Always, value) => Ok(Some(value)),
        (Presence::Optional, Value::Optional(inner)) => Ok(inner.map(|inner| (*inner).clone())),
        (Presence::Optional, value) => {
            Err(format!("cannot initialize optional entry from non-optional value: {}", value.type_name()))
        }
    }
}

fn value_of(literal: &Literal) -> Value<'_> {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(value) => Value::Bool(*value),
        Literal::Int(value) => Value::Int(*value),
        Literal::Uint(value) => Value::Uint(*value),
        Literal::Double(value) => Value::Double(*value),
        Literal::Text(text) => Value::Text(Cow::Borrowed(text)),
        Literal::Bytes(bytes) => Value::Bytes(bytes.as_slice().into()),
    }
}
