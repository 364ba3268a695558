//! The cluster that a command talks to: where it is, what is asked of it, and how an answer is told.

pub(crate) mod installed;
mod kinds;
pub(crate) mod ready;
pub(crate) mod say;
pub(crate) mod table;

pub(crate) use kinds::{KindInfo, Readiness, Target};

use crate::Failure;
use crate::flags::duration;
use gitops_core::api::GoDuration;
use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, ClusterError, ListOptions, ObjectRef, WriteOptions};
use gitops_kube::{Connection, Impersonation, KubeCluster, Limits, Login, Rate};
use gitops_yaml::{FileId, Node, from_json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Which cluster, as whom, and in which namespace.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct ClusterFlags {
    /// The namespace.
    #[arg(long, short = 'n', global = true, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// The kubeconfig file; by default where kubectl looks, and inside a cluster its service account.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context; by default its current one.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// The kubeconfig's cluster.
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    cluster: Option<String>,
    /// The kubeconfig's user.
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    user: Option<String>,
    /// The address of the API server, instead of the kubeconfig's.
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    server: Option<String>,
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
    /// Use the namespace of the kubeconfig's context.
    #[arg(long, global = true, hide_short_help = true)]
    ns_follows_kube_context: bool,
    /// How long the command may take.
    #[arg(long, global = true, default_value = "5m0s", value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: GoDuration,
}

impl ClusterFlags {
    /// Returns the namespace: the flag's, the environment's, or `flux-system`.
    pub(crate) fn namespace(&self) -> String {
        if let Some(name) = &self.namespace {
            return name.clone();
        }
        if self.ns_follows_kube_context
            || std::env::var("FLUX_NS_FOLLOWS_KUBE_CONTEXT").is_ok_and(|text| text == "true")
        {
            let found = Login::from(self).namespace();
            if let Some(name) = found {
                return name;
            }
        }
        std::env::var("FLUX_SYSTEM_NAMESPACE")
            .ok()
            .filter(|name| crate::flags::is_object_name(name))
            .unwrap_or_else(|| "flux-system".to_owned())
    }

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
            return Err("requesting uid, groups or user-extra for  without impersonating a user".into());
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
