//! How to log in to a registry or a repository: flags, and docker's configuration.

use crate::Failure;
use gitops_core::ports::{PortError, Secret};
use gitops_oci::{Keychain, OciOptions, OciRegistry, Reference};
use gitops_transport::{Authorization, Options, Tls, Verification};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A password on the command line; it is never printed.
#[allow(clippy::unnecessary_wraps, reason = "what clap calls")]
pub(crate) fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

/// Who asks, and whom to trust.
#[derive(Clone, Debug, Default)]
pub(crate) struct Login {
    pub username: Option<String>,
    pub password: Option<Secret>,
    pub ca_file: Option<PathBuf>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    pub verification: Verification,
    pub plain: Plain,
    pub timeout: Option<Duration>,
}

/// Whether a registry is spoken to without TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Plain {
    /// Never.
    #[default]
    No,
    /// Where it is on this machine, as Flux's commands do.
    Loopback,
    /// Always: the user says so.
    Yes,
}

impl Login {
    /// Reads Flux's `--creds`: `name[:password]`.
    pub(crate) fn credentials(mut self, given: Option<&Secret>) -> Self {
        if let Some(given) = given {
            let (username, password) = given.reveal().split_once(':').unwrap_or((given.reveal(), ""));
            self.username = Some(username.to_owned());
            self.password = Some(Secret::new(password));
        }
        self
    }

    pub(crate) fn authorization(&self) -> Option<Authorization> {
        let username = self.username.clone()?;
        Some(Authorization::Basic { username, password: self.password.clone().unwrap_or_default() })
    }

    pub(crate) fn transport(&self) -> Result<Options, Failure> {
        let mut options = Options::default();
        let read = |path: &Option<PathBuf>| match path {
            None => Ok(None),
            Some(path) => {
                std::fs::read(path).map(Some).map_err(|error| format!("{}: {error}", path.display()))
            }
        };
        let key = read(&self.key_file)?.map(|key| Secret::new(String::from_utf8_lossy(&key)));
        options.tls = Tls {
            authorities: read(&self.ca_file)?,
            certificate: read(&self.cert_file)?,
            key,
            verification: self.verification,
        };
        // A command that somebody waits for may take longer than a reconciler, and says so while it stalls.
        options.total = self.timeout.unwrap_or(Duration::from_secs(300));
        Ok(options)
    }

    /// Returns the registries, for one reference's host.
    pub(crate) fn registry(&self, reference: &Reference) -> Result<OciRegistry, Failure> {
        let mut options = OciOptions::default();
        options.transport = self.transport()?;
        options.keychain = match self.authorization() {
            Some(authorization) => Keychain::default().with(reference.host(), authorization),
            None => docker_keychain()?,
        };
        let is_local = self.ca_file.is_none() && is_loopback(reference.host());
        if self.plain == Plain::Yes || (self.plain == Plain::Loopback && is_local) {
            options.plain_http.push(reference.host().to_owned());
        }
        Ok(OciRegistry::new(options)?)
    }

    /// Adds what docker's configuration would have done, had it been allowed to run programs.
    pub(crate) fn explain(&self, reference: &Reference, error: PortError) -> Failure {
        let helpers = docker_keychain().map(|keychain| keychain.helpers().to_vec()).unwrap_or_default();
        let helper =
            helpers.iter().find(|helper| helper.registry.is_empty() || helper.registry == reference.host());
        match helper.filter(|_| self.username.is_none() && error.to_string().contains("wants credentials")) {
            Some(helper) => format!(
                "{error}\ndocker's configuration names docker-credential-{} for it, which is not run: give the credentials by flags",
                helper.name
            )
            .into(),
            None => error.into(),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Reads the configurations of docker and helm; none is there on most machines.
fn docker_keychain() -> Result<Keychain, Failure> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = variable("HOME");
    let helm = variable("HELM_REGISTRY_CONFIG").or_else(|| {
        Some(
            variable("XDG_CONFIG_HOME")
                .or(home.clone().map(|home| home.join(".config")))?
                .join("helm/registry/config.json"),
        )
    });
    let docker = variable("DOCKER_CONFIG")
        .or(home.map(|home| home.join(".docker")))
        .map(|folder| folder.join("config.json"));
    for path in [helm, docker].into_iter().flatten() {
        if let Some(keychain) = read_keychain(&path)? {
            return Ok(keychain);
        }
    }
    Ok(Keychain::default())
}

fn read_keychain(path: &Path) -> Result<Option<Keychain>, Failure> {
    match std::fs::read(path) {
        Ok(text) => match Keychain::from_docker_config(&text) {
            Ok(keychain) => Ok(Some(keychain)),
            Err(error) => Err(format!("{}: {error}", path.display()).into()),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display()).into()),
    }
}
