//! X.509 certificates, with the fields and extensions that sprig's have.

use super::der::{
    GENERALIZED_TIME, INTEGER, OBJECT_ID, OCTET_STRING, PRINTABLE_STRING, Reader, SEQUENCE, SET, UTC_TIME,
    UTF8_STRING, bit_string, context, element, integer, sequence,
};
use super::key::{Key, PUBLIC_KEY_BITS};
use super::pem;
use crate::time::Moment;
use sha2::{Digest, Sha256};
use std::net::IpAddr;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 0x23];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
/// 1.3.6.1.5.5.7.3.1 and .2
const SERVER: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const CLIENT: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/// Whom a certificate is for.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) common_name: String,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) names: Vec<String>,
    /// Whether it may sign others.
    pub(crate) is_authority: bool,
    pub(crate) serial: [u8; 16],
    pub(crate) not_before: Moment,
    pub(crate) not_after: Moment,
}

/// Who signs a certificate.
#[derive(Clone, Debug)]
pub(crate) struct Authority {
    /// The name, as the certificate holds it.
    subject: Vec<u8>,
    key_id: Vec<u8>,
    /// The public key with its algorithm.
    public: Vec<u8>,
}

/// Signs a certificate, by itself or by an authority, and gives it as PEM.
pub(crate) fn issue(
    subject: &Subject,
    key: &Key,
    authority: Option<&Authority>,
    signer: &Key,
) -> Result<String, String> {
    const NO_SIGNER: &str = "x509: certificate private key does not implement crypto.Signer";
    let algorithm = signer.algorithm().ok_or(NO_SIGNER)?;
    let public =
        key.public().ok_or_else(|| format!("x509: unsupported public key type: {}", key.public_type()))?;
    if let Some(authority) = authority
        && signer.public().is_none_or(|public| public.info != authority.public)
    {
        return Err("x509: provided PrivateKey doesn't match parent's PublicKey".to_owned());
    }
    let name = distinguished_name(&subject.common_name);
    let issuer = authority.map_or(&name, |authority| &authority.subject);
    let issuer_key_id =
        authority.filter(|authority| authority.subject != name).map(|authority| &authority.key_id);
    let extensions = extensions(subject, &public.bits, issuer_key_id.map(Vec::as_slice))?;
    let to_sign = sequence(&[
        &context(0, &integer(&[2])),
        &integer(&subject.serial),
        &algorithm,
        issuer,
        &sequence(&[&time(&subject.not_before), &time(&subject.not_after)]),
        &name,
        &public.info,
        &context(3, &element(SEQUENCE, &extensions)),
    ]);
    let signed = signer.sign(&to_sign).ok_or(NO_SIGNER)??;
    let whole = sequence(&[&to_sign, &signed.algorithm, &bit_string(&signed.signature)]);
    Ok(pem::encode("CERTIFICATE", &whole))
}

fn distinguished_name(common_name: &str) -> Vec<u8> {
    if common_name.is_empty() {
        return sequence(&[]);
    }
    let printable = |b: u8| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b);
    let tag = if common_name.bytes().all(printable) { PRINTABLE_STRING } else { UTF8_STRING };
    let attribute = sequence(&[&element(OBJECT_ID, COMMON_NAME), &element(tag, common_name.as_bytes())]);
    sequence(&[&element(SET, &attribute)])
}

/// Two digits of the year until 2049, as the standard wants it.
fn time(moment: &Moment) -> Vec<u8> {
    let year: i64 = moment.format("2006").parse().unwrap_or(0);
    if (1950..2050).contains(&year) {
        element(UTC_TIME, moment.format("060102150405Z").as_bytes())
    } else {
        element(GENERALIZED_TIME, moment.format("20060102150405Z").as_bytes())
    }
}

fn extensions(subject: &Subject, public: &[u8], issuer: Option<&[u8]>) -> Result<Vec<u8>, String> {
    let critical: &[u8] = &[0x01, 0x01, 0xff];
    let extension = |id: &[u8], critical: &[u8], value: &[u8]| {
        sequence(&[&element(OBJECT_ID, id), critical, &element(OCTET_STRING, value)])
    };
    // Signatures and key encipherment; for an authority, certificates too. The first byte counts the unused bits.
    let usage: &[u8] =
        if subject.is_authority { &[0x03, 0x02, 0x02, 0xa4] } else { &[0x03, 0x02, 0x05, 0xa0] };
    let mut out = extension(KEY_USAGE, critical, usage);
    let purposes = sequence(&[&element(OBJECT_ID, SERVER), &element(OBJECT_ID, CLIENT)]);
    out.extend(extension(EXTENDED_KEY_USAGE, &[], &purposes));
    let constraints = if subject.is_authority { sequence(&[critical]) } else { sequence(&[]) };
    out.extend(extension(BASIC_CONSTRAINTS, critical, &constraints));
    if subject.is_authority {
        let id = &Sha256::digest(public)[..20];
        out.extend(extension(SUBJECT_KEY_ID, &[], &element(OCTET_STRING, id)));
    }
    if let Some(id) = issuer.filter(|id| !id.is_empty()) {
        out.extend(extension(AUTHORITY_KEY_ID, &[], &sequence(&[&element(0x80, id)])));
    }
    if !subject.names.is_empty() || !subject.addresses.is_empty() {
        let mut names = Vec::new();
        for name in &subject.names {
            if !name.is_ascii() {
                return Err(format!("x509: {} cannot be encoded as an IA5String", crate::quote::quote(name)));
            }
            names.extend(element(0x82, name.as_bytes()));
        }
        for address in &subject.addresses {
            let bytes = match address.to_canonical() {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            names.extend(element(0x87, &bytes));
        }
        // Without a name, the alternative ones are all there is.
        let critical = if subject.common_name.is_empty() { critical } else { &[] };
        out.extend(extension(ALTERNATIVE_NAMES, critical, &element(SEQUENCE, &names)));
    }
    Ok(out)
}

/// Reads what of a certificate matters to those that it signs; `None` where it is malformed.
pub(crate) fn read_certificate(der: &[u8]) -> Option<Authority> {
    let mut certificate = Reader::new(der).enter(SEQUENCE)?;
    let mut signed = certificate.enter(SEQUENCE)?;
    certificate.expect(SEQUENCE)?;
    certificate.expect(PUBLIC_KEY_BITS)?;
    if signed.peek() == Some(0xa0) {
        signed.next()?;
    }
    signed.expect(INTEGER)?;
    signed.expect(SEQUENCE)?;
    signed.expect(SEQUENCE)?;
    signed.expect(SEQUENCE)?;
    let subject = signed.next().filter(|name| name.tag == SEQUENCE)?.whole.to_vec();
    let public = signed.next().filter(|key| key.tag == SEQUENCE)?.whole.to_vec();
    let mut key_id = Vec::new();
    while let Some(part) = signed.next() {
        if part.tag == 0xa3 {
            key_id = subject_key_id(part.content)?;
        }
    }
    Some(Authority { subject, key_id, public })
}

fn subject_key_id(extensions: &[u8]) -> Option<Vec<u8>> {
    let mut all = Reader::new(extensions).enter(SEQUENCE)?;
    while !all.is_empty() {
        let mut extension = all.enter(SEQUENCE)?;
        let id = extension.expect(OBJECT_ID)?;
        let mut value = extension.next()?;
        if value.tag != OCTET_STRING {
            value = extension.next()?;
        }
        if id == SUBJECT_KEY_ID {
            return Reader::new(value.content).expect(OCTET_STRING).map(<[u8]>::to_vec);
        }
    }
    Some(Vec::new())
}
