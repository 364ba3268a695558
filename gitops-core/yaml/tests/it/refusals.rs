//! What Go's libraries refuse, and in which words; and that all else is read.

use gitops_conformance::{Suite, entries, folder};
use gitops_yaml::{Error, FileId, Limits, MergeRule, ReadOptions, read_document, read_kyaml, read_stream};

/// Says whether a message comes from reading: from the reader, the scanner, the parser, or aliases.
fn is_about_reading(message: &str) -> bool {
    const DECODING: [&str; 4] = ["invalid map key", "cannot unmarshal", "cannot decode", "unmarshal errors"];
    message.starts_with("yaml: ") && !DECODING.iter().any(|words| message.contains(words))
}

/// Holds an outcome against the recorded refusal, or the absence of one.
fn compare(refusal: Option<&str>, outcome: Result<(), Error>) -> Result<(), String> {
    let got = outcome.err().map(|error| error.to_string());
    match (refusal, got) {
        (Some(wanted), Some(got)) if wanted == got => Ok(()),
        (None, None) => Ok(()),
        (wanted, got) => Err(format!("wanted {wanted:?}, got {got:?}")),
    }
}

#[test]
fn refusals_are_go_s() {
    let Some(root) = folder("yaml") else { return };
    let mut suite = Suite::new("yaml-refusals");
    for part in ["real", "suite", "traps"] {
        for case in entries(&root.join(part)) {
            let text = std::fs::read(case.join("input.yaml")).unwrap();
            let recorded = |name: &str| {
                let error = std::fs::read_to_string(case.join(name)).ok()?;
                Some(error.trim_end().to_owned())
            };
            let label = |dialect: &str| {
                format!("{part}/{} {dialect}", case.file_name().unwrap_or_default().to_string_lossy())
            };
            suite.check(&label("v3"), || {
                let read = read_stream(&text, FileId::NONE, &ReadOptions::v3());
                compare(recorded("v3.error").as_deref(), read.map(drop))
            });
            suite.check(&label("v3 without comments"), || {
                let read = read_stream(&text, FileId::NONE, &ReadOptions::v3().without_comments());
                compare(recorded("v3.error").as_deref(), read.map(drop))
            });
            suite.check(&label("sigs"), || {
                let wanted = recorded("sigs.error").filter(|message| is_about_reading(message));
                let read = read_document(&text, FileId::NONE, &ReadOptions::yaml11()).and_then(|document| {
                    document
                        .map_or(Ok(()), |mut d| d.expand_merge_keys(MergeRule::LastWins, &Limits::default()))
                });
                compare(wanted.as_deref(), read)
            });
            suite.check(&label("kyaml"), || {
                let wanted =
                    recorded("kyaml.error").filter(|message| message.starts_with("MalformedYAMLError"));
                match read_kyaml(&String::from_utf8_lossy(&text), FileId::NONE) {
                    Err(error) if !error.to_string().starts_with("MalformedYAMLError") => match wanted {
                        None => Ok(()),
                        Some(wanted) => Err(format!("wanted {wanted:?}, got {error}")),
                    },
                    read => compare(wanted.as_deref(), read.map(drop)),
                }
            });
        }
    }
    suite.finish(99.5);
}

#[track_caller]
fn check(text: &str, v3: &str, yaml11: &str) {
    let read =
        |options| read_stream(text.as_bytes(), FileId::NONE, &options).map(drop).unwrap_err().to_string();
    assert_eq!(read(ReadOptions::v3()), v3, "{text:?}");
    assert_eq!(read(ReadOptions::yaml11()), yaml11, "{text:?}");
}

#[test]
fn each_library_names_its_own_line() {
    check(
        "a: b\nc: [d\n",
        "yaml: line 1: did not find expected ',' or ']'",
        "yaml: line 2: did not find expected ',' or ']'",
    );
    check(
        "a: b: c\n",
        "yaml: mapping values are not allowed in this context",
        "yaml: mapping values are not allowed in this context",
    );
    check(
        "x: 1\na: \"b\n",
        "yaml: line 2: found unexpected end of stream",
        "yaml: line 3: found unexpected end of stream",
    );
}

#[test]
fn an_empty_flow_collection_is_a_key_in_v3_alone() {
    let text = b"? []: x\n";
    assert!(read_stream(text, FileId::NONE, &ReadOptions::v3()).is_ok());
    assert!(read_stream(text, FileId::NONE, &ReadOptions::yaml11()).is_err());
}

#[test]
fn a_report_shows_the_place_the_line_and_a_way_out() {
    let mut files = gitops_yaml::Files::default();
    let file = files.add("deploy.yaml");
    let error = read_stream(b"kind: X\nspec:\n\treplicas: 1\n", file, &ReadOptions::v3()).unwrap_err();
    assert_eq!(
        error.report(&files),
        "deploy.yaml:3:1: found character that cannot start any token\n3 | \treplicas: 1\n  | ^\n\
         while scanning for the next token, which begins at deploy.yaml:3:1\n\
         help: indent with spaces, YAML allows no tabs there"
    );
}

#[test]
fn parts_of_files_report_places_of_the_file_and_lines_of_the_part() {
    let options = ReadOptions::v3().starting_at_line(10);
    let error = read_stream(b"a: 1\nb: c: d\n", FileId::NONE, &options).unwrap_err();
    assert_eq!(error.to_string(), "yaml: line 2: mapping values are not allowed in this context");
    assert_eq!((error.place().line, error.place().column), (11, 5));
}
