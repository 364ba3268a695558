//! How much a remote may cost, and how it is reached.

use gitops_core::ports::Secret;
use std::time::Duration;

/// How a [`Git`](crate::Git) reaches remotes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The time that one call may take in all; 60 seconds by default, as Flux's `spec.timeout`.
    pub timeout: Duration,
    /// The time without a byte after which a call ends; 30 seconds by default.
    pub stall: Duration,
    /// What may be read.
    pub limits: Limits,
    /// The proxy for https and http; where `None`, that of the environment.
    pub proxy: Option<Proxy>,
    /// Whether credentials may go over a connection that anyone can read.
    pub plain_http: PlainHttp,
    /// The ssh program; `ssh` by default.
    pub ssh_program: String,
    /// Whose keys and hosts ssh uses.
    pub ssh_login: SshLogin,
    /// The algorithms by which ssh lets a host prove who it is, the best first: `rsa-sha2-512`; ssh's own choice where there are
    /// none.
    pub ssh_host_key_algorithms: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            stall: Duration::from_secs(30),
            limits: Limits::default(),
            proxy: None,
            plain_http: PlainHttp::WithoutCredentials,
            ssh_program: "ssh".into(),
            ssh_login: SshLogin::default(),
            ssh_host_key_algorithms: Vec::new(),
        }
    }
}

/// Whether credentials are sent over `http://`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlainHttp {
    /// A location that has both is refused.
    #[default]
    WithoutCredentials,
    /// They are sent, as Flux's source-controller sends them.
    WithCredentials,
}

/// Whose keys and hosts ssh uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SshLogin {
    /// The key and the hosts of the location, and nothing of the user who runs the program.
    #[default]
    OfLocation,
    /// Those of the user where the location has no key: configuration, agent, key files and known hosts, as `git` itself has
    /// it. Nothing is asked at the terminal.
    OfUser,
}

/// A proxy between us and the servers.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Its URL: `http://proxy:3128`, `socks5://proxy:1080`.
    pub address: String,
    /// The user.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
}

/// What a repository may weigh, together with its submodules; its owner is a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes that arrive for each of them; 512 MiB by default.
    pub pack_bytes: u64,
    /// Bytes of one object; 64 MiB by default.
    pub object_bytes: usize,
    /// Bytes of all objects; 1 GiB by default.
    pub total_bytes: usize,
    /// How many objects; 2,000,000 by default.
    pub objects: usize,
    /// Files, directories and links; 1,000,000 by default. One directory may stand at many places, and counts at each.
    pub entries: usize,
    /// How many references a server may list; 500,000 by default.
    pub references: usize,
    /// How many submodules, at any depth; 100 by default.
    pub submodules: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pack_bytes: 512 << 20,
            object_bytes: 64 << 20,
            total_bytes: 1 << 30,
            objects: 2_000_000,
            entries: 1_000_000,
            references: 500_000,
            submodules: 100,
        }
    }
}
