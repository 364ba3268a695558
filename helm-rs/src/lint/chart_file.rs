//! Looks `Chart.yaml` over.

use gitops_semver::{Constraint, Version};
use gitops_template::is_request_url;

use super::{Entry, Linter, Severity};
use crate::chart::{Metadata, UnknownFields};
use crate::decode;
use crate::go::{base_name, quoted};
use crate::values::Value;

const PATH: &str = "Chart.yaml";

pub(super) fn check(linter: &mut Linter<'_, '_>) {
    let text = match &linter.target.chart_file {
        Entry::File(text) => text,
        Entry::Folder => {
            linter.add(Severity::Error, PATH, "should be a file, not a directory");
            let folder = &linter.target.folder;
            let message = format!("unable to parse YAML\n\tread {folder}/Chart.yaml: is a directory");
            return linter.add(Severity::Error, PATH, message);
        }
        Entry::Absent => {
            let folder = &linter.target.folder;
            let message =
                format!("unable to parse YAML\n\topen {folder}/Chart.yaml: no such file or directory");
            return linter.add(Severity::Error, PATH, message);
        }
    };
    let metadata = match Metadata::parse_as(text, UnknownFields::Skipped) {
        Ok(metadata) => metadata,
        Err(error) => {
            return linter.add(Severity::Error, PATH, format!("unable to parse YAML\n\t{}", error.message));
        }
    };
    if let Err(error) = decode::check_unique_keys(text)
        .and_then(|()| Metadata::parse_as(text, UnknownFields::Refused).map(|_| ()))
    {
        let message = format!("failed to strictly parse chart metadata file\n\t{}", error.message);
        linter.add(Severity::Warning, PATH, message);
    }
    let raw = decode::parse(text).map(|node| Value::from_node(&node)).unwrap_or_default();
    let checks = [
        (Severity::Error, name(&metadata)),
        (Severity::Error, api_version(&metadata)),
        (Severity::Error, is_text(&raw, "version")),
        (Severity::Error, version(&metadata)),
        (Severity::Error, is_text(&raw, "appVersion")),
        (Severity::Error, maintainers(&metadata)),
        (Severity::Error, sources(&metadata)),
        (Severity::Info, metadata.icon.is_empty().then(|| "icon is recommended".to_owned())),
        (Severity::Error, icon(&metadata)),
        (Severity::Error, chart_type(&metadata)),
        (Severity::Error, dependencies(&metadata)),
        (Severity::Warning, strict_version(&metadata)),
    ];
    for (severity, message) in checks {
        if let Some(message) = message {
            linter.add(severity, PATH, message);
        }
    }
}

fn name(metadata: &Metadata) -> Option<String> {
    if metadata.name.is_empty() {
        return Some("name is required".to_owned());
    }
    let name = metadata.name.as_str();
    (base_name(name) != name).then(|| format!("chart name {} is invalid", quoted(name)))
}

fn api_version(metadata: &Metadata) -> Option<String> {
    const WANTED: &str = "The value must be either \"v1\" or \"v2\"";
    match metadata.api_version.as_str() {
        "" => Some(format!("apiVersion is required. {WANTED}")),
        "v1" | "v2" => None,
        other => Some(format!("apiVersion '{other}' is not valid. {WANTED}")),
    }
}

fn is_text(raw: &Value, key: &str) -> Option<String> {
    match raw.get(key) {
        None | Some(Value::Text(_)) => None,
        Some(Value::Null) => Some(format!("{key} should be of type string but it's of type <nil>")),
        Some(other) => Some(format!("{key} should be of type string but it's of type {}", other.go_type())),
    }
}

fn version(metadata: &Metadata) -> Option<String> {
    if metadata.version.is_empty() {
        return Some("version is required".to_owned());
    }
    let Ok(version) = Version::parse(&metadata.version) else {
        return Some(format!("version '{}' is not a valid SemVer", metadata.version));
    };
    let reasons = Constraint::parse(">0.0.0-0").ok()?.validate(&version).err()?;
    reasons.first().map(|reason| format!("version {reason}"))
}

fn strict_version(metadata: &Metadata) -> Option<String> {
    let is_strict = Version::parse_strict(&metadata.version).is_ok();
    (!is_strict).then(|| format!("version '{}' is not a valid SemVerV2", metadata.version))
}

fn maintainers(metadata: &Metadata) -> Option<String> {
    for maintainer in &metadata.maintainers {
        let Some(maintainer) = maintainer else { return Some("a maintainer entry is empty".to_owned()) };
        let name = &maintainer.name;
        if name.is_empty() {
            return Some("each maintainer requires a name".to_owned());
        }
        if !maintainer.email.is_empty() && !is_email(&maintainer.email) {
            return Some(format!("invalid email '{}' for maintainer '{name}'", maintainer.email));
        }
        if !maintainer.url.is_empty() && !is_address(&maintainer.url) {
            return Some(format!("invalid url '{}' for maintainer '{name}'", maintainer.url));
        }
    }
    None
}

fn sources(metadata: &Metadata) -> Option<String> {
    let wrong = metadata.sources.iter().find(|source| !is_request_url(source))?;
    Some(format!("invalid source URL '{wrong}'"))
}

fn icon(metadata: &Metadata) -> Option<String> {
    let icon = &metadata.icon;
    (!icon.is_empty() && !is_request_url(icon)).then(|| format!("invalid icon URL '{icon}'"))
}

fn chart_type(metadata: &Metadata) -> Option<String> {
    let version = &metadata.api_version;
    (!metadata.chart_type.is_empty() && version != "v2")
        .then(|| format!("chart type is not valid in apiVersion '{version}'. It is valid in apiVersion 'v2'"))
}

fn dependencies(metadata: &Metadata) -> Option<String> {
    let version = &metadata.api_version;
    (!metadata.dependencies.is_empty() && version != "v2").then(|| {
        format!("dependencies are not valid in the Chart file with apiVersion '{version}'. They are valid in apiVersion 'v2'")
    })
}

/// Returns whether a text is a mail address, about as strictly as the check that Helm uses.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_local = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c) || !c.is_ascii();
    !local.is_empty()
        && local.chars().all(is_local)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && domain.contains('.')
        && is_host(domain)
}

fn is_host(text: &str) -> bool {
    text.trim_end_matches('.').split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
    })
}

/// Returns whether a text is an address of the web, with or without a scheme.
fn is_address(text: &str) -> bool {
    const LONGEST: usize = 2_083;
    if text.len() < 3
        || text.len() >= LONGEST
        || text.starts_with('.')
        || text.chars().any(char::is_whitespace)
    {
        return false;
    }
    let after = match text.split_once("://") {
        Some(("ftp" | "tcp" | "udp" | "ws" | "wss" | "http" | "https", after)) => after,
        Some(_) => return false,
        None => text,
    };
    let authority = after.split(['/', '?', '#']).next().unwrap_or(after);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host = host.split(':').next().unwrap_or(host);
    host == "localhost" || (host.contains('.') && is_host(host))
}
