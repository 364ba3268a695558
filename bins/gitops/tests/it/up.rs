//! `gitops up`: the example, folders and URLs, each to its end.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gitops-up-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    /// A repository with one cluster, which takes what lies below `apps`.
    fn fleet(name: &str) -> Self {
        let folder = Self::new(name);
        folder.write(
            "clusters/demo/apps.yaml",
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: fleet, namespace: flux-system}\n\
             spec: {interval: 5m, url: 'https://git.example.org/fleet', ref: {branch: main}}\n---\n\
             apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\n\
             spec: {interval: 5m, prune: true, path: ./apps, sourceRef: {kind: GitRepository, name: fleet}}\n",
        );
        folder.write(
            "apps/map.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: default}\n",
        );
        folder
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn git(&self, arguments: &[&str]) -> String {
        let done = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
            .args(arguments)
            .current_dir(&self.0)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    /// Commits all files; returns the commit's id.
    fn commit(&self) -> String {
        self.git(&["init", "-q", "-b", "main"]);
        self.git(&["add", "."]);
        self.git(&["commit", "-q", "-m", "one"]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn up(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_gitops"))
            .args(["up", "--exit-when-ready"])
            .args(arguments)
            .current_dir(&self.0)
            .output()
            .unwrap()
    }

    #[track_caller]
    fn comes_up(&self, arguments: &[&str]) -> String {
        let output = self.up(arguments);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{told}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn stays_down(&self, arguments: &[&str]) -> String {
        let output = self.up(arguments);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_example_comes_up_anywhere_and_without_a_network() {
    let folder = Folder::new("example");
    let output = folder.up(&[]);
    let told = String::from_utf8(output.stderr).unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}\n{shown}");
    assert!(shown.contains("13 of 13 ready"), "{shown}");
    assert!(
        shown.starts_with("✔ GitRepository/")
            && shown.contains("\n  ✔ Kustomization/flux-system/apps-echo: "),
        "what reads a source stands below it: {shown}"
    );
    assert!(shown.contains("HelmRelease/ingress-nginx/ingress-nginx: Helm install succeeded"), "{shown}");
    assert!(shown.contains("resolved to 1.2.0"), "{shown}");
    assert!(told.contains("pushed commit"), "{told}");
    let place = told.lines().next().unwrap().rsplit(' ').next().unwrap();
    assert!(!Path::new(place).exists(), "{place} is left behind");
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
}

#[test]
fn a_folder_stands_for_the_repository_less_what_git_ignores() {
    let folder = Folder::fleet("folder");
    folder.write(".gitignore", "# built\n/out\n*.log.yaml\n");
    folder.write("apps/broken.log.yaml", "{");
    folder.write(
        "out/apps.yaml",
        "kind: Kustomization\napiVersion: kustomize.toolkit.fluxcd.io/v1\nmetadata: {name: no}\n",
    );
    let shown = folder.comes_up(&["."]);
    assert!(shown.contains("ConfigMap/default/settings") && shown.contains("2 of 2 ready"), "{shown}");
}

#[test]
fn a_url_is_cloned_and_its_roots_read_it() {
    let folder = Folder::fleet("url");
    let commit = folder.commit();
    let url = format!("file://{}", folder.0.display());
    let shown = Folder::new("elsewhere").comes_up(&[&url, "--branch", "main", "--path", "clusters/demo"]);
    assert!(shown.contains(&format!("Applied revision: main@sha1:{}", commit.trim())), "{shown}");
}

#[test]
fn a_folder_that_is_a_repository_runs_its_commit_unless_told_otherwise() {
    let folder = Folder::fleet("commits");
    folder.write("notes.log", "committed although it is ignored\n");
    folder.write(".gitignore", "");
    folder.commit();
    folder.write(".gitignore", "*.log\n.*\n");
    let commit = folder.commit();
    folder.write(
        "apps/saved.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: saved, namespace: default}\n",
    );
    folder.write("apps/map.yaml", "{");
    let output = folder.up(&["."]);
    let (told, shown) =
        (String::from_utf8(output.stderr).unwrap(), String::from_utf8(output.stdout).unwrap());
    assert!(
        told.contains(&format!("running commit {} of", &commit[..8])) && told.contains(": one\n"),
        "{told}"
    );
    let uncommitted = "2 files are not committed and are not run: apps/map.yaml, apps/saved.yaml; ";
    assert!(told.contains(uncommitted) && told.contains("--worktree"), "{told}");
    assert!(shown.contains(&format!("Applied revision: main@sha1:{}", commit.trim())), "{shown}");
    assert!(shown.contains("2 of 2 ready") && !shown.contains("saved"), "{shown}");
    folder.git(&["checkout", "-q", "--", "apps/map.yaml"]);
    let output = folder.up(&[".", "--worktree"]);
    let (told, shown) =
        (String::from_utf8(output.stderr).unwrap(), String::from_utf8(output.stdout).unwrap());
    assert!(told.contains("as they are saved"), "{told}");
    assert!(shown.contains("ConfigMap/default/saved") && shown.contains("2 of 2 ready"), "{shown}");
}

#[test]
fn a_repository_without_a_commit_runs_as_it_is_saved() {
    let folder = Folder::fleet("unborn");
    folder.git(&["init", "-q", "-b", "main"]);
    assert!(folder.comes_up(&["."]).contains("2 of 2 ready"));
}

#[test]
fn what_does_not_come_up_says_so_in_time() {
    let folder = Folder::fleet("late");
    folder.write(
        "clusters/demo/more.yaml",
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: more, namespace: flux-system}\n\
         spec: {interval: 5m, prune: true, path: ./mor, sourceRef: {kind: GitRepository, name: fleet}}\n",
    );
    let told = folder.stays_down(&[".", "--timeout", "2s"]);
    assert!(told.contains("✗ Kustomization/flux-system/more") && told.contains("2 of 3 ready"), "{told}");
    assert!(folder.stays_down(&["apps"]).contains("no Flux Kustomization was found"));
    assert!(folder.stays_down(&["nowhere"]).contains("nowhere: No such file"));
    assert!(folder.stays_down(&[".", "--replace", "https://git.example.org/x"]).contains("URL=FOLDER"));
    assert!(folder.stays_down(&[".", "--tags", "web=1"]).contains("HOST/NAME=TAG,TAG"));
}
