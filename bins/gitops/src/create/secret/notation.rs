//! `gitops create secret notation`.

use super::{Made, read_file};
use crate::Failure;
use crate::create::Name;
use crate::create::manifest::Fields;
use std::path::PathBuf;

/// Create or update a Secret with Notation's trust policy and certificates.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create secret notation notation-config --ca-cert-file=./ca.crt --trust-policy-file=./trustpolicy.json --export")]
pub(in crate::create) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// Files of root certificates, ending in .crt or .pem (repeatable).
    #[arg(long, value_delimiter = ',', value_name = "FILE")]
    ca_cert_file: Vec<PathBuf>,
    /// The trust policy's file.
    #[arg(long, value_name = "FILE")]
    trust_policy_file: Option<PathBuf>,
}

pub(super) fn make(args: &Args) -> Result<Made, Failure> {
    if args.ca_cert_file.is_empty() {
        return Err("--ca-cert-file is required".into());
    }
    let path = args.trust_policy_file.as_ref().ok_or("--trust-policy-file is required")?;
    let policy = read_file(path, "unable to read trust policy file")?;
    let parsed: serde_json::Value = serde_json::from_str(&policy)
        .map_err(|why| format!("failed to unmarshal trust policy {}: {why}", path.display()))?;
    check(&parsed).map_err(|why| format!("invalid trust policy: {why}"))?;
    let mut data = Fields::new();
    let mut wrong = Vec::new();
    for file in &args.ca_cert_file {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        // The controller looks for these two endings, in lower case.
        #[allow(clippy::case_sensitive_file_extension_comparisons, reason = "as the reader does")]
        if !name.ends_with(".crt") && !name.ends_with(".pem") {
            wrong.push(format!("{name} must end with either .crt or .pem"));
            continue;
        }
        match read_file(file, "unable to read TLS CA file") {
            Ok(text) => data = data.put(&name, text),
            Err(why) => wrong.push(why.to_string()),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong.join("\n").into());
    }
    Ok(Made::of(data.text("trustpolicy.json", policy), None))
}

/// Checks what a trust policy must have.
fn check(policy: &serde_json::Value) -> Result<(), String> {
    let version = policy["version"].as_str().unwrap_or_default();
    if version.is_empty() {
        return Err("trust policy document has empty version, version must be specified".to_owned());
    }
    if version != "1.0" {
        return Err(format!("trust policy document uses unsupported version {version:?}"));
    }
    let policies = policy["trustPolicies"].as_array().map(Vec::as_slice).unwrap_or_default();
    if policies.is_empty() {
        return Err("trust policy document can not have zero trust policy statements".to_owned());
    }
    if policies.iter().any(|one| one["name"].as_str().unwrap_or_default().is_empty()) {
        return Err("a trust policy statement is missing a name, every statement requires a name".to_owned());
    }
    Ok(())
}
