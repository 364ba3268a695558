//! age: identities, and the file format of `age-encryption.org/v1` as far as SOPS uses it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use chacha20poly1305::aead::Aead;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest as _, Sha256};

use crate::SopsError;

/// The largest payload of one chunk; a data key is far smaller.
const CHUNK: usize = 64 * 1024 + 16;

struct Identity {
    secret: [u8; 32],
    public: [u8; 32],
}

/// age identities: the private keys that documents are opened with.
#[derive(Default)]
pub struct AgeKeys(Vec<Identity>);

impl fmt::Debug for AgeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgeKeys({})", self.0.len())
    }
}

impl AgeKeys {
    /// Adds the identities of a key file as `age-keygen` writes it: one a line, `#` begins a comment.
    ///
    /// # Errors
    /// Where a line is no X25519 identity; the line is numbered and not quoted.
    pub fn add(&mut self, text: &str) -> Result<(), SopsError> {
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let refused =
                |why: &str| SopsError::new(format!("malformed secret key in line {}: {why}", index + 1));
            let upper = line.to_ascii_uppercase();
            if upper.starts_with("AGE-SECRET-KEY-PQ-") {
                return Err(refused("post-quantum identities are not supported"));
            }
            if upper.starts_with("AGE-PLUGIN-") {
                return Err(refused("plugins are not supported"));
            }
            let bytes = bech32(line, "age-secret-key-").ok_or_else(|| refused("no age identity"))?;
            let secret: [u8; 32] = bytes.try_into().map_err(|_| refused("wrong length"))?;
            let public = x25519_dalek::x25519(secret, x25519_dalek::X25519_BASEPOINT_BYTES);
            self.0.push(Identity { secret, public });
        }
        Ok(())
    }

    /// Returns whether there is no identity.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns a digest of the public halves: the same keys in the same order have the same.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        self.0.iter().for_each(|identity| hash.update(identity.public));
        hash.finalize().into()
    }

    /// Opens an armored file that was made for one of the identities.
    pub(crate) fn open(&self, armored: &str) -> Result<Vec<u8>, Unopened> {
        let bytes = unarmor(armored).ok_or(Unopened::Malformed)?;
        let file = parse(&bytes).ok_or(Unopened::Malformed)?;
        for identity in &self.0 {
            for stanza in &file.stanzas {
                let Some(key) = identity.unwrap(stanza) else { continue };
                return file.payload(&key).ok_or(Unopened::Malformed);
            }
        }
        Err(Unopened::NoIdentity)
    }
}

/// Why an age file was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unopened {
    /// It is for others.
    NoIdentity,
    /// It is no age file, or was changed.
    Malformed,
}

/// One X25519 recipient: the ephemeral share and the wrapped key.
struct Stanza {
    share: [u8; 32],
    body: Vec<u8>,
}

struct File<'a> {
    stanzas: Vec<Stanza>,
    /// From the first byte to `---`.
    header: &'a [u8],
    mac: Vec<u8>,
    payload: &'a [u8],
}

impl Identity {
    fn unwrap(&self, stanza: &Stanza) -> Option<Vec<u8>> {
        let shared = x25519_dalek::x25519(self.secret, stanza.share);
        if shared == [0; 32] {
            return None;
        }
        let salt = [stanza.share, self.public].concat();
        let key = derive(&shared, &salt, b"age-encryption.org/v1/X25519")?;
        let cipher = ChaCha20Poly1305::new(&key.into());
        cipher.decrypt(&Nonce::default(), stanza.body.as_slice()).ok().filter(|key| key.len() == 16)
    }
}

impl File<'_> {
    fn payload(&self, file_key: &[u8]) -> Option<Vec<u8>> {
        let mac_key = derive(file_key, &[], b"header")?;
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&mac_key).ok()?;
        mac.update(self.header);
        mac.verify_slice(&self.mac).ok()?;
        let (nonce, mut sealed) = self.payload.split_at_checked(16)?;
        let key = derive(file_key, nonce, b"payload")?;
        let cipher = ChaCha20Poly1305::new(&key.into());
        let mut out = Vec::new();
        let mut counter: u64 = 0;
        loop {
            let chunk = &sealed[..sealed.len().min(CHUNK)];
            sealed = &sealed[chunk.len()..];
            let mut nonce = [0; 12];
            nonce[3..11].copy_from_slice(&counter.to_be_bytes());
            nonce[11] = u8::from(sealed.is_empty());
            out.extend(cipher.decrypt(&nonce.into(), chunk).ok()?);
            if sealed.is_empty() {
                return Some(out);
            }
            counter += 1;
        }
    }
}

fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(Some(salt), secret).expand(info, &mut key).ok()?;
    Some(key)
}

fn unarmor(text: &str) -> Option<Vec<u8>> {
    let body = text.trim().strip_prefix("-----BEGIN AGE ENCRYPTED FILE-----")?;
    let body = body.strip_suffix("-----END AGE ENCRYPTED FILE-----")?;
    let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(body).ok()
}

fn parse(bytes: &[u8]) -> Option<File<'_>> {
    let mut rest = bytes;
    let mut line = || {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        rest = &rest[end + 1..];
        Some((line, rest))
    };
    if line()?.0 != "age-encryption.org/v1" {
        return None;
    }
    let mut stanzas = Vec::new();
    loop {
        let (text, after) = line()?;
        if let Some(mac) = text.strip_prefix("--- ") {
            let header = bytes.len() - after.len() - 1 - mac.len() - 1;
            let mac = STANDARD_NO_PAD.decode(mac).ok()?;
            return Some(File { stanzas, header: &bytes[..header], mac, payload: after });
        }
        let share = text.strip_prefix("-> ")?.strip_prefix("X25519 ").map(str::to_owned);
        let mut body = String::new();
        loop {
            let (part, _) = line()?;
            body.push_str(part);
            if part.len() < 64 {
                break;
            }
        }
        if let Some(share) = share {
            let share = STANDARD_NO_PAD.decode(share).ok()?.try_into().ok()?;
            stanzas.push(Stanza { share, body: STANDARD_NO_PAD.decode(body).ok()? });
        }
    }
}

/// Decodes BIP 173's text with its checksum; the human-readable part must be the given one.
fn bech32(text: &str, prefix: &str) -> Option<Vec<u8>> {
    const CHARACTERS: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    if text.chars().any(|c| c.is_ascii_lowercase()) && text.chars().any(|c| c.is_ascii_uppercase()) {
        return None;
    }
    let text = text.to_ascii_lowercase();
    let data = text.strip_prefix(prefix)?.strip_prefix('1')?;
    let values: Vec<u8> = data
        .bytes()
        .map(|byte| CHARACTERS.iter().position(|known| *known == byte).and_then(|at| u8::try_from(at).ok()))
        .collect::<Option<_>>()?;
    let expanded =
        prefix.bytes().map(|byte| byte >> 5).chain([0]).chain(prefix.bytes().map(|byte| byte & 31));
    if polymod(expanded.chain(values.iter().copied())) != 1 {
        return None;
    }
    let (mut out, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for value in &values[..values.len().checked_sub(6)?] {
        bits = (bits << 5 | u32::from(*value)) & 0xfff;
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    (count < 5 && bits & ((1 << count) - 1) == 0).then_some(out)
}

pub(crate) fn polymod(values: impl Iterator<Item = u8>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    values.fold(1, |check, value| {
        let top = check >> 25;
        let check = (check & 0x01ff_ffff) << 5 ^ u32::from(value);
        GENERATOR
            .iter()
            .enumerate()
            .filter(|(bit, _)| top >> bit & 1 == 1)
            .fold(check, |check, (_, g)| check ^ g)
    })
}
