//! Revisions and git credentials, as Flux's own code reads them.

use gitops_conformance::{Suite, folder, rows};
use gitops_core::git_location::{Credentials, GitLocation, LocalRepositories};
use gitops_core::revision::Revision;
use std::collections::BTreeMap;

#[test]
fn revisions() {
    let Some(file) = folder("flux/revision.jsonl") else { return };
    let mut suite = Suite::new("revision");
    for row in rows(&file) {
        let text = |key: &str| row[key].as_str().expect("a text");
        suite.check(text("id"), || {
            let revision: Revision = text("revision").parse().map_err(|e| format!("{e}"))?;
            let got = (revision.to_string(), revision.name(), revision.hash());
            let wanted = (text("normalized").to_owned(), text("pointer"), text("hash"));
            if got == wanted { Ok(()) } else { Err(format!("{got:?}")) }
        });
    }
    suite.finish(100.0);
}

/// Names the credentials as the recorded rows do.
fn named(location: &GitLocation) -> BTreeMap<&'static str, String> {
    let Credentials {
        username,
        password,
        bearer_token,
        identity,
        known_hosts,
        ca,
        client_certificate,
        client_key,
        ..
    } = &location.credentials;
    let secret = |s: &Option<gitops_core::ports::Secret>| s.as_ref().map(|s| s.reveal().to_owned());
    [
        ("host", Some(location.host.clone())),
        ("transport", Some(location.transport.name().to_owned())),
        ("username", username.clone()),
        ("password", secret(password)),
        ("bearerToken", secret(bearer_token)),
        ("identity", secret(identity)),
        ("knownHosts", known_hosts.clone()),
        ("caFile", ca.clone()),
        ("clientCert", client_certificate.clone()),
        ("clientKey", secret(client_key)),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key, value?)))
    .collect()
}

#[test]
fn git_credentials() {
    let Some(file) = folder("flux/git_auth.jsonl") else { return };
    let mut suite = Suite::new("git-auth");
    for row in rows(&file) {
        suite.check(row["id"].as_str().expect("an id"), || {
            let secret: Option<BTreeMap<String, Vec<u8>>> = row["secret"].as_object().map(|keys| {
                keys.iter()
                    .map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().as_bytes().to_vec()))
                    .collect()
            });
            let got = GitLocation::new(
                row["url"].as_str().unwrap_or_default(),
                secret.as_ref(),
                LocalRepositories::Refused,
            );
            match (got, row["error"].as_str()) {
                (Err(error), Some(wanted)) if error.to_string() == wanted => Ok(()),
                (Ok(location), None) => {
                    let got = serde_json::json!(named(&location));
                    let mut wanted = row["result"].clone();
                    // Passphrases stand under `password` for ssh there; a field of its own here.
                    if wanted["transport"] == "ssh" {
                        wanted.as_object_mut().expect("a result").remove("password");
                    }
                    if got == wanted { Ok(()) } else { Err(format!("{} {got}", row["case"])) }
                }
                (got, wanted) => Err(format!("{} {got:?}, wanted {wanted:?}", row["case"])),
            }
        });
    }
    suite.finish(100.0);
}
