//! Files that try to break a build: it refuses them in words and within bounds, and never panics.

use gitops_core::tree::MemTree;
use kustomize_rs::{Build, Error, ErrorKind};

fn build(files: &[(&str, &[u8])]) -> Result<String, Error> {
    let mut tree = MemTree::new();
    for (path, content) in files {
        tree.add_file(path, content).expect("a file");
    }
    Build::new(&tree).run("app").and_then(|output| output.to_yaml())
}

#[track_caller]
fn refuses(files: &[(&str, &[u8])], kind: ErrorKind, words: &[&str]) {
    let error = build(files).expect_err("a refusal");
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?}");
    }
}

#[test]
fn a_kustomization_that_includes_itself_through_three_others() {
    refuses(
        &[
            ("app/kustomization.yaml", b"resources: [../b]\n"),
            ("b/kustomization.yaml", b"resources: [../c]\n"),
            ("c/kustomization.yaml", b"components: [../d]\n"),
            ("d/kustomization.yaml", b"kind: Component\nresources: [../app]\n"),
        ],
        ErrorKind::Cycle,
        &["cycle detected", "d/kustomization.yaml:2:13", "'app'"],
    );
}

#[test]
fn kustomizations_that_include_each_other_without_end() {
    let mut files = Vec::new();
    for n in 0..200 {
        let text = format!("resources: [../n{}]\n", n + 1);
        files.push((if n == 0 { "app".to_owned() } else { format!("n{n}") }, text));
    }
    let files: Vec<_> =
        files.iter().map(|(path, text)| (format!("{path}/kustomization.yaml"), text)).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
    refuses(&files, ErrorKind::Cycle, &["levels deep"]);
}

#[test]
fn a_directory_where_a_file_is_wanted_and_the_other_way_round() {
    refuses(
        &[("app/kustomization.yaml", b"patches: [{path: dir}]\n"), ("app/dir/x", b"")],
        ErrorKind::NotFound,
        &["app/kustomization.yaml:1:18", "must resolve to a file"],
    );
    refuses(
        &[("app/kustomization.yaml", b"components: [file.yaml]\n"), ("app/file.yaml", b"a: b\n")],
        ErrorKind::NotFound,
        &["app/kustomization.yaml:1:14", "file is not directory"],
    );
}

#[test]
fn empty_files() {
    refuses(&[("app/kustomization.yaml", b"")], ErrorKind::Kustomization, &["kustomization.yaml is empty"]);
    refuses(&[("app/kustomization.yaml", b"# nothing\n")], ErrorKind::Kustomization, &["is empty"]);
    let built = build(&[("app/kustomization.yaml", b"resources: [a.yaml]\n"), ("app/a.yaml", b"")]);
    assert_eq!(built.expect("no resource is no error"), "");
}

#[test]
fn paths_and_links_that_lead_out() {
    let resource = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    refuses(
        &[("app/kustomization.yaml", b"resources: [../../../etc/passwd]\n")],
        ErrorKind::Restricted,
        &["app/kustomization.yaml:1:13", "../../../etc/passwd"],
    );
    refuses(
        &[("app/kustomization.yaml", b"resources: [../other/r.yaml]\n"), ("other/r.yaml", resource)],
        ErrorKind::Restricted,
        &["security; file 'other/r.yaml' is not in or below 'app'"],
    );
    let mut tree = MemTree::new();
    tree.add_file("app/kustomization.yaml", "resources: [link.yaml]\n").expect("a file");
    tree.add_file("other/r.yaml", resource).expect("a file");
    for target in ["../other/r.yaml", "/other/r.yaml", "link.yaml", "../../../../r.yaml"] {
        tree.remove("app/link.yaml");
        tree.add_link("app/link.yaml", target).expect("a link");
        let error = Build::new(&tree).run("app").expect_err("a refusal").to_string();
        assert!(error.contains("link.yaml"), "{error}");
    }
}

#[test]
fn a_bomb_of_aliases() {
    let mut text =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
            .to_owned();
    for n in 1..12 {
        let inner = vec![format!("*a{}", n - 1); 10].join(", ");
        text.push_str(&format!("a{n}: &a{n} [{inner}]\n"));
    }
    let files = [("app/kustomization.yaml", &b"resources: [a.yaml]\n"[..]), ("app/a.yaml", text.as_bytes())];
    let error = build(&files).expect_err("a refusal").to_string();
    assert!(error.contains("excessive aliasing") || error.contains("alias"), "{error}");
}

#[test]
fn nesting_of_10_000_levels() {
    let deep = format!(
        "apiVersion: v1\nkind: X\nmetadata: {{name: a}}\nspec: {}{}\n",
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let files = [("app/kustomization.yaml", &b"resources: [a.yaml]\n"[..]), ("app/a.yaml", deep.as_bytes())];
    build(&files).expect_err("a refusal");
    let deep = format!("resources: {}{}\n", "[".repeat(10_000), "]".repeat(10_000));
    build(&[("app/kustomization.yaml", deep.as_bytes())]).expect_err("a refusal");
    let deep: String = (0..10_000).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    build(&[("app/kustomization.yaml", deep.as_bytes())]).expect_err("a refusal");
}

#[test]
fn bytes_that_are_no_text() {
    let error = build(&[("app/kustomization.yaml", b"resources: [\xff\xfe]\n")]).expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Syntax, "{error}");
    let files =
        [("app/kustomization.yaml", &b"resources: [a.yaml]\n"[..]), ("app/a.yaml", &b"kind: \xc3\x28\n"[..])];
    let error = build(&files).expect_err("a refusal").to_string();
    assert!(error.contains("app/a.yaml:1:7: "), "{error}");
    let made = build(&[
        ("app/kustomization.yaml", b"configMapGenerator: [{name: a, files: [b.bin]}]\n"),
        ("app/b.bin", b"\xff\x00"),
    ]);
    assert!(made.expect("bytes are data").contains("binaryData:\n  b.bin: /wA="));
}

/// Upstream ends with a panic here.
#[test]
fn two_objects_that_end_up_with_one_name_are_refused_in_any_order() {
    let files = |order: &str| {
        let text = format!(
            "sortOptions: {{order: {order}}}\nresources: [a.yaml]\nreplacements:\n- source: {{kind: ConfigMap, name: a, fieldPath: \
             metadata.name}}\n  targets:\n  - select: {{kind: ConfigMap, name: b}}\n    fieldPaths: [metadata.name]\n"
        );
        let maps = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n";
        [("app/kustomization.yaml", text.into_bytes()), ("app/a.yaml", maps.as_bytes().to_vec())]
    };
    for order in ["fifo", "legacy"] {
        let files = files(order);
        let files = files.each_ref().map(|(path, text)| (*path, text.as_slice()));
        let words = "may not add resource with an already registered id: ConfigMap.v1.[noGrp]/a.[noNs]";
        refuses(&files, ErrorKind::Duplicate, &[words]);
    }
}

#[test]
fn slips_are_answered_with_what_was_meant() {
    refuses(
        &[("app/kustomization.yaml", b"resources: [deploymnet.yaml]\n"), ("app/deployment.yaml", b"")],
        ErrorKind::NotFound,
        &[
            "app/kustomization.yaml:1:13",
            "accumulating resources from 'deploymnet.yaml'",
            "did you mean 'app/deployment.yaml'?",
        ],
    );
    refuses(
        &[("app/kustomization.yaml", b"namePrefx: a\n")],
        ErrorKind::Kustomization,
        &["app/kustomization.yaml:1:1", "json: unknown field \"namePrefx\"", "did you mean \"namePrefix\"?"],
    );
}

#[test]
fn a_missing_file_is_answered_with_files_that_nothing_uses() {
    refuses(
        &[
            ("app/kustomization.yaml", b"resources: [used.yaml]\npatches: [{path: deployment.yaml}]\n"),
            ("app/used.yaml", b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
            ("app/ingress.yaml", b""),
            ("app/sub/other.yaml", b""),
        ],
        ErrorKind::NotFound,
        &[
            "app/kustomization.yaml:2:18",
            "no such file or directory: 'app/deployment.yaml'; in 'app' the kustomization does not use ingress.yaml",
        ],
    );
}

const TWO: &[u8] = b"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n---\n\
    apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: worker}\n";

#[test]
fn patches_that_match_nothing_are_answered_with_what_there_is() {
    let gone = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: wrker}\n";
    for field in ["patches: [{path: p.yaml}]", "patchesStrategicMerge: [p.yaml]"] {
        let text = format!("resources: [two.yaml]\n{field}\n");
        refuses(
            &[
                ("app/kustomization.yaml", text.as_bytes()),
                ("app/two.yaml", TWO),
                ("app/p.yaml", gone.as_bytes()),
            ],
            ErrorKind::Patch,
            &[
                "app/p.yaml:1:1: no matches for Id Deployment.v1.apps/wrker.[noNs]",
                "; the build has of kind Deployment: Deployment.v1.apps/worker (app/two.yaml:5:1), \
                 Deployment.v1.apps/web (app/two.yaml:1:1)",
            ],
        );
    }
}

#[test]
fn ten_patches_whose_targets_vanish() {
    let mut text = "resources: [two.yaml]\npatches:\n".to_owned();
    for n in 0..10 {
        text.push_str(&format!(
            "- target: {{kind: Deployment, name: gone-{n}}}\n  patch: '- {{op: remove, path: /spec}}'\n"
        ));
    }
    let mut tree = MemTree::new();
    tree.add_file("app/kustomization.yaml", &text).expect("a file");
    tree.add_file("app/two.yaml", TWO).expect("a file");
    let output = Build::new(&tree).run("app").expect("upstream builds it as well");
    assert_eq!(output.notes().len(), 10);
    assert_eq!(
        output.notes()[1],
        "app/kustomization.yaml:6:10: the target of this patch selects nothing; the build has of kind Deployment: \
         Deployment.v1.apps/web (app/two.yaml:1:1), Deployment.v1.apps/worker (app/two.yaml:5:1)"
    );
    // A patch that deletes its target, and nine more for what is gone then.
    let delete =
        "- patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, $patch: delete}'\n";
    let text = format!("resources: [two.yaml]\npatches:\n{}", delete.repeat(10));
    refuses(
        &[("app/kustomization.yaml", text.as_bytes()), ("app/two.yaml", TWO)],
        ErrorKind::Patch,
        &["app/kustomization.yaml:4:", "the build has of kind Deployment: Deployment.v1.apps/worker"],
    );
}

#[test]
fn one_scalar_of_100_megabytes() {
    let tree_refuses =
        MemTree::new().add_file("a", vec![b'x'; 100 << 20]).expect_err("more than a tree takes");
    assert!(tree_refuses.to_string().contains("limit"), "{tree_refuses}");
}

#[test]
fn patterns_that_are_no_patterns_or_cost_much() {
    let resource = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}\n";
    let patched = |pattern: &str| {
        let text = format!(
            "resources: [a.yaml]\npatches:\n- target: {{name: '{pattern}'}}\n  patch: |\n    - {{op: add, path: /data, value: {{}}}}\n"
        );
        build(&[("app/kustomization.yaml", text.as_bytes()), ("app/a.yaml", resource)])
    };
    patched("(a*)*(a*)*b").expect("a pattern that would take a backtracking matcher for ever");
    patched("(").expect_err("no pattern");
}

#[test]
fn mistakes_of_replacements_and_json_patches_are_told_with_their_place() {
    let map: (&str, &[u8]) = ("app/map.yaml", b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
    let refuses = |text: &str, kind, words: &[&str]| {
        refuses(&[("app/kustomization.yaml", text.as_bytes()), map], kind, words);
    };
    let text = "resources: [map.yaml]\nreplacements:\n- source: {kind: Secret}\n  targets: [{select: {kind: ConfigMap}}]\n";
    refuses(text, ErrorKind::Transform, &["app/kustomization.yaml:3:11: nothing selected by Secret"]);
    let text =
        "resources: [map.yaml]\nreplacements:\n- source: {kind: ConfigMap}\n  targets: [{fieldPaths: [a]}]\n";
    refuses(
        text,
        ErrorKind::Transform,
        &["app/kustomization.yaml:4:13: target must specify resources to select"],
    );
    let text = "resources: [map.yaml]\npatches:\n- target: {kind: ConfigMap}\n  patch: '[{op: remove, path: /data}]'\n";
    refuses(text, ErrorKind::Syntax, &["app/kustomization.yaml:4:10", "begins with '[' is read as JSON"]);
    refuses("", ErrorKind::Kustomization, &["app/kustomization.yaml:1:1: kustomization.yaml is empty"]);
}

#[test]
fn json_patches_with_wild_paths() {
    let resource = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nlist: [1]\n";
    for operation in [
        "{op: add, path: /list/99999999999999999999, value: 1}",
        "{op: add, path: /list/-9223372036854775808, value: 1}",
        "{op: add, path: '', value: 1}",
        "{op: remove, path: /nothing/here}",
        "{op: move, from: /metadata, path: /metadata/name/x}",
        "{op: copy, from: '', path: /list/-}",
        "{op: nonsense, path: /a}",
        "{op: test, path: /list/0}",
        "{}",
        "[]",
    ] {
        let text = format!(
            "resources: [a.yaml]\npatches:\n- target: {{kind: ConfigMap}}\n  patch: |\n    - {operation}\n"
        );
        // Whether it is refused is upstream's business; that it returns is ours.
        let _ = build(&[("app/kustomization.yaml", text.as_bytes()), ("app/a.yaml", resource)]);
    }
}

#[test]
fn a_plugin_that_is_not_built_in_is_named_by_its_kind() {
    refuses(
        &[
            ("app/kustomization.yaml", b"transformers: [shirt.yaml]\n"),
            ("app/shirt.yaml", b"apiVersion: wear.example.com/v1\nkind: Shirt\nmetadata: {name: red}\n"),
        ],
        ErrorKind::Unsupported,
        &["app/shirt.yaml:1:1", "external plugins disabled; unable to load external plugin 'Shirt'"],
    );
}
