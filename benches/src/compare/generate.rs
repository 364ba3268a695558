//! Makes fleets of any size, the same on every machine: a bootstrapped root, namespaces, and one Flux Kustomization an app.

use std::fs;
use std::path::Path;

/// What the apps of a fleet are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Apps {
    /// A base and an overlay each.
    Overlays,
    /// As [`Apps::Overlays`], and a release of one chart of the repository beside it for every second app.
    WithCharts,
}

const TEAMS: usize = 20;

/// Writes a fleet into a folder: `clusters/demo` holds the root, `apps/app-N/demo` what app N applies, and with charts
/// `charts/web` the chart and `apps/app-N/values.yaml` the values of a release. Every object can be applied.
pub(crate) fn fleet(folder: &Path, count: usize, apps: Apps) {
    put(folder, ".git/HEAD", "ref: refs/heads/main\n");
    put(folder, "clusters/demo/source.yaml", SOURCE);
    put(folder, "clusters/demo/root.yaml", &flux("root", "./clusters/demo", ""));
    put(folder, "clusters/demo/namespaces.yaml", &flux("namespaces", "./namespaces", ""));
    let namespaces = (0..TEAMS.min(count.max(1)))
        .map(|team| format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: team-{team}\n---\n"));
    put(folder, "namespaces/all.yaml", &namespaces.collect::<String>());
    if apps == Apps::WithCharts {
        CHART.iter().for_each(|(name, text)| put(folder, &format!("charts/web/{name}"), text));
    }
    for app in 0..count {
        let name = format!("app-{app}");
        let after = "  dependsOn:\n  - name: namespaces\n";
        let path = format!("./apps/{name}/demo");
        put(folder, &format!("clusters/demo/{name}.yaml"), &flux(&name, &path, after));
        let base = format!("apps/{name}/base");
        put(folder, &format!("{base}/deployment.yaml"), &deployment(app));
        put(folder, &format!("{base}/service.yaml"), &service(app));
        put(folder, &format!("{base}/kustomization.yaml"), "resources:\n- deployment.yaml\n- service.yaml\n");
        let has_chart = apps == Apps::WithCharts && app % 2 == 1;
        put(folder, &format!("apps/{name}/demo/replicas.yaml"), &replicas(app, 3));
        put(folder, &format!("apps/{name}/demo/kustomization.yaml"), &overlay(app, has_chart));
        if has_chart {
            put(folder, &format!("apps/{name}/demo/release.yaml"), &release(app));
            put(folder, &format!("apps/{name}/values.yaml"), &values(app));
        }
    }
}

/// The patch of an app's overlay; another number of replicas is a small change of one file.
pub(crate) fn replicas(app: usize, count: usize) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-{app}\nspec:\n  replicas: {count}\n"
    )
}

fn put(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("a parent folder")).expect("a folder of the fleet");
    fs::write(path, text).expect("a file of the fleet");
}

const SOURCE: &str = "apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: fleet
  namespace: flux-system
spec:
  interval: 10m
  url: https://git.example.org/platform/fleet
  ref:
    branch: main
";

fn flux(name: &str, path: &str, more: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: {name}
  namespace: flux-system
spec:
  interval: 10m
  prune: true
  path: {path}
  sourceRef:
    kind: GitRepository
    name: fleet
{more}"
    )
}

fn overlay(app: usize, has_chart: bool) -> String {
    let release = if has_chart { "- release.yaml\n" } else { "" };
    format!(
        "namespace: team-{}
resources:
- ../base
{release}patches:
- path: replicas.yaml
configMapGenerator:
- name: settings
  literals:
  - LEVEL=info
  - INDEX={app}
images:
- name: registry.example.org/team/app-{app}
  newTag: 2.0.{app}
",
        app % TEAMS
    )
}

fn release(app: usize) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: web-{app}
spec:
  interval: 10m
  chart:
    spec:
      chart: ./charts/web
      sourceRef:
        kind: GitRepository
        name: fleet
        namespace: flux-system
      valuesFiles:
      - charts/web/values.yaml
      - apps/app-{app}/values.yaml
"
    )
}

fn values(app: usize) -> String {
    format!(
        "replicas: {}\nmessage: hello from {app}\nports:\n- {{name: http, port: {}}}\n",
        app % 5 + 1,
        8000 + app % 100
    )
}

/// A chart as people write them: helpers, labels, loops, a checksum, values printed as YAML.
const CHART: [(&str, &str); 5] = [
    ("Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\nappVersion: \"1.0\"\n"),
    (
        "values.yaml",
        "replicas: 1
image:
  repository: registry.example.org/web
message: hello
ports:
- {name: http, port: 8080}
resources:
  limits:
    memory: 64Mi
",
    ),
    (
        "templates/_helpers.tpl",
        r#"{{- define "web.name" -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- define "web.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}
"#,
    ),
    (
        "templates/deployment.yaml",
        r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "web.name" . }}
  labels:
    {{- include "web.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels:
      app.kubernetes.io/instance: {{ .Release.Name }}
  template:
    metadata:
      annotations:
        checksum/message: {{ .Values.message | sha256sum }}
      labels:
        {{- include "web.labels" . | nindent 8 }}
    spec:
      containers:
      - name: web
        image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
        ports:
        {{- range .Values.ports }}
        - name: {{ .name }}
          containerPort: {{ .port }}
        {{- end }}
        resources:
          {{- toYaml .Values.resources | nindent 10 }}
"#,
    ),
    (
        "templates/message.yaml",
        r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "web.name" . }}
  labels:
    {{- include "web.labels" . | nindent 4 }}
data:
  message: {{ tpl .Values.message . | quote }}
"#,
    ),
];

fn deployment(app: usize) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-{app}
  labels:
    app: app-{app}
spec:
  replicas: 2
  selector:
    matchLabels:
      app: app-{app}
  template:
    metadata:
      labels:
        app: app-{app}
    spec:
      containers:
      - name: main
        image: registry.example.org/team/app-{app}:1.0.0
        ports:
        - containerPort: 8080
          name: http
        envFrom:
        - configMapRef:
            name: settings
        env:
        - name: INDEX
          value: \"{app}\"
        readinessProbe:
          httpGet:
            path: /healthz
            port: http
"
    )
}

fn service(app: usize) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata:
  name: app-{app}
spec:
  selector:
    app: app-{app}
  ports:
  - port: 80
    targetPort: http
"
    )
}
