//! The controller's flags, under the names that Flux's controllers give them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Parser};
use gitops_controller::ManagerOptions;
use gitops_controllers::leader::{Candidate, Terms};
use gitops_controllers::{CrossNamespace, RemoteBases, Settings};
use gitops_core::api::GoDuration;
use gitops_core::substitute::Strictness;
use gitops_kube::{Limits, Rate};

/// Reconcile sources, Kustomizations, releases and images of a cluster, as Flux's six controllers do.
///
/// The definitions of the kinds must be there: `gitops install` prints and applies them.
#[derive(Parser, Debug)]
#[command(name = "gitops-controller", version)]
#[command(after_help = "Examples:
  gitops-controller --kubeconfig ~/.kube/config
  gitops-controller --no-cross-namespace-refs --default-service-account default --concurrent 8
  gitops-controller --enable-leader-election --storage-path /data --watch-label-selector sharding.fluxcd.io/key=shard1")]
pub(crate) struct Args {
    /// The kubeconfig; where kubectl looks, or the pod's own account, by default.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig.
    #[arg(long)]
    pub(crate) context: Option<String>,
    /// How many requests a second the API server gets at most, where it does not share its time among its clients itself, as
    /// almost every server does; no bound where not above zero.
    #[arg(long, default_value_t = 50.0, value_name = "NUMBER", allow_negative_numbers = true)]
    kube_api_qps: f32,
    /// How many requests may go at once within that bound.
    #[arg(long, default_value_t = 300, value_name = "NUMBER")]
    kube_api_burst: u32,
    /// How many objects of one kind are reconciled at once.
    #[arg(long, default_value_t = 4)]
    concurrent: usize,
    /// Watch objects of all namespaces; those of the controller's own alone where false.
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true",
          require_equals = true, value_name = "BOOL")]
    watch_all_namespaces: bool,
    /// Watch this namespace alone.
    #[arg(long, value_name = "NAMESPACE")]
    watch_namespace: Option<String>,
    /// Look after objects with these labels alone, such as one shard's.
    #[arg(long, default_value = "", value_name = "SELECTOR")]
    watch_label_selector: String,
    /// Answer changes of the ConfigMaps and Secrets with these labels at once; of none where empty.
    #[arg(long, default_value = "reconcile.fluxcd.io/watch=Enabled", value_name = "SELECTOR")]
    watch_configs_label_selector: String,
    /// The namespace that the controller itself runs in.
    #[arg(long, env = "RUNTIME_NAMESPACE", default_value = "flux-system", value_name = "NAMESPACE")]
    runtime_namespace: String,
    /// Refuse references to other namespaces.
    #[arg(long)]
    no_cross_namespace_refs: bool,
    /// Refuse kustomizations' bases and files of other repositories and web servers.
    #[arg(long)]
    no_remote_bases: bool,
    /// The account that Kustomizations without one act as.
    #[arg(long, value_name = "NAME")]
    default_service_account: Option<String>,
    /// How long an object waits for another that is not ready, where no watch tells.
    #[arg(long, default_value = "30s")]
    requeue_dependency: GoDuration,
    /// How much intervals are spread, in percent.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=100))]
    interval_jitter_percentage: u8,
    /// Take unset variables of postBuild as empty, as Flux did before 2.9.
    #[arg(long)]
    lenient_substitution: bool,
    /// Keep artifacts in this folder, so that a restart need not fetch them again; in memory by default.
    #[arg(long, env = "STORAGE_PATH", value_name = "DIR")]
    pub(crate) storage_path: Option<PathBuf>,
    /// Serve artifacts here, for others to fetch: `:9090`. Not served by default.
    #[arg(long, env = "STORAGE_ADDR", value_name = "ADDRESS")]
    pub(crate) storage_addr: Option<String>,
    /// The host that others fetch artifacts from, as it stands in `status.artifact.url`.
    #[arg(long, env = "STORAGE_ADV_ADDR", value_name = "HOST")]
    storage_adv_addr: Option<String>,
    /// Answer the web hooks of Receivers here: `:9292`. Not served by default.
    #[arg(long, alias = "receiverAddr", value_name = "ADDRESS")]
    pub(crate) receiver_addr: Option<String>,
    /// How long an event is not told to people again; `0s` tells all of them.
    #[arg(long, default_value = "5m")]
    rate_limit_interval: GoDuration,
    /// Serve `/metrics` here: `:8080`. Not served by default.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics_addr: Option<String>,
    /// Serve `/healthz` and `/readyz` here: `:9440`. Not served by default.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) health_addr: Option<String>,
    /// Work only while holding a lease, so that of several controllers one works.
    #[arg(long)]
    pub(crate) enable_leader_election: bool,
    /// How long a lease holds that nobody renews.
    #[arg(long, default_value = "35s")]
    leader_election_lease_duration: GoDuration,
    /// How long the leader tries to renew before it gives up.
    #[arg(long, default_value = "30s")]
    leader_election_renew_deadline: GoDuration,
    /// How often the lease is renewed, or looked at by those who wait.
    #[arg(long, default_value = "5s")]
    leader_election_retry_period: GoDuration,
    /// `json` or `console`.
    #[arg(long, default_value = "json", value_parser = ["json", "console"])]
    pub(crate) log_encoding: String,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    #[arg(long, default_value = "info")]
    pub(crate) log_level: String,
}

impl Args {
    /// Returns what requests to clusters may cost.
    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.rate = Rate::new(self.kube_api_qps, self.kube_api_burst);
        limits
    }

    /// Returns what is chosen for all objects.
    pub(crate) fn settings(&self) -> Settings {
        let own = Settings::default();
        let host =
            self.storage_adv_addr.as_ref().map(|host| format!("http://{}", host.trim_end_matches('/')));
        Settings {
            requeue_dependency: self.requeue_dependency.0,
            jitter: f64::from(self.interval_jitter_percentage) / 100.0,
            cross_namespace: match self.no_cross_namespace_refs {
                true => CrossNamespace::Blocked,
                false => CrossNamespace::Allowed,
            },
            remote_bases: match self.no_remote_bases {
                true => RemoteBases::Refused,
                false => RemoteBases::Fetched,
            },
            default_service_account: self.default_service_account.clone(),
            substitution: match self.lenient_substitution {
                true => Strictness::Lenient,
                false => Strictness::Strict,
            },
            artifact_address: host.unwrap_or(own.artifact_address),
            rate_limit: self.rate_limit_interval.0,
            ..Settings::default()
        }
    }

    /// Returns what the manager looks after.
    pub(crate) fn manager(&self) -> ManagerOptions {
        let own = (!self.watch_all_namespaces).then(|| self.runtime_namespace.clone());
        ManagerOptions {
            concurrent: self.concurrent,
            namespace: self.watch_namespace.clone().or(own),
            labels: self.watch_label_selector.clone(),
            configs: self.watch_configs_label_selector.clone(),
            ..ManagerOptions::default()
        }
    }

    /// Returns this process as one that wants to lead. Each shard has a leader of its own.
    pub(crate) fn candidate(&self) -> Candidate {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let identity = format!("{}_{}_{:x}", host.trim(), std::process::id(), started.as_nanos());
        let terms = Terms {
            lease: self.leader_election_lease_duration.0.max(Duration::from_secs(1)),
            renew: self.leader_election_renew_deadline.0,
            retry: self.leader_election_retry_period.0.max(Duration::from_millis(100)),
        };
        let shard = match self.watch_label_selector.is_empty() {
            true => String::new(),
            false => {
                let digest = gitops_core::digest::sha256(self.watch_label_selector.as_bytes());
                let hex = digest.rsplit(':').next().unwrap_or_default();
                format!("-{}", hex.get(..8).unwrap_or(hex))
            }
        };
        Candidate::new(&self.runtime_namespace, &format!("gitops-controller{shard}"), identity, terms)
    }
}
