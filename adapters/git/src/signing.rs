//! Keys that sign, read and unlocked once before anything depends on them.

use crate::openssh;
use gitops_core::ports::{PortError, Secret, SigningKey};
use pgp::composed::{ArmorOptions, PublicOrSecret, SignedSecretKey};
use pgp::types::{Fingerprint, KeyDetails, KeyId, Password};
use std::fmt;

/// How an armored block of keys begins.
const BEGIN: &[u8] = b"-----BEGIN PGP P";

/// A key ring out of which no key signs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyRingError {
    /// It can't be read as OpenPGP.
    Unreadable(String),
    /// There is no key in it.
    Empty,
    /// The wanted id has neither the 16 digits of a key's id nor the 40 or 64 of a fingerprint.
    IdLength(usize),
    /// No key has the wanted id; the ids of those there are.
    NoSuchKey(String, Vec<String>),
    /// The key has its public half alone; the wanted id, where there is one.
    PublicOnly(Option<String>),
    /// The private key can't be decrypted; whether a passphrase was given.
    Locked {
        /// Whether there was a passphrase, which is then wrong.
        has_passphrase: bool,
    },
}

impl fmt::Display for KeyRingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "unable to read GPG key ring: {why}"),
            Self::Empty => f.write_str("empty GPG key ring"),
            Self::IdLength(length) => {
                write!(f, "invalid GPG key id length; expected 16, or 40 of a fingerprint, got {length}")
            }
            Self::NoSuchKey(id, known) => {
                write!(f, "no GPG keyring matching key id '{id}' found; there is {}", known.join(", "))
            }
            Self::PublicOnly(Some(id)) => {
                write!(f, "keyring does not contain private key for key id '{id}'")
            }
            Self::PublicOnly(None) => f.write_str(
                "keyring does not contain a private key; export the secret key with 'gpg --export-secret-keys' or name a key by its id",
            ),
            Self::Locked { has_passphrase: true } => {
                f.write_str("unable to decrypt GPG private key: the passphrase is wrong")
            }
            Self::Locked { has_passphrase: false } => {
                f.write_str("unable to decrypt GPG private key: it wants a passphrase")
            }
        }
    }
}

impl std::error::Error for KeyRingError {}

/// Picks the key that signs out of a key ring: the one with the wanted id, else the first.
///
/// The ring is what `gpg --export-secret-keys` writes, with or without `--armor`. An id has 16 hexadecimal digits, in any case and
/// with or without `0x`; a fingerprint does as well, which Flux refuses. The key is unlocked once, so that a wrong passphrase is
/// told before anything is fetched or pushed.
///
/// # Errors
/// Where the ring can't be read, has no such key, has its public half alone, or the passphrase does not open it.
pub fn openpgp_signing_key(
    ring: &[u8],
    id: Option<&str>,
    passphrase: Option<&Secret>,
) -> Result<SigningKey, KeyRingError> {
    let keys = read(ring)?;
    let Some(first) = keys.first() else { return Err(KeyRingError::Empty) };
    let found = match id {
        None => first,
        Some(id) => {
            let wanted = id.strip_prefix("0x").unwrap_or(id).to_uppercase();
            if ![16, 40, 64].contains(&wanted.len()) {
                return Err(KeyRingError::IdLength(wanted.len()));
            }
            let is_it = |key: &&PublicOrSecret| {
                let (id, fingerprint) = names(key);
                wanted == id || wanted == fingerprint
            };
            // Of several with one id Flux takes the last: the private half behind the public one.
            let known = || keys.iter().map(|key| names(key).0).collect();
            keys.iter().rfind(is_it).ok_or_else(|| KeyRingError::NoSuchKey(wanted.clone(), known()))?
        }
    };
    let PublicOrSecret::Secret(key) = found else {
        return Err(KeyRingError::PublicOnly(id.map(str::to_owned)));
    };
    unlock(key, passphrase)?;
    let armor = ArmorOptions { headers: None, include_checksum: true };
    let text = key.to_armored_string(armor).map_err(|why| KeyRingError::Unreadable(why.to_string()))?;
    Ok(SigningKey::OpenPgp(Secret::new(text), passphrase.cloned()))
}

/// Takes an OpenSSH private key for one that signs, once it has signed something.
///
/// # Errors
/// Where it is no such key, its algorithm signs no commits, or the passphrase does not open it.
pub fn ssh_signing_key(key: Secret, passphrase: Option<Secret>) -> Result<SigningKey, PortError> {
    match openssh::sign(&key, passphrase.as_ref(), b"") {
        Ok(_) => Ok(SigningKey::Ssh(key, passphrase)),
        Err(why) => Err(PortError::stalled(format!("invalid SSH signing key: {why}"))),
    }
}

/// Reads the keys of a ring: binary, or any number of armored blocks one after another.
fn read(ring: &[u8]) -> Result<Vec<PublicOrSecret>, KeyRingError> {
    let unreadable = |why: pgp::errors::Error| KeyRingError::Unreadable(why.to_string());
    let starts: Vec<usize> = (0..ring.len()).filter(|at| ring[*at..].starts_with(BEGIN)).collect();
    let mut keys = Vec::new();
    if ring.first().is_some_and(|byte| byte & 0x80 != 0) || starts.is_empty() {
        if ring.trim_ascii().is_empty() {
            return Ok(keys);
        }
        let (found, _) = PublicOrSecret::from_reader_many(ring).map_err(unreadable)?;
        keys.extend(found.collect::<Result<Vec<_>, _>>().map_err(unreadable)?);
        return Ok(keys);
    }
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(ring.len());
        let (found, _) = PublicOrSecret::from_armor_many(&ring[*start..end]).map_err(unreadable)?;
        keys.extend(found.collect::<Result<Vec<_>, _>>().map_err(unreadable)?);
    }
    Ok(keys)
}

/// The id and the fingerprint of a primary key, in upper case.
fn names(key: &PublicOrSecret) -> (String, String) {
    let (id, fingerprint): (KeyId, Fingerprint) = match key {
        PublicOrSecret::Public(key) => (key.primary_key.legacy_key_id(), key.primary_key.fingerprint()),
        PublicOrSecret::Secret(key) => (key.primary_key.legacy_key_id(), key.primary_key.fingerprint()),
    };
    (id.to_string().to_uppercase(), fingerprint.to_string().to_uppercase())
}

/// Opens the primary key, or where that one is not there, a subkey.
fn unlock(key: &SignedSecretKey, passphrase: Option<&Secret>) -> Result<(), KeyRingError> {
    let password = passphrase.map_or_else(Password::empty, |text| Password::from(text.reveal()));
    let is_open = key.primary_key.unlock(&password, |_, _| Ok(())).is_ok_and(|opened| opened.is_ok())
        || key
            .secret_subkeys
            .iter()
            .any(|subkey| subkey.key.unlock(&password, |_, _| Ok(())).is_ok_and(|opened| opened.is_ok()));
    if is_open { Ok(()) } else { Err(KeyRingError::Locked { has_passphrase: passphrase.is_some() }) }
}
