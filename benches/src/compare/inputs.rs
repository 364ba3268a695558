//! Makes the inputs, the same on every machine.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder to run in, and the arguments that both programs take.
pub(crate) struct Input {
    pub(crate) folder: PathBuf,
    pub(crate) args: Vec<String>,
}

impl Input {
    fn build(folder: PathBuf, path: &str) -> Self {
        Self { folder, args: vec!["build".into(), path.into()] }
    }

    fn template(chart: PathBuf) -> Self {
        Self { folder: chart, args: vec!["template".into(), "rel".into(), ".".into()] }
    }
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a parent folder")).expect("a folder for inputs");
    fs::write(path, text).expect("an input file");
}

/// A folder that is made anew.
pub(crate) fn fresh(work: &Path, name: &str) -> PathBuf {
    let folder = work.join(name);
    let _ = fs::remove_dir_all(&folder);
    folder
}

pub(crate) fn deployment(i: usize) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-{i}
  labels:
    app: app-{i}
spec:
  replicas: 2
  selector:
    matchLabels:
      app: app-{i}
  template:
    metadata:
      labels:
        app: app-{i}
    spec:
      containers:
      - name: main
        image: registry.example.org/team/app-{i}:1.0.{}
        ports:
        - containerPort: 8080
          name: http
        envFrom:
        - configMapRef:
            name: settings
        env:
        - name: INDEX
          value: \"{i}\"
        readinessProbe:
          httpGet:
            path: /healthz
            port: http
",
        i % 10
    )
}

pub(crate) fn service(i: usize) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata:
  name: app-{i}
spec:
  selector:
    app: app-{i}
  ports:
  - port: 80
    targetPort: http
"
    )
}

/// Writes `n` pairs, one file each, and the kustomization that lists them.
fn base(folder: &Path, n: usize) {
    let mut list = String::from("resources:\n");
    for i in 0..n {
        write(&folder.join(format!("r/app-{i}.yaml")), &format!("{}---\n{}", deployment(i), service(i)));
        let _ = writeln!(list, "- r/app-{i}.yaml");
    }
    write(&folder.join("kustomization.yaml"), &list);
}

fn pairs(work: &Path, n: usize) -> Input {
    let folder = fresh(work, &format!("pairs-{n}"));
    base(&folder.join("base"), n);
    write(
        &folder.join("overlay/kustomization.yaml"),
        "resources:
- ../base
namePrefix: prod-
labels:
- pairs:
    env: prod
  includeSelectors: true
configMapGenerator:
- name: settings
  literals:
  - LOG_LEVEL=warn
",
    );
    Input::build(folder, "overlay")
}

pub(crate) fn pairs_1000(work: &Path) -> Input {
    pairs(work, 1000)
}

pub(crate) fn pairs_10000(work: &Path) -> Input {
    pairs(work, 10_000)
}

pub(crate) fn pairs_50000(work: &Path) -> Input {
    pairs(work, 50_000)
}

pub(crate) fn plain_10000(work: &Path) -> Input {
    let folder = fresh(work, "plain");
    base(&folder.join("base"), 5000);
    write(&folder.join("overlay/kustomization.yaml"), "resources:\n- ../base\n");
    Input::build(folder, "overlay")
}

pub(crate) fn one_config_map(work: &Path) -> Input {
    let folder = fresh(work, "one");
    write(&folder.join("kustomization.yaml"), "resources:\n- map.yaml\n");
    write(&folder.join("map.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: v\n");
    Input::build(folder, ".")
}

pub(crate) fn fleet_echo(_work: &Path) -> Input {
    Input::build(examples().join("fleet"), "k8s/apps/demo/echo")
}

/// 100 pairs below 30 overlays that each add a prefix.
pub(crate) fn layers(work: &Path) -> Input {
    let folder = fresh(work, "layers");
    base(&folder.join("l0"), 100);
    for k in 1..=30 {
        let text = format!("resources: [../l{}]\nnamePrefix: l{k}-\n", k - 1);
        write(&folder.join(format!("l{k}/kustomization.yaml")), &text);
    }
    Input::build(folder, "l30")
}

pub(crate) fn chart_echo(_work: &Path) -> Input {
    Input::template(examples().join("charts/echo"))
}

/// A published chart of the folder that `CONFORMANCE` names.
fn published(name: &str) -> Input {
    let folder = std::env::var_os("CONFORMANCE").map(PathBuf::from).unwrap_or_default();
    // The programs run in the chart's folder.
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    Input::template(folder.join("helm/charts").join(name).join("chart"))
}

pub(crate) fn ingress_nginx(_work: &Path) -> Input {
    published("ingress-nginx")
}

pub(crate) fn kube_prometheus_stack(_work: &Path) -> Input {
    published("kube-prometheus-stack")
}

/// Copies the example chart under another name and adds templates that use `include`, `tpl` and `toYaml`.
fn subchart(folder: &Path, name: &str) {
    for (file, text) in chart_files() {
        let text = text
            .replace("\"echo.", &format!("\"{name}."))
            .replace("name: echo\n", &format!("name: {name}\n"));
        write(&folder.join(file), &text);
    }
    for k in 0..5 {
        let text = format!(
            r#"{{{{- range $i, $e := until 5 }}}}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{{{ include "{name}.fullname" $ }}}}-{k}-{{{{ $i }}}}
  labels:
    {{{{- include "{name}.labels" $ | nindent 4 }}}}
data:
  env: {{{{ $.Values.global.env }}}}
  registry: {{{{ tpl "{{{{ .Values.global.registry }}}}/x" $ | quote }}}}
  values: |
    {{{{- toYaml $.Values.ingress | nindent 4 }}}}
{{{{- end }}}}
"#
        );
        write(&folder.join(format!("templates/extra{k}.yaml")), &text);
    }
}

/// The example chart's files, by their path in it.
fn chart_files() -> Vec<(PathBuf, String)> {
    let root = examples().join("charts/echo");
    let mut files = Vec::new();
    for folder in ["", "templates"] {
        for entry in fs::read_dir(root.join(folder)).expect("the example chart") {
            let path = entry.expect("an entry of the example chart").path();
            if path.is_file() {
                let inside = path.strip_prefix(&root).expect("a path in the chart").to_owned();
                files.push((inside, fs::read_to_string(&path).expect("a file of the example chart")));
            }
        }
    }
    files
}

/// Global values, passed down to every subchart.
fn globals() -> String {
    let mut text = String::from("global:\n  env: prod\n  registry: registry.example.org\n");
    for i in 0..40 {
        let _ = writeln!(text, "  key{i}: {{a: {i}, b: [1, 2, 3], c: {{d: \"{i}\"}}}}");
    }
    text
}

fn umbrella(work: &Path, n: usize) -> Input {
    let folder = fresh(work, &format!("umbrella-{n}"));
    let mut chart = String::from("apiVersion: v2\nname: umbrella\nversion: 0.1.0\ndependencies:\n");
    let mut values = globals();
    for i in 0..n {
        let name = format!("svc{i:03}");
        let _ = writeln!(chart, "- name: {name}\n  version: 0.3.0\n  condition: {name}.enabled");
        let _ = writeln!(values, "{name}:\n  enabled: true\n  replicaCount: {}", i % 5 + 1);
        subchart(&folder.join("charts").join(&name), &name);
    }
    write(&folder.join("Chart.yaml"), &chart);
    write(&folder.join("values.yaml"), &values);
    Input::template(folder)
}

pub(crate) fn umbrella_50(work: &Path) -> Input {
    umbrella(work, 50)
}

pub(crate) fn umbrella_200(work: &Path) -> Input {
    umbrella(work, 200)
}

/// A chain of nested subcharts, one template each.
pub(crate) fn chain_40(work: &Path) -> Input {
    const DEPTH: usize = 40;
    let root = fresh(work, "chain");
    let mut folder = root.clone();
    for i in 0..DEPTH {
        let mut chart = format!("apiVersion: v2\nname: level{i:03}\nversion: 0.1.0\n");
        let next = format!("level{:03}", i + 1);
        if i + 1 < DEPTH {
            let _ = writeln!(chart, "dependencies:\n- name: {next}\n  version: 0.1.0");
        }
        let values = if i == 0 { globals() } else { String::new() };
        write(&folder.join("Chart.yaml"), &chart);
        write(&folder.join("values.yaml"), &format!("{values}own: {i}\n"));
        let template = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x{i}\ndata:\n  env: {{{{ .Values.global.env }}}}\n  own: {{{{ .Values.own | quote }}}}\n"
        );
        write(&folder.join("templates/x.yaml"), &template);
        folder = folder.join("charts").join(next);
    }
    Input::template(root)
}
