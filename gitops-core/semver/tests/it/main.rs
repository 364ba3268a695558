//! Versions and ranges are read, compared and refused as Masterminds' library does it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod properties;

use gitops_conformance::{Suite, folder, rows};
use gitops_semver::{Constraint, Version};
use serde_json::{Value, json};

fn same(what: &str, wanted: &Value, got: &Value) -> Result<(), String> {
    if wanted == got { Ok(()) } else { Err(format!("{what}: wanted {wanted}, got {got}")) }
}

fn error_of<T, E: ToString>(result: &Result<T, E>) -> Value {
    result.as_ref().err().map_or(Value::Null, |error| error.to_string().into())
}

#[test]
fn versions() {
    let Some(file) = folder("semver/version.jsonl") else { return };
    let mut suite = Suite::new("semver-version");
    for row in rows(&file) {
        suite.check(row["name"].as_str().unwrap(), || {
            let text = row["input"].as_str().unwrap();
            let (loose, strict) = (Version::parse(text), Version::parse_strict(text));
            same("error", &row["error"], &error_of(&loose))?;
            same("strict error", &row["strict_error"], &error_of(&strict))?;
            let Ok(version) = loose else { return Ok(()) };
            let next = [version.next_major(), version.next_minor(), version.next_patch()];
            let next: Vec<String> = next.into_iter().flatten().map(|version| version.to_string()).collect();
            same("string", &row["string"], &version.to_string().into())?;
            same("original", &row["original"], &version.original().into())?;
            same(
                "parts",
                &json!([row["major"], row["minor"], row["patch"]]),
                &json!([version.major(), version.minor(), version.patch()]),
            )?;
            same("inc", &row["inc"], &json!(next))
        });
    }
    suite.finish(100.0);
}

#[test]
fn ranges() {
    let Some(file) = folder("semver/constraint.jsonl") else { return };
    let rows = rows(&file);
    let versions: Vec<Version> = rows
        .iter()
        .filter_map(|row| row.get("versions"))
        .flat_map(|list| list.as_array().unwrap())
        .map(|text| Version::parse(text.as_str().unwrap()).unwrap())
        .collect();
    let mut suite = Suite::new("semver-constraint");
    for row in rows.iter().filter(|row| row.get("constraint").is_some()) {
        suite.check(row["name"].as_str().unwrap(), || {
            let range = Constraint::parse(row["constraint"].as_str().unwrap());
            same("error", &row["error"], &error_of(&range))?;
            let Ok(range) = range else { return Ok(()) };
            same("string", &row["string"], &range.to_string().into())?;
            let inside = versions.iter().filter(|version| range.check(version));
            let inside: Vec<&str> = inside.map(Version::original).collect();
            same("matches", &row["matches"], &json!(inside))?;
            for (version, reasons) in row["reasons"].as_object().into_iter().flatten() {
                let got = range.validate(&Version::parse(version).unwrap()).unwrap_err();
                same(version, reasons, &json!(got))?;
            }
            Ok(())
        });
    }
    suite.finish(100.0);
}

#[test]
fn sorting() {
    let Some(file) = folder("semver/sort.jsonl") else { return };
    let mut suite = Suite::new("semver-sort");
    for row in rows(&file) {
        suite.check(row["name"].as_str().unwrap(), || {
            let input = row["input"].as_array().unwrap().iter();
            let mut versions: Vec<Version> =
                input.map(|text| Version::parse(text.as_str().unwrap()).unwrap()).collect();
            versions.sort();
            let sorted: Vec<&str> = versions.iter().map(Version::original).collect();
            same("order", &row["stable_sorted"], &json!(sorted))
        });
    }
    suite.finish(100.0);
}

#[test]
fn versions_as_flux_reads_them() {
    let Some(file) = folder("flux/semver_version.jsonl") else { return };
    let mut suite = Suite::new("flux-semver-version");
    for row in rows(&file) {
        suite.check(row["id"].as_str().unwrap(), || {
            let text = row["version"].as_str().unwrap();
            same("error", &row["error"], &error_of(&Version::parse(text)))?;
            same("tag error", &row["tag_error"], &error_of(&Version::parse_tag(text)))?;
            same("strict error", &row["strict_error"], &error_of(&Version::parse_strict(text)))
        });
    }
    suite.finish(100.0);
}

#[test]
fn ranges_as_flux_reads_them() {
    let Some(file) = folder("flux/semver_constraint.jsonl") else { return };
    let mut suite = Suite::new("flux-semver-constraint");
    for row in rows(&file) {
        suite.check(row["id"].as_str().unwrap(), || {
            let range = Constraint::parse(row["constraint"].as_str().unwrap());
            same("constraint error", &row["constraint_error"], &error_of(&range))?;
            let Ok(range) = range else { return Ok(()) };
            let version = Version::parse(row["version"].as_str().unwrap());
            same("version error", &row["version_error"], &error_of(&version))?;
            let Ok(version) = version else { return Ok(()) };
            same("ok", &row["ok"], &range.check(&version).into())?;
            same("validate", &row["ok"], &range.validate(&version).is_ok().into())
        });
    }
    suite.finish(100.0);
}

#[test]
fn comparisons_as_flux_makes_them() {
    let Some(file) = folder("flux/semver_compare.jsonl") else { return };
    let mut suite = Suite::new("flux-semver-compare");
    for row in rows(&file) {
        suite.check(row["id"].as_str().unwrap(), || {
            let version = |key: &str| Version::parse(row[key].as_str().unwrap()).unwrap();
            same("order", &row["cmp"], &json!(version("a").cmp(&version("b")) as i8))
        });
    }
    suite.finish(100.0);
}
