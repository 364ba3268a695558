//! Regular expressions, in Go's syntax. Each pattern is compiled once for a table of functions.

use super::{Result, bytes, check_items, check_size, int, most_items, text};
use crate::function::{CallContext, CallError, Function, Functions, Signature, Type};
use crate::value::{Element, List, Value};
use gitops_regex::GoRegex;
use gitops_yaml::Str;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

const TWO: &[Type] = &[Type::String, Type::String];
const REPLACE: &[Type] = &[Type::String, Type::String, Type::String];
const LIMITED: &[Type] = &[Type::String, Type::String, Type::Int];

/// How many compiled patterns are kept: charts use a handful, in loops.
const KEPT: usize = 64;

/// The steps of a pattern that is compiled: some take as long as tens of thousands of calls.
const COMPILING_STEPS: usize = 50_000;

/// How many bytes a step searches.
const SEARCHED_BYTES_A_STEP: usize = 16;

/// Compiled patterns, or why they can't be compiled.
#[derive(Clone, Debug, Default)]
struct Patterns {
    compiled: Arc<Mutex<HashMap<String, Arc<GoRegex>>>>,
}

impl Patterns {
    /// Compiles the pattern that is the first argument, to search the text that is the second, which is counted as work. The
    /// outer result is that of a limit, the inner one that of the pattern.
    fn get(
        &self,
        context: &mut dyn CallContext,
        args: &[Value],
    ) -> Result<std::result::Result<Arc<GoRegex>, gitops_regex::Error>> {
        context.step(bytes(&args[1]).len() / SEARCHED_BYTES_A_STEP)?;
        let pattern = &*text(&args[0]);
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(regex) = compiled.get(pattern) {
            return Ok(Ok(Arc::clone(regex)));
        }
        context.step(COMPILING_STEPS)?;
        let regex = match GoRegex::new(pattern) {
            Ok(regex) => Arc::new(regex),
            Err(error) => return Ok(Err(error)),
        };
        if compiled.len() >= KEPT {
            compiled.clear();
        }
        compiled.insert(pattern.to_owned(), Arc::clone(&regex));
        Ok(Ok(regex))
    }
}

pub(super) fn add(functions: &mut Functions) {
    let patterns = Patterns::default();
    functions.insert("regexMatch", {
        let patterns = patterns.clone();
        Function::new(Signature::new(TWO, Type::Bool), move |context, args| {
            // A pattern that can't be read matches nothing here, and fails everywhere else.
            let regex = patterns.get(context, args)?;
            Ok(Value::Bool(regex.is_ok_and(|regex| regex.is_match(&text(&args[1])))))
        })
    });
    functions.insert("mustRegexMatch", {
        let patterns = patterns.clone();
        Function::new(Signature::new(TWO, Type::Bool), move |context, args| {
            let regex = patterns.get(context, args)?;
            let regex = regex.map_err(|error| CallError::new(error.to_string()))?;
            Ok(Value::Bool(regex.is_match(&text(&args[1]))))
        })
    });
    functions.insert(
        "regexQuoteMeta",
        super::pure(&[Type::String], Type::String, |args| Ok(quote_meta(&text(&args[0])).into())),
    );
    both(functions, &patterns, "RegexFind", Signature::new(TWO, Type::String), |_, regex, args| {
        let text = text(&args[1]);
        Ok(Value::from(regex.find(&text).map_or("", |found| &text[found])))
    });
    both(functions, &patterns, "RegexFindAll", Signature::new(LIMITED, Type::Strings), find_all);
    both(
        functions,
        &patterns,
        "RegexSplit",
        Signature::new(LIMITED, Type::Strings),
        |context, regex, args| {
            let text = text(&args[1]);
            let parts = regex.split(&text, limited(context, &args[2]));
            check_items(context, parts.len())?;
            Ok(strings(parts))
        },
    );
    both(
        functions,
        &patterns,
        "RegexReplaceAll",
        Signature::new(REPLACE, Type::String),
        |context, regex, args| {
            let (text, template) = (text(&args[1]), text(&args[2]));
            check_replacement(context, regex, &text, &template)?;
            let replaced = regex.replace_all(&text, &template);
            check_size(context, Some(replaced.len()))?;
            Ok(replaced.into())
        },
    );
    both(
        functions,
        &patterns,
        "RegexReplaceAllLiteral",
        Signature::new(REPLACE, Type::String),
        |context, regex, args| {
            let (text, replacement) = (text(&args[1]), text(&args[2]));
            check_replacement(context, regex, &text, &replacement)?;
            Ok(regex.replace_all_literal(&text, &replacement).into())
        },
    );
}

type Body = fn(&dyn CallContext, &GoRegex, &[Value]) -> Result;

/// Adds a function twice: the plain one refuses a pattern in the words of Go's panic, the `must` one in those of the
/// error.
fn both(functions: &mut Functions, patterns: &Patterns, name: &str, signature: Signature, body: Body) {
    for must in [false, true] {
        let patterns = patterns.clone();
        let name = if must { format!("must{name}") } else { name.replacen('R', "r", 1) };
        functions.insert(
            name,
            Function::new(signature, move |context, args| {
                let regex = patterns.get(context, args)?.map_err(|error| {
                    let compile = if must {
                        String::new()
                    } else {
                        format!("regexp: Compile({}): ", quoted(&text(&args[0])))
                    };
                    CallError::new(format!("{compile}{error}"))
                })?;
                body(context, &regex, args)
            }),
        );
    }
}

fn find_all(context: &dyn CallContext, regex: &GoRegex, args: &[Value]) -> Result {
    let text = text(&args[1]);
    let found = regex.find_all(&text, limited(context, &args[2]));
    check_items(context, found.len())?;
    Ok(strings(found.into_iter().map(|found| &text[found]).collect()))
}

/// How many parts are wanted, or one more than there may be.
fn limited(context: &dyn CallContext, wanted: &Value) -> Option<usize> {
    let most = most_items(context) + 1;
    Some(usize::try_from(int(wanted)).map_or(most, |wanted| wanted.min(most)))
}

/// Go's nil where there is nothing, which JSON shows.
fn strings(found: Vec<&str>) -> Value {
    let items: Vec<Value> = found.into_iter().map(|part| Value::String(Str::from(part))).collect();
    if items.is_empty() {
        List::nil(Element::String).into()
    } else {
        List::typed(Element::String, items).into()
    }
}

/// Refuses a result that could pass the limit, before it is made: at most one replacement a byte, and one at the end.
fn check_replacement(
    context: &dyn CallContext,
    regex: &GoRegex,
    text: &str,
    replacement: &str,
) -> Result<()> {
    let most = replacement.len().checked_mul(text.len() + 1);
    if most.is_some_and(|most| most <= context.output_limit() / 4) && !replacement.contains('$') {
        return Ok(());
    }
    // A group is no longer than its match, so that all of one kind together are no longer than the text.
    let dollars = replacement.matches('$').count();
    let matches = regex.find_all(text, None).len();
    let size = matches
        .checked_mul(replacement.len())
        .and_then(|size| size.checked_add(text.len()))
        .and_then(|size| size.checked_add(text.len().checked_mul(dollars)?));
    check_size(context, size)
}

/// Quotes as Go's regexp does: in backquotes where that is possible.
fn quoted(pattern: &str) -> String {
    let plain = |c: char| c == '\t' || (!c.is_control() && c != '`' && c != '\u{feff}');
    if pattern.chars().all(plain) { format!("`{pattern}`") } else { crate::quote::quote(pattern) }
}

/// Returns a pattern that matches exactly this text.
fn quote_meta(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
