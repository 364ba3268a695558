//! Texts made to hurt: no input panics, none takes more than its size deserves.

use gitops_yaml::{Edits, ErrorKind, FileId, Limits, MergeRule, ReadOptions, read_document, read_stream};
use proptest::prelude::*;

fn read_everywhere(bytes: &[u8]) {
    for options in [ReadOptions::v3(), ReadOptions::v3().without_comments(), ReadOptions::yaml11()] {
        let _ = read_document(bytes, FileId::NONE, &options);
        let Ok(documents) = read_stream(bytes, FileId::NONE, &options) else { continue };
        for mut document in documents {
            let _ = document.root.duplicate_keys();
            let _ = document.clone().expand_aliases(&Limits::default());
            let _ = document.expand_merge_keys(MergeRule::OwnKeysWin, &Limits::default());
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(edits) = Edits::new(text) {
        for site in edits.scalars() {
            assert!(text.get(site.bytes.clone()).is_some(), "{site:?} cuts a character of {text:?}");
        }
        assert_eq!(edits.finish(), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read_everywhere(&bytes);
    }

    #[test]
    fn any_yaml_like_text_is_read_or_refused(
        words in proptest::collection::vec(
            prop::sample::select(vec![
                "a", "b: ", "- ", "  ", "\n", "\n\n", "# c", " # d\n", "[", "]", "{", "}", ", ", ": ", "? ", "|", ">-\n",
                "'", "\"", "\\", "&x ", "*x", "!t ", "!!str ", "---\n", "...\n", "%YAML 1.1\n", "\t", "\r\n", "é", "\u{85}",
                "\u{feff}", "\u{2028}", "key: value\n", "- x: 1\n  y: 2\n", "<<: ", "~",
            ]),
            0..60,
        )
    ) {
        read_everywhere(words.concat().as_bytes());
    }

    #[test]
    fn utf16_of_any_units_is_read_or_refused(units in proptest::collection::vec(any::<u16>(), 0..100), big in any::<bool>()) {
        let to_bytes = if big { u16::to_be_bytes } else { u16::to_le_bytes };
        let bytes: Vec<u8> = [0xfeff].into_iter().chain(units).flat_map(to_bytes).collect();
        read_everywhere(&bytes);
    }
}

#[track_caller]
fn refused(text: &[u8], options: &ReadOptions, wanted: &str) {
    let error = read_stream(text, FileId::NONE, options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().ends_with(wanted), "{error}");
}

#[test]
fn deep_nesting_is_refused() {
    let indented: String = (0..20_000).map(|depth| format!("{}-\n", " ".repeat(depth % 3_000))).collect();
    for options in [ReadOptions::v3(), ReadOptions::yaml11()] {
        refused("[".repeat(1_000_000).as_bytes(), &options, "exceeded max depth of 1000");
        refused("{a: ".repeat(1_000_000).as_bytes(), &options, "exceeded max depth of 1000");
        refused("- ".repeat(1_000_000).as_bytes(), &options, "exceeded max depth of 1000");
        refused("? ".repeat(100_000).as_bytes(), &options, "exceeded max depth of 1000");
        refused("[a: ".repeat(100_000).as_bytes(), &options, "exceeded max depth of 1000");
        assert!(read_stream(indented.as_bytes(), FileId::NONE, &options).is_err());
    }
}

#[test]
fn ten_thousand_levels_are_read_where_the_caller_wants_them() {
    // Trees are dropped by recursion: a caller who raises the limit needs the stack for it.
    let thread = std::thread::Builder::new().stack_size(64 << 20);
    let read = || {
        let text = ["[".repeat(10_000), "]".repeat(10_000)].concat();
        let options = ReadOptions::v3().with_limits(Limits { depth: 20_000, ..Limits::default() });
        let documents = read_stream(text.as_bytes(), FileId::NONE, &options).unwrap();
        assert!(documents[0].root.is_sequence());
        refused("[".repeat(10_001).as_bytes(), &options, "exceeded max depth of 10000");
    };
    thread.spawn(read).unwrap().join().unwrap();
}

#[test]
fn a_thousand_levels_fit_the_stack_of_a_thread() {
    let text = ["[".repeat(1_000), "]".repeat(1_000)].concat();
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let read = move || {
        let mut documents = read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::v3()).unwrap();
        documents[0].expand_merge_keys(MergeRule::OwnKeysWin, &Limits::default()).unwrap();
        assert!(documents[0].root.duplicate_keys().is_empty());
        documents.len()
    };
    assert_eq!(thread.spawn(read).unwrap().join().unwrap(), 1);
}

#[test]
fn alias_bombs_are_refused() {
    let mut laughs = "a0: &a0 [lol, lol]\n".to_owned();
    for level in 1..40 {
        let alias = format!("*a{}", level - 1);
        laughs.push_str(&format!("a{level}: &a{level} [{}]\n", [alias.as_str(); 10].join(", ")));
    }
    let nested =
        format!("a: {}x\n", (0..900).map(|n| format!("&a{n} [")).collect::<String>()).replace("x\n", "");
    let nested = format!("{nested}{}{}", vec!["x"; 5_000].join(","), "]".repeat(900));
    for text in [laughs, nested] {
        let mut document = read_document(text.as_bytes(), FileId::NONE, &ReadOptions::v3()).unwrap().unwrap();
        let error = document.expand_aliases(&Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), "yaml: document contains excessive aliasing");
    }
    let chain: String =
        (1..2_000).fold("a0: &a0 []\n".to_owned(), |text, n| text + &format!("a{n}: &a{n} [*a{}]\n", n - 1));
    let mut document = read_document(chain.as_bytes(), FileId::NONE, &ReadOptions::v3()).unwrap().unwrap();
    assert!(document.expand_aliases(&Limits::default()).is_err());
}

#[test]
fn large_scalars_take_time_that_grows_with_their_size() {
    for line in ["x", "é", "x \n  ", "'' ", "\\n", "\n\n"] {
        for (open, close) in [("a: ", "\n"), ("a: '", "'\n"), ("a: \"", "\"\n"), ("a: |\n  ", "\n")] {
            let text = [open, &line.repeat(100_000), close].concat();
            let _ = read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::v3());
        }
    }
    // Many tokens on one line that is not ASCII, many comments, many blank lines.
    for (open, one, close) in [
        ("[é", ", a: b", "]"),
        ("", "# é\n", "a: b"),
        ("a: b", "\n", ""),
        ("", "- # c\n", ""),
        ("", "&a ", "x"),
        ("[", "[],", "]"),
    ] {
        let text = [open, &one.repeat(50_000), close].concat();
        let _ = read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::v3());
    }
}

#[test]
fn limits_are_the_caller_s() {
    let limited = |limits| ReadOptions::v3().with_limits(limits);
    refused(b"a: b", &limited(Limits { bytes: 3, ..Limits::default() }), "text is longer than 3 bytes");
    refused(
        b"[a, b]",
        &limited(Limits { nodes: 2, ..Limits::default() }),
        "document holds more than 2 nodes",
    );
}

/// go-yaml CVE-2019-11253: aliases that double, in keys, values, merges, and across a chain of anchors.
#[test]
fn advisory_alias_bombs_are_refused_in_every_position() {
    let many = |alias: &str| vec![alias.to_owned(); 20].join(", ");
    let mut values = "a0: &a0 [x]\n".to_owned();
    let mut merges = "a0: &a0 {k0: v}\n".to_owned();
    let mut keys = "- &a0 [x]\n".to_owned();
    for n in 1..25 {
        let before = format!("*a{}", n - 1);
        values.push_str(&format!("a{n}: &a{n} [{}]\n", many(&before)));
        merges.push_str(&format!("a{n}: &a{n} {{<<: [{}], m{n}: [{}]}}\n", many(&before), many(&before)));
        keys.push_str(&format!("- &a{n} {{? [{}] : v}}\n", many(&before)));
    }
    for text in [values, merges, keys] {
        for options in [ReadOptions::v3(), ReadOptions::yaml11()] {
            let Ok(Some(mut document)) = read_document(text.as_bytes(), FileId::NONE, &options) else {
                continue;
            };
            let error = document.expand_aliases(&Limits::default()).unwrap_err();
            assert!(error.to_string().contains("alias"), "{error}");
        }
    }
}

/// go-yaml CVE-2022-28948: short odd texts that once panicked.
#[test]
fn advisory_odd_texts_do_not_panic() {
    for text in [
        "0: [:!00 \\xef",
        "#\n  - 0 0\n",
        "a: &a\n  <<: *a\n",
        "*",
        "&",
        "!",
        "!<",
        "%",
        "? :",
        "- -\t-",
        "\u{feff}\u{feff}",
        "--- |\n...",
        "<<: [*x]",
        "{? ",
        "[? ",
        "\"\\x",
        "\"\\u12",
        "'",
        "|9\n",
        ">-9+",
        "a: |\n\tb",
        "---\n---\n...\n...",
        "[a, [b",
        "? - a\n: - b\n?",
    ] {
        read_everywhere(text.as_bytes());
        for end in 0..text.len() {
            read_everywhere(&text.as_bytes()[..end]);
        }
    }
}
