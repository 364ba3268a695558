//! Small fleets at random, the same for a number on every machine: overlays, components, generators, substitution, nested
//! Kustomizations, and releases of a chart of the repository; some with a slip that both sides must refuse.

use std::fmt::Write as _;
use std::path::Path;

/// A fleet's files, and the apps in it that can't be applied.
#[derive(Default)]
pub(super) struct RandomFleet {
    files: Vec<(String, String)>,
    pub(super) refused: Vec<String>,
    dice: Dice,
}

/// Xorshift.
#[derive(Default)]
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % count
    }

    fn falls(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn one_of<'t>(&mut self, all: &[&'t str]) -> &'t str {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

const TEAMS: u64 = 3;

impl RandomFleet {
    pub(super) fn new(number: u64, apps: usize) -> Self {
        let mut fleet =
            Self { dice: Dice(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1), ..Self::default() };
        (0..20).for_each(|_| _ = fleet.dice.below(2));
        fleet.begin();
        (0..apps).for_each(|app| fleet.app(app));
        fleet.refused.sort();
        fleet
    }

    pub(super) fn write(&self, folder: &Path) {
        for (path, text) in &self.files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    fn put(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.files.push((path.into(), text.into()));
    }

    fn begin(&mut self) {
        self.put("clusters/demo/source.yaml", SOURCE);
        self.put("clusters/demo/root.yaml", flux("root", "./clusters/demo", ""));
        self.put("clusters/demo/namespaces.yaml", flux("namespaces", "./namespaces", ""));
        let namespace =
            |team| format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: team-{team}}}\n---\n");
        self.put("namespaces/all.yaml", (0..TEAMS).map(namespace).collect::<String>());
        let level = self.dice.one_of(&["info", "debug", "v1.0", "'a b'", "\"n/a\""]);
        let count = 1 + self.dice.below(4);
        self.put(
            "clusters/demo/settings.yaml",
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings, namespace: flux-system}}\ndata: {{level: {level}, \
                 count: '{count}', empty: ''}}\n---\napiVersion: v1\nkind: Secret\nmetadata: {{name: hidden, namespace: \
                 flux-system}}\ndata: {{token: aHVudGVyMg==}}\nstringData: {{word: 'pa$$word'}}\n"
            ),
        );
        self.put(
            "components/marked/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nlabels: [{pairs: {marked: 'true'}, includeSelectors: \
             false, includeTemplates: true}]\npatches:\n- target: {kind: Deployment}\n  patch: |\n    - {op: add, path: \
             /spec/template/spec/containers/0/env, value: [{name: MARK, value: '1'}]}\n",
        );
        for (name, text) in CHART {
            self.put(format!("charts/web/{name}"), *text);
        }
    }

    fn app(&mut self, app: usize) {
        let name = format!("app-{app}");
        let team = self.dice.below(TEAMS);
        let path = match self.dice.below(4) {
            0 => self.plain(&name, team),
            _ => self.overlay(&name, team),
        };
        if self.dice.falls(40) {
            self.release(&name, &path, team);
        }
        let folder =
            if app > 0 && self.dice.falls(25) { self.nested(&name) } else { "clusters/demo".to_owned() };
        let (path, more) = self.asked(&name, &path);
        self.put(format!("{folder}/{name}.yaml"), flux(&name, &format!("./{path}"), &more));
    }

    /// A Kustomization that applies the one of the app.
    fn nested(&mut self, name: &str) -> String {
        let folder = format!("nested/{name}");
        self.put(
            format!("clusters/demo/{name}-above.yaml"),
            flux(&format!("{name}-above"), &format!("./{folder}"), ""),
        );
        folder
    }

    /// Manifests beside each other, in a folder that has no kustomization.
    fn plain(&mut self, name: &str, team: u64) -> String {
        let folder = format!("apps/{name}");
        let named = format!("  name: {name}\n");
        let text = deployment(name).replacen(&named, &format!("{named}  namespace: team-{team}\n"), 1);
        self.put(format!("{folder}/deployment.yml"), text);
        self.put(
            format!("{folder}/deeper/map.yaml"),
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}-map, namespace: team-{team}}}\ndata:\n  level: \
                 \"${{level:-none}}\"\n  text: |\n    one ${{level}}\n    two $$ ${{missing:=three}}\n"
            ),
        );
        self.put(format!("{folder}/notes.txt"), "nothing to apply\n");
        folder
    }

    fn overlay(&mut self, name: &str, team: u64) -> String {
        let (base, folder) = (format!("apps/{name}/base"), format!("apps/{name}/demo"));
        self.put(format!("{base}/deployment.yaml"), deployment(name));
        self.put(format!("{base}/service.yaml"), service(name));
        let base_generates = self.dice.falls(50);
        let mut text = "resources: [deployment.yaml, service.yaml]\n".to_owned();
        if base_generates {
            let _ = writeln!(
                text,
                "configMapGenerator: [{{name: {name}-env, literals: [A=1, 'B=n${{count}}']}}]"
            );
        }
        self.put(format!("{base}/kustomization.yaml"), text);

        let mut text = format!("namespace: team-{team}\nresources:\n- ../base\n");
        if self.dice.falls(40) {
            let _ = writeln!(text, "namePrefix: {}", self.dice.one_of(&["pre-", "x-"]));
        }
        if self.dice.falls(30) {
            text.push_str("nameSuffix: -v1\n");
        }
        if self.dice.falls(40) {
            text.push_str("components: [../../../components/marked]\n");
        }
        if self.dice.falls(40) {
            text.push_str("commonAnnotations: {note: \"${level}\", plain: a}\n");
        }
        if self.dice.falls(40) {
            text.push_str("images: [{name: registry.example.org/web, newTag: '2.${count}'}]\n");
        }
        if self.dice.falls(40) {
            let _ = writeln!(text, "replicas: [{{name: {name}, count: 3}}]");
        }
        let generators = match (base_generates, self.dice.below(3)) {
            (true, 0) => format!("- {{name: {name}-env, behavior: merge, literals: [B=2, C=x]}}\n"),
            (true, 1) => format!("- {{name: {name}-env, behavior: replace, literals: ['D=a: b']}}\n"),
            (false, 0 | 1) => {
                format!("- {{name: {name}-env, files: [app.conf], options: {{labels: {{made: here}}}}}}\n")
            }
            _ => String::new(),
        };
        if !generators.is_empty() {
            let _ = write!(text, "configMapGenerator:\n{generators}");
            self.put(format!("{folder}/app.conf"), "level = ${level}\nquoted = \"yes\"\n");
        }
        if self.dice.falls(30) {
            let _ = writeln!(text, "secretGenerator: [{{name: {name}-secret, literals: [password=s3cret]}}]");
        }
        if self.dice.falls(50) {
            text.push_str("patches:\n- path: patch.yaml\n");
            self.put(
                format!("{folder}/patch.yaml"),
                format!("apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  template:\n    spec:\n      containers:\n      - {{name: web, args: [\"--level=${{level}}\"]}}\n      - {{name: side, image: 'registry.example.org/side:1'}}\n"),
            );
        }
        if self.dice.falls(30) {
            let _ = writeln!(
                text,
                "replacements:\n- source: {{kind: Service, name: {name}, fieldPath: 'spec.ports.0.port'}}\n  targets:\n  - select: {{kind: Deployment}}\n    fieldPaths: ['spec.template.spec.containers.[name=web].ports.0.containerPort']"
            );
        }
        self.put(format!("{folder}/kustomization.yaml"), text);
        folder
    }

    fn release(&mut self, name: &str, path: &str, team: u64) {
        let mut text = format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: {name}-web, namespace: team-{team}}}\nspec:\n  interval: 10m\n  chart: {{spec: {{chart: ./charts/web, sourceRef: {{kind: GitRepository, name: fleet, namespace: flux-system}}"
        );
        text.push_str(if self.dice.falls(30) {
            ", valuesFiles: [charts/web/values.yaml, charts/web/values-big.yaml]}}\n"
        } else {
            "}}\n"
        });
        for (percent, line) in [
            (30, format!("  releaseName: rel-{name}\n")),
            (30, format!("  targetNamespace: team-{}\n", self.dice.below(TEAMS))),
            (30, "  commonMetadata: {labels: {from: release}, annotations: {seen: \"true\"}}\n".to_owned()),
            (30, format!("  valuesFrom: [{{kind: ConfigMap, name: {name}-values}}, {{kind: Secret, name: gone, optional: true}}]\n")),
            (40, "  postRenderers: [{kustomize: {patches: [{target: {kind: ConfigMap}, patch: \"- {op: add, path: /data/late, value: 'yes'}\"}]}}]\n".to_owned()),
        ] {
            if self.dice.falls(percent) {
                text.push_str(&line);
            }
        }
        let _ = writeln!(
            text,
            "  values: {{own: \"${{level:-own}}\", list: [1, two], deep: {{b: {}}}}}",
            self.dice.below(9)
        );
        let values = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}-values, namespace: team-{team}}}\ndata:\n  values.yaml: |\n    deep: {{a: from, b: from}}\n    extra: 1\n"
        );
        if self.dice.falls(15) {
            text.push_str("    # refused by the chart\n");
            text = text.replace("values: {own:", "values: {refuse: it is not wanted, own:");
            self.refused.push(format!("{name}-web"));
        }
        let separate = self.files.iter().any(|(file, _)| *file == format!("{path}/kustomization.yaml"));
        self.put(format!("{path}/release.yaml"), format!("{text}---\n{values}"));
        if separate
            && let Some((_, kustomization)) =
                self.files.iter_mut().find(|(file, _)| *file == format!("{path}/kustomization.yaml"))
        {
            // It keeps its name: names of values are followed by no field of a release.
            *kustomization = kustomization.replace("- ../base\n", "- ../base\n- release.yaml\n");
            for field in ["namePrefix", "nameSuffix", "commonAnnotations"] {
                *kustomization = kustomization
                    .lines()
                    .filter(|line| !line.starts_with(field))
                    .fold(String::new(), |all, line| all + line + "\n");
            }
        }
    }

    /// What the Flux Kustomization asks for beyond its path; its slips.
    fn asked(&mut self, name: &str, path: &str) -> (String, String) {
        let mut path = path.to_owned();
        let mut more = "  dependsOn: [{name: namespaces}]\n".to_owned();
        let has_release = self.files.iter().any(|(file, _)| *file == format!("{path}/release.yaml"));
        let mut optional = |dice: &mut Dice, percent, text: &str| {
            if dice.falls(percent) {
                more.push_str(text);
            }
        };
        let dice = &mut self.dice;
        if !has_release {
            optional(dice, 25, "  namePrefix: f-\n");
            optional(dice, 25, "  nameSuffix: -s\n");
            optional(dice, 25, "  targetNamespace: team-1\n");
        }
        optional(
            dice,
            40,
            "  commonMetadata: {labels: {team: web}, annotations: {contact: 'a@example.org'}}\n",
        );
        optional(
            dice,
            30,
            "  images: [{name: registry.example.org/web, newName: registry.example.org/other, newTag: '3'}]\n",
        );
        optional(
            dice,
            30,
            "  patches: [{target: {kind: Deployment}, patch: \"- {op: replace, path: /spec/replicas, value: 2}\"}]\n",
        );
        optional(dice, 20, "  components: [../../../components/marked]\n");
        let from = match dice.below(4) {
            0 => "",
            1 => "    substituteFrom: [{kind: ConfigMap, name: settings}]\n",
            2 => {
                "    substituteFrom: [{kind: ConfigMap, name: settings}, {kind: Secret, name: hidden}, {kind: Secret, name: none, optional: true}]\n"
            }
            _ => {
                "    substituteFrom: [{kind: Secret, name: hidden}]\n    substitute: {level: warn, count: '2'}\n"
            }
        };
        // An image's tag needs its variable.
        let from = if from.is_empty() { "    substitute: {count: '1', level: \"a\"}\n" } else { from };
        let _ = write!(more, "  postBuild:\n{from}");
        let has_components = more.contains("components:");
        if has_components && path.ends_with(&format!("apps/{name}")) {
            more = more.replace("../../../components", "../../components");
        }
        if self.dice.falls(15) {
            match self.dice.below(3) {
                0 => path.push_str("-missing"),
                1 => {
                    more = more
                        .replace("  postBuild:\n", "  postBuild:\n    # nowhere\n")
                        .replace("name: settings}", "name: setings}");
                }
                _ => {
                    let kustomization = format!("{path}/kustomization.yaml");
                    if let Some((_, text)) = self.files.iter_mut().find(|(file, _)| *file == kustomization) {
                        text.push_str("crds: [none.yaml]\ntransformers: [nowhere.yaml]\n");
                    }
                }
            }
            let is_refused = path.ends_with("-missing")
                || more.contains("setings")
                || self.files.iter().any(|(file, text)| {
                    *file == format!("{path}/kustomization.yaml") && text.contains("nowhere.yaml")
                });
            if is_refused {
                // What it would have brought is not there.
                self.refused.retain(|refused| *refused != format!("{name}-web"));
                self.refused.push(name.to_owned());
            }
        }
        (path, more)
    }
}

const SOURCE: &str = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: fleet, namespace: flux-system}\n\
                      spec: {interval: 10m, url: 'https://git.example.org/platform/fleet', ref: {branch: main}}\n";

const CHART: &[(&str, &str)] = &[
    ("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.2.3\nappVersion: '4'\n"),
    ("values.yaml", "own: chart\ndeep: {a: chart, c: chart}\nlist: []\n"),
    ("values-big.yaml", "deep: {c: big}\nbig: true\n"),
    ("templates/_names.tpl", "{{ define \"name\" }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}\n"),
    (
        "templates/map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ include \"name\" . }}\n  labels: {chart: \"{{ .Chart.Name \
         }}-{{ .Chart.Version | replace \"+\" \"_\" }}\"}\ndata:\n  values: {{ .Values | toJson | quote }}\n  in: {{ .Release.Namespace }}\n  refused: \"{{ with \
         .Values.refuse }}{{ fail . }}{{ end }}\"\n",
    ),
    (
        "templates/service.yaml",
        "{{- if .Values.big }}\napiVersion: v1\nkind: Service\nmetadata:\n  name: {{ include \"name\" . }}\nspec:\n  selector: {a: \
         b}\n  ports: [{port: 80}]\n{{- end }}\n",
    ),
];

fn flux(name: &str, path: &str, more: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: \
         flux-system}}\nspec:\n  interval: 10m\n  retryInterval: 1s\n  prune: true\n  path: {path}\n  sourceRef: {{kind: GitRepository, name: fleet}}\n{more}"
    )
}

fn deployment(name: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  labels: {{app: {name}}}\nspec:\n  replicas: 1\n  selector: {{matchLabels: \
         {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      containers:\n      - name: web\n        image: \
         registry.example.org/web:1.0\n        ports: [{{containerPort: 80}}]\n        envFrom: [{{configMapRef: {{name: {name}-env}}}}]\n"
    )
}

fn service(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{selector: {{app: {name}}}, ports: [{{name: web, port: 8080}}]}}\n"
    )
}
