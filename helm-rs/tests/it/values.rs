//! Values: `--set` grammars, merging, tables, trees of charts.

use std::path::Path;

use gitops_conformance::{Suite, folder, rows};
use helm_rs::chart::{Chart, File};
use helm_rs::values::{
    Nulls, SetKind, Table, UserValues, Value, coalesce, coalesce_tables, process_dependencies, set,
};
use serde_json::{Value as Json, json};

use crate::json::{floats, integers, same, table};

#[test]
fn values_are_those_of_helm() {
    let Some(folder) = folder("helm/values") else { return };
    let mut suite = Suite::new("helm-values");
    strvals(&mut suite, &folder);
    merges(&mut suite, &folder);
    tables(&mut suite, &folder);
    charts(&mut suite, &folder);
    schemas(&mut suite, &folder);
    suite.finish(99.0);
}

fn strvals(suite: &mut Suite, folder: &Path) {
    for row in rows(&folder.join("strvals.jsonl")) {
        suite.check(row["name"].as_str().unwrap(), || {
            let mut values = integers(&row["dest"]).as_table().cloned().unwrap_or_default();
            let read = |name: &str| match name {
                "missing.txt" => Err("open missing.txt: no such file or directory".to_owned()),
                name => Ok(format!("<content of {name}>")),
            };
            let kind = match row["kind"].as_str().unwrap() {
                "set" => SetKind::Typed,
                "set-string" => SetKind::Text,
                "set-json" => SetKind::Json,
                "set-literal" => SetKind::Literal,
                _ => SetKind::File(&read),
            };
            let result = set(&mut values, row["input"].as_str().unwrap(), kind);
            outcome(&row, result.map(|()| Value::table(values)))
        });
    }
}

fn outcome(row: &Json, result: Result<Value, helm_rs::Error>) -> Result<(), String> {
    match (row["ok"] == true, result) {
        (true, Ok(values)) => {
            same(&row["output"], &values)?;
            let types = row["number_types"].as_object().cloned().unwrap_or_default();
            for (pointer, wanted) in types {
                let keys: Vec<String> =
                    pointer.split('/').skip(1).map(|k| k.replace("~1", "/").replace("~0", "~")).collect();
                let found = keys.iter().try_fold(values.clone(), |value, key| match &value {
                    Value::Table(table) => table.get(key.as_str()).cloned(),
                    Value::List(items) => items.get(key.parse::<usize>().ok()?).cloned(),
                    _ => None,
                });
                let is_right = match wanted.as_str() {
                    Some("int64") => matches!(found, Some(Value::Int(_))),
                    _ => matches!(found, Some(Value::Float(_))),
                };
                if !is_right {
                    return Err(format!("{pointer} should be {wanted}, is {found:?}"));
                }
            }
            Ok(())
        }
        (false, Err(error)) if row["error"] == error.to_string().as_str() => Ok(()),
        (_, got) => Err(format!("wanted {} {}, got {got:?}", row["output"], row["error"])),
    }
}

fn merges(suite: &mut Suite, folder: &Path) {
    for row in rows(&folder.join("merge.jsonl")) {
        suite.check(row["name"].as_str().unwrap(), || {
            let texts = |name: &str| -> Vec<String> {
                row[name].as_array().into_iter().flatten().map(|t| t.as_str().unwrap().to_owned()).collect()
            };
            let mut given = UserValues::default();
            for (index, text) in texts("files").into_iter().enumerate() {
                given.files.push((format!("f{index}.yaml"), text.into_bytes()));
            }
            given.set_json = texts("set_json");
            given.set = texts("set");
            given.set_string = texts("set_string");
            given.set_file = texts("set_file");
            given.set_literal = texts("set_literal");
            let content = row["file_content"].as_str().unwrap_or_default().to_owned();
            outcome(&row, given.merge(&|_| Ok(content.clone())).map(Value::table))
        });
    }
}

fn tables(suite: &mut Suite, folder: &Path) {
    for row in rows(&folder.join("tables.jsonl")) {
        suite.check(row["name"].as_str().unwrap(), || {
            let mut warnings = Vec::new();
            for (field, nulls) in [("coalesce_tables", Nulls::Remove), ("merge_tables", Nulls::Keep)] {
                let mut result = table(&row["dst"]);
                coalesce_tables(&mut result, &table(&row["src"]), nulls, &mut warnings);
                same(&row[field], &Value::table(result)).map_err(|why| format!("{field}: {why}"))?;
            }
            Ok(())
        });
    }
}

fn chart_of(json: &Json) -> Chart {
    let version = json["version"].as_str().unwrap_or("0.1.0");
    let mut metadata = json!({ "apiVersion": "v2", "name": json["name"], "version": version });
    if !json["dependencies"].is_null() {
        metadata["dependencies"] = json["dependencies"].clone();
    }
    let metadata = File::new("Chart.yaml", metadata.to_string().as_bytes());
    let mut chart = Chart::load(&[metadata], &mut Vec::new()).unwrap();
    if json["values"].is_object() {
        chart.set_values(table(&json["values"]));
    }
    chart.set_dependencies(json["charts"].as_array().into_iter().flatten().map(chart_of).collect());
    chart
}

fn charts(suite: &mut Suite, folder: &Path) {
    for row in rows(&folder.join("charts.jsonl")) {
        suite.check(row["name"].as_str().unwrap(), || {
            let chart = chart_of(&row["chart"]);
            let user = table(&row["user_values"]);
            let mut warnings = Vec::new();
            let check = |field: &str, result: Result<Table, helm_rs::Error>| match result {
                Ok(values) => {
                    same(&row[field], &Value::table(values)).map_err(|why| format!("{field}: {why}"))
                }
                Err(error) if row[field] == format!("error: {error}").as_str() => Ok(()),
                Err(error) => Err(format!("{field}: {error}, wanted {}", row[field])),
            };
            check("coalesce_values", coalesce(&chart, &user, Nulls::Remove, &mut warnings))?;
            check("merge_values", coalesce(&chart, &user, Nulls::Keep, &mut warnings))?;
            let mut chart = chart;
            let result = process_dependencies(&mut chart, &user, &mut warnings)
                .and_then(|()| coalesce(&chart, &user, Nulls::Remove, &mut warnings));
            match (row["ok"] == true, result) {
                (false, Err(error)) if row["error"] == error.to_string().as_str() => return Ok(()),
                (true, Ok(values)) => same(&row["values"], &Value::table(values.clone())).and_then(|()| {
                    per_chart(&row["per_chart"], &chart, chart.name(), &Value::table(values))
                })?,
                (_, result) => return Err(format!("wanted {}, got {result:?}", row["error"])),
            }
            processed(&row["processed"], &chart)
        });
    }
}

fn per_chart(wanted: &Json, chart: &Chart, path: &str, values: &Value) -> Result<(), String> {
    same(&wanted[path], values).map_err(|why| format!("values of {path}: {why}"))?;
    for sub in chart.dependencies() {
        let path = format!("{path}/charts/{}", sub.name());
        per_chart(wanted, sub, &path, values.get(sub.name()).unwrap_or(&Value::Null))?;
    }
    Ok(())
}

fn processed(wanted: &Json, chart: &Chart) -> Result<(), String> {
    let values = chart.values().cloned().unwrap_or_default();
    if wanted["values"] != Json::Null || !values.is_empty() {
        same(&wanted["values"], &Value::table(values))
            .map_err(|why| format!("defaults of {}: {why}", chart.name()))?;
    }
    let names: Vec<&str> =
        wanted["charts"].as_array().into_iter().flatten().map(|c| c["name"].as_str().unwrap()).collect();
    let got: Vec<&str> = chart.dependencies().iter().map(Chart::name).collect();
    if names != got {
        return Err(format!("charts of {}: wanted {names:?}, got {got:?}", chart.name()));
    }
    for (wanted, chart) in wanted["charts"].as_array().into_iter().flatten().zip(chart.dependencies()) {
        processed(wanted, chart)?;
    }
    Ok(())
}

#[test]
fn numbers_from_yaml_are_floats() {
    assert_eq!(floats(&json!(1)), Value::Float(1.0));
}

fn schemas(suite: &mut Suite, folder: &Path) {
    for row in rows(&folder.join("schema.jsonl")) {
        suite.check(row["name"].as_str().unwrap(), || {
            let result =
                helm_rs::validate_values(&floats(&row["values"]), row["schema"].as_str().unwrap().as_bytes());
            match result {
                Ok(()) if row["ok"] == true => Ok(()),
                Ok(()) => Err(format!("wanted {}{}", row["error"], row["error_lines_any_order"])),
                Err(error) if row["error_lines_any_order"].is_array() => {
                    let error = error.to_string();
                    let mut got: Vec<&str> = error.lines().collect();
                    got.sort_unstable();
                    let wanted = &row["error_lines_any_order"];
                    if json!(got) == *wanted { Ok(()) } else { Err(format!("wanted {wanted}, got {got:?}")) }
                }
                Err(error) => {
                    let wanted = row["error"].as_str().unwrap_or("success");
                    let error = error.to_string();
                    // A schema that is no schema need not be refused in the same words.
                    let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
                    if wanted.contains("metaschema") && first(wanted) == first(&error) {
                        return Ok(());
                    }
                    gitops_conformance::same_text(wanted, &error)
                }
            }
        });
    }
}

/// Two imports into one table: in Helm the first dependency's table is the very same and changes with it, unless it was
/// empty.
#[test]
fn imports_into_one_table_change_the_first_dependency_unless_its_table_was_empty() {
    let read = |first: &str| {
        let wanted = "dependencies:\n- {name: a, version: '*', import-values: [{child: map, parent: deep}]}\n- {name: b, version: '*', import-values: [{child: map, parent: deep}]}\n";
        let chart = |name: &str| format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n");
        let files = [
            ("Chart.yaml", format!("{}{wanted}", chart("top"))),
            ("charts/a/Chart.yaml", chart("a")),
            ("charts/a/values.yaml", format!("map: {first}\n")),
            ("charts/b/Chart.yaml", chart("b")),
            ("charts/b/values.yaml", "map: {z: 2}\n".to_owned()),
        ];
        let files: Vec<File> = files.iter().map(|(name, text)| File::new(*name, text.as_bytes())).collect();
        let mut chart = Chart::load(&files, &mut Vec::new()).unwrap();
        process_dependencies(&mut chart, &Table::new(), &mut Vec::new()).unwrap();
        let values = chart.values().unwrap();
        (values["a"].get("map").unwrap().to_string(), values["deep"].to_string())
    };
    assert_eq!(read("{x: 1}"), ("{\"x\":1,\"z\":2}".to_owned(), "{\"x\":1,\"z\":2}".to_owned()));
    assert_eq!(read("{}"), ("{}".to_owned(), "{\"z\":2}".to_owned()));
}
