//! `gitops local-cluster`: the embedded Kubernetes API alone, for kubectl and any other client.

use crate::Failure;
use gitops_local_cluster::{ApiServer, LocalCluster, Simulation, StoreOptions};
use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Serve an embedded Kubernetes API: nothing to install, ready at once, for kubectl and any other client.
///
/// Objects are stored, defaulted, validated, applied and watched as in a real cluster. No Pods run: workloads pretend to,
/// and are ready after a time. The annotation local-cluster.gitops.rs/simulate on an object says otherwise: fail, never,
/// or a time such as 5s.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  # In memory, until Ctrl-C
  gitops local-cluster --kubeconfig-out /tmp/local.kubeconfig
  kubectl --kubeconfig /tmp/local.kubeconfig get namespaces

  # Kept in a file
  gitops local-cluster --state cluster.state --listen 127.0.0.1:6443 > kubeconfig")]
pub(crate) struct Args {
    #[command(flatten)]
    serving: Serving,
}

/// How an embedded cluster is kept, reached and simulated.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Serving {
    /// Keep the cluster in this file, which is made where there is none.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Serve the cluster's API on this address; port 0 takes a free one. There is no TLS.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Write a kubeconfig for the cluster's API, with its token, into this file.
    #[arg(long, value_name = "FILE")]
    kubeconfig_out: Option<PathBuf>,
    /// Let workloads stay as they are applied: nothing becomes ready by itself.
    #[arg(long)]
    no_simulation: bool,
    /// How long workloads take to be ready.
    #[arg(long, default_value = "500ms", value_name = "TIME", value_parser = crate::up::duration)]
    ready_after: Duration,
}

impl Serving {
    /// Opens the cluster and lets its workloads pretend to run.
    pub(crate) fn open(&self) -> Result<LocalCluster, Failure> {
        let cluster = match &self.state {
            Some(file) => LocalCluster::open(file, StoreOptions::default())?,
            None => LocalCluster::new(),
        };
        if !self.no_simulation {
            tokio::spawn(cluster.clone().simulate(Simulation::ready_after(self.ready_after)));
        }
        Ok(cluster)
    }

    /// Whether the API is to be reached from outside.
    pub(crate) fn is_served(&self) -> bool {
        self.listen.is_some() || self.kubeconfig_out.is_some()
    }

    /// Binds the API's address, and writes the kubeconfig where one is asked for.
    pub(crate) async fn bind(&self, cluster: &LocalCluster) -> Result<ApiServer, Failure> {
        let address = self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
        let server = ApiServer::bind(cluster, address).await.map_err(|why| format!("{address}: {why}"))?;
        if !address.ip().is_loopback() {
            anstream::eprintln!("warning: {address} is reached from other machines, and there is no TLS");
        }
        if let Some(file) = &self.kubeconfig_out {
            write_kubeconfig(file, &server.kubeconfig()?)
                .map_err(|why| format!("{}: {why}", file.display()))?;
            anstream::eprintln!("serving http://{}: export KUBECONFIG={}", server.address()?, file.display());
        }
        Ok(server)
    }
}

/// Writes a kubeconfig that its owner alone can read, and replaces none but one of its own kind.
fn write_kubeconfig(file: &Path, text: &str) -> Result<(), Failure> {
    let own: Vec<&str> = text.lines().take(4).collect();
    if let Ok(found) = std::fs::read_to_string(file)
        && found.lines().take(4).collect::<Vec<_>>() != own
    {
        return Err("there is a file that is no kubeconfig of a local cluster: name another one".into());
    }
    let _ = std::fs::remove_file(file);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(text.as_bytes())?;
    Ok(())
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let cluster = args.serving.open()?;
        let server = args.serving.bind(&cluster).await?;
        if args.serving.kubeconfig_out.is_none() {
            let mut out = anstream::stdout().lock();
            out.write_all(server.kubeconfig()?.as_bytes())?;
            out.flush()?;
            anstream::eprintln!("serving http://{}", server.address()?);
        }
        tokio::select! {
            ended = server.serve() => ended?,
            stopped = tokio::signal::ctrl_c() => stopped?,
        }
        Ok(ExitCode::SUCCESS)
    })
}
