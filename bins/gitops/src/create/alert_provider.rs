//! `gitops create alert-provider`.

use super::manifest::{Fields, object};
use super::upsert::{Wording, finish};
use super::{Creation, Name};
use crate::Failure;
use crate::cluster::{Target, say};

/// Create or update a `Provider`: where events go.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create alert-provider slack --type=slack --channel=general --secret-ref=slack-url
  gitops create alert-provider github --type=github --address=https://github.com/org/repo --secret-ref=token --export")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// The kind of service.
    #[arg(long, default_value = "", hide_default_value = true)]
    r#type: String,
    /// The channel of a chat.
    #[arg(long, default_value = "", hide_default_value = true)]
    channel: String,
    /// The name that messages come from.
    #[arg(long, default_value = "", hide_default_value = true)]
    username: String,
    /// The address of the service, repository or web hook.
    #[arg(long, default_value = "", hide_default_value = true)]
    address: String,
    /// The Secret with the token.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    secret_ref: String,
}

pub(super) async fn run(args: &Args, creation: &Creation<'_>) -> Result<(), Failure> {
    if args.r#type.is_empty() {
        return Err("Provider type is required".into());
    }
    creation.labels()?;
    if !creation.common.export {
        say::generate("generating Provider");
    }
    let spec = Fields::new()
        .put("type", &*args.r#type)
        .text("channel", &args.channel)
        .text("username", &args.username)
        .text("address", &args.address)
        .named("secretRef", &args.secret_ref);
    let kind = Target::AlertProvider.info();
    let made = object(kind, creation, spec)?;
    finish(creation, kind, &made, &Wording::is_ready("Provider", creation.name)).await.map(drop)
}
