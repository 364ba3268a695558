//! SSH keys and host keys, by the programs that every SSH client brings: ssh-keygen and ssh-keyscan.

use crate::Failure;
use crate::flags::one_of;
use crate::scratch::ScratchFolder;
use std::path::Path;
use std::process::{Command, Stdio};

/// How a key is made where none is given.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Keys {
    /// A new key's algorithm: rsa, ecdsa or ed25519.
    #[arg(long, global = true, default_value = "ecdsa", value_name = "ALGORITHM", value_parser = one_of("public key algorithm", &["rsa", "ecdsa", "ed25519"]))]
    ssh_key_algorithm: String,
    /// A new RSA key's bits.
    #[arg(long, global = true, default_value = "2048", value_name = "BITS")]
    ssh_rsa_bits: u32,
    /// A new ECDSA key's curve: p256, p384 or p521.
    #[arg(long, global = true, default_value = "p384", value_name = "CURVE", value_parser = one_of("ECDSA curve", &["p256", "p384", "p521"]))]
    ssh_ecdsa_curve: String,
}

/// A key in the two forms that a Secret holds.
pub(crate) struct Pair {
    pub(crate) private: String,
    pub(crate) public: String,
}

impl Keys {
    /// Reads a key, or makes one.
    pub(crate) fn pair(&self, file: Option<&Path>, password: &str) -> Result<Pair, Failure> {
        if let Some(file) = file {
            let private = super::secret::read_file(file, "failed to open private key file")?;
            return Ok(Pair { private, public: public_key(file, password)? });
        }
        let folder = ScratchFolder::new("key")?;
        let file = folder.path().join("identity");
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-m", "PKCS8", "-N", "", "-C", "", "-f"]).arg(&file);
        match self.ssh_key_algorithm.as_str() {
            "rsa" => command.args(["-t", "rsa", "-b", &self.ssh_rsa_bits.to_string()]),
            "ed25519" => command.args(["-t", "ed25519"]),
            _ => command.args(["-t", "ecdsa", "-b", self.ssh_ecdsa_curve.trim_start_matches('p')]),
        };
        output(&mut command, "key pair generation failed")?;
        let private = std::fs::read_to_string(&file)?;
        let public = std::fs::read_to_string(file.with_extension("pub"))?;
        Ok(Pair { private, public: format!("{}\n", public.trim()) })
    }
}

fn public_key(file: &Path, password: &str) -> Result<String, Failure> {
    let mut command = Command::new("ssh-keygen");
    command.args(["-y", "-P", password, "-f"]).arg(file);
    let text = output(&mut command, "the private key can not be read")?;
    // The comment behind the key is nobody's business.
    let parts: Vec<&str> = text.split_whitespace().take(2).collect();
    Ok(format!("{}\n", parts.join(" ")))
}

/// Asks an SSH server for its key, as a line of `known_hosts`.
pub(crate) fn known_hosts(host: &str) -> Result<String, Failure> {
    let lines = scanned(host)?;
    trusted(&lines)
        .map(str::to_owned)
        .ok_or_else(|| format!("SSH key scan for host {host} failed: no key was offered").into())
}

/// Asks an SSH server for all its keys, as lines of `known_hosts`.
pub(crate) fn scanned(host: &str) -> Result<Vec<String>, Failure> {
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "22"));
    let mut command = Command::new("ssh-keyscan");
    command.args(["-T", "30", "-t", "ecdsa,ed25519,rsa", "-p", port, name]);
    let failed = format!("SSH key scan for host {host} failed");
    let text = output(&mut command, &failed)?;
    let lines: Vec<String> = text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    if lines.is_empty() { Err(format!("{failed}: no key was offered").into()) } else { Ok(lines) }
}

/// The key that Flux would take of those a server has.
pub(crate) fn trusted(lines: &[String]) -> Option<&str> {
    let kind = |line: &String| line.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let wanted = ["ecdsa-", "ssh-ed25519", "ssh-rsa"];
    let best = wanted.iter().find_map(|name| lines.iter().find(|line| kind(line).starts_with(name)));
    best.map(String::as_str)
}

fn output(command: &mut Command, failed: &str) -> Result<String, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let done = command
        .stdin(Stdio::null())
        .output()
        .map_err(|why| format!("{failed}: {program} can not be run: {why}"))?;
    if done.status.success() {
        return Ok(String::from_utf8(done.stdout)?);
    }
    // ssh-keyscan has no word about a server that is not there.
    match String::from_utf8_lossy(&done.stderr).trim() {
        "" => Err(format!("{failed}: no SSH server answers there").into()),
        why => Err(format!("{failed}: {why}").into()),
    }
}
