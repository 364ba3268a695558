//! Lists: making, cutting, searching. Lists never change; each function returns a new one.

use super::cast::to_int64;
use super::equal::deep_equal;
use super::{Result, check_items, int, items, pure, pure_variadic};
use crate::function::{CallContext, CallError, Function, Functions, Signature, Type};
use crate::limits::ITEM_BYTES;
use crate::value::{Element, List, Value};

const ANY: &[Type] = &[Type::Any];
const TWO: &[Type] = &[Type::Any, Type::Any];

pub(super) fn add(functions: &mut Functions) {
    for name in ["list", "tuple"] {
        functions.insert(name, pure_variadic(ANY, Type::List, |args| Ok(Value::list(args.to_vec()))));
    }
    both(
        functions,
        &["append", "push", "mustAppend", "mustPush"],
        &pure(TWO, Type::List, |args| {
            let mut all = items(&args[0], "Cannot push on type")?;
            all.push(args[1].clone());
            Ok(Value::list(all))
        }),
    );
    both(
        functions,
        &["prepend", "mustPrepend"],
        &pure(TWO, Type::List, |args| {
            let mut all = items(&args[0], "Cannot prepend on type")?;
            all.insert(0, args[1].clone());
            Ok(Value::list(all))
        }),
    );
    both(
        functions,
        &["first", "mustFirst"],
        &pure(ANY, Type::Any, |args| {
            Ok(items(&args[0], "Cannot find first on type")?.first().cloned().unwrap_or(Value::Nil))
        }),
    );
    both(
        functions,
        &["last", "mustLast"],
        &pure(ANY, Type::Any, |args| {
            Ok(items(&args[0], "Cannot find last on type")?.last().cloned().unwrap_or(Value::Nil))
        }),
    );
    both(
        functions,
        &["rest", "mustRest"],
        &pure(ANY, Type::List, |args| {
            let all = items(&args[0], "Cannot find rest on type")?;
            Ok(if all.is_empty() { nil_list() } else { Value::list(all[1..].to_vec()) })
        }),
    );
    both(
        functions,
        &["initial", "mustInitial"],
        &pure(ANY, Type::List, |args| {
            let all = items(&args[0], "Cannot find initial on type")?;
            Ok(if all.is_empty() { nil_list() } else { Value::list(all[..all.len() - 1].to_vec()) })
        }),
    );
    both(
        functions,
        &["reverse", "mustReverse"],
        &pure(ANY, Type::List, |args| {
            let mut all = items(&args[0], "Cannot find reverse on type")?;
            all.reverse();
            Ok(Value::list(all))
        }),
    );
    both(
        functions,
        &["compact", "mustCompact"],
        &pure(ANY, Type::List, |args| {
            let mut all = items(&args[0], "Cannot compact on type")?;
            all.retain(Value::truth);
            Ok(Value::list(all))
        }),
    );
    both(functions, &["uniq", "mustUniq"], &uniq());
    both(
        functions,
        &["without", "mustWithout"],
        &Function::new(Signature::variadic(TWO, Type::List), |context, args| {
            let all = items(&args[0], "Cannot find without on type")?;
            let mut kept = Vec::with_capacity(all.len());
            for item in all {
                if !is_among(context, &item, &args[1..])? {
                    kept.push(item);
                }
            }
            Ok(Value::list(kept))
        }),
    );
    both(
        functions,
        &["has", "mustHas"],
        &Function::new(Signature::new(TWO, Type::Bool), |context, args| {
            if args[1].is_nil() {
                return Ok(Value::Bool(false));
            }
            let all = items(&args[1], "Cannot find has on type")?;
            Ok(Value::Bool(is_among(context, &args[0], &all)?))
        }),
    );
    both(functions, &["slice", "mustSlice"], &pure_variadic(TWO, Type::Any, slice));
    both(
        functions,
        &["chunk", "mustChunk"],
        &Function::new(Signature::new(&[Type::Int, Type::Any], Type::Any), chunk),
    );
    functions.insert(
        "concat",
        Function::new(Signature::variadic(ANY, Type::Any), |context, args| {
            let mut all = Vec::new();
            for list in args {
                match items(list, "") {
                    Ok(more) => {
                        check_items(context, all.len() + more.len())?;
                        all.extend(more);
                    }
                    Err(_) if !list.is_nil() => {
                        return Err(CallError::new(format!(
                            "Cannot concat type {} as list",
                            list.kind_name()
                        )));
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(if all.is_empty() { nil_list() } else { Value::list(all) })
        }),
    );
}

fn both(functions: &mut Functions, names: &[&str], function: &Function) {
    for name in names {
        functions.insert(*name, function.clone());
    }
}

/// Go's nil slice: empty, and `null` in JSON.
fn nil_list() -> Value {
    Value::List(List::nil(Element::Any))
}

fn uniq() -> Function {
    Function::new(Signature::new(ANY, Type::List), |context, args| {
        let all = items(&args[0], "Cannot find uniq on type")?;
        let mut unique: Vec<Value> = Vec::with_capacity(all.len());
        for item in all {
            if !is_among(context, &item, &unique)? {
                unique.push(item);
            }
        }
        Ok(Value::list(unique))
    })
}

/// Looks for a value in a list.
fn is_among(context: &mut dyn CallContext, item: &Value, list: &[Value]) -> Result<bool> {
    for other in list {
        if deep_equal(context, item, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn slice(args: &[Value]) -> Result {
    let all = items(&args[0], "list should be type of slice or array but")?;
    let element = match &args[0] {
        Value::List(list) => list.element(),
        _ => Element::Any,
    };
    if all.is_empty() {
        return Ok(Value::Nil);
    }
    let bound = |index: usize, default: usize| match args.get(index) {
        Some(value) => usize::try_from(to_int64(value)).map_err(|_| out_of_bounds()),
        None => Ok(default),
    };
    let (start, end) = (bound(1, 0)?, bound(2, all.len())?);
    let part = all.get(start..end).ok_or_else(out_of_bounds)?;
    Ok(List::typed(element, part.to_vec()).into())
}

fn out_of_bounds() -> CallError {
    CallError::new("reflect.Value.Slice: slice index out of bounds")
}

fn chunk(context: &mut dyn CallContext, args: &[Value]) -> Result {
    let all = items(&args[1], "Cannot chunk type")?;
    let size = match usize::try_from(int(&args[0])) {
        Ok(size) if size > 0 => size,
        _ if all.is_empty() => return Ok(List::typed(Element::List, Vec::new()).into()),
        _ => return Err(CallError::new("runtime error: makeslice: len out of range")),
    };
    check_items(context, 2 * all.len().div_ceil(size))?;
    context.made(all.len() * ITEM_BYTES)?;
    let chunks: Vec<Value> = all.chunks(size).map(|part| Value::list(part.to_vec())).collect();
    Ok(List::typed(Element::List, chunks).into())
}
