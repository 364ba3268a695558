//! Remote bases and files: what a build asks for, and how it treats what the caller has put into the tree.

use gitops_core::tree::MemTree;
use kustomize_rs::{Build, Error, ErrorKind, Limits, Options, Output};

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

fn tree(files: &[(&str, &str)]) -> MemTree {
    let mut tree = MemTree::new();
    for (path, text) in files {
        tree.add_file(path, text).expect("a file");
    }
    tree
}

fn mounted(remotes: &[(&str, &str)]) -> Options {
    let mut options = Options::default();
    options.remotes = remotes.iter().map(|(url, path)| ((*url).to_owned(), (*path).to_owned())).collect();
    options
}

fn build(tree: &MemTree, remotes: &[(&str, &str)], path: &str) -> Result<Output, Error> {
    Build::new(tree).options(mounted(remotes)).run(path)
}

#[test]
fn all_that_a_kustomization_names_is_asked_for_at_once() {
    let tree = tree(&[
        (
            "app/kustomization.yaml",
            "resources: ['https://h/o/base?ref=v1', ../other, map.yaml]\n\
             components: ['git@h:o/c.git//x']\n\
             patches: [{path: 'https://h/p.yaml'}, {patch: 'a: https://h/no'}]\n\
             configMapGenerator: [{name: b, files: ['k=https://h/f'], envs: ['https://h/e']}]\n\
             crds: [https://h/crd.json]\n\
             transformers: [https://h/o/t]\n",
        ),
        ("app/map.yaml", MAP),
        ("other/kustomization.yaml", "bases: [github.com/o/r, 'https://h/o/base?ref=v1']\n"),
    ]);
    let mut asked = Build::new(&tree).remotes("app").expect("readable");
    asked.sort();
    assert_eq!(
        asked,
        [
            "git@h:o/c.git//x",
            "github.com/o/r",
            "https://h/crd.json",
            "https://h/e",
            "https://h/f",
            "https://h/o/base?ref=v1",
            "https://h/o/t",
            "https://h/p.yaml",
        ]
    );
}

#[test]
fn what_a_fetched_base_needs_is_asked_for_next() {
    let tree = tree(&[
        ("app/kustomization.yaml", "resources: [https://h/o/a//deploy]\n"),
        ("a/deploy/kustomization.yaml", "resources: [../map.yaml, https://h/o/b]\n"),
    ]);
    let options = mounted(&[("https://h/o/a//deploy", "a")]);
    let asked = Build::new(&tree).options(options).remotes("app").expect("readable");
    assert_eq!(asked, ["https://h/o/b"]);
    let url = "https://h/o/a//deploy";
    assert_eq!(Build::new(&tree).remotes(url).expect("a root may be remote"), [url]);
}

#[test]
fn a_build_says_which_url_it_needs_without_its_password() {
    let url = "https://bot:hunter2@h/o/a?ref=v1";
    let tree = tree(&[("app/kustomization.yaml", &format!("namePrefix: x-\nresources:\n- {url}\n"))]);
    let error = Build::new(&tree).run("app").expect_err("a need");
    assert_eq!((error.kind(), error.needed_remote()), (ErrorKind::Remote, Some(url)));
    let text = format!("{error} {error:?}");
    assert!(text.contains("app/kustomization.yaml:3:3") && text.contains("https://h/o/a?ref=v1"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn bases_files_patches_and_generators_are_taken_from_where_they_were_put() {
    let tree = tree(&[
        (
            "app/kustomization.yaml",
            "namePrefix: p-\nresources: ['https://h/o/r//base?ref=v1', 'https://h/m.yaml']\n\
             patches: [{path: 'https://h/p.yaml'}]\n\
             configMapGenerator: [{name: c, files: ['https://h/f.txt'], options: {disableNameSuffixHash: true}}]\n",
        ),
        ("r/base/kustomization.yaml", "resources: [../shared]\n"),
        ("r/shared/kustomization.yaml", "resources: [map.yaml]\n"),
        ("r/shared/map.yaml", MAP),
        ("web/m.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n"),
        ("web/p.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n"),
        ("web/f.txt", "text"),
    ]);
    let remotes = [
        ("https://h/o/r//base?ref=v1", "r"),
        ("https://h/m.yaml", "web/m.yaml"),
        ("https://h/p.yaml", "web/p.yaml"),
        ("https://h/f.txt", "web/f.txt"),
    ];
    let output = build(&tree, &remotes, "app").expect("a build").to_yaml().expect("text");
    for part in ["name: p-a\n", "k: v\n", "name: p-m\n", "f.txt: text\n"] {
        assert!(output.contains(part), "{part:?} is not in {output}");
    }
}

#[test]
fn a_repository_is_no_way_to_the_files_around_it() {
    let files = [
        ("app/kustomization.yaml", "resources: [https://h/o/r]\n"),
        ("secret.yaml", MAP),
        ("app/map.yaml", MAP),
    ];
    for inside in
        ["resources: [../secret.yaml]", "resources: [../app]", "components: [..]", "crds: [../app/map.yaml]"]
    {
        let mut tree = tree(&files);
        tree.add_file("r/kustomization.yaml", inside).expect("a file");
        let mut options = mounted(&[("https://h/o/r", "r")]);
        options.load_restrictions = kustomize_rs::LoadRestrictions::None;
        let error = Build::new(&tree).options(options).run("app").expect_err("a refusal");
        assert_eq!(error.kind(), ErrorKind::Restricted, "{inside}: {error}");
    }
    let mut tree = tree(&files);
    tree.add_file("r/kustomization.yaml", "resources: ['file:///srv/private.git']").expect("a file");
    let remotes = [("https://h/o/r", "r"), ("file:///srv/private.git", "app")];
    let error = build(&tree, &remotes, "app").expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Restricted, "{error}");
}

#[test]
fn repositories_that_include_each_other_are_a_cycle() {
    let tree = tree(&[
        ("a/kustomization.yaml", "resources: ['https://h/o/b']\n"),
        ("b/kustomization.yaml", "resources: ['https://h/o/a']\n"),
    ]);
    let remotes = [("https://h/o/a", "a"), ("https://h/o/b", "b")];
    let error = build(&tree, &remotes, "https://h/o/a").expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Cycle, "{error}");
    let words = "cycle detected: URI 'https://h/o/a' referenced by previous URI 'https://h/o/a'";
    assert!(error.to_string().contains(words), "{error}");
    // One directory of a repository may take another of the same repository by its URL.
    let tree = self::tree(&[
        ("r/a/x/kustomization.yaml", "resources: ['https://h/o/r//b']\n"),
        ("r/b/kustomization.yaml", "resources: [../a]\n"),
        ("r/a/kustomization.yaml", "resources: [map.yaml]\n"),
        ("r/a/map.yaml", MAP),
    ]);
    let remotes = [("https://h/o/r//a/x", "r"), ("https://h/o/r//b", "r")];
    assert_eq!(build(&tree, &remotes, "https://h/o/r//a/x").expect("a build").resources().len(), 1);
}

#[test]
fn the_forced_prefix_of_git_is_warned_about_once() {
    let url = "git::https://h/o/r";
    let tree = tree(&[
        ("app/kustomization.yaml", &format!("resources: ['{url}', '{url}//b']\n")),
        ("r/kustomization.yaml", "resources: [map.yaml]\n"),
        ("r/map.yaml", MAP),
        ("r/b/kustomization.yaml", "resources: [map.yaml]\n"),
        ("r/b/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n"),
    ]);
    let output = build(&tree, &[(url, "r"), ("git::https://h/o/r//b", "r")], "app").expect("a build");
    assert_eq!(output.warnings().len(), 1, "{:?}", output.warnings());
    assert!(output.warnings()[0].contains("Please remove the 'git::' prefix"));
}

/// Flux CVE-2022-24878: bases that double at every level, and make nothing that would collide.
#[test]
fn bases_that_double_and_make_nothing_are_counted() {
    let mut tree = tree(&[("n40/kustomization.yaml", "namePrefix: x-\n")]);
    for n in 0..40 {
        let path = if n == 0 { "app".to_owned() } else { format!("n{n}") };
        let text = format!("resources: [../n{0}, ../n{0}]\n", n + 1);
        tree.add_file(&format!("{path}/kustomization.yaml"), text).expect("a file");
    }
    let mut options = Options::default();
    options.limits = Limits::default();
    options.limits.kustomizations = 500;
    let error = Build::new(&tree).options(options.clone()).run("app").expect_err("a refusal");
    assert!(error.to_string().contains("more than 500 kustomizations are included"), "{error}");
    assert!(Build::new(&tree).options(options).remotes("app").is_err());
    assert!(Build::new(&tree).run("app").is_err());
}
