//! `gitops create alert`.

use super::manifest::{Fields, object};
use super::upsert::{Wording, finish};
use super::{Creation, Name};
use crate::Failure;
use crate::cluster::{Target, say};
use crate::flags::Reference;

/// Create or update an `Alert`: whose events go to a provider.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create alert apps --event-severity=info --event-source='Kustomization/*' --provider-ref=slack
  gitops create alert apps --event-source=GitRepository/apps,HelmRelease/web.prod --provider-ref=slack --export")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// The provider.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    provider_ref: String,
    /// Which events: info (all) or error.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "SEVERITY")]
    event_severity: String,
    /// Whose events: KIND/NAME[.NAMESPACE], KIND/* (repeatable).
    #[arg(long, value_delimiter = ',', value_name = "SOURCE")]
    event_source: Vec<String>,
}

pub(super) async fn run(args: &Args, creation: &Creation<'_>) -> Result<(), Failure> {
    if args.provider_ref.is_empty() {
        return Err("provider ref is required".into());
    }
    let mut sources = Vec::new();
    for text in &args.event_source {
        let Reference { kind, name, namespace } = Reference::with_namespace(text);
        if kind.is_empty() {
            return Err(format!("invalid event source '{text}', must be in format <kind>/<name>").into());
        }
        sources.push(Fields::new().put("kind", kind).put("name", name).text("namespace", namespace));
    }
    if sources.is_empty() {
        return Err("at least one event source is required".into());
    }
    creation.labels()?;
    if !creation.common.export {
        say::generate("generating Alert");
    }
    let spec = Fields::new()
        .named("providerRef", &args.provider_ref)
        .text("eventSeverity", &args.event_severity)
        .list("eventSources", sources);
    let kind = Target::Alert.info();
    let made = object(kind, creation, spec)?;
    finish(creation, kind, &made, &Wording::is_ready("Alert", creation.name)).await.map(drop)
}
