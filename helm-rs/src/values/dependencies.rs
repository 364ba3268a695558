//! Switches subcharts on and off, gives them their aliases, and copies the values that parents import.
//!
//! Done before values are coalesced for rendering, as Helm does it: charts that `Chart.yaml` names come in its order,
//! after those that merely lie in `charts/`; conditions win over tags, and the first condition that is a boolean wins.

use std::collections::HashSet;
use std::sync::Arc;

use gitops_yaml::Str;

use super::coalesce::{Nulls, coalesce, coalesce_tables};
use super::{Table, Value};
use crate::chart::{Chart, Dependency};
use crate::go::quoted;
use crate::semver::is_in_range;
use crate::{Error, ErrorKind, Warning, Warnings};

/// Decides for a chart and all beneath which dependencies are used, and lays imported values under their parents'.
///
/// # Errors
/// As [`coalesce`]; and where aliases of charts that have aliases, or imports of what was imported, make more charts or values
/// than anyone installs.
pub fn process_dependencies(chart: &mut Chart, values: &Table, warnings: &mut Warnings) -> Result<(), Error> {
    enable(chart, values, "", warnings, &mut { MOST_CHARTS })?;
    import(chart, warnings, &mut { MOST_VALUES })
}

/// Takes as many from what is left, or refuses in these words.
fn spend(left: &mut usize, count: usize, refusal: impl FnOnce() -> String) -> Result<(), Error> {
    *left = left.checked_sub(count).ok_or_else(|| Error::new(ErrorKind::Limit, refusal()))?;
    Ok(())
}

/// How many values charts may import, each counted at every level that it is imported to.
const MOST_VALUES: usize = 1_000_000;

/// Takes a table's values from how many may still be imported. A table that is imported twice at every level doubles.
fn take_values(table: &Table, left: &mut usize) -> Result<(), Error> {
    spend(left, table.len(), || format!("more than {MOST_VALUES} values are imported from charts beneath"))?;
    table.values().filter_map(Value::as_table).try_for_each(|table| take_values(table, left))
}

/// How many charts one chart may come to with all beneath it, each counted at every level that it is beneath.
const MOST_CHARTS: usize = 20_000;

/// Takes a chart and all beneath it from how many there may still be.
fn take(chart: &Chart, left: &mut usize) -> Result<(), Error> {
    spend(left, 1, || format!("the chart comes to more than {MOST_CHARTS} charts with its dependencies"))?;
    chart.dependencies.iter().try_for_each(|chart| take(chart, left))
}

fn enable(
    chart: &mut Chart,
    values: &Table,
    path: &str,
    warnings: &mut Warnings,
    left: &mut usize,
) -> Result<(), Error> {
    if !chart.metadata.names_dependencies {
        return Ok(());
    }
    let metadata = Arc::make_mut(&mut chart.metadata);
    let mut wanted: Vec<Dependency> =
        std::mem::take(&mut metadata.dependencies).into_iter().flatten().collect();
    let mut found = Vec::new();
    for existing in &chart.dependencies {
        if !wanted.iter().any(|wanted| fits(wanted, existing)) {
            take(existing, left)?;
            found.push(existing.clone());
        }
    }
    for wanted in &mut wanted {
        if let Some(existing) = chart.dependencies.iter().find(|existing| fits(wanted, existing)) {
            take(existing, left)?;
            let mut used = existing.clone();
            if !wanted.alias.is_empty() {
                Arc::make_mut(&mut used.metadata).name = wanted.alias.clone();
            }
            found.push(used);
        }
        if !wanted.alias.is_empty() {
            wanted.name = wanted.alias.clone();
        }
        wanted.enabled = true;
    }
    chart.dependencies = found;
    let values = coalesce(chart, values, Nulls::Remove, warnings)?;
    by_tags(&mut wanted, &values, warnings);
    by_conditions(&mut wanted, &values, path, warnings);
    let off: HashSet<Str> = wanted.iter().filter(|d| !d.enabled).map(|d| d.name.clone()).collect();
    chart.dependencies.retain(|chart| !off.contains(chart.name()));
    wanted.retain(|wanted| !off.contains(&wanted.name));
    for sub in &mut chart.dependencies {
        let path = format!("{path}{}.", sub.name());
        enable(sub, &values, &path, warnings, left)?;
    }
    let metadata = Arc::make_mut(&mut chart.metadata);
    metadata.names_dependencies = !wanted.is_empty();
    metadata.dependencies = wanted.into_iter().map(Some).collect();
    Ok(())
}

fn fits(wanted: &Dependency, chart: &Chart) -> bool {
    wanted.name == chart.name() && is_in_range(&wanted.version, &chart.metadata.version)
}

fn by_tags(wanted: &mut [Dependency], values: &Table, warnings: &mut Warnings) {
    let Some(Value::Table(tags)) = values.get("tags") else { return };
    for wanted in wanted {
        let (mut any_on, mut any_off) = (false, false);
        for tag in &wanted.tags {
            match tags.get(tag) {
                Some(Value::Bool(true)) => any_on = true,
                Some(Value::Bool(false)) => any_off = true,
                Some(_) => warnings.push(
                    Warning::warn("returned non-bool value").with("tag", tag).with("chart", &wanted.name),
                ),
                None => {}
            }
        }
        wanted.enabled = any_on || !any_off;
    }
}

fn by_conditions(wanted: &mut [Dependency], values: &Table, path: &str, warnings: &mut Warnings) {
    for wanted in wanted {
        for condition in wanted.condition.trim().split(',').filter(|condition| !condition.is_empty()) {
            match scalar_at(values, &format!("{path}{condition}")) {
                Some(Value::Bool(on)) => {
                    wanted.enabled = *on;
                    break;
                }
                Some(_) => warnings.push(
                    Warning::warn("returned non-bool value")
                        .with("path", condition)
                        .with("chart", &wanted.name),
                ),
                None => {}
            }
        }
    }
}

/// Returns the value at a path with dots, unless it is a table.
fn scalar_at<'a>(values: &'a Table, path: &str) -> Option<&'a Value> {
    let (tables, key) = path.rsplit_once('.').map_or((None, path), |(tables, key)| (Some(tables), key));
    let table = match tables {
        None => values,
        Some(path) => table_at(values, path).ok()?,
    };
    table.get(key).filter(|value| !matches!(value, Value::Table(_)))
}

/// Returns the table at a path with dots, or the name that is none.
fn table_at<'a>(values: &'a Table, path: &str) -> Result<&'a Arc<Table>, String> {
    let mut table = values;
    let mut found = None;
    for name in path.split('.') {
        match table.get(name) {
            Some(Value::Table(inner)) => {
                table = inner;
                found = Some(inner);
            }
            _ => return Err(name.to_owned()),
        }
    }
    found.ok_or_else(|| path.to_owned())
}

/// Lays the values that charts import under their own, from the deepest charts up.
fn import(chart: &mut Chart, warnings: &mut Warnings, left: &mut usize) -> Result<(), Error> {
    for sub in &mut chart.dependencies {
        import(sub, warnings, left)?;
    }
    if !chart.metadata.names_dependencies {
        return Ok(());
    }
    let mut values = coalesce(chart, &Table::new(), Nulls::Keep, warnings)?;
    let mut imported = Table::new();
    let mut aliases = Aliases::default();
    for dependency in chart.metadata.dependencies.iter().flatten() {
        for import in &dependency.import_values {
            let (child, parent, message) = if let Some((child, parent)) = import.table() {
                (child.to_string(), parent.to_string(), "ImportValues missing table from chart")
            } else if let Some(name) = import.export() {
                (format!("exports.{name}"), ".".to_owned(), "ImportValues missing table")
            } else {
                continue;
            };
            let from = format!("{}.{child}", dependency.name);
            match table_at(&values, &from) {
                Ok(table) => {
                    take_values(table, left)?;
                    let to =
                        if parent == "." { Vec::new() } else { parent.split('.').map(Str::from).collect() };
                    let from: Vec<Str> = from.split('.').map(Str::from).collect();
                    // Helm makes a new table where it imports an empty one.
                    if !table.is_empty() {
                        aliases.record(&imported, table, to, from);
                    }
                    let table = at_path(&parent, Arc::clone(table));
                    coalesce_tables(&mut imported, &table, Nulls::Keep, warnings);
                    aliases.follow(&mut imported, &mut values);
                }
                Err(name) => {
                    let mut warning = Warning::warn(message);
                    if import.export().is_none() {
                        warning = warning.with("chart", &dependency.name);
                    }
                    warnings.push(warning.with("error", format!("{} is not a table", quoted(&name))));
                }
            }
        }
    }
    coalesce_tables(&mut values, &imported, Nulls::Keep, warnings);
    chart.values = Some(Arc::new(values));
    Ok(())
}

/// Tables that the imported values share with the values they were taken from: in Helm they are one and the same, so
/// that a second import into such a table changes the first dependency's values as well.
#[derive(Default)]
struct Aliases(Vec<Alias>);

struct Alias {
    imported: Vec<Str>,
    values: Vec<Str>,
    /// What the table was when both sides were last the same.
    last: Option<Arc<Table>>,
}

impl Aliases {
    /// Notes which tables will be shared when a table is laid beneath the imported values at a path.
    fn record(&mut self, imported: &Table, table: &Arc<Table>, to: Vec<Str>, from: Vec<Str>) {
        let mut at = imported;
        for key in &to {
            match at.get(key) {
                None => {
                    self.0.push(Alias { imported: to, values: from, last: Some(Arc::clone(table)) });
                    return;
                }
                Some(Value::Table(inner)) => at = inner,
                Some(_) => return,
            }
        }
        for (key, value) in table.iter() {
            let Value::Table(inner) = value else { continue };
            let extend = |path: &[Str]| path.iter().chain([key]).cloned().collect::<Vec<_>>();
            match at.get(key) {
                None => self.0.push(Alias {
                    imported: extend(&to),
                    values: extend(&from),
                    last: Some(Arc::clone(inner)),
                }),
                Some(Value::Table(_)) => self.record(imported, inner, extend(&to), extend(&from)),
                Some(_) => {}
            }
        }
    }

    /// Brings both sides together after the imported values changed.
    fn follow(&mut self, imported: &mut Table, values: &mut Table) {
        for alias in &mut self.0 {
            let now = find(imported, &alias.imported);
            let changed = match (&now, &alias.last) {
                (Some(now), Some(last)) => !Arc::ptr_eq(now, last) && now != last,
                _ => false,
            };
            if let Some(now) = now.filter(|_| changed) {
                replace(values, &alias.values, now);
            }
        }
        for alias in &mut self.0 {
            if let Some(now) = find(values, &alias.values) {
                replace(imported, &alias.imported, Arc::clone(&now));
                alias.last = Some(now);
            }
        }
    }
}

fn find(table: &Table, path: &[Str]) -> Option<Arc<Table>> {
    let (last, above) = path.split_last()?;
    let table = above.iter().try_fold(table, |table, key| table.get(key).and_then(Value::as_table))?;
    match table.get(last) {
        Some(Value::Table(found)) => Some(Arc::clone(found)),
        _ => None,
    }
}

fn replace(table: &mut Table, path: &[Str], new: Arc<Table>) {
    match path {
        [] => {}
        [key] => {
            table.insert(key.clone(), Value::Table(new));
        }
        [key, rest @ ..] => {
            if let Some(Value::Table(inner)) = table.get_mut(key) {
                replace(Arc::make_mut(inner), rest, new);
            }
        }
    }
}

/// Wraps a table in the tables of a path with dots; `.` is no path.
fn at_path(path: &str, table: Arc<Table>) -> Arc<Table> {
    if path == "." {
        return table;
    }
    path.rsplit('.').fold(table, |inner, key| Arc::new(Table::from([(Str::from(key), Value::Table(inner))])))
}
