//! OpenSSH's own server with a host key of its own, as long as a test needs it.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Where Debian puts the server.
const PROGRAM: &str = "/usr/sbin/sshd";

/// A server of this test alone, which lets in whom [`Sshd::trust`] names.
pub(crate) struct Sshd {
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    user: String,
    child: Child,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Makes a key pair and returns the file of its private half.
pub(crate) fn key(folder: &Path, name: &str, kind: &[&str], passphrase: &str) -> PathBuf {
    let file = folder.join(name);
    output(Command::new("ssh-keygen").args(["-q", "-N", passphrase, "-f"]).arg(&file).arg("-t").args(kind));
    file
}

pub(crate) fn public(private: &Path) -> String {
    std::fs::read_to_string(private.with_extension("pub")).unwrap()
}

impl Sshd {
    /// Starts a server, or says that there is none.
    pub(crate) fn start() -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            eprintln!("skipped: {PROGRAM} is not installed");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("gitops-sshd-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let at = |name: &str| folder.join(name).display().to_string();
        key(&folder, "host", &["ed25519"], "");
        std::fs::write(at("authorized"), "").unwrap();
        let settings = [
            format!("Port {port}\nListenAddress 127.0.0.1\nPidFile none\nHostKey {}", at("host")),
            format!(
                "AuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nAcceptEnv GIT_PROTOCOL",
                at("authorized")
            ),
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n".into(),
        ];
        std::fs::write(at("settings"), settings.join("\n")).unwrap();
        // The server wants its folder even where it has no use for it; only root needs it, and only root can make it.
        let _ = std::fs::create_dir("/run/sshd");
        let child = Command::new(PROGRAM)
            .args(["-D", "-e", "-f", &at("settings")])
            .stderr(std::fs::File::create(at("words")).unwrap())
            .spawn()
            .unwrap();
        let mut server = Self { port, user: output(Command::new("id").arg("-un")), child, folder };
        for _ in 0..600 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(server);
            }
            if server.child.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let words = std::fs::read_to_string(server.folder.join("words")).unwrap();
        panic!("the server does not start: {words}");
    }

    /// Lets the owner of a key in.
    pub(crate) fn trust(&self, private: &Path) {
        let file = self.folder.join("authorized");
        let known = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, known + &public(private)).unwrap();
    }

    /// The line by which a client knows the server.
    pub(crate) fn known_host(&self) -> String {
        format!("[127.0.0.1]:{} {}", self.port, public(&self.folder.join("host")))
    }

    pub(crate) fn url(&self, repository: &Path) -> String {
        format!("ssh://{}@127.0.0.1:{}{}", self.user, self.port, repository.display())
    }
}
