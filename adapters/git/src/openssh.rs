//! SSH signatures: made as `ssh-keygen -Y sign -n git` makes them, and believed where a trusted key made them.

use gitops_core::ports::Secret;
use rsa::sha2::Sha512;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::{BigUint, RsaPrivateKey};
use ssh_key::authorized_keys::Entry;
use ssh_key::private::{KeypairData, RsaKeypair};
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, HashAlg, LineEnding, Mpint, PrivateKey, PublicKey, SshSig};

/// What keeps a signature on a commit from being one on something else.
const NAMESPACE: &str = "git";

/// How short an RSA key may be; OpenSSH believes no shorter one.
const RSA_BITS: usize = 2048;

/// Finds the trusted key that made a signature and returns its fingerprint.
pub(crate) fn verify(signature: &str, signed: &[u8], lists: &[String]) -> Result<String, String> {
    let signature = SshSig::from_pem(signature.trim())
        .map_err(|error| format!("unable to unarmor SSH signature: {error}"))?;
    if signature.namespace() != NAMESPACE {
        return Err("the SSH signature is not one of git: namespace mismatch".into());
    }
    let mut unread = None;
    let mut has_read = false;
    for list in lists {
        match read_keys(list) {
            Ok(keys) => {
                has_read = true;
                if let Some(key) = keys.iter().find(|key| key.key_data() == signature.public_key()) {
                    check_strength(key)?;
                    return match key.verify(NAMESPACE, signed, &signature) {
                        Ok(()) => Ok(key.fingerprint(HashAlg::Sha256).to_string()),
                        Err(_) => Err("the SSH signature is not one of what it stands on".into()),
                    };
                }
            }
            Err(why) => unread = unread.or(Some(why)),
        }
    }
    match unread {
        Some(why) if !has_read => Err(why),
        _ => Err("unable to verify payload with any of the given authorized keys: no matching key".into()),
    }
}

/// Reads a list as `authorized_keys` has it.
fn read_keys(list: &str) -> Result<Vec<PublicKey>, String> {
    let lines = list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let read = |line: &str| {
        let entry: Entry =
            line.parse().map_err(|error| format!("unable to parse authorized key: {error}"))?;
        Ok(entry.into())
    };
    lines.map(read).collect()
}

fn check_strength(key: &PublicKey) -> Result<(), String> {
    let KeyData::Rsa(rsa) = key.key_data() else { return Ok(()) };
    let bits = rsa.n.as_positive_bytes().map_or(0, |bytes| bytes.len() * 8);
    if bits < RSA_BITS {
        return Err(format!("the RSA key has {bits} bits, fewer than {RSA_BITS}"));
    }
    Ok(())
}

/// Signs with SHA-512, as git does.
pub(crate) fn sign(key: &Secret, passphrase: Option<&Secret>, text: &[u8]) -> Result<String, String> {
    let locked = PrivateKey::from_openssh(key.reveal().trim()).map_err(|error| {
        format!(
            "could not parse SSH signing key: {error}: it must be in OpenSSH's own form, to which `ssh-keygen -p` brings others"
        )
    })?;
    let key = match passphrase {
        _ if !locked.is_encrypted() => locked,
        Some(passphrase) => locked.decrypt(passphrase.reveal()).map_err(|error| match error {
            ssh_key::Error::Crypto => "could not parse SSH signing key: the passphrase is wrong".to_owned(),
            other => format!("could not parse SSH signing key: {other}"),
        })?,
        None => return Err("SSH signing key is encrypted; passphrase required".into()),
    };
    match key.algorithm() {
        Algorithm::Ed25519 | Algorithm::Ecdsa { .. } | Algorithm::Rsa { .. } => {}
        other => return Err(format!("unsupported SSH signing key algorithm: {other}")),
    }
    check_strength(key.public_key())?;
    let made = match key.key_data() {
        KeypairData::Rsa(pair) => sign_rsa(pair, key.public_key(), text),
        _ => key.sign(NAMESPACE, HashAlg::Sha512, text).map_err(|error| error.to_string()),
    };
    made?.to_pem(LineEnding::LF).map_err(|error| error.to_string())
}

/// Signs with both primes of an RSA key; `ssh-key` takes the first twice and then refuses the key.
fn sign_rsa(pair: &RsaKeypair, public: &PublicKey, text: &[u8]) -> Result<SshSig, String> {
    let unfit = || "the RSA key is malformed".to_owned();
    let number = |number: &Mpint| number.as_positive_bytes().map(BigUint::from_bytes_be).ok_or_else(unfit);
    let RsaKeypair { public: open, private } = pair;
    let primes = vec![number(&private.p)?, number(&private.q)?];
    let key = RsaPrivateKey::from_components(number(&open.n)?, number(&open.e)?, number(&private.d)?, primes)
        .map_err(|_| unfit())?;
    let signed = SshSig::signed_data(NAMESPACE, HashAlg::Sha512, text).map_err(|error| error.to_string())?;
    let bytes = rsa::pkcs1v15::SigningKey::<Sha512>::new(key).try_sign(&signed).map_err(|_| unfit())?;
    let algorithm = Algorithm::Rsa { hash: Some(HashAlg::Sha512) };
    ssh_key::Signature::new(algorithm, bytes.to_vec())
        .and_then(|signature| SshSig::new(public.key_data().clone(), NAMESPACE, HashAlg::Sha512, signature))
        .map_err(|error| error.to_string())
}
