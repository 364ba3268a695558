//! Patterns that Go and Rust read differently, and matches at the edges.

use gitops_regex::GoRegex;
use proptest::prelude::*;

#[track_caller]
fn refused(pattern: &str, wanted: &str) {
    let error = GoRegex::new(pattern).expect_err("a refusal");
    assert_eq!(error.to_string(), format!("error parsing regexp: {wanted}"));
}

#[track_caller]
fn finds(pattern: &str, text: &str, wanted: &[&str]) {
    let regex = GoRegex::new(pattern).expect("a pattern");
    let found: Vec<&str> = regex.find_all(text, None).into_iter().map(|range| &text[range]).collect();
    assert_eq!(found, wanted, "{pattern}");
}

#[test]
fn what_go_alone_reads() {
    finds(r"\Qa.b\E+", "a.bbb", &["a.bbb"]);
    finds(r"\101\08", "A\u{0}8", &["A\u{0}8"]);
    finds(r"\08", "\u{0}8", &["\u{0}8"]);
    finds(r"\123", "S", &["S"]);
    finds(r"\p{^Greek}+", "aβc", &["a", "c"]);
    finds(r"[\d-z]+", "1-z", &["1-z"]);
    finds("[[a]+", "[a[", &["[a["]);
    finds("a{,3}", "a{,3}", &["a{,3}"]);
    finds("a{2", "a{2", &["a{2"]);
    finds("{", "{", &["{"]);
    finds("[]a]+", "]a", &["]a"]);
}

#[test]
fn what_go_refuses() {
    refused("a**", "invalid nested repetition operator: `**`");
    refused("a*?+", "invalid nested repetition operator: `*?+`");
    refused("(?x)a", "invalid or unsupported Perl syntax: `(?x`");
    refused("(?u)a", "invalid or unsupported Perl syntax: `(?u`");
    refused("(?R)", "invalid or unsupported Perl syntax: `(?R`");
    refused("a(?=b)", "invalid or unsupported Perl syntax: `(?=`");
    refused("(?i-)", "invalid or unsupported Perl syntax: `(?i-)`");
    refused("x{2,1001}", "invalid repeat count: `{2,1001}`");
    refused("(?:x{100}){11}", "invalid repeat count: `{11}`");
    refused("x{3,2}", "invalid repeat count: `{3,2}`");
    refused("[a--b]", "invalid character class range: `a--`");
    refused("[b-a]", "invalid character class range: `b-a`");
    refused("[[:nope:]]", "invalid character class range: `[:nope:]`");
    refused(r"\pX", r"invalid character class range: `\pX`");
    refused("[", "missing closing ]: `[`");
    refused("x[^", "missing closing ]: `[^`");
    refused("(a", "missing closing ): `(a`");
    refused("a)", "unexpected ): `a)`");
    refused("a|*", "missing argument to repetition operator: `*`");
    refused(r"\8", r"invalid escape sequence: `\8`");
    refused(r"\1", r"invalid escape sequence: `\1`");
    refused(r"\x{110000}", r"invalid escape sequence: `\x{110000`");
    refused("\\", "trailing backslash at end of expression: ``");
    refused("(?P<n", "invalid named capture: `(?P<n`");
    refused("(?P<a-b>x)", "invalid named capture: `(?P<a-b>`");
    let deep = format!("{}a{}", "(".repeat(1001), ")".repeat(1001));
    refused(&deep, &format!("expression nests too deeply: `{deep}`"));
    let large = "(((a{500}){2}b{900}){1}".repeat(9000);
    assert!(GoRegex::new(&large).is_err());
}

#[test]
fn classes_are_ascii_and_folding_is_not() {
    finds(r"\w+", "aé_1", &["a", "_1"]);
    finds(r"\bé", "aé é", &["é"]);
    finds(r"(?i)k", "kK\u{212a}", &["k", "K", "\u{212a}"]);
    finds(r"(?i)[^k]", "k\u{212a}x", &["x"]);
    finds(r"\s", "\u{b} ", &[" "]);
}

#[test]
fn flags_end_with_their_group() {
    finds("(?i:a)b", "AbAB", &["Ab"]);
    finds("(a(?i)b)c", "aBcaBC", &["aBc"]);
    finds("(?s).", "\n", &["\n"]);
    finds("(?m)^a$", "a\nb\na", &["a", "a"]);
    finds("(?U)a+", "aa", &["a", "a"]);
    finds("(?U)a+?", "aa", &["aa"]);
    finds("^a$", "a\n", &[]);
}

#[test]
fn empty_matches_behind_a_match_do_not_count() {
    finds("a*", "baaac", &["", "aaa", ""]);
    finds("", "äb", &["", "", ""]);
    assert_eq!(GoRegex::new("a*").expect("a pattern").replace_all("baaac", "x"), "xbxcx");
    assert_eq!(GoRegex::new("").expect("a pattern").replace_all("äb", "-"), "-ä-b-");
}

#[test]
fn parts_are_split_as_go_does() {
    let split = |pattern: &str, text: &'static str, limit: Option<usize>| {
        GoRegex::new(pattern).expect("a pattern").split(text, limit)
    };
    assert_eq!(split("a", "banana", None), ["b", "n", "n", ""]);
    assert_eq!(split("a", "banana", Some(2)), ["b", "nana"]);
    assert_eq!(split("", "abc", None), ["a", "b", "c"]);
    assert_eq!(split("x*", "axbxc", None), ["a", "b", "c"]);
    assert_eq!(split("z", "", None), [""]);
    assert!(split("a", "a", Some(0)).is_empty());
}

#[test]
fn templates_name_groups() {
    let regex = GoRegex::new("(?P<first>a)|(?P<first>b)(c)?").expect("a pattern");
    assert_eq!(regex.replace_all("abc", "<$first>"), "<a><b>");
    assert_eq!(regex.replace_all("abc", "${3}$4$$ $ ${x $01"), "$ $ ${x c$ $ ${x ");
    assert_eq!(regex.captures("b").and_then(|found| found.get(3).map(str::to_owned)), None);
}

proptest! {
    #[test]
    fn nothing_panics(pattern in "[ab(){}\\[\\]|*+?.^$0-9,:\\\\pdwxQEi<>P-]{0,16}", text in "[abé0-9\\n]{0,8}") {
        if let Ok(regex) = GoRegex::new(&pattern) {
            let found = regex.find_all(&text, None);
            prop_assert_eq!(regex.is_match(&text), !found.is_empty());
            let _ = (regex.replace_all(&text, "$1x"), regex.split(&text, Some(2)), regex.captures(&text).is_some());
        }
    }
}
