//! `gitops create secret git`.

use super::{Keys, Made, git_url, known_hosts, read_file};
use crate::Failure;
use crate::create::Name;
use crate::create::manifest::Fields;
use std::path::PathBuf;

/// Create or update a Secret with credentials for a git server.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create secret git podinfo-auth --url=https://github.com/org/podinfo --username=git --password=token --export
  gitops create secret git podinfo-auth --url=ssh://git@github.com/org/podinfo --private-key-file=./id_ed25519")]
pub(in crate::create) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// The repository's URL: https, http or ssh.
    #[arg(long, default_value = "", hide_default_value = true)]
    url: String,
    /// The user for basic authentication.
    #[arg(long, short, default_value = "", hide_default_value = true)]
    username: String,
    /// The password for basic authentication, or of the private key.
    #[arg(long, short, default_value = "", hide_default_value = true)]
    password: String,
    /// A token instead of user and password.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TOKEN")]
    bearer_token: String,
    /// A file with the certificates that the server's is signed by.
    #[arg(long, visible_alias = "ca-file", value_name = "FILE")]
    ca_crt_file: Option<PathBuf>,
    /// A private key file; without one a key is made.
    #[arg(long, value_name = "FILE")]
    private_key_file: Option<PathBuf>,
    #[command(flatten)]
    keys: Keys,
}

pub(super) fn make(args: &Args) -> Result<Made, Failure> {
    if args.url.is_empty() {
        return Err("url is required".into());
    }
    let url = git_url(&args.url)?;
    let data = match url.scheme.as_str() {
        "ssh" => {
            let pair = args.keys.pair(args.private_key_file.as_deref(), &args.password)?;
            Fields::new()
                .put("identity", pair.private)
                .put("identity.pub", pair.public)
                .put("known_hosts", known_hosts(&url.host)?)
                .text("password", &args.password)
        }
        "http" | "https" => {
            let has_login = !args.username.is_empty() && !args.password.is_empty();
            let has_token = !args.bearer_token.is_empty();
            if !has_login && !has_token {
                return Err(
                    "for Git over HTTP/S the username and password, or a bearer token is required".into()
                );
            }
            if has_login && has_token {
                return Err("user credentials and bearer token cannot be used together".into());
            }
            let mut data = Fields::new().text("bearerToken", &args.bearer_token);
            if has_login {
                data = data.put("username", &*args.username).put("password", &*args.password);
            }
            match &args.ca_crt_file {
                Some(file) => data.text("ca.crt", read_file(file, "unable to read TLS CA file")?),
                None => data,
            }
        }
        scheme => {
            return Err(
                format!("git URL scheme '{scheme}' not supported, can be: ssh, http and https").into()
            );
        }
    };
    Ok(Made::of(data, None))
}
