//! Lays a user's values over the defaults of a chart and of all charts beneath it, exactly as Helm does.
//!
//! Who wins: the user, then a parent's section for the subchart, then the subchart's own defaults. A null takes a
//! default away; a parent's `global` table goes down to all subcharts. Two oddities of Helm are kept, because charts
//! render differently without them: nulls below a key that names a subchart survive until that subchart's turn, and
//! tables nested two deep in `global` are shared between a parent and its subcharts in both directions.

use std::sync::Arc;

use gitops_yaml::Str;

use super::value::{Table, Value, printed, printed_as_boolean};
use crate::chart::Chart;
use crate::go::quoted;
use crate::{Error, ErrorKind, Warning, Warnings};

/// The key under which values for all charts stand.
pub(crate) const GLOBAL: &str = "global";

/// What becomes of nulls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    /// A null removes the default that it stands over: the last step before rendering.
    Remove,
    /// Nulls stay, to remove defaults in a later step.
    Keep,
}

/// Lays values over the defaults of a chart and of the charts beneath it.
///
/// # Errors
/// `type mismatch on NAME: …` where the values hold something other than a table for a subchart.
pub fn coalesce(
    chart: &Chart,
    values: &Table,
    nulls: Nulls,
    warnings: &mut Warnings,
) -> Result<Table, Error> {
    let mut result = values.clone();
    let mut job = Job { warnings };
    job.chart(chart, &mut result, "", nulls)?;
    share_globals_downwards(chart, &mut result);
    Ok(result)
}

/// Lays a table over another one, which fills its gaps.
pub fn coalesce_tables(over: &mut Table, under: &Table, nulls: Nulls, warnings: &mut Warnings) {
    let mut filled = Arc::new(std::mem::take(over));
    Job { warnings }.tables(&mut filled, under, "", nulls, Clean::No);
    *over = Arc::unwrap_or_clone(filled);
}

/// Whether nulls within the lower table are dropped first.
#[derive(Clone, Copy, PartialEq)]
enum Clean {
    No,
    Yes,
}

struct Job<'a> {
    warnings: &'a mut Warnings,
}

fn joined(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { [prefix, ".", key].concat() }
}

impl Job<'_> {
    fn warn(&mut self, message: String) {
        self.warnings.push(Warning::info(message));
    }

    fn chart(&mut self, chart: &Chart, values: &mut Table, prefix: &str, nulls: Nulls) -> Result<(), Error> {
        self.defaults(chart, values, prefix, nulls);
        self.subcharts(chart, values, prefix, nulls)
    }

    /// Fills the gaps of a chart's values with its defaults.
    fn defaults(&mut self, chart: &Chart, values: &mut Table, prefix: &str, nulls: Nulls) {
        let Some(defaults) = chart.values() else { return };
        for (key, default) in defaults {
            match values.get_mut(key) {
                Some(Value::Null) if nulls == Nulls::Remove => {
                    values.remove(key);
                }
                Some(Value::Table(table)) => {
                    let Value::Table(default) = default else {
                        if *default != Value::Null {
                            let path = joined(prefix, chart.name());
                            self.warn(format!("warning: skipped value for {path}.{key}: Not a table."));
                        }
                        continue;
                    };
                    let is_subchart = chart.dependencies().iter().any(|sub| key == sub.name());
                    let (nulls, clean) = match nulls {
                        Nulls::Remove if !is_subchart => (Nulls::Remove, Clean::Yes),
                        _ => (Nulls::Keep, Clean::No),
                    };
                    let path = joined(&joined(prefix, chart.name()), key);
                    self.tables(table, default, &path, nulls, clean);
                }
                Some(_) => {}
                None if nulls == Nulls::Keep => {
                    values.insert(key.clone(), default.clone());
                }
                None if *default == Value::Null => {}
                None => {
                    values.insert(key.clone(), without_nulls(default));
                }
            }
        }
    }

    fn subcharts(
        &mut self,
        chart: &Chart,
        values: &mut Table,
        prefix: &str,
        nulls: Nulls,
    ) -> Result<(), Error> {
        for sub in chart.dependencies() {
            let name = Str::from(sub.name());
            let mut table = match values.get_mut(&name) {
                None => Table::new(),
                // Taken out, so that changing it copies nothing that is not shared.
                Some(Value::Table(table)) => Arc::unwrap_or_clone(std::mem::take(table)),
                Some(other) => {
                    let shown = printed_as_boolean(other);
                    return Err(Error::new(ErrorKind::Values, format!("type mismatch on {name}: {shown}")));
                }
            };
            let path = joined(prefix, chart.name());
            self.globals(&mut table, values, &path);
            let result = self.chart(sub, &mut table, &path, nulls);
            share_globals_upwards(values, &table);
            values.insert(name, Value::table(table));
            result?;
        }
        Ok(())
    }

    /// Copies the parent's globals down. Where that changes nothing, both hold the same table.
    fn globals(&mut self, sub: &mut Table, parent: &Table, prefix: &str) {
        let own = match sub.get(GLOBAL) {
            None => None,
            Some(Value::Table(table)) => Some(Arc::clone(table)),
            Some(_) => {
                self.warn("warning: skipping globals because destination global is not a table.".to_owned());
                return;
            }
        };
        let above = match parent.get(GLOBAL) {
            None => &Arc::default(),
            Some(Value::Table(table)) => table,
            Some(_) => {
                self.warn("warning: skipping globals because source global is not a table.".to_owned());
                return;
            }
        };
        let Some(mut own) = own else {
            sub.insert(Str::literal(GLOBAL), Value::Table(Arc::clone(above)));
            return;
        };
        if Arc::ptr_eq(&own, above) {
            return;
        }
        for (key, value) in above.iter() {
            match (value, own.get(key)) {
                (Value::Table(over), Some(Value::Table(under))) => {
                    let (mut merged, under) = (Arc::clone(over), Arc::clone(under));
                    self.tables(&mut merged, &under, &joined(prefix, key), Nulls::Keep, Clean::No);
                    if !Arc::ptr_eq(&merged, &under) {
                        Arc::make_mut(&mut own).insert(key.clone(), Value::Table(merged));
                    }
                }
                (Value::Table(_), Some(_)) => {
                    let key = quoted(key);
                    self.warn(format!("Conflict: cannot merge map onto non-map for {key}. Skipping."));
                }
                (_, Some(Value::Table(_))) => self.warn(format!("key {key} is table. Skipping")),
                (_, Some(own)) if own == value => {}
                _ => {
                    Arc::make_mut(&mut own).insert(key.clone(), value.clone());
                }
            }
        }
        sub.insert(Str::literal(GLOBAL), Value::Table(own));
    }

    /// Fills the gaps of a table with another one. Tables that this does not change stay shared.
    fn tables(&mut self, over: &mut Arc<Table>, under: &Table, prefix: &str, nulls: Nulls, clean: Clean) {
        if std::ptr::eq(&**over, under) && (nulls == Nulls::Keep || !has_nulls(over)) {
            return;
        }
        for (key, value) in under.iter() {
            if clean == Clean::Yes && *value == Value::Null {
                continue;
            }
            match (over.get(key), value) {
                (None, _) => {
                    let value = if clean == Clean::Yes { without_nulls(value) } else { value.clone() };
                    Arc::make_mut(over).insert(key.clone(), value);
                }
                (Some(Value::Null), Value::Null) => {}
                (Some(Value::Null), _) if nulls == Nulls::Remove => {
                    Arc::make_mut(over).remove(key);
                }
                (Some(Value::Table(old)), Value::Table(under)) => {
                    let mut merged = Arc::clone(old);
                    self.tables(&mut merged, under, &joined(prefix, key), nulls, clean);
                    let is_changed = over
                        .get(key)
                        .is_none_or(|old| !matches!(old, Value::Table(old) if Arc::ptr_eq(old, &merged)));
                    if is_changed {
                        Arc::make_mut(over).insert(key.clone(), Value::Table(merged));
                    }
                }
                (Some(_), Value::Table(_)) => {
                    let value = if clean == Clean::Yes { without_nulls(value) } else { value.clone() };
                    let (path, shown) = (joined(prefix, key), printed(&value));
                    self.warn(format!("warning: cannot overwrite table with non table for {path} ({shown})"));
                }
                (Some(Value::Table(_)), Value::Null) => {}
                (Some(Value::Table(_)), value) => {
                    let (path, shown) = (joined(prefix, key), printed(value));
                    self.warn(format!(
                        "warning: destination for {path} is a table. Ignoring non-table value ({shown})"
                    ));
                }
                _ => {}
            }
        }
    }
}

fn has_nulls(table: &Table) -> bool {
    table.values().any(|value| match value {
        Value::Null => true,
        Value::Table(table) => has_nulls(table),
        _ => false,
    })
}

/// Returns a value without the nulls in its tables; one that has none is shared.
fn without_nulls(value: &Value) -> Value {
    fn cleaned(table: &Arc<Table>) -> Arc<Table> {
        if !has_nulls(table) {
            return Arc::clone(table);
        }
        let kept = table.iter().filter(|(_, value)| **value != Value::Null);
        Arc::new(
            kept.map(|(key, value)| match value {
                Value::Table(table) => (key.clone(), Value::Table(cleaned(table))),
                other => (key.clone(), other.clone()),
            })
            .collect(),
        )
    }
    match value {
        Value::Table(table) => Value::Table(cleaned(table)),
        other => other.clone(),
    }
}

/// Writes what a subchart added to nested tables of its globals back to the parent's: in Helm they are one and the same
/// table from the second level down.
fn share_globals_upwards(parent: &mut Table, sub: &Table) {
    let Some(Value::Table(from)) = sub.get(GLOBAL) else { return };
    let Some(Value::Table(to)) = parent.get_mut(GLOBAL) else { return };
    if !Arc::ptr_eq(to, from) {
        share(to, from);
    }
}

fn share(to: &mut Arc<Table>, from: &Table) {
    let mut changes = Vec::new();
    for (key, value) in to.iter() {
        let (Value::Table(to), Some(Value::Table(from))) = (value, from.get(key)) else { continue };
        for (name, value) in to.iter() {
            if let (Value::Table(old), Some(Value::Table(new))) = (value, from.get(name))
                && !Arc::ptr_eq(old, new)
                && old != new
            {
                changes.push((key.clone(), name.clone(), Arc::clone(new)));
            }
        }
    }
    if changes.is_empty() {
        return;
    }
    let to = Arc::make_mut(to);
    for (key, name, new) in changes {
        if let Some(Value::Table(table)) = to.get_mut(&key) {
            Arc::make_mut(table).insert(name, Value::Table(new));
        }
    }
}

/// Gives every subchart the final state of the tables that it shares with its parent.
fn share_globals_downwards(chart: &Chart, values: &mut Table) {
    let Some(Value::Table(globals)) = values.get(GLOBAL).cloned() else { return };
    let has_nested = |table: &Table| table.values().any(|value| matches!(value, Value::Table(_)));
    if !globals.values().any(|value| value.as_table().is_some_and(has_nested)) {
        return;
    }
    for sub in chart.dependencies() {
        if let Some(Value::Table(table)) = values.get_mut(sub.name()) {
            let table = Arc::make_mut(table);
            if let Some(Value::Table(own)) = table.get_mut(GLOBAL)
                && !Arc::ptr_eq(own, &globals)
            {
                share_into(own, &globals);
            }
            share_globals_downwards(sub, table);
        }
    }
}

/// As [`share`], for the tables that the parent has.
fn share_into(own: &mut Arc<Table>, parent: &Table) {
    let mut seen = Table::new();
    for (key, value) in parent {
        if let Value::Table(table) = value {
            let nested = table.iter().filter(|(_, value)| matches!(value, Value::Table(_)));
            seen.insert(key.clone(), Value::table(nested.map(|(k, v)| (k.clone(), v.clone())).collect()));
        }
    }
    share(own, &seen);
}
