//! `gitops bootstrap`: a repository that keeps the controller of its own cluster.

mod git;
mod layout;

use crate::Failure;
use crate::cluster::ClusterFlags;
use crate::create::Keys;
use crate::install::ControllerFlags;
use clap::Subcommand;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Commit the controller's manifests to a repository, install them, and let the cluster follow the repository.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
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
    /// Certificates of authorities that the server's is signed by, in PEM.
    #[arg(long, global = true, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// An armored OpenPGP private key that signs the commits.
    #[arg(long, global = true, value_name = "FILE", conflicts_with_all = ["ssh_signing_key_file", "ssh_signing_reuse_private_key"])]
    gpg_key_ring: Option<PathBuf>,
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
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.what {
        What::Git(git) => git::run(args, git),
        What::Other(words) => {
            let name = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
            Err(refusal(&name).into())
        }
    }
}

/// What to use where a server's own interface would make the repository.
fn refusal(name: &str) -> String {
    let url = match name {
        "github" => "https://github.com/OWNER/REPOSITORY",
        "gitlab" => "https://gitlab.com/GROUP/PROJECT",
        "gitea" => "https://gitea.example.com/OWNER/REPOSITORY",
        "bitbucket-server" => "https://bitbucket.example.com/scm/PROJECT/REPOSITORY.git",
        other => {
            return format!(
                "unknown command {other:?} for \"gitops bootstrap\", use: gitops bootstrap git --url=URL"
            );
        }
    };
    format!(
        "{name} is not asked to make repositories or deploy keys: make the repository there, then use: gitops bootstrap git --url={url} --token-auth --password=TOKEN --path=PATH"
    )
}
