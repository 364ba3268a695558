//! Indexes in parts and as a whole: both readings say the same.

use helm_rs::{RepositoryIndex, Warnings};

/// Reads a text as it is, and behind a mark that lets it be read only as a whole.
#[track_caller]
fn check(text: &str) -> RepositoryIndex {
    let read = |text: &str| {
        let mut warnings = Warnings::new();
        let index = RepositoryIndex::parse(text.as_bytes(), "index.yaml", &mut warnings);
        (index.map_err(|error| error.to_string()), warnings)
    };
    let whole = text.strip_prefix("# c\n").unwrap_or(text);
    let (parts, parts_warnings) = read(text);
    let (whole, whole_warnings) = read(&format!("# c\n---\n{whole}"));
    let shown = |warnings: &Warnings| warnings.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(shown(&parts_warnings), shown(&whole_warnings));
    match (parts, whole) {
        (Ok(parts), Ok(whole)) => {
            assert_eq!(format!("{parts:?}"), format!("{whole:?}"));
            parts
        }
        (parts, whole) => {
            assert!(parts.is_err() && whole.is_err(), "{parts:?}\n{whole:?}");
            RepositoryIndex::default()
        }
    }
}

#[test]
fn parts_say_what_the_whole_says() {
    let index = check(
        "apiVersion: v1\nentries:\n  web:\n  - name: web\n    version: 1.0.0\n    description: |\n      api:\n      - no chart\n    urls: [a.tgz]\n\n  # a note\n  api:\n    - {name: api, version: 2.0.0, urls: [b.tgz]}\n    - {name: api, version: 10.0.0, urls: [c.tgz]}\ngenerated: \"2024-01-02T03:04:05Z\"\n",
    );
    assert_eq!(index.entries.len(), 2);
    assert_eq!(index.find("api", "").unwrap().metadata.version, "10.0.0");
    // What only looks like another chart.
    let fake = check(
        "apiVersion: v1\nentries:\n  web:\n  - name: web\n    version: 1.0.0\n    description: \"one\n  api:\n  - name: api\"\n",
    );
    assert!(fake.find("web", "").is_ok() && fake.find("api", "").is_err());
    let list = check("apiVersion: v1\nentries:\n  web: [\n  {name: web,\n  version: 1.0.0}]\n");
    assert!(list.find("web", "").is_ok());
    // One chart leans on another.
    let shared = check(
        "apiVersion: v1\nentries:\n  web:\n  - &w\n    name: web\n    version: 1.0.0\n  same:\n  - *w\n",
    );
    assert_eq!(shared.entries.len(), 2);
}

#[test]
fn mistakes_are_found_in_parts_too() {
    for text in [
        "apiVersion: v1\nentries:\n  a:\n  - {name: a, version: 1.0.0}\n  a:\n  - {name: a, version: 2.0.0}\n",
        "apiVersion: v1\nentries:\n  a:\n  - {name: a, version: 1.0.0}\nentries:\n  b: []\n",
        "apiVersion: v1\nentries:\n  a:\n  - {name: a, version: 1.0.0}\n\"entries\":\n  b: []\n",
        "apiVersion: v1\nentries:\n  a:\n  - {name: a, name: b, version: 1.0.0}\n",
        "apiVersion: v1\nentries:\n  a:\n  - {name: a, version: 1.0.0, odd: 1}\n",
        "entries:\n  a:\n  - {name: a, version: 1.0.0}\n",
        "apiVersion: v1\nentries:\n  a: text\n",
        "apiVersion: v1\napiVersion: v1\nentries:\n  a: []\n",
    ] {
        let error = RepositoryIndex::parse(text.as_bytes(), "index.yaml", &mut Warnings::new());
        assert!(error.is_err(), "{text}");
        check(text);
    }
    let index = check(
        "apiVersion: v1\nentries:\n  a:\n  - {name: a, version: latest}\n  - {name: a, version: 1.0.0}\n",
    );
    assert_eq!(index.entries["a"].len(), 1, "a version that is none is passed over");
}

#[test]
fn what_is_not_wanted_is_checked_and_dropped() {
    let text = "apiVersion: v1\nentries:\n  api:\n  - {name: api, version: 1.0.0}\n  web:\n  - {name: web, version: 1.0.0}\n";
    let only = |text: &str| {
        RepositoryIndex::parse_only(text.as_bytes(), "index.yaml", |name| name == "web", &mut Warnings::new())
    };
    let index = only(text).unwrap();
    assert_eq!(index.entries.len(), 1);
    let error = index.find("wep", "").unwrap_err().to_string();
    assert!(error.contains("no chart name found"), "{error}");
    assert!(only(&text.replace("{name: api,", "{nam: api,")).is_err());
}

#[test]
fn an_index_of_mistakes_is_read_fast_and_told_shortly() {
    let mut text = String::from("apiVersion: v1\nentries:\n  web:\n");
    for i in 0..3_000 {
        let version = if i % 2 == 0 { format!("1.0.{i}") } else { format!("'not {i}'") };
        text.push_str(&format!("  - {{apiVersion: v2, name: web, version: {version}, urls: [x.tgz]}}\n"));
    }
    let mut warnings = Vec::new();
    let index = RepositoryIndex::parse(text.as_bytes(), "index.yaml", &mut warnings).unwrap();
    assert_eq!(index.entries["web"].len(), 1_500);
    assert_eq!(index.entries["web"][0].metadata.version, "1.0.2998");
    assert_eq!(warnings.len(), 101);
    assert!(warnings[0].to_string().contains("not 2999"), "{}", warnings[0]);
    assert_eq!(warnings[100].message, "skipping loading 1400 more invalid entries");
}

#[test]
fn versions_are_read_one_by_one_and_the_bad_ones_dropped() {
    let mut text = String::from("apiVersion: v1\nentries:\n");
    for chart in ["b", "a"] {
        text.push_str(&format!("  {chart}:\n"));
        for i in 0..80 {
            text.push_str(&format!("  -\n    name: {chart}\n    version: bad {i}\n  -\n  # none\n"));
        }
        text.push_str(&format!("  - {{name: {chart}, version: 1.0.0}}\n"));
    }
    let index = check(&text);
    assert_eq!(index.entries.values().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
    let mut warnings = Warnings::new();
    RepositoryIndex::parse(text.as_bytes(), "index.yaml", &mut warnings).unwrap();
    assert_eq!(warnings.len(), 101, "the first 100 in the order of names, and how many more");
    assert!(warnings[..100].iter().all(|warning| warning.details[0].1 == "a"), "{:?}", warnings[99]);
    assert_eq!(warnings[100].message, "skipping loading 220 more invalid entries");
    // A field that no index has is named with its place, wherever it stands.
    let odd = text.replace("  - {name: a,", "  - {odd: 1, name: a,");
    let error = RepositoryIndex::parse(odd.as_bytes(), "index.yaml", &mut Warnings::new()).unwrap_err();
    assert!(error.to_string().contains("unknown field \"odd\""), "{error}");
    assert_eq!(error.sites()[0].line as usize, odd.lines().count());
}

/// Values as small as these would take fifty times the memory of the text.
#[test]
fn an_index_of_tiny_values_is_refused() {
    for (open, item, close) in [
        ("apiVersion: v1\nentries: {a: [", "{},", "]}"),
        ("{\"apiVersion\":\"v1\",\"entries\":{\"a\":[{}", ",{}", "]}}"),
        ("apiVersion: v1\nentries:\n  a: &a\n", "  - \n", ""),
    ] {
        let text = [open, &item.repeat(2_000_000), close].concat();
        let error = RepositoryIndex::parse(text.as_bytes(), "index.yaml", &mut Warnings::new()).unwrap_err();
        assert!(error.to_string().contains("the index holds more than"), "{error}");
    }
}
