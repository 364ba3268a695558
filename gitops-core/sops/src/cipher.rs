//! One sealed value: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.

use aes_gcm::aead::consts::{U12, U32};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::SopsError;

/// The key of one document.
pub(crate) struct DataKey(pub(crate) [u8; 32]);

/// A value that was opened.
pub(crate) struct Opened {
    pub(crate) text: Vec<u8>,
    /// `str`, `int`, `float`, `bool`, `bytes`, `time` or `comment`.
    pub(crate) kind: String,
}

/// Returns whether a text looks like a sealed value.
pub(crate) fn is_sealed(text: &str) -> bool {
    text.starts_with("ENC[AES256_GCM,data:")
}

impl DataKey {
    /// Opens a value; the text that it was sealed for is part of the seal.
    pub(crate) fn open(&self, sealed: &str, belongs_to: &str) -> Result<Opened, SopsError> {
        let malformed = || SopsError::new("input does not match sops' data format");
        let body = sealed.strip_prefix("ENC[AES256_GCM,data:").ok_or_else(malformed)?;
        let (body, _) = body.rsplit_once(']').ok_or_else(malformed)?;
        let (body, kind) = body.rsplit_once(",type:").ok_or_else(malformed)?;
        let (body, tag) = body.rsplit_once(",tag:").ok_or_else(malformed)?;
        let (data, iv) = body.rsplit_once(",iv:").ok_or_else(malformed)?;
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| malformed());
        let (mut data, iv) = (decode(data)?, decode(iv)?);
        data.extend(decode(tag)?);
        let payload = Payload { msg: &data, aad: belongs_to.as_bytes() };
        let key = (&self.0).into();
        let opened = match iv.len() {
            32 => AesGcm::<Aes256, U32>::new(key).decrypt(Nonce::from_slice(&iv), payload),
            12 => AesGcm::<Aes256, U12>::new(key).decrypt(Nonce::from_slice(&iv), payload),
            _ => return Err(malformed()),
        };
        let text = opened.map_err(|_| {
            SopsError::new("Could not decrypt with AES_GCM: cipher: message authentication failed")
        })?;
        Ok(Opened { text, kind: kind.to_owned() })
    }
}
