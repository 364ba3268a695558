//! Private keys: made, written, read, and signed with.

use super::curve::{Curve, EcKey};
use super::der::{
    BIT_STRING, INTEGER, NULL, OBJECT_ID, OCTET_STRING, Reader, SEQUENCE, bit_string, context, element,
    integer, sequence,
};
use super::dsa::DsaKey;
use super::pem;
use ed25519_dalek::Signer as _;
use rand_chacha::ChaCha20Rng;
use rsa::BigUint;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use sha2::{Digest, Sha256};

/// 1.2.840.113549.1.1.1
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.2.840.113549.1.1.11
const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
/// 1.2.840.10045.2.1
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.3.101.112
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// 1.3.101.110
const X25519: &[u8] = &[0x2b, 0x65, 0x6e];

const MALFORMED: &str = "asn1: structure error: malformed key";
const EMBEDDED: &str = "private key embedded in PKCS#8";

/// What kind of key to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyType {
    /// With so many bits.
    Rsa(usize),
    Dsa,
    /// Over P-256.
    Ecdsa,
    Ed25519,
}

/// A private key.
#[derive(Clone, Debug)]
pub(crate) enum Key {
    Rsa(Box<rsa::RsaPrivateKey>),
    Dsa(Box<DsaKey>),
    Ecdsa(Box<EcKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
    /// A key that agrees on secrets: it is read, but neither signs nor stands in a certificate.
    X25519([u8; 32]),
}

impl Key {
    pub(crate) fn generate(kind: KeyType, random: &mut ChaCha20Rng) -> Result<Self, String> {
        Ok(match kind {
            KeyType::Rsa(bits) => {
                Self::Rsa(Box::new(rsa::RsaPrivateKey::new(random, bits).map_err(|error| error.to_string())?))
            }
            KeyType::Dsa => Self::Dsa(Box::new(DsaKey::generate(random))),
            KeyType::Ecdsa => Self::Ecdsa(Box::new(EcKey::generate(random))),
            KeyType::Ed25519 => {
                let mut seed = [0; 32];
                rsa::rand_core::RngCore::fill_bytes(random, &mut seed);
                Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed)))
            }
        })
    }

    /// Writes the key in its traditional form; an Ed25519 key, which has none, as PKCS #8.
    pub(crate) fn to_pem(&self) -> String {
        let number = |number: &BigUint| integer(&number.to_bytes_be());
        match self {
            Self::Rsa(key) => {
                let [p, q] = [0, 1].map(|i| key.primes().get(i).cloned().unwrap_or_default());
                let one = BigUint::from(1_u8);
                let exponent = |prime: &BigUint| number(&(key.d() % (prime - &one)));
                let coefficient = key.crt_coefficient().unwrap_or_default();
                let parts = [
                    integer(&[0]),
                    number(key.n()),
                    number(key.e()),
                    number(key.d()),
                    number(&p),
                    number(&q),
                    exponent(&p),
                    exponent(&q),
                    number(&coefficient),
                ];
                pem::encode("RSA PRIVATE KEY", &element(SEQUENCE, &parts.concat()))
            }
            Self::Dsa(key) => {
                let DsaKey { p, q, g, y, x } = key.as_ref();
                let parts = [p, q, g, y, x].map(|part| integer(&part.to_bytes_be()));
                pem::encode("DSA PRIVATE KEY", &sequence(&[&integer(&[0]), &parts.concat()]))
            }
            Self::Ecdsa(key) => {
                let bytes = sequence(&[
                    &integer(&[1]),
                    &element(OCTET_STRING, &key.number()),
                    &context(0, &element(OBJECT_ID, key.curve().id())),
                    &context(1, &bit_string(&key.point())),
                ]);
                pem::encode("EC PRIVATE KEY", &bytes)
            }
            Self::Ed25519(key) => pem::encode("PRIVATE KEY", &pkcs8(ED25519, key.as_bytes())),
            Self::X25519(secret) => pem::encode("PRIVATE KEY", &pkcs8(X25519, secret)),
        }
    }

    /// Reads the first block of a text.
    pub(crate) fn from_pem(text: &str) -> Result<Self, String> {
        let block = pem::decode(text).ok_or("no PEM data in input")?;
        if block.kind == "PRIVATE KEY" {
            return from_pkcs8(&block.bytes).map_err(|why| format!("decoding PEM as PKCS#8: {why}"));
        }
        let Some(kind) = block.kind.strip_suffix(" PRIVATE KEY") else {
            return Err(format!("no private key data in PEM block of type {}", block.kind));
        };
        let malformed = || MALFORMED.to_owned();
        let read = match kind {
            "RSA" => rsa_key(&block.bytes).ok_or_else(malformed),
            "EC" => ec_key(&block.bytes, None),
            "DSA" => dsa_key(&block.bytes).ok_or_else(malformed),
            other => return Err(format!("invalid private key type {other}")),
        };
        read.map_err(|why| format!("parsing {kind} private key from PEM: {why}"))
    }

    /// Returns what Go calls the public key's type, for its errors about keys that no certificate holds.
    pub(super) fn public_type(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "*rsa.PublicKey",
            Self::Dsa(_) => "*dsa.PublicKey",
            Self::Ecdsa(_) => "*ecdsa.PublicKey",
            Self::Ed25519(_) => "ed25519.PublicKey",
            Self::X25519(_) => "*ecdh.PublicKey",
        }
    }

    /// Returns the public key as certificates hold it; `None` for DSA and X25519.
    pub(super) fn public(&self) -> Option<PublicKey> {
        let (algorithm, bits) = match self {
            Self::Rsa(key) => {
                let number = |number: &BigUint| integer(&number.to_bytes_be());
                let algorithm = sequence(&[&element(OBJECT_ID, RSA), &element(NULL, &[])]);
                (algorithm, sequence(&[&number(key.n()), &number(key.e())]))
            }
            Self::Dsa(_) | Self::X25519(_) => return None,
            Self::Ecdsa(key) => {
                let curve = element(OBJECT_ID, key.curve().id());
                (sequence(&[&element(OBJECT_ID, EC), &curve]), key.point())
            }
            Self::Ed25519(key) => {
                (sequence(&[&element(OBJECT_ID, ED25519)]), key.verifying_key().to_bytes().to_vec())
            }
        };
        Some(PublicKey { info: sequence(&[&algorithm, &bit_string(&bits)]), bits })
    }

    /// Returns the algorithm's name, as certificates hold it, and the signature of a message; `None` for DSA and X25519.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Result<Signed, String>> {
        let object = |id: &[u8]| element(OBJECT_ID, id);
        Some(match self {
            Self::Rsa(key) => key
                .sign(rsa::Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message))
                .map(|signature| Signed {
                    algorithm: sequence(&[&object(SHA256_WITH_RSA), &element(NULL, &[])]),
                    signature,
                })
                .map_err(|error| error.to_string()),
            Self::Dsa(_) | Self::X25519(_) => return None,
            Self::Ecdsa(key) => key.sign(message).map(|signature| Signed {
                algorithm: sequence(&[&object(key.curve().signature())]),
                signature,
            }),
            Self::Ed25519(key) => Ok(Signed {
                algorithm: sequence(&[&object(ED25519)]),
                signature: key.sign(message).to_bytes().to_vec(),
            }),
        })
    }

    /// Returns the algorithm's name as [`Key::sign`] gives it, without signing.
    pub(super) fn algorithm(&self) -> Option<Vec<u8>> {
        Some(match self {
            Self::Rsa(_) => sequence(&[&element(OBJECT_ID, SHA256_WITH_RSA), &element(NULL, &[])]),
            Self::Dsa(_) | Self::X25519(_) => return None,
            Self::Ecdsa(key) => sequence(&[&element(OBJECT_ID, key.curve().signature())]),
            Self::Ed25519(_) => sequence(&[&element(OBJECT_ID, ED25519)]),
        })
    }
}

/// A public key.
#[derive(Clone, Debug)]
pub(super) struct PublicKey {
    /// With its algorithm.
    pub(super) info: Vec<u8>,
    /// The key alone.
    pub(super) bits: Vec<u8>,
}

/// A signature.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    pub(super) algorithm: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

fn rsa_key(der: &[u8]) -> Option<Key> {
    let mut reader = Reader::new(der).enter(SEQUENCE)?;
    reader.expect(INTEGER)?;
    let mut number = || reader.integer().map(BigUint::from_bytes_be);
    let (n, e, d, p, q) = (number()?, number()?, number()?, number()?, number()?);
    let key = rsa::RsaPrivateKey::from_components(n, e, d, vec![p, q]).ok()?;
    Some(Key::Rsa(Box::new(key)))
}

fn dsa_key(der: &[u8]) -> Option<Key> {
    let mut reader = Reader::new(der).enter(SEQUENCE)?;
    reader.expect(INTEGER)?;
    let mut number = || reader.integer().map(BigUint::from_bytes_be);
    let (p, q, g, y, x) = (number()?, number()?, number()?, number()?, number()?);
    Some(Key::Dsa(Box::new(DsaKey { p, q, g, y, x })))
}

/// Reads a key over a curve, which may be named around it.
fn ec_key(der: &[u8], curve: Option<&[u8]>) -> Result<Key, String> {
    let mut reader = Reader::new(der).enter(SEQUENCE).ok_or(MALFORMED)?;
    reader.expect(INTEGER).ok_or(MALFORMED)?;
    let secret = reader.expect(OCTET_STRING).ok_or(MALFORMED)?;
    let inner = match reader.peek() {
        Some(0xa0) => Some(reader.enter(0xa0).and_then(|mut name| name.expect(OBJECT_ID)).ok_or(MALFORMED)?),
        _ => None,
    };
    let curve = curve.or(inner).and_then(Curve::named).ok_or("x509: unknown elliptic curve")?;
    Ok(Key::Ecdsa(Box::new(EcKey::read(curve, secret)?)))
}

fn from_pkcs8(der: &[u8]) -> Result<Key, String> {
    let mut reader = Reader::new(der).enter(SEQUENCE).ok_or(MALFORMED)?;
    reader.expect(INTEGER).ok_or(MALFORMED)?;
    let mut algorithm = reader.enter(SEQUENCE).ok_or(MALFORMED)?;
    let secret = reader.expect(OCTET_STRING).ok_or(MALFORMED)?;
    let seed = || -> Result<[u8; 32], String> {
        let seed = Reader::new(secret).expect(OCTET_STRING).ok_or(MALFORMED)?;
        Ok(seed.try_into().map_err(|_| MALFORMED)?)
    };
    match algorithm.expect(OBJECT_ID).ok_or(MALFORMED)? {
        RSA => rsa_key(secret).ok_or_else(|| format!("x509: failed to parse RSA {EMBEDDED}: {MALFORMED}")),
        EC => ec_key(secret, algorithm.expect(OBJECT_ID))
            .map_err(|why| format!("x509: failed to parse EC {EMBEDDED}: {why}")),
        ED25519 => Ok(Key::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed()?)))),
        X25519 => Ok(Key::X25519(seed()?)),
        _ => Err("x509: PKCS#8 wrapping contained private key with unknown algorithm".to_owned()),
    }
}

/// Writes a key that is a row of bytes.
fn pkcs8(algorithm: &[u8], secret: &[u8]) -> Vec<u8> {
    sequence(&[
        &integer(&[0]),
        &sequence(&[&element(OBJECT_ID, algorithm)]),
        &element(OCTET_STRING, &element(OCTET_STRING, secret)),
    ])
}

/// The tag of a bit string, for those who read certificates.
pub(super) const PUBLIC_KEY_BITS: u8 = BIT_STRING;
