//! Helm's `toYaml`, `toJson` and `fromYaml`, as far as no template is involved.

use gitops_conformance::{Suite, folder, rows, same_text};
use gitops_yaml::{
    Dialect, FileId, HtmlEscape, JsonPrinter, PrettyPrinter, ReadOptions, SigsPrinter, key_order,
    pretty_key_order, read_document, to_json,
};
use serde_json::Value;

/// Prints values as Go's templates hold them: every number is a float.
trait Printer {
    fn order(a: &str, b: &str) -> std::cmp::Ordering;
    fn value(&mut self, value: &Value);
}

macro_rules! printer {
    ($type:ty, $order:expr) => {
        impl Printer for $type {
            fn order(a: &str, b: &str) -> std::cmp::Ordering {
                $order(a, b)
            }
            fn value(&mut self, value: &Value) {
                match value {
                    Value::Null => self.null(),
                    Value::Bool(value) => self.bool(*value),
                    Value::Number(value) => self.float(value.as_f64().unwrap()),
                    Value::String(value) => self.str(value),
                    Value::Array(items) => {
                        self.begin_seq();
                        items.iter().for_each(|item| self.value(item));
                        self.end();
                    }
                    Value::Object(entries) => {
                        self.begin_map();
                        let mut entries: Vec<_> = entries.iter().collect();
                        entries.sort_by(|a, b| <Self as Printer>::order(a.0, b.0));
                        for (key, value) in entries {
                            self.key(key);
                            self.value(value);
                        }
                        self.end();
                    }
                }
            }
        }
    };
}
printer!(SigsPrinter, key_order);
printer!(PrettyPrinter, pretty_key_order);
printer!(JsonPrinter, |a: &str, b: &str| a.cmp(b));

#[test]
fn to_yaml() {
    let Some(folder) = folder("helm/encoding") else { return };
    let mut suite = Suite::new("helm-encoding-toyaml");
    for row in rows(&folder.join("toyaml.jsonl")) {
        suite.check(row["name"].as_str().unwrap_or_default(), || {
            let mut pretty = PrettyPrinter::new(2);
            pretty.value(&row["value"]);
            let pretty = pretty.finish().map_err(|error| error.to_string())?;
            same_text(
                row["pretty"].as_str().unwrap_or_default(),
                pretty.strip_suffix('\n').unwrap_or(&pretty),
            )?;
            let mut yaml = SigsPrinter::new();
            yaml.value(&row["value"]);
            let yaml = match (yaml.finish(), row["error"].as_str()) {
                (Err(error), Some(wanted)) => return same_text(wanted, &error.to_string()),
                (Ok(_), Some(wanted)) => return Err(format!("wanted the error {wanted}")),
                (yaml, None) => yaml.map_err(|error| error.to_string())?,
            };
            same_text(row["yaml"].as_str().unwrap_or_default(), yaml.strip_suffix('\n').unwrap_or(&yaml))?;
            let mut json = JsonPrinter::new(HtmlEscape::Yes);
            json.value(&row["value"]);
            same_text(row["json"].as_str().unwrap_or_default(), &json.finish().map_err(|e| e.to_string())?)
        });
    }
    suite.finish(99.0);
}

#[test]
fn from_yaml() {
    let Some(folder) = folder("helm/encoding") else { return };
    let mut suite = Suite::new("helm-encoding-fromyaml");
    for row in rows(&folder.join("fromyaml.jsonl")) {
        suite.check(row["name"].as_str().unwrap_or_default(), || {
            let text = row["yaml"].as_str().unwrap_or_default();
            let document = read_document(text.as_bytes(), FileId::NONE, &ReadOptions::yaml11());
            let json = document.and_then(|document| match document {
                Some(document) => to_json(&document, Dialect::Yaml11),
                None => Ok("null".to_owned()),
            });
            match (json, row["error"].as_str()) {
                (Ok(json), None) => same_text(row["json"].as_str().unwrap_or_default(), &json),
                (Err(error), Some(wanted)) => same_text(wanted, &error.to_string()),
                (Ok(_), Some(wanted)) => Err(format!("wanted the error {wanted}")),
                (Err(error), None) => Err(format!("refused with {error}")),
            }
        });
    }
    suite.finish(99.0);
}
