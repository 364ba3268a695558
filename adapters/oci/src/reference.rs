//! Where an artifact is: host, repository, tag or digest.

use gitops_core::digest::is_sha256;
use std::fmt;
use std::str::FromStr;

/// An artifact's address: `ghcr.io/org/app:1.0`, `oci://host:5000/app@sha256:…`.
///
/// Names without a host are those of Docker's hub, as everywhere in this field.
///
/// ```
/// use gitops_oci::Reference;
/// let reference: Reference = "oci://ghcr.io/org/app:1.0".parse()?;
/// assert_eq!((reference.repository(), reference.tag()), ("ghcr.io/org/app", Some("1.0")));
/// assert_eq!("nginx".parse::<Reference>()?.repository(), "docker.io/library/nginx");
/// # Ok::<(), gitops_oci::ReferenceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

/// A text that is no reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceError(String);

impl fmt::Display for ReferenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReferenceError {}

impl ReferenceError {
    pub(crate) fn new(why: &str) -> Self {
        Self(why.to_owned())
    }
}

impl Reference {
    /// Returns the repository with its host: `ghcr.io/org/app`.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Returns the host, with its port where it has one.
    #[must_use]
    pub fn host(&self) -> &str {
        self.repository.split('/').next().unwrap_or_default()
    }

    /// Returns the repository without its host: `org/app`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.repository.split_once('/').map_or("", |(_, path)| path)
    }

    /// Returns the tag.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Returns the digest.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// Returns the reference with another tag, and without a digest.
    ///
    /// # Errors
    /// Where it is none that a tag can be.
    pub fn with_tag(&self, tag: &str) -> Result<Self, ReferenceError> {
        let tag = Some(checked_tag(tag)?);
        Ok(Self { repository: self.repository.clone(), tag, digest: None })
    }

    /// Returns what is asked for: the digest, else the tag, else `latest`.
    #[must_use]
    pub fn wanted(&self) -> &str {
        self.digest.as_deref().or(self.tag.as_deref()).unwrap_or("latest")
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let bare = text.strip_prefix("oci://").unwrap_or(text);
        if bare.contains("://") {
            return Err(ReferenceError("the URL of a registry starts with oci://".to_owned()));
        }
        let (bare, digest) = match bare.split_once('@') {
            Some((bare, digest)) if is_sha256(digest) => (bare, Some(digest.to_owned())),
            // The text may hold a password before the @, so that it is not repeated.
            Some(_) => {
                return Err(ReferenceError("what follows the @ is no digest like sha256:…".to_owned()));
            }
            None => (bare, None),
        };
        let (bare, tag) = match bare.rsplit_once(':') {
            Some((bare, tag)) if !tag.contains('/') => (bare, Some(checked_tag(tag)?)),
            _ => (bare, None),
        };
        let (host, path) = match bare.split_once('/') {
            Some((host, path)) if is_host(host) => (host, path.to_owned()),
            _ => ("docker.io", bare.to_owned()),
        };
        let host = if host == "index.docker.io" { "docker.io" } else { host };
        let path = if host == "docker.io" && !path.contains('/') { format!("library/{path}") } else { path };
        checked_host(host)?;
        checked_path(&path)?;
        Ok(Self { repository: format!("{host}/{path}"), tag, digest })
    }
}

/// The first part of a name is a host where it could not be part of a path.
fn is_host(text: &str) -> bool {
    text.contains(['.', ':', '[']) || text == "localhost" || text.bytes().any(|b| b.is_ascii_uppercase())
}

fn checked_host(host: &str) -> Result<(), ReferenceError> {
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']' | b'_');
    if host.is_empty() || !host.bytes().all(fine) {
        return Err(ReferenceError(format!("registries must be valid RFC 3986 URI authorities: {host:?}")));
    }
    Ok(())
}

fn checked_path(path: &str) -> Result<(), ReferenceError> {
    let part = |part: &str| {
        let edges = part.bytes().next().into_iter().chain(part.bytes().last());
        let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        !part.is_empty()
            && edges.into_iter().all(fine)
            && part.bytes().all(|b| fine(b) || matches!(b, b'.' | b'_' | b'-'))
            && !part.contains("..")
    };
    if path.len() > 255 || !path.split('/').all(part) {
        let message = format!(
            "repository {path:?} can only contain the characters `abcdefghijklmnopqrstuvwxyz0123456789_-./`"
        );
        return Err(ReferenceError(message));
    }
    Ok(())
}

fn checked_tag(tag: &str) -> Result<String, ReferenceError> {
    let fine =
        |(at, b): (usize, u8)| b.is_ascii_alphanumeric() || b == b'_' || (at > 0 && matches!(b, b'.' | b'-'));
    if tag.is_empty() || tag.len() > 128 || !tag.bytes().enumerate().all(fine) {
        return Err(ReferenceError(format!(
            "tag {tag:?} can only have up to 128 letters, digits and the characters `_-.`"
        )));
    }
    Ok(tag.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: &str) {
        assert_eq!(text.parse::<Reference>().map_or_else(|e| e.to_string(), |r| r.to_string()), wanted);
    }

    #[test]
    fn names_are_those_of_the_field() {
        check("nginx", "docker.io/library/nginx");
        check("org/app:1", "docker.io/org/app:1");
        check("localhost/app", "localhost/app");
        check("localhost:5000/a/b:v1.0_x-y", "localhost:5000/a/b:v1.0_x-y");
        check("oci://index.docker.io/app", "docker.io/library/app");
        let digest = format!("sha256:{}", "a".repeat(64));
        check(&format!("h.io/a:1@{digest}"), &format!("h.io/a:1@{digest}"));
        assert_eq!(format!("h.io/a:1@{digest}").parse::<Reference>().unwrap().wanted(), digest);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            "h.io/",
            "h.io/../x",
            "h.io/a b",
            "h.io/a:b c",
            "h.io/A",
            "http://h.io/a",
            "h io/x.y/z",
            "h.io/a?x=1",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
        let error = "oci://me:hunter2@h.io/a".parse::<Reference>().unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}
