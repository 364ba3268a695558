//! Seals values and keys as SOPS and age do, so that tests need no program; with fixed nonces, for tests alone.

use aes_gcm::aead::consts::U32;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use chacha20poly1305::ChaCha20Poly1305;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256, Sha512};

use crate::{AgeKeys, Format, Integrity, decrypt, decrypt_node};

/// Looks like an identity, but its checksum is wrong.
const IDENTITY: &str = "AGE-SECRET-KEY-1QQPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQ";
const DATA_KEY: [u8; 32] = [7; 32];

fn encode(data: &[u8]) -> String {
    const CHARACTERS: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let prefix = "age-secret-key-";
    let mut values = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for byte in data {
        bits = (bits << 8 | u32::from(*byte)) & 0xfff;
        count += 8;
        while count >= 5 {
            count -= 5;
            values.push((bits >> count & 31) as u8);
        }
    }
    if count > 0 {
        values.push((bits << (5 - count) & 31) as u8);
    }
    let head = prefix.bytes().map(|b| b >> 5).chain([0]).chain(prefix.bytes().map(|b| b & 31));
    let check = crate::age::polymod(head.chain(values.iter().copied()).chain([0; 6])) ^ 1;
    values.extend((0..6).map(|at| (check >> (5 * (5 - at)) & 31) as u8));
    let text: String = values.iter().map(|value| char::from(CHARACTERS[usize::from(*value)])).collect();
    format!("{prefix}1{text}").to_uppercase()
}

fn keys(secret: u8) -> AgeKeys {
    let mut keys = AgeKeys::default();
    keys.add(&format!("# a comment\n{}\n", encode(&[secret; 32]))).unwrap();
    keys
}

/// An armored age file of the data key for the identity of a secret.
fn age_file(secret: u8) -> String {
    let public = x25519_dalek::x25519([secret; 32], x25519_dalek::X25519_BASEPOINT_BYTES);
    let share = x25519_dalek::x25519([99; 32], x25519_dalek::X25519_BASEPOINT_BYTES);
    let derive = |secret: &[u8], salt: &[u8], info: &[u8]| {
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(Some(salt), secret).expand(info, &mut key).unwrap();
        key
    };
    let seal = |key: [u8; 32], nonce: [u8; 12], data: &[u8]| {
        ChaCha20Poly1305::new(&key.into()).encrypt(&nonce.into(), data).unwrap()
    };
    let file_key = [5; 16];
    let shared = x25519_dalek::x25519([99; 32], public);
    let wrap = derive(&shared, &[share, public].concat(), b"age-encryption.org/v1/X25519");
    let body = STANDARD_NO_PAD.encode(seal(wrap, [0; 12], &file_key));
    let header = format!("age-encryption.org/v1\n-> X25519 {}\n{body}\n---", STANDARD_NO_PAD.encode(share));
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&derive(&file_key, &[], b"header")).unwrap();
    mac.update(header.as_bytes());
    let mac = STANDARD_NO_PAD.encode(mac.finalize().into_bytes());
    let mut last = [0; 12];
    last[11] = 1;
    let payload = seal(derive(&file_key, &[3; 16], b"payload"), last, &DATA_KEY);
    let mut file = format!("{header} {mac}\n").into_bytes();
    file.extend([3; 16]);
    file.extend(payload);
    format!(
        "-----BEGIN AGE ENCRYPTED FILE-----\n{}\n-----END AGE ENCRYPTED FILE-----\n",
        STANDARD.encode(file)
    )
}

fn seal(text: &str, kind: &str, belongs_to: &str) -> String {
    let cipher = AesGcm::<Aes256, U32>::new((&DATA_KEY).into());
    let payload = Payload { msg: text.as_bytes(), aad: belongs_to.as_bytes() };
    let sealed = cipher.encrypt(Nonce::from_slice(&[1; 32]), payload).unwrap();
    let (data, tag) = sealed.split_at(sealed.len() - 16);
    let encode = |bytes: &[u8]| STANDARD.encode(bytes);
    format!("ENC[AES256_GCM,data:{},iv:{},tag:{},type:{kind}]", encode(data), encode(&[1; 32]), encode(tag))
}

const TIME: &str = "2026-01-02T03:04:05Z";

fn mac(values: &str) -> String {
    let digest: String = Sha512::digest(values).iter().map(|byte| format!("{byte:02X}")).collect();
    seal(&digest, "str", TIME)
}

fn yaml(body: &str, mac: &str, more: &str) -> String {
    let enc = age_file(1).replace('\n', "\n                ");
    format!(
        "{body}sops:\n    age:\n        - recipient: age1test\n          enc: |\n                {}\n    \
         lastmodified: \"{TIME}\"\n    mac: {mac}\n{more}    version: 3.13.3\n",
        enc.trim_end()
    )
}

fn secret() -> String {
    let body = format!(
        "kind: Secret\nstringData:\n    password: {}\n    port: {}\n    empty: \"\"\n    list:\n        - {}\n",
        seal("hunter2", "str", "stringData:password:"),
        seal("5432", "int", "stringData:port:"),
        seal("True", "bool", "stringData:list:"),
    );
    yaml(&body, &mac("Secrethunter25432True"), "    encrypted_regex: ^(data|stringData)$\n")
}

fn text(result: Result<Vec<u8>, crate::SopsError>) -> String {
    match result {
        Ok(bytes) => String::from_utf8(bytes).unwrap(),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn yaml_is_opened_with_its_types() {
    let opened = text(decrypt(secret().as_bytes(), Format::Yaml, Format::Yaml, &keys(1)));
    let expected = "kind: Secret\nstringData:\n    password: hunter2\n    port: 5432\n    empty: \"\"\n    list:\n        - true\n";
    assert_eq!(opened, expected);
    let json = text(decrypt(secret().as_bytes(), Format::Yaml, Format::Json, &keys(1)));
    assert!(json.contains("\"port\": 5432") && json.starts_with("{\n\t\"kind\""), "{json}");
}

#[test]
fn changes_are_seen_and_nothing_is_quoted() {
    let clear = secret().replace("kind: Secret", "kind: Other");
    let error = text(decrypt(clear.as_bytes(), Format::Yaml, Format::Yaml, &keys(1)));
    assert!(error.contains("failed to verify sops data integrity: MAC mismatch"), "{error}");
    let moved = secret().replace("password:", "passphrase:");
    let error = text(decrypt(moved.as_bytes(), Format::Yaml, Format::Yaml, &keys(1)));
    assert!(error.contains("at stringData.passphrase") && !error.contains("hunter2"), "{error}");
    let error = text(decrypt(secret().as_bytes(), Format::Yaml, Format::Yaml, &keys(2)));
    assert!(error.contains("no identity matched any of the recipients age1test"), "{error}");
}

#[test]
fn objects_may_gain_clear_values() {
    let changed = secret().replace("kind: Secret", "kind: Secret\nmetadata: {namespace: prod}");
    let read = |text: &str| {
        let options = gitops_yaml::ReadOptions::yaml11();
        gitops_yaml::read_document(text.as_bytes(), gitops_yaml::FileId::NONE, &options)
            .unwrap()
            .unwrap()
            .root
    };
    let mut object = read(&changed);
    assert!(decrypt_node(&mut object, &keys(1), Integrity::Verify).is_err());
    assert!(object.get("sops").is_some(), "what fails changes nothing");
    decrypt_node(&mut object, &keys(1), Integrity::Trust).unwrap();
    assert_eq!(object.at_path(&["stringData", "password"]).and_then(|it| it.as_str()), Some("hunter2"));
    assert!(object.get("sops").is_none());
}

#[test]
fn the_seal_may_be_over_sealed_values_alone() {
    let init: Vec<u8> = Sha256::digest("sops").to_vec();
    let mut hash = Sha512::new();
    hash.update(init);
    hash.update("v");
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02X}")).collect();
    let body = format!("clear_unencrypted: 1\nsealed: {}\n", seal("v", "str", "sealed:"));
    let document = yaml(&body, &seal(&digest, "str", TIME), "    mac_only_encrypted: true\n");
    let changed = document.replace("clear_unencrypted: 1", "clear_unencrypted: 2");
    let opened = text(decrypt(changed.as_bytes(), Format::Yaml, Format::Yaml, &keys(1)));
    assert_eq!(opened, "clear_unencrypted: 2\nsealed: v\n");
}

#[test]
fn dotenv_and_binary_are_opened() {
    let enc = age_file(1).replace('\n', "\\n");
    let dotenv = format!(
        "#{}\nUSER={}\nTEXT={}\nsops_age__list_0__map_enc={enc}\nsops_age__list_0__map_recipient=age1test\n\
         sops_lastmodified={TIME}\nsops_mac={}\nsops_version=3.13.3\n",
        seal(" note", "comment", ":"),
        seal("root", "str", "USER:"),
        seal("a\nb", "str", "TEXT:"),
        mac("roota\nb"),
    );
    assert_eq!(Format::detect(dotenv.as_bytes()), Some(Format::Dotenv));
    let opened = text(decrypt(dotenv.as_bytes(), Format::Dotenv, Format::Dotenv, &keys(1)));
    assert_eq!(opened, "# note\nUSER=root\nTEXT=a\\nb\n");
    let enc = age_file(1).replace('\n', "\\n");
    let binary = format!(
        "{{\"data\": \"{}\", \"sops\": {{\"age\": [{{\"recipient\": \"age1test\", \"enc\": \"{enc}\"}}], \
         \"lastmodified\": \"{TIME}\", \"mac\": \"{}\"}}}}",
        seal("any\nbytes", "str", "data:"),
        mac("any\nbytes"),
    );
    assert_eq!(text(decrypt(binary.as_bytes(), Format::Binary, Format::Binary, &keys(1))), "any\nbytes");
}

#[test]
fn other_keys_are_refused_by_name() {
    let document = "a: b\nsops:\n    pgp:\n        - fp: ABC\n          enc: x\n    mac: ENC[x]\n";
    let error = text(decrypt(document.as_bytes(), Format::Yaml, Format::Yaml, &keys(1)));
    assert!(error.contains("keys of PGP: age keys alone are supported"), "{error}");
    let document = "a: b\nsops:\n    key_groups:\n        - age: []\n        - age: []\n    mac: ENC[x]\n";
    let error = text(decrypt(document.as_bytes(), Format::Yaml, Format::Yaml, &keys(1)));
    assert!(error.contains("2 key groups"), "{error}");
}

#[test]
fn identities_are_checked_and_never_quoted() {
    let mut keys = AgeKeys::default();
    let error = keys.add(&format!("\n{IDENTITY}")).unwrap_err().to_string();
    assert!(error.contains("line 2") && !error.contains("SZQG"), "{error}");
    let error = keys.add("AGE-SECRET-KEY-PQ-1ABC").unwrap_err().to_string();
    assert!(error.contains("post-quantum"), "{error}");
    assert_eq!(format!("{:?}", self::keys(1)), "AgeKeys(1)");
}

#[test]
fn harmful_input_is_an_error() {
    for text in ["", "-----BEGIN AGE ENCRYPTED FILE-----\n-----END AGE ENCRYPTED FILE-----", "x"] {
        assert!(keys(1).open(text).is_err());
    }
    for cut in (0..age_file(1).len()).step_by(7) {
        assert!(keys(1).open(&age_file(1)[..cut]).is_err());
    }
    for text in ["ENC[", "ENC[AES256_GCM,data:,iv:,tag:,type:]", "ENC[AES256_GCM,data:a]"] {
        assert!(crate::cipher::DataKey(DATA_KEY).open(text, "").is_err());
    }
}
