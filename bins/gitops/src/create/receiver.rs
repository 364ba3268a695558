//! `gitops create receiver`.

use super::manifest::{Fields, object};
use super::upsert::{Wording, finish};
use super::{Creation, Name};
use crate::Failure;
use crate::cluster::{Target, say, text};
use crate::flags::Reference;

/// Create or update a `Receiver`: a web hook that asks for reconciliations.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create receiver github --type=github --event=ping,push --secret-ref=webhook-token --resource=GitRepository/webapp")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// Who calls.
    #[arg(long, value_parser = receiver_type)]
    r#type: Option<String>,
    /// The Secret with the token.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    secret_ref: String,
    /// The events that count (repeatable).
    #[arg(long, value_delimiter = ',', value_name = "EVENT")]
    event: Vec<String>,
    /// What is reconciled: KIND/NAME (repeatable).
    #[arg(long, value_delimiter = ',', value_name = "KIND/NAME")]
    resource: Vec<String>,
}

/// Reads the type of a receiver.
pub(super) fn receiver_type(text: &str) -> Result<String, String> {
    const KNOWN: [&str; 12] = [
        "generic",
        "generic-hmac",
        "github",
        "gitlab",
        "bitbucket",
        "harbor",
        "dockerhub",
        "quay",
        "gcr",
        "nexus",
        "acr",
        "cdevents",
    ];
    if text.trim().is_empty() {
        return Err(format!(
            "no receiver type given, please specify the receiver type, must be one of: {}",
            KNOWN.join(", ")
        ));
    }
    if KNOWN.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(format!("receiver type '{text}' is not supported, must be one of: {}", KNOWN.join(", ")))
    }
}

pub(super) async fn run(args: &Args, creation: &Creation<'_>) -> Result<(), Failure> {
    let kind_of_caller = args.r#type.as_deref().ok_or("Receiver type is required")?;
    if args.secret_ref.is_empty() {
        return Err("secret ref is required".into());
    }
    let mut resources = Vec::new();
    for text in &args.resource {
        let Reference { kind, name, .. } = Reference::kind_and_name(text);
        if kind.is_empty() {
            return Err(format!("invalid event source '{text}', must be in format <kind>/<name>").into());
        }
        resources.push(Fields::new().put("kind", kind).put("name", name));
    }
    if resources.is_empty() {
        return Err("atleast one resource is required".into());
    }
    creation.labels()?;
    if !creation.common.export {
        say::generate("generating Receiver");
    }
    let spec = Fields::new()
        .put("type", kind_of_caller)
        .list("events", args.event.clone())
        .list("resources", resources)
        .named("secretRef", &args.secret_ref);
    let kind = Target::Receiver.info();
    let made = object(kind, creation, spec)?;
    let wording = Wording::is_ready("Receiver", creation.name);
    if let Some(ready) = finish(creation, kind, &made, &wording).await? {
        say::success(format_args!("generated webhook URL {}", text(&ready, &["status", "webhookPath"])));
    }
    Ok(())
}
