//! Where a git repository is and how to log in there: a URL and a Secret, read by Flux's rules.

use crate::ports::Secret;
use std::collections::BTreeMap;
use std::fmt;

/// How a git server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `https://`
    Https,
    /// `http://`
    Http,
    /// `ssh://`
    Ssh,
    /// `file://`: a repository on this machine. Flux refuses it; a command line may allow it.
    File,
}

/// Whether repositories on this machine are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalRepositories {
    /// `file://` is refused, as Flux does: the objects that name URLs come from strangers.
    Refused,
    /// `file://` is allowed: the URL comes from the person at the keyboard.
    Allowed,
}

/// A repository and the credentials for it. Its `Display` is the URL without user, password and query.
///
/// ```
/// use gitops_core::git_location::{GitLocation, LocalRepositories};
/// use std::collections::BTreeMap;
/// let secret = BTreeMap::from([("username".into(), b"bot".to_vec()), ("password".into(), b"hunter2".to_vec())]);
/// let location = GitLocation::new("https://git.example.org/o/r", Some(&secret), LocalRepositories::Refused)?;
/// assert_eq!(location.credentials.username.as_deref(), Some("bot"));
/// assert_eq!(location.to_string(), "https://git.example.org/o/r");
/// # Ok::<(), gitops_core::git_location::LocationError>(())
/// ```
#[derive(Clone, Debug)]
pub struct GitLocation {
    /// How to reach the server.
    pub transport: Transport,
    /// The host, with its port where the URL has one; empty for [`Transport::File`].
    pub host: String,
    /// The path as in the URL, with its leading slash. Without one, which no URL has, ssh takes it from the user's home folder.
    pub path: String,
    /// How to log in.
    pub credentials: Credentials,
}

/// What Flux reads from a Secret of a git source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The user; `git` for ssh where the URL names none.
    pub username: Option<String>,
    /// The password or access token.
    pub password: Option<Secret>,
    /// A token for `Authorization: Bearer`; where it is set, user and password are not sent.
    pub bearer_token: Option<Secret>,
    /// An ssh private key.
    pub identity: Option<Secret>,
    /// The private key's passphrase.
    pub passphrase: Option<Secret>,
    /// The hosts that ssh may talk to, as in a `known_hosts` file.
    pub known_hosts: Option<String>,
    /// Certificates of authorities to trust, in PEM.
    pub ca: Option<String>,
    /// A client certificate in PEM.
    pub client_certificate: Option<String>,
    /// The client certificate's key in PEM.
    pub client_key: Option<Secret>,
}

/// A URL or Secret that can't be used, worded as Flux words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocationError(String);

impl fmt::Display for LocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LocationError {}

impl fmt::Display for GitLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.transport.name();
        let slash = if self.path.starts_with('/') { "" } else { "/" };
        write!(f, "{scheme}://{}{slash}{}", self.host, self.path)
    }
}

impl Transport {
    /// Returns the URL's scheme.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Ssh => "ssh",
            Self::File => "file",
        }
    }
}

impl GitLocation {
    /// Reads a URL and the data of a Secret (decoded from base64).
    ///
    /// # Errors
    /// For other transports, for hosts and users that could be taken for options of a program, and where a part of the
    /// credentials is missing: `invalid 'ssh' auth option: 'known_hosts' is required`.
    pub fn new(
        url: &str,
        secret: Option<&BTreeMap<String, Vec<u8>>>,
        local: LocalRepositories,
    ) -> Result<Self, LocationError> {
        let (transport, rest) = split_transport(url, local)?;
        if transport == Transport::File {
            return Ok(Self {
                transport,
                host: String::new(),
                path: rest.to_owned(),
                credentials: Credentials::default(),
            });
        }
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let (user_part, host) =
            authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        check_host(host)?;
        let (user, password) = match user_part.map(|part| part.split_once(':').unwrap_or((part, ""))) {
            Some((user, password)) => (decode(user)?, decode(password)?),
            None => (String::new(), String::new()),
        };
        check_user(&user)?;
        let credentials = Credentials::read(transport, user, password, secret)?;
        Ok(Self { transport, host: host.to_owned(), path: path.to_owned(), credentials })
    }

    /// Reads what `git clone` takes, with the login of the person at the keyboard: a URL, or `user@host:path` for ssh. No key is
    /// needed here for ssh; the user's own ssh has one.
    ///
    /// # Errors
    /// As [`GitLocation::new`], the Secret apart.
    pub fn of_user(address: &str, local: LocalRepositories) -> Result<Self, LocationError> {
        let is_ssh = address.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("ssh://"));
        let (authority, path) = match address.split_once(':') {
            _ if is_ssh => {
                let rest = &address["ssh://".len()..];
                rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash))
            }
            // `ext::…` names a program, which git would run.
            Some((authority, path))
                if !address.contains("://") && !authority.contains('/') && !path.starts_with(':') =>
            {
                (authority, path)
            }
            _ => return Self::new(address, None, local),
        };
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        check_host(host)?;
        // A password in the URL is none that ssh would take.
        let user = decode(user.split(':').next().unwrap_or_default())?;
        check_user(&user)?;
        let username = Some(user).filter(|user| !user.is_empty());
        let credentials = Credentials { username, ..Credentials::default() };
        Ok(Self { transport: Transport::Ssh, host: host.to_owned(), path: path.to_owned(), credentials })
    }

    /// Returns the host without its port.
    #[must_use]
    pub fn host_name(&self) -> &str {
        match self.host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => &self.host,
        }
    }
}

fn split_transport(url: &str, local: LocalRepositories) -> Result<(Transport, &str), LocationError> {
    if url.is_empty() {
        return Err(LocationError("no transport type set".into()));
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        let first = url.split('/').next().unwrap_or_default();
        let why = if first.contains(':') {
            format!("failed to parse url: parse {url:?}: first path segment in URL cannot contain colon")
        } else {
            "no transport type set".to_owned()
        };
        return Err(LocationError(why));
    };
    let transport = match scheme.to_ascii_lowercase().as_str() {
        "https" => Transport::Https,
        "http" => Transport::Http,
        "ssh" => Transport::Ssh,
        "file" if local == LocalRepositories::Allowed => Transport::File,
        other => return Err(LocationError(format!("unknown transport '{other}'"))),
    };
    Ok((transport, rest))
}

fn check_user(user: &str) -> Result<(), LocationError> {
    if user.starts_with('-') || user.chars().any(char::is_control) {
        return Err(LocationError("the user in the URL could be taken for an option".into()));
    }
    Ok(())
}

/// Refuses hosts that a program could take for an option, or that hold what no host name holds.
fn check_host(host: &str) -> Result<(), LocationError> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    if host.is_empty() {
        return Err(LocationError("the URL names no host".into()));
    }
    if host.starts_with('-') || !host.chars().all(fine) {
        return Err(LocationError(format!("{host:?} is no host name")));
    }
    Ok(())
}

/// Decodes `%41`.
fn decode(text: &str) -> Result<String, LocationError> {
    let refused = || LocationError("the user or password in the URL is not well encoded".to_owned());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else { return Err(refused()) };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| refused())?);
    }
    String::from_utf8(bytes).map_err(|_| refused())
}

impl Credentials {
    /// Reads the keys that Flux reads for a transport; those of the other transports are ignored.
    fn read(
        transport: Transport,
        user: String,
        password: String,
        secret: Option<&BTreeMap<String, Vec<u8>>>,
    ) -> Result<Self, LocationError> {
        let key = |name: &str| {
            let bytes = secret?.get(name).filter(|bytes| !bytes.is_empty())?;
            Some(String::from_utf8_lossy(bytes).into_owned())
        };
        let required = |name: &str| {
            LocationError(format!("invalid '{}' auth option: '{name}' is required", transport.name()))
        };
        let from_url = |text: String| Some(text).filter(|text| !text.is_empty());
        if transport == Transport::Ssh {
            return Ok(Self {
                identity: Some(key("identity").map(Secret::new).ok_or_else(|| required("identity"))?),
                known_hosts: Some(key("known_hosts").ok_or_else(|| required("known_hosts"))?),
                passphrase: key("password").map(Secret::new),
                username: from_url(user).or_else(|| Some("git".into())),
                ..Self::default()
            });
        }
        let bearer_token = key("bearerToken").map(Secret::new);
        // A token in the Secret replaces the Secret's user and password, but not the URL's.
        let basic = |name: &str| if bearer_token.is_some() { None } else { key(name) };
        let mut read = Self {
            username: basic("username").or_else(|| from_url(user)),
            password: basic("password").or_else(|| from_url(password)).map(Secret::new),
            ca: key("ca.crt").or_else(|| key("caFile")),
            bearer_token,
            ..Self::default()
        };
        if read.password.is_some() && read.username.is_none() {
            let name = transport.name();
            return Err(LocationError(format!(
                "invalid '{name}' auth option: 'password' requires 'username' to be set"
            )));
        }
        if let (Some(certificate), Some(private)) = (key("tls.crt"), key("tls.key")) {
            (read.client_certificate, read.client_key) = (Some(certificate), Some(Secret::new(private)));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(url: &str, why: &str) {
        let error = GitLocation::new(url, None, LocalRepositories::Refused).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }

    #[test]
    fn a_host_or_user_is_never_an_option() {
        refused("ssh://-oProxyCommand=touch/x", "no host name");
        refused("ssh://-oProxyCommand=x@host/x", "option");
        refused("https://a b/x", "no host name");
        refused("https:///x", "names no host");
    }

    #[test]
    fn what_git_clone_takes_is_read_without_a_secret() {
        let read = |address: &str| GitLocation::of_user(address, LocalRepositories::Refused);
        let location = read("git@host.example:org/repo.git").unwrap();
        assert_eq!((location.host.as_str(), location.path.as_str()), ("host.example", "org/repo.git"));
        assert_eq!(location.credentials.username.as_deref(), Some("git"));
        assert_eq!(location.to_string(), "ssh://host.example/org/repo.git");
        let location = read("ssh://bot@host:2222/org/repo").unwrap();
        assert_eq!((location.host.as_str(), location.path.as_str()), ("host:2222", "/org/repo"));
        assert_eq!(read("https://u:p@host/r").unwrap().credentials.password, Some(Secret::new("p")));
        for address in
            ["-oProxyCommand=x:r", "ssh://-oProxyCommand=x/r", "-x@host:r", "ext::sh", "/srv/r", "file:///r"]
        {
            assert!(read(address).is_err(), "{address}");
        }
    }

    #[test]
    fn a_url_is_shown_without_its_credentials() {
        let location =
            GitLocation::new("https://u:hunter2@host/r?token=t", None, LocalRepositories::Refused).unwrap();
        assert_eq!(location.to_string(), "https://host/r");
        assert!(!format!("{location:?}").contains("hunter2"));
    }

    #[test]
    fn local_repositories_are_for_the_one_at_the_keyboard() {
        refused("file:///srv/r", "unknown transport 'file'");
        let location = GitLocation::new("file:///srv/r", None, LocalRepositories::Allowed).unwrap();
        assert_eq!((location.transport, location.path.as_str()), (Transport::File, "/srv/r"));
    }
}
