//! The functions of templates, in a chart as Helm renders it.

use gitops_conformance::{Suite, entries, folder, rows, same_text};
use gitops_regex::GoRegex;
use gitops_template::Seeded;
use helm_rs::chart::{Chart, File};
use helm_rs::render::{ReleaseFacts, RenderOptions, render};
use helm_rs::values::{Nulls, coalesce};
use serde_json::Value as Json;

use crate::json::{floats, integers};

/// What the recorded chart holds beside its template.
const FILES: [(&str, &[u8]); 10] = [
    ("a.txt", b"alpha\nbeta\n"),
    ("b.txt", b"no newline at end"),
    ("tpl.txt", b"rel={{ .Release.Name }}"),
    ("bin.dat", b"\x00\x01\xff\xfe"),
    ("conf/a.yaml", b"k: v\nl:\n- 1\n- 2\n"),
    ("conf/b.yaml", b"x: y\n"),
    ("conf/c.txt", b"c text"),
    ("conf/sub/deep.yaml", b"deep: true\n"),
    ("multi/one", b"line1\nline2\n"),
    ("multi/two", b"  lead\n\n"),
];

/// The recorded chart's own facts.
const CHART: &[u8] = b"apiVersion: v2
name: c
version: 0.1.0
appVersion: \"1.0\"
type: application
description: a test chart
keywords: [k1, k2]
maintainers:
- name: m
  email: m@example.com
annotations: {a: b}
";

#[test]
fn functions_are_those_of_helm() {
    let Some(folder) = folder("sprig") else { return };
    let mut suite = Suite::new("sprig");
    for file in entries(&folder).into_iter().filter(|path| path.extension().is_some_and(|e| e == "jsonl")) {
        for row in rows(&file) {
            suite.check(row["name"].as_str().unwrap(), || check(&row));
        }
    }
    suite.finish(99.5);
}

fn check(row: &Json) -> Result<(), String> {
    match (rendered(row, 1), row["output"].as_str(), row["error"].as_str()) {
        (Ok(output), Some(wanted), _) => same_text(wanted, &output),
        (Ok(output), None, None) => holds(row, row["property"].as_str().unwrap(), &output),
        (Err(error), None, Some(wanted)) => same_text(wanted, &error),
        (Ok(output), ..) => Err(format!("wanted an error, got {output:?}")),
        (Err(error), ..) => Err(format!("refused: {error}")),
    }
}

fn rendered(row: &Json, seed: u64) -> Result<String, String> {
    let mut files = vec![
        File::new("Chart.yaml", CHART),
        File::new("templates/t.yaml", row["template"].as_str().unwrap().as_bytes()),
    ];
    if let Some(helpers) = row["helpers"].as_str() {
        files.push(File::new("templates/_helpers.tpl", helpers.as_bytes()));
    }
    files.extend(FILES.iter().map(|(name, content)| File::new(*name, content)));
    let chart = Chart::load(&files, &mut Vec::new()).map_err(|error| error.to_string())?;
    let values = if row["num"] == "int64" { integers(&row["values"]) } else { floats(&row["values"]) };
    let values = values.as_table().cloned().unwrap_or_default();
    let values =
        coalesce(&chart, &values, Nulls::Remove, &mut Vec::new()).map_err(|error| error.to_string())?;
    let world = Seeded::new(seed, 1_700_000_000_123_456_789);
    let options = RenderOptions::new(ReleaseFacts::install("rel", "ns")).world(&world);
    let mut rendered = render(&chart, &values, &options).map_err(|error| error.to_string())?;
    let file = rendered.files.remove("c/templates/t.yaml").ok_or("the template is not rendered")?;
    Ok(file.text().to_owned())
}

/// What holds of an output that differs from run to run: where it is a pattern, that it matches.
fn holds(row: &Json, property: &str, output: &str) -> Result<(), String> {
    if let Some(pattern) = property.strip_prefix("matches ") {
        let end = pattern.find("$").ok_or("a pattern without end")? + 1;
        let end =
            pattern[end..].find('$').filter(|_| pattern.starts_with("^\\$")).map_or(end, |_| pattern.len());
        let pattern = pattern[..end].split(" and ").next().unwrap_or(pattern);
        let regex = GoRegex::new(pattern).map_err(|error| error.to_string())?;
        if !regex.is_match(output) {
            return Err(format!("{property}: {output}"));
        }
        if property.contains("two calls differ") && rendered(row, 2).is_ok_and(|other| other == output) {
            return Err("two calls are equal".into());
        }
    }
    Ok(())
}
