//! `gitops create secret proxy`.

use super::{Made, parse_url};
use crate::Failure;
use crate::create::Name;
use crate::create::manifest::Fields;

/// Create or update a Secret with a proxy's address and login.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create secret proxy my-proxy --address=https://proxy.example.com --username=me --password=secret --export")]
pub(in crate::create) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// The proxy's address.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "URL")]
    address: String,
    /// The user.
    #[arg(long, short, default_value = "", hide_default_value = true)]
    username: String,
    /// The password.
    #[arg(long, short, default_value = "", hide_default_value = true)]
    password: String,
}

pub(super) fn make(args: &Args) -> Result<Made, Failure> {
    if args.address.is_empty() {
        return Err("address is required".into());
    }
    parse_url(&args.address).map_err(|why| format!("invalid proxy address: {why}"))?;
    let data = Fields::new()
        .put("address", &*args.address)
        .text("username", &args.username)
        .text("password", &args.password);
    Ok(Made::of(data, Some("Opaque")))
}
