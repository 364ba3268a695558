//! Passwords and ciphers. What is random comes from the render's world.

use super::random::fill;
use super::{Result, bytes, pure, text};
use crate::function::{CallContext, CallError, Function, Functions, Signature, Type};
use crate::value::{UintKind, Value};
use aes::Aes256;
use cbc::cipher::block_padding::{NoPadding, Pkcs7};
use cbc::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit};
use hmac::{Hmac, Mac};
use sha2::Sha256;

const TWO: &[Type] = &[Type::String, Type::String];
/// Go's default cost.
const BCRYPT_COST: u32 = 10;
/// The steps of a password that is stretched, which takes as long as some hundred thousand calls.
const STRETCHED_STEPS: usize = 250_000;
/// The bytes of a password that bcrypt takes.
const BCRYPT_BYTES: usize = 72;
const BLOCK: usize = 16;

pub(super) fn add(functions: &mut Functions) {
    functions.insert(
        "bcrypt",
        Function::new(Signature::new(&[Type::String], Type::String), |context, args| {
            Ok(bcrypt(context, bytes(&args[0]))?.into())
        }),
    );
    functions.insert(
        "htpasswd",
        Function::new(Signature::new(TWO, Type::String), |context, args| {
            let user = text(&args[0]);
            if user.contains(':') {
                return Ok(format!("invalid username: {user}").into());
            }
            Ok(format!("{user}:{}", bcrypt(context, bytes(&args[1]))?).into())
        }),
    );
    functions.insert(
        "derivePassword",
        Function::new(
            Signature::new(
                &[Type::Uint32, Type::String, Type::String, Type::String, Type::String],
                Type::String,
            ),
            derive_password,
        ),
    );
    functions.insert("encryptAES", Function::new(Signature::new(TWO, Type::String), encrypt));
    functions.insert("decryptAES", pure(TWO, Type::String, decrypt));
}

fn bcrypt(context: &mut dyn CallContext, password: &[u8]) -> Result<String> {
    context.step(STRETCHED_STEPS)?;
    let refused = |why: &str| Ok(format!("failed to encrypt string with bcrypt: {why}"));
    if password.len() > BCRYPT_BYTES {
        return refused("bcrypt: password length exceeds 72 bytes");
    }
    let mut salt = [0; 16];
    fill(context, &mut salt)?;
    match bcrypt::hash_with_salt(password, BCRYPT_COST, salt) {
        Ok(hash) => Ok(hash.format_for_version(bcrypt::Version::TwoA)),
        Err(error) => refused(&format!("bcrypt: {error}")),
    }
}

/// The patterns of a password's kind: each letter stands for a set of characters.
fn patterns(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        "long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        "medium" => &["CvcnoCvc", "CvcCvcno"],
        "short" => &["Cvcn"],
        "basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        "pin" => &["nnnn"],
        _ => return None,
    })
}

fn characters(letter: u8) -> &'static [u8] {
    match letter {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// The Master Password algorithm: the same password for the same master password, user and site.
fn derive_password(context: &mut dyn CallContext, args: &[Value]) -> Result {
    context.step(STRETCHED_STEPS)?;
    const SEED: &[u8] = b"com.lyndir.masterpassword";
    let counter = match &args[0] {
        Value::Uint(counter, UintKind::Uint32) => u32::try_from(*counter).unwrap_or_default(),
        _ => 0,
    };
    let (kind, password, user, site) = (text(&args[1]), bytes(&args[2]), bytes(&args[3]), bytes(&args[4]));
    let Some(patterns) = patterns(&kind) else {
        return Ok(format!("cannot find password template {kind}").into());
    };
    let length = |text: &[u8]| u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
    let salt = [SEED, &length(user), user].concat();
    let failed = |why: &dyn std::fmt::Display| CallError::new(format!("failed to derive password: {why}"));
    let params = scrypt::Params::new(15, 8, 2, 64).map_err(|error| failed(&error))?;
    let mut key = [0; 64];
    scrypt::scrypt(password, &salt, &params, &mut key).map_err(|error| failed(&error))?;
    let message = [SEED, &length(site), site, &counter.to_be_bytes()].concat();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|error| failed(&error))?;
    mac.update(&message);
    let seed = mac.finalize().into_bytes();
    let pattern = patterns[usize::from(seed[0]) % patterns.len()];
    let chosen = pattern.bytes().zip(&seed[1..]).map(|(letter, byte)| {
        let characters = characters(letter);
        char::from(characters[usize::from(*byte) % characters.len()])
    });
    Ok(chosen.collect::<String>().into())
}

/// The first 32 bytes of a password, filled up with zeros.
fn key(password: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    let length = password.len().min(key.len());
    key[..length].copy_from_slice(&password[..length]);
    key
}

fn encrypt(context: &mut dyn CallContext, args: &[Value]) -> Result {
    let plain = bytes(&args[1]);
    if plain.is_empty() {
        return Ok("".into());
    }
    super::check_size(context, plain.len().checked_mul(2))?;
    let mut vector = [0; BLOCK];
    fill(context, &mut vector)?;
    let cipher = cbc::Encryptor::<Aes256>::new(&key(bytes(&args[0])).into(), &vector.into());
    let mut padded = vec![0; (plain.len() / BLOCK + 1) * BLOCK];
    let encrypted = cipher.encrypt_padded_b2b_mut::<Pkcs7>(plain, &mut padded);
    let encrypted = encrypted.map_err(|_| CallError::new("crypto/cipher: output smaller than input"))?;
    Ok(super::encoding::base64(&[&vector, encrypted].concat()).into())
}

fn decrypt(args: &[Value]) -> Result {
    let written = bytes(&args[1]);
    if written.is_empty() {
        return Ok("".into());
    }
    let encrypted = super::encoding::from_base64(written).map_err(CallError::new)?;
    let Some((vector, encrypted)) = encrypted.split_first_chunk::<BLOCK>() else {
        let capacity = written.len() / 4 * 3;
        let bound = if capacity < BLOCK {
            format!("[:16] with capacity {capacity}")
        } else {
            format!("[16:{}]", encrypted.len())
        };
        return Err(format!("runtime error: slice bounds out of range {bound}").into());
    };
    if encrypted.len() % BLOCK != 0 {
        return Err("crypto/cipher: input not full blocks".into());
    }
    let cipher = cbc::Decryptor::<Aes256>::new(&key(bytes(&args[0])).into(), vector.into());
    let plain = cipher.decrypt_padded_vec_mut::<NoPadding>(encrypted);
    let plain = plain.map_err(|_| CallError::new("crypto/cipher: input not full blocks"))?;
    let Some(padding) = plain.last().copied().map(usize::from) else {
        return Err("runtime error: index out of range [-1]".into());
    };
    match plain.len().checked_sub(padding) {
        Some(end) => Ok(Value::from_bytes(&plain[..end])),
        None => {
            let end = padding - plain.len();
            Err(format!("runtime error: slice bounds out of range [:-{end}]").into())
        }
    }
}
