//! `gitops install`, as far as it needs no cluster.

use std::process::Command;

fn export(flags: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_gitops"))
        .args(["install", "--export"])
        .args(flags)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn exports_a_namespace_and_every_definition() {
    let text = export(&["--namespace", "gitops"]);
    assert_eq!(text.matches("---\n").count(), 16);
    assert!(text.starts_with("---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: gitops\n"));
    assert_eq!(text.matches("storage: true").count(), 15);
    assert!(!text.contains("deprecated: true"));
    assert!(export(&["--all-versions"]).contains("deprecated: true"));
}

#[test]
fn a_kubeconfig_that_is_not_there_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_gitops"))
        .args(["install", "--kubeconfig", "/nonexistent/kubeconfig"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nonexistent/kubeconfig"));
}
