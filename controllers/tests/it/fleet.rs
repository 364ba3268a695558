//! Fleets rendered from trees in memory.

use gitops_controllers::fleet::{App, Cache, Fleet, Rendered, Severity};
use gitops_core::tree::MemTree;

fn flux(name: &str, path: &str, more: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\n\
         spec:\n  path: {path}\n  interval: 5m\n  prune: true\n  sourceRef: {{kind: GitRepository, name: fleet}}\n{more}"
    )
}

fn map(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: flux-system}}\ndata: {{key: \"{value}\"}}\n"
    )
}

fn tree(files: &[(&str, String)]) -> MemTree {
    let mut tree = MemTree::new();
    for (path, text) in files {
        tree.add_file(path, text).unwrap();
    }
    tree
}

fn render(tree: &MemTree) -> Rendered {
    Fleet::new(tree).render(&mut Cache::default())
}

fn app<'r>(rendered: &'r Rendered, name: &str) -> &'r App {
    rendered.apps.iter().find(|app| app.id.name == name).unwrap()
}

fn errors(rendered: &Rendered) -> Vec<String> {
    let all = rendered.all_gaps().filter(|(_, gap)| gap.severity == Severity::Error);
    all.map(|(_, gap)| gap.to_string()).collect()
}

fn many(count: usize) -> Vec<(String, String)> {
    let mut files = vec![("c/root.yaml".to_owned(), flux("root", "./c", ""))];
    for i in 0..count {
        files.push((format!("c/app-{i}.yaml"), flux(&format!("app-{i}"), &format!("./apps/{i}"), "")));
        files.push((
            format!("apps/{i}/kustomization.yaml"),
            "resources: [map.yaml, ../../shared/map.yaml]\n".to_owned(),
        ));
        files.push((format!("apps/{i}/map.yaml"), map(&format!("map-{i}"), "one")));
    }
    files.push(("shared/map.yaml".to_owned(), map("shared", "one")));
    files
}

#[test]
fn a_second_render_renders_only_what_reads_the_changed_file() {
    let files = many(20);
    let mut tree = MemTree::new();
    files.iter().for_each(|(path, text)| tree.add_file(path, text).unwrap());
    let mut cache = Cache::default();
    let first = Fleet::new(&tree).render(&mut cache);
    assert_eq!(first.apps.len(), 21);
    assert_eq!(cache.hits_and_misses(), (0, 21));
    tree.add_file("apps/7/map.yaml", map("map-7", "two")).unwrap();
    let mut cache = Cache::from_bytes(cache.to_bytes("a"), "a");
    let second = Fleet::new(&tree).render(&mut cache);
    assert_eq!(cache.hits_and_misses(), (20, 1));
    assert!(app(&second, "app-7").objects[0].yaml.contains("key: two"));
    let yaml = |rendered: &Rendered| {
        let objects = rendered.apps.iter().flat_map(|app| &app.objects);
        objects.map(|object| object.yaml.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(yaml(&second), yaml(&render(&tree)));
    // A file that all read changes all of them, but not the root.
    tree.add_file("shared/map.yaml", map("shared", "two")).unwrap();
    let _ = Fleet::new(&tree).render(&mut cache);
    assert_eq!(cache.hits_and_misses(), (1, 20));
    // A new file in a folder without a kustomization is seen.
    tree.add_file("c/more.yaml", map("more", "x")).unwrap();
    let third = Fleet::new(&tree).render(&mut cache);
    assert_eq!(cache.hits_and_misses(), (20, 1));
    assert!(app(&third, "root").objects.iter().any(|object| object.id.name == "more"));
}

#[test]
fn variables_come_from_what_other_apps_apply() {
    let from = "  postBuild: {substituteFrom: [{kind: ConfigMap, name: settings}], substitute: {own: b}}\n";
    let tree = tree(&[
        ("c/root.yaml", flux("root", "./c", "")),
        ("c/a-apps.yaml", flux("apps", "./apps", from)),
        ("c/z-settings.yaml", flux("settings", "./settings", "")),
        ("settings/map.yaml", map("settings", "a")),
        ("apps/map.yaml", map("app", "${key}-${own}-${other:=c}")),
    ]);
    let rendered = render(&tree);
    assert_eq!(errors(&rendered), [""; 0]);
    assert!(app(&rendered, "apps").objects[0].yaml.contains("key: a-b-c"));
}

#[test]
fn what_is_missing_is_said_with_its_place() {
    let from = "  postBuild: {substituteFrom: [{kind: ConfigMap, name: setings}]}\n";
    let tree = tree(&[
        ("c/root.yaml", flux("root", "./c", "")),
        ("c/apps.yaml", flux("apps", "./aps", from)),
        ("c/settings.yaml", map("settings", "a")),
        ("apps/map.yaml", map("app", "x")),
    ]);
    let found = errors(&render(&tree));
    assert!(
        found
            .iter()
            .any(|text| text.starts_with("c/apps.yaml:5:9: error: kustomization path not found: ./aps"))
    );
    assert!(found.iter().any(|text| text.contains("did you mean ./apps?")));
    assert!(found.iter().any(|text| text.contains("did you mean settings?")), "{found:?}");
}

#[test]
fn clusters_of_one_repository_are_kept_apart() {
    let boot = |cluster: &str| flux("flux-system", &format!("./clusters/{cluster}"), "");
    let tree = tree(&[
        ("clusters/a/flux-system/sync.yaml", boot("a")),
        ("clusters/a/apps.yaml", flux("apps", "./apps/a", "")),
        ("clusters/b/flux-system/sync.yaml", boot("b")),
        ("clusters/b/apps.yaml", flux("apps", "./apps/b", "")),
        ("apps/a/map.yaml", map("app", "a")),
        ("apps/b/map.yaml", map("app", "b")),
    ]);
    let rendered = render(&tree);
    assert_eq!(rendered.clusters, ["clusters/a", "clusters/b"]);
    let apps: Vec<_> = rendered.apps.iter().filter(|app| app.id.name == "apps").collect();
    assert_eq!(apps.iter().map(|app| app.cluster).collect::<Vec<_>>(), [0, 1]);
    assert!(apps[1].objects[0].yaml.contains("key: b"));
    let one = Fleet::new(&tree).below("clusters/b").render(&mut Cache::default());
    assert_eq!(one.apps.len(), 2);
}

#[test]
fn releases_take_charts_and_values_from_the_repository() {
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: web}\nspec:\n  \
                   interval: 5m\n  targetNamespace: prod\n  chart: {spec: {chart: ./charts/web, sourceRef: {kind: \
                   GitRepository, name: fleet, namespace: flux-system}}}\n  valuesFrom: [{kind: ConfigMap, name: values}, \
                   {kind: ConfigMap, name: values, valuesKey: tag, targetPath: image.tag}]\n  values: {b: own}\n  \
                   postRenderers: [{kustomize: {patches: [{patch: \"- {op: add, path: /data/p, value: q}\", target: {kind: \
                   ConfigMap}}]}}]\n";
    let values = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: values, namespace: web}\ndata:\n  tag: v1\n  values.yaml: |\n    \
                  a: from\n    b: from\n";
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ .Release.Name }}\"}\ndata: {a: \"{{ .Values.a }}\", b: \
                    \"{{ .Values.b }}\", c: \"{{ .Values.c }}\", t: \"{{ .Values.image.tag }}\"}\n";
    let tree = tree(&[
        ("c/root.yaml", flux("root", "./c", "")),
        ("c/release.yaml", release.to_owned()),
        ("c/values.yaml", values.to_owned()),
        ("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n".to_owned()),
        ("charts/web/values.yaml", "a: chart\nc: chart\nimage: {tag: none}\n".to_owned()),
        ("charts/web/templates/map.yaml", template.to_owned()),
    ]);
    let rendered = render(&tree);
    assert_eq!(errors(&rendered), [""; 0]);
    let object = &app(&rendered, "web").objects[0];
    assert_eq!(object.id.to_string(), "ConfigMap/prod/prod-web");
    for wanted in ["a: from", "b: own", "c: chart", "t: v1", "p: q", "helm.toolkit.fluxcd.io/name: web"] {
        assert!(object.yaml.contains(wanted), "{wanted} is not in\n{}", object.yaml);
    }
}

#[test]
fn artifacts_of_other_controllers_are_named_and_not_looked_for_here() {
    let artifact = flux("apps", "./production", "").replace("GitRepository", "ExternalArtifact");
    let tree = tree(&[("c/root.yaml", flux("root", "./c", "")), ("c/apps.yaml", artifact)]);
    let rendered = render(&tree);
    assert_eq!(errors(&rendered), [""; 0]);
    let gaps: Vec<String> = rendered.all_gaps().map(|(_, gap)| gap.to_string()).collect();
    assert!(
        gaps[0].starts_with(
            "c/apps.yaml:8:14: warning: ExternalArtifact/flux-system/fleet is made in the cluster"
        ),
        "{gaps:?}"
    );
}

fn generator(artifacts: &str) -> String {
    format!(
        "apiVersion: source.extensions.fluxcd.io/v1beta1\nkind: ArtifactGenerator\nmetadata: {{name: parts, namespace: flux-system}}\n\
         spec:\n  sources: [{{alias: repo, kind: GitRepository, name: fleet}}]\n  artifacts:\n{artifacts}"
    )
}

#[test]
fn artifacts_that_a_generator_makes_are_put_together() {
    let reads = |name: &str, artifact: &str, path: &str| {
        flux(name, path, "").replace(
            "{kind: GitRepository, name: fleet}",
            &format!("{{kind: ExternalArtifact, name: {artifact}}}"),
        )
    };
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: flux-system}\nspec:\n  \
                   interval: 5m\n  chartRef: {kind: ExternalArtifact, name: chart}\n  values: {a: own}\n";
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: \"{{ .Values.a }}\", b: \"{{ .Values.b }}\"}\n";
    let artifacts = "  - name: apps\n    copy:\n    - {from: '@repo/apps/base/**', to: '@artifact/base/'}\n    - {from: \
                     '@repo/apps/prod/**', to: '@artifact/prod/', exclude: ['*.md']}\n  - name: chart\n    copy:\n    - {from: \
                     '@repo/charts/web/**', to: '@artifact/'}\n    - {from: '@repo/prod-values.yaml', to: \
                     '@artifact/values.yaml', strategy: Merge}\n";
    let mut tree = tree(&[
        ("c/root.yaml", flux("root", "./c", "")),
        // What reads an artifact may stand before what makes it, and be applied by another.
        ("c/apps.yaml", reads("apps", "apps", "./prod")),
        ("c/parts.yaml", flux("parts", "./parts", "")),
        ("c/web.yaml", release.to_owned()),
        ("c/lost.yaml", reads("lost", "ap", "./prod")),
        ("parts/generator.yaml", generator(artifacts)),
        ("apps/base/map.yaml", map("base", "one")),
        ("apps/base/kustomization.yaml", "resources: [map.yaml]\n".to_owned()),
        ("apps/prod/kustomization.yaml", "resources: [../base, nested.yaml]\nnamePrefix: prod-\n".to_owned()),
        ("apps/prod/nested.yaml", flux("nested", "./nested", "")),
        ("apps/prod/README.md", "words\n".to_owned()),
        ("nested/map.yaml", map("nested", "one")),
        ("prod-values.yaml", "b: prod\n".to_owned()),
        ("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n".to_owned()),
        ("charts/web/values.yaml", "a: chart\nb: chart\n".to_owned()),
        ("charts/web/templates/map.yaml", template.to_owned()),
    ]);
    let mut cache = Cache::default();
    let rendered = Fleet::new(&tree).render(&mut cache);
    assert_eq!(errors(&rendered), [""; 0]);
    let gaps: Vec<String> = rendered.all_gaps().map(|(_, gap)| gap.to_string()).collect();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert!(gaps[0].contains("ExternalArtifact/flux-system/ap is made in the cluster"), "{gaps:?}");
    let objects = &app(&rendered, "apps").objects;
    assert_eq!(objects[0].id.to_string(), "ConfigMap/flux-system/prod-base");
    assert_eq!(&*objects[0].place, "apps/base/map.yaml:1:1", "as in the repository");
    assert_eq!(&*app(&rendered, "prod-nested").place, "apps/prod/nested.yaml:1:1");
    assert!(app(&rendered, "web").objects[0].yaml.contains("a: own\n  b: prod\n"));

    // Only what reads a changed file is rendered again.
    tree.add_file("apps/base/map.yaml", map("base", "two")).unwrap();
    let again = Fleet::new(&tree).render(&mut cache);
    assert!(app(&again, "apps").objects[0].yaml.contains("key: two"));
    let (hits, misses) = cache.hits_and_misses();
    assert!(misses <= 2 && hits >= 4, "{hits} {misses}");
    let findings = Fleet::new(&tree).validate();
    let unread = findings.findings.iter().filter(|finding| finding.rule == "unread-file");
    let unread: Vec<String> = unread.map(|finding| finding.gap.to_string()).collect();
    assert!(
        !unread.iter().any(|text| text.starts_with("apps/") || text.starts_with("prod-values")),
        "{unread:?}"
    );
}

#[test]
fn a_generator_beside_roots_is_applied_with_them() {
    let artifact =
        flux("apps", "./", "").replace("GitRepository, name: fleet", "ExternalArtifact, name: apps");
    let rules = |folder: &str| {
        generator(&format!(
            "  - name: apps\n    copy: [{{from: '@repo/apps/{folder}/**', to: '@artifact/'}}]\n"
        ))
    };
    let tree = tree(&[
        ("clusters/a/apps.yaml", artifact.clone()),
        ("clusters/a/parts.yaml", rules("a")),
        ("clusters/b/apps.yaml", artifact),
        ("clusters/b/parts.yaml", rules("b")),
        (
            "clusters/b/source.yaml",
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: fleet, namespace: flux-system}\nspec: \
             {url: 'https://git.example.org/fleet'}\n"
                .to_owned(),
        ),
        ("apps/a/map.yaml", map("a", "one")),
        ("apps/b/map.yaml", map("b", "one")),
    ]);
    let rendered = render(&tree);
    assert_eq!(rendered.all_gaps().count(), 0);
    let names: Vec<&str> = rendered.apps.iter().map(|app| app.objects[0].id.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn a_generator_that_makes_nothing_is_refused_with_its_rule() {
    let artifact = flux("apps", "./production", "")
        .replace("GitRepository, name: fleet", "ExternalArtifact, name: apps");
    let rules = "  - name: apps\n    copy: [{from: '@repo/none/**', to: '@artifact/'}]\n";
    let tree = tree(&[
        ("c/root.yaml", flux("root", "./c", "")),
        ("c/apps.yaml", artifact),
        ("c/parts.yaml", generator(rules)),
    ]);
    let found = errors(&render(&tree));
    assert_eq!(
        found,
        [
            "c/parts.yaml:1:1: error: failed to apply copy operation from '@repo/none/**' to '@artifact/': no files match pattern \
          'none/**' in source 'repo'"
        ]
    );
}

#[test]
fn what_is_put_away_begins_nothing_and_what_sources_leave_out_is_not_applied() {
    let tree = tree(&[
        ("root.yaml", flux("root", "./", "")),
        (".archive/old.yaml", flux("old", "./gone", "")),
        (".github/workflow.yaml", "name: build\n".to_owned()),
        (".sops.yaml", "creation_rules: []\n".to_owned()),
        ("a/map.yaml", map("a", "one")),
    ]);
    let rendered = render(&tree);
    let old = rendered.apps.iter().find(|app| app.id.name == "old").unwrap();
    assert_eq!(old.parent, Some(0), "the root's path leads to it");
    assert!(app(&rendered, "root").gaps.is_empty(), "{:?}", app(&rendered, "root").gaps);
    let mut tree = tree.clone();
    tree.add_file("root.yaml", flux("root", "./a", "")).unwrap();
    assert_eq!(render(&tree).apps.len(), 1);
    tree.add_file(".sourceignore", "/a/more/\n").unwrap();
    tree.add_file("a/more/map.yaml", "no: object\n").unwrap();
    assert_eq!(errors(&render(&tree)), [""; 0]);
    // One that is named is looked at.
    assert_eq!(Fleet::new(&tree).below(".archive").render(&mut Cache::default()).apps.len(), 1);
}

#[test]
fn roots_may_refer_to_themselves() {
    let root = flux("root", "./a", "").replace("name: root,", "name: &name root, labels: {app: *name},");
    let tree = tree(&[
        ("c/root.yaml", root + "  commonMetadata: {labels: {app: *name}}\n"),
        ("a/map.yaml", map("a", "one")),
    ]);
    let rendered = render(&tree);
    assert_eq!(errors(&rendered), [""; 0]);
    assert!(app(&rendered, "root").objects[0].yaml.contains("app: root"));
}
