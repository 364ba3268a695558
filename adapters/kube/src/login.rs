//! What a user says about a login by flags, laid over the kubeconfig as kubectl does.

use gitops_core::ports::Secret;
use kube::config::{
    AuthInfo, Cluster, Context, Kubeconfig, KubeconfigError, NamedAuthInfo, NamedCluster, NamedContext,
};
use std::path::{Path, PathBuf};

/// What a user says about a login; what is left out is as the kubeconfig says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// The kubeconfig; where kubectl looks if it is not named.
    pub kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context.
    pub context: Option<String>,
    /// The kubeconfig's cluster.
    pub cluster: Option<String>,
    /// The kubeconfig's user.
    pub user: Option<String>,
    /// The API server's URL.
    pub server: Option<String>,
    /// A bearer token, instead of whatever login the kubeconfig has.
    pub token: Option<Secret>,
    /// A file of certificates in PEM: the authorities that the server's certificate may come from.
    pub certificate_authority: Option<PathBuf>,
    /// A file with the client's certificate in PEM.
    pub client_certificate: Option<PathBuf>,
    /// A file with the key of the client's certificate in PEM.
    pub client_key: Option<PathBuf>,
    /// The name that the server's certificate must have, instead of the URL's host.
    pub tls_server_name: Option<String>,
    /// Whether the server's certificate is checked.
    pub verification: Verification,
    /// Whether answers may be compressed.
    pub compression: Compression,
}

/// Whether the certificate of an API server is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verification {
    /// As the kubeconfig says; it is checked by default.
    #[default]
    AsConfigured,
    /// It is not: anybody on the way may read and change what is sent.
    Skipped,
}

/// Whether the API server may compress its answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As the kubeconfig says; it may by default.
    #[default]
    AsConfigured,
    /// It may not.
    Off,
}

/// What the parts of a kubeconfig are called that flags alone make up.
const OF_FLAGS: &str = "flags";

impl Login {
    /// Returns whether at most a context is named.
    pub(crate) fn is_plain(&self) -> bool {
        *self == Self { context: self.context.clone(), ..Self::default() }
    }

    fn read(&self) -> Result<Kubeconfig, String> {
        match &self.kubeconfig {
            Some(path) => Kubeconfig::read_from(path),
            None => Kubeconfig::read(),
        }
        .map_err(|error| unreadable(&error))
    }

    /// Returns the namespace that the context names; `None` where it names none or can't be read.
    #[must_use]
    pub fn namespace(&self) -> Option<String> {
        let kubeconfig = self.read().ok()?;
        let wanted = self.context.as_ref().or(kubeconfig.current_context.as_ref())?;
        let named = kubeconfig.contexts.iter().find(|context| context.name == *wanted)?;
        named.context.as_ref()?.namespace.clone()
    }

    /// Reads the kubeconfig and lays over it what is said here.
    pub(crate) fn kubeconfig(&self) -> Result<Kubeconfig, String> {
        let names_parts = self.kubeconfig.is_some()
            || self.context.is_some()
            || self.cluster.is_some()
            || self.user.is_some();
        let mut kubeconfig = match self.read() {
            Ok(kubeconfig) => kubeconfig,
            // A server that is named needs no kubeconfig.
            Err(_) if self.server.is_some() && !names_parts => Kubeconfig::default(),
            Err(why) => return Err(why),
        };
        if let Some(server) = &self.server {
            server
                .parse::<http::Uri>()
                .map_err(|error| format!("the server {server:?} is not a URL: {error}"))?;
        }
        let (cluster, user) = self.parts(&mut kubeconfig);
        let is_known = |name: &String| kubeconfig.clusters.iter().any(|cluster| cluster.name == *name);
        // A name that leads nowhere is told when the kubeconfig is used.
        if let Some(cluster) = cluster.filter(|name| self.server.is_some() || is_known(name)) {
            self.lay_over_cluster(cluster_named(&mut kubeconfig, &cluster))?;
        }
        if let Some(user) = user {
            self.lay_over_user(user_named(&mut kubeconfig, &user))?;
        }
        Ok(kubeconfig)
    }

    /// Finds the names of the cluster and of the user that are meant; none where the kubeconfig does not say, which its
    /// reader then tells. Without any context a server of the flags gets one.
    fn parts(&self, kubeconfig: &mut Kubeconfig) -> (Option<String>, Option<String>) {
        if kubeconfig.current_context.is_none() && self.context.is_none() && self.server.is_some() {
            let context = Context {
                cluster: self.cluster.clone().unwrap_or_else(|| OF_FLAGS.to_owned()),
                user: Some(self.user.clone().unwrap_or_else(|| OF_FLAGS.to_owned())),
                ..Context::default()
            };
            kubeconfig.contexts.push(NamedContext {
                name: OF_FLAGS.to_owned(),
                context: Some(context),
                ..NamedContext::default()
            });
            kubeconfig.current_context = Some(OF_FLAGS.to_owned());
        }
        let wanted = self.context.as_ref().or(kubeconfig.current_context.as_ref());
        let found = kubeconfig.contexts.iter_mut().find(|context| Some(&context.name) == wanted);
        let Some(context) = found.and_then(|context| context.context.as_mut()) else { return (None, None) };
        let cluster = self.cluster.clone().unwrap_or_else(|| context.cluster.clone());
        // A context without a user is one for which the flags are the login.
        let user = context.user.get_or_insert_with(|| OF_FLAGS.to_owned());
        (Some(cluster), Some(self.user.clone().unwrap_or_else(|| user.clone())))
    }

    fn lay_over_cluster(&self, cluster: &mut Cluster) -> Result<(), String> {
        if let Some(server) = &self.server {
            cluster.server = Some(server.clone());
        }
        if let Some(file) = &self.certificate_authority {
            cluster.certificate_authority = Some(absolute(file)?);
            cluster.certificate_authority_data = None;
            cluster.insecure_skip_tls_verify = None;
        }
        if self.verification == Verification::Skipped {
            if self.certificate_authority.is_some() {
                return Err(
                    "specifying a root certificates file with the insecure flag is not allowed".to_owned()
                );
            }
            cluster.insecure_skip_tls_verify = Some(true);
            cluster.certificate_authority = None;
            cluster.certificate_authority_data = None;
        }
        if let Some(name) = &self.tls_server_name {
            cluster.tls_server_name = Some(name.clone());
        }
        if self.compression == Compression::Off {
            cluster.disable_compression = Some(true);
        }
        Ok(())
    }

    fn lay_over_user(&self, user: &mut AuthInfo) -> Result<(), String> {
        if let Some(token) = &self.token {
            // Nothing but the token logs in then; whom to impersonate stays.
            *user = AuthInfo {
                token: Some(token.reveal().to_owned().into()),
                impersonate: user.impersonate.take(),
                impersonate_uid: user.impersonate_uid.take(),
                impersonate_groups: user.impersonate_groups.take(),
                impersonate_user_extra: user.impersonate_user_extra.take(),
                client_certificate: user.client_certificate.take(),
                client_certificate_data: user.client_certificate_data.take(),
                client_key: user.client_key.take(),
                client_key_data: user.client_key_data.take(),
                ..AuthInfo::default()
            };
        }
        if let Some(file) = &self.client_certificate {
            user.client_certificate = Some(absolute(file)?);
            user.client_certificate_data = None;
        }
        if let Some(file) = &self.client_key {
            user.client_key = Some(absolute(file)?);
            user.client_key_data = None;
        }
        Ok(())
    }
}

/// The certificates of flags are files of the working directory, those of a kubeconfig of its own folder.
fn absolute(file: &Path) -> Result<String, String> {
    let path = std::path::absolute(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(path.to_string_lossy().into_owned())
}

fn cluster_named<'k>(kubeconfig: &'k mut Kubeconfig, name: &str) -> &'k mut Cluster {
    let known = kubeconfig.clusters.iter().position(|cluster| cluster.name == name);
    let at = known.unwrap_or_else(|| {
        kubeconfig.clusters.push(NamedCluster { name: name.to_owned(), ..NamedCluster::default() });
        kubeconfig.clusters.len() - 1
    });
    kubeconfig.clusters[at].cluster.get_or_insert_default()
}

fn user_named<'k>(kubeconfig: &'k mut Kubeconfig, name: &str) -> &'k mut AuthInfo {
    let known = kubeconfig.auth_infos.iter().position(|user| user.name == name);
    let at = known.unwrap_or_else(|| {
        kubeconfig.auth_infos.push(NamedAuthInfo { name: name.to_owned(), ..NamedAuthInfo::default() });
        kubeconfig.auth_infos.len() - 1
    });
    kubeconfig.auth_infos[at].auth_info.get_or_insert_default()
}

/// Words why a kubeconfig can't be read, with its path in one pair of quotes.
pub(crate) fn unreadable(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(why, path) => {
            format!("failed to read kubeconfig from '{}': {why}", path.display())
        }
        error => error.to_string(),
    }
}
