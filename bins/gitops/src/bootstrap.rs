//! `gitops bootstrap`: a repository that keeps the controller of its own cluster.

mod git;
mod host_keys;
mod layout;
mod provider;
mod signing;
mod token;
mod work;

use crate::Failure;
use crate::cluster::ClusterFlags;
use crate::create::Keys;
use crate::install::{Controller, ControllerFlags};
use clap::Subcommand;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Commit the controller's manifests to a repository, install them, and let the cluster follow the repository.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  GITHUB_TOKEN=... gitops bootstrap github --owner=org --repository=fleet --path=clusters/production
  GITLAB_TOKEN=... gitops bootstrap gitlab --owner=group --repository=fleet --path=clusters/production
  gitops bootstrap git --url=ssh://git@example.com/org/fleet --private-key-file=./id_ed25519 --path=clusters/production
  gitops bootstrap git --url=https://example.com/org/fleet --token-auth --password=TOKEN --path=clusters/production")]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    controller: ControllerFlags,
    #[command(flatten)]
    cluster: ClusterFlags,
    #[command(subcommand)]
    what: What,
}

/// What every git server takes.
#[derive(clap::Args, Debug)]
struct Common {
    /// The branch.
    #[arg(long, global = true, default_value = "main", value_name = "NAME")]
    branch: String,
    /// Log the cluster in with user and password, or with a token, instead of an SSH key.
    #[arg(long, global = true)]
    token_auth: bool,
    /// The Secret with the cluster's login.
    #[arg(long, global = true, default_value = "flux-system", value_name = "NAME")]
    secret_name: String,
    /// Let the cluster fetch submodules too.
    #[arg(long, global = true)]
    recurse_submodules: bool,
    /// Directories that the cluster fetches; all by default.
    #[arg(long, global = true, value_delimiter = ',', value_name = "DIR")]
    sparse_checkout: Vec<String>,
    /// Who makes the commits.
    #[arg(long, global = true, default_value = "Flux", value_name = "NAME")]
    author_name: String,
    /// The mail address of who makes the commits.
    #[arg(long, global = true, default_value = "", hide_default_value = true, value_name = "ADDRESS")]
    author_email: String,
    /// What stands at the end of each commit message: '[ci skip]'.
    #[arg(long, global = true, default_value = "", hide_default_value = true, value_name = "TEXT")]
    commit_message_appendix: String,
    /// An SSH private key for the repository; without one a key is made.
    #[arg(long, global = true, value_name = "FILE")]
    private_key_file: Option<PathBuf>,
    /// The host that the cluster uses for SSH, where it is another one.
    #[arg(long, global = true, value_name = "HOST")]
    ssh_hostname: Option<String>,
    #[command(flatten)]
    keys: Keys,
    /// The algorithms by which an SSH server proves who it is, the best first: rsa-sha2-512,rsa-sha2-256.
    #[arg(long, global = true, value_delimiter = ',', value_name = "NAME", value_parser = algorithm)]
    ssh_hostkey_algos: Vec<String>,
    /// Certificates of authorities that the server's is signed by, in PEM.
    #[arg(long, global = true, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A key ring with the OpenPGP private key that signs the commits, as gpg --export-secret-keys writes it, armored or not.
    #[arg(long, global = true, value_name = "FILE", conflicts_with_all = ["ssh_signing_key_file", "ssh_signing_reuse_private_key"])]
    gpg_key_ring: Option<PathBuf>,
    /// The id or fingerprint of the key in the ring; the first one's by default.
    #[arg(long, global = true, value_name = "ID", requires = "gpg_key_ring")]
    gpg_key_id: Option<String>,
    /// The passphrase of that key.
    #[arg(long, global = true, value_name = "TEXT", requires = "gpg_key_ring")]
    gpg_passphrase: Option<String>,
    /// An SSH private key that signs the commits.
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "ssh_signing_reuse_private_key")]
    ssh_signing_key_file: Option<PathBuf>,
    /// The passphrase of that key.
    #[arg(
        long,
        global = true,
        value_name = "TEXT",
        alias = "ssh-signing-passphrase",
        requires = "ssh_signing_key_file"
    )]
    ssh_signing_password: Option<String>,
    /// Sign the commits with the key of --private-key-file.
    #[arg(long, global = true, requires = "private_key_file")]
    ssh_signing_reuse_private_key: bool,
    /// Take over an installation that another program, such as Helm, looks after.
    #[arg(long, global = true)]
    force: bool,
}

#[derive(Subcommand, Debug)]
enum What {
    Git(Box<git::Args>),
    #[command(name = "github")]
    GitHub(Box<provider::github::Args>),
    #[command(name = "gitlab")]
    GitLab(Box<provider::gitlab::Args>),
    Gitea(Box<provider::gitea::Args>),
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.what {
        What::Git(git) => git::run(args, git),
        What::GitHub(github) => provider::github::run(args, github),
        What::GitLab(gitlab) => provider::gitlab::run(args, gitlab),
        What::Gitea(gitea) => provider::gitea::run(args, gitea),
        What::Other(words) => {
            let name = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
            Err(refusal(&name).into())
        }
    }
}

/// What to use where a server's own interface would make the repository.
fn refusal(name: &str) -> String {
    match name {
        "bitbucket-server" => "Bitbucket is not asked to make repositories or access keys: make the repository there, then use: gitops bootstrap git --url=https://bitbucket.example.com/scm/PROJECT/REPOSITORY.git --token-auth --password=TOKEN --path=PATH".to_owned(),
        other => format!("unknown command {other:?} for \"gitops bootstrap\", use: gitops bootstrap git --url=URL"),
    }
}

/// Reads the name of an algorithm; ssh itself says whether it knows it.
fn algorithm(text: &str) -> Result<String, &'static str> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-@.".contains(&byte);
    if text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric()) && text.bytes().all(is_name) {
        Ok(text.to_owned())
    } else {
        Err("no name of a host key algorithm, such as rsa-sha2-512")
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|why| format!("{}: {why}", path.display()).into())
}

impl Common {
    /// Refuses to sign with a key that nobody gave.
    fn refuse_reused_key(&self, name: &str) -> Result<(), Failure> {
        if self.ssh_signing_reuse_private_key {
            return Err(format!("--ssh-signing-reuse-private-key is not supported by 'bootstrap {name}', whose key is made anew; use --ssh-signing-key-file").into());
        }
        Ok(())
    }
}

impl Args {
    /// Refuses what no repository can be followed with.
    fn check(&self, controller: &Controller<'_>) -> Result<(), Failure> {
        for component in ["source-controller", "kustomize-controller"] {
            if !controller.has(component) {
                return Err(format!("component {component} is required").into());
            }
        }
        Ok(())
    }
}
