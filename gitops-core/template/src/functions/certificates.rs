//! Keys and certificates. Time and chance come from the render's world; the chance as a seed, which is then stretched.

use super::random::fill;
use super::{Result, int, pure, text};
use crate::crypto::{Authority, Key, KeyType, Subject, decode_pem, issue, read_certificate};
use crate::function::{CallContext, CallError, Function, Functions, Signature, Type};
use crate::time::{Moment, Zone};
use crate::value::{Map, Object, Value};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::any::Any;
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

const CERTIFICATE: Type = Type::Object("sprig.certificate");
const DAY: i64 = 86_400_000_000_000;
/// The bits of the keys that come with certificates.
const CERTIFICATE_BITS: usize = 2_048;
/// The steps of a certificate's key, which takes as long as some hundred thousand calls.
const CERTIFICATE_STEPS: usize = 300_000;
/// The steps of a key by itself: of the kinds that take longest.
const KEY_STEPS: usize = 1_000_000;

pub(super) fn add(functions: &mut Functions) {
    functions.insert(
        "genPrivateKey",
        Function::new(Signature::new(&[Type::String], Type::String), |context, args| {
            let kind = match &*text(&args[0]) {
                "" | "rsa" => KeyType::Rsa(4_096),
                "dsa" => KeyType::Dsa,
                "ecdsa" => KeyType::Ecdsa,
                "ed25519" => KeyType::Ed25519,
                other => return Ok(format!("Unknown type {other}").into()),
            };
            context.step(if matches!(kind, KeyType::Rsa(_) | KeyType::Dsa) { KEY_STEPS } else { 1_000 })?;
            match Key::generate(kind, &mut generator(context)?) {
                Ok(key) => Ok(key.to_pem().into()),
                Err(error) => Ok(format!("failed to generate private key: {error}").into()),
            }
        }),
    );
    functions.insert("buildCustomCert", pure(&[Type::String, Type::String], CERTIFICATE, build_custom));
    self_signed(functions);
    signed(functions);
}

fn self_signed(functions: &mut Functions) {
    const AUTHORITY: &[Type] = &[Type::String, Type::Int];
    const AUTHORITY_WITH_KEY: &[Type] = &[Type::String, Type::Int, Type::String];
    const NAMES: &[Type] = &[Type::String, Type::List, Type::List, Type::Int];
    const NAMES_WITH_KEY: &[Type] = &[Type::String, Type::List, Type::List, Type::Int, Type::String];
    for (name, params) in [("genCA", AUTHORITY), ("genCAWithKey", AUTHORITY_WITH_KEY)] {
        functions.insert(
            name,
            Function::new(Signature::new(params, CERTIFICATE), |context, args| {
                let key = certificate_key(context, args.get(2))?;
                let subject = subject(context, &args[0], None, int(&args[1]))?;
                certificate(&Subject { is_authority: true, ..subject }, &key, None, &key)
            }),
        );
    }
    for (name, params) in [("genSelfSignedCert", NAMES), ("genSelfSignedCertWithKey", NAMES_WITH_KEY)] {
        functions.insert(
            name,
            Function::new(Signature::new(params, CERTIFICATE), |context, args| {
                let subject = subject(context, &args[0], Some((&args[1], &args[2])), int(&args[3]))?;
                let key = certificate_key(context, args.get(4))?;
                certificate(&subject, &key, None, &key)
            }),
        );
    }
}

fn signed(functions: &mut Functions) {
    const NAMES: &[Type] = &[Type::String, Type::List, Type::List, Type::Int, CERTIFICATE];
    const NAMES_WITH_KEY: &[Type] =
        &[Type::String, Type::List, Type::List, Type::Int, CERTIFICATE, Type::String];
    for (name, params) in [("genSignedCert", NAMES), ("genSignedCertWithKey", NAMES_WITH_KEY)] {
        functions.insert(
            name,
            Function::new(Signature::new(params, CERTIFICATE), |context, args| {
                let key = certificate_key(context, args.get(5))?;
                let signer = Pair::of(&args[4])?;
                let block = decode_pem(&signer.certificate)
                    .ok_or_else(|| CallError::new("unable to decode certificate"))?;
                let authority = read_certificate(&block.bytes).ok_or_else(|| {
                    let why = "x509: malformed certificate";
                    CallError::new(format!("error parsing certificate: decodedSignerCert.Bytes: {why}"))
                })?;
                let signing = Key::from_pem(&signer.key)
                    .map_err(|error| CallError::new(format!("error parsing private key: {error}")))?;
                let subject = subject(context, &args[0], Some((&args[1], &args[2])), int(&args[3]))?;
                certificate(&subject, &key, Some(&authority), &signing)
            }),
        );
    }
}

/// A generator of the world's chance: 32 bytes of it, stretched by a cipher.
fn generator(context: &dyn CallContext) -> Result<ChaCha20Rng> {
    let mut seed = [0; 32];
    fill(context, &mut seed)?;
    Ok(ChaCha20Rng::from_seed(seed))
}

/// Reads the key that was given, or makes one.
fn certificate_key(context: &mut dyn CallContext, given: Option<&Value>) -> Result<Key> {
    match given {
        Some(pem) => {
            Key::from_pem(&text(pem)).map_err(|error| CallError::new(format!("parsing private key: {error}")))
        }
        None => {
            context.step(CERTIFICATE_STEPS)?;
            Key::generate(KeyType::Rsa(CERTIFICATE_BITS), &mut generator(context)?)
                .map_err(|error| CallError::new(format!("error generating rsa key: {error}")))
        }
    }
}

fn subject(
    context: &dyn CallContext,
    common_name: &Value,
    alternatives: Option<(&Value, &Value)>,
    days: i64,
) -> Result<Subject> {
    let (mut addresses, mut names) = (Vec::new(), Vec::new());
    if let Some((given_addresses, given_names)) = alternatives {
        for given in list(given_addresses) {
            let Some(written) = given.as_str() else {
                return Err(
                    format!("error parsing ip: {} is not a string", crate::printf::plain(given)).into()
                );
            };
            let address: Option<IpAddr> = written.parse().ok();
            addresses.push(address.ok_or_else(|| CallError::new(format!("error parsing ip: {written}")))?);
        }
        for given in list(given_names) {
            let Some(name) = given.as_str() else {
                let shown = crate::printf::plain(given);
                return Err(format!("error processing alternate dns name: {shown} is not a string").into());
            };
            names.push(name.to_owned());
        }
    }
    let mut serial = [0; 16];
    fill(context, &mut serial)?;
    let now = context.world().now().map_err(|refused| CallError::new(refused.to_string()))?;
    let not_before = Moment::from_nanoseconds(now, Zone::Utc);
    Ok(Subject {
        common_name: text(common_name).into_owned(),
        addresses,
        names,
        is_authority: false,
        serial,
        not_after: not_before.add(DAY.wrapping_mul(days)),
        not_before,
    })
}

fn list(value: &Value) -> &[Value] {
    match value {
        Value::List(list) => list.items(),
        _ => &[],
    }
}

fn certificate(subject: &Subject, key: &Key, authority: Option<&Authority>, signer: &Key) -> Result {
    let certificate = issue(subject, key, authority, signer)
        .map_err(|error| CallError::new(format!("error creating certificate: {error}")))?;
    Ok(Pair { certificate, key: key.to_pem() }.into_value())
}

fn build_custom(args: &[Value]) -> Result {
    let decoded = |value: &Value, what: &str| {
        super::encoding::from_base64(super::bytes(value))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .map_err(|_| CallError::new(format!("unable to decode base64 {what}")))
    };
    let certificate = decoded(&args[0], "certificate")?;
    let key = decoded(&args[1], "private key")?;
    let block = decode_pem(&certificate).ok_or_else(|| CallError::new("unable to decode certificate"))?;
    if read_certificate(&block.bytes).is_none() {
        let why = "x509: malformed certificate";
        return Err(format!("error parsing certificate: decodedCert.Bytes: {why}").into());
    }
    Key::from_pem(&key).map_err(|error| CallError::new(format!("error parsing private key: {error}")))?;
    Ok(Pair { certificate, key }.into_value())
}

/// A certificate and its key, as templates see them: `.Cert` and `.Key`.
#[derive(Debug)]
struct Pair {
    certificate: String,
    key: String,
}

impl Pair {
    fn of(value: &Value) -> Result<&Self> {
        let pair = match value {
            Value::Object(object) => object.as_any().downcast_ref(),
            _ => None,
        };
        pair.ok_or_else(|| CallError::new("unable to decode certificate"))
    }

    fn into_value(self) -> Value {
        Value::Object(Arc::new(self))
    }
}

impl Object for Pair {
    fn type_name(&self) -> Cow<'static, str> {
        Cow::Borrowed("sprig.certificate")
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(self.certificate.as_str().into()),
            "Key" => Some(self.key.as_str().into()),
            _ => None,
        }
    }

    fn text(&self) -> Option<String> {
        Some(format!("{{{} {}}}", self.certificate, self.key))
    }

    fn json(&self) -> Option<Value> {
        let parts = [("Cert", &self.certificate), ("Key", &self.key)];
        Some(parts.into_iter().map(|(key, part)| (key, Value::from(part.as_str()))).collect::<Map>().into())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
