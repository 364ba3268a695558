//! Checks a value against a schema, keyword by keyword, in the order of Helm's validator.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use gitops_regex::GoRegex;

use super::failure::{Failure, Kind, all_quoted, english, shown, single_quoted};
use super::format::format_mistake;
use super::resolve::{Draft, Names, ROOT, Target};
use crate::values::{Table, Value};

/// How deep schemas and values may be entered.
const DEPTH: usize = 100;
/// How many schemas may be entered in all, where what else takes long counts as several: references can multiply without end.
const STEPS: u64 = 1_000_000;
/// The steps of an expression that is compiled.
const COMPILING_STEPS: usize = 1_000;
/// How many compiled expressions are kept.
const KEPT: usize = 256;
/// How many comparisons, or bytes that are searched or told, a step stands for.
const A_STEP: usize = 16;

/// Checks values against one schema.
pub(super) struct Checker<'s> {
    names: Names<'s>,
    draft: Draft,
    steps: Cell<u64>,
    patterns: RefCell<HashMap<String, Option<Rc<GoRegex>>>>,
}

/// The way from the root of the values to the one at hand.
#[derive(Clone, Copy)]
struct Path<'p> {
    above: Option<&'p Path<'p>>,
    key: &'p str,
}

impl Path<'_> {
    const ROOT: Path<'static> = Path { above: None, key: "" };

    fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        let mut at = self;
        while let Some(above) = at.above {
            keys.push(at.key.to_owned());
            at = above;
        }
        keys.reverse();
        keys
    }
}

/// The schemas that were entered to get here.
struct Scope<'p, 's> {
    above: Option<&'p Scope<'p, 's>>,
    schema: &'s Value,
    document: &'p str,
    /// Which value is checked: schemas that meet again over one value are a cycle.
    value: usize,
    depth: usize,
}

/// What no schema looked at yet, for `unevaluatedProperties` and `unevaluatedItems`.
#[derive(Default)]
struct Unseen {
    keys: BTreeSet<String>,
    items: BTreeSet<usize>,
}

impl Unseen {
    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.items.is_empty()
    }

    /// Keeps what the other did not look at either.
    fn keep(&mut self, other: &Self) {
        self.keys.retain(|key| other.keys.contains(key));
        self.items.retain(|index| other.items.contains(index));
    }
}

/// A value with the place where it stands.
#[derive(Clone, Copy)]
struct At<'p> {
    value: &'p Value,
    path: &'p Path<'p>,
    id: usize,
}

type Checked<T = ()> = Result<T, Failure>;

pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Int(_) | Value::Float(_) => "number",
        Value::Text(_) => "string",
        Value::List(_) => "array",
        Value::Table(_) => "object",
    }
}

#[allow(clippy::cast_precision_loss, reason = "schemas compare numbers as floats")]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        _ => None,
    }
}

fn is_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| is_equal(a, b))
        }
        (Value::Table(a), Value::Table(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_equal(a, b)))
        }
        _ => match (number(a), number(b)) {
            (Some(a), Some(b)) => a == b,
            _ => a == b,
        },
    }
}

fn count(table: &Table, keyword: &str) -> Option<usize> {
    let wanted = number(table.get(keyword)?)?;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sizes in schemas are small and positive"
    )]
    Some(wanted.max(0.0) as usize)
}

#[allow(clippy::cast_precision_loss, reason = "sizes are printed")]
fn compared(name: &str, got: usize, want: usize) -> String {
    format!("{name}: got {}, want {}", english(got as f64), english(want as f64))
}

impl<'s> Checker<'s> {
    pub(super) fn new(schema: &'s Value) -> Self {
        let names = Names::new(schema);
        Self { draft: names.draft(), names, steps: Cell::new(0), patterns: RefCell::default() }
    }

    pub(super) fn run(&self, value: &Value) -> Checked {
        let root = self.names.root();
        let document = self.names.document_of(root, ROOT).unwrap_or_else(|| ROOT.to_owned());
        let scope = Scope { above: None, schema: root, document: &document, value: 0, depth: 0 };
        let at = At { value, path: &Path::ROOT, id: 0 };
        self.enter(&scope, at, self.unseen(root, value, false)).map(|_| ())
    }

    fn matches(&self, pattern: &str, text: &str) -> bool {
        let mut patterns = self.patterns.borrow_mut();
        self.spend(1 + text.len() / A_STEP);
        if !patterns.contains_key(pattern) {
            self.spend(COMPILING_STEPS);
            if patterns.len() >= KEPT {
                patterns.clear();
            }
            patterns.insert(pattern.to_owned(), GoRegex::new(pattern).ok().map(Rc::new));
        }
        patterns.get(pattern).and_then(Option::as_ref).is_some_and(|regex| regex.is_match(text))
    }

    /// Counts work; where that is too much, the next [`check`](Self::check) says so.
    fn spend(&self, steps: usize) {
        self.steps.set(self.steps.get().saturating_add(steps as u64));
    }

    fn check(&self) -> Checked {
        if self.steps.get() > STEPS {
            return Err(Failure::broken(format!("checking the schema takes more than {STEPS} steps")));
        }
        Ok(())
    }

    /// What no schema looked at yet, when a schema is entered.
    fn unseen(&self, schema: &Value, value: &Value, wanted: bool) -> Unseen {
        let mut unseen = Unseen::default();
        let Some(table) = schema.as_table() else { return unseen };
        match value {
            Value::Table(values) if wanted || table.contains_key("unevaluatedProperties") => {
                unseen.keys = values.keys().map(ToString::to_string).collect();
            }
            Value::List(items) if wanted || table.contains_key("unevaluatedItems") => {
                let looked_at = match (self.draft >= Draft::Y2020, table.get("items")) {
                    (true, Some(_)) => items.len(),
                    (true, None) => match table.get("prefixItems") {
                        Some(Value::List(parts)) => parts.len(),
                        _ => 0,
                    },
                    (false, Some(Value::List(_))) if table.contains_key("additionalItems") => items.len(),
                    (false, Some(Value::List(parts))) => parts.len(),
                    (false, Some(_)) => items.len(),
                    (false, None) => 0,
                };
                unseen.items = (looked_at..items.len()).collect();
            }
            _ => {}
        }
        unseen
    }

    /// Checks the same value against another schema.
    fn same_value(&self, scope: &Scope<'_, 's>, schema: &'s Value, at: At<'_>, seen: &mut Unseen) -> Checked {
        self.in_document(scope, schema, scope.document, at, seen)
    }

    fn in_document(
        &self,
        scope: &Scope<'_, 's>,
        schema: &'s Value,
        document: &str,
        at: At<'_>,
        seen: &mut Unseen,
    ) -> Checked {
        let own = self.names.document_of(schema, document);
        let document = own.as_deref().unwrap_or(document);
        let inner = Scope { above: Some(scope), schema, document, value: at.id, depth: scope.depth + 1 };
        let unseen = self.unseen(schema, at.value, !seen.is_empty());
        let unseen = self.enter(&inner, at, unseen)?;
        seen.keep(&unseen);
        Ok(())
    }

    /// Checks a value beneath the one at hand.
    fn beneath(
        &self,
        scope: &Scope<'_, 's>,
        schema: &'s Value,
        value: &Value,
        above: &Path<'_>,
        key: &str,
    ) -> Checked {
        let own = self.names.document_of(schema, scope.document);
        let document = own.as_deref().unwrap_or(scope.document);
        let path = Path { above: Some(above), key };
        let at = At { value, path: &path, id: scope.value + 1 };
        let inner = Scope { above: Some(scope), schema, document, value: at.id, depth: scope.depth + 1 };
        self.enter(&inner, at, self.unseen(schema, value, false)).map(|_| ())
    }

    fn enter(&self, scope: &Scope<'_, 's>, at: At<'_>, unseen: Unseen) -> Checked<Unseen> {
        self.spend(1);
        self.check()?;
        if scope.depth > DEPTH {
            return Err(Failure::broken(format!("the schema leads more than {DEPTH} deep")));
        }
        let fail = |why: String| Failure { at: at.path.keys(), kind: Kind::Plain(why), causes: Vec::new() };
        let table = match scope.schema {
            Value::Bool(true) => return Ok(unseen),
            Value::Table(table) => table,
            _ => return Err(fail("false schema".to_owned())),
        };
        let mut around = scope.above;
        while let Some(outer) = around.filter(|outer| outer.value == scope.value) {
            if std::ptr::eq(outer.schema, scope.schema) {
                return Err(fail("the schema refers to itself without end: reference cycle".to_owned()));
            }
            around = outer.above;
        }
        // Before 2019, a reference stands alone.
        if self.draft < Draft::Y2019
            && let Some(reference) = table.get("$ref").and_then(Value::as_text)
        {
            let mut unseen = unseen;
            self.reference(scope, reference, at, &mut unseen)?;
            return Ok(unseen);
        }
        if let Some(why) = self.first_mistake(table, at.value) {
            self.spend(why.len() / A_STEP);
            self.check()?;
            return Err(fail(why));
        }
        let mut found = Found { failures: Vec::new(), unseen, path: at.path, told: 0 };
        if let Some(reference) = table.get("$ref").and_then(Value::as_text) {
            found.add(|unseen| self.reference(scope, reference, at, unseen))?;
        }
        match at.value {
            Value::Table(values) => self.object(scope, table, values, at, &mut found)?,
            Value::List(items) => self.array(scope, table, items, at, &mut found)?,
            Value::Text(text) => self.text(table, text, &mut found),
            value => {
                if let Some(value) = number(value) {
                    self.number(table, value, &mut found);
                }
            }
        }
        if self.draft >= Draft::Y2019 {
            self.dynamic_references(scope, table, at, &mut found)?;
        }
        self.combinations(scope, table, at, &mut found)?;
        if self.draft >= Draft::Y2019 {
            self.unevaluated(scope, table, at, &mut found)?;
        }
        let Found { mut failures, unseen, told, .. } = found;
        self.spend(told / A_STEP);
        match failures.len() {
            0 => Ok(unseen),
            1 => Err(failures.remove(0)),
            _ => Err(Failure { at: at.path.keys(), kind: Kind::Group, causes: failures }),
        }
    }

    /// Checks what ends the check at once: type, constant, choice and format.
    fn first_mistake(&self, table: &Table, value: &Value) -> Option<String> {
        let types: Vec<&str> = match table.get("type") {
            Some(Value::Text(name)) => vec![name.as_str()],
            Some(Value::List(names)) => names.iter().filter_map(Value::as_text).collect(),
            _ => Vec::new(),
        };
        let got = type_name(value);
        let is_integer = || number(value).is_some_and(|value| value.fract() == 0.0 && value.is_finite());
        let fits = |name: &&str| **name == *got || (**name == *"integer" && is_integer());
        if !types.is_empty() && !types.iter().any(fits) {
            const ORDER: [&str; 7] = ["null", "boolean", "number", "integer", "string", "array", "object"];
            let mut wanted = types;
            wanted.sort_by_key(|name| ORDER.iter().position(|known| known == name));
            wanted.dedup();
            return Some(format!("got {got}, want {}", wanted.join(" or ")));
        }
        if let Some(wanted) = table.get("const").filter(|_| self.draft >= Draft::Six)
            && !is_equal(value, wanted)
        {
            return Some(match wanted {
                Value::List(_) | Value::Table(_) => "'const' failed".to_owned(),
                wanted => format!("value must be {}", shown(wanted)),
            });
        }
        if let Some(Value::List(choices)) = table.get("enum") {
            self.spend(choices.len() / A_STEP);
        }
        if let Some(Value::List(choices)) = table.get("enum")
            && !choices.iter().any(|choice| is_equal(value, choice))
        {
            if choices.iter().any(|choice| matches!(choice, Value::List(_) | Value::Table(_))) {
                return Some("'enum' failed".to_owned());
            }
            let choices: Vec<String> = choices.iter().map(shown).collect();
            return Some(match choices.as_slice() {
                [only] => format!("value must be {only}"),
                choices => format!("value must be one of {}", choices.join(", ")),
            });
        }
        // Later drafts take formats for notes.
        if let (true, Some(format), Value::Text(text)) =
            (self.draft < Draft::Y2019, table.get("format").and_then(Value::as_text), value)
            && let Some(why) = format_mistake(format, text)
        {
            return Some(format!("{} is not valid {format}: {why}", single_quoted(text)));
        }
        None
    }

    fn reference(&self, scope: &Scope<'_, 's>, reference: &str, at: At<'_>, seen: &mut Unseen) -> Checked {
        match self.names.target(reference, scope.document) {
            Err(why) => Err(Failure::broken(why)),
            Ok(Target::Anything) => Ok(()),
            Ok(Target::Schema(schema, document)) => self.follow(scope, schema, &document, at, seen),
        }
    }

    fn follow(
        &self,
        scope: &Scope<'_, 's>,
        schema: &'s Value,
        document: &str,
        at: At<'_>,
        seen: &mut Unseen,
    ) -> Checked {
        self.in_document(scope, schema, document, at, seen).map_err(|failure| match failure.kind {
            Kind::Broken(_) => failure,
            Kind::Group => Failure { kind: Kind::Reference, ..failure },
            _ => Failure { at: at.path.keys(), kind: Kind::Reference, causes: vec![failure] },
        })
    }

    fn dynamic_references(
        &self,
        scope: &Scope<'_, 's>,
        table: &Table,
        at: At<'_>,
        found: &mut Found<'_>,
    ) -> Checked {
        if table.get("$recursiveRef").is_some() {
            let mut target = (self.names.root(), ROOT.to_owned());
            let mut around = Some(scope);
            while let Some(outer) = around {
                if outer.schema.get("$recursiveAnchor") == Some(&Value::Bool(true)) {
                    target = (outer.schema, outer.document.to_owned());
                }
                around = outer.above;
            }
            found.add(|unseen| self.follow(scope, target.0, &target.1, at, unseen))?;
        }
        if let Some(reference) = table.get("$dynamicRef").and_then(Value::as_text) {
            let mut target = match self.names.target(reference, scope.document) {
                Err(why) => return Err(Failure::broken(why)),
                Ok(Target::Anything) => return Ok(()),
                Ok(Target::Schema(schema, document)) => (schema, document),
            };
            let anchor = reference.split_once('#').map_or("", |(_, anchor)| anchor);
            if target.0.get("$dynamicAnchor").and_then(Value::as_text) == Some(anchor) && !anchor.is_empty() {
                let mut around = Some(scope);
                while let Some(outer) = around {
                    if let Some(schema) = self.names.dynamic_anchor(outer.document, anchor) {
                        target = (schema, outer.document.to_owned());
                    }
                    around = outer.above;
                }
            }
            found.add(|unseen| self.follow(scope, target.0, &target.1, at, unseen))?;
        }
        Ok(())
    }

    fn object(
        &self,
        scope: &Scope<'_, 's>,
        table: &'s Table,
        values: &Table,
        at: At<'_>,
        found: &mut Found<'_>,
    ) -> Checked {
        if let Some(least) = count(table, "minProperties").filter(|least| values.len() < *least) {
            found.fail(compared("minProperties", values.len(), least));
        }
        if let Some(most) = count(table, "maxProperties").filter(|most| values.len() > *most) {
            found.fail(compared("maxProperties", values.len(), most));
        }
        let missing = |wanted: &Value| -> Vec<String> {
            let Value::List(wanted) = wanted else { return Vec::new() };
            let wanted = wanted.iter().filter_map(Value::as_text);
            wanted.filter(|key| !values.contains_key(*key)).map(str::to_owned).collect()
        };
        let names = |missing: &[String]| all_quoted(missing.iter().map(String::as_str));
        if let Some(required) = table.get("required") {
            match missing(required).as_slice() {
                [] => {}
                [one] => found.fail(format!("missing property {}", single_quoted(one))),
                several => found.fail(format!("missing properties {}", names(several))),
            }
        }
        let needs = |key: &str, wanted: &Value, found: &mut Found<'_>| {
            let missing = missing(wanted);
            if !missing.is_empty() {
                found.fail(format!(
                    "properties {} required, if {} exists",
                    names(&missing),
                    single_quoted(key)
                ));
            }
        };
        if let Some(Value::Table(dependencies)) = table.get("dependencies") {
            for (key, wanted) in dependencies.iter().filter(|(key, _)| values.contains_key(*key)) {
                match wanted {
                    Value::List(_) => needs(key, wanted, found),
                    schema => found.add(|unseen| self.same_value(scope, schema, at, unseen))?,
                }
            }
        }
        self.properties(scope, table, values, at, found)?;
        if self.draft >= Draft::Six
            && let Some(schema) = table.get("propertyNames")
        {
            for key in values.keys() {
                let name = Value::Text(key.clone());
                let inner =
                    Scope { above: None, schema, document: scope.document, value: 0, depth: scope.depth + 1 };
                let at = At { value: &name, path: &Path::ROOT, id: 0 };
                let entered = self.enter(&inner, at, self.unseen(schema, &name, false));
                match entered {
                    Ok(_) => {}
                    Err(failure) if failure.is_broken() => return Err(failure),
                    Err(failure) => {
                        let causes =
                            if matches!(failure.kind, Kind::Group) { failure.causes } else { vec![failure] };
                        found.fail_because(format!("invalid propertyName {}", single_quoted(key)), causes);
                    }
                }
            }
        }
        if self.draft >= Draft::Seven {
            if let Some(Value::Table(dependents)) = table.get("dependentSchemas") {
                for (_, schema) in dependents.iter().filter(|(key, _)| values.contains_key(*key)) {
                    found.add(|unseen| self.same_value(scope, schema, at, unseen))?;
                }
            }
            if let Some(Value::Table(dependents)) = table.get("dependentRequired") {
                for (key, wanted) in dependents.iter().filter(|(key, _)| values.contains_key(*key)) {
                    needs(key, wanted, found);
                }
            }
        }
        Ok(())
    }

    fn properties(
        &self,
        scope: &Scope<'_, 's>,
        table: &'s Table,
        values: &Table,
        at: At<'_>,
        found: &mut Found<'_>,
    ) -> Checked {
        let properties = table.get("properties").and_then(Value::as_table);
        let patterns = table.get("patternProperties").and_then(Value::as_table);
        let additional = table.get("additionalProperties");
        let mut refused: Vec<&str> = Vec::new();
        for (key, value) in values {
            self.check()?;
            let mut is_known = false;
            if let Some(schema) = properties.and_then(|properties| properties.get(key)) {
                is_known = true;
                found.add(|_| self.beneath(scope, schema, value, at.path, key))?;
            }
            for (pattern, schema) in patterns.into_iter().flatten() {
                if self.matches(pattern, key) {
                    is_known = true;
                    found.add(|_| self.beneath(scope, schema, value, at.path, key))?;
                }
            }
            if let Some(additional) = additional.filter(|_| !is_known) {
                is_known = true;
                match additional {
                    Value::Bool(true) => {}
                    Value::Bool(false) => refused.push(key),
                    schema => found.add(|_| self.beneath(scope, schema, value, at.path, key))?,
                }
            }
            if is_known {
                found.unseen.keys.remove(key.as_str());
            }
        }
        if !refused.is_empty() {
            found.fail(format!("additional properties {} not allowed", all_quoted(refused)));
        }
        Ok(())
    }

    fn array(
        &self,
        scope: &Scope<'_, 's>,
        table: &'s Table,
        items: &[Value],
        at: At<'_>,
        found: &mut Found<'_>,
    ) -> Checked {
        if let Some(least) = count(table, "minItems").filter(|least| items.len() < *least) {
            found.fail(compared("minItems", items.len(), least));
        }
        if let Some(most) = count(table, "maxItems").filter(|most| items.len() > *most) {
            found.fail(compared("maxItems", items.len(), most));
        }
        if table.get("uniqueItems") == Some(&Value::Bool(true))
            && let Some((first, second)) = self.equal_items(items)?
        {
            found.fail(format!("items at {first} and {second} are equal"));
        }
        let part = |index: usize, schema: &'s Value, found: &mut Found<'_>| {
            let key = index.to_string();
            found.add(|_| self.beneath(scope, schema, &items[index], at.path, &key))
        };
        let (first, rest) = if self.draft >= Draft::Y2020 {
            (table.get("prefixItems"), table.get("items"))
        } else {
            match table.get("items") {
                first @ Some(Value::List(_)) => (first, table.get("additionalItems")),
                rest => (None, rest),
            }
        };
        let mut looked_at = 0;
        if let Some(Value::List(schemas)) = first {
            looked_at = schemas.len().min(items.len());
            for (index, schema) in schemas.iter().enumerate().take(looked_at) {
                part(index, schema, found)?;
            }
        }
        match rest {
            None => {}
            Some(Value::Bool(false))
                if self.draft < Draft::Y2020 && first.is_some() && looked_at != items.len() =>
            {
                found.fail(format!("last {} additionalItem(s) not allowed", items.len() - looked_at));
            }
            Some(schema) => {
                for index in looked_at..items.len() {
                    part(index, schema, found)?;
                }
            }
        }
        let Some(schema) = table.get("contains").filter(|_| self.draft >= Draft::Six) else { return Ok(()) };
        let (mut matched, mut causes) = (Vec::new(), Vec::new());
        for (index, item) in items.iter().enumerate() {
            match self.beneath(scope, schema, item, at.path, &index.to_string()) {
                Ok(()) => {
                    matched.push(index);
                    if self.draft >= Draft::Y2020 {
                        found.unseen.items.remove(&index);
                    }
                }
                Err(failure) if failure.is_broken() => return Err(failure),
                Err(failure) => causes.push(failure),
            }
        }
        self.contained(table, &matched, causes, found);
        Ok(())
    }

    fn contained(&self, table: &Table, matched: &[usize], causes: Vec<Failure>, found: &mut Found<'_>) {
        let listed = || matched.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let bound = |keyword| count(table, keyword).filter(|_| self.draft >= Draft::Y2019);
        match bound("minContains") {
            Some(least) if matched.len() < least && matched.is_empty() => found.fail_because(
                format!("min {least} items required to match contains schema, but none matched"),
                causes,
            ),
            Some(least) if matched.len() < least => {
                let number = matched.len();
                let why = format!(
                    "min {least} items required to match contains schema, but matched {number} items at {}",
                    listed()
                );
                found.fail_because(why, causes);
            }
            None if matched.is_empty() => {
                found.fail_because("no items match contains schema".to_owned(), causes);
            }
            _ => {}
        }
        if let Some(most) = bound("maxContains").filter(|most| matched.len() > *most) {
            let number = matched.len();
            found.fail(format!(
                "max {most} items required to match contains schema, but matched {number} items at {}",
                listed()
            ));
        }
    }

    /// Finds the first two items that are equal.
    fn equal_items(&self, items: &[Value]) -> Checked<Option<(usize, usize)>> {
        for second in 1..items.len() {
            self.spend(second / A_STEP);
            self.check()?;
            if let Some(first) = (0..second).find(|first| is_equal(&items[*first], &items[second])) {
                return Ok(Some((first, second)));
            }
        }
        Ok(None)
    }

    fn text(&self, table: &Table, text: &str, found: &mut Found<'_>) {
        let length = text.chars().count();
        if let Some(least) = count(table, "minLength").filter(|least| length < *least) {
            found.fail(compared("minLength", length, least));
        }
        if let Some(most) = count(table, "maxLength").filter(|most| length > *most) {
            found.fail(compared("maxLength", length, most));
        }
        if let Some(pattern) = table.get("pattern").and_then(Value::as_text)
            && !self.matches(pattern, text)
        {
            found.fail(format!("{} does not match pattern {}", single_quoted(text), single_quoted(pattern)));
        }
    }

    fn number(&self, table: &Table, value: f64, found: &mut Found<'_>) {
        let bound = |keyword: &str| table.get(keyword).and_then(number);
        // In draft 4, these say whether the bound itself is excluded.
        let excludes =
            |keyword: &str| table.get(keyword) == Some(&Value::Bool(true)) && self.draft == Draft::Four;
        let mut check = |name: &str, keyword: &str, is_broken: fn(f64, f64) -> bool| {
            if let Some(wanted) = bound(keyword)
                && is_broken(value, wanted)
            {
                found.fail(format!("{name}: got {}, want {}", english(value), english(wanted)));
            }
        };
        if excludes("exclusiveMinimum") {
            check("exclusiveMinimum", "minimum", |value, wanted| value <= wanted);
        } else {
            check("minimum", "minimum", |value, wanted| value < wanted);
        }
        if excludes("exclusiveMaximum") {
            check("exclusiveMaximum", "maximum", |value, wanted| value >= wanted);
        } else {
            check("maximum", "maximum", |value, wanted| value > wanted);
        }
        if self.draft >= Draft::Six {
            check("exclusiveMinimum", "exclusiveMinimum", |value, wanted| value <= wanted);
            check("exclusiveMaximum", "exclusiveMaximum", |value, wanted| value >= wanted);
        }
        check("multipleOf", "multipleOf", |value, wanted| !is_multiple(value, wanted));
    }

    fn combinations(
        &self,
        scope: &Scope<'_, 's>,
        table: &'s Table,
        at: At<'_>,
        found: &mut Found<'_>,
    ) -> Checked {
        if let Some(schema) = table.get("not") {
            match self.same_value(scope, schema, at, &mut Unseen::default()) {
                Ok(()) => found.fail("'not' failed".to_owned()),
                Err(failure) if failure.is_broken() => return Err(failure),
                Err(_) => {}
            }
        }
        if let Some(Value::List(schemas)) = table.get("allOf") {
            let mut causes = Vec::new();
            for schema in schemas.iter() {
                match self.same_value(scope, schema, at, &mut found.unseen) {
                    Ok(()) => {}
                    Err(failure) if failure.is_broken() => return Err(failure),
                    Err(failure) => causes.push(failure),
                }
            }
            if !causes.is_empty() {
                found.fail_because("'allOf' failed".to_owned(), causes);
            }
        }
        if let Some(Value::List(schemas)) =
            table.get("anyOf").filter(|list| **list != Value::list(Vec::new()))
        {
            let (mut causes, mut matched) = (Vec::new(), false);
            for schema in schemas.iter() {
                match self.same_value(scope, schema, at, &mut found.unseen) {
                    Ok(()) => {
                        matched = true;
                        if found.unseen.is_empty() {
                            break;
                        }
                    }
                    Err(failure) if failure.is_broken() => return Err(failure),
                    Err(failure) => causes.push(failure),
                }
            }
            if !matched {
                found.fail_because("'anyOf' failed".to_owned(), causes);
            }
        }
        if let Some(Value::List(schemas)) =
            table.get("oneOf").filter(|list| **list != Value::list(Vec::new()))
        {
            let (mut causes, mut matched) = (Vec::new(), None);
            for (index, schema) in schemas.iter().enumerate() {
                match (self.same_value(scope, schema, at, &mut found.unseen), matched) {
                    (Ok(()), None) => matched = Some(index),
                    (Ok(()), Some(first)) => {
                        found.fail(format!("'oneOf' failed, subschemas {first}, {index} matched"));
                        break;
                    }
                    (Err(failure), _) if failure.is_broken() => return Err(failure),
                    (Err(failure), _) => causes.push(failure),
                }
            }
            if matched.is_none() {
                found.fail_because("'oneOf' failed, none matched".to_owned(), causes);
            }
        }
        if self.draft < Draft::Seven {
            return Ok(());
        }
        if let Some(schema) = table.get("if") {
            let then = match self.same_value(scope, schema, at, &mut found.unseen) {
                Ok(()) => table.get("then"),
                Err(failure) if failure.is_broken() => return Err(failure),
                Err(_) => table.get("else"),
            };
            if let Some(schema) = then {
                found.add(|unseen| self.same_value(scope, schema, at, unseen))?;
            }
        }
        Ok(())
    }

    fn unevaluated(
        &self,
        scope: &Scope<'_, 's>,
        table: &'s Table,
        at: At<'_>,
        found: &mut Found<'_>,
    ) -> Checked {
        match at.value {
            Value::Table(values) => {
                let Some(schema) = table.get("unevaluatedProperties") else { return Ok(()) };
                for key in std::mem::take(&mut found.unseen.keys) {
                    if let Some(value) = values.get(key.as_str()) {
                        found.add(|_| self.beneath(scope, schema, value, at.path, &key))?;
                    }
                }
            }
            Value::List(items) => {
                let Some(schema) = table.get("unevaluatedItems") else { return Ok(()) };
                for index in std::mem::take(&mut found.unseen.items) {
                    found.add(|_| self.beneath(scope, schema, &items[index], at.path, &index.to_string()))?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// What was found about one value so far.
struct Found<'p> {
    failures: Vec<Failure>,
    unseen: Unseen,
    path: &'p Path<'p>,
    /// How many bytes the reasons have that were found here.
    told: usize,
}

impl Found<'_> {
    fn fail(&mut self, why: String) {
        self.fail_because(why, Vec::new());
    }

    fn fail_because(&mut self, why: String, causes: Vec<Failure>) {
        self.told += why.len();
        self.failures.push(Failure { at: self.path.keys(), kind: Kind::Plain(why), causes });
    }

    /// Runs a further check and keeps what it found; only a broken schema ends everything.
    fn add(&mut self, check: impl FnOnce(&mut Unseen) -> Checked) -> Checked {
        match check(&mut self.unseen) {
            Ok(()) => Ok(()),
            Err(failure) if failure.is_broken() => Err(failure),
            Err(failure) => {
                self.failures.push(failure);
                Ok(())
            }
        }
    }
}

/// Returns whether a number is a multiple of another one, by its decimal digits: 0.3 is one of 0.1.
fn is_multiple(value: f64, wanted: f64) -> bool {
    if wanted == 0.0 {
        return false;
    }
    let scaled = |number: f64| -> Option<(i128, u32)> {
        let text = format!("{number}");
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let places = u32::try_from(fraction.len()).ok()?;
        format!("{whole}{fraction}").parse().ok().map(|digits| (digits, places))
    };
    let exact = || -> Option<bool> {
        let ((a, a_places), (b, b_places)) = (scaled(value)?, scaled(wanted)?);
        let places = a_places.max(b_places);
        let a = a.checked_mul(10i128.checked_pow(places - a_places)?)?;
        let b = b.checked_mul(10i128.checked_pow(places - b_places)?)?;
        Some(a.checked_rem(b)? == 0)
    };
    exact().unwrap_or_else(|| (value / wanted).fract() == 0.0)
}
