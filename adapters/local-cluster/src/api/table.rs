//! Objects as tables, which `kubectl get` prints.

mod cells;
mod path;

use crate::store::{Object, Target};
use crate::value::Value;
use std::time::{SystemTime, UNIX_EPOCH};

/// Makes a table of objects.
pub(super) fn of(target: &Target, objects: &[&Object], with_columns: bool) -> Value {
    let version = &target.resource.versions[target.version];
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let (columns, rows): (Vec<Value>, Vec<Vec<Value>>) = if target.resource.is_built_in() {
        let heads = cells::columns(&target.resource);
        let columns = heads.iter().map(|(name, kind)| {
            let format = if *name == "Name" { "name" } else { "" };
            column(name, kind, format, "", 0)
        });
        let wide = cells::wide(&target.resource);
        let columns = columns.chain(wide.iter().map(|name| column(name, "string", "", "", 1)));
        let rows = objects.iter().map(|object| cells::of(&target.resource, object, now));
        (columns.collect(), rows.collect())
    } else {
        let mut columns = vec![column("Name", "string", "name", "", 0)];
        if version.columns.is_empty() {
            columns.push(column("Age", "date", "", "", 0));
        }
        columns.extend(
            version
                .columns
                .iter()
                .map(|one| column(&one.name, &one.kind, &one.format, &one.description, one.priority)),
        );
        let rows = objects.iter().map(|object| {
            let mut row = vec![object.name().into()];
            if version.columns.is_empty() {
                row.push(cells::age(object, now));
            }
            for one in &version.columns {
                let found = path::find(object.body(), &one.path);
                row.push(match (one.kind.as_str(), found) {
                    ("date", Some(Value::Text(time))) => cells::since(&time, now),
                    ("string", Some(Value::Map(_) | Value::List(_))) => Value::Null,
                    ("string", Some(Value::Text(text))) => Value::Text(text),
                    ("string", Some(other)) if !other.is_null() => other.to_json().into(),
                    (_, found) => found.unwrap_or_default(),
                });
            }
            row
        });
        let rows = rows.collect();
        (columns, rows)
    };
    let rows = rows.into_iter().zip(objects).map(|(cells, object)| {
        Value::from([("cells", Value::List(cells)), ("object", super::resource::partial(object))])
    });
    let mut table = Value::from([
        ("kind", "Table".into()),
        ("apiVersion", "meta.k8s.io/v1".into()),
        (
            "metadata",
            Value::from([(
                "resourceVersion",
                objects.last().map_or(String::new(), |object| object.revision().to_string()).into(),
            )]),
        ),
        ("rows", Value::List(rows.collect())),
    ]);
    if with_columns || !columns.is_empty() {
        table.set("columnDefinitions", Value::List(columns));
    }
    table
}

fn column(name: &str, kind: &str, format: &str, description: &str, priority: i64) -> Value {
    Value::from([
        ("name", name.into()),
        ("type", kind.into()),
        ("format", format.into()),
        ("description", description.into()),
        ("priority", priority.into()),
    ])
}
