//! `gitops source git`: one commit of a repository, fetched into memory.

use super::{Output, Summary, credential, show};
use crate::Failure;
use crate::remote::{told, wait};
use gitops_core::git_location::{GitLocation, LocalRepositories};
use gitops_core::ports::{FetchRequest, GitReference, GitRemote as _, Verification, VerificationMode};
use gitops_git::{Git, Options, PlainHttp};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Fetch a commit of a git repository.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # The remote's default branch
  gitops source git https://github.com/fluxcd/flux2-kustomize-helm-example

  # The highest tag of a range, as JSON
  gitops source git https://github.com/stefanprodan/podinfo --semver '>=6.0.0' -o json

  # A private repository; the password is read from standard input
  gitops source git https://git.example.org/team/fleet --branch main --username bot --password - < token

  # Over ssh, with the files written to a folder
  gitops source git ssh://git@github.com/team/fleet --ssh-key id_ed25519 --known-hosts known_hosts --export out

  # Only what a trusted key has signed
  gitops source git https://git.example.org/team/fleet --verify head --verify-key ann.asc")]
pub(crate) struct Args {
    /// The repository: https://, http://, ssh://, file://, or a folder of this machine.
    #[arg(value_name = "URL")]
    url: String,
    /// A branch; the remote's default where nothing is named.
    #[arg(long)]
    branch: Option<String>,
    /// A tag.
    #[arg(long)]
    tag: Option<String>,
    /// A range of versions: the highest tag in it.
    #[arg(long, value_name = "RANGE", alias = "tag-semver")]
    semver: Option<String>,
    /// A commit's whole id; with --branch it must lie on that branch.
    #[arg(long, value_name = "ID")]
    commit: Option<String>,
    /// A full reference name, such as refs/pull/1/head.
    #[arg(long, value_name = "NAME")]
    ref_name: Option<String>,
    /// The user.
    #[arg(short, long)]
    username: Option<String>,
    /// The password or token: `-` reads standard input; GIT_PASSWORD is read where the flag is missing and --username is not.
    #[arg(short, long)]
    password: Option<String>,
    /// A token for `Authorization: Bearer`: `-` reads standard input.
    #[arg(long, value_name = "TOKEN")]
    bearer_token: Option<String>,
    /// The private key for ssh; --password is its passphrase.
    #[arg(long, value_name = "FILE", alias = "private-key-file")]
    ssh_key: Option<PathBuf>,
    /// The hosts that ssh may talk to; ~/.ssh/known_hosts where the flag is missing.
    #[arg(long, value_name = "FILE")]
    known_hosts: Option<PathBuf>,
    /// Certificates of authorities to trust, in PEM.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A client certificate in PEM.
    #[arg(long, value_name = "FILE", requires = "key_file")]
    cert_file: Option<PathBuf>,
    /// The client certificate's key in PEM.
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    key_file: Option<PathBuf>,
    /// Send credentials over http:// too.
    #[arg(long)]
    allow_insecure_http: bool,
    /// Only these directories.
    #[arg(long, value_name = "DIR", value_delimiter = ',')]
    sparse_checkout_paths: Vec<String>,
    /// Fetch submodules too.
    #[arg(long)]
    recurse_submodules: bool,
    /// What must be signed.
    #[arg(long, value_enum, value_name = "WHAT", requires = "verify_key")]
    verify: Option<Verify>,
    /// A key that is trusted: armored OpenPGP, or SSH public keys.
    #[arg(long, value_name = "FILE", requires = "verify")]
    verify_key: Vec<PathBuf>,
    /// Seconds until the attempt ends.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Verify {
    Head,
    Tag,
    #[value(name = "TagAndHEAD", alias = "both")]
    TagAndHead,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let location = location(args)?;
    let mut options = Options::default();
    options.timeout = Duration::from_secs(args.timeout);
    if args.allow_insecure_http {
        options.plain_http = PlainHttp::WithCredentials;
    }
    let mut request = FetchRequest::new(
        location,
        GitReference {
            branch: args.branch.clone(),
            tag: args.tag.clone(),
            semver: args.semver.clone(),
            name: args.ref_name.clone(),
            commit: args.commit.clone(),
            short: None,
        },
    );
    request.directories.clone_from(&args.sparse_checkout_paths);
    request.submodules = args.recurse_submodules;
    request.verification = verification(args)?;
    let checkout = wait(Git::new(options).fetch(&request))?.map_err(|error| {
        let is_refused = error.to_string().ends_with("credentials cannot be sent over HTTP");
        if is_refused {
            format!("{error}: --allow-insecure-http sends them all the same").into()
        } else {
            told(error)
        }
    })?;
    for signer in &checkout.signers {
        anstream::eprintln!("{} is signed by {}", signer.object, signer.key);
    }
    let summary = Summary::new(request.location.to_string(), checkout.revision.to_string());
    show(&summary, &checkout.tree, &args.output)?;
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn location(args: &Args) -> Result<GitLocation, Failure> {
    let folder = Path::new(&args.url);
    let url = if folder.is_dir() {
        format!("file://{}", std::path::absolute(folder)?.display())
    } else {
        args.url.clone()
    };
    let mut secret: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut put = |key: &str, value: Vec<u8>| secret.insert(key.to_owned(), value);
    if let Some(username) = &args.username {
        put("username", username.clone().into_bytes());
    }
    let has_login = args.username.is_some() || args.ssh_key.is_some();
    let variable = if has_login { "GIT_PASSWORD" } else { "" };
    let password = match (&args.password, variable) {
        (None, "") => None,
        (flag, variable) => credential(flag.as_deref(), variable)?,
    };
    if let Some(password) = password {
        put("password", password.into_bytes());
    }
    if let Some(token) = &args.bearer_token {
        let token = credential(Some(token), "")?.unwrap_or_default();
        put("bearerToken", token.into_bytes());
    }
    let known_hosts = args.known_hosts.clone().or_else(|| {
        let file = Path::new(&std::env::var_os("HOME")?).join(".ssh/known_hosts");
        (url.starts_with("ssh://") && file.exists()).then_some(file)
    });
    for (key, file) in [
        ("identity", &args.ssh_key),
        ("known_hosts", &known_hosts),
        ("ca.crt", &args.ca_file),
        ("tls.crt", &args.cert_file),
        ("tls.key", &args.key_file),
    ] {
        if let Some(file) = file {
            put(key, read(file)?);
        }
    }
    Ok(GitLocation::new(&url, Some(&secret), LocalRepositories::Allowed)?)
}

fn verification(args: &Args) -> Result<Option<Verification>, Failure> {
    let Some(verify) = args.verify else { return Ok(None) };
    let mode = match verify {
        Verify::Head => VerificationMode::Head,
        Verify::Tag => VerificationMode::Tag,
        Verify::TagAndHead => VerificationMode::TagAndHead,
    };
    let mut verification = Verification { mode, ..Verification::default() };
    for file in &args.verify_key {
        let text =
            String::from_utf8(read(file)?).map_err(|_| format!("{}: no armored key", file.display()))?;
        let keys = if text.contains("-----BEGIN PGP") {
            &mut verification.pgp_keys
        } else {
            &mut verification.ssh_keys
        };
        keys.push(text);
    }
    Ok(Some(verification))
}
