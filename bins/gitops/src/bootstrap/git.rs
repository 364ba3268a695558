//! `gitops bootstrap git`: over any git server's https, http or ssh.

use super::host_keys::HostKeys;
use super::layout::Layout;
use super::work::{Access, Answer, ClusterLogin, Work, cluster};
use super::{read, signing, token};
use crate::Failure;
use crate::cluster::{run as run_async, within};
use crate::confirm::confirm;
use crate::flags::duration;
use crate::install::Controller;
use gitops_core::api::GoDuration;
use gitops_core::git_location::{GitLocation, LocalRepositories, Transport};
use gitops_core::ports::Secret;
use gitops_git::{Git, Options, PlainHttp, SshLogin};
use std::collections::BTreeMap;
use std::process::ExitCode;

/// Commit the controller's manifests to a git repository, install them, and let the cluster follow it.
///
/// Under PATH a folder named as the namespace is written: gotk-components.yaml, gotk-sync.yaml and a kustomization.yaml that
/// names both; one that is there is kept, with its patches. What is the same is not committed again: a second run upgrades.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  # With a token, which the cluster uses too
  gitops bootstrap git --url=https://example.com/org/fleet --token-auth --password=TOKEN --path=clusters/production

  # With the password from the environment
  GIT_PASSWORD=... gitops bootstrap git --url=https://example.com/org/fleet --token-auth --username=me --path=clusters/production

  # With an SSH key
  gitops bootstrap git --url=ssh://git@example.com/org/fleet --private-key-file=./id_ed25519 --silent --path=clusters/production

  # With the keys of your SSH agent, and a new key for the cluster, which is shown
  gitops bootstrap git --url=ssh://git@example.com/org/fleet --path=clusters/production

Exit codes: 0 the cluster follows the repository, 1 it does not")]
pub(super) struct Args {
    /// The repository: https, http or ssh.
    #[arg(long, default_value = "", hide_default_value = true)]
    url: String,
    /// The cluster's folder in the repository; the whole of it by default.
    #[arg(long, default_value = "", hide_default_value = true)]
    path: String,
    /// How often the cluster looks at the repository.
    #[arg(long, default_value = "1m0s", value_name = "TIME", value_parser = duration)]
    interval: GoDuration,
    /// The user.
    #[arg(long, short, default_value = "git", value_name = "NAME")]
    username: String,
    /// The password or token, or that of the private key; GIT_PASSWORD of the environment by default.
    #[arg(long, short, default_value = "", hide_default_value = true)]
    password: String,
    /// Send the password as a bearer token.
    #[arg(long)]
    with_bearer_token: bool,
    /// Send credentials over http:// too.
    #[arg(long)]
    allow_insecure_http: bool,
    /// Do not ask whether the repository lets the cluster's key in.
    #[arg(long, short)]
    silent: bool,
}

pub(super) fn run(common: &super::Args, args: &Args) -> Result<ExitCode, Failure> {
    let namespace = common.cluster.namespace();
    let controller = Controller::new(&common.controller, &namespace)?;
    common.check(&controller)?;
    if args.url.is_empty() {
        return Err("--url is required".into());
    }
    let is_token = common.common.token_auth || args.with_bearer_token;
    let password = password(args, is_token)?;
    let signing = signing::key(&common.common, &password)?;
    let (remote, location) = remote(common, args, &password)?;
    let url = sync_url(common, args, &location, is_token);
    let login = match (is_token, args.with_bearer_token) {
        (true, true) => ClusterLogin::Bearer(password),
        (true, false) => ClusterLogin::Password(args.username.clone(), password),
        _ => ClusterLogin::Key(password),
    };
    let layout = Layout::new(&args.path, &namespace)?;
    let interval = args.interval;
    let namespace = namespace.as_str();
    let work = Work { common, namespace, remote, location, layout, url, interval, login, signing };
    let access = Asked { is_silent: args.silent };
    run_async(within(common.cluster.timeout.0, async {
        work.run(&cluster(common).await?, &controller, &access).await
    }))
}

/// A repository whose owner is asked to let the cluster in.
struct Asked {
    is_silent: bool,
}

impl Access for Asked {
    fn let_in<'a>(&'a self, _public_key: &'a str) -> Answer<'a, ()> {
        Box::pin(async {
            if self.is_silent || confirm("Please give the key access to your repository")? {
                return Ok(());
            }
            Err("aborting".into())
        })
    }

    fn deploy_token(&self) -> Answer<'_, (String, Secret)> {
        Box::pin(async { Err("deploy tokens are made by GitLab alone".into()) })
    }
}

fn password(args: &Args, is_token: bool) -> Result<Secret, Failure> {
    if !args.password.is_empty() {
        return Ok(Secret::new(args.password.clone()));
    }
    if is_token {
        return token::token("GIT_PASSWORD", "Please enter your Git repository password");
    }
    Ok(Secret::new(std::env::var("GIT_PASSWORD").unwrap_or_default()))
}

/// Where the repository is, and how this program logs in there.
fn remote(common: &super::Args, args: &Args, password: &Secret) -> Result<(Git, GitLocation), Failure> {
    let (scheme, _) = args.url.split_once("://").unwrap_or_default();
    let mut options = Options::default();
    options.timeout = common.cluster.timeout.0;
    options.ssh_host_key_algorithms.clone_from(&common.common.ssh_hostkey_algos);
    match scheme {
        "https" | "ssh" => {}
        "http" if args.allow_insecure_http => options.plain_http = PlainHttp::WithCredentials,
        "http" => {
            return Err("scheme http is insecure, pass --allow-insecure-http=true to allow it".into());
        }
        scheme => return Err(format!("scheme {scheme:?} is not supported").into()),
    }
    let mut secret: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut put = |key: &str, value: &str| drop(secret.insert(key.to_owned(), value.as_bytes().to_vec()));
    if scheme == "ssh" {
        let Some(file) = &common.common.private_key_file else {
            options.ssh_login = SshLogin::OfUser;
            return Ok((Git::new(options), GitLocation::of_user(&args.url, LocalRepositories::Refused)?));
        };
        put("identity", &read(file)?);
        let host = crate::create::host_of(&args.url)?;
        put("known_hosts", &HostKeys::of(&host, &common.common.ssh_hostkey_algos)?.all());
    } else if args.with_bearer_token {
        put("bearerToken", password.reveal());
    } else if !password.reveal().is_empty() {
        put("username", &args.username);
    }
    if !password.reveal().is_empty() && !args.with_bearer_token {
        put("password", password.reveal());
    }
    if let Some(file) = &common.common.ca_file {
        put("ca.crt", &read(file)?);
    }
    let location = GitLocation::new(&args.url, Some(&secret), LocalRepositories::Refused)?;
    Ok((Git::new(options), location))
}

/// The address that the cluster uses.
fn sync_url(common: &super::Args, args: &Args, location: &GitLocation, is_token: bool) -> String {
    let GitLocation { transport, host, path, credentials } = location;
    let is_http = matches!(transport, Transport::Http | Transport::Https);
    if is_token {
        let host = if is_http { host } else { host.split(':').next().unwrap_or(host) };
        let scheme = if is_http && args.allow_insecure_http { transport.name() } else { "https" };
        return format!("{scheme}://{host}{path}");
    }
    let named =
        credentials.username.as_ref().filter(|_| *transport == Transport::Ssh && args.username == "git");
    let user = named.unwrap_or(&args.username);
    let host = common.common.ssh_hostname.as_ref().unwrap_or(host);
    format!("ssh://{user}@{host}{path}")
}
