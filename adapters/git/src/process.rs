//! ssh and local repositories: a program at the other end of two pipes, started without a shell and ended at the deadline.

use crate::error::{Failure, from_io};
use crate::options::{Options, SshLogin};
use crate::pkt;
use crate::wire::{Channel, Service};
use gitops_core::git_location::{Credentials, GitLocation, Transport};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a program may say on stderr before the rest is dropped.
const WORDS: u64 = 16 << 10;

/// One repository behind a program.
pub(crate) struct Process<'a> {
    location: &'a GitLocation,
    options: &'a Options,
    deadline: Instant,
    running: Option<Program>,
}

impl<'a> Process<'a> {
    pub(crate) fn new(location: &'a GitLocation, options: &'a Options, deadline: Instant) -> Self {
        Self { location, options, deadline, running: None }
    }
}

impl Channel for Process<'_> {
    fn open(&mut self, service: Service) -> Result<Box<dyn BufRead + '_>, Failure> {
        let program = Program::start(self.location, service, self.options, self.deadline)?;
        Ok(Box::new(&mut self.running.insert(program).stdout))
    }

    fn ask(&mut self, _service: Service, question: Vec<u8>) -> Result<Box<dyn BufRead + '_>, Failure> {
        let ended = || Failure::Passing("the connection is closed".into());
        let program = self.running.as_mut().ok_or_else(ended)?;
        program.stdin.write_all(&question).and_then(|()| program.stdin.flush()).map_err(|e| from_io(&e))?;
        Ok(Box::new(&mut program.stdout))
    }

    /// A program that ended says why on stderr; what we saw is but a closed pipe.
    fn explain(&self, failure: Failure) -> Failure {
        let (Failure::Passing(_), Some(program)) = (&failure, &self.running) else { return failure };
        if Instant::now() >= self.deadline {
            return Failure::Passing("the server did not answer in time".into());
        }
        let words = program.last_words();
        let lower = words.to_lowercase();
        let has = |texts: &[&str]| texts.iter().any(|text| lower.contains(text));
        let words = pkt::printable(&words);
        if words.is_empty() {
            failure
        } else if has(&["remote host identification has changed"]) {
            // OpenSSH's own words are a page long.
            let why =
                "host key verification failed: the server's key is another one than known_hosts has for it";
            Failure::Refused(why.into())
        } else if has(&["host key verification failed", "permission denied", "no matching host key"]) {
            Failure::Refused(words)
        } else if has(&["not appear to be a git repository", "not found", "does not exist", "no such"]) {
            Failure::NotFound(format!("repository not found: {words}"))
        } else if has(&[
            "dubious ownership",
            "invalid format",
            "error in libcrypto",
            "incorrect passphrase",
            "bad key types",
        ]) {
            Failure::Bad(words)
        } else {
            Failure::Passing(words)
        }
    }
}

/// A running program; ended when dropped.
struct Program {
    child: Arc<Mutex<Child>>,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    words: Arc<Mutex<Vec<u8>>>,
    /// The private key and the known hosts, removed with the program.
    _files: Option<tempfile::TempDir>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Program {
    fn drop(&mut self) {
        let mut child = lock(&self.child);
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Program {
    /// Starts the program that serves the location.
    fn start(
        location: &GitLocation,
        service: Service,
        options: &Options,
        deadline: Instant,
    ) -> Result<Self, Failure> {
        let (mut command, files) = match location.transport {
            Transport::Ssh => ssh(location, service, options)?,
            _ => (local(location, service)?, None),
        };
        if service == Service::UploadPack {
            command.env("GIT_PROTOCOL", "version=2");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let name = command.get_program().to_string_lossy().into_owned();
        let unstarted = |error| Failure::Bad(format!("the program {name} can't be started: {error}"));
        let mut child = command.spawn().map_err(unstarted)?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let child = Arc::new(Mutex::new(child));
        let (Some(stdin), Some(stdout), Some(mut stderr)) = pipes else {
            return Err(Failure::Passing(format!("{name} has no pipes")));
        };
        let words = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&words);
        std::thread::spawn(move || {
            let mut text = [0; 1024];
            let mut left = WORDS;
            while let Ok(count @ 1..) = stderr.read(&mut text) {
                let kept = count.min(usize::try_from(left).unwrap_or(0));
                lock(&heard).extend_from_slice(&text[..kept]);
                left -= kept as u64;
            }
        });
        end_at(deadline, &child);
        Ok(Self { child, stdin, stdout: BufReader::with_capacity(64 << 10, stdout), words, _files: files })
    }

    /// What a program that is ending said on stderr.
    fn last_words(&self) -> String {
        let until = Instant::now() + Duration::from_secs(2);
        while Instant::now() < until && lock(&self.child).try_wait().is_ok_and(|status| status.is_none()) {
            std::thread::sleep(Duration::from_millis(10));
        }
        // The thread that listens may still be writing down what came last.
        std::thread::sleep(Duration::from_millis(20));
        String::from_utf8_lossy(&lock(&self.words)).into_owned()
    }
}

/// Kills the program when the time is over; the thread ends with the program.
fn end_at(deadline: Instant, child: &Arc<Mutex<Child>>) {
    let child = Arc::downgrade(child);
    std::thread::spawn(move || {
        while let Some(child) = child.upgrade() {
            let mut child = lock(&child);
            if child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            if Instant::now() >= deadline {
                let _ = child.kill();
                return;
            }
            drop(child);
            std::thread::sleep(Duration::from_millis(50));
        }
    });
}

/// git's own server program on a repository of this machine.
fn local(location: &GitLocation, service: Service) -> Result<Command, Failure> {
    let path = decoded(&location.path)?;
    if !path.starts_with('/') {
        return Err(Failure::Bad(
            "a local repository is named by its whole path: file:///srv/repository".into(),
        ));
    }
    let mut command = Command::new("git");
    command.arg(service.name().trim_start_matches("git-")).arg(path);
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"] {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C");
    Ok(command)
}

/// Decodes `%20` in a path, as git does for ssh and local repositories.
fn decoded(path: &str) -> Result<String, Failure> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|b| char::from(*b).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    let path =
        String::from_utf8(bytes).map_err(|_| Failure::Bad("the repository's path is no UTF-8".into()))?;
    if path.chars().any(char::is_control) {
        return Err(Failure::Bad("the repository's path has control characters".into()));
    }
    Ok(path)
}

/// OpenSSH, logging in as the location says or, where it has no key and the options allow it, as the user would.
fn ssh(
    location: &GitLocation,
    service: Service,
    options: &Options,
) -> Result<(Command, Option<tempfile::TempDir>), Failure> {
    if options.proxy.is_some() {
        return Err(Failure::Bad("a proxy is not supported for ssh".into()));
    }
    let credentials = &location.credentials;
    let mut command = Command::new(&options.ssh_program);
    command.args(["-T", "-x", "-a"]);
    let seconds = options.timeout.as_secs().clamp(1, 60);
    for option in [format!("ConnectTimeout={seconds}").as_str(), "SendEnv=GIT_PROTOCOL"] {
        command.args(["-o", option]);
    }
    if !options.ssh_host_key_algorithms.is_empty() {
        command.arg("-o").arg(format!("HostKeyAlgorithms={}", options.ssh_host_key_algorithms.join(",")));
    }
    let files = match (&credentials.identity, options.ssh_login) {
        (None, SshLogin::OfUser) => {
            command.args(["-o", "BatchMode=yes"]);
            None
        }
        _ => Some(log_in(&mut command, credentials)?),
    };
    if let Some(port) =
        location.host.strip_prefix(location.host_name()).and_then(|rest| rest.strip_prefix(':'))
    {
        command.arg("-p").arg(port);
    }
    if let Some(user) = &credentials.username {
        command.arg("-l").arg(user);
    }
    let host = location.host_name().trim_start_matches('[').trim_end_matches(']');
    command.arg("--").arg(host).arg(remote_command(service, &location.path)?);
    command.env("LC_ALL", "C");
    Ok((command, files))
}

/// One key and one list of hosts, and no configuration, agent or prompt of the user's.
fn log_in(command: &mut Command, credentials: &Credentials) -> Result<tempfile::TempDir, Failure> {
    let io = |error: std::io::Error| Failure::Passing(format!("the ssh key can't be kept for ssh: {error}"));
    let identity =
        credentials.identity.as_ref().ok_or_else(|| Failure::Refused("ssh needs a private key".into()))?;
    let known_hosts = credentials.known_hosts.as_ref();
    let known_hosts = known_hosts.ok_or_else(|| Failure::Refused("ssh needs known_hosts".into()))?;
    let files = tempfile::Builder::new().prefix("gitops-ssh-").tempdir().map_err(io)?;
    let (key, hosts) = (files.path().join("identity"), files.path().join("known_hosts"));
    private_file(&key, identity.reveal().trim_end(), "\n").map_err(io)?;
    private_file(&hosts, known_hosts, "\n").map_err(io)?;
    command.args(["-F", "none"]).arg("-i").arg(&key);
    for option in [
        format!("UserKnownHostsFile={}", hosts.display()).as_str(),
        "GlobalKnownHostsFile=/dev/null",
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        "StrictHostKeyChecking=yes",
        "PasswordAuthentication=no",
        "KbdInteractiveAuthentication=no",
    ] {
        command.arg("-o").arg(option);
    }
    match &credentials.passphrase {
        // ssh asks a program for the passphrase; the program is a file of ours that prints it from its environment.
        Some(passphrase) => {
            let ask = files.path().join("askpass");
            executable_file(&ask, "#!/bin/sh\nprintf '%s\\n' \"$GITOPS_SSH_PASSPHRASE\"\n").map_err(io)?;
            command.env("SSH_ASKPASS", &ask).env("SSH_ASKPASS_REQUIRE", "force");
            command.env("GITOPS_SSH_PASSPHRASE", passphrase.reveal()).env("DISPLAY", ":0");
        }
        None => {
            command.args(["-o", "BatchMode=yes"]);
        }
    }
    Ok(files)
}

/// The command for the far shell: the service and the path in quotes that nothing in it can end.
fn remote_command(service: Service, path: &str) -> Result<String, Failure> {
    let path = decoded(path)?;
    // A path in the home folder of the user stands behind a slash that is not its own.
    let path = path.strip_prefix('/').filter(|path| path.starts_with('~')).unwrap_or(&path);
    Ok(format!("{} '{}'", service.name(), path.replace('\'', r"'\''").replace('!', r"'\!'")))
}

fn private_file(path: &std::path::Path, text: &str, end: &str) -> std::io::Result<()> {
    let mut file = open(path, 0o600)?;
    file.write_all(text.as_bytes())?;
    file.write_all(end.as_bytes())
}

fn executable_file(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    open(path, 0o700)?.write_all(text.as_bytes())
}

fn open(path: &std::path::Path, mode: u32) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_ends_the_quotes_of_the_far_shell() {
        let text = remote_command(Service::UploadPack, "/x'; touch /tmp/y; '").unwrap();
        assert_eq!(text, r"git-upload-pack '/x'\''; touch /tmp/y; '\'''");
    }
}
