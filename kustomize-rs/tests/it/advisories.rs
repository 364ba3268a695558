//! One test for each class of advisory about the peers that a build of strangers' files could belong to.

use gitops_core::tree::MemTree;
use kustomize_rs::{Build, ChartInflator, ChartRequest, Error, ErrorKind, LoadRestrictions, Options};

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

fn tree(files: &[(&str, &str)]) -> MemTree {
    let mut tree = MemTree::new();
    for (path, text) in files {
        tree.add_file(path, text).expect("a file");
    }
    tree
}

#[track_caller]
fn refused(tree: &MemTree, kind: ErrorKind) -> Error {
    let error = Build::new(tree).run("app").expect_err("a refusal");
    assert_eq!(error.kind(), kind, "{error}");
    error
}

/// Flux CVE-2022-24877, Argo CD CVE-2022-24730: every field that names a file or a directory.
#[test]
fn no_field_reaches_out_of_the_tree_by_its_path() {
    for entry in [
        "resources: [PATH]",
        "components: [PATH]",
        "bases: [PATH]",
        "crds: [PATH]",
        "configurations: [PATH]",
        "generators: [PATH]",
        "transformers: [PATH]",
        "validators: [PATH]",
        "patches: [{path: PATH}]",
        "patchesStrategicMerge: [PATH]",
        "patchesJson6902: [{target: {version: v1, kind: ConfigMap, name: a}, path: PATH}]",
        "replacements: [{path: PATH}]",
        "openapi: {path: PATH}",
        "configMapGenerator: [{name: b, files: [PATH]}]",
        "configMapGenerator: [{name: b, files: [key=PATH]}]",
        "configMapGenerator: [{name: b, envs: [PATH]}]",
        "secretGenerator: [{name: b, files: [PATH]}]",
        "secretGenerator: [{name: b, env: PATH}]",
    ] {
        for path in ["../../etc/passwd", "/etc/passwd", "a/../../../etc/passwd", "./../../x/"] {
            for restrictions in [LoadRestrictions::RootOnly, LoadRestrictions::None] {
                let text = format!("resources: [map.yaml]\n{}\n", entry.replace("PATH", path));
                let text = if entry.starts_with("resources") { entry.replace("PATH", path) } else { text };
                let tree = tree(&[("app/kustomization.yaml", &text), ("app/map.yaml", MAP)]);
                let mut options = Options::default();
                options.load_restrictions = restrictions;
                let built = Build::new(&tree).options(options).run("app");
                assert!(built.is_err(), "{text}");
            }
        }
    }
}

struct NoCharts;

impl ChartInflator for NoCharts {
    fn inflate(&self, request: &ChartRequest) -> Result<String, String> {
        Ok(MAP.replace("name: a", &format!("name: {}", request.name)))
    }
}

/// Argo CD CVE-2022-24348, -24904: files of values and charts.
#[test]
fn no_chart_takes_values_from_outside() {
    let build = |entry: &str| {
        let tree = tree(&[
            ("app/kustomization.yaml", &format!("helmCharts: [{entry}]\n")),
            ("app/charts/c/Chart.yaml", "name: c\n"),
            ("app/charts/c/values.yaml", ""),
            ("app/inside.yaml", ""),
            ("secret.yaml", "password: hunter2\n"),
        ]);
        Build::new(&tree).charts(&NoCharts).run("app").map(|output| output.resources().len())
    };
    assert_eq!(build("{name: c, valuesFile: inside.yaml}").expect("a chart"), 1);
    for path in ["../secret.yaml", "/secret.yaml", "../../../etc/passwd", "charts/../../secret.yaml"] {
        for entry in [
            format!("{{name: c, valuesFile: {path}}}"),
            format!("{{name: c, additionalValuesFiles: [{path}]}}"),
            format!("{{name: c, valuesFile: inside.yaml, additionalValuesFiles: [inside.yaml, {path}]}}"),
        ] {
            let error = build(&entry).expect_err("a refusal");
            assert_eq!(error.kind(), ErrorKind::Restricted, "{entry}: {error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
    assert!(build("{name: c, releaseName: r, chartHome: ../../..}").is_err());
    // A chart of a fetched base is one of its repository.
    let mut tree = tree(&[
        ("app/kustomization.yaml", "resources: ['https://h/o/r']\n"),
        ("app/charts/c/Chart.yaml", "name: c\n"),
        ("app/charts/c/values.yaml", ""),
    ]);
    tree.add_file("r/kustomization.yaml", "helmCharts: [{name: c, chartHome: ../app/charts}]\n")
        .expect("a file");
    let mut options = Options::default();
    options.remotes.insert("https://h/o/r".to_owned(), "r".to_owned());
    let error = Build::new(&tree).options(options).charts(&NoCharts).run("app").expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Restricted, "{error}");
}

/// Flux CVE-2022-24877, Argo CD CVE-2022-24731: links of files, of directories, and of what a link leads to.
#[test]
fn no_link_reaches_out_of_the_kustomization() {
    let base = [
        ("app/kustomization.yaml", "resources: [link.yaml]\n"),
        ("secret.yaml", MAP),
        ("other/secret.yaml", MAP),
    ];
    for (link, target) in [
        ("app/link.yaml", "../secret.yaml"),
        ("app/link.yaml", "/secret.yaml"),
        ("app/link.yaml", "../../../../etc/passwd"),
        ("app/link.yaml", "inner"),
    ] {
        let mut tree = tree(&base);
        tree.add_link("app/inner", "../other/secret.yaml").expect("a link");
        tree.add_link(link, target).expect("a link");
        assert!(Build::new(&tree).run("app").is_err(), "{target}");
    }
    let mut tree =
        tree(&[("app/kustomization.yaml", "configMapGenerator: [{name: b, files: [dir/secret.yaml]}]\n")]);
    tree.add_file("other/secret.yaml", MAP).expect("a file");
    tree.add_link("app/dir", "../other").expect("a link");
    let error = refused(&tree, ErrorKind::Restricted);
    assert!(error.to_string().contains("is not in or below 'app'"), "{error}");
}

/// Flux CVE-2022-24878: circles through resources, components and links.
#[test]
fn circles_end() {
    for (field, kind) in [("resources", ""), ("components", "kind: Component\n")] {
        let app = format!("{field}: [../b]\n");
        let b = format!("{kind}{field}: [../app]\n");
        let tree = tree(&[("app/kustomization.yaml", &app), ("b/kustomization.yaml", &b)]);
        refused(&tree, ErrorKind::Cycle);
    }
    let mut linked = tree(&[("app/kustomization.yaml", "resources: [here]\n")]);
    linked.add_link("app/here", ".").expect("a link");
    refused(&linked, ErrorKind::Cycle);
    let mut links = tree(&[("app/kustomization.yaml", "resources: [a]\n")]);
    links.add_link("app/a", "b").expect("a link");
    links.add_link("app/b", "a").expect("a link");
    assert!(Build::new(&links).run("app").is_err());
}

/// Flux CVE-2022-24878: kustomizations that double at every level are bounded by what they make, which is refused as
/// soon as one object comes twice.
#[test]
fn a_build_that_doubles_at_every_level_ends() {
    let mut tree = tree(&[("n30/kustomization.yaml", "resources: [map.yaml]\n"), ("n30/map.yaml", MAP)]);
    for n in 0..30 {
        let text = format!("resources: [../n{0}, ../n{0}]\n", n + 1);
        let path =
            if n == 0 { "app/kustomization.yaml".to_owned() } else { format!("n{n}/kustomization.yaml") };
        tree.add_file(&path, text).expect("a file");
    }
    refused(&tree, ErrorKind::Duplicate);
}

/// Flux CVE-2021-41254: nothing of a repository becomes a command.
#[test]
fn programs_and_containers_are_refused_by_name() {
    for function in [
        "config.kubernetes.io/function: \"exec: {path: ./run.sh}\"",
        "config.kubernetes.io/function: \"container: {image: example.org/run}\"",
        "other: none",
    ] {
        for field in ["generators", "transformers", "validators"] {
            for alpha in [false, true] {
                let plugin = format!(
                    "apiVersion: someteam.example.com/v1\nkind: Run\nmetadata:\n  name: run\n  annotations:\n    {function}\n"
                );
                let tree = tree(&[
                    ("app/kustomization.yaml", &format!("resources: [map.yaml]\n{field}: [plugin.yaml]\n")),
                    ("app/map.yaml", MAP),
                    ("app/plugin.yaml", &plugin),
                    ("app/run.sh", "#!/bin/sh\n"),
                ]);
                let mut options = Options::default();
                options.alpha_plugins = alpha;
                let error = Build::new(&tree).options(options).run("app").expect_err("a refusal");
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
                assert!(error.to_string().contains("'Run"), "{error}");
            }
        }
    }
}

/// go-yaml CVE-2019-11253 and Helm CVE-2022-36055: small texts that would grow.
#[test]
fn small_texts_do_not_grow_without_bound() {
    let mut bomb = format!("{MAP}data:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..30 {
        bomb.push_str(&format!("  a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", ")));
    }
    let dense = format!("{MAP}data: [{}1]\n", "1,".repeat(2_100_000));
    let tree_of = |kustomization: &str, map: &str| {
        tree(&[("app/kustomization.yaml", kustomization), ("app/map.yaml", map)])
    };
    assert!(Build::new(&tree_of("resources: [map.yaml]\n", &bomb)).run("app").is_err());
    assert!(Build::new(&tree_of("resources: [map.yaml]\n", &dense)).run("app").is_err());
    let operations = "resources: [map.yaml]\npatches: [{path: p.json, target: {kind: ConfigMap}}]\n";
    let mut patched = tree_of(operations, MAP);
    patched.add_file("app/p.json", format!("[{}1]", "1,".repeat(5 << 20))).expect("a file");
    assert!(
        Build::new(&patched)
            .run("app")
            .is_err_and(|error| error.to_string().contains("the patch is larger than"))
    );
    // An index of a list far beyond its end, to be created.
    for index in ["999999999", "18446744073709551615", "-1"] {
        let text = format!(
            "resources: [map.yaml]\nreplacements:\n- source: {{kind: ConfigMap, fieldPath: metadata.name}}\n  targets:\n  - \
             select: {{kind: ConfigMap}}\n    fieldPaths: [list.{index}]\n    options: {{create: true}}\n"
        );
        let map = format!("{MAP}list: [1]\n");
        if let Ok(output) = Build::new(&tree_of(&text, &map)).run("app") {
            assert!(output.to_yaml().expect("text").len() < 1_000, "{index}");
        }
    }
}

/// Flux CVE-2022-24878: what is small as a text and grows with every step, or for every resource.
#[test]
fn builds_make_no_more_than_they_may() {
    let text = "x".repeat(1_000);
    let large = "x".repeat(100_000);
    let map = |n: usize| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a{n}}}\ndata: {{k: {text}}}\n")
    };
    let one = map(0);
    let many: String = (0..1_000).map(|n| format!("---\n{}", map(n))).collect();
    let copies: String =
        (0..60).map(|n| format!("    - {{op: copy, from: /data, path: /data/x{n}}}\n")).collect();
    let into = |path: &str, options: &str| {
        format!(
            "- source: {{kind: ConfigMap, fieldPath: {path}}}\n  targets:\n  - select: {{kind: ConfigMap}}\n    fieldPaths: [{path}OF]\n    options: {options}\n"
        )
    };
    let nested: String =
        (0..60).map(|n| into("data", "{create: true}").replace("OF", &format!(".x{n}"))).collect();
    let doubled: String =
        (0..60).map(|_| into("data.k", "{delimiter: '-', index: 9}").replace("OF", "")).collect();
    for (what, kustomization, resources) in [
        ("copies of copies", format!("patches:\n- target: {{kind: ConfigMap}}\n  patch: |\n{copies}"), &one),
        ("a field within itself", format!("replacements:\n{nested}"), &one),
        ("a text that doubles", format!("replacements:\n{doubled}"), &one),
        (
            "a large patch for all",
            format!(
                "patches:\n- target: {{kind: ConfigMap}}\n  patch: |\n    apiVersion: v1\n    kind: ConfigMap\n    metadata: {{name: a}}\n    data: {{l: {large}}}\n"
            ),
            &many,
        ),
        (
            "a large operation for all",
            format!(
                "patches:\n- target: {{kind: ConfigMap}}\n  patch: |\n    - {{op: add, path: /data/l, value: {large}}}\n"
            ),
            &many,
        ),
        ("a large annotation", format!("commonAnnotations: {{a: {large}}}\n"), &many),
        ("a large label", format!("labels: [{{pairs: {{a: {large}}}}}]\n"), &many),
        ("a large prefix", format!("namePrefix: {large}\n"), &many),
        ("a large suffix", format!("nameSuffix: {large}\n"), &many),
        ("a large namespace", format!("namespace: {large}\n"), &many),
        (
            "one file under many keys",
            format!(
                "configMapGenerator: [{{name: g, files: [{}]}}]\n",
                (0..1_000).map(|n| format!("k{n}=large.txt, ")).collect::<String>()
            ),
            &one,
        ),
    ] {
        let kustomization = format!("resources: [map.yaml]\n{kustomization}");
        let tree = tree(&[
            ("app/kustomization.yaml", &kustomization),
            ("app/map.yaml", resources),
            ("app/large.txt", &large),
        ]);
        let mut options = Options::default();
        options.limits.made_bytes = 32 << 20;
        let Err(error) = Build::new(&tree).options(options).run("app") else { panic!("{what} was built") };
        assert!(error.to_string().contains("the limit"), "{what}: {error}");
    }
}
