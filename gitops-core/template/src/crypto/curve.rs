//! Keys over the elliptic curves that Go's certificates know: P-224, P-256, P-384 and P-521.

use super::der::{integer, sequence};
use p256::ecdsa::signature::hazmat::{PrehashSigner, RandomizedPrehashSigner};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::fmt;

/// A curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P224,
    P256,
    P384,
    P521,
}

/// 1.2.840.10045.4.3.2
const WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// 1.2.840.10045.4.3.3
const WITH_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
/// 1.2.840.10045.4.3.4
const WITH_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04];

impl Curve {
    const ALL: [Self; 4] = [Self::P224, Self::P256, Self::P384, Self::P521];

    /// Returns the curve of an object's name.
    pub(super) fn named(id: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.id() == id)
    }

    /// Returns the name as certificates hold it.
    pub(super) fn id(self) -> &'static [u8] {
        match self {
            // 1.3.132.0.33
            Self::P224 => &[0x2b, 0x81, 0x04, 0x00, 0x21],
            // 1.2.840.10045.3.1.7
            Self::P256 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            // 1.3.132.0.34
            Self::P384 => &[0x2b, 0x81, 0x04, 0x00, 0x22],
            // 1.3.132.0.35
            Self::P521 => &[0x2b, 0x81, 0x04, 0x00, 0x23],
        }
    }

    /// Returns the name of the signatures that Go makes with keys of the curve.
    pub(super) fn signature(self) -> &'static [u8] {
        match self {
            Self::P224 | Self::P256 => WITH_SHA256,
            Self::P384 => WITH_SHA384,
            Self::P521 => WITH_SHA512,
        }
    }

    /// Hashes what is to be signed.
    fn hash(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::P224 | Self::P256 => Sha256::digest(message).to_vec(),
            Self::P384 => Sha384::digest(message).to_vec(),
            Self::P521 => Sha512::digest(message).to_vec(),
        }
    }

    /// How many bytes a private number has.
    fn size(self) -> usize {
        match self {
            Self::P224 => 28,
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// A private key over a curve.
#[derive(Clone)]
pub(crate) enum EcKey {
    P224(p224::ecdsa::SigningKey),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
}

impl fmt::Debug for EcKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EcKey").field(&self.curve()).finish_non_exhaustive()
    }
}

/// Does the same with the key of each curve.
macro_rules! with_key {
    ($key:expr, $bound:ident => $done:expr) => {
        match $key {
            EcKey::P224($bound) => $done,
            EcKey::P256($bound) => $done,
            EcKey::P384($bound) => $done,
            EcKey::P521($bound) => $done,
        }
    };
}

impl EcKey {
    /// Makes a key over P-256, as sprig does.
    pub(super) fn generate(random: &mut ChaCha20Rng) -> Self {
        Self::P256(p256::ecdsa::SigningKey::random(random))
    }

    /// Reads a private number, which may have lost or gained zeros in front.
    ///
    /// # Errors
    /// In Go's words.
    pub(super) fn read(curve: Curve, number: &[u8]) -> Result<Self, &'static str> {
        const OUT_OF_RANGE: &str = "invalid private key";
        let mut padded = [0; 66];
        let padded = &mut padded[..curve.size()];
        let excess = number.len().saturating_sub(padded.len());
        let (zeros, significant) = number.split_at(excess);
        if zeros.iter().any(|byte| *byte != 0) {
            return Err("x509: invalid private key length");
        }
        let start = padded.len() - significant.len();
        padded[start..].copy_from_slice(significant);
        Ok(match curve {
            Curve::P224 => Self::P224(p224::ecdsa::SigningKey::from_slice(padded).map_err(|_| OUT_OF_RANGE)?),
            Curve::P256 => Self::P256(p256::ecdsa::SigningKey::from_slice(padded).map_err(|_| OUT_OF_RANGE)?),
            Curve::P384 => Self::P384(p384::ecdsa::SigningKey::from_slice(padded).map_err(|_| OUT_OF_RANGE)?),
            Curve::P521 => Self::P521(p521::ecdsa::SigningKey::from_slice(padded).map_err(|_| OUT_OF_RANGE)?),
        })
    }

    pub(super) fn curve(&self) -> Curve {
        match self {
            Self::P224(_) => Curve::P224,
            Self::P256(_) => Curve::P256,
            Self::P384(_) => Curve::P384,
            Self::P521(_) => Curve::P521,
        }
    }

    /// Returns the private number in all its bytes.
    pub(super) fn number(&self) -> Vec<u8> {
        with_key!(self, key => key.to_bytes().to_vec())
    }

    /// Returns the public point, uncompressed.
    pub(super) fn point(&self) -> Vec<u8> {
        match self {
            Self::P521(key) => {
                p521::ecdsa::VerifyingKey::from(key).to_encoded_point(false).as_bytes().to_vec()
            }
            Self::P224(key) => key.verifying_key().to_encoded_point(false).as_bytes().to_vec(),
            Self::P256(key) => key.verifying_key().to_encoded_point(false).as_bytes().to_vec(),
            Self::P384(key) => key.verifying_key().to_encoded_point(false).as_bytes().to_vec(),
        }
    }

    /// Signs a message over the hash that goes with the curve, and gives both numbers as certificates hold them.
    ///
    /// # Errors
    /// None is known: the hashes are long enough for every curve.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let hash = self.curve().hash(message);
        let failed = |error: p256::ecdsa::Error| error.to_string();
        let (r, s) = match self {
            Self::P224(key) => {
                let signature: p224::ecdsa::Signature = key.sign_prehash(&hash).map_err(failed)?;
                let (r, s) = signature.split_bytes();
                (r.to_vec(), s.to_vec())
            }
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign_prehash(&hash).map_err(failed)?;
                let (r, s) = signature.split_bytes();
                (r.to_vec(), s.to_vec())
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign_prehash(&hash).map_err(failed)?;
                let (r, s) = signature.split_bytes();
                (r.to_vec(), s.to_vec())
            }
            Self::P521(key) => {
                // The crate leaves the signature's secret number to a generator: it follows from key and message, so that
                // no message ever gets two of them.
                let seed = Sha256::new().chain_update(key.to_bytes()).chain_update(&hash).finalize();
                let mut random = ChaCha20Rng::from_seed(seed.into());
                let signature: p521::ecdsa::Signature =
                    key.sign_prehash_with_rng(&mut random, &hash).map_err(failed)?;
                let (r, s) = signature.split_bytes();
                (r.to_vec(), s.to_vec())
            }
        };
        Ok(sequence(&[&integer(&r), &integer(&s)]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::der::{Reader, SEQUENCE};
    use super::*;

    #[test]
    fn a_private_number_may_have_zeros_in_front_or_lack_them() {
        for curve in Curve::ALL {
            let short = EcKey::read(curve, &[7]).expect("a key");
            let long = EcKey::read(curve, &[&[0; 80], [7].as_slice()].concat()).expect("a key");
            assert_eq!(short.point(), long.point(), "{curve:?}");
            assert_eq!(short.number().len(), curve.size());
            assert_eq!(Curve::named(curve.id()), Some(curve));
            let too_long = [[1].as_slice(), &[0; 80]].concat();
            assert_eq!(
                EcKey::read(curve, &too_long).expect_err("too long"),
                "x509: invalid private key length"
            );
            assert!(
                EcKey::read(curve, &[]).is_err() && EcKey::read(curve, &[0xff; 66][..curve.size()]).is_err()
            );
        }
    }

    fn bytes(hexadecimal: &str) -> Vec<u8> {
        let digits = |at: usize| u8::from_str_radix(&hexadecimal[at..at + 2], 16).expect("two digits");
        (0..hexadecimal.len()).step_by(2).map(digits).collect()
    }

    /// Keys that openssl made, with the public points that it says they have.
    #[test]
    fn points_are_openssls_and_signatures_verify() {
        for (curve, private, public) in [
            (
                Curve::P224,
                "c636b9318c4ec6bfe4233c5e729d64be369ab6e9bfb8a093c934b293",
                "04ee12f2e8fcd525839050077307dbec8fdc6e1024d18c1190fa5796556d9d63d126bf35e2f52e0d17719a2e0a9c7cfa8e9326481e38a44ca3",
            ),
            (
                Curve::P256,
                "438af5e9e75c26d29c64135baf586116d8f9a22d95c11a8f8a659a34234e5bd1",
                "0464321a3df33c7653561da115889cde694a9017a30d8af640be38c95b384ea53ec7ffc2bdb475b6296d6714cc197f2b7d1924f70fdb9eb58ae9eca815949b508a",
            ),
            (
                Curve::P384,
                "3f19cbcec61c5c9994eb568e35fae30ccd63ffc177c302349a2718888481d9632ed60feb4414b158b4594771ac6b81de",
                "04112ba4253591d953d1289c1eec59693977558ad3f40304064d376014bb801dc14d54c08a13957a3a5fae24157567ec6a560cf9cfd0165f770616ebf2d7b4d2ea5b79349a5ca2a0ed3363fd988164010cbb8848d73b59e042ccc2723f326abe35",
            ),
            (
                Curve::P521,
                "017feca29e46d58a44052f948ed42220cc678d4b1e17f3cfa0cc25b912990d5990e70483b5e278e1b4aff94488b10d193231c180ed549d50fc0b4e8c1ffff76ce234",
                "0401897788a1c08be8ddd9896eb204f735324fa819d4e423f7a24112312af63f901cd622668deda9eb9c56c6caf6d3a985869b0adde9c37880bd9807f375f01b0518ea012d51d4e5c3336cb815ee82c51e68aec6eadc1feb0f76f95b74ac015712b2ba9264a9c656a47b4f41026e4de91572ea074b86374f60a414838a29287c8c2c8037a0",
            ),
        ] {
            let key = EcKey::read(curve, &bytes(private)).expect("a key");
            assert_eq!(key.point(), bytes(public), "{curve:?}");
            assert_eq!(key.number(), bytes(private), "{curve:?}");
            let signed = key.sign(b"message").expect("a signature");
            assert!(verifies(&key, b"message", &signed), "{curve:?}");
            assert!(!verifies(&key, b"another", &signed), "{curve:?}");
        }
    }

    fn verifies(key: &EcKey, message: &[u8], signed: &[u8]) -> bool {
        use p256::ecdsa::signature::hazmat::PrehashVerifier;
        let mut numbers = Reader::new(signed).enter(SEQUENCE).expect("two numbers");
        let size = key.curve().size();
        let mut fixed = Vec::new();
        for _ in 0..2 {
            let number = numbers.integer().expect("a number");
            let significant = &number[number.len().saturating_sub(size)..];
            fixed.extend(vec![0; size - significant.len()]);
            fixed.extend(significant);
        }
        let hash = key.curve().hash(message);
        match key {
            EcKey::P224(key) => {
                let signature = p224::ecdsa::Signature::from_slice(&fixed).expect("a signature");
                key.verifying_key().verify_prehash(&hash, &signature).is_ok()
            }
            EcKey::P256(key) => {
                let signature = p256::ecdsa::Signature::from_slice(&fixed).expect("a signature");
                key.verifying_key().verify_prehash(&hash, &signature).is_ok()
            }
            EcKey::P384(key) => {
                let signature = p384::ecdsa::Signature::from_slice(&fixed).expect("a signature");
                key.verifying_key().verify_prehash(&hash, &signature).is_ok()
            }
            EcKey::P521(key) => {
                let signature = p521::ecdsa::Signature::from_slice(&fixed).expect("a signature");
                p521::ecdsa::VerifyingKey::from(key).verify_prehash(&hash, &signature).is_ok()
            }
        }
    }
}
