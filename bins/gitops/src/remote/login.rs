//! How to log in to a registry or a repository: flags, and docker's configuration.

use super::told;
use crate::Failure;
use gitops_core::ports::{PortError, Secret};
use gitops_oci::{Keychain, Mirror, OciOptions, OciRegistry, Reference};
use gitops_transport::{Authorization, Options, Tls, Verification};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Reads a credential of the command line, which is never printed: `-` means a line of standard input.
pub(crate) fn secret(text: &str) -> Result<Secret, std::io::Error> {
    if text != "-" {
        return Ok(Secret::new(text));
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n'])))
}

/// Reads Flux's `--creds`: `name[:password]`.
#[allow(clippy::unnecessary_wraps, reason = "what clap calls")]
fn credentials(text: &str) -> Result<Authorization, Infallible> {
    let (username, password) = text.split_once(':').unwrap_or((text, ""));
    Ok(Authorization::basic(username, password))
}

/// Reads seconds, or a duration of one unit as Helm has it: `5m`.
fn seconds(text: &str) -> Result<u64, std::num::ParseIntError> {
    let (number, unit) = match text.chars().last() {
        Some('s') => (text.trim_end_matches('s'), 1_u64),
        Some('m') => (text.trim_end_matches('m'), 60),
        Some('h') => (text.trim_end_matches('h'), 3_600),
        _ => (text, 1),
    };
    Ok(number.parse::<u64>()?.saturating_mul(unit))
}

/// Who asks, and whom to trust.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct LoginFlags {
    /// The user's name; docker's configuration is read where none is given.
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// The user's password; `-` reads standard input.
    #[arg(long, value_name = "PASSWORD", value_parser = secret, requires = "username")]
    password: Option<Secret>,
    /// Trust the authorities of this file, in PEM.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A client certificate in PEM.
    #[arg(long, value_name = "FILE", requires = "key_file")]
    cert_file: Option<PathBuf>,
    /// The client certificate's key in PEM.
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    key_file: Option<PathBuf>,
    /// Don't check the server's certificate.
    #[arg(long)]
    insecure_skip_tls_verify: bool,
    /// Read a registry's content from another place first, and from the registry itself where that fails (repeatable):
    /// `docker.io=mirror.example.org/hub`, with http:// before the place where it speaks no TLS.
    #[arg(long, value_name = "REGISTRY=PLACE")]
    mirror: Vec<Mirror>,
    /// Seconds until the attempt ends.
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    timeout: u64,
}

impl Default for LoginFlags {
    /// No login but docker's configuration, full checks, and five minutes.
    fn default() -> Self {
        Self {
            username: None,
            password: None,
            ca_file: None,
            cert_file: None,
            key_file: None,
            insecure_skip_tls_verify: false,
            mirror: Vec::new(),
            timeout: 300,
        }
    }
}

impl LoginFlags {
    /// What commands without these flags log in with.
    pub(crate) fn of(login: Option<(String, Secret)>, ca_file: Option<PathBuf>) -> Self {
        let (username, password) = login.map_or((None, None), |(name, secret)| (Some(name), Some(secret)));
        Self {
            username,
            password,
            ca_file,
            cert_file: None,
            key_file: None,
            insecure_skip_tls_verify: false,
            mirror: Vec::new(),
            timeout: 300,
        }
    }

    /// Returns the credential of the flags.
    pub(crate) fn authorization(&self) -> Option<Authorization> {
        let username = self.username.clone()?;
        Some(Authorization::Basic { username, password: self.password.clone().unwrap_or_default() })
    }

    /// Returns how requests are made.
    pub(crate) fn transport(&self) -> Result<Options, Failure> {
        let mut options = Options::default();
        let read = |path: &Option<PathBuf>| match path {
            None => Ok(None),
            Some(path) => {
                let shown = path.display().to_string();
                std::fs::read(path).map(Some).map_err(|error| crate::helm::source::open_error(&shown, &error))
            }
        };
        let key = read(&self.key_file)?.map(|key| Secret::new(String::from_utf8_lossy(&key)));
        options.tls = Tls {
            authorities: read(&self.ca_file)?,
            certificate: read(&self.cert_file)?,
            key,
            verification: if self.insecure_skip_tls_verify {
                Verification::Skipped
            } else {
                Verification::Full
            },
        };
        options.total = Duration::from_secs(self.timeout);
        Ok(options)
    }

    /// Returns the registry of a reference, spoken to without TLS where that is asked for or it is this machine.
    pub(crate) fn registry(&self, reference: &Reference, plain: Plain) -> Result<OciRegistry, Failure> {
        self.registry_as(reference, plain, self.authorization())
    }

    fn registry_as(
        &self,
        reference: &Reference,
        plain: Plain,
        credential: Option<Authorization>,
    ) -> Result<OciRegistry, Failure> {
        let mut options = OciOptions::default();
        options.mirrors.clone_from(&self.mirror);
        options.transport = self.transport()?;
        options.keychain = match credential {
            Some(authorization) => Keychain::default().with(reference.host(), authorization),
            None => docker_keychain()?,
        };
        let is_local = self.ca_file.is_none() && is_loopback(reference.host());
        if plain == Plain::Yes || is_local {
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
            None => told(error),
        }
    }
}

/// Whether a registry that is not on this machine is spoken to without TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Plain {
    /// It is not.
    #[default]
    No,
    /// The user says so.
    Yes,
}

/// How to log in to a registry, with Flux's flags.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct RegistryFlags {
    #[command(flatten)]
    login: LoginFlags,
    /// Name and password in one.
    #[arg(long, value_name = "NAME[:PASSWORD]", value_parser = credentials, conflicts_with = "username")]
    creds: Option<Authorization>,
    /// Speak to the registry without TLS.
    #[arg(long, alias = "insecure")]
    insecure_registry: bool,
    /// Who logs in: generic is docker's configuration and the flags; clouds are not spoken to.
    #[arg(long, value_name = "NAME", default_value = "generic", value_parser = ["generic", "aws", "azure", "gcp"])]
    provider: String,
}

impl RegistryFlags {
    /// Returns the registry of a reference.
    pub(crate) fn registry(&self, reference: &Reference) -> Result<OciRegistry, Failure> {
        if self.provider != "generic" {
            let message = format!(
                "the provider {} is not supported: log in with its own tool and give the token by --creds",
                self.provider
            );
            return Err(message.into());
        }
        let plain = if self.insecure_registry { Plain::Yes } else { Plain::No };
        let credential = self.creds.clone().or_else(|| self.login.authorization());
        self.login.registry_as(reference, plain, credential)
    }

    /// Adds what docker's configuration would have done, had it been allowed to run programs.
    pub(crate) fn explain(&self, reference: &Reference, error: PortError) -> Failure {
        if self.creds.is_some() { told(error) } else { self.login.explain(reference, error) }
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Reads the configurations of Helm and docker; none is there on most machines.
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
