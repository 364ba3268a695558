//! The engine against what Go's text/template printed and refused.

use gitops_conformance::{Suite, entries, folder, rows, same_text};
use gitops_template::{Map, MissingKey, Options, Templates, Value};
use serde_json::Value as Json;

/// How a row's JSON numbers were decoded.
#[derive(Clone, Copy)]
enum Numbers {
    Float,
    Int,
}

fn value(json: &Json, numbers: Numbers) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match (numbers, number.as_i64()) {
            (Numbers::Int, Some(int)) => Value::int64(int),
            _ => Value::Float(number.as_f64().expect("a number")),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::list(items.iter().map(|item| value(item, numbers)).collect()),
        Json::Object(entries) => {
            entries.iter().map(|(k, v)| (k.as_str(), value(v, numbers))).collect::<Map>().into()
        }
    }
}

#[test]
fn gotemplate() {
    let Some(folder) = folder("gotemplate") else { return };
    let mut suite = Suite::new("gotemplate");
    for file in entries(&folder) {
        for row in rows(&file) {
            suite.check(row["name"].as_str().expect("a name"), || check(&row));
        }
    }
    suite.finish(100.0);
}

fn templates(row: &Json) -> Result<Templates, String> {
    let mut templates = Templates::default().named("t");
    for option in row["options"].as_array().into_iter().flatten() {
        templates = templates.missing_key(match option.as_str() {
            Some("missingkey=zero") => MissingKey::Zero,
            Some("missingkey=error") => MissingKey::Error,
            _ => MissingKey::Default,
        });
    }
    for define in row["defines"].as_array().into_iter().flatten() {
        let (name, text) =
            (define["name"].as_str().expect("a name"), define["text"].as_str().expect("a text"));
        templates.parse(name, text).map_err(|e| e.to_string())?;
    }
    templates.parse("t", row["template"].as_str().expect("a template")).map_err(|e| e.to_string())?;
    Ok(templates)
}

fn check(row: &Json) -> Result<(), String> {
    let wanted = row["error"].as_str();
    let templates = match (templates(row), wanted) {
        (Ok(templates), _) => templates,
        (Err(error), Some(wanted)) => return same_text(wanted, &error),
        (Err(error), None) => return Err(format!("refused: {error}")),
    };
    if let Some(trees) = row["trees"].as_array() {
        for tree in trees {
            let name = tree["name"].as_str().expect("a name");
            same_text(tree["text"].as_str().expect("a text"), &templates.show(name).ok_or("no such tree")?)?;
        }
        return Ok(());
    }
    let numbers = if row["num"] == "int64" { Numbers::Int } else { Numbers::Float };
    let rendered = templates.render("t", &value(&row["data"], numbers), &Options::default());
    match (rendered, wanted) {
        (Ok(output), None) => match row["output"].as_str() {
            Some(wanted) => same_text(wanted, &output.text),
            None if base64(row["output_b64"].as_str().expect("an output")) == output.bytes() => Ok(()),
            None => Err(format!("printed {:?}", output.bytes())),
        },
        (Ok(output), Some(wanted)) => Err(format!("printed {:?}, wanted {wanted}", output.text)),
        (Err(error), Some(wanted)) => same_text(wanted, &error.to_string()),
        (Err(error), None) => Err(format!("refused: {error}")),
    }
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    for four in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = four.iter().fold(0, |bits, c| {
            bits << 6 | DIGITS.bytes().position(|digit| digit == *c).expect("a base64 digit")
        });
        let bytes = (bits << (6 * (4 - four.len()))).to_be_bytes();
        out.extend_from_slice(&bytes[bytes.len() - 3..][..four.len() * 3 / 4]);
    }
    out
}
