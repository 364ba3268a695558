//! Random kustomizations, built here and by the `kustomize` on the PATH: the same bytes, or a refusal by both.
//!
//! Skipped where there is no such program. `DIFFERENTIAL_CASES` sets how many are tried, `DIFFERENTIAL_FIRST` the first of
//! them.

use gitops_conformance::differential::{self, Dice, Files, Scratch};
use gitops_core::tree::MemTree;
use kustomize_rs::{Build, Options};

#[test]
fn random_kustomizations_build_as_upstream_builds_them() {
    if !differential::on_path("kustomize") {
        return;
    }
    differential::run(40, |seed| {
        let files = Kustomizations(Dice::of(seed)).kustomization();
        let folder = Scratch::with("differential", &files);
        let upstream = folder.run("kustomize", &["build", "overlay"]);
        // Refusals are worded by other tests: here it counts that both refuse.
        differential::compare(build(&files), &upstream, |_, _| true, &files)
    });
}

fn build(files: &Files) -> Result<String, String> {
    let mut tree = MemTree::new();
    for (path, text) in files {
        tree.add_file(path, text).expect("a file");
    }
    Build::new(&tree)
        .options(Options::default())
        .run("overlay")
        .and_then(|output| output.to_yaml())
        .map_err(|error| error.to_string())
}

/// Makes kustomizations from a stream of choices.
struct Kustomizations(Dice);

impl Kustomizations {
    fn kustomization(&mut self) -> Files {
        let mut files = Files::new();
        let bases = 1 + self.0.roll(2);
        let mut listed = String::new();
        for base in 0..bases {
            let count = 1 + self.0.roll(4);
            let mut names = String::new();
            for n in 0..count {
                let documents = 1 + self.0.roll(2);
                let texts: Vec<_> = (0..documents).map(|_| self.object()).collect();
                files.insert(format!("base{base}/r{n}.yaml"), texts.join("---\n"));
                names.push_str(&format!("- r{n}.yaml\n"));
            }
            let mut text = format!("resources:\n{names}");
            if self.0.one_in(2) {
                text.push_str(&self.generator("create"));
            }
            text.push_str(&self.fields());
            files.insert(format!("base{base}/kustomization.yaml"), text);
            listed.push_str(&format!("- ../base{base}\n"));
        }
        let mut text = format!("resources:\n{listed}");
        if self.0.one_in(3) {
            text.push_str("components:\n- ../component\n");
            let component = format!(
                "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n{}{}",
                self.fields(),
                self.patches()
            );
            files.insert("component/kustomization.yaml".into(), component);
        }
        if self.0.one_in(2) {
            let behavior = self.0.pick(&["create", "merge", "replace"]);
            text.push_str(&self.generator(behavior));
        }
        text.push_str(&self.fields());
        text.push_str(&self.patches());
        if self.0.one_in(4) {
            text.push_str(&self.replacement());
        }
        text.push_str(&self.extras(&mut files));
        files.insert("overlay/kustomization.yaml".into(), text);
        files
    }

    /// What few kustomizations have.
    fn extras(&mut self, files: &mut Files) -> String {
        let mut text = String::new();
        if self.0.one_in(6) {
            let options = self.0.pick(&["originAnnotations", "transformerAnnotations", "managedByLabel"]);
            text.push_str(&format!("buildMetadata: [{options}, originAnnotations]\n"));
        }
        if self.0.one_in(6) {
            let order = self.0.pick(&[
                "{order: fifo}",
                "{order: legacy}",
                "{order: legacy, legacySortOptions: {orderFirst: [Service, Thing], orderLast: [ConfigMap]}}",
            ]);
            text.push_str(&format!("sortOptions: {order}\n"));
        }
        if self.0.one_in(6) {
            let name = self.name();
            let patch = format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  k: patched\n  other.key: null\n"
            );
            files.insert("overlay/patch.yaml".into(), patch);
            text.push_str("patchesStrategicMerge:\n- patch.yaml\n");
        }
        if self.0.one_in(8) {
            let kind = self.0.pick(&["Deployment", "Service"]);
            text.push_str(&format!(
                "vars:\n- name: V\n  objref: {{kind: {kind}, name: {}, apiVersion: {}}}\n",
                self.name(),
                if kind == "Service" { "v1" } else { "apps/v1" }
            ));
        }
        if self.0.one_in(6) {
            files.insert(
                "overlay/specs.yaml".into(),
                "nameReference:\n- kind: ConfigMap\n  fieldSpecs:\n  - kind: Thing\n    path: spec/list/v\ncommonLabels:\n- path: \
                 spec/marks\n  kind: Thing\n  create: true\nimages:\n- kind: Thing\n  path: spec/a\n"
                    .into(),
            );
            text.push_str("configurations: [specs.yaml]\n");
        }
        if self.0.one_in(5) {
            let config = match self.0.roll(6) {
                0 => {
                    "kind: PrefixTransformer\nmetadata: {name: t}\nprefix: t-\nfieldSpecs: [{path: metadata/name}]\n"
                }
                1 => {
                    "kind: LabelTransformer\nmetadata: {name: t}\nlabels: {made: by-plugin}\nfieldSpecs: [{path: metadata/labels, create: true}]\n"
                }
                2 => {
                    "kind: NamespaceTransformer\nmetadata: {name: t, namespace: plug}\nunsetOnly: true\nfieldSpecs: [{path: metadata/name, kind: Namespace, create: true}]\n"
                }
                3 => {
                    "kind: ImageTagTransformer\nmetadata: {name: t}\nimageTag: {name: nginx, tagSuffix: -x}\nfieldSpecs: [{path: spec/containers[]/image}]\n"
                }
                4 => {
                    "kind: AnnotationsTransformer\nmetadata: {name: t}\nannotations: {by: plugin}\nfieldSpecs: [{path: metadata/annotations, create: true}]\n"
                }
                _ => {
                    "kind: ValueAddTransformer\nmetadata: {name: t}\nvalue: added\ntargets:\n- selector: {kind: Thing}\n  fieldPath: spec/added\n"
                }
            };
            files.insert("overlay/transformer.yaml".into(), format!("apiVersion: builtin\n{config}"));
            text.push_str("transformers: [transformer.yaml]\n");
        }
        if self.0.one_in(6) {
            let name = self.name();
            files.insert("overlay/a.env".into(), "# comment\nA=1\n  B = two \nC\n\nD='q'\n".into());
            files.insert(
                "overlay/file.txt".into(),
                self.0.pick(&["one\ntwo\n", "no end", "tab\tand trailing \n", ""]).into(),
            );
            files.insert(
                "overlay/generator.yaml".into(),
                format!(
                    "apiVersion: builtin\nkind: {}\nmetadata: {{name: g}}\nname: {name}-made\nenvs: [a.env]\nfiles: [file.txt, x=file.txt]\n",
                    self.0.pick(&["ConfigMapGenerator", "SecretGenerator"])
                ),
            );
            text.push_str("generators: [generator.yaml]\n");
        }
        if self.0.one_in(5) {
            let (a, b) = (self.name(), self.value());
            let object = self.object();
            let item: String = object.lines().map(|line| format!("    {line}\n")).collect();
            let list = format!(
                "apiVersion: v1\nkind: {}\nitems:\n  -\n{item}  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {{name: {a}-item}}\n",
                self.0.pick(&["List", "ConfigMapList"])
            );
            files.insert("base0/list.yaml".into(), list);
            let merged = format!(
                "apiVersion: v1\r\nkind: ConfigMap\r\nmetadata:\r\n  name: merged\r\n  labels: &l {{z: last, a: first}}\r\n  annotations:\r\n    \
                 <<: *l\r\n    own: yes-it-is\r\ndata: {{k: plain}}\r\n---\r\napiVersion: v1\r\nkind: Thing\r\nmetadata: {{name: second}}\r\nspec:\r\n  a: {b}\r\n"
            );
            files.insert("base0/merged.yaml".into(), merged);
            if let Some(base) = files.get_mut("base0/kustomization.yaml") {
                *base = base.replacen("resources:\n", "resources:\n- list.yaml\n- merged.yaml\n", 1);
            }
        }
        text
    }

    fn name(&mut self) -> &'static str {
        self.0.pick(&["web", "api", "db", "settings", "web-1"])
    }

    fn value(&mut self) -> &'static str {
        self.0.pick(&[
            "plain",
            "\"yes\"",
            "'on'",
            "yes",
            "0777",
            "0x1F",
            "1e3",
            "1.10",
            "~",
            "null",
            "\"\"",
            "''",
            "1_000",
            "2001-01-01",
            "\"2001-01-01\"",
            "12:30",
            ".5",
            "-1",
            "true",
            "\"true\"",
            "'1'",
            "a: b",
            "\"tab\\there\"",
            "\"line\\nbreak\"",
            "|\n    several\n    lines\n",
            ">-\n    folded\n    text\n",
            "caf\u{e9}",
            "\"\\U0001F389\"",
            "[1, a, {b: c}]",
            "{x: 1, y: [z]}",
            "a#b",
            "\"# c\"",
            "'it''s'",
            "!!str 12",
            "&anchor shared",
            "x  # comment",
        ])
    }

    /// A value that is text whatever rules it is read by, for fields that must be text.
    fn text(&mut self) -> &'static str {
        self.0.pick(&["plain", "\"yes\"", "'12'", "a-b", "\"a b\"", "caf\u{e9}", "v1.2.3", "'true'"])
    }

    fn metadata(&mut self, indent: &str) -> String {
        let mut text = format!("{indent}name: {}\n", self.name());
        if self.0.one_in(3) {
            text.push_str(&format!("{indent}namespace: {}\n", self.0.pick(&["one", "two", "default"])));
        }
        if self.0.one_in(2) {
            let (a, b) = (self.text(), self.text());
            text.push_str(&format!("{indent}labels:\n{indent}  app: {a}\n{indent}  tier: {b}\n"));
        }
        if self.0.one_in(3) {
            text.push_str(&format!("{indent}annotations:\n{indent}  note: {}\n", self.text()));
        }
        text
    }

    fn container(&mut self, indent: &str) -> String {
        let (name, image) =
            (self.name(), self.0.pick(&["nginx", "nginx:1.2", "reg:5000/team/api@sha256:abc", "api:v1"]));
        let mut text = format!("{indent}- name: {name}\n{indent}  image: {image}\n");
        if self.0.one_in(2) {
            let (a, b, config) = (self.0.pick(&["A", "B"]), self.0.pick(&["C", "D"]), self.name());
            let value = self.text();
            text.push_str(&format!(
                "{indent}  env:\n{indent}  - name: {a}\n{indent}    value: {value}\n{indent}  - name: {b}\n\
                 {indent}    valueFrom:\n{indent}      configMapKeyRef: {{name: {config}, key: k}}\n"
            ));
        }
        if self.0.one_in(2) {
            text.push_str(&format!(
                "{indent}  ports:\n{indent}  - containerPort: 80\n{indent}  - containerPort: 443\n{indent}    protocol: TCP\n"
            ));
        }
        if self.0.one_in(3) {
            text.push_str(&format!("{indent}  envFrom:\n{indent}  - secretRef: {{name: {}}}\n", self.name()));
        }
        text
    }

    fn object(&mut self) -> String {
        let metadata = self.metadata("  ");
        match self.0.roll(9) {
            0 | 1 => {
                let kind = self.0.pick(&["Deployment", "StatefulSet", "DaemonSet"]);
                let (first, account) = (self.container("      "), self.name());
                let second = if self.0.one_in(2) { self.container("      ") } else { String::new() };
                format!(
                    "apiVersion: apps/v1\nkind: {kind}\nmetadata:\n{metadata}spec:\n  replicas: {}\n  selector:\n    \
                     matchLabels: {{app: web}}\n  template:\n    metadata:\n      labels: {{app: web}}\n    spec:\n      \
                     serviceAccountName: {account}\n      containers:\n{first}{second}      volumes:\n      - name: v\n        \
                     configMap: {{name: {}}}\n",
                    self.0.roll(4),
                    self.name()
                )
            }
            2 => format!(
                "apiVersion: v1\nkind: Service\nmetadata:\n{metadata}spec:\n  selector: {{app: web}}\n  ports:\n  - port: 80\n    \
                 targetPort: {}\n",
                self.0.pick(&["80", "http", "'8080'"])
            ),
            3 => {
                let (a, b) = (self.value(), self.value());
                format!(
                    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n{metadata}data:\n  k: {a}\n  other.key: {b}\n"
                )
            }
            4 => format!(
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n{metadata}roleRef:\n  apiGroup: \
                 rbac.authorization.k8s.io\n  kind: Role\n  name: {}\nsubjects:\n- kind: ServiceAccount\n  name: {}\n  namespace: {}\n",
                self.name(),
                self.name(),
                self.0.pick(&["one", "two", "default"])
            ),
            5 => {
                let kind = self.0.pick(&["ServiceAccount", "Role", "Namespace", "Secret"]);
                let version = if kind == "Role" { "rbac.authorization.k8s.io/v1" } else { "v1" };
                format!("# about it\napiVersion: {version}\nkind: {kind}\nmetadata:\n{metadata}")
            }
            6 => format!(
                "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n{metadata}spec:\n  scaleTargetRef:\n    \
                 apiVersion: apps/v1\n    kind: Deployment\n    name: {}\n  maxReplicas: 3\n",
                self.name()
            ),
            7 => format!(
                "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n{metadata}spec:\n  tls:\n  - secretName: {}\n  rules:\n  \
                 - host: a.example\n    http:\n      paths:\n      - path: /\n        pathType: Prefix\n        backend:\n          \
                 service: {{name: {}, port: {{number: 80}}}}\n",
                self.name(),
                self.name()
            ),
            _ => {
                let (a, b, c) = (self.value(), self.value(), self.value());
                format!(
                    "apiVersion: example.com/v1\nkind: Thing\nmetadata:\n{metadata}spec:\n  a: {a}\n  list:\n  - name: one\n    v: {b}\n  \
                     - name: two\n  B: {c}\n"
                )
            }
        }
    }

    fn generator(&mut self, behavior: &str) -> String {
        let (field, name) = (self.0.pick(&["configMapGenerator", "secretGenerator"]), self.name());
        let literal = self.0.pick(&["k=v", "k='quoted'", "k=a=b", "other=", "k=12", "multi=a b  c"]);
        let mut text =
            format!("{field}:\n- name: {name}\n  behavior: {behavior}\n  literals:\n  - \"{literal}\"\n");
        if self.0.one_in(3) {
            let hash = self.0.pick(&["true", "false"]);
            text.push_str(&format!(
                "  options:\n    disableNameSuffixHash: {hash}\n    labels: {{made: here}}\n"
            ));
        }
        text
    }

    fn fields(&mut self) -> String {
        let mut text = String::new();
        if self.0.one_in(3) {
            text.push_str(&format!("namePrefix: {}\n", self.0.pick(&["p-", "q-", "p1-"])));
        }
        if self.0.one_in(4) {
            text.push_str("nameSuffix: -s\n");
        }
        if self.0.one_in(3) {
            text.push_str(&format!("namespace: {}\n", self.0.pick(&["one", "three", "default"])));
        }
        if self.0.one_in(4) {
            text.push_str(&format!("commonLabels:\n  team: {}\n", self.text()));
        }
        if self.0.one_in(3) {
            let (value, flag) = (self.text(), self.0.pick(&["includeSelectors", "includeTemplates"]));
            text.push_str(&format!(
                "labels:\n- pairs:\n    app: {value}\n  {flag}: {}\n",
                self.0.pick(&["true", "false"])
            ));
        }
        if self.0.one_in(4) {
            text.push_str(&format!("commonAnnotations:\n  owner: {}\n", self.text()));
        }
        if self.0.one_in(3) {
            let (name, field) = (
                self.0.pick(&["nginx", "api"]),
                self.0.pick(&["newTag: v9", "newName: other/x", "digest: sha256:1"]),
            );
            text.push_str(&format!("images:\n- name: {name}\n  {field}\n"));
        }
        if self.0.one_in(6) {
            text.push_str(&format!("replicas:\n- name: {}\n  count: 5\n", self.name()));
        }
        text
    }

    fn patches(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.0.roll(3) {
            if text.is_empty() {
                text.push_str("patches:\n");
            }
            let kind = self.0.pick(&["Deployment", "ConfigMap", "Thing", "Service", "StatefulSet"]);
            let patch = match (self.0.roll(4), kind) {
                (0, _) => "- op: add\n  path: /metadata/annotations\n  value: {j: \"1\"}\n".to_owned(),
                (1, _) => format!("- op: replace\n  path: /metadata/name\n  value: {}\n", self.name()),
                (_, "Deployment" | "StatefulSet") => {
                    let container = self.container("      ");
                    let extra = self.0.pick(&["", "      - $patch: delete\n        name: api\n", "      - name: extra\n"]);
                    format!(
                        "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: any}}\nspec:\n  replicas: null\n  template:\n    spec:\n      \
                         containers:\n{container}{extra}"
                    )
                }
                (_, "ConfigMap") => {
                    let value = self.value();
                    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: any}}\ndata:\n  k: {value}\n  other.key: null\n")
                }
                (_, "Thing") => {
                    let value = self.value();
                    format!(
                        "apiVersion: example.com/v1\nkind: Thing\nmetadata: {{name: any}}\nspec:\n  list:\n  - name: one\n  new: {value}\n"
                    )
                }
                _ => "apiVersion: v1\nkind: Service\nmetadata: {name: any}\nspec:\n  ports:\n  - port: 80\n    name: http\n  - \
                      port: 81\n"
                    .to_owned(),
            };
            let indented: String = patch.lines().map(|line| format!("    {line}\n")).collect();
            let target = match self.0.roll(3) {
                0 => format!("kind: {kind}\n    name: {}", self.0.pick(&["web", "w.*", "api|db", ".*"])),
                1 => format!("kind: {kind}\n    labelSelector: app"),
                _ => format!("kind: {kind}"),
            };
            text.push_str(&format!("- target:\n    {target}\n  patch: |\n{indented}"));
        }
        text
    }

    fn replacement(&mut self) -> String {
        let (kind, field) = match self.0.roll(3) {
            0 => ("ConfigMap", "metadata.name"),
            1 => ("ConfigMap", "data.k"),
            _ => ("Service", "spec.ports.0.port"),
        };
        let target = self.0.pick(&[
            "spec.template.spec.containers.[name=web].image",
            "metadata.annotations.copied",
            "spec.template.spec.containers.*.env.[name=A].value",
        ]);
        let create = self.0.pick(&["true", "false"]);
        format!(
            "replacements:\n- source: {{kind: {kind}, fieldPath: {field}}}\n  targets:\n  - select: {{kind: Deployment}}\n    \
             fieldPaths: [\"{target}\"]\n    options: {{create: {create}}}\n"
        )
    }
}
