//! `gitops migrate` on a folder.

use std::path::PathBuf;
use std::process::{Command, Output};

struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("gitops-migrate-{}-{name}", std::process::id()));
        std::fs::create_dir_all(folder.join("apps")).unwrap();
        Self(folder)
    }

    fn migrate(&self, flags: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gitops"));
        command.arg("migrate").arg("-f").arg(&self.0).args(flags);
        command.stdin(std::process::Stdio::null()).output().unwrap()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn files_become_todays_once_and_others_stay() {
    let files = Files::new("once");
    let old = "---\n# mine\napiVersion: image.toolkit.fluxcd.io/v1beta1\nkind: ImageRepository\nmetadata:\n  name: web\nspec:\n  image: web # kept\n";
    let chart = "apiVersion: {{ .Values.api }}\nkind: {{ .Values.kind }}\n";
    std::fs::write(files.0.join("apps/image.yaml"), old).unwrap();
    std::fs::write(files.0.join("apps/template.yaml"), chart).unwrap();
    let said = |done: &Output| String::from_utf8(done.stderr.clone()).unwrap();
    let tried = files.migrate(&["--dry-run"]);
    assert!(said(&tried).contains("image.yaml:3: ImageRepository v1beta1 -> v1\n"), "{}", said(&tried));
    let shown = String::from_utf8(tried.stdout).unwrap();
    assert!(
        shown.contains(
            "-apiVersion: image.toolkit.fluxcd.io/v1beta1\n+apiVersion: image.toolkit.fluxcd.io/v1\n"
        )
    );
    let read = |name: &str| std::fs::read_to_string(files.0.join(name)).unwrap();
    assert_eq!(read("apps/image.yaml"), old);
    // Nobody says yes.
    assert_eq!(files.migrate(&[]).status.code(), Some(1));
    assert_eq!(read("apps/image.yaml"), old);
    assert!(files.migrate(&["--yes"]).status.success());
    assert_eq!(read("apps/image.yaml"), old.replace("v1beta1", "v1"));
    assert_eq!(read("apps/template.yaml"), chart);
    let again = files.migrate(&["--yes"]);
    assert!(
        said(&again).ends_with("✔ no custom resources found that require migration\n"),
        "{}",
        said(&again)
    );
}
