//! Errors show the file, the line and the remedy, and never a user's value.

use helm_rs::chart::{Chart, File};
use helm_rs::render::{ReleaseFacts, RenderOptions};
use helm_rs::values::UserValues;
use helm_rs::{Error, TemplateOptions};

/// Loads and renders a chart named `web` with its files and the user's values; what goes wrong is reported.
fn report(files: &[(&str, &str)], given: &UserValues) -> String {
    let run = || -> Result<String, Error> {
        let values = given.merge(&|name| Err(format!("{name} is not there")))?;
        let metadata = File::new("Chart.yaml", &b"apiVersion: v2\nname: web\nversion: 1.0.0\n"[..]);
        let own = files.iter().map(|(name, text)| File::new(*name, text.as_bytes()));
        let has_metadata = files.iter().any(|(name, _)| *name == "Chart.yaml");
        let files: Vec<File> = own.chain((!has_metadata).then_some(metadata)).collect();
        let chart = Chart::load(&files, &mut Vec::new())?;
        chart.check_dependencies()?;
        let options = TemplateOptions::new(RenderOptions::new(ReleaseFacts::install("r", "n"))).given(given);
        let templated = helm_rs::template(chart, &values, &options, &mut Vec::new());
        Ok(templated.map_err(|failed| failed.error)?.print())
    };
    match run() {
        Ok(text) => panic!("nothing is wrong with {files:?}: {text}"),
        Err(error) => error.report(),
    }
}

const SCHEMA: &str = r#"{"properties": {"port": {"type": "integer"}, "names": {"items": {"type": "string"}},
    "auth": {"properties": {"password": {"minLength": 8}}}}}"#;

#[test]
fn metadata_shows_its_place() {
    let none = UserValues::default();
    let chart = "apiVersion: v2\nname: web\nversion: one\n";
    let expected = "validation: chart.metadata.version \"one\" is invalid\n --> Chart.yaml:3:10\n3 | version: one\n  |          ^";
    assert_eq!(report(&[("Chart.yaml", chart)], &none), expected);

    let beneath = report(&[("charts/db/Chart.yaml", chart)], &none);
    assert!(beneath.contains(" --> charts/db/Chart.yaml:3:10\n3 | version: one\n"), "{beneath}");

    let twice = report(&[("charts/db/Chart.yaml", "name: db\n version: 1\n")], &none);
    assert!(twice.contains(" --> charts/db/Chart.yaml:2:"), "{twice}");
}

#[test]
fn missing_dependencies_show_who_asks_for_them() {
    let chart = "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n- name: db\n  version: 1\n- name: mq\n  version: 2\n";
    let expected = "found in Chart.yaml, but missing in charts/ directory: db, mq\n --> Chart.yaml:5:3\n5 | - name: db\n  |   ^\n --> Chart.yaml:7:3\n7 | - name: mq\n  |   ^\nhelp: `gitops dependency update CHART` brings them into `charts/`";
    assert_eq!(report(&[("Chart.yaml", chart)], &UserValues::default()), expected);
}

#[test]
fn values_against_a_schema_show_the_file_that_said_them() {
    let with = |values: &'static str| [("values.schema.json", SCHEMA), ("values.yaml", values)];
    let shown = |values: &'static str, given: &UserValues| {
        let report = report(&with(values), given);
        report.split_once("\n -->").map_or(report.clone(), |(_, places)| format!(" -->{places}"))
    };
    let none = UserValues::default();
    assert_eq!(
        shown("port: x\nnames:\n- a\n- 3\n", &none),
        " --> values.yaml:4:3\n4 | - 3\n  |   ^\n --> values.yaml:1:7\n1 | port: x\n  |       ^"
    );

    // The last file that says it counts, and what a user wrote is not repeated: it may be a secret.
    let mut given = UserValues::default();
    given.files.push(("base.yaml".to_owned(), b"auth: {password: long-enough}\n".to_vec()));
    given.files.push(("prod.yaml".to_owned(), b"auth:\n  password: hunt\n".to_vec()));
    assert_eq!(shown("port: 1\n", &given), " --> prod.yaml:2:13\n2 |   password: …\n  |             ^");

    given.set.push("auth.password=pass".to_owned());
    let argument = report(&with("port: 1\n"), &given);
    assert!(argument.ends_with("\nhelp: `auth.password` is set by an argument of the command"), "{argument}");
    assert!(!argument.contains("hunt") && !argument.contains("=pass"), "{argument}");
}

#[test]
fn values_of_charts_beneath_show_their_own_file() {
    let files = [
        ("charts/db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.0.0\n"),
        ("charts/db/values.yaml", "user: a\nport: x\n"),
        ("charts/db/values.schema.json", SCHEMA),
    ];
    let expected = " --> charts/db/values.yaml:2:7\n2 | port: x\n";
    let found = report(&files, &UserValues::default());
    assert!(found.contains(expected), "{found}");

    let above = [files.as_slice(), &[("values.yaml", "db:\n  port: y\n")]].concat();
    let found = report(&above, &UserValues::default());
    assert!(found.contains(" --> values.yaml:2:9\n2 |   port: y\n"), "{found}");
}

#[test]
fn arguments_say_how_they_are_written() {
    for (argument, wrong) in
        [("a", "key \"a\" has no value"), ("a[x]=1", "parsing \"x\""), ("a={b", "terminate with '}'")]
    {
        let mut given = UserValues::default();
        given.set.push(argument.to_owned());
        let found = report(&[], &given);
        assert!(found.starts_with("failed parsing --set data: ") && found.contains(wrong), "{found}");
        assert!(found.contains("\nhelp: write NAME=VALUE, as in a.b=1"), "{found}");
    }
    let mut given = UserValues::default();
    given.set_json.push("{a".to_owned());
    assert!(report(&[], &given).contains("\nhelp: an argument that begins with `{` is one JSON object"));
}

#[test]
fn failed_renders_say_what_helps() {
    const VALUES: &str = "count: 1\ntext: str\nlist: [1, 2]\nmap: {x: {v: 1}}\n";
    for (template, help) in [
        (
            "a: {{ .Values.text.foo }}",
            "`.Values.text` is of type string, so `.Values.text.foo` can't be looked up",
        ),
        ("a: {{ .Values.list.foo }}", "`.Values.list` is a list: `range` goes through its items"),
        ("{{ range .Values.list }}{{ .name }}{{ end }}", "the dot is of type float64, so `.name`"),
        ("{{ range .Values.list }}{{ .Release.Name }}{{ end }}", "write `$.Release`"),
        ("{{ with .Values.map }}{{ .Values.text }}{{ end }}", "the root's is `$.Values`"),
        (
            "a: {{ .Values.mapp.x }}",
            "`.Values.mapp` is nil, so `.Values.mapp.x` can't be looked up: `Values` has `count`, `list`, `map`, `text`; did you mean `map`?",
        ),
        ("{{ range .Values.count }}{{ end }}", "becomes one with `int`"),
        ("a: {{ .Values.count | trimSuffix \"x\" }}", "`toString` makes a text of a value"),
        ("a: {{ .Values.none | trimSuffix \"x\" }}", "`default` gives it one"),
        ("a: {{ nindent .Values.text }}", "`nindent` is a func(int, string) string"),
        ("a: {{ $undeclared }}", "`{{ $undeclared := … }}`"),
        ("a: {{ toYaml .Values.map }}", "`{{- toYaml … | nindent 2 }}`"),
        ("a: {{ printf \"%d\" .Values.text }}", "`%v` fits all"),
        ("{{ add .Values.count 1 }}", "keeps it with `{{ $_ := … }}`"),
    ] {
        let found =
            report(&[("values.yaml", VALUES), ("templates/a.yaml", template)], &UserValues::default());
        let helps: Vec<&str> = found.split("\nhelp: ").skip(1).collect();
        assert!(helps.iter().any(|line| line.contains(help)), "{template}\n{found}");
        assert!(found.contains(" --> web/templates/a.yaml:"), "{template}\n{found}");
    }
}
