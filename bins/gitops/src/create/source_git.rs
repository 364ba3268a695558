//! `gitops create source git`.

use super::manifest::{Fields, object};
use super::secret::{self, Keys};
use super::upsert::{Wording, fetched, finish, finish_on, upsert};
use super::{Creation, Name};
use crate::Failure;
use crate::cluster::{Target, say};
use crate::flags::one_of;
use std::path::PathBuf;

/// Create or update a `GitRepository`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create source git podinfo --url=https://github.com/stefanprodan/podinfo --branch=master --interval=30s
  gitops create source git podinfo --url=https://github.com/stefanprodan/podinfo --tag-semver='>=3.2.0 <3.3.0' --export
  gitops create source git podinfo --url=ssh://git@github.com/stefanprodan/podinfo --branch=master --private-key-file=id_ed25519")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// The repository's URL: https, http or ssh.
    #[arg(long, default_value = "", hide_default_value = true)]
    url: String,
    /// The branch.
    #[arg(long, default_value = "", hide_default_value = true)]
    branch: String,
    /// The tag.
    #[arg(long, default_value = "", hide_default_value = true)]
    tag: String,
    /// The range that the newest tag is taken from.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "RANGE")]
    tag_semver: String,
    /// The commit.
    #[arg(long, default_value = "", hide_default_value = true)]
    commit: String,
    /// The reference, such as refs/pull/1/head.
    #[arg(long, default_value = "", hide_default_value = true)]
    ref_name: String,
    /// The user for basic authentication.
    #[arg(long, short, default_value = "", hide_default_value = true)]
    username: String,
    /// The password for basic authentication, or of the private key.
    #[arg(long, short, default_value = "", hide_default_value = true)]
    password: String,
    #[command(flatten)]
    keys: Keys,
    /// A private key file; without one a key is made.
    #[arg(long, value_name = "FILE")]
    private_key_file: Option<PathBuf>,
    /// A file with the certificates that the server's is signed by.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A Secret that exists, with credentials.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    secret_ref: String,
    /// A Secret that exists, with a proxy's address and credentials.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    proxy_secret_ref: String,
    /// Whose login is used: generic, aws, azure or github.
    #[arg(long, value_parser = one_of("source Git provider", &["generic", "aws", "azure", "github"]))]
    provider: Option<String>,
    /// Fetch submodules too.
    #[arg(long)]
    recurse_submodules: bool,
    /// Paths to leave out (comma-separated).
    #[arg(long, value_delimiter = ',', value_name = "PATTERN")]
    ignore_paths: Vec<String>,
    /// Folders to check out (comma-separated).
    #[arg(long, value_delimiter = ',', value_name = "FOLDER")]
    sparse_checkout_paths: Vec<String>,
    /// Do not ask whether the deploy key was added.
    #[arg(long, short)]
    silent: bool,
}

pub(super) async fn run(args: &Args, creation: &Creation<'_>) -> Result<(), Failure> {
    if args.url.is_empty() {
        return Err("url is required".into());
    }
    let url = secret::git_url(&args.url)?;
    if !["ssh", "http", "https"].contains(&url.scheme.as_str()) {
        let scheme = &url.scheme;
        return Err(format!("git URL scheme '{scheme}' not supported, can be: ssh, http and https").into());
    }
    let reference = if !args.commit.is_empty() {
        Fields::new().text("commit", &args.commit).text("branch", &args.branch)
    } else if !args.ref_name.is_empty() {
        Fields::new().text("name", &args.ref_name)
    } else if !args.tag_semver.is_empty() {
        Fields::new().text("semver", &args.tag_semver)
    } else if !args.tag.is_empty() {
        Fields::new().text("tag", &args.tag)
    } else if !args.branch.is_empty() {
        Fields::new().text("branch", &args.branch)
    } else {
        return Err("a Git ref is required, use one of the following: --branch, --tag, --commit, --ref-name or --tag-semver".into());
    };
    if args.ca_file.is_some() && url.scheme == "ssh" {
        return Err("specifying a CA file is not supported for Git over SSH".into());
    }
    let spec = Fields::new()
        .put("interval", creation.interval().to_string())
        .put("ref", reference)
        .put("url", &*args.url)
        .time("timeout", creation.fetch_timeout)
        .text("ignore", args.ignore_paths.join("\n"))
        .list("sparseCheckout", args.sparse_checkout_paths.clone())
        .named("secretRef", &args.secret_ref)
        .named("proxySecretRef", &args.proxy_secret_ref)
        .text("provider", args.provider.as_deref().unwrap_or_default())
        .flag("recurseSubmodules", args.recurse_submodules);
    let kind = Target::Git.info();
    let wording = Wording::of("GitRepository source");
    let missing = "GitRepository source reconciliation completed but no artifact was found";
    if creation.common.export || !args.secret_ref.is_empty() {
        let made = object(kind, creation, spec)?;
        if !creation.common.export {
            say::generate("generating GitRepository source");
        }
        let ready = finish(creation, kind, &made, &wording).await?;
        return ready.map_or(Ok(()), |ready| fetched(&ready, missing));
    }
    let cluster = creation.cluster.connect().await?;
    say::generate("generating GitRepository source");
    let mut data = Fields::new();
    let mut has_data = false;
    if url.scheme == "ssh" {
        let pair = args.keys.pair(args.private_key_file.as_deref(), &args.password)?;
        let known_hosts = secret::known_hosts(&url.host)?;
        say::success(format_args!("collected public key from SSH server:\n{known_hosts}"));
        say::generate(format_args!("deploy key: {}", pair.public));
        if !args.silent && !crate::confirm::confirm("Have you added the deploy key to your repository")? {
            return Err("aborting".into());
        }
        data = data
            .put("identity", pair.private)
            .put("identity.pub", pair.public)
            .put("known_hosts", known_hosts)
            .text("password", &args.password);
        has_data = true;
    } else {
        if url.scheme == "http" {
            say::warning("insecure configuration: credentials configured for an HTTP URL");
        }
        if !args.username.is_empty() && !args.password.is_empty() {
            data = data.put("username", &*args.username).put("password", &*args.password);
            has_data = true;
        }
        if let Some(file) = args.ca_file.as_deref().filter(|_| url.scheme == "https") {
            data = data.put("ca.crt", secret::read_file(file, "unable to read TLS CA file")?);
            has_data = true;
        }
    }
    let mut spec = spec;
    if has_data {
        say::action("applying secret with repository credentials");
        upsert(&cluster, &secret::object(creation, creation.name, data, None)?).await?;
        spec = spec.named("secretRef", creation.name);
        say::success("authentication configured");
    }
    let made = object(kind, creation, spec)?;
    let ready = finish_on(&cluster, creation, kind, &made, &wording).await?;
    fetched(&ready, missing)
}
