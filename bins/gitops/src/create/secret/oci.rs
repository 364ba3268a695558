//! `gitops create secret oci`.

use super::Made;
use crate::Failure;
use crate::create::Name;
use crate::create::manifest::Fields;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// Create or update a Secret with a login for an OCI registry.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create secret oci podinfo-auth --url=ghcr.io --username=me --password=token --export")]
pub(in crate::create) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// The registry's address.
    #[arg(long, default_value = "", hide_default_value = true)]
    url: String,
    /// The user.
    #[arg(long, short, default_value = "", hide_default_value = true)]
    username: String,
    /// The password.
    #[arg(long, short, default_value = "", hide_default_value = true)]
    password: String,
}

pub(super) fn make(args: &Args) -> Result<Made, Failure> {
    for (value, flag) in
        [(&args.url, "--url"), (&args.username, "--username"), (&args.password, "--password")]
    {
        if value.is_empty() {
            return Err(format!("{flag} is required").into());
        }
    }
    if args.url.contains("://") || args.url.contains(char::is_whitespace) {
        return Err(format!("error parsing url: 'could not parse reference: {}'", args.url).into());
    }
    let text = |value: &str| json!(value).to_string();
    // Written out, since the order of the fields is Flux's.
    let config = format!(
        "{{\n  \"auths\": {{\n    {}: {{\n      \"username\": {},\n      \"password\": {},\n      \"auth\": {}\n    }}\n  }}\n}}",
        text(&args.url),
        text(&args.username),
        text(&args.password),
        text(&STANDARD.encode(format!("{}:{}", args.username, args.password))),
    );
    Ok(Made::of(Fields::new().put(".dockerconfigjson", config), Some("kubernetes.io/dockerconfigjson")))
}
