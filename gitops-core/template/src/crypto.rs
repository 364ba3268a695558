//! Keys and certificates, as Go's `crypto/x509` writes them.

mod certificate;
mod curve;
mod der;
mod dsa;
mod key;
mod pem;

pub(crate) use certificate::{Authority, Subject, issue, read_certificate};
pub(crate) use key::{Key, KeyType};
pub(crate) use pem::decode as decode_pem;
