//! The controller's binary as a process of its own, and git.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Runs git as a person and returns what it prints.
pub(crate) fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=Person", "-c", "user.email=person@example.org", "-c", "commit.gpgsign=false"])
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The controller's binary at work, until it is dropped.
pub(crate) struct Controller {
    process: Child,
    log: PathBuf,
}

impl Controller {
    /// Starts it on a cluster; its log goes into a folder.
    pub(crate) fn start(kubeconfig: &Path, folder: &Path) -> Self {
        let log = folder.join("controller.log");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_gitops-controller"))
            .args(["--log-encoding", "console", "--kubeconfig"])
            .arg(kubeconfig)
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, log }
    }

    /// Returns the end of what it has logged.
    pub(crate) fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}

impl Controller {
    /// Ends it as `kill -9` does, with no word of farewell.
    pub(crate) fn kill(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.kill();
    }
}
