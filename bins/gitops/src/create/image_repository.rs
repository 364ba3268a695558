//! `gitops create image repository`.

use super::manifest::{Fields, object};
use super::upsert::{Wording, finish};
use super::{Creation, Name};
use crate::Failure;
use crate::cluster::{Target, say};
use crate::flags::duration;
use gitops_core::api::GoDuration;

/// Create or update an `ImageRepository`: an image whose tags are listed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create image repository podinfo --image=ghcr.io/stefanprodan/podinfo --interval=1m
  gitops create image repository app --image=registry.example.com/app --secret-ref=regcred --export")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// The image, without a tag.
    #[arg(long, default_value = "", hide_default_value = true)]
    image: String,
    /// A pull secret that exists.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    secret_ref: String,
    /// A Secret that exists, with certificates.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    cert_ref: String,
    /// How long a scan may take.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    scan_timeout: Option<GoDuration>,
}

pub(super) async fn run(args: &Args, creation: &Creation<'_>) -> Result<(), Failure> {
    if args.image.is_empty() {
        return Err("an image repository (--image) is required".into());
    }
    check_repository(&args.image).map_err(|why| format!("unable to parse image value: {why}"))?;
    let spec = Fields::new()
        .put("image", &*args.image)
        .put("interval", creation.interval().to_string())
        .time("timeout", args.scan_timeout)
        .named("secretRef", &args.secret_ref)
        .named("certSecretRef", &args.cert_ref);
    let kind = Target::ImageRepository.info();
    let made = object(kind, creation, spec)?;
    if !creation.common.export {
        say::generate("generating ImageRepository");
    }
    finish(creation, kind, &made, &Wording::of("ImageRepository")).await.map(drop)
}

const CHARACTERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789_-./";

/// Checks `[HOST/]PATH` in the words of the library that Flux uses.
fn check_repository(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("a repository name must be specified".to_owned());
    }
    let (host, path) = match text.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
        _ => ("", text),
    };
    if !(2..=255).contains(&path.len()) {
        return Err(format!("repository must be between 2 and 255 characters in length: {path}"));
    }
    if !path.chars().all(|c| CHARACTERS.contains(c)) {
        return Err(format!("repository can only contain the characters `{CHARACTERS}`: {path}"));
    }
    let has_no_space = !host.chars().any(|c| c.is_whitespace() || c == '@');
    if has_no_space {
        Ok(())
    } else {
        Err(format!("registries must be valid RFC 3986 URI authorities: {host}"))
    }
}
