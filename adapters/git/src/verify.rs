//! Whose signature is on a commit or tag, and how one is put there.

use crate::error::Failure;
use crate::object::{Commit, Tag};
use crate::{openpgp, openssh};
use gitops_core::ports::{
    SignatureError, SignatureProblem, Signer, SigningKey, Verification, VerificationMode,
};
use gix_hash::{Kind, ObjectId};

/// The tag that was asked for.
pub(crate) enum Named<'a> {
    /// An annotated one.
    Tag(&'a str, ObjectId, &'a Tag),
    /// One that is but another name of a commit, so that it can have no signature.
    Light(&'a str),
    /// Something else was asked for.
    Nothing,
}

/// Checks the signatures that are wanted: the tag's first, then the commit's.
pub(crate) fn verify(
    wanted: &Verification,
    commit: &Commit,
    tag: &Named<'_>,
) -> Result<Vec<Signer>, Failure> {
    let mut signers = Vec::new();
    if wanted.mode != VerificationMode::Head {
        let (name, tag) = match tag {
            Named::Tag(name, id, tag) => (format!("{name}@{id}"), *tag),
            Named::Light(name) => return Err(unsigned(name)),
            Named::Nothing => {
                let message = "cannot verify tag object's signature if a tag reference is not specified";
                return Err(fail(SignatureProblem::NoTag, message.into()));
            }
        };
        let signature = tag.signature.as_deref().ok_or_else(|| unsigned(&name))?;
        let key = check(signature, &tag.signed, wanted).map_err(|why| {
            fail(SignatureProblem::Tag, format!("signature verification of tag '{name}' failed: {why}"))
        })?;
        signers.push(Signer { object: format!("tag '{name}'"), key });
    }
    if wanted.mode != VerificationMode::Tag {
        let id = &commit.info.id;
        let signature = match commit.signatures.as_slice() {
            [] => Err("unsupported signature type: empty".to_owned()),
            [one] => Ok(one),
            _ => Err("it has more than one signature".into()),
        };
        let key =
            signature.and_then(|signature| check(signature, &commit.signed, wanted)).map_err(|why| {
                fail(
                    SignatureProblem::Commit,
                    format!("signature verification of commit '{id}' failed: {why}"),
                )
            })?;
        signers.push(Signer { object: format!("commit '{id}'"), key });
    }
    Ok(signers)
}

fn fail(problem: SignatureProblem, message: String) -> Failure {
    Failure::Signature(SignatureError { problem, message })
}

fn unsigned(tag: &str) -> Failure {
    let message = format!("cannot verify signature of tag '{tag}' since it is not signed");
    fail(SignatureProblem::UnsignedTag, message)
}

/// Checks one signature by its kind and returns the key.
fn check(signature: &str, signed: &[u8], wanted: &Verification) -> Result<String, String> {
    let begins = |words: &str| signature.trim_start().starts_with(words);
    if begins("-----BEGIN PGP SIGNATURE-----") {
        if wanted.pgp_keys.is_empty() {
            return Err(
                "PGP signature detected but no PGP public keys found in secret (keys with .asc suffix)"
                    .into(),
            );
        }
        openpgp::verify(signature, signed, &wanted.pgp_keys)
    } else if begins("-----BEGIN SSH SIGNATURE-----") {
        if wanted.ssh_keys.is_empty() {
            return Err(
                "SSH signature detected but no SSH public keys found in secret (keys with .sshpub suffix)"
                    .into(),
            );
        }
        openssh::verify(signature, signed, &wanted.ssh_keys)
    } else if begins("-----BEGIN SIGNED MESSAGE-----") {
        Err("unsupported signature type: x509".into())
    } else {
        Err("unsupported signature type: unknown".into())
    }
}

/// Signs a commit's text and puts the signature where git puts it: at the end of the header.
pub(crate) fn sign(commit: &[u8], key: &SigningKey, hash: Kind) -> Result<Vec<u8>, Failure> {
    let signature = match key {
        SigningKey::OpenPgp(key, passphrase) => openpgp::sign(key, passphrase.as_ref(), commit),
        SigningKey::Ssh(key, passphrase) => openssh::sign(key, passphrase.as_ref(), commit),
    };
    let signature = signature.map_err(|why| Failure::Bad(format!("the commit can't be signed: {why}")))?;
    let end = commit.windows(2).position(|two| two == b"\n\n").map_or(commit.len(), |at| at + 1);
    let (header, message) = commit.split_at(end);
    let mut text = Vec::with_capacity(commit.len() + signature.len() + 64);
    text.extend_from_slice(header);
    text.extend_from_slice(header_name(hash).as_bytes());
    for line in signature.lines() {
        text.push(b' ');
        text.extend_from_slice(line.trim_end_matches('\r').as_bytes());
        text.push(b'\n');
    }
    text.extend_from_slice(message);
    Ok(text)
}

/// The header of the signature on a commit whose id is of a kind.
pub(crate) fn header_name(hash: Kind) -> &'static str {
    if hash == Kind::Sha1 { "gpgsig" } else { "gpgsig-sha256" }
}
