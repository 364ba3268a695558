//! Repositories within a repository: `.gitmodules`, and where its URLs lead.

use crate::checkout::Submodule;
use crate::error::Failure;
use crate::object::{self, EntryKind};
use crate::pack::Objects;
use crate::remote::Session;
use gitops_core::git_location::{Credentials, GitLocation, LocalRepositories, Transport};
use gitops_core::tree::MemTree;
use gix_hash::ObjectId;
use gix_object::Kind;
use std::collections::BTreeMap;

/// How deep submodules may nest.
const DEPTH: usize = 10;

/// Reads which repository belongs to which path.
pub(crate) fn declared(objects: &Objects, root: ObjectId) -> Result<BTreeMap<String, String>, Failure> {
    let directory = objects.get(&root, Kind::Tree)?;
    for entry in object::entries(directory, root.kind()) {
        let entry = entry?;
        if entry.name == b".gitmodules" && matches!(entry.kind, EntryKind::File | EntryKind::Program) {
            let text = String::from_utf8_lossy(objects.get(&entry.id, Kind::Blob)?).into_owned();
            return Ok(paths_and_urls(&text));
        }
    }
    Ok(BTreeMap::new())
}

/// Reads the sections of `.gitmodules`.
fn paths_and_urls(text: &str) -> BTreeMap<String, String> {
    let mut sections: BTreeMap<String, (Option<String>, Option<String>)> = BTreeMap::new();
    let mut section = None;
    for line in text.lines().map(str::trim) {
        if let Some(head) = line.strip_prefix('[') {
            let name = head.strip_prefix("submodule").and_then(|name| name.trim().strip_suffix(']'));
            section = name.map(|name| name.trim_matches('"').to_owned());
        } else if let (Some(name), Some((key, value))) = (&section, line.split_once('=')) {
            let slot = sections.entry(name.clone()).or_default();
            match key.trim().to_ascii_lowercase().as_str() {
                "path" => slot.0 = Some(value_of(value)),
                "url" => slot.1 = Some(value_of(value)),
                _ => {}
            }
        }
    }
    sections.into_values().filter_map(|(path, url)| path.zip(url)).collect()
}

/// Reads a value of git's configuration: quotes are taken off, a comment is cut.
fn value_of(text: &str) -> String {
    let mut value = String::new();
    let mut is_quoted = false;
    let mut rest = text.trim().chars();
    while let Some(c) = rest.next() {
        match c {
            '"' => is_quoted = !is_quoted,
            '\\' => value.extend(rest.next()),
            '#' | ';' if !is_quoted => break,
            c => value.push(c),
        }
    }
    value.trim_end().to_owned()
}

/// Fetches submodules and puts them at their paths.
pub(crate) fn mount(
    session: &Session<'_>,
    parent: &GitLocation,
    declared: &BTreeMap<String, String>,
    found: &[Submodule],
    tree: &mut MemTree,
    depth: usize,
) -> Result<(), Failure> {
    if depth >= DEPTH {
        return Err(Failure::Bad(format!("submodules nest deeper than {DEPTH}")));
    }
    for module in found {
        let path = &module.path;
        let in_submodule = |why: String| format!("submodule {path}: {why}");
        // A commit that no section names is left an empty directory, as git leaves it.
        let Some(url) = declared.get(path) else { continue };
        session.count_submodule()?;
        let location = locate(parent, url).map_err(|why| Failure::Bad(in_submodule(why)))?;
        let below = crate::fetch::submodule(session, &location, module, depth);
        let below =
            below.map_err(|failure| failure.with(|why| in_submodule(format!("{location}: {why}"))))?;
        tree.mount(path, &below).map_err(|error| Failure::Bad(error.to_string()))?;
    }
    Ok(())
}

/// Finds a submodule's repository. The parent's credentials go along to the parent's own server alone.
fn locate(parent: &GitLocation, url: &str) -> Result<GitLocation, String> {
    let url = absolute(parent, url)?;
    let local = match parent.transport {
        Transport::File => LocalRepositories::Allowed,
        _ => LocalRepositories::Refused,
    };
    let secret = secret_of(&parent.credentials);
    let with = GitLocation::new(&url, Some(&secret), local).map_err(|error| error.to_string())?;
    if with.transport == parent.transport && with.host == parent.host {
        return Ok(with);
    }
    GitLocation::new(&url, None, local).map_err(|error| error.to_string())
}

/// Makes a submodule's URL absolute: `../other` is seen from the parent's own, `git@host:path` is ssh.
fn absolute(parent: &GitLocation, url: &str) -> Result<String, String> {
    if url.starts_with('-') || url.chars().any(char::is_control) {
        return Err(format!("{url:?} is no URL"));
    }
    if url.starts_with("./") || url.starts_with("../") {
        let mut path: Vec<&str> = parent.path.split('/').filter(|part| !part.is_empty()).collect();
        for part in url.split('/').filter(|part| !part.is_empty() && *part != ".") {
            match part {
                ".." => drop(path.pop().ok_or_else(|| format!("{url:?} leads above the server's root"))?),
                part => path.push(part),
            }
        }
        let user = match (&parent.transport, &parent.credentials.username) {
            (Transport::Ssh, Some(user)) => format!("{user}@"),
            _ => String::new(),
        };
        return Ok(format!("{}://{user}{}/{}", parent.transport.name(), parent.host, path.join("/")));
    }
    if parent.transport == Transport::File && url.starts_with('/') {
        return Ok(format!("file://{url}"));
    }
    match url.split_once(':') {
        Some((host, path)) if !url.contains("://") && !host.contains('/') && !path.starts_with(':') => {
            Ok(format!("ssh://{host}/{}", path.trim_start_matches('/')))
        }
        _ => Ok(url.to_owned()),
    }
}

fn secret_of(credentials: &Credentials) -> BTreeMap<String, Vec<u8>> {
    let mut secret = BTreeMap::new();
    let mut put = |key: &str, value: Option<&str>| {
        if let Some(value) = value {
            secret.insert(key.to_owned(), value.as_bytes().to_vec());
        }
    };
    let reveal = gitops_core::ports::Secret::reveal;
    put("username", credentials.username.as_deref());
    // For ssh the password is the key's passphrase.
    put("password", credentials.password.as_ref().or(credentials.passphrase.as_ref()).map(reveal));
    put("bearerToken", credentials.bearer_token.as_ref().map(reveal));
    put("identity", credentials.identity.as_ref().map(reveal));
    put("known_hosts", credentials.known_hosts.as_deref());
    put("ca.crt", credentials.ca.as_deref());
    put("tls.crt", credentials.client_certificate.as_deref());
    put("tls.key", credentials.client_key.as_ref().map(reveal));
    secret
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::ports::Secret;

    fn parent(url: &str) -> GitLocation {
        let mut location = GitLocation::new(url, None, LocalRepositories::Refused).unwrap();
        location.credentials.username = Some("bot".into());
        location.credentials.password = Some(Secret::new("hunter2"));
        location
    }

    #[test]
    fn modules_are_read() {
        let text = "[submodule \"a\"]\n\tpath = libs/a # here\n\turl = \"../a.git\"\n[core]\n\turl = x\n[submodule \"b\"]\npath=b\n";
        assert_eq!(paths_and_urls(text), BTreeMap::from([("libs/a".to_owned(), "../a.git".to_owned())]));
    }

    #[test]
    fn relative_urls_are_seen_from_the_parent() {
        let parent = parent("https://h:8443/team/fleet.git");
        let at = |url: &str| locate(&parent, url).map(|location| location.to_string());
        assert_eq!(at("../libs/a.git").as_deref(), Ok("https://h:8443/team/libs/a.git"));
        assert_eq!(at("./a").as_deref(), Ok("https://h:8443/team/fleet.git/a"));
        assert!(at("../../../x").is_err());
    }

    #[test]
    fn the_parents_credentials_stay_on_its_server() {
        let parent = parent("https://h/team/fleet.git");
        assert!(locate(&parent, "../a").unwrap().credentials.password.is_some());
        for url in ["https://other/a", "http://h/a", "https://h:444/a"] {
            assert_eq!(locate(&parent, url).unwrap().credentials, Credentials::default(), "{url}");
        }
    }

    #[test]
    fn no_url_starts_a_program_or_reads_this_machine() {
        let parent = parent("https://h/team/fleet.git");
        for url in [
            "-u./payload",
            "--upload-pack=x",
            "ext::sh -c x",
            "file:///etc",
            "/etc",
            "fd::1",
            "ssh://-oProxyCommand=x/y",
        ] {
            assert!(locate(&parent, url).is_err(), "{url}");
        }
    }
}
