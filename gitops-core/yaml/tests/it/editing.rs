//! Edits change the bytes of one scalar and no other.

use gitops_yaml::{Edits, FileId, PathStep, Place, ReadOptions, read_stream};

/// Replaces the scalar whose value is `old`.
#[track_caller]
fn check(text: &str, old: &str, new: &str, wanted: &str) {
    let mut edits = Edits::new(text).unwrap();
    let index = edits.scalars().iter().position(|site| site.value == old).unwrap();
    edits.replace(index, new).unwrap();
    let got = edits.finish();
    assert_eq!(got, wanted);
    let again = Edits::new(&got).unwrap();
    assert_eq!(again.scalars()[index].value, new, "{got}");
}

#[test]
fn the_style_is_kept_where_it_can_hold_the_value() {
    check("a:  x   # c\r\nb: y\r\n", "x", "z:1", "a:  z:1   # c\r\nb: y\r\n");
    check("a: 'x' # c\n", "x", "it's", "a: 'it''s' # c\n");
    check("a: \"x\"\n", "x", "say \"hi\"\n", "a: \"say \\\"hi\\\"\\n\"\n");
    check("a: x\n", "x", "b: c", "a: 'b: c'\n");
    check("a: x\n", "x", "# no comment", "a: '# no comment'\n");
    check("a: x\n", "x", "two\nlines", "a: \"two\\nlines\"\n");
    check("x: 1\n", "x", "y z", "y z: 1\n");
    check("[a, x]\n", "x", "y, z", "[a, 'y, z']\n");
    check("{a: x}\n", "x", "y}", "{a: 'y}'}\n");
}

#[test]
fn anchors_and_tags_before_a_scalar_stay() {
    check("a: &n !!str x # c\nb: *n\n", "x", "y", "a: &n !!str y # c\nb: *n\n");
}

#[test]
fn scalars_over_several_lines_are_replaced_whole() {
    check("a: one\n  two # c\nb: 1\n", "one two", "z", "a: z # c\nb: 1\n");
    check("a: 'one\n  two'\nb: 1\n", "one two", "z", "a: 'z'\nb: 1\n");
}

#[test]
fn several_edits_and_several_documents_work_on_one_text() {
    let text = "a: 1\n---\nb: [x, {c: y}]\n";
    let mut edits = Edits::new(text).unwrap();
    edits.replace_at(Place { file: FileId::NONE, line: 3, column: 12 }, "Y").unwrap();
    edits.replace_at(Place { file: FileId::NONE, line: 1, column: 4 }, "2").unwrap();
    assert!(edits.replace_at(Place { file: FileId::NONE, line: 9, column: 1 }, "2").is_err());
    let last = edits.scalars().last().unwrap();
    let path = [PathStep::Key("b".into()), PathStep::Index(1), PathStep::Key("c".into())];
    assert_eq!((last.document, last.path.as_slice()), (1, path.as_slice()));
    assert_eq!(edits.finish(), "a: 2\n---\nb: [x, {c: Y}]\n");
}

#[test]
fn a_byte_order_mark_stays() {
    check("\u{feff}a: é # ü\n", "é", "ß", "\u{feff}a: ß # ü\n");
}

#[test]
fn sites_and_nodes_agree_on_places() {
    let text = "# é\na: [b, 'c', {d: e}] # x\nf:\n- |\n  g\n- \"h\"\n";
    let edits = Edits::new(text).unwrap();
    let root = &read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::v3()).unwrap()[0].root;
    let items = root.get("a").unwrap().items().unwrap();
    let site = edits.scalars().iter().find(|site| site.value == "c").unwrap();
    assert_eq!(site.place, items[1].place);
    assert_eq!(&text[site.bytes.clone()], "'c'");
}

#[test]
fn missing_values_are_filled_where_they_can_be() {
    check("a:\nb: 1\n", "", "x", "a: x\nb: 1\n");
    check("a: &n !!str\nb: 1\n", "", "x", "a: &n !!str x\nb: 1\n");
    check("- # c\n- b\n", "", "x", "- x # c\n- b\n");
    let mut edits = Edits::new("? é\n").unwrap();
    let missing = edits.scalars().iter().position(|site| site.value.is_empty()).unwrap();
    assert_eq!(edits.replace(missing, "x").unwrap_err().message(), "the value is missing here");
}
