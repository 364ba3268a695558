//! Commit messages are those that Flux writes, of today and of before 2.7.

use gitops_conformance::{Suite, folder, rows, same_text};
use image_policy::{Change, Changes, ChosenImage, MessageTemplate, ObjectId, PolicyName, Reference, Subject};
use serde_json::Value;
use std::collections::BTreeMap;

#[test]
fn messages_are_those_of_flux() {
    let Some(file) = folder("flux/commit_template.jsonl") else { return };
    let mut suite = Suite::new("commit-template");
    for row in rows(&file) {
        suite.check(row["id"].as_str().unwrap(), || check(&row));
    }
    suite.finish(100.0);
}

fn check(row: &Value) -> Result<(), String> {
    let text = |key: &str| row[key].as_str().unwrap_or_default();
    let values: BTreeMap<String, String> = row["values"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    let subject = Subject::new(text("namespace"), text("name"));
    let got = MessageTemplate::go(text("template")).render(&subject, &changes(row), &values);
    match (row["output"].as_str(), row["error"].as_str(), got) {
        (Some(wanted), _, Ok(got)) if row["go_order_random"] == true => {
            same_text(&sorted(wanted), &sorted(&got))
        }
        (Some(wanted), _, Ok(got)) => same_text(wanted, &got),
        (_, Some(wanted), Err(got)) => {
            // The data was recorded with a copy of the struct in package main.
            let wanted = wanted.replace("type main.", "type source.");
            let got = got.to_string();
            same_text(&wanted, got.strip_prefix("failed to run template from spec: ").unwrap_or(&got))
        }
        (wanted, error, got) => Err(format!("wanted {wanted:?} or {error:?}, got {got:?}")),
    }
}

/// Flux's own order of these lines is that of a Go map.
fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.split('\n').collect();
    lines.sort_unstable();
    lines.join("\n")
}

fn changes(row: &Value) -> Changes {
    let mut changes = Changes::default();
    for (index, change) in row["changes"].as_array().unwrap().iter().enumerate() {
        let text = |key: &str| change[key].as_str().unwrap_or_default();
        let object = ObjectId {
            api_version: text("apiVersion").to_owned(),
            kind: text("kind").to_owned(),
            name: text("name").to_owned(),
            namespace: text("namespace").to_owned(),
        };
        let made = Change {
            old_value: text("old").to_owned(),
            new_value: text("new").to_owned(),
            setter: text("setter").to_owned(),
            line: u32::try_from(index).unwrap() + 1,
        };
        changes.add(text("file"), object, made);
        if let Ok(image) = Reference::parse(text("image")) {
            let mut parts = text("setter").split(':');
            let (namespace, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            changes
                .set_image(text("setter"), ChosenImage { policy: PolicyName::new(namespace, name), image });
        }
    }
    changes
}
