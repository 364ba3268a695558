//! Patterns are read, matched and refused as Go does it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod edges;

use gitops_regex::GoRegex;
use proptest::prelude::*;

#[track_caller]
fn refused(pattern: &str, wanted: &str) {
    let error = GoRegex::new(pattern).unwrap_err();
    assert_eq!(error.to_string(), format!("error parsing regexp: {wanted}"));
}

#[track_caller]
fn matched(pattern: &str, text: &str, wanted: Option<&str>) {
    let found = GoRegex::new(pattern).unwrap().find(text).map(|range| &text[range]);
    assert_eq!(found, wanted, "{pattern} in {text}");
}

#[test]
fn errors_are_those_of_go() {
    refused("^main-(", "missing closing ): `^main-(`");
    refused("a)", "unexpected ): `a)`");
    refused("(?!main)", "invalid or unsupported Perl syntax: `(?!`");
    refused("(?<!a)", "invalid named capture: `(?<!a)`");
    refused("(?P<a", "invalid named capture: `(?P<a`");
    refused("(?P<a-b>x)", "invalid named capture: `(?P<a-b>`");
    refused("(?i-:x)", "invalid or unsupported Perl syntax: `(?i-:`");
    refused("[a", "missing closing ]: `[a`");
    refused("x[b-a]", "invalid character class range: `b-a`");
    refused("[[:no:]]", "invalid character class range: `[:no:]`");
    refused(r"\p{Nope}", r"invalid character class range: `\p{Nope}`");
    refused("*", "missing argument to repetition operator: `*`");
    refused("(|*)", "missing argument to repetition operator: `*`");
    refused("a**", "invalid nested repetition operator: `**`");
    refused("a{2}{3}", "invalid nested repetition operator: `{2}{3}`");
    refused("a{1001}", "invalid repeat count: `{1001}`");
    refused("(a{100}){11}", "invalid repeat count: `{11}`");
    refused("a{3,2}", "invalid repeat count: `{3,2}`");
    refused(r"\8", r"invalid escape sequence: `\8`");
    refused(r"\1", r"invalid escape sequence: `\1`");
    refused(r"\C", r"invalid escape sequence: `\C`");
    refused(r"\x{110000}", r"invalid escape sequence: `\x{110000`");
    refused("a\\", "trailing backslash at end of expression: ``");
}

#[test]
fn patterns_mean_what_they_mean_in_go() {
    matched(r"\d+", "٣3", Some("3"));
    matched(r"\w+", "éa", Some("a"));
    matched(r"\bfoo\b", "éfooé", Some("foo"));
    matched("[a&&b]", "&", Some("&"));
    matched("[[a]]", "[]", Some("[]"));
    matched("a{,2}", "a{,2}", Some("a{,2}"));
    matched(r"\Qa.b\E.", "a.bc", Some("a.bc"));
    matched(r"(?i)K", "\u{212A}", Some("\u{212A}"));
    matched("(?U)a+", "aaa", Some("a"));
    matched("(?U)a+?", "aaa", Some("aaa"));
    matched("a$", "a\n", None);
    matched("(?m)a$", "a\n", Some("a"));
    matched("(?s).", "\n", Some("\n"));
    matched("[^a]", "\n", Some("\n"));
    matched(r"\pL", "1é", Some("é"));
    matched(r"[\p{Greek}x-]+", "-xα", Some("-xα"));
    matched("a|ab", "ab", Some("a"));
    matched("(?<n>a)(?P<n>b)", "ab", Some("ab"));
    matched("[]a]", "]", Some("]"));
    matched("#  x", "#  x", Some("#  x"));
}

#[test]
fn templates_are_filled_as_in_go() {
    let regex = GoRegex::new(r"(?P<a>\w)(\d)?").unwrap();
    let captures = regex.captures("x7").unwrap();
    assert_eq!(captures.expand("$a-$2-${a}y-$ay-$$-$-${-$9-$02"), "x-7-xy--$-$-${--");
    assert_eq!(regex.replace_all("ab1", "<$1>"), "<a><b>");
    assert_eq!(regex.replace_all_literal("ab", "$1"), "$1$1");
    assert_eq!(GoRegex::new(",").unwrap().split("a,b,c", Some(2)), ["a", "b,c"]);
    assert_eq!(GoRegex::new("").unwrap().split("abc", None), ["a", "b", "c"]);
}

proptest! {
    #[test]
    fn no_pattern_panics(pattern in "[ -~é]{0,24}", text in "[ -~é\n]{0,12}") {
        if let Ok(regex) = GoRegex::new(&pattern) {
            let _ = regex.captures(&text);
        }
    }

    #[test]
    fn deep_patterns_are_refused_or_matched(depth in 0_usize..2000) {
        let _ = GoRegex::new(&format!("{}a{}", "(".repeat(depth), ")".repeat(depth)));
    }
}
