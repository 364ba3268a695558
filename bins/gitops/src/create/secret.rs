//! `gitops create secret`: the Secrets that controllers read, in the forms that they read.

mod git;
mod githubapp;
mod helm;
mod notation;
mod oci;
mod proxy;
mod receiver;
mod tls;

pub(super) use super::key_pair::{Keys, known_hosts};
pub(super) use helm::{Certificates, data as helm_data};

use super::manifest::Fields;
use super::{Creation, Name};
use crate::Failure;
use crate::cluster::{node, say, within};
use clap::Subcommand;
use gitops_yaml::{Dialect, Node, print_sigs};
use std::io;
use std::path::Path;

#[derive(Subcommand, Debug)]
pub(super) enum What {
    Git(git::Args),
    Githubapp(githubapp::Args),
    Helm(helm::Args),
    Notation(notation::Args),
    Oci(oci::Args),
    Proxy(proxy::Args),
    Receiver(receiver::Args),
    Tls(tls::Args),
}

impl What {
    pub(super) fn name(&self) -> &Name {
        match self {
            Self::Git(args) => &args.name,
            Self::Githubapp(args) => &args.name,
            Self::Helm(args) => &args.name,
            Self::Notation(args) => &args.name,
            Self::Oci(args) => &args.name,
            Self::Proxy(args) => &args.name,
            Self::Receiver(args) => &args.name,
            Self::Tls(args) => &args.name,
        }
    }
}

/// A Secret that is yet to be made: its data, its type, and what is noted on it.
struct Made {
    data: Fields,
    form: Option<&'static str>,
    annotation: Option<(&'static str, String)>,
}

impl Made {
    fn of(data: Fields, form: Option<&'static str>) -> Self {
        Self { data, form, annotation: None }
    }
}

pub(super) async fn run(what: &What, creation: &Creation<'_>) -> Result<(), Failure> {
    let (made, word) = match what {
        What::Git(args) => (git::make(args)?, "git"),
        What::Githubapp(args) => (githubapp::make(args)?, "githubapp"),
        What::Helm(args) => (helm::make(args)?, "helm"),
        What::Notation(args) => (notation::make(args)?, "notation configuration"),
        What::Oci(args) => (oci::make(args)?, "oci"),
        What::Proxy(args) => (proxy::make(args)?, "proxy"),
        What::Receiver(args) => (receiver::make(args, creation)?, "receiver"),
        What::Tls(args) => (tls::make(args)?, "tls"),
    };
    let mut secret = object(creation, creation.name, made.data, made.form)?;
    if let (Some((key, value)), Some(metadata)) = (made.annotation, secret.get_mut("metadata")) {
        let note = gitops_yaml::Entry { key: Node::string(key), value: Node::string(value) };
        metadata.set("annotations", Node::mapping(vec![note]));
    }
    if creation.common.export {
        // Flux ends all but one of these with an empty line.
        let end = if matches!(what, What::Tls(_)) { "" } else { "\n" };
        anstream::print!("---\n{}{end}", print_sigs(&secret, Dialect::V3)?);
        return Ok(());
    }
    if let Some(key) = secret.at_path(&["stringData", "identity.pub"]).and_then(Node::as_str) {
        say::generate(format_args!("deploy key: {key}"));
    }
    let cluster = creation.cluster.connect().await?;
    within(creation.cluster.timeout.0, super::upsert::upsert(&cluster, &secret)).await?;
    say::action(format_args!(
        "{word} secret '{}' created in '{}' namespace",
        creation.name,
        creation.namespace()
    ));
    Ok(())
}

/// Makes a Secret with texts.
pub(super) fn object(
    creation: &Creation<'_>,
    name: &str,
    data: Fields,
    form: Option<&str>,
) -> Result<Node, Failure> {
    let labels = creation.labels()?;
    let metadata = Fields::new()
        .put("name", name)
        .put("namespace", creation.namespace())
        .fields("labels", labels.into_iter().fold(Fields::new(), |all, (key, value)| all.put(&key, value)));
    let whole = Fields::new()
        .put("apiVersion", "v1")
        .put("kind", "Secret")
        .put("metadata", metadata)
        .fields("stringData", data)
        .text("type", form.unwrap_or_default());
    node(&whole.into())
}

/// The parts of a URL that are asked for.
pub(super) struct Url {
    pub(super) scheme: String,
    pub(super) host: String,
}

/// Reads a URL, and refuses in the words of Go's `url.Parse`.
pub(super) fn parse_url(text: &str) -> Result<Url, String> {
    let refused = |why: &str| Err(format!("parse {text:?}: {why}"));
    if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return refused("net/url: invalid control character in URL");
    }
    let without_fragment = text.split('#').next().unwrap_or_default();
    let colon = without_fragment.find(':');
    let scheme = match colon {
        Some(0) => return refused("missing protocol scheme"),
        Some(at) if is_scheme(&without_fragment[..at]) => without_fragment[..at].to_lowercase(),
        _ => String::new(),
    };
    let rest = if scheme.is_empty() { without_fragment } else { &without_fragment[scheme.len() + 1..] };
    let Some(authority_on) = rest.strip_prefix("//") else {
        let first = rest.split('/').next().unwrap_or_default();
        if scheme.is_empty() && first.contains(':') {
            return refused("first path segment in URL cannot contain colon");
        }
        return Ok(Url { scheme, host: String::new() });
    };
    let authority = authority_on.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.contains(' ') {
        return refused("invalid character \" \" in host name");
    }
    if let Some((_, port)) = host.rsplit_once(':').filter(|_| !host.ends_with(']'))
        && !port.bytes().all(|byte| byte.is_ascii_digit())
    {
        return refused(&format!("invalid port {:?} after host", format!(":{port}")));
    }
    Ok(Url { scheme, host: host.to_owned() })
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Reads the URL of a git repository.
pub(super) fn git_url(text: &str) -> Result<Url, Failure> {
    parse_url(text).map_err(|why| format!("git URL parse failed: {why}").into())
}

/// Reads a file of text.
pub(super) fn read_file(path: &Path, failed: &str) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|why| format!("{failed}: {}", go_io_error(path, &why)).into())
}

/// What Go says of a file that can't be read.
pub(super) fn go_io_error(path: &Path, why: &io::Error) -> String {
    let shown = path.display();
    match why.kind() {
        io::ErrorKind::NotFound => format!("open {shown}: no such file or directory"),
        io::ErrorKind::PermissionDenied => format!("open {shown}: permission denied"),
        io::ErrorKind::IsADirectory => format!("read {shown}: is a directory"),
        _ => format!("open {shown}: {why}"),
    }
}
