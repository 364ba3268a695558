//! What `include` and `tpl` gave is used again only where it would come out the same.

use gitops_template::Seeded;
use helm_rs::chart::{Chart, File};
use helm_rs::render::{ReleaseFacts, RenderOptions, render};
use helm_rs::values::Table;

#[track_caller]
fn check(templates: &[(&str, &str)], path: &str, wanted: &str) {
    let mut files = vec![File::new("Chart.yaml", b"apiVersion: v2\nname: web\nversion: 1.0.0\n")];
    files
        .extend(templates.iter().map(|(name, text)| File::new(format!("templates/{name}"), text.as_bytes())));
    let chart = Chart::load(&files, &mut Vec::new()).expect("a chart");
    let world = Seeded::new(7, 0);
    let options = RenderOptions::new(ReleaseFacts::install("prod", "default")).world(&world);
    let mut values = Table::new();
    values.insert("a".into(), "1".into());
    let rendered = render(&chart, &values, &options).expect("a render");
    assert_eq!(rendered.files[path].text(), wanted);
}

const HELPERS: (&str, &str) = (
    "_helpers.tpl",
    r#"{{ define "a" }}{{ .Values.a }}{{ end }}{{ define "file" }}{{ base .Template.Name }}{{ end }}{{ define "outer" }}{{ include "file" . }}{{ end }}{{ define "random" }}{{ randAlphaNum 20 }}{{ end }}{{ define "sets" }}{{ set .Values "a" "3" | len }}{{ end }}"#,
);

#[test]
fn a_changed_map_is_seen_by_texts_rendered_before() {
    let text = r#"{{ include "a" . }}{{ tpl "{{ .Values.a }}" . }}{{ $_ := set .Values "a" "2" }}{{ include "a" . }}{{ tpl "{{ .Values.a }}" . }}{{ include "sets" . }}{{ include "a" . }}{{ $_ := unset .Values "a" }}{{ include "a" . | quote }}{{ $_ := merge .Values (dict "a" "4") }}{{ include "a" . }}{{ $_ := mergeOverwrite .Values (dict "a" "5") }}{{ include "a" . }}"#;
    check(&[HELPERS, ("x.yaml", text)], "web/templates/x.yaml", "112213\"\"45");
}

#[test]
fn a_change_in_one_file_is_seen_in_the_next() {
    let files = [
        HELPERS,
        ("z.yaml", r#"{{ include "a" . }}{{ $_ := set .Values "a" "2" }}"#),
        ("a.yaml", r#"{{ include "a" . }}"#),
    ];
    check(&files, "web/templates/a.yaml", "2");
}

#[test]
fn the_file_at_hand_has_its_own_name() {
    let files = [
        HELPERS,
        ("z.yaml", r#"{{ include "outer" . }} {{ tpl "{{ .Template.Name }}" . }}"#),
        ("a.yaml", r#"{{ include "outer" . }} {{ tpl "{{ .Template.Name }}" . }} {{ .Template.BasePath }}"#),
    ];
    check(&files, "web/templates/a.yaml", "a.yaml web/templates/a.yaml web/templates");
    check(&files, "web/templates/z.yaml", "z.yaml web/templates/z.yaml");
}

#[test]
fn chance_is_asked_each_time() {
    let text = r#"{{ eq (include "random" .) (include "random" .) }} {{ eq (tpl "{{ uuidv4 }}" .) (tpl "{{ uuidv4 }}" .) }}"#;
    check(&[HELPERS, ("x.yaml", text)], "web/templates/x.yaml", "false false");
}

#[test]
fn other_data_gives_other_texts() {
    let text = r#"{{ include "a" . }}{{ include "a" (dict "Values" (dict "a" "9")) }}{{ include "a" . }}"#;
    check(&[HELPERS, ("x.yaml", text)], "web/templates/x.yaml", "191");
}

#[test]
fn definitions_of_a_text_replace_those_of_the_chart_within_it_alone() {
    let text = r#"{{ include "a" . }}{{ tpl "{{ define \"a\" }}8{{ end }}{{ include \"a\" . }}" . }}{{ include "a" . }}"#;
    check(&[HELPERS, ("x.yaml", text)], "web/templates/x.yaml", "181");
}

#[test]
fn deep_copies_of_values_and_of_the_root_are_their_own() {
    let text = r#"{{ $c := deepCopy .Values }}{{ $_ := set $c "a" "2" }}{{ .Values.a }}{{ $c.a }} {{ typeOf $c }}{{ $d := deepCopy $ }}{{ $_ := set $d "Values" (dict "z" 1) }} {{ .Values.a }}{{ $_ := set $.Values "own" (deepCopy $.Values) }} {{ .Values.own.a }}{{ hasKey .Values.own "own" }}{{ $l := deepCopy (list .Values) }}{{ $_ := set (index $l 0) "q" 1 }} {{ hasKey .Values "q" }}"#;
    check(&[("x.yaml", text)], "web/templates/x.yaml", "12 common.Values 1 1false false");
}

#[test]
fn values_within_dictionaries_are_merged_and_not_replaced() {
    let text = r#"{{ $m := merge (dict "Values" (dict "q" 2)) $ }}{{ $m.Values.a }}{{ $m.Values.q }} {{ $_ := mergeOverwrite (dict "Values" .Values) (dict "Values" (dict "a" "9")) }}{{ .Values.a }} {{ $t := deepCopy .Template }}{{ $_ := set $t "Name" "z" }}{{ .Template.Name }}"#;
    check(&[("x.yaml", text)], "web/templates/x.yaml", "12 9 web/templates/x.yaml");
}
