//! Templates come from strangers: any text parses or is refused, any render ends, and no depth overflows a stack.

use gitops_template::{Limits, Map, Options, Seeded, Templates, Value, sprig};
use proptest::prelude::*;

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.steps = 20_000;
    limits.output_bytes = 1 << 20;
    limits
}

fn data() -> Value {
    let inner: Map = [("k", Value::from("v")), ("n", Value::Nil)].into_iter().collect();
    let list = Value::list(vec![Value::int(1), Value::Map(inner.clone()), Value::Nil]);
    let own = Map::new();
    own.insert("a", Value::Map(inner));
    own.insert("l", list);
    own.insert("self", Value::Map(own.clone()));
    Value::Map(own)
}

fn limits_of(steps: usize, made_bytes: usize) -> Limits {
    let mut limits = limits();
    limits.steps = steps;
    limits.made_bytes = made_bytes;
    limits
}

/// Renders, and gives back what was printed or refused.
fn render(text: &str) -> Result<String, String> {
    render_within(text, limits())
}

fn render_within(text: &str, limits: Limits) -> Result<String, String> {
    let mut templates = Templates::new(sprig()).limits(limits);
    templates.parse("t", text).map_err(|e| e.to_string())?;
    let _ = templates.show("t");
    templates
        .render("t", &data(), &Options::default().world(&Seeded::new(1, 0)))
        .map(|o| o.text)
        .map_err(|e| e.to_string())
}

/// Runs on a stack as small as that of a thread.
fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run);
    thread.expect("a thread").join().expect("no panic");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC{0,80}") {
        let _ = render(&text);
        let _ = render(&format!("{{{{{text}}}}}"));
    }

    #[test]
    fn any_words_are_rendered_or_refused(
        words in proptest::collection::vec(
            prop_oneof![
                Just("{{"), Just("}}"), Just("{{- "), Just(" -}}"), Just("if "), Just("else "), Just("end"), Just("range "),
                Just("with "), Just("define \"d\""), Just("template \"d\" "), Just("template \"t\" "), Just("block \"b\" "),
                Just("break"), Just("continue"), Just(". "), Just(".a "), Just(".a.k "), Just(".l "), Just(".self "),
                Just("$x "), Just("$x := "), Just("$x = "), Just(", "), Just("( "), Just(") "), Just("| "), Just("print "),
                Just("printf \"%v %d %[2]*.1f\" "), Just("index "), Just("slice "), Just("eq "), Just("and "), Just("not "),
                Just("len "), Just("toYaml "), Just("toJson "), Just("set "), Just("dict \"k\" "), Just("list "),
                Just("merge "), Just("deepCopy "), Just("repeat "), Just("until "), Just("nindent "), Just("1 "), Just("-1 "),
                Just("99999999 "), Just("1.5 "), Just("\"s\" "), Just("nil "), Just("true "), Just("text\n"), Just("/* c */"),
            ],
            0..24,
        ),
    ) {
        let _ = render(&words.concat());
    }

    #[test]
    fn any_format_prints_within_the_limit(format in "[%+# 0-9.*\\[\\]vTtbcdoOqxXUeEfFgGsp!é]{0,24}") {
        let printed = render(&format!("{{{{printf {format:?} .self .l 3 \"x\" 2.5}}}}"));
        prop_assert!(printed.map_or(0, |text| text.len()) <= 1 << 20);
    }
}

#[test]
fn deep_nesting_is_parsed_or_refused_on_a_small_stack() {
    on_a_small_stack(|| {
        let deep = 20_000;
        for (open, close) in [
            ("{{if .}}", "{{end}}"),
            ("{{range .l}}", "{{end}}"),
            ("{{with .}}", "{{end}}"),
            ("{{if .}}{{else}}", "{{end}}"),
            ("{{block \"b\" .}}", "{{end}}"),
            ("{{define \"d\"}}", "{{end}}"),
        ] {
            let _ = render(&(open.repeat(deep) + &close.repeat(deep)));
            let _ = render(&(open.repeat(9_000) + &close.repeat(9_000)));
            let _ = render(&open.repeat(deep));
        }
        let _ = render(&format!("{{{{if .}}}}{}{{{{end}}}}", "{{else if .nope}}".repeat(deep)));
        for deep in [9_000, deep] {
            let _ = render(&format!("{{{{{}1{}}}}}", "(".repeat(deep), ")".repeat(deep)));
            let _ = render(&format!("{{{{{}1{}}}}}", "(not ".repeat(deep), ")".repeat(deep)));
            let _ = render(&format!("{{{{{}1{}}}}}", "(print ".repeat(deep), ").a".repeat(deep)));
            let _ = render(&format!("{{{{1{}}}}}", " | print".repeat(deep)));
            let _ = render(&format!("{{{{.{}}}}}", "a.".repeat(deep)));
        }
    });
}

#[test]
fn templates_that_call_themselves_end_on_a_small_stack() {
    on_a_small_stack(|| {
        let mut templates = Templates::default();
        templates.parse("t", "{{template \"t\" .}}").unwrap();
        let error = templates.render("t", &Value::Nil, &Options::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "template: t:1:11: executing \"t\" at <{{template \"t\" .}}>: exceeded maximum template depth (100000)"
        );
        assert!(error.is_limit());
    });
}

#[test]
fn values_nested_deep_are_dropped_and_printed_on_a_small_stack() {
    on_a_small_stack(|| {
        let mut limits = Limits::default();
        limits.output_bytes = 1 << 20;
        for nested in ["list $x", "dict \"k\" $x", "list $x 1 | append (list 2)"] {
            let mut templates = Templates::new(sprig()).limits(limits);
            let text = format!(
                "{{{{$x := 1}}}}{{{{range until 100000}}}}{{{{$x = {nested}}}}}{{{{end}}}}\
                 {{{{$y := deepCopy $x}}}}{{{{eq (kindOf $x) (kindOf $y)}}}}{{{{deepEqual $x $y}}}}{{{{$z := print $x}}}}"
            );
            templates.parse("t", text).unwrap();
            let _ = templates.render("t", &Value::Nil, &Options::default());
        }
    });
}

#[test]
fn values_that_hold_one_thing_often_are_not_printed_without_bounds() {
    let text = "{{$x := list 1}}{{range until 60}}{{$x = list $x $x}}{{end}}";
    let printed = render(&format!("{text}{{{{print $x}}}}"));
    assert!(printed.unwrap_err().contains("over the limit"), "a list of 2^60 items");
    assert!(render(&format!("{text}{{{{$x}}}}")).unwrap_err().contains("over the limit"));
    for call in ["toYaml $x", "toJson $x"] {
        assert!(render(&format!("{text}{{{{{call}}}}}")).unwrap_err().contains("over the limit"), "{call}");
    }
    assert!(render(&format!("{text}{{{{$y := deepCopy $x}}}}")).unwrap_err().contains("too many parts"));
}

/// Maps and lists of few parts that stand for 2^60: what goes through them pair by pair is done, or ends at a limit.
#[test]
fn values_that_hold_one_thing_often_are_gone_through_once_or_within_the_limit() {
    let twins = "{{$a := dict}}{{$b := dict}}{{range 60}}{{$a = dict \"x\" $a \"y\" (list $a)}}{{$b = dict \"x\" $b \"y\" (list $b)}}{{end}}";
    let outcome =
        |call: &str| render_within(&format!("{twins}{{{{{call}}}}}"), limits_of(10_000_000, 1 << 24));
    assert_eq!(outcome("deepEqual $a $b").as_deref(), Ok("true"));
    assert_eq!(outcome("$_ := set (get $b \"x\") \"z\" 1}}{{deepEqual $a $b").as_deref(), Ok("false"));
    assert_eq!(outcome("has $a (list 1 $b)").as_deref(), Ok("true"));
    assert_eq!(outcome("uniq (list $a $b) | len").as_deref(), Ok("1"));
    let maps = "{{$a := dict}}{{$b := dict}}{{range 60}}{{$a = dict \"x\" $a \"y\" $a}}{{$b = dict \"x\" $b \"y\" $b}}{{end}}";
    let outcome = |call: &str| render_within(&format!("{maps}{{{{{call}}}}}"), limits_of(200_000, 1 << 24));
    for call in ["merge $a $b", "mergeOverwrite $a $b", "merge dict $a $b"] {
        assert!(outcome(call).unwrap_err().contains("steps, the limit"), "{call}");
    }
    for call in ["toToml $a", "mustToToml $a", "toToml (dict \"a\" (list $a))"] {
        assert!(outcome(call).unwrap_err().contains("over the limit"), "{call}");
    }
}

/// Each of these made or did more with every step until the machine had no more to give.
#[test]
fn what_a_render_makes_and_does_is_bounded() {
    let endless = |body: &str| format!("{{{{range 1000000}}}}{body}{{{{end}}}}");
    for (text, wanted) in [
        (format!("{{{{$l := list 1}}}}{}", endless("{{$l = concat $l $l}}")), "items, the limit"),
        (format!("{{{{$l := list 1}}}}{}", endless("{{$l = append $l 1}}")), "bytes, the limit"),
        (format!("{{{{$d := dict}}}}{}", endless("{{$_ := set $d (toString .) .}}")), "the limit"),
        (format!("{{{{$d := dict}}}}{}", endless("{{$_ := merge $d (dict (toString .) 1)}}")), "the limit"),
        (
            format!("{{{{$l := list}}}}{}", endless("{{$l = append $l (repeat 1000 \"x\")}}")),
            "bytes, the limit",
        ),
        (
            format!(
                "{{{{$d := dict \"a\" (dict \"b\" 1)}}}}{}",
                endless("{{$_ := set $d (toString .) (deepCopy $d)}}")
            ),
            "the limit",
        ),
        (
            format!("{{{{$x := repeat 900000 \"x\"}}}}{}", endless("{{$_ := sha256sum $x}}")),
            "steps, the limit",
        ),
        (
            format!("{{{{$x := repeat 900000 \"x\"}}}}{}", endless("{{$_ := regexMatch \"a\" $x}}")),
            "steps, the limit",
        ),
        ("{{splitList \"\" (repeat 900000 \"x\")}}".to_owned(), "items, the limit"),
        ("{{split \"\" (repeat 900000 \"x\")}}".to_owned(), "items, the limit"),
        ("{{splitList \"x\" (repeat 900000 \"x\")}}".to_owned(), "items, the limit"),
        ("{{regexFindAll \"x\" (repeat 900000 \"x\") -1}}".to_owned(), "items, the limit"),
        ("{{regexSplit \"x\" (repeat 900000 \"x\") -1}}".to_owned(), "items, the limit"),
        ("{{chunk 1 (until 12000)}}".to_owned(), "items, the limit"),
        (format!("{{{{fromJson (printf \"[%s1]\" (repeat {} \"1,\"))}}}}", 500_000), "bytes, the limit"),
        (format!("{{{{fromYaml (printf \"[%s1]\" (repeat {} \"1,\"))}}}}", 500_000), "bytes, the limit"),
        ("{{$x := repeat 900000 \"x\"}}{{toStrings (list (list $x $x))}}".to_owned(), "over the limit"),
        ("{{$x := repeat 900000 \"x\"}}{{quote $x $x}}".to_owned(), "over the limit"),
        ("{{$x := repeat 900000 \"x\"}}{{toString (list $x $x)}}".to_owned(), "over the limit"),
        (endless("{{$_ := regexMatch (printf \"a%d\" .) \"a\"}}"), "steps, the limit"),
        ("{{range 10000}}{{$_ := bcrypt \"x\"}}{{end}}".to_owned(), "steps, the limit"),
        ("{{range 10000}}{{$_ := genPrivateKey \"rsa\"}}{{end}}".to_owned(), "steps, the limit"),
    ] {
        let error = render_within(&text, limits_of(200_000, 1 << 24)).expect_err(&text);
        assert!(error.contains(wanted), "{text}: {error}");
    }
}

/// A chart's templates share one limit: many small ones could do more than one large one.
#[test]
fn limits_hold_for_all_that_a_renderer_renders() {
    let mut limits = Limits::default();
    limits.steps = 1_000;
    let mut templates = Templates::new(sprig()).limits(limits);
    templates.parse("t", "{{range 100}}{{end}}").unwrap();
    let options = Options::default();
    let mut renderer = templates.renderer(&options);
    let rendered = (0..100).take_while(|_| renderer.render("t", &Value::Nil).is_ok()).count();
    assert!((5..10).contains(&rendered), "{rendered}");
}

/// The order of printed keys runs in circles (`a1b`, `a9`, `a10`), which sorts of the standard library may answer with a panic.
#[test]
fn keys_in_circles_are_printed() {
    let keys = ["a%d", "a%db", "a%d-", "a1%d%s", "a%d.%[1]d", "A%d_", "a0%d~", "a%d9b"];
    let set: String =
        keys.iter().map(|key| format!("{{{{$_ := set $d (printf \"{key}\" $n) 1}}}}")).collect();
    let text = format!("{{{{$d := dict}}}}{{{{range $n := until 400}}}}{set}{{{{end}}}}");
    for call in ["toYaml", "toYamlPretty", "toJson"] {
        assert!(!render(&format!("{text}{{{{{call} $d}}}}")).unwrap().is_empty(), "{call}");
    }
}

#[test]
fn a_long_row_of_comments_is_parsed_on_a_small_stack() {
    on_a_small_stack(|| assert_eq!(render(&"{{/* c */}}".repeat(50_000)), Ok(String::new())));
}

#[test]
fn what_ends_a_pipeline_prints_as_its_value_does() {
    for pipeline in [
        "\"a\\nb\" | indent 2",
        "\"a\\nb\\n\" | nindent 40",
        "nindent 0 \"\"",
        "indent -1 \"a\"",
        "indent 99999999 \"a\"",
        "indent 1000000 \"a\\nb\"",
        "quote \"a\" nil \"b\\\"\" .a.n 1",
        "quote",
    ] {
        let outcome = |text: &str| {
            let message = |error: String| error.split_once("error calling").map(|(_, why)| why.to_owned());
            render(text).map_err(message)
        };
        assert_eq!(
            outcome(&format!("{{{{{pipeline}}}}}")),
            outcome(&format!("{{{{({pipeline})}}}}")),
            "{pipeline}"
        );
    }
}

#[test]
fn a_map_is_printed_anew_once_it_was_changed() {
    let text = "{{toYaml .a}} {{toYaml .a}} {{$_ := set .a \"k\" \"w\"}}{{toYaml .a}}";
    assert_eq!(render(text).as_deref(), Ok("k: v\n\"n\": null k: v\n\"n\": null k: w\n\"n\": null"));
}
