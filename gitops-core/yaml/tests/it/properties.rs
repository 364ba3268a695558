//! What holds of every tree, whatever it is.

use gitops_yaml::{
    Dialect, Entry, FileId, Node, PrintOptions, ReadOptions, SequenceIndent, Style, Tag, from_json,
    print_sigs, print_v3, read_document, to_json,
};
use proptest::prelude::*;

/// Texts that are likely to be misread.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,12}",
        "[a-z:#' \n-]{0,20}",
        "[0-9a-fx._+:-]{0,8}",
        prop::sample::select(vec![
            "",
            "y",
            "No",
            "~",
            "<<",
            "---",
            "...",
            "\t",
            "\u{feff}x",
            "\u{85}",
            "é",
            "🎉",
            "\u{2028}",
            "a\r\nb"
        ])
        .prop_map(str::to_owned),
        "(word ){10,30}",
        any::<String>(),
    ]
}

fn style() -> impl Strategy<Value = Style> {
    prop::sample::select(vec![
        Style::Default,
        Style::SingleQuoted,
        Style::DoubleQuoted,
        Style::Literal,
        Style::Folded,
        Style::Flow,
    ])
}

fn tag() -> impl Strategy<Value = Tag> {
    prop_oneof![8 => Just(Tag::Implicit), 4 => Just(Tag::Str), 1 => prop::sample::select(vec![
        Tag::Null, Tag::Bool, Tag::Int, Tag::Float, Tag::Timestamp, Tag::Binary, Tag::Merge, Tag::Seq, Tag::Map,
        Tag::Custom,
    ])]
}

fn scalar() -> impl Strategy<Value = Node> {
    (text(), style(), tag()).prop_map(|(text, style, tag)| Node::plain(text).styled(style).tagged(tag))
}

fn tree() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![6 => scalar().boxed(), 1 => text().prop_map(Node::alias).boxed()];
    let branch = |inner: BoxedStrategy<Node>| {
        let entry = (inner.clone(), inner.clone()).prop_map(|(key, value)| Entry { key, value });
        prop_oneof![
            (prop::collection::vec(inner, 0..4), style())
                .prop_map(|(items, style)| Node::sequence(items).styled(style)),
            (prop::collection::vec(entry, 0..4), style())
                .prop_map(|(all, style)| Node::mapping(all).styled(style)),
        ]
        .boxed()
    };
    (leaf.boxed().prop_recursive(4, 24, 4, branch), text(), prop::array::uniform3(text())).prop_map(
        |(mut node, anchor, [head, line, foot])| {
            node.set_anchor(anchor);
            let comments = node.comments_mut();
            (comments.head, comments.line, comments.foot) = (head.into(), line.into(), foot.into());
            node
        },
    )
}

/// Values as JSON has them.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        text().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        // A negative zero becomes an integer on the way, and loses its sign.
        any::<f64>().prop_map(|value| serde_json::Value::from(value + 0.0)),
        any::<bool>().prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::hash_map(text(), inner, 0..4)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// Characters that do not survive Go's way through JSON and YAML either, and the key `<<`, which go-yaml prints plain.
fn survives(value: &serde_json::Value) -> bool {
    let text = value.to_string();
    !text.contains("\"<<\":")
        && !text.contains(|c: char| {
            matches!(c, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' | '\u{2028}' | '\u{2029}')
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn no_tree_makes_a_printer_panic(node in tree()) {
        for dialect in [Dialect::Yaml11, Dialect::V3] {
            let _ = print_sigs(&node, dialect);
            let _ = to_json(&node, dialect);
        }
        for sequences in [SequenceIndent::Wide, SequenceIndent::Compact] {
            for indent in [0, 2, 3, 9, 100] {
                let _ = print_v3(&node, &PrintOptions::v3().indented_by(indent).with_sequences(sequences));
            }
        }
    }

    #[test]
    fn sorted_output_reads_back_as_the_value(value in value()) {
        prop_assume!(survives(&value));
        let node = from_json(&value.to_string(), FileId::NONE).unwrap();
        let json = to_json(&node, Dialect::Yaml11).unwrap();
        let yaml = print_sigs(&node, Dialect::Yaml11).unwrap();
        let document = read_document(yaml.as_bytes(), FileId::NONE, &ReadOptions::yaml11()).unwrap().unwrap();
        let again = to_json(&document, Dialect::Yaml11).unwrap();
        prop_assert_eq!(again, json, "{}", yaml);
        prop_assert_eq!(print_sigs(&document, Dialect::Yaml11).unwrap(), yaml);
    }

    #[test]
    fn what_v3_prints_reads_back_and_prints_the_same(value in value()) {
        prop_assume!(survives(&value));
        let node = from_json(&value.to_string(), FileId::NONE).unwrap();
        let options = PrintOptions::v3();
        let printed = print_v3(&node, &options).unwrap();
        let document = read_document(printed.as_bytes(), FileId::NONE, &ReadOptions::v3()).unwrap().unwrap();
        prop_assert_eq!(print_v3(&document.root, &options).unwrap(), printed);
    }
}
