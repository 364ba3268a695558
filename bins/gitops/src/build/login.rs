//! Logins for https that git's credential helpers know.

use std::io::Write as _;
use std::process::{Command, Stdio};

use gitops_core::git_location::GitLocation;

/// Asks the helpers that the user has set up for git; nothing is asked at the terminal.
pub(crate) fn of_user(location: &GitLocation) -> Option<(String, String)> {
    let mut child = Command::new("git")
        .args(["credential", "fill"])
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "")
        .env("SSH_ASKPASS", "")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let path = location.path.trim_start_matches('/');
    let question = format!("protocol={}\nhost={}\npath={path}\n\n", location.transport.name(), location.host);
    child.stdin.take()?.write_all(question.as_bytes()).ok()?;
    let output = child.wait_with_output().ok().filter(|output| output.status.success())?;
    let answer = String::from_utf8(output.stdout).ok()?;
    let field = |name: &str| {
        let mut lines = answer.lines().filter_map(|line| line.split_once('='));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    Some((field("username")?, field("password")?))
}
