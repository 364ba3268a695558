//! Trees, places and comments, held against what go-yaml v3 makes of the same texts.

use gitops_yaml::{
    Data, Document, FileId, Limits, MergeRule, Node, ReadOptions, Style, Tag, read_document, read_stream,
};

fn read(text: &str) -> Vec<Document> {
    read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::v3()).unwrap()
}

/// Writes a node as one line: place, comments and children.
fn show(node: &Node, out: &mut String) {
    let Node { place, .. } = node;
    out.push_str(&format!("{}:{}", place.line, place.column));
    if let Some(comments) = node.comments() {
        for (name, text) in [("head", &comments.head), ("line", &comments.line), ("foot", &comments.foot)] {
            if !text.is_empty() {
                out.push_str(&format!(" {name}={text:?}"));
            }
        }
    }
    match &node.data {
        Data::Scalar(text) => out.push_str(&format!(" {text}\n")),
        Data::Alias(name) => out.push_str(&format!(" *{name}\n")),
        Data::Sequence(items) => {
            out.push_str(" [\n");
            items.iter().for_each(|item| show(item, out));
            out.push_str("]\n");
        }
        Data::Mapping(entries) => {
            out.push_str(" {\n");
            for entry in entries {
                show(&entry.key, out);
                show(&entry.value, out);
            }
            out.push_str("}\n");
        }
    }
}

#[track_caller]
fn check(text: &str, wanted: &str) {
    let mut out = String::new();
    for document in read(text) {
        let comments = &document.comments;
        if !comments.is_empty() {
            out.push_str(&format!(
                "doc head={:?} foot={:?}\n",
                comments.head.as_str(),
                comments.foot.as_str()
            ));
        }
        show(&document.root, &mut out);
    }
    let wanted: String = wanted.lines().map(|line| format!("{}\n", line.trim())).collect();
    assert_eq!(out.trim(), wanted.trim(), "{text}");
}

#[test]
fn head_line_and_foot_comments_go_where_go_puts_them() {
    check(
        "# file\n\n# head\na: 1 # line\n# foot\n\n# head of b\nb:\n  # head of c\n  - c # line of c\n  # foot of c\n",
        "doc head=\"# file\" foot=\"\"
         3:1 head=\"# head\" {
         4:1 foot=\"# foot\" a
         4:4 line=\"# line\" 1
         8:1 head=\"# head of b\" b
         10:3 [
         10:5 head=\"# head of c\" line=\"# line of c\" foot=\"# foot of c\" c
         ]
         }"
        .replace("3:1 head=\"# head\" {\n         4:1 foot", "4:1 {\n         4:1 head=\"# head\" foot")
        .as_str(),
    );
}

#[test]
fn a_comment_behind_a_dash_heads_the_item() {
    check(
        "- # about the item\n  a: 1\n- b\n",
        "1:1 [
         2:3 {
         2:3 head=\"# about the item\" a
         2:6 1
         }
         3:3 b
         ]",
    );
}

#[test]
fn columns_count_characters() {
    check("é€: ü # c\nb: [ä, b]\n", "1:1 {\n1:1 é€\n1:5 line=\"# c\" ü\n2:1 b\n2:4 [\n2:5 ä\n2:8 b\n]\n}");
}

#[test]
fn scalars_of_every_style_are_unfolded() {
    let text = "p: one\n  two\n\n  three\ns: 'it''s\n  ok'\nd: \"a\\tb\\\n  c\\u00e9\"\nl: |2-\n   x\n  y\nf: >\n  a\n  b\n\n  c\n";
    let documents = read(text);
    let root = &documents[0].root;
    let value =
        |key: &str| root.get(key).map(|node| (node.as_str().unwrap_or_default(), node.style)).unwrap();
    assert_eq!(value("p"), ("one two\nthree", Style::Default));
    assert_eq!(value("s"), ("it's ok", Style::SingleQuoted));
    assert_eq!(value("d"), ("a\tbc\u{e9}", Style::DoubleQuoted));
    assert_eq!(value("l"), (" x\ny", Style::Literal));
    assert_eq!(value("f"), ("a b\nc\n", Style::Folded));
}

#[test]
fn windows_and_other_line_breaks_read_as_line_feeds() {
    for line_break in ["\r\n", "\r", "\u{85}"] {
        let text = format!("a: |{line_break}  x{line_break}  y{line_break}b: 1{line_break}");
        let documents = read(&text);
        assert_eq!(documents[0].root.get("a").unwrap().as_str(), Some("x\ny\n"), "{line_break:?}");
        assert_eq!(documents[0].root.get("b").unwrap().place.line, 4);
    }
}

#[test]
fn tags_are_kept_as_written() {
    let documents = read("a: !!str 1\nb: !local x\nc: !<tag:example.com,2000:y> z\nd: ! 5\ne: !!omap []\n");
    let root = &documents[0].root;
    let tag = |key: &str| {
        (root.get(key).unwrap().tag, root.get(key).unwrap().custom_tag().map(ToString::to_string))
    };
    assert_eq!(tag("a"), (Tag::Str, None));
    assert_eq!(tag("b"), (Tag::Custom, Some("!local".to_owned())));
    assert_eq!(tag("c"), (Tag::Custom, Some("tag:example.com,2000:y".to_owned())));
    assert_eq!(tag("d"), (Tag::Implicit, None));
    assert_eq!(tag("e"), (Tag::Custom, Some("!!omap".to_owned())));
}

#[test]
fn directives_name_tags_for_one_document() {
    let documents = read("%TAG !e! tag:example.com,2000:\n--- !e!x y\n");
    assert_eq!(documents[0].root.custom_tag().unwrap(), "tag:example.com,2000:x");
    assert!(documents[0].explicit_start);
    let error = read_stream(b"%TAG !e! tag:e:\n--- !e!x y\n--- !e!x z\n", FileId::NONE, &ReadOptions::v3());
    assert_eq!(error.unwrap_err().to_string(), "yaml: line 2: found undefined tag handle");
}

#[test]
fn utf16_is_read() {
    let text: Vec<u8> =
        [0xfeff_u16].into_iter().chain("a: é\n".encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let documents = read_stream(&text, FileId::NONE, &ReadOptions::v3()).unwrap();
    assert_eq!(documents[0].root.get("a").unwrap().as_str(), Some("é"));
}

#[test]
fn the_first_document_is_read_whatever_follows_it() {
    let text = b"a: 1\n---\nb: [\n";
    let document = read_document(text, FileId::NONE, &ReadOptions::yaml11()).unwrap().unwrap();
    assert_eq!(document.root.get("a").unwrap().as_str(), Some("1"));
    assert!(read_stream(text, FileId::NONE, &ReadOptions::yaml11()).is_err());
    assert!(read_document(b"# nothing\n", FileId::NONE, &ReadOptions::v3()).unwrap().is_none());
}

// ---- aliases ----

fn expand(text: &str, rule: MergeRule) -> Result<String, String> {
    let mut document = read(text).pop().unwrap();
    document.expand_merge_keys(rule, &Limits::default()).map_err(|error| error.to_string())?;
    let mut out = String::new();
    flat(&document.root, &mut out);
    Ok(out)
}

/// Writes a node in flow style.
fn flat(node: &Node, out: &mut String) {
    assert!(node.anchor().is_none());
    match &node.data {
        Data::Scalar(text) => out.push_str(text),
        Data::Alias(name) => out.push_str(&format!("*{name}")),
        Data::Sequence(items) => {
            out.push('[');
            for item in items {
                flat(item, out);
                out.push(' ');
            }
            out.push(']');
        }
        Data::Mapping(entries) => {
            out.push('{');
            for entry in entries {
                flat(&entry.key, out);
                out.push(':');
                flat(&entry.value, out);
                out.push(' ');
            }
            out.push('}');
        }
    }
}

#[test]
fn an_alias_means_the_anchor_last_defined_before_it() {
    let got = expand("- &a 1\n- *a\n- &a [2, &a 3, *a]\n- *a\n", MergeRule::OwnKeysWin);
    assert_eq!(got.unwrap(), "[1 1 [2 3 3 ] 3 ]");
}

#[test]
fn an_anchor_that_contains_itself_is_refused() {
    let got = expand("a: &a [*a]\n", MergeRule::OwnKeysWin);
    assert_eq!(got.unwrap_err(), "yaml: anchor 'a' value contains itself");
}

#[test]
fn v3_lets_aliases_reach_earlier_documents() {
    let text = "a: &x [1, &y 2]\n---\nb: *x\nc: *y\n";
    assert_eq!(expand(text, MergeRule::OwnKeysWin).unwrap(), "{b:[1 2 ] c:2 }");
    let error = read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::yaml11()).unwrap_err();
    assert_eq!(error.to_string(), "yaml: unknown anchor 'x' referenced");
}

#[test]
fn merge_keys_follow_the_rule_of_the_library() {
    let text = "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz:\n  a: 0\n  <<: [*x, *y]\n  b: 9\n";
    let own = expand(text, MergeRule::OwnKeysWin).unwrap();
    assert!(own.ends_with("z:{a:0 b:9 c:4 } }"), "{own}");
    let last = expand(text, MergeRule::LastWins).unwrap();
    assert!(last.ends_with("z:{a:1 b:9 c:4 } }"), "{last}");
}

#[test]
fn merge_keys_of_other_things_are_refused() {
    let check = |text: &str, kyaml: &str| {
        assert_eq!(expand(text, MergeRule::OwnKeysWin).unwrap_err(), format!("yaml: {kyaml}"));
    };
    check("<<: 1\n", "map merge requires map or sequence of maps as the value");
    check("a: &a 1\nb: {<<: *a}\n", "invalid map merge: received alias for a non-map value");
    check("<<: [[{a: 1}]]\n", "invalid map merge: received a nested sequence");
    check("<<: {a: 1}\n<<: {b: 1}\n", "duplicate merge key");
    let error = expand("<<: 1\n", MergeRule::LastWins).unwrap_err();
    assert_eq!(error, "yaml: map merge requires map or sequence of maps as the value");
}

#[test]
fn repeated_keys_are_found_in_small_and_large_mappings() {
    let large: String = (0..100).map(|n| format!("k{n}: {{a: 1, a: 2}}\n")).collect();
    let documents = read(&format!("{large}k3: 1\n"));
    let found = documents[0].root.duplicate_keys();
    assert_eq!(found.len(), 101);
    assert_eq!(
        found[100].to_error().to_string(),
        "yaml: line 101: mapping key \"k3\" already defined at line 4"
    );
}
