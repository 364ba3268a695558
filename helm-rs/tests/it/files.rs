//! `.Files`: what templates see of a chart's other files.

use helm_rs::chart::{Chart, File};
use helm_rs::render::{ReleaseFacts, RenderOptions, render};
use helm_rs::values::Table;

#[track_caller]
fn check(template: &str, wanted: &str) {
    let files = [
        File::new("Chart.yaml", b"apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        File::new("logo.bin", b"\x89PNG\r\n\x00\xff\xfe\n"),
        File::new("lines.txt", b"one\ntw\xc3\xb6\n"),
        File::new("templates/x.yaml", template.as_bytes()),
    ];
    let chart = Chart::load(&files, &mut Vec::new()).expect("a chart");
    let options = RenderOptions::new(ReleaseFacts::install("prod", "default"));
    let rendered = render(&chart, &Table::new(), &options).expect("a render");
    assert_eq!(rendered.files["web/templates/x.yaml"].text(), wanted);
}

#[test]
fn bytes_that_are_no_text_are_kept() {
    check(r#"{{ .Files.Get "logo.bin" | b64enc }}"#, "iVBORw0KAP/+Cg==");
    check(
        r#"{{ .Files.Get "logo.bin" | sha256sum }}"#,
        "5afa1bec4f8e7ee67d2f8ba001397ae3d99c05cb86d83633a20b5e5e3e48da88",
    );
    check(r#"{{ .Files.Get "logo.bin" | len }} {{ .Files.GetBytes "logo.bin" | len }}"#, "10 10");
    check(
        r#"{{ define "all" }}{{ .Files.Get "logo.bin" }}{{ end }}{{ include "all" . | b64enc }} {{ tpl "{{ .Files.Get \"logo.bin\" }}" . | b64enc }}"#,
        "iVBORw0KAP/+Cg== iVBORw0KAP/+Cg==",
    );
    check(r#"{{ .Files.Get "logo.bin" | quote }}"#, r#""\x89PNG\r\n\x00\xff\xfe\n""#);
    check(r#"{{ .Files.Get "logo.bin" | toJson }}"#, r#""\ufffdPNG\r\n\u0000\ufffd\ufffd\n""#);
    check(r#"{{ range .Files.Lines "logo.bin" }}{{ b64enc . }},{{ end }}"#, "iVBORw0=,AP/+,");
}

#[test]
fn text_is_text() {
    check(r#"{{ .Files.Get "lines.txt" }}"#, "one\ntw\u{f6}\n");
    check(
        r#"{{ .Files.Lines "lines.txt" | join "+" }} {{ .Files.Get "none" | quote }}"#,
        "one+tw\u{f6} \"\"",
    );
}
