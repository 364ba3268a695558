//! Random charts, rendered here and by the `helm` on the PATH: the same bytes, or a refusal by both.
//!
//! Skipped where there is no such program. `DIFFERENTIAL_CASES` sets how many are tried, `DIFFERENTIAL_FIRST` the first of
//! them.

use std::collections::BTreeMap;

use gitops_conformance::differential::{self, Dice, Files, Scratch};
use helm_rs::chart::{Chart, File};
use helm_rs::render::{ReleaseFacts, RenderOptions};
use helm_rs::values::load_values;
use helm_rs::{TemplateOptions, template};

#[test]
fn random_charts_render_as_upstream_renders_them() {
    if !differential::on_path("helm") {
        return;
    }
    differential::run(30, |seed| {
        let (files, values) = Charts(Dice::of(seed)).charts();
        let mut all: Files = files.iter().map(|(path, text)| (format!("top/{path}"), text.clone())).collect();
        all.insert("given.yaml".to_owned(), values.clone());
        let folder = Scratch::with("charts", &all);
        let upstream = folder.run("helm", &["template", "r", "top", "--namespace", "ns", "-f", "given.yaml"]);
        let within = |wanted: &str, error: &str| wanted.contains(error);
        differential::compare(render(&files, &values), &upstream, within, &all)
    });
}

fn render(files: &Files, values: &str) -> Result<String, String> {
    let files: Vec<File> = files.iter().map(|(path, text)| File::new(path, text.as_bytes())).collect();
    let mut warnings = Vec::new();
    let chart = Chart::load(&files, &mut warnings).map_err(|error| error.to_string())?;
    let values = load_values(values.as_bytes(), "given.yaml").map_err(|error| error.to_string())?;
    let options = TemplateOptions::new(RenderOptions::new(ReleaseFacts::install("r", "ns")));
    template(chart, &values, &options, &mut warnings)
        .map(|templated| templated.print())
        .map_err(|failed| failed.error.to_string())
}

/// One in how many values or expressions is of a kind that need not fit its place.
const ODD: usize = 40;

/// Keys of values, few enough that charts and templates meet in them.
const KEYS: [&str; 8] = ["name", "list", "map", "count", "on", "text", "port", "deep"];

/// Makes charts from a stream of choices.
struct Charts(Dice);

impl Charts {
    /// Makes a chart with up to three levels of charts beneath, and a user's values.
    fn charts(&mut self) -> (Files, String) {
        let mut files = Files::new();
        self.chart("", "top", 0, &mut files);
        let mut given = self.values(0, &["a", "b", "c"]);
        if self.0.one_in(2) {
            given.push_str(&format!("tags: {{front: {}}}\n", self.0.pick(&["true", "false"])));
        }
        (files, given)
    }

    fn chart(&mut self, folder: &str, name: &str, level: usize, files: &mut Files) {
        let mut meta = format!("apiVersion: v2\nname: {name}\nversion: {}.0.{level}\n", 1 + self.0.roll(3));
        let children = if level < 2 { self.0.roll(3) } else { 0 };
        let names = &["a", "b", "c"][..children];
        if children > 0 {
            meta.push_str("dependencies:\n");
        }
        for child in names {
            meta.push_str(&format!("- name: {child}\n  version: '*'\n"));
            match self.0.roll(6) {
                0 => meta.push_str(&format!("  condition: {child}.enabled,global.enabled\n")),
                1 => meta.push_str("  tags: [front]\n"),
                2 => meta.push_str(&format!("  alias: {child}x\n")),
                3 => meta.push_str("  import-values: [out]\n"),
                4 => meta.push_str("  import-values: [{child: map, parent: deep}]\n"),
                _ => {}
            }
            self.chart(&format!("{folder}charts/{child}/"), child, level + 1, files);
        }
        files.insert(format!("{folder}Chart.yaml"), meta);
        files.insert(format!("{folder}values.yaml"), self.values(level, names));
        files.insert(format!("{folder}notes.txt"), "one\ntwo: 2\n".to_owned());
        let helpers = format!(
            "{{{{- define \"{name}.full\" -}}}}\n{{{{ .Release.Name }}}}-{{{{ .Chart.Name }}}}{{{{ with .Values.name }}}}-{{{{ . }}}}{{{{ end }}}}\n{{{{- end }}}}\n{{{{ define \"shared\" }}}}from: {name}{{{{ end }}}}\n"
        );
        files.insert(format!("{folder}templates/_helpers.tpl"), helpers);
        for index in 0..1 + self.0.roll(2) {
            let text = self.template(name);
            files.insert(format!("{folder}templates/t{index}.yaml"), text);
        }
    }

    fn values(&mut self, level: usize, children: &[&str]) -> String {
        let mut text = String::new();
        for key in KEYS {
            if self.0.one_in(3) {
                continue;
            }
            let value = self.value_for(key);
            text.push_str(&format!("{key}: {value}\n"));
        }
        if self.0.one_in(2) {
            let (key, value) = (self.0.pick(&["zone", "enabled", "map"]), self.value(1));
            text.push_str(&format!("global: {{{key}: {value}}}\n"));
        }
        if self.0.one_in(3) {
            text.push_str("exports: {out: {text: exported, port: 9}}\n");
        }
        for child in children.iter().filter(|_| level < 3) {
            if self.0.one_in(2) {
                let key = self.0.pick(&KEYS);
                let value = self.value_for(key);
                let enabled = self.0.pick(&["true", "false", "null", "yes"]);
                text.push_str(&format!("{child}: {{{key}: {value}, enabled: {enabled}}}\n"));
            }
        }
        text
    }

    /// A value of the kind that the key's name tells, so that most templates can use it; now and then any value.
    fn value_for(&mut self, key: &str) -> String {
        if self.0.one_in(ODD) {
            return self.value(2);
        }
        match key {
            "list" => self.list(1),
            "map" => self.map(1),
            "deep" => format!("{{in: {}}}", self.map(1)),
            "count" | "port" => format!("{}", self.0.roll(10)),
            "on" => self.0.pick(&["true", "false", "on", "No"]).to_owned(),
            "name" => self.0.pick(&["web", "db", "two-words", "''"]).to_owned(),
            _ => self.text(),
        }
    }

    fn text(&mut self) -> String {
        self.0
            .pick(&[
                "plain",
                "two words",
                "\"quo\\\"ted\"",
                "''",
                "'8080'",
                "\"a\\nb\"",
                "\"yes\"",
                "\"é: ü\"",
                "\"# no comment\"",
                "2020-01-02",
                "'{{ .Release.Name }}'",
            ])
            .to_owned()
    }

    fn list(&mut self, depth: usize) -> String {
        let items: Vec<String> = (0..self.0.roll(4)).map(|_| self.value(depth)).collect();
        format!("[{}]", items.join(", "))
    }

    fn map(&mut self, depth: usize) -> String {
        let mut entries = BTreeMap::new();
        for _ in 0..self.0.roll(4) {
            entries.insert(self.0.pick(&["x", "y", "port", "name", "on"]), self.value(depth));
        }
        let entries: Vec<String> = entries.iter().map(|(k, v)| format!("\"{k}\": {v}")).collect();
        format!("{{{}}}", entries.join(", "))
    }

    /// A value of any kind, in flow style.
    fn value(&mut self, depth: usize) -> String {
        let sides = if depth == 0 { 7 } else { 9 };
        match self.0.roll(sides) {
            0 => "null".to_owned(),
            1 => self.0.pick(&["true", "false"]).to_owned(),
            2 => format!("{}", self.0.roll(100_000)),
            3 => self.0.pick(&["1.5", "-0.25", "1e6", "3.0", "12345678901234", "0x1f", "1e21"]).to_owned(),
            4 | 5 => self.text(),
            6 => self.0.pick(&["[]", "{}", "\"\"", "0", "~"]).to_owned(),
            7 => self.list(depth - 1),
            _ => self.map(depth - 1),
        }
    }

    /// A place that holds something: a value, a fact of the release or the chart.
    fn place(&mut self) -> String {
        match self.0.roll(10) {
            0 => ".Release.Name".to_owned(),
            1 => ".Chart.Version".to_owned(),
            2 => "$.Values.global".to_owned(),
            3 => "(.Values.map | default dict)".to_owned(),
            _ => format!("$.Values.{}", self.0.pick(&KEYS)),
        }
    }

    /// An expression that prints something, as YAML can hold it; now and then as it comes.
    fn expression(&mut self) -> String {
        let plain = self.0.one_in(ODD);
        let expression = self.any_expression();
        if plain { expression } else { format!("{expression} | toJson") }
    }

    fn any_expression(&mut self) -> String {
        let place = self.place();
        match self.0.roll(28) {
            0 => place,
            1 => format!("{place} | quote"),
            2 => format!("{place} | default \"none\" | quote"),
            3 => format!("toJson {place}"),
            4 => format!("{place} | toString | upper | trunc 5 | quote"),
            5 => format!("kindOf {place}"),
            6 => format!("typeOf {place} | quote"),
            7 => format!("printf \"%v-%T\" {place} {place} | quote"),
            8 => format!("{place} | toString | b64enc"),
            9 => format!("{place} | toString | sha256sum | trunc 8 | quote"),
            10 => format!("ternary 1 2 (empty {place})"),
            11 => format!("{place} | int64 | add 3"),
            12 => format!("mul (float64 {place} | int) 2"),
            13 => format!("{place} | toString | replace \"a\" \"b\" | squote"),
            14 => format!("list 1 {place} \"x\" | toJson"),
            15 => format!("dict \"k\" {place} | toYaml | trim | nindent 4"),
            16 => format!("coalesce {place} {} \"last\" | toJson", self.place()),
            17 => format!("eq (toString {place}) (toString {})", self.place()),
            18 => format!("and {place} {} | toJson", self.place()),
            19 => format!("or {place} {} | toJson", self.place()),
            20 => "include \"shared\" . | quote".to_owned(),
            21 => format!("tpl (toString {place}) . | quote"),
            22 => format!("hasKey ($.Values.map | default dict) \"{}\"", self.0.pick(&["x", "port"])),
            23 => format!("{place} | toString | regexReplaceAll \"[a-m]+\" . \"<$0>\" | quote")
                .replace(" . \"<", " \"<"),
            24 => format!("{place} | toString | splitList \"e\" | join \"+\" | quote"),
            25 => format!("mergeOverwrite (dict \"x\" 1) ({place} | default dict | dict \"in\") | toJson"),
            26 => format!("{place} | toPrettyJson | nindent 2 | quote"),
            _ => format!(
                "$.Files.Get \"notes.txt\" | trim | {} | quote",
                self.0.pick(&["upper", "title", "nospace"])
            ),
        }
    }

    fn line(&mut self, index: usize) -> String {
        let expression = self.expression();
        let place = self.place();
        let key = self.0.pick(&KEYS);
        match self.0.roll(12) {
            0 => format!("  k{index}: {{{{- toYaml {place} | nindent 4 }}}}\n"),
            1 => format!(
                "  {{{{- range $i, $e := $.Values.list }}}}\n  r{index}-{{{{ $i }}}}: {{{{ $e | toJson }}}}\n  {{{{- end }}}}\n"
            ),
            2 => format!(
                "  {{{{- range $k, $v := $.Values.map }}}}\n  m{index}-{{{{ $k }}}}: {{{{ $v | toJson }}}}\n  {{{{- else }}}}\n  m{index}: nothing\n  {{{{- end }}}}\n"
            ),
            3 => format!(
                "  {{{{- if {place} }}}}\n  i{index}: {{{{ {expression} }}}}\n  {{{{- else }}}}\n  i{index}: otherwise\n  {{{{- end }}}}\n"
            ),
            4 => format!(
                "  {{{{- with {place} }}}}\n  w{index}: {{{{ . | toJson | quote }}}}\n  {{{{- end }}}}\n"
            ),
            5 => format!(
                "  {{{{- $x{index} := {expression} }}}}\n  v{index}: {{{{ $x{index} | toString | quote }}}}\n"
            ),
            6 => format!(
                "  {{{{- range until (max $.Values.{key} 0 | min 3 | int) }}}}\n  u{index}-{{{{ . }}}}: x\n  {{{{- end }}}}\n"
            ),
            7 => format!(
                "  d{index}: {{{{ ($.Values.deep | default dict | dict \"in\").in | toJson }}}} # {key}\n"
            ),
            _ => format!("  e{index}: {{{{ {expression} }}}}\n"),
        }
    }

    fn template(&mut self, chart: &str) -> String {
        let kind = self.0.pick(&["ConfigMap", "Secret", "Service", "Deployment", "Echo", "Namespace"]);
        let mut text = format!(
            "apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {{{{ include \"{chart}.full\" . | quote }}}}\n"
        );
        if self.0.one_in(5) {
            let weight = self.0.roll(5);
            text.push_str(&format!(
                "  annotations: {{helm.sh/hook: post-install, helm.sh/hook-weight: \"{weight}\"}}\n"
            ));
        }
        text.push_str("data:\n");
        for index in 0..1 + self.0.roll(4) {
            text.push_str(&self.line(index));
        }
        if self.0.one_in(4) {
            text.push_str("---\n# alone\n---\napiVersion: v1\nkind: Role\nmetadata: {name: second}\n");
        }
        text
    }
}
