//! OpenPGP signatures: made as `gpg --detach-sign --armor` makes them, and believed where a trusted key made them.
//!
//! A key counts as long as it is bound to its owner, has not expired, is not revoked and may sign, all of it now, as in Flux.

use gitops_core::ports::Secret;
use pgp::composed::{
    ArmorOptions, Deserializable, DetachedSignature, SignedKeyDetails, SignedPublicKey, SignedPublicSubKey,
    SignedSecretKey, SignedSecretSubKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::ser::Serialize;
use pgp::types::{KeyDetails, Password, SigningKey, Tag, Timestamp, VerifyingKey};
use rand::rngs::OsRng;

/// How an armored public key begins.
const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// Finds the trusted key that made a signature and returns its id.
pub(crate) fn verify(signature: &str, signed: &[u8], rings: &[String]) -> Result<String, String> {
    let unreadable = |error: pgp::errors::Error| format!("the signature is malformed: {error}");
    let (signatures, _) =
        DetachedSignature::from_armor_many(signature.trim().as_bytes()).map_err(unreadable)?;
    let signatures: Vec<DetachedSignature> = signatures.collect::<Result<_, _>>().map_err(unreadable)?;
    let now = Timestamp::now();
    let mut keys = Vec::new();
    let mut unread = None;
    for ring in rings {
        match read_ring(ring) {
            Ok(read) => keys.extend(read),
            Err(why) => unread = unread.or(Some(why)),
        }
    }
    let mut why = None;
    for DetachedSignature { signature } in &signatures {
        for key in &keys {
            match check(signature, signed, key, now) {
                Some(Ok(())) => return Ok(format!("{}", key.primary_key.legacy_key_id()).to_uppercase()),
                Some(Err(reason)) => why = why.or(Some(reason)),
                None => {}
            }
        }
    }
    match (why, unread) {
        (Some(why), _) => Err(why),
        (None, Some(unread)) if keys.is_empty() => Err(format!("unable to read armored key ring: {unread}")),
        (None, _) => Err("unable to verify payload with any of the given key rings: no matching key".into()),
    }
}

/// Reads all keys of all armored blocks of a text.
fn read_ring(text: &str) -> Result<Vec<SignedPublicKey>, String> {
    let mut keys = Vec::new();
    for (at, _) in text.match_indices(BEGIN) {
        let block = &text[at..];
        let end = block[BEGIN.len()..].find(BEGIN).map_or(block.len(), |end| BEGIN.len() + end);
        let (read, _) =
            SignedPublicKey::from_armor_many(&block.as_bytes()[..end]).map_err(|error| error.to_string())?;
        keys.extend(read.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?);
    }
    if keys.is_empty() { Err("no armored public key in it".into()) } else { Ok(keys) }
}

/// Checks a signature by a key and its subkeys; `None` where it is by none of them.
fn check(
    signature: &Signature,
    signed: &[u8],
    key: &SignedPublicKey,
    now: Timestamp,
) -> Option<Result<(), String>> {
    let by_primary = is_by(signature, &key.primary_key);
    let subkey = key.public_subkeys.iter().find(|subkey| is_by(signature, &subkey.key));
    if !by_primary && subkey.is_none() {
        return None;
    }
    Some(is_good(signature, now).and_then(|()| {
        let rights = of_primary(&key.primary_key, &key.details, now)?;
        match subkey.filter(|_| !by_primary) {
            None if !rights.can_sign => Err("the key may not sign".into()),
            None => signature.verify(&key.primary_key, signed).map_err(|error| error.to_string()),
            Some(subkey) => {
                of_subkey(&key.primary_key, subkey, now)?;
                signature.verify(&subkey.key, signed).map_err(|error| error.to_string())
            }
        }
    }))
}

fn is_by(signature: &Signature, key: &impl KeyDetails) -> bool {
    let (fingerprint, id) = (key.fingerprint(), key.legacy_key_id());
    let fingerprints = signature.issuer_fingerprint();
    if fingerprints.is_empty() {
        signature.issuer_key_id().into_iter().any(|issuer| *issuer == id)
    } else {
        fingerprints.into_iter().any(|issuer| *issuer == fingerprint)
    }
}

/// Refuses signatures of other kinds, by weak hashes, from the future, and those that have expired.
fn is_good(signature: &Signature, now: Timestamp) -> Result<(), String> {
    if !matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text)) {
        return Err("the signature is not one of a text".into());
    }
    match signature.hash_alg() {
        Some(HashAlgorithm::Md5 | HashAlgorithm::Sha1 | HashAlgorithm::Ripemd160) | None => {
            return Err("the signature's hash algorithm is too weak".into());
        }
        Some(_) => {}
    }
    let created = signature.created().ok_or("the signature has no time")?;
    if created > now {
        return Err("the signature is made in the future".into());
    }
    match signature.signature_expiration_time() {
        Some(lasts) if is_over(created, lasts.as_secs(), now) => Err("the signature has expired".into()),
        _ => Ok(()),
    }
}

/// What a primary key may do.
struct Rights {
    can_sign: bool,
}

/// Judges a primary key by its own signatures, the newest of them.
fn of_primary<K>(key: &K, details: &SignedKeyDetails, now: Timestamp) -> Result<Rights, String>
where
    K: VerifyingKey + Serialize,
{
    if details.revocation_signatures.iter().any(|revocation| revocation.verify_key(key).is_ok()) {
        return Err("the key is revoked".into());
    }
    let direct = details.direct_signatures.iter().filter(|own| own.verify_key(key).is_ok());
    let of_users = details.users.iter().flat_map(|user| {
        let is_own = |own: &&Signature| own.verify_certification(key, Tag::UserId, &user.id).is_ok();
        let newest = user.signatures.iter().filter(is_own).max_by_key(|own| own.created());
        newest.filter(|own| own.typ() != Some(SignatureType::CertRevocation))
    });
    let newest = direct.chain(of_users).max_by_key(|own| own.created());
    let own = newest.ok_or("the key is not bound to any owner")?;
    if has_expired(key, own, now) {
        return Err("the key has expired".into());
    }
    let flags = own.key_flags();
    Ok(Rights { can_sign: flags.sign() || own.config().is_none_or(|config| !has_flags(config)) })
}

/// Returns whether a key's signature says at all what it is for; keys of old times do not.
fn has_flags(config: &pgp::packet::SignatureConfig) -> bool {
    let is_flags =
        |packet: &pgp::packet::Subpacket| matches!(packet.data, pgp::packet::SubpacketData::KeyFlags(_));
    config.hashed_subpackets().any(is_flags)
}

/// Judges a subkey that signs: both keys must have signed the other.
fn of_subkey<K>(primary: &K, subkey: &SignedPublicSubKey, now: Timestamp) -> Result<(), String>
where
    K: VerifyingKey + Serialize,
{
    let of_type = |kind: SignatureType| {
        subkey.signatures.iter().filter(move |binding| {
            binding.typ() == Some(kind) && binding.verify_subkey_binding(primary, &subkey.key).is_ok()
        })
    };
    if of_type(SignatureType::SubkeyRevocation).next().is_some() {
        return Err("the subkey is revoked".into());
    }
    let newest = of_type(SignatureType::SubkeyBinding).max_by_key(|binding| binding.created());
    let binding = newest.ok_or("the subkey is not bound to its key")?;
    if has_expired(&subkey.key, binding, now) {
        return Err("the subkey has expired".into());
    }
    let is_mutual = binding
        .embedded_signature()
        .is_some_and(|back| back.verify_primary_key_binding(&subkey.key, primary).is_ok());
    if !binding.key_flags().sign() || !is_mutual {
        return Err("the subkey may not sign".into());
    }
    Ok(())
}

fn has_expired(key: &impl KeyDetails, own: &Signature, now: Timestamp) -> bool {
    let created = key.created_at();
    own.key_expiration_time().is_some_and(|lasts| is_over(created, lasts.as_secs(), now))
}

/// A duration of zero never ends.
fn is_over(from: Timestamp, seconds: u32, now: Timestamp) -> bool {
    seconds != 0 && from.as_secs().saturating_add(seconds) <= now.as_secs()
}

/// Signs with the newest subkey that may sign, else with the key itself.
pub(crate) fn sign(key: &Secret, passphrase: Option<&Secret>, text: &[u8]) -> Result<String, String> {
    let (key, _) = SignedSecretKey::from_string(key.reveal())
        .map_err(|error| format!("it is no armored OpenPGP private key: {error}"))?;
    let (now, primary) = (Timestamp::now(), key.primary_key.public_key());
    let rights = of_primary(primary, &key.details, now)?;
    let can_sign =
        |subkey: &&SignedSecretSubKey| of_subkey(primary, &subkey.signed_public_key(), now).is_ok();
    let newest = key.secret_subkeys.iter().filter(can_sign).max_by_key(|subkey| subkey.key.created_at());
    let password = passphrase.map_or_else(Password::empty, |text| Password::from(text.reveal()));
    let made = match newest {
        Some(subkey) => detached(&subkey.key, &password, text),
        None if rights.can_sign => detached(&key.primary_key, &password, text),
        None => return Err("the key may not sign".into()),
    };
    made.map_err(|_| match passphrase {
        Some(_) => "it can't be unlocked: the passphrase is wrong".into(),
        None => "it can't be unlocked: it wants a passphrase".into(),
    })
}

fn detached(key: &impl SigningKey, password: &Password, text: &[u8]) -> pgp::errors::Result<String> {
    let made = DetachedSignature::sign_binary_data(OsRng, key, password, key.hash_alg(), text)?;
    // Without the checksum gpg misreads armor whose last line is full.
    made.to_armored_string(ArmorOptions { headers: None, include_checksum: true })
}
