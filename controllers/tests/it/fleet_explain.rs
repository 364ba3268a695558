//! Why a field of a chart's object is so: the template's line, and where each entry of the values was written.

use gitops_controllers::fleet::Fleet;
use gitops_controllers::fleet::explain::{Explanation, Role};
use gitops_core::tree::MemTree;
use gitops_yaml::FieldPath;

fn tree() -> MemTree {
    let flux = |name: &str, more: &str| {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\n\
             spec:\n  path: ./{name}\n  interval: 5m\n  prune: true\n  sourceRef: {{kind: GitRepository, name: fleet}}\n{more}"
        )
    };
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web}
spec:
  interval: 5m
  chart: {spec: {chart: ./charts/web, sourceRef: {kind: GitRepository, name: fleet}}}
  valuesFrom:
  - {kind: ConfigMap, name: generated}
  - {kind: ConfigMap, name: block}
  - {kind: ConfigMap, name: single, valuesKey: tag, targetPath: image.tag}
  values:
    replicas: ${size}
";
    let files = [
        ("cluster/vars.yaml", flux("vars", "")),
        (
            "cluster/apps.yaml",
            flux("apps", "  postBuild:\n    substituteFrom: [{kind: ConfigMap, name: cluster}]\n    substitute:\n      size: \"3\"\n"),
        ),
        (
            "vars/map.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cluster, namespace: flux-system}\ndata:\n  a: b\n  domain: example.org\n".into(),
        ),
        (
            "apps/kustomization.yaml",
            "resources: [release.yaml, block.yaml]\nnamespace: flux-system\ngeneratorOptions: {disableNameSuffixHash: true}\n\
             configMapGenerator:\n- name: generated\n  files: [values.yaml=web.yaml]\n- name: single\n  literals:\n  - tag=2.0.1\n"
                .into(),
        ),
        ("apps/web.yaml", "# shared\nimage:\n  repository: registry/web\nhost: web.${domain}\n".into()),
        (
            "apps/block.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: block}\ndata:\n  values.yaml: |\n    memory: 128Mi\n    replicas: 1\n"
                .into(),
        ),
        ("apps/release.yaml", release.into()),
        ("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n".into()),
        ("charts/web/values.yaml", "replicas: 2\nimage: {repository: none, tag: none}\n".into()),
        (
            "charts/web/templates/map.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, labels: {example.org/part: web}}\ndata:\n  replicas: \
             \"{{ .Values.replicas }}\"\n  image: {{ .Values.image.repository }}:{{ .Values.image.tag }}\n  host: {{ .Values.host }}\n  \
             memory: {{ .Values.memory }}\n"
                .into(),
        ),
    ];
    let mut tree = MemTree::new();
    files.iter().for_each(|(path, text)| tree.add_file(path, text).unwrap());
    tree
}

fn explain(field: &str) -> Explanation {
    let path = FieldPath::parse(field).unwrap();
    Fleet::new(&tree()).explain(&"ConfigMap/web".parse().unwrap(), &path).unwrap().remove(0)
}

#[track_caller]
fn check(field: &str, wanted: &[(Role, &str, &str)]) {
    let explained = explain(field);
    let layers: Vec<(Role, &str, &str)> = explained
        .layers
        .iter()
        .map(|layer| (layer.role, layer.place.as_str(), layer.value.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(layers, wanted, "{:#?}", explained.layers);
}

#[test]
fn inline_values_with_variables_lie_over_those_of_references() {
    check(
        "data.replicas",
        &[
            (Role::Sets, "charts/web/templates/map.yaml:5", "3"),
            (Role::Input, "cluster/apps.yaml:12:13", "3"),
            (Role::Overridden, "apps/release.yaml:12:15", "${size}"),
            (Role::Overridden, "apps/block.yaml:7", "1"),
            (Role::Overridden, "charts/web/values.yaml:1:11", "2"),
        ],
    );
    let what = &explain("data.replicas").layers[1].what;
    assert!(
        what.contains(
            "substitution of ${size} = 3 from postBuild.substitute of kustomization/flux-system/apps"
        ),
        "{what}"
    );
}

#[test]
fn values_of_references_are_shown_where_they_were_written() {
    check(
        "data.image",
        &[
            (Role::Sets, "charts/web/templates/map.yaml:6", "registry/web:2.0.1"),
            (Role::Input, "apps/web.yaml:3:15", "registry/web"),
            (Role::Overridden, "charts/web/values.yaml:2:21", "none"),
            (Role::Input, "apps/kustomization.yaml:9:5", "2.0.1"),
            (Role::Overridden, "charts/web/values.yaml:2:32", "none"),
        ],
    );
    check(
        "data.memory",
        &[
            (Role::Sets, "charts/web/templates/map.yaml:8", "128Mi"),
            (Role::Input, "apps/block.yaml:6", "128Mi"),
        ],
    );
    check(
        "data.host",
        &[
            (Role::Sets, "charts/web/templates/map.yaml:7", "web.example.org"),
            (Role::Input, "apps/web.yaml:4:7", "web.example.org"),
        ],
    );
    let what = &explain("data.host").layers[1].what;
    assert!(
        what.contains("ConfigMap/flux-system/generated key values.yaml")
            && what.contains("host: web.${domain}"),
        "{what}"
    );
}

#[test]
fn keys_with_dots_need_no_marks() {
    assert_eq!(explain("metadata.labels.example.org/part").value.as_deref(), Some("web"));
}
