//! Where a cluster is and how to log in.

use crate::impersonation::{Impersonation, ImpersonationError};
use crate::login::{Login, unreadable};
use gitops_yaml::Node;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// Who has written a kubeconfig.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The user who runs this program: it may name programs and files.
    User,
    /// Somebody who may write a Secret: programs and files of this machine are none of his.
    Secret,
}

/// Where a cluster is and how to log in there.
#[derive(Clone)]
pub struct Connection {
    pub(crate) config: kube::Config,
    pub(crate) impersonation: Option<Impersonation>,
}

/// No login is shown.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("impersonation", &self.impersonation).finish_non_exhaustive()
    }
}

/// Why there is no connection. Its text holds nothing of the kubeconfig but names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionError(String);

impl ConnectionError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConnectionError {}

impl From<ImpersonationError> for ConnectionError {
    fn from(error: ImpersonationError) -> Self {
        Self(error.to_string())
    }
}

/// Kubeconfigs are small; what is larger is none.
const MOST_BYTES: usize = 1 << 20;

impl Connection {
    /// Looks where kubectl looks: `$KUBECONFIG`, `~/.kube/config`, and then the service account of a pod; `context` is the
    /// kubeconfig's current one where it is not named.
    ///
    /// # Errors
    /// Where none of them says how to connect.
    pub async fn from_environment(context: Option<&str>) -> Result<Self, ConnectionError> {
        let options =
            KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
        match kube::Config::from_kubeconfig(&options).await {
            Ok(config) => Self::new(config),
            // A context that was named stands in a kubeconfig or nowhere.
            Err(why) if context.is_some() => {
                Err(ConnectionError(format!("the kubeconfig can not be used: {}", unreadable(&why))))
            }
            Err(why) => match kube::Config::incluster_env() {
                Ok(config) => Self::new(config),
                Err(_) => Err(ConnectionError(format!("no cluster is configured: {}", unreadable(&why)))),
            },
        }
    }

    /// Connects as a user asks; without any wish as [`Connection::from_environment`].
    ///
    /// # Errors
    /// Where the kubeconfig can't be read, says nothing of what was named, or the URL is none.
    pub async fn from_login(login: &Login) -> Result<Self, ConnectionError> {
        if login.is_plain() {
            return Self::from_environment(login.context.as_deref()).await;
        }
        let options = KubeConfigOptions {
            context: login.context.clone(),
            cluster: login.cluster.clone(),
            user: login.user.clone(),
        };
        let kubeconfig = login.kubeconfig().map_err(ConnectionError)?;
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|error| ConnectionError(format!("the kubeconfig can not be used: {error}")))?;
        Self::new(config)
    }

    /// Uses the service account of the pod that this program runs in.
    ///
    /// # Errors
    /// Where it runs in none.
    pub fn in_cluster() -> Result<Self, ConnectionError> {
        let config = kube::Config::incluster_env()
            .map_err(|error| ConnectionError(format!("not inside a cluster: {error}")))?;
        Self::new(config)
    }

    /// Reads a kubeconfig file of the user; `context` is the current one where it is not named.
    ///
    /// # Errors
    /// Where the file can't be read, or says nothing of the context.
    pub async fn from_file(path: &Path, context: Option<&str>) -> Result<Self, ConnectionError> {
        // Read so that relative paths in it count from its folder, as kubectl does.
        let kubeconfig = Kubeconfig::read_from(path).map_err(|error| ConnectionError(unreadable(&error)))?;
        Self::from_kubeconfig(kubeconfig, context).await
    }

    /// Reads a kubeconfig.
    ///
    /// # Errors
    /// Where it is malformed; and from a Secret, where it names a program, a file of this machine or a login helper.
    pub async fn from_text(text: &str, context: Option<&str>, trust: Trust) -> Result<Self, ConnectionError> {
        if text.len() > MOST_BYTES {
            return Err(ConnectionError(format!("the kubeconfig is larger than {MOST_BYTES} bytes")));
        }
        let kubeconfig = Kubeconfig::from_yaml(text)
            // The parser quotes what it could not read, which may be a login.
            .map_err(|_| ConnectionError::new("the kubeconfig is not valid YAML of a kubeconfig"))?;
        if trust == Trust::Secret {
            refuse_local(&kubeconfig)?;
        }
        Self::from_kubeconfig(kubeconfig, context).await
    }

    /// Reads the kubeconfig that a Secret holds (`spec.kubeConfig.secretRef`): under `key`, else under `value`, else under
    /// `value.yaml`.
    ///
    /// # Errors
    /// As [`Connection::from_text`] with [`Trust::Secret`], and where the Secret has no such key.
    pub async fn from_secret(secret: &Node, key: Option<&str>) -> Result<Self, ConnectionError> {
        let target = gitops_core::ports::ObjectRef::of(secret);
        let keys = key.map_or_else(|| vec!["value", "value.yaml"], |key| vec![key]);
        let found = keys.iter().find_map(|key| secret.at_path(&["data", key]).and_then(Node::as_str));
        let Some(encoded) = found else {
            return Err(ConnectionError(format!(
                "{target} does not contain a '{}' key with a kubeconfig",
                keys[0]
            )));
        };
        let decoded = crate::request::decode_base64(encoded)
            .ok_or_else(|| ConnectionError(format!("{target}: the kubeconfig is not base64 of text")))?;
        let named = |error: ConnectionError| ConnectionError(format!("{target}: {error}"));
        Self::from_text(&decoded, None, Trust::Secret).await.map_err(named)
    }

    /// Makes requests as somebody else.
    #[must_use]
    pub fn impersonating(mut self, impersonation: Impersonation) -> Self {
        self.impersonation = Some(impersonation);
        self
    }

    async fn from_kubeconfig(kubeconfig: Kubeconfig, context: Option<&str>) -> Result<Self, ConnectionError> {
        let options =
            KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|error| ConnectionError(format!("the kubeconfig can not be used: {error}")))?;
        Self::new(config)
    }

    /// Takes the impersonation out of kube's hands, which would send an empty name as none.
    fn new(mut config: kube::Config) -> Result<Self, ConnectionError> {
        let AuthInfo { impersonate, impersonate_uid, impersonate_groups, impersonate_user_extra, .. } =
            &mut config.auth_info;
        let (user, groups) = (impersonate.take(), impersonate_groups.take().unwrap_or_default());
        let (uid, extra) = (impersonate_uid.take(), impersonate_user_extra.take().unwrap_or_default());
        let mut impersonation = None;
        if user.is_some() || uid.is_some() || !groups.is_empty() || !extra.is_empty() {
            let mut made = Impersonation::user(user.unwrap_or_default(), groups)?;
            if let Some(uid) = uid {
                made = made.with_uid(uid)?;
            }
            for (key, values) in extra {
                made = made.with_extra(&key, values)?;
            }
            impersonation = Some(made);
        }
        // Retries are this crate's own, since they depend on the request.
        config.default_retry = false;
        config.connect_timeout = Some(Duration::from_secs(10));
        Ok(Self { config, impersonation })
    }
}

/// Refuses what would run a program or read a file here.
fn refuse_local(kubeconfig: &Kubeconfig) -> Result<(), ConnectionError> {
    let refused = |what: &str, name: &str, field: &str| {
        Err(ConnectionError(format!(
            "{what} {name:?} of the kubeconfig uses {field}, which is not allowed in a Secret"
        )))
    };
    for named in &kubeconfig.auth_infos {
        let Some(user) = &named.auth_info else { continue };
        let fields = [
            ("exec", user.exec.is_some()),
            ("auth-provider", user.auth_provider.is_some()),
            ("tokenFile", user.token_file.is_some()),
            ("client-certificate", user.client_certificate.is_some()),
            ("client-key", user.client_key.is_some()),
        ];
        if let Some((field, _)) = fields.into_iter().find(|(_, used)| *used) {
            return refused("user", &named.name, field);
        }
    }
    for named in &kubeconfig.clusters {
        if named.cluster.as_ref().is_some_and(|cluster| cluster.certificate_authority.is_some()) {
            return refused("cluster", &named.name, "certificate-authority");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn read(user: &str, cluster: &str, trust: Trust) -> Result<Connection, ConnectionError> {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- name: c\n  context: {{cluster: k, user: u}}\nclusters:\n- name: k\n  cluster: {{server: 'https://example.org:6443', {cluster}}}\nusers:\n- name: u\n  user: {{{user}}}\n"
        );
        let mut future = pin!(Connection::from_text(&text, None, trust));
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(read) = future.as_mut().poll(&mut context) {
                return read;
            }
        }
    }

    #[test]
    fn a_kubeconfig_of_a_secret_runs_no_program_and_reads_no_file() {
        for (user, cluster, field) in [
            (
                "exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, args: ['-c', 'hunter2']}",
                "",
                "exec",
            ),
            ("auth-provider: {name: gcp}", "", "auth-provider"),
            ("tokenFile: /etc/passwd", "", "tokenFile"),
            ("client-certificate: /etc/passwd", "", "client-certificate"),
            ("client-key: /etc/passwd", "", "client-key"),
            ("token: hunter2", "certificate-authority: /etc/passwd", "certificate-authority"),
        ] {
            let error = read(user, cluster, Trust::Secret).unwrap_err().to_string();
            assert!(error.contains(&format!("uses {field}, which is not allowed")), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(read("token: hunter2", "", Trust::Secret).is_ok());
    }

    #[test]
    fn an_empty_identity_in_a_kubeconfig_is_refused() {
        for user in [
            "as: ''",
            "as-groups: [system:masters]",
            "as: a, as-groups: ['']",
            "as-uid: u",
            "as: a, as-uid: ''",
            "as-user-extra: {scopes: [a]}",
        ] {
            assert!(read(user, "", Trust::User).is_err(), "{user}");
        }
        let connection = read("token: t, as: jane, as-groups: [dev]", "", Trust::User).unwrap();
        assert_eq!(connection.impersonation.unwrap().name(), "jane");
        let whole = "as: jane, as-uid: u-1, as-user-extra: {scopes: [a, b]}";
        let expected = Impersonation::user("jane", [])
            .and_then(|jane| jane.with_uid("u-1"))
            .and_then(|jane| jane.with_extra("scopes", ["a".to_owned(), "b".to_owned()]));
        assert_eq!(read(whole, "", Trust::User).unwrap().impersonation, Some(expected.unwrap()));
    }

    #[test]
    fn no_login_is_printed() {
        let connection = read("token: hunter2", "", Trust::User).unwrap();
        assert!(!format!("{connection:?}").contains("hunter2"));
        let broken = read("token: {a: hunter2}", "", Trust::User).unwrap_err();
        assert!(!format!("{broken} {broken:?}").contains("hunter2"), "{broken}");
    }
}
