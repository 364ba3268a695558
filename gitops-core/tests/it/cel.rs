//! Expressions and what cel-go makes of them.

use gitops_core::cel::Program;
use gitops_core::health::{CustomHealth, State};
use gitops_yaml::{FileId, Node, from_json};

fn object() -> Node {
    let text = r#"{"metadata":{"name":"web","generation":3,"labels":{"app":"web"},
        "creationTimestamp":"2026-01-02T03:04:05Z"},
        "spec":{"replicas":3,"ratio":0.5,"list":[1,2,3],"names":["b","a"],"nul":null},
        "status":{"phase":"Ready","observedGeneration":3,
        "conditions":[{"type":"Ready","status":"True","reason":"Done"},{"type":"Synced","status":"False"}]}}"#;
    from_json(text, FileId::NONE).unwrap()
}

#[track_caller]
fn holds(expression: &str) {
    let program = Program::parse(expression).unwrap();
    assert_eq!(program.holds_for(&object()), Ok(true), "{expression}");
}

#[track_caller]
fn fails(expression: &str, why: &str) {
    let error = Program::parse(expression).and_then(|program| program.holds_for(&object())).unwrap_err();
    assert!(error.to_string().ends_with(why), "{expression}: {error}");
}

#[test]
fn what_holds_for_cel_go_holds() {
    for expression in [
        "status.conditions.filter(e, e.type == 'Ready').all(e, e.status == 'True')",
        "status.conditions.exists_one(e, e.status == 'True')",
        "has(status.conditions) && !has(status.nothing)",
        "1 == 1.0 && 1u == 1 && 1 < 1.5",
        "7 / 2 == 3 && -7 / 2 == -3 && -7 % 3 == -1 && --1 == 1 && -9223372036854775808 < 0",
        "spec.list[0] == 1 && spec.list + [4] == [1, 2, 3, 4]",
        "spec.list.map(n, n > 1, n * 2) == [4, 6]",
        "spec.names.join(',') == 'b,a' && 'a' in spec.names && 'app' in metadata.labels",
        "metadata.?annotations.?x.orValue('none') == 'none' && metadata.?labels.app.orValue('none') == 'web'",
        "metadata[?'labels'][?'app'].hasValue() && !optional.none().hasValue()",
        "optional.of(2).optMap(x, x * 2).value() == 4",
        "[?metadata.?nothing, ?metadata.?name] == ['web'] && {?'a': metadata.?nothing, 'b': 1} == {'b': 1}",
        "spec.nul == null && type(1) == int && 'a' != 1 && [1] != ['1']",
        "int('12') == 12 && int(-3.9) == -3 && string(1e100) == '1e+100' && string(1.5) == '1.5' && bool('true')",
        "timestamp(metadata.creationTimestamp).getDayOfWeek() == 5",
        "timestamp(metadata.creationTimestamp).getHours('+02:00') == 5",
        "string(timestamp(metadata.creationTimestamp) + duration('1h30m')) == '2026-01-02T04:34:05Z'",
        "timestamp('2026-01-02T03:04:05Z') - timestamp('2026-01-01T00:00:00Z') == duration('27h4m5s')",
        "string(duration('1500ms')) == '1.5s' && -duration('1h') == duration('-1h')",
        "'hello'.matches('^h.*o$') && 'hello'.lastIndexOf('l', 2) == 2 && 'hello'.replace('', '-') == '-h-e-l-l-o-'",
        "'a,b,c'.split(',', 2) == ['a', 'b,c'] && 'abc'.split('') == ['a', 'b', 'c'] && 'héllo'.size() == 5",
        "'%s is %d and %.2f %x %%'.format(['a', 3, 1.5, 255]) == 'a is 3 and 1.50 ff %'",
        "strings.quote('a\"b') == '\"a\\\\\"b\"' && sets.equivalent([1, 2], [2, 1, 1])",
        "base64.encode(b'abc') == 'YWJj' && string(base64.decode('YWJj')) == 'abc' && b'\\xff'.size() == 1",
        "0x1F == 31 && .5 == 0.5 && r'\\n'.size() == 2 && '\\u00e9' == 'é' && \"\"\"a\"b\"\"\" == 'a\"b'",
        "1 == 1 == true && (spec.replicas > 2 ? 'many' : 'few') == 'many' // a comment",
    ] {
        holds(expression);
    }
}

#[test]
fn a_term_that_decides_forgives_the_errors_of_others() {
    holds("nothing == 1 || status.phase == 'Ready'");
    holds("!(nothing == 1 && false)");
    holds("spec.list.exists(x, x > 2 || nothing)");
    fails("nothing == 1 && true", "no such attribute(s): nothing");
}

#[test]
fn errors_have_cel_gos_words() {
    fails(
        "nothing.a == 1",
        "failed to evaluate the CEL expression 'nothing.a == 1': no such attribute(s): nothing.a",
    );
    fails("status.nothing", "no such key: nothing");
    fails("1 + 1.0 == 2", "no such overload");
    fails("spec.replicas / 0 == 1", "division by zero");
    fails("9223372036854775807 + 1 == 0", "integer overflow");
    fails("spec.list[5] == 1", "index out of bounds: 5");
    fails("int('x') == 1", "type conversion error from 'string' to 'int'");
    fails("optional.none().value()", "optional.none() dereference");
    fails("'a'.matches('(')", "error parsing regexp: missing closing ): `(`");
    fails("spec.replicas", "failed to evaluate CEL expression as boolean: 'spec.replicas'");
    fails(
        "a\n  b",
        "ERROR: <input>:2:3: Syntax error: mismatched input 'b' expecting the end of the expression\n |   b\n | ..^",
    );
    for wrong in ["1 +", "(1", "'abc", "for", "self.in", "has(a)", "[1].map(1, 2)", "// nothing", ""] {
        assert!(Program::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn hostile_expressions_end() {
    assert!(Program::parse(&"(".repeat(50_000)).is_err());
    assert!(Program::parse(&"a.exists(x, ".repeat(5_000)).is_err());
    assert!(Program::parse(&format!("{}true", "!".repeat(90_000))).unwrap().holds_for(&object()).is_ok());
    let sum = format!("1{} > 0", " + 1".repeat(20_000));
    holds(&sum);
    let ten = "[1,2,3,4,5,6,7,8,9,10]";
    let nested = format!(
        "{ten}.all(a, {ten}.all(b, {ten}.all(c, {ten}.all(d, {ten}.all(e, {ten}.all(f, {ten}.all(g, true)))))))"
    );
    fails(&nested, "actual cost limit exceeded");
    let doubled = "['a'].map(a, a+a).map(a, a+a+a+a+a+a+a+a+a+a+a+a)";
    let grown = format!("{doubled}{} == []", ".map(a, a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a)".repeat(12));
    fails(&grown, "actual cost limit exceeded");
    assert!(Program::parse("true && 1 == 1").unwrap().limit(2).holds_for(&object()).is_err());
}

#[test]
fn health_is_told_by_expressions_and_variables_have_names() {
    let program =
        |text| -> Box<dyn gitops_core::health::Expression> { Box::new(Program::parse(text).unwrap()) };
    let health = CustomHealth {
        api_version: "example.org/v1".into(),
        kind: "Thing".into(),
        in_progress: Some(program("metadata.generation != status.observedGeneration")),
        failed: Some(program("status.phase == 'Broken'")),
        current: program("status.phase == 'Ready'"),
    };
    assert_eq!(health.status(&object()).unwrap().state, State::Current);
    let (a, b) = (object(), object());
    let same = Program::parse("self.metadata.name == dep.metadata.name").unwrap();
    assert_eq!(same.holds(&[("self", &a), ("dep", &b)]), Ok(true));
    let name = Program::parse("self.metadata.name + '-x'").unwrap();
    assert_eq!(name.string(&[("self", &a)]).as_deref(), Ok("web-x"));
}
