//! Texts that Go's libraries have read and printed again, or refused.

use std::path::Path;

use gitops_conformance::{Suite, entries, folder, same_text};
use gitops_yaml::{
    Dialect, FileId, PrintOptions, ReadOptions, from_json, print_documents, print_kyaml, print_sigs,
    read_document, read_kyaml, read_stream, to_json,
};

/// Runs a suite over all texts, and holds the outcome against `NAME.EXTENSION` or `NAME.error`.
fn run(
    suite: &str,
    name: &str,
    extension: &str,
    floor: f64,
    print: impl Fn(&Path) -> Result<String, String>,
) {
    let Some(root) = folder("yaml") else { return };
    let mut suite = Suite::new(suite);
    for part in ["real", "suite", "traps"] {
        for case in entries(&root.join(part)) {
            let label = format!("{part}/{}", case.file_name().unwrap_or_default().to_string_lossy());
            suite.check(&label, || {
                let wanted = std::fs::read_to_string(case.join(format!("{name}.{extension}")));
                let error = std::fs::read_to_string(case.join(format!("{name}.error")));
                match (print(&case.join("input.yaml")), wanted, error) {
                    (Ok(got), Ok(wanted), _) => same_text(&wanted, &got),
                    (Err(got), _, Ok(wanted)) => same_text(wanted.trim_end(), got.trim_end()),
                    (Ok(_), _, Ok(wanted)) => Err(format!("wanted the error {wanted}")),
                    (Err(got), Ok(_), _) => Err(format!("refused with {got}")),
                    (_, Err(_), Err(_)) => Err("no expectation".to_owned()),
                }
            });
        }
    }
    suite.finish(floor);
}

#[test]
fn v3_nodes() {
    run("yaml-v3", "v3", "yaml", 98.0, |input| {
        let text = std::fs::read(input).map_err(|e| e.to_string())?;
        let documents = read_stream(&text, FileId::NONE, &ReadOptions::v3()).map_err(|e| e.to_string())?;
        print_documents(&documents, &PrintOptions::v3().indented_by(2)).map_err(|e| e.to_string())
    });
}

#[test]
fn kyaml_files() {
    run("yaml-kyaml", "kyaml", "yaml", 98.0, |input| {
        let text = std::fs::read(input).map_err(|e| e.to_string())?;
        let text = String::from_utf8_lossy(&text);
        let documents = read_kyaml(&text, FileId::NONE).map_err(|e| e.to_string())?;
        print_kyaml(&documents).map_err(|e| e.to_string())
    });
}

fn sigs(input: &Path) -> Result<(String, String), String> {
    let text = std::fs::read(input).map_err(|e| e.to_string())?;
    let document = read_document(&text, FileId::NONE, &ReadOptions::yaml11()).map_err(|e| e.to_string())?;
    let Some(document) = document else { return Ok(("null".to_owned(), "null\n".to_owned())) };
    let json = to_json(&document, Dialect::Yaml11).map_err(|e| e.to_string())?;
    let yaml = print_sigs(&document, Dialect::Yaml11).map_err(|e| e.to_string())?;
    Ok((json, yaml))
}

#[test]
fn sigs_yaml() {
    run("yaml-sigs", "sigs", "yaml", 99.0, |input| sigs(input).map(|(_, yaml)| yaml));
}

#[test]
fn sigs_json() {
    run("yaml-sigs-json", "sigs", "json", 99.0, |input| sigs(input).map(|(json, _)| json + "\n"));
}

/// What is printed reads back as the same value, and prints as the same text.
#[test]
fn printing_is_a_fixed_point() {
    let Some(root) = folder("yaml") else { return };
    for part in ["real", "suite", "traps"] {
        for case in entries(&root.join(part)) {
            let Ok((json, yaml)) = sigs(&case.join("input.yaml")) else { continue };
            let Ok(Some(again)) = read_document(yaml.as_bytes(), FileId::NONE, &ReadOptions::yaml11()) else {
                panic!("{}: what was printed can't be read", case.display());
            };
            let printed_again = print_sigs(&again, Dialect::Yaml11).unwrap_or_else(|error| error.to_string());
            assert_eq!(printed_again, yaml, "{}", case.display());
            // A negative zero is an integer, and none, once it has been printed.
            if !json.contains(":-0") {
                let json_again = to_json(&again, Dialect::Yaml11).unwrap_or_else(|error| error.to_string());
                assert_eq!(json_again.replace("\\ufffd", "\u{fffd}"), json.replace("\\ufffd", "\u{fffd}"));
                let node = from_json(&json, FileId::NONE).map_err(|error| error.to_string()).unwrap();
                assert_eq!(to_json(&node, Dialect::Yaml11).unwrap(), json_again, "{}", case.display());
            }
        }
    }
}
