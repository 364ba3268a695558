//! Objects against the schemas of their kinds, deprecated versions, Secrets and placeholders.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gitops_core::schema::{Fault, Schema};
use gitops_yaml::{Data, Node};

use super::super::flux::{api_version, kind, text};
use super::super::sealed::is_placeholder;
use super::{Checked, Report};

pub(super) fn check(one: &Checked<'_>, schema: &Schema, report: &mut Report) {
    fields(one, schema, report);
    version(one, report);
    secret(one, report);
    ingress(one, report);
    placeholders(one, one.node, &mut String::new(), 0, report);
}

fn fields(one: &Checked<'_>, schema: &Schema, report: &mut Report) {
    for mismatch in schema.check(one.node) {
        let place =
            if mismatch.place.is_known() { one.files.show(mismatch.place) } else { one.place.clone() };
        let shown = mismatch.path.to_string();
        // What a server fills in is not asked of files.
        if shown.starts_with("status") || shown.starts_with("metadata.managedFields") {
            continue;
        }
        // Flux's reader names values of a wrong type itself, and says of fields of older versions what became of them.
        let is_flux = api_version(one.node).contains(".toolkit.fluxcd.io/");
        if is_flux && (report.has_at(&place) || !matches!(mismatch.fault, Fault::Undeclared { .. })) {
            continue;
        }
        let message = format!("{} {}: {mismatch}", kind(one.node), text(one.node, &["metadata", "name"]));
        match &mismatch.fault {
            Fault::Undeclared { near: Some(near) } => {
                let help = format!("did you mean {near}? The API server refuses the whole apply");
                report.error("unknown-field", one, place, message, &help);
            }
            Fault::Undeclared { near: None } => {
                let help = "remove the field: the API server refuses the whole apply";
                report.error("unknown-field", one, place, message, help);
            }
            Fault::WrongType { .. } => {
                report.error(
                    "wrong-type",
                    one,
                    place,
                    message,
                    "quote or unquote the value as its type needs",
                );
            }
            _ => report.error("missing-field", one, place, message, "add it"),
        }
    }
}

fn version(one: &Checked<'_>, report: &mut Report) {
    let cluster = helm_rs::KubeVersion::parse(Schema::KUBERNETES_VERSION).unwrap_or_default();
    if let Some((message, is_gone)) = helm_rs::deprecated_api(api_version(one.node), kind(one.node), &cluster)
    {
        let help = "change apiVersion, and look for fields that moved";
        let place = one.show_at(&["apiVersion"]);
        if is_gone {
            report.error("deprecated-version", one, place, message, help);
        } else {
            report.warn("deprecated-version", one, place, message, help);
        }
    }
}

fn secret(one: &Checked<'_>, report: &mut Report) {
    if kind(one.node) != "Secret" || api_version(one.node) != "v1" || one.is_opened {
        return;
    }
    let clear = one.node.get("stringData").and_then(Node::entries).unwrap_or_default();
    let mut is_clear = clear.iter().any(|entry| !entry.value.as_str().is_some_and(is_sealed));
    for entry in one.node.get("data").and_then(Node::entries).unwrap_or_default() {
        let (Some(key), Some(value)) = (entry.key.as_str(), entry.value.as_str()) else { continue };
        if is_sealed(value) {
            continue;
        }
        is_clear = true;
        let packed: String = value.chars().filter(|c| !c.is_whitespace()).collect();
        let place = one.show(&entry.value);
        let help = "write the value as it is below stringData, or encode it in base64";
        match STANDARD.decode(packed.as_bytes()) {
            Err(_) => {
                let message = format!("data.{key} is no base64: the API server refuses the Secret");
                report.error("secret-encoding", one, place, message, help);
            }
            Ok(bytes) if !value.is_empty() && std::str::from_utf8(&bytes).is_err() && looks_plain(value) => {
                let message = format!(
                    "data.{key} looks like plain text, but data values are base64: it decodes to {} bytes that are no text",
                    bytes.len()
                );
                report.warn("secret-encoding", one, place, message, help);
            }
            Ok(_) => {}
        }
    }
    if is_clear {
        let message = format!("Secret {} stands in git in clear text", text(one.node, &["metadata", "name"]));
        let help = "encrypt it with SOPS, or let the cluster fetch it from where secrets are kept";
        report.note("clear-secret", one, one.place.clone(), message, help);
    }
}

fn is_sealed(value: &str) -> bool {
    value.starts_with("ENC[") || is_placeholder(value)
}

/// Letters alone, all small: nobody's base64.
fn looks_plain(value: &str) -> bool {
    value.len() < 24 && value.bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b == b'_')
}

fn ingress(one: &Checked<'_>, report: &mut Report) {
    if kind(one.node) != "Ingress" || api_version(one.node) != "networking.k8s.io/v1" {
        return;
    }
    let spec = one.node.get("spec");
    let rules = spec.and_then(|spec| spec.get("rules")).and_then(Node::items).unwrap_or_default();
    let has_default = spec.is_some_and(|spec| spec.get("defaultBackend").is_some());
    if rules.is_empty() && !has_default {
        let help = "write a rule, or leave the rules to an overlay and build that; an Ingress without either is refused";
        let message = "either defaultBackend or rules must be specified".to_owned();
        report.warn("ingress-rules", one, one.show_at(&["spec", "rules"]), message, help);
    }
    let annotation = ["metadata", "annotations", "kubernetes.io/ingress.class"];
    if let Some(old) = one.node.at_path(&annotation) {
        let place = one.show(old);
        if spec.is_some_and(|spec| spec.get("ingressClassName").is_some()) {
            let message =
                "annotation kubernetes.io/ingress.class can not be set when the class field is also set";
            report.error("ingress-class", one, place, message.to_owned(), "remove the annotation");
        } else {
            let message = "annotation kubernetes.io/ingress.class is deprecated".to_owned();
            let help = "use spec.ingressClassName in its place: both together are refused";
            report.warn("ingress-class", one, place, message, help);
        }
    }
}

/// Words that documents use where a reader should write a value.
const PLACEHOLDERS: [&str; 9] = [
    "yourgithubusername",
    "yourrepository",
    "changeme",
    "change-me",
    "replace_me",
    "replaceme",
    "your-org",
    "your-repo",
    "<your",
];

fn placeholders(one: &Checked<'_>, node: &Node, path: &mut String, depth: usize, report: &mut Report) {
    if depth > 64 {
        return;
    }
    match &node.data {
        Data::Scalar(value) => {
            let folded = value.to_lowercase();
            if let Some(word) = PLACEHOLDERS.iter().find(|word| folded.contains(*word)) {
                let is_secret = kind(one.node) == "Secret";
                let shown = if is_secret { (*word).to_owned() } else { value.to_string() };
                let message = format!("{path} is still a placeholder: {shown}");
                report.warn("placeholder", one, one.show(node), message, "write the real value");
            }
        }
        Data::Mapping(entries) => {
            for entry in entries {
                let Some(key) = entry.key.as_str() else { continue };
                let length = path.len();
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
                placeholders(one, &entry.value, path, depth + 1, report);
                path.truncate(length);
            }
        }
        Data::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                let length = path.len();
                path.push_str(&format!("[{index}]"));
                placeholders(one, item, path, depth + 1, report);
                path.truncate(length);
            }
        }
        Data::Alias(_) => {}
    }
}
