//! Completion: names of a cluster's objects, and the scripts in real shells.

use crate::cluster::Embedded;
use std::path::Path;
use std::process::{Command, Stdio};

const FLEET: &str = "
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: podinfo, namespace: flux-system}
spec: {interval: 10m, prune: true, sourceRef: {kind: GitRepository, name: podinfo}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: web, namespace: apps}
spec: {interval: 10m, prune: true, sourceRef: {kind: GitRepository, name: podinfo}}
";

#[test]
fn names_come_from_the_cluster() {
    let embedded = Embedded::start("completion");
    embedded.apply(FLEET);
    let kubeconfig = embedded.kubeconfig();
    let names = |kubeconfig: &Path, line: &str| {
        let done = Command::new(env!("CARGO_BIN_EXE_gitops"))
            .args(["completion", "names", "--"])
            .args(line.split(' '))
            .env("KUBECONFIG", kubeconfig)
            .output()
            .unwrap();
        assert!(done.status.success() && done.stderr.is_empty(), "{line}: {done:?}");
        String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    for (line, wanted) in [
        ("get kustomizations ", &["podinfo"][..]),
        ("get ks po", &["podinfo"]),
        ("get ks x", &[]),
        ("suspend -n apps kustomization ", &["web"]),
        ("get ks -n ap", &["apps"]),
        ("get sources git ", &[]),
        ("get ks --timeout ", &[]),
    ] {
        assert_eq!(names(&kubeconfig, line), wanted, "{line}");
    }
    // Where there is no cluster, or nobody answers, there is nothing to say.
    assert_eq!(names(Path::new("/nonexistent/kubeconfig"), "get ks "), [""; 0]);

    let Ok(_) = Command::new("bash").arg("--version").stdout(Stdio::null()).status() else {
        eprintln!("skipped: bash is not installed");
        return;
    };
    let script = r#"
source <("$GITOPS" completion bash)
gitops() { "$GITOPS" "$@"; }
try() {
    read -ra COMP_WORDS <<< "$1"
    [[ "$1" == *' ' ]] && COMP_WORDS+=('')
    COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 )) COMPREPLY=()
    _gitops_with_names gitops "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
    echo "${COMPREPLY[*]}"
}
try "gitops reconc"
try "gitops get kustomizations "
try "gitops get ks --show-s"
"#;
    let done = Command::new("bash")
        .args(["--norc", "-c", script])
        .env("GITOPS", env!("CARGO_BIN_EXE_gitops"))
        .env("KUBECONFIG", &kubeconfig)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert_eq!(said, "reconcile\npodinfo\n--show-source\n", "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn each_shell_has_a_script() {
    for (shell, wanted) in [
        ("bash", "complete -F _gitops_with_names"),
        ("zsh", ":_gitops_names'"),
        ("fish", "complete -c gitops -a '(__gitops_names)'"),
        ("elvish", "edit:completion:arg-completer[gitops]"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let done = Command::new(env!("CARGO_BIN_EXE_gitops")).args(["completion", shell]).output().unwrap();
        assert!(done.status.success() && String::from_utf8_lossy(&done.stdout).contains(wanted), "{shell}");
    }
    let done = Command::new(env!("CARGO_BIN_EXE_gitops")).args(["completion", "csh"]).output().unwrap();
    assert_eq!(done.status.code(), Some(2));
}
