//! The cluster that a command talks to: where it is, what is asked of it, and how an answer is told.

pub(crate) mod installed;
mod kinds;
pub(crate) mod ready;
pub(crate) mod say;
pub(crate) mod table;

pub(crate) use kinds::{KindInfo, Readiness, Target};

use crate::Failure;
use crate::flags::duration;
use crate::remote::login::secret;
use gitops_core::api::GoDuration;
use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, ClusterError, ListOptions, ObjectRef, Secret, WriteOptions};
use gitops_kube::{Compression, Connection, Impersonation, KubeCluster, Limits, Login, Rate, Verification};
use gitops_yaml::{FileId, Node, from_json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Which namespace, and where its name may be found.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct NamespaceFlags {
    /// The namespace.
    #[arg(long, short = 'n', global = true, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// The kubeconfig file; by default where kubectl looks, and inside a cluster its service account.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context; by default its current one.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Use the namespace of the kubeconfig's context.
    #[arg(long, global = true, hide_short_help = true)]
    ns_follows_kube_context: bool,
    /// How long the command may take.
    #[arg(long, global = true, default_value = "5m0s", value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: GoDuration,
}

impl NamespaceFlags {
    /// Returns the namespace: the flag's, the environment's, or `flux-system`.
    pub(crate) fn namespace(&self) -> String {
        if let Some(name) = &self.namespace {
            return name.clone();
        }
        if self.ns_follows_kube_context
            || std::env::var("FLUX_NS_FOLLOWS_KUBE_CONTEXT").is_ok_and(|text| text == "true")
        {
            let (kubeconfig, context) = (self.kubeconfig.clone(), self.context.clone());
            if let Some(name) = (Login { kubeconfig, context, ..Login::default() }).namespace() {
                return name;
            }
        }
        std::env::var("FLUX_SYSTEM_NAMESPACE")
            .ok()
            .filter(|name| crate::flags::is_object_name(name))
            .unwrap_or_else(|| "flux-system".to_owned())
    }
}

/// Which cluster, as whom, and in which namespace.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct ClusterFlags {
    #[command(flatten)]
    place: NamespaceFlags,
    /// The kubeconfig's cluster.
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    cluster: Option<String>,
    /// The kubeconfig's user.
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    user: Option<String>,
    /// The address of the API server, instead of the kubeconfig's.
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    server: Option<String>,
    /// A bearer token to log in with; `-` reads a line of standard input, so that it stands in no list of processes.
    #[arg(long, global = true, value_name = "TOKEN", value_parser = secret, hide_short_help = true)]
    token: Option<Secret>,
    /// A file with the authorities that the API server's certificate may come from, in PEM.
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    certificate_authority: Option<PathBuf>,
    /// A file with a client certificate, in PEM.
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    client_certificate: Option<PathBuf>,
    /// A file with the key of the client certificate, in PEM.
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    client_key: Option<PathBuf>,
    /// The name that the API server's certificate must have, instead of the host's.
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    tls_server_name: Option<String>,
    /// Don't check the API server's certificate: anybody on the way may read and change what is sent.
    #[arg(long, global = true, hide_short_help = true)]
    insecure_skip_tls_verify: bool,
    /// Ask for answers that are not compressed.
    #[arg(long, global = true, hide_short_help = true)]
    disable_compression: bool,
    /// Accepted for scripts: what kinds a server has is asked anew each time.
    #[arg(long, global = true, value_name = "DIR", hide = true)]
    cache_dir: Option<PathBuf>,
    /// Print the objects that are installed as well.
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) verbose: bool,
    /// The user to impersonate.
    #[arg(long = "as", global = true, value_name = "USER", hide_short_help = true)]
    as_user: Option<String>,
    /// A group to impersonate (repeatable).
    #[arg(long, global = true, value_name = "GROUP", hide_short_help = true)]
    as_group: Vec<String>,
    /// The uid of the user to impersonate.
    #[arg(long, global = true, value_name = "UID", hide_short_help = true)]
    as_uid: Option<String>,
    /// An extra field of the user to impersonate, as key=value (repeatable).
    #[arg(long, global = true, value_name = "KEY=VALUE", hide_short_help = true)]
    as_user_extra: Vec<String>,
    /// How many requests a second the API server gets at most, where it does not share its time among its clients itself; no
    /// bound where not above zero.
    #[arg(
        long,
        global = true,
        default_value_t = 50.0,
        value_name = "NUMBER",
        allow_negative_numbers = true,
        hide_short_help = true
    )]
    kube_api_qps: f32,
    /// How many requests may go at once within that bound.
    #[arg(long, global = true, default_value_t = 300, value_name = "NUMBER", hide_short_help = true)]
    kube_api_burst: u32,
}

impl std::ops::Deref for ClusterFlags {
    type Target = NamespaceFlags;
    fn deref(&self) -> &NamespaceFlags {
        &self.place
    }
}

impl ClusterFlags {
    /// Returns whether the flag `--cluster` is given, with or without a name.
    pub(crate) fn is_named(&self) -> bool {
        self.cluster.is_some()
    }

    /// Connects to the cluster.
    pub(crate) async fn connect(&self) -> Result<KubeCluster, Failure> {
        let mut connection = Connection::from_login(&Login::from(self)).await?;
        if let Some(as_whom) = self.impersonation()? {
            connection = connection.impersonating(as_whom);
        }
        let mut limits = Limits::default();
        limits.rate = Rate::new(self.kube_api_qps, self.kube_api_burst);
        Ok(KubeCluster::connect(connection)?.with_limits(limits))
    }

    fn impersonation(&self) -> Result<Option<Impersonation>, Failure> {
        let Some(user) = &self.as_user else {
            if self.as_group.is_empty() && self.as_uid.is_none() && self.as_user_extra.is_empty() {
                return Ok(None);
            }
            return Err(
                "--as-group, --as-uid and --as-user-extra need a user to impersonate: name one with --as"
                    .into(),
            );
        };
        let mut made = Impersonation::user(user.clone(), self.as_group.iter().cloned())?;
        if let Some(uid) = &self.as_uid {
            made = made.with_uid(uid.clone())?;
        }
        for pair in &self.as_user_extra {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(format!("--as-user-extra {pair:?} is not of the form key=value").into());
            };
            made = made.with_extra(key, [value.to_owned()])?;
        }
        Ok(Some(made))
    }
}

impl From<&ClusterFlags> for Login {
    fn from(flags: &ClusterFlags) -> Self {
        Self {
            kubeconfig: flags.kubeconfig.clone(),
            context: flags.context.clone(),
            cluster: flags.cluster.clone().filter(|name| !name.is_empty()),
            user: flags.user.clone(),
            server: flags.server.clone(),
            token: flags.token.clone(),
            certificate_authority: flags.certificate_authority.clone(),
            client_certificate: flags.client_certificate.clone(),
            client_key: flags.client_key.clone(),
            tls_server_name: flags.tls_server_name.clone(),
            verification: if flags.insecure_skip_tls_verify {
                Verification::Skipped
            } else {
                Verification::AsConfigured
            },
            compression: if flags.disable_compression { Compression::Off } else { Compression::AsConfigured },
        }
    }
}

/// Runs what waits for a cluster, and tells a failure as Flux does: `✗ why`, exit code 1.
pub(crate) fn run(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}

/// Runs what must end within the time that the flags allow.
pub(crate) async fn within<T>(
    time: Duration,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(time, work).await {
        Ok(result) => result,
        Err(_) => Err("context deadline exceeded".into()),
    }
}

/// Returns an object's address.
pub(crate) fn address(kind: &KindInfo, namespace: &str, name: &str) -> ObjectRef {
    ObjectRef { gvk: kind.gvk(), namespace: namespace.into(), name: name.into() }
}

/// Reads an object that must be there.
pub(crate) async fn fetch<C: Cluster>(cluster: &C, target: &ObjectRef) -> Result<Node, Failure> {
    cluster.get(target).await.map_err(worded)?.ok_or_else(|| not_found(target).into())
}

/// What the API says of an object that is not there.
pub(crate) fn not_found(target: &ObjectRef) -> String {
    let plural = KindInfo::of(&target.gvk.kind).map_or_else(
        || format!("{}s", target.gvk.kind.to_lowercase()),
        |kind| match &*target.gvk.group {
            "" => kind.plural.to_owned(),
            group => format!("{}.{group}", kind.plural),
        },
    );
    format!("{plural} \"{}\" not found", target.name)
}

/// Lists the objects of a kind in a namespace (or in all), by name.
pub(crate) async fn list<C: Cluster>(
    cluster: &C,
    kind: &KindInfo,
    namespace: Option<&str>,
    labels: &str,
) -> Result<Vec<Node>, ClusterError> {
    list_of(cluster, &kind.gvk(), namespace, labels).await
}

/// Lists objects of any kind, as [`list`] does.
pub(crate) async fn list_of<C: Cluster>(
    cluster: &C,
    gvk: &Gvk,
    namespace: Option<&str>,
    labels: &str,
) -> Result<Vec<Node>, ClusterError> {
    let options = ListOptions {
        namespace: namespace.map(Into::into),
        labels: labels.to_owned(),
        ..ListOptions::default()
    };
    Ok(cluster.list(gvk, &options).await?.items)
}

/// Who writes here.
pub(crate) fn writing() -> WriteOptions {
    WriteOptions { manager: "gitops".into(), ..WriteOptions::default() }
}

/// Makes a node of JSON that this program has built.
pub(crate) fn node(value: &serde_json::Value) -> Result<Node, Failure> {
    Ok(from_json(&value.to_string(), FileId::NONE)?)
}

/// A refusal in the words that a user can act on.
#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn worded(error: ClusterError) -> Failure {
    error.to_string().into()
}

/// A text field of an object; empty where there is none.
pub(crate) fn text<'a>(object: &'a Node, path: &[&str]) -> &'a str {
    object.at_path(path).and_then(Node::as_str).unwrap_or_default()
}
