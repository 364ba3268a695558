//! By which keys an SSH server is known: those that it shows, held against those that the user's own ssh knows.

use crate::Failure;
use crate::cluster::say;
use crate::create::{scanned, trusted};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};
use std::process::{Command, Stdio};

/// What a server of a host showed, best key first.
#[derive(Debug)]
pub(super) struct HostKeys(Vec<String>);

impl HostKeys {
    /// Asks a server, `host[:port]`, for its keys. One that the user's `known_hosts` tells of must be the same; one that it does not
    /// tell of is believed, as Flux does, and shown.
    pub(super) fn of(host: &str, algorithms: &[String]) -> Result<Self, Failure> {
        let lines = scanned(host)?;
        let lines: Vec<String> = lines.into_iter().filter(|line| is_of(line, algorithms)).collect();
        if lines.is_empty() {
            let wanted = algorithms.join(", ");
            return Err(
                format!("SSH key scan for host {host} failed: no key for {wanted} was offered").into()
            );
        }
        let known = known(host);
        let keys = believed(host, lines, &known)?;
        if known.is_empty() {
            let (kind, key) = parts(&keys[0]);
            say::success(format_args!(
                "collected public key from SSH server {host}: {kind} {}",
                fingerprint(key)
            ));
        }
        Ok(Self(keys))
    }

    /// All of them, as a file `known_hosts`.
    pub(super) fn all(&self) -> String {
        self.0.join("\n")
    }

    /// The one that the cluster gets.
    pub(super) fn best(&self) -> &str {
        trusted(&self.0).unwrap_or_default()
    }
}

/// The kind and the key of a line of `known_hosts`.
fn parts(line: &str) -> (&str, &str) {
    let mut words = line.split_whitespace().skip(1);
    (words.next().unwrap_or_default(), words.next().unwrap_or_default())
}

/// Whether a key can make the signatures that are wanted: an RSA key makes those of three names.
fn is_of(line: &str, algorithms: &[String]) -> bool {
    let (kind, _) = parts(line);
    let makes = |name: &String| name == kind || (kind == "ssh-rsa" && name.starts_with("rsa-sha2-"));
    algorithms.is_empty() || algorithms.iter().any(makes)
}

/// As `ssh-keygen -l` prints it.
fn fingerprint(key: &str) -> String {
    let bytes = STANDARD.decode(key).unwrap_or_default();
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(bytes)))
}

/// A host, `host[:port]`, as `known_hosts` names it: `[host]:port`, where the port is not ssh's own.
fn entry(host: &str) -> String {
    match host.rsplit_once(':') {
        Some((name, port)) if port != "22" => format!("[{name}]:{port}"),
        Some((name, _)) => name.to_owned(),
        None => host.to_owned(),
    }
}

/// The lines about a host in the user's `known_hosts`; none where there is no such file.
fn known(host: &str) -> Vec<String> {
    let found = Command::new("ssh-keygen").args(["-F", &entry(host)]).stdin(Stdio::null()).output();
    let text = found.map(|done| String::from_utf8_lossy(&done.stdout).into_owned()).unwrap_or_default();
    // Marked lines tell of authorities and of keys that are no longer good.
    text.lines().filter(|line| !line.starts_with(['#', '@'])).map(str::to_owned).collect()
}

/// Leaves the keys that the user knows, or all where none is known.
fn believed(host: &str, shown: Vec<String>, known: &[String]) -> Result<Vec<String>, Failure> {
    if known.is_empty() {
        return Ok(shown);
    }
    let is_same = |line: &String| known.iter().any(|other| parts(other) == parts(line));
    let (same, others): (Vec<String>, Vec<String>) = shown.into_iter().partition(is_same);
    if !same.is_empty() {
        return Ok(same);
    }
    let (kind, key) = others.first().map(|line| parts(line)).unwrap_or_default();
    Err(format!(
        "host key verification failed: {host} shows the {kind} key {}, which known_hosts does not have for it; where the key was changed on purpose, forget the old one: ssh-keygen -R '{}'",
        fingerprint(key),
        entry(host)
    )
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn a_host_that_is_known_must_show_a_key_that_is_known() {
        let shown = lines(&["h ecdsa-sha2-nistp256 AAAA", "h ssh-ed25519 BBBB", "h ssh-rsa CCCC"]);
        assert_eq!(believed("h", shown.clone(), &[]).unwrap(), shown);
        assert_eq!(
            believed("h", shown.clone(), &lines(&["|1|x|y ssh-ed25519 BBBB comment"])).unwrap(),
            lines(&["h ssh-ed25519 BBBB"])
        );
        for other in ["h ssh-ed25519 DDDD", "h ssh-rsa BBBB"] {
            let why = believed("h", shown.clone(), &lines(&[other])).unwrap_err().to_string();
            assert!(
                why.starts_with("host key verification failed: h shows the ecdsa-sha2-nistp256 key SHA256:"),
                "{why}"
            );
        }
    }

    #[test]
    fn a_port_of_its_own_is_part_of_a_hosts_name() {
        for (host, wanted) in [("h", "h"), ("h:22", "h"), ("h:2222", "[h]:2222")] {
            assert_eq!(entry(host), wanted);
        }
        let why =
            believed("h:2222", lines(&["h ssh-rsa A"]), &lines(&["h ssh-rsa B"])).unwrap_err().to_string();
        assert!(why.ends_with("forget the old one: ssh-keygen -R '[h]:2222'"), "{why}");
    }

    #[test]
    fn an_rsa_key_makes_signatures_of_three_names() {
        let rsa = "h ssh-rsa CCCC";
        for (algorithms, wanted) in [
            (&[][..], true),
            (&["ssh-rsa"], true),
            (&["ssh-ed25519", "rsa-sha2-512"], true),
            (&["ssh-ed25519"], false),
        ] {
            assert_eq!(is_of(rsa, &lines(algorithms)), wanted, "{algorithms:?}");
        }
    }
}
