//! `gitops create secret receiver`.

use super::Made;
use crate::Failure;
use crate::create::manifest::Fields;
use crate::create::receiver::receiver_type;
use crate::create::{Creation, Name};
use gitops_core::digest::sha256;
use std::fmt::Write;

/// Create or update a Secret with a web hook's token; the hook's URL is noted on it.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create secret receiver webhook --type=github --hostname=flux.example.com --export
  gitops create secret receiver gcr-webhook --type=gcr --hostname=flux.example.com --email-claim=sa@project.iam.gserviceaccount.com")]
pub(in crate::create) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// Who calls.
    #[arg(long, value_parser = receiver_type)]
    r#type: Option<String>,
    /// The token; a random one is made where there is none.
    #[arg(long, default_value = "", hide_default_value = true)]
    token: String,
    /// The host of the web hook's URL.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "HOST")]
    hostname: String,
    /// The service account's address, for gcr.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "ADDRESS")]
    email_claim: String,
    /// The audience of gcr's tokens; the web hook's URL by default.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "URL")]
    audience_claim: String,
}

pub(super) fn make(args: &Args, creation: &Creation<'_>) -> Result<Made, Failure> {
    let kind = args.r#type.as_deref().ok_or("--type is required")?;
    if args.hostname.is_empty() {
        return Err("--hostname is required".into());
    }
    if kind == "gcr" && args.email_claim.is_empty() {
        return Err("--email-claim is required for gcr receiver type".into());
    }
    let token = if args.token.is_empty() { random_token()? } else { args.token.clone() };
    let digest = sha256(format!("{token}{}{}", creation.name, creation.namespace()).as_bytes());
    let digest = digest.trim_start_matches("sha256:");
    let url = format!("https://{}/hook/{digest}", args.hostname);
    let mut data = Fields::new().put("token", token);
    if kind == "gcr" {
        let audience = if args.audience_claim.is_empty() { &url } else { &args.audience_claim };
        data = data.put("email", &*args.email_claim).put("audience", audience.as_str());
    }
    Ok(Made { annotation: Some(("notification.toolkit.fluxcd.io/webhook", url)), ..Made::of(data, None) })
}

fn random_token() -> Result<String, Failure> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|why| format!("failed to generate random token: {why}"))?;
    let mut text = String::with_capacity(64);
    for byte in bytes {
        write!(text, "{byte:02x}")?;
    }
    Ok(text)
}
