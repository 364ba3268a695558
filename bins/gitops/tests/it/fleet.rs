//! `gitops render`, `diff`, `tree`, `graph` and `validate`, run as programs on repositories.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/fleet");

/// A copy of a folder for this test alone.
fn copy(name: &str, from: &Path) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fleet").join(name);
    let _ = fs::remove_dir_all(&folder);
    copy_below(from, &folder);
    // A repository of its own, so that the one around it is not looked at.
    fs::create_dir_all(folder.join(".git")).unwrap();
    folder
}

fn copy_below(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_below(&entry.path(), &target);
        } else {
            fs::write(target, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

fn gitops(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gitops")).args(arguments).current_dir(folder).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn replace(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(file, text.replace(from, to)).unwrap();
}

#[test]
fn everything_that_a_repository_applies_is_rendered() {
    let folder = copy("render", Path::new(EXAMPLE));
    let all = stdout(&gitops(&["render"], &folder));
    assert_eq!(all.matches("\nkind: ").count(), 19, "{all}");
    assert!(all.contains("kustomize.toolkit.fluxcd.io/name: apps-echo"));
    let one = stdout(&gitops(&["render", ".", "Deployment/echo/echo"], &folder));
    assert!(one.contains("replicas: 2") && !one.contains("kind: Service"));
    let unknown = gitops(&["render", ".", "Deployment/echo/ecko"], &folder);
    assert!(!unknown.status.success());
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("nothing in this fleet is called"));
    let strict = gitops(&["render", "--strict"], &folder);
    assert_eq!(strict.status.code(), Some(1), "the chart of ingress-nginx is elsewhere");
}

#[test]
fn a_cache_gives_the_same_and_follows_changes() {
    let folder = copy("cache", Path::new(EXAMPLE));
    let render = || stdout(&gitops(&["render", "--cache", "cache"], &folder));
    let first = render();
    assert_eq!(first, render());
    replace(&folder.join("k8s/apps/demo/echo/replicas.yaml"), "replicas: 2", "replicas: 7");
    let changed = render();
    assert!(changed.contains("replicas: 7"));
    assert_eq!(changed, stdout(&gitops(&["render"], &folder)));
}

#[test]
fn nested_apps_stand_in_the_tree_and_in_the_order_of_the_graph() {
    let folder = copy("tree", Path::new(EXAMPLE));
    let tree = stdout(&gitops(&["tree", "--compact"], &folder));
    let lines: Vec<&str> = tree.lines().collect();
    assert_eq!(lines[0], "GitRepository/flux-system/fleet");
    assert!(lines[1].starts_with("└── kustomization/flux-system/cluster-configuration"), "{tree}");
    assert!(tree.contains("│   └── kustomization/flux-system/apps-echo  ./k8s/apps/demo/echo"), "{tree}");
    let graph = stdout(&gitops(&["graph"], &folder));
    assert!(graph.contains(
        "3  kustomization/flux-system/apps-echo  after kustomization/flux-system/core-ingress-nginx"
    ));
    replace(
        &folder.join("k8s/clusters/demo/core/ingress-nginx.yaml"),
        "  interval: 5m\n",
        "  interval: 5m\n  dependsOn: [{name: apps-echo}]\n",
    );
    let graph = gitops(&["graph"], &folder);
    assert_eq!(graph.status.code(), Some(1));
    assert!(stdout(&graph).contains("cycle: "));
}

#[test]
fn a_diff_names_fields_and_where_their_values_stand() {
    let old = copy("diff-old", Path::new(EXAMPLE));
    let new = copy("diff-new", Path::new(EXAMPLE));
    let here = old.parent().unwrap();
    let same = gitops(&["diff", "diff-old", "diff-new"], here);
    assert_eq!((same.status.code(), stdout(&same).as_str()), (Some(0), "no changes\n"));
    replace(&new.join("k8s/apps/demo/echo/replicas.yaml"), "replicas: 2", "replicas: 3");
    replace(&new.join("k8s/apps/demo/echo/kustomization.yaml"), "LOG_LEVEL=info", "LOG_LEVEL=debug");
    fs::write(
        new.join("k8s/infrastructure/secret.yaml"),
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: flux-system}\nstringData: {password: hunter2}\n",
    )
    .unwrap();
    fs::remove_file(new.join("k8s/infrastructure/notifications/slack.yaml")).unwrap();
    let output = gitops(&["diff", "diff-old", "diff-new"], here);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    for wanted in [
        "spec.replicas: 2 -> 3\n      at k8s/apps/demo/echo/replicas.yaml:6:13",
        "data.LOG_LEVEL: info -> debug",
        "(was echo-settings-",
        "+ Secret/flux-system/s",
        "- Provider/flux-system/slack",
        "2 changed, 1 added, 1 removed in 2 apps",
    ] {
        assert!(text.contains(wanted), "{wanted} is not in\n{text}");
    }
    for format in ["text", "unified", "markdown", "json"] {
        let printed = stdout(&gitops(&["diff", "diff-old", "diff-new", "-o", format], here));
        assert!(!printed.contains("hunter2"), "{format} shows a secret");
    }
    let short = stdout(&gitops(&["diff", "diff-old", "diff-new", "-o", "markdown", "--limit", "900"], here));
    assert!(short.len() <= 900 && short.contains("more"), "{short}");
    replace(&new.join("k8s/apps/demo/echo/kustomization.yaml"), "replicas.yaml", "replicaz.yaml");
    let broken = gitops(&["diff", "diff-old", "diff-new"], here);
    assert_eq!(broken.status.code(), Some(2));
    assert!(stdout(&broken).contains("apps-echo can no longer be rendered"));
    assert_eq!(gitops(&["diff", "no-such-revision"], here).status.code(), Some(2));
}

#[test]
fn slips_are_found_with_their_place_and_remedy() {
    let folder = copy("validate", Path::new(EXAMPLE));
    assert_eq!(gitops(&["validate"], &folder).status.code(), Some(0));
    replace(
        &folder.join("k8s/apps/base/echo/ingress.yaml"),
        "ingressClassName: nginx",
        "ingressClass: nginx",
    );
    replace(&folder.join("k8s/apps/base/echo/deployment.yaml"), "name: echo-settings", "name: echo-setting");
    replace(&folder.join("k8s/clusters/demo/config/core.yaml"), "/demo/core", "/dmeo/core");
    replace(
        &folder.join("k8s/clusters/demo/apps/echo.yaml"),
        "toolkit.fluxcd.io/v1",
        "toolkit.fluxcd.io/v1beta1",
    );
    replace(
        &folder.join("k8s/apps/demo/echo/kustomization.yaml"),
        "flux-system:echo:tag",
        "flux-system:ecko:tag",
    );
    let output = gitops(&["validate"], &folder);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    for wanted in [
        "k8s/apps/base/echo/ingress.yaml:6:3: error: Ingress echo: .spec.ingressClass: field not declared in schema",
        "did you mean ingressClassName?",
        "no ConfigMap echo-setting in namespace echo",
        "k8s/clusters/demo/config/core.yaml:11:9: error: kustomization path not found: ./k8s/clusters/dmeo/core",
        "did you mean ./k8s/clusters/demo/core?",
        "k8s/clusters/demo/apps/echo.yaml:1:13: warning: Kustomization apps-echo: kustomize.toolkit.fluxcd.io/v1beta1",
        "did you mean echo?",
    ] {
        assert!(text.contains(wanted), "{wanted} is not in\n{text}");
    }
}

#[test]
fn every_slip_of_a_document_that_nobody_here_wrote_is_found() {
    let data = std::env::var_os("CONFORMANCE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"),
        PathBuf::from,
    );
    let from = data.join("../seed/how-to");
    if !from.is_dir() {
        println!("no how-to beside the recorded cases: skipped");
        return;
    }
    let folder = copy("how-to", &from);
    let text = stdout(&gitops(&["validate"], &folder));
    for wanted in [
        "no such file or directory: 'k8s/apps/demo/echo/deployment.yaml'",
        "unused file here: ingress.yaml",
        "did you mean ingressClassName?",
        "did you mean ./k8s/custers/demo/core?",
        "did you mean ./k8s/custers/demo/apps?",
        "k8s/custers/demo/apps/echo.yaml:1:1: warning: no Kustomization reads this file",
        "the quotes in argument `text=\"${MESSAGE}\"` stay in the value",
        "Kubernetes expands only $(MESSAGE)",
        "either defaultBackend or rules must be specified",
        "names no version",
        "spec.url is still a placeholder",
        "this source is pruned by config-infrastructure, which it feeds",
        "spec.validation has no effect any more",
        "the address looks as if a web page had hidden it",
        "the message template uses .Updated",
        "no ImagePolicy in namespace flux-system",
        "no $imagepolicy markers found",
        "has no secretRef",
        "data values are base64",
        "'patchesStrategicMerge' is deprecated",
        "it has no wait: true",
    ] {
        assert!(text.contains(wanted), "{wanted} is not in\n{text}");
    }
    let versions = text.lines().filter(|line| line.contains("[deprecated-version]")).count();
    assert_eq!(versions, 12, "{text}");
}

#[test]
fn a_field_is_explained_by_every_layer_that_set_it() {
    let folder = copy("explain", Path::new(EXAMPLE));
    copy_below(&Path::new(EXAMPLE).join("../charts"), &folder.join("charts"));
    fs::write(
        folder.join("k8s/clusters/demo/apps/web.yaml"),
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: web, namespace: flux-system}\n\
         spec:\n  path: ./k8s/web\n  interval: 5m\n  prune: true\n  sourceRef: {kind: GitRepository, name: fleet}\n  \
         postBuild: {substitute: {count: \"4\"}}\n",
    )
    .unwrap();
    fs::create_dir_all(folder.join("k8s/web")).unwrap();
    fs::write(
        folder.join("k8s/web/release.yaml"),
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: web}\nspec:\n  \
         interval: 5m\n  chart: {spec: {chart: ./charts/echo, sourceRef: {kind: GitRepository, name: fleet, namespace: \
         flux-system}}}\n  values:\n    replicaCount: ${count}\n",
    )
    .unwrap();
    let check = |object: &str, field: &str, wanted: &[&str]| {
        let output = gitops(&["explain", object, field], &folder);
        let text = stdout(&output);
        let lines: Vec<&str> = text.lines().skip(2).map(str::trim).collect();
        assert_eq!(lines, wanted, "{}", String::from_utf8_lossy(&output.stderr));
    };
    let overlay = "k8s/apps/demo/echo/kustomization.yaml";
    check(
        "Deployment/echo",
        "spec.replicas",
        &[
            &format!("set by    k8s/apps/demo/echo/replicas.yaml:6:13: 2  patch of {overlay}"),
            "overrides k8s/apps/base/echo/deployment.yaml:6:13: 1  file",
        ],
    );
    check(
        "Deployment/echo",
        "spec.template.spec.containers[name=echo].image",
        &[
            &format!("set by    {overlay}:16:13: registry.example.org/echo:1.1.0  images of {overlay}"),
            "overrides k8s/apps/base/echo/deployment.yaml:17:18: registry.example.org/echo:1.0.0  file",
        ],
    );
    check(
        "Deployment/echo",
        "metadata.namespace",
        &[
            "set by    k8s/apps/base/echo/kustomization.yaml:3:12: echo  namespace of k8s/apps/base/echo/kustomization.yaml",
        ],
    );
    check(
        "hr/web",
        "spec.values.replicaCount",
        &[
            "set by    k8s/clusters/demo/apps/web.yaml:9:35: 4  substitution of ${count} = 4 from postBuild.substitute of \
             kustomization/flux-system/web",
            "overrides k8s/web/release.yaml:8:19: ${count}  file",
        ],
    );
    check(
        "Deployment/web/web-echo",
        "spec.replicas",
        &[
            "set by    charts/echo/templates/deployment.yaml:8: 4  template",
            "from    k8s/clusters/demo/apps/web.yaml:9:35: 4  values entry replicaCount of helmrelease/web/web, by \
             substitution of ${count} = 4 from postBuild.substitute of kustomization/flux-system/web",
            "overrides k8s/web/release.yaml:8:19: ${count}  values entry replicaCount of helmrelease/web/web, by file",
            "overrides charts/echo/values.yaml:1:15: 1  default of the chart for replicaCount",
        ],
    );
    let near = gitops(&["explain", "Deployment/echo", "spec.replica"], &folder);
    assert!(String::from_utf8_lossy(&near.stderr).contains("did you mean spec.replicas?"));
}

#[test]
fn encrypted_values_are_opened_by_the_key_that_is_given() {
    let folder = copy("sops", Path::new(EXAMPLE));
    let sops =
        |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../controllers/tests/it/sops").join(name);
    fs::create_dir_all(folder.join("clusters/demo/keys")).unwrap();
    fs::copy(sops("secret.yaml"), folder.join("sealed.yaml")).unwrap();
    let keys = folder.join("sealed");
    fs::create_dir_all(&keys).unwrap();
    fs::rename(folder.join("sealed.yaml"), keys.join("secret.yaml")).unwrap();
    let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: sealed, namespace: flux-system}\n\
                spec: {interval: 5m, prune: true, path: ./sealed, sourceRef: {kind: GitRepository, name: flux-system}, decryption: \
                {provider: sops}}\n";
    fs::write(folder.join("clusters/demo/sealed.yaml"), flux).unwrap();
    let what = ["render", ".", "kustomization/sealed"];
    let without = gitops(&what, &folder);
    assert!(stdout(&without).contains("password: '**SOPS**'"), "{}", stdout(&without));
    assert!(String::from_utf8_lossy(&without.stderr).contains("sealed/secret.yaml"));
    let file = sops("test.agekey");
    let key = ["--sops-age-key-file", file.to_str().unwrap()];
    let with = gitops(&[&what[..], &key[..]].concat(), &folder);
    assert!(stdout(&with).contains("password: hunter2"), "{}", String::from_utf8_lossy(&with.stderr));
    let by_variable = Command::new(env!("CARGO_BIN_EXE_gitops"))
        .args(what)
        .env("SOPS_AGE_KEY_FILE", &file)
        .current_dir(&folder)
        .output();
    assert_eq!(by_variable.unwrap().stdout, with.stdout);
    for arguments in [&["validate"][..], &["validate", key[0], key[1]][..]] {
        let found = stdout(&gitops(arguments, &folder));
        assert!(!found.contains("Secret db stands in git in clear text"), "{found}");
    }
}

#[test]
fn fields_that_flux_does_not_have_are_found_where_they_stand() {
    let folder = copy("flux-fields", Path::new(EXAMPLE));
    replace(&folder.join("k8s/clusters/demo/apps/echo.yaml"), "prune:", "prun:");
    let old = folder.join("k8s/apps/demo/echo/kustomization.yaml");
    fs::write(&old, format!("{}commonLabels: {{a: b}}\n", fs::read_to_string(&old).unwrap())).unwrap();
    let found = stdout(&gitops(&["validate"], &folder));
    assert!(
        found.contains(
            ".spec.prun: field not declared in schema [unknown-field]\n  help: did you mean prune?"
        ),
        "{found}"
    );
    assert!(
        found.contains("k8s/apps/demo/echo/kustomization.yaml:")
            && found.contains("'commonLabels' is deprecated: use 'labels'"),
        "{found}"
    );
    assert!(!found.contains("\nnote: 'commonLabels'"), "each has a place: {found}");
}

#[test]
fn a_repository_within_another_is_seen_from_itself() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/fleet");
    let done =
        std::process::Command::new(env!("CARGO_BIN_EXE_gitops")).args(["tree", example]).output().unwrap();
    let shown = String::from_utf8_lossy(&done.stdout);
    assert!(shown.contains("kustomization/flux-system/apps-echo  ./k8s/apps/demo/echo\n"), "{done:?}");
    assert!(!String::from_utf8_lossy(&done.stderr).contains("path not found"), "{done:?}");
}
