//! `gitops create secret githubapp`.

use super::{Made, read_file};
use crate::Failure;
use crate::create::Name;
use crate::create::manifest::Fields;
use std::path::PathBuf;

/// Create or update a Secret with a GitHub App's key.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create secret githubapp podinfo-auth --app-id=1 --app-installation-id=2 --app-private-key=./key.pem --export")]
pub(in crate::create) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// The app's number.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "ID")]
    app_id: String,
    /// The user or organization that has installed it.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    app_installation_owner: String,
    /// The installation's number.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "ID")]
    app_installation_id: String,
    /// The file of the app's private key.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "FILE")]
    app_private_key: PathBuf,
    /// The API's URL of a server of one's own.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "URL")]
    app_base_url: String,
}

pub(super) fn make(args: &Args) -> Result<Made, Failure> {
    let key = read_file(&args.app_private_key, "unable to read private key file")?;
    if args.app_id.is_empty() {
        return Err("githubAppID is required".into());
    }
    if key.is_empty() {
        return Err("githubAppPrivateKey is required".into());
    }
    if args.app_installation_owner.is_empty() == args.app_installation_id.is_empty() {
        return Err(
            "exactly one of githubAppInstallationOwner or githubAppInstallationID must be provided".into()
        );
    }
    let data = Fields::new()
        .put("githubAppID", &*args.app_id)
        .put("githubAppPrivateKey", key)
        .text("githubAppInstallationOwner", &args.app_installation_owner)
        .text("githubAppInstallationID", &args.app_installation_id)
        .text("githubAppBaseURL", &args.app_base_url);
    Ok(Made::of(data, None))
}
