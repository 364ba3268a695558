//! Repositories made by the real git.

use gitops_core::git_location::{GitLocation, LocalRepositories};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A bare repository on a server and a clone to work in.
pub(crate) struct Repository {
    _folder: tempfile::TempDir,
    /// The folder that a server serves.
    pub(crate) root: PathBuf,
    work: PathBuf,
}

/// Runs git; its output.
#[track_caller]
pub(crate) fn git(folder: &Path, args: &[&str]) -> String {
    git_with(folder, args, &[])
}

#[track_caller]
pub(crate) fn git_with(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> String {
    let output = Command::new("git")
        .args(["-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main"])
        .args(args)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([("GIT_AUTHOR_NAME", "Ann"), ("GIT_AUTHOR_EMAIL", "ann@example.org")])
        .envs([("GIT_COMMITTER_NAME", "Bob"), ("GIT_COMMITTER_EMAIL", "bob@example.org")])
        .envs([("GIT_AUTHOR_DATE", "1700000000 +0000"), ("GIT_COMMITTER_DATE", "1700000001 +0000")])
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Repository {
    /// An empty one; pushes are checked as strictly as git can.
    pub(crate) fn empty() -> Self {
        Self::of_format("sha1")
    }

    pub(crate) fn of_format(format: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("served");
        let work = folder.path().join("work");
        std::fs::create_dir(&root).unwrap();
        let object_format = format!("--object-format={format}");
        git(&root, &["init", "-q", "--bare", &object_format, "repo.git"]);
        for (key, value) in [
            ("http.receivepack", "true"),
            ("receive.fsckObjects", "true"),
            ("receive.advertisePushOptions", "true"),
        ] {
            git(&root.join("repo.git"), &["config", key, value]);
        }
        git(folder.path(), &["init", "-q", &object_format, "work"]);
        git(&work, &["remote", "add", "origin", root.join("repo.git").to_str().unwrap()]);
        Self { _folder: folder, root, work }
    }

    /// One with a commit on main.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let repository = Self::empty();
        repository.commit(files, "first");
        repository
    }

    /// Commits files, pushes main and returns the commit's id.
    pub(crate) fn commit(&self, files: &[(&str, &str)], message: &str) -> String {
        for (path, content) in files {
            let path = self.work.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["push", "-q", "origin", "HEAD"]);
        self.head()
    }

    pub(crate) fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Runs git in the clone.
    #[track_caller]
    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(&self.work, args)
    }

    /// Runs git on the server.
    #[track_caller]
    pub(crate) fn on_server(&self, args: &[&str]) -> String {
        git(&self.bare(), args)
    }

    pub(crate) fn bare(&self) -> PathBuf {
        self.root.join("repo.git")
    }

    pub(crate) fn work(&self) -> &Path {
        &self.work
    }

    pub(crate) fn local(&self) -> GitLocation {
        location(&format!("file://{}", self.bare().display()), &[])
    }
}

/// A location with the keys of a Secret.
pub(crate) fn location(url: &str, secret: &[(&str, &str)]) -> GitLocation {
    let secret: BTreeMap<String, Vec<u8>> =
        secret.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect();
    GitLocation::new(url, Some(&secret), LocalRepositories::Allowed).unwrap()
}
