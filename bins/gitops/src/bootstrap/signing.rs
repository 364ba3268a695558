//! The key that signs the commits, read and unlocked before anything else happens.

use super::{Common, read};
use crate::Failure;
use gitops_core::ports::{Secret, SigningKey};
use gitops_git::{openpgp_signing_key, ssh_signing_key};

/// Reads the key that the flags name; `password` opens the key of --private-key-file.
pub(super) fn key(flags: &Common, password: &Secret) -> Result<Option<SigningKey>, Failure> {
    let secret = |text: &Option<String>| text.as_ref().map(|text| Secret::new(text.clone()));
    if let Some(file) = &flags.gpg_key_ring {
        let ring = std::fs::read(file)
            .map_err(|why| format!("unable to open GPG key ring: {}: {why}", file.display()))?;
        let passphrase = secret(&flags.gpg_passphrase).filter(|text| !text.reveal().is_empty());
        let key = openpgp_signing_key(&ring, flags.gpg_key_id.as_deref(), passphrase.as_ref());
        return Ok(Some(key.map_err(|why| format!("invalid GPG signing key: {why}"))?));
    }
    if let Some(file) = &flags.ssh_signing_key_file {
        let key =
            Secret::new(read(file).map_err(|why| format!("failed to read SSH signing key file: {why}"))?);
        return Ok(Some(ssh_signing_key(key, secret(&flags.ssh_signing_password))?));
    }
    match &flags.private_key_file {
        Some(file) if flags.ssh_signing_reuse_private_key => {
            let password = Some(password.clone()).filter(|password| !password.reveal().is_empty());
            let key = Secret::new(read(file)?);
            let key = ssh_signing_key(key, password)
                .map_err(|why| format!("{why} (reused from --private-key-file)"))?;
            Ok(Some(key))
        }
        _ => Ok(None),
    }
}
