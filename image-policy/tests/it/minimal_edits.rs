//! The minimal mode changes the scalar and not one byte more, whatever stands around it.

use image_policy::{Policies, Update, Updater};
use proptest::prelude::*;

fn policies() -> Policies {
    let mut policies = Policies::default();
    policies.choose("flux-system:app=ghcr.io/org/app:2.1.0".parse().unwrap()).unwrap();
    policies.choose("flux-system:db=docker.io/library/postgres:16.4".parse().unwrap()).unwrap();
    policies
}

fn update(text: &str) -> Update {
    let policies = policies();
    let mut updater = Updater::new(&policies);
    updater.file("a.yaml", text.as_bytes()).unwrap();
    updater.finish()
}

/// Writes `before` with each `<OLD|NEW>` once as OLD and once as NEW, and expects that the update makes the one the
/// other.
#[track_caller]
fn check(template: &str) {
    let (mut old, mut new) = (String::new(), String::new());
    for part in template.split('<') {
        if let Some((values, rest)) = part.split_once('>')
            && let Some((before, after)) = values.split_once('|')
        {
            old.push_str(before);
            new.push_str(after);
            old.push_str(rest);
            new.push_str(rest);
        } else {
            assert!(old.is_empty(), "a stray < in the template");
            old.push_str(part);
            new.push_str(part);
        }
    }
    let done = update(&old);
    assert_eq!(done.problems(), [], "{old}");
    assert_eq!(done.skipped(), [], "{old}");
    let got = done.files().next().map_or(old.as_str(), |(_, text)| text);
    assert_eq!(got, new);
    assert!(update(&new).changes().is_empty(), "not idempotent: {new}");
}

const APP: &str = r##"# {"$imagepolicy": "flux-system:app"}"##;
const TAG: &str = r##"# {"$imagepolicy": "flux-system:app:tag"}"##;
const DB_TAG: &str = r##"# {"$imagepolicy": "flux-system:db:tag"}"##;

#[test]
fn the_style_of_the_scalar_is_kept() {
    check(&format!("image: <x:1|ghcr.io/org/app:2.1.0> {APP}\n"));
    check(&format!("image: '<x:1|ghcr.io/org/app:2.1.0>' {APP}\n"));
    check(&format!("image: \"<x:1|ghcr.io/org/app:2.1.0>\" {APP}\n"));
    check(&format!("a:\n- <x:1|ghcr.io/org/app:2.1.0> {APP}"));
    check(&format!("a: [\n  <x:1|ghcr.io/org/app:2.1.0>  {APP}\n]\n"));
    check(&format!("a: &x <x:1|ghcr.io/org/app:2.1.0> {APP}\nb: *x\n"));
    check(&format!("a: !!str <x:1|ghcr.io/org/app:2.1.0> {APP}\n"));
}

#[test]
fn a_tag_that_reads_as_a_number_is_quoted() {
    check(&format!("tag: <15.1|\"16.4\"> {DB_TAG}\n"));
    check(&format!("tag: '<15.1|16.4>' {DB_TAG}\n"));
    check(&format!("tag: <~|\"16.4\"> {DB_TAG}\n"));
    check(&format!("tag: <true|2.1.0> {TAG}\n"));
}

#[test]
fn everything_around_is_left_alone() {
    check(&format!(
        "\u{feff}# head\r\n---\r\n\r\na:   1   # one\r\nimage:\t<x:1|ghcr.io/org/app:2.1.0>\t{APP}\r\n\r\n---\r\n...\r\n"
    ));
    check(&format!(
        "emoji: \u{1F600}\nk:\n    image: <x:1|ghcr.io/org/app:2.1.0> {APP}\n\n\n? odd\n: {{a:   b}}\n"
    ));
    check(&format!(
        "apiVersion: v1\nkind: List\nitems:\n  - kind: Pod\n    image: <x:1|ghcr.io/org/app:2.1.0> {APP}\n  -   kind: Pod\n"
    ));
    check(&format!("long: >\n  folded\n  text\n\nimage: <x:1|ghcr.io/org/app:2.1.0> {APP}\n# end"));
}

#[test]
fn values_of_charts_and_kustomizations_are_set_part_by_part() {
    let name = r##"# {"$imagepolicy": "flux-system:app:name"}"##;
    let digest = r##"# {"$imagepolicy": "flux-system:app:digest"}"##;
    check(&format!(
        "image:\n  repository: <old|ghcr.io/org/app> {name}\n  tag: <1.0.0|2.1.0> {TAG}\n  digest: <sha256:0|\"\"> {digest}\n"
    ));
    check(&format!(
        "images:\n- name: app\n  newName: <app|ghcr.io/org/app> {name}\n  newTag: '<1|2.1.0>' {TAG}\n"
    ));
}

#[test]
fn block_scalars_with_a_marker_on_their_header_are_set() {
    check(&format!("img: >- {APP}\n  <x:1|ghcr.io/org/app:2.1.0>\nnext: 1\n"));
    check(&format!("img: |- {APP}\n    <x:1|ghcr.io/org/app:2.1.0>\nnext: 1\n"));
}

/// The value of a policy has no line break at its end, which the header then has to say.
#[test]
fn block_scalars_lose_the_line_break_at_their_end() {
    for (old, new) in [("|", "|-"), (">", ">-"), ("|+", "|-"), ("|2-", "|-"), (">-", ">-")] {
        let text = format!("img: {old}  {APP}\r\n  x:1\r\n\r\nnext: 1\r\n");
        let wanted = format!("img: {new}  {APP}\r\n  ghcr.io/org/app:2.1.0\r\n\r\nnext: 1\r\n");
        assert_eq!(update(&text).files().next(), Some(("a.yaml", wanted.as_str())), "{old}");
        assert!(update(&wanted).changes().is_empty());
    }
    let digest = r##"# {"$imagepolicy": "flux-system:app:digest"}"##;
    let text = format!("img: | {digest}\n  x:1\n\nnext: 1\n");
    assert_eq!(
        update(&text).files().next(),
        Some(("a.yaml", format!("img: |- {digest}\n\nnext: 1\n").as_str()))
    );
}

/// A line of YAML beside the one that is edited, in the many ways people write them.
fn neighbour() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,6}: [a-z0-9.]{0,8}( +# [a-z ]{0,10})?",
        "[a-z]{1,6}: '[a-z #:]{0,8}'",
        "[a-z]{1,6}: \"[a-z #:é\u{1F600}]{0,8}\"",
        "[a-z]{1,6}: \\{a: \\[1,  2\\]\\}",
        "[a-z]{1,6}: \\|\n   [a-z#]{1,8}\n   [a-z]{1,8}",
        "[a-z]{1,6}:\n-   [a-z]{1,5}\n-   [a-z]{1,5}",
        Just(String::new()),
        "# [a-z ]{0,10}",
        Just("---".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn an_edit_changes_one_scalar_and_no_other_byte(
        before in proptest::collection::vec(neighbour(), 0..5),
        after in proptest::collection::vec(neighbour(), 0..5),
        indent in " {0,4}",
        quote in "['\"]?",
        ending in "(\n|\r\n)",
        gap in "[ \t]{1,4}",
        last in any::<bool>(),
    ) {
        let old = format!("image:\n{indent}   name:   {quote}x:1{quote}{gap}{APP}");
        let new = format!("image:\n{indent}   name:   {quote}ghcr.io/org/app:2.1.0{quote}{gap}{APP}");
        let text = |middle: &str| {
            let lines = before.iter().map(String::as_str).chain([middle]).chain(after.iter().map(String::as_str));
            let mut all = lines.collect::<Vec<_>>().join("\n");
            if last { all.push('\n'); }
            all.replace('\n', &ending)
        };
        let (old, new) = (text(&old), text(&new));
        let done = update(&old);
        if let [skipped] = done.skipped() {
            // Neighbours may make a text that is no YAML, which is left alone and said.
            prop_assert!(done.files().next().is_none(), "{}", skipped);
            return Ok(());
        }
        let got = done.files().next().map(|(_, text)| text.to_owned());
        prop_assert_eq!(got, Some(new.clone()));
        prop_assert!(update(&new).files().next().is_none());
    }

    #[test]
    fn no_text_panics_and_none_is_damaged(text in "([ -~\n\té\u{1F600}]|# \\{\"\\$imagepolicy\": \"flux-system:app\"\\}){0,60}") {
        let done = update(&text);
        if done.changes().is_empty() {
            prop_assert!(done.files().next().is_none());
        }
    }
}
