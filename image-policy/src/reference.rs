//! Image references: `ghcr.io/org/app:1.2.3@sha256:…`, read as Docker and OCI registries read them.
//!
//! The grammar is distribution's; the defaults are those that Flux prints: a reference without a host belongs to
//! `index.docker.io`, a name without a folder there to `library/`.

use std::fmt;

/// The registry of references that name none; `docker.io` is another spelling of it.
pub const DEFAULT_REGISTRY: &str = "index.docker.io";

/// An image's registry, repository and tag or digest or both.
///
/// It prints as it was written. Defaults show only in [`Reference::registry`], [`Reference::repository`] and
/// [`Reference::canonical_name`].
///
/// ```
/// let image: image_policy::Reference = "nginx:1.27".parse()?;
/// assert_eq!(image.registry(), "index.docker.io");
/// assert_eq!(image.repository(), "library/nginx");
/// assert_eq!(image.canonical_name(), "index.docker.io/library/nginx:1.27");
/// assert_eq!(image.to_string(), "nginx:1.27");
///
/// let error = "Nginx".parse::<image_policy::Reference>().unwrap_err();
/// assert_eq!(error.to_string(), "invalid image reference 'Nginx': repository 'Nginx' must be lowercase");
/// # Ok::<(), image_policy::ReferenceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    written: String,
    /// Where the written name ends and `:tag` or `@digest` begin.
    name_end: usize,
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl Reference {
    /// Reads a reference; `name.parse::<Reference>()` does the same.
    ///
    /// # Errors
    /// When a part breaks the grammar; the error names the part and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        read(text).map_err(|(part, problem)| ReferenceError { reference: text.to_owned(), part, problem })
    }

    /// Joins a name without tag, as in an `ImageRepository`, with a tag and a digest; an empty one counts as absent.
    ///
    /// # Errors
    /// When the joined reference is invalid, or the name already has a tag or digest.
    pub fn of(name: &str, tag: &str, digest: &str) -> Result<Self, ReferenceError> {
        let named = Self::parse(name)?;
        if let Some(tag) = named.tag.as_ref() {
            let problem = format!("the name should not include a tag; remove ':{tag}'");
            return Err(ReferenceError { reference: name.to_owned(), part: Part::Tag, problem });
        }
        if let Some(digest) = named.digest.as_ref() {
            let problem = format!("the name should not include a digest; remove '@{digest}'");
            return Err(ReferenceError { reference: name.to_owned(), part: Part::Digest, problem });
        }
        let mut joined = name.to_owned();
        for (mark, part) in [(':', tag), ('@', digest)] {
            if !part.is_empty() {
                joined.push(mark);
                joined.push_str(part);
            }
        }
        Self::parse(&joined)
    }

    /// Returns the host with its port, [`DEFAULT_REGISTRY`] where none was written.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Returns the repository on its registry, with `library/` where Docker Hub implies it.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Returns the name as it was written: registry and repository, without tag and digest.
    #[must_use]
    pub fn name(&self) -> &str {
        self.written.get(..self.name_end).unwrap_or_default()
    }

    /// Returns the tag that was written.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Returns the digest that was written, with its algorithm: `sha256:…`.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// Returns what picks the image in its repository: the digest, else the tag, else `latest`.
    #[must_use]
    pub fn identifier(&self) -> &str {
        self.digest().or(self.tag()).unwrap_or("latest")
    }

    /// Returns `registry/repository`, with all defaults.
    #[must_use]
    pub fn canonical_repository(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// Returns the reference with all defaults; where there is a digest, it replaces the tag.
    #[must_use]
    pub fn canonical_name(&self) -> String {
        let mark = if self.digest.is_some() { '@' } else { ':' };
        format!("{}/{}{mark}{}", self.registry, self.repository, self.identifier())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl std::str::FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Why a text is no image reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceError {
    reference: String,
    part: Part,
    problem: String,
}

impl ReferenceError {
    /// Returns the part that is wrong.
    #[must_use]
    pub fn part(&self) -> Part {
        self.part
    }
}

impl fmt::Display for ReferenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid image reference '{}': {}", self.reference, self.problem)
    }
}

impl std::error::Error for ReferenceError {}

/// A part of an image reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The host and port.
    Registry,
    /// The path on the registry.
    Repository,
    /// What follows the `:`.
    Tag,
    /// What follows the `@`.
    Digest,
}

type Problem = (Part, String);

fn read(text: &str) -> Result<Reference, Problem> {
    if let Some((scheme, _)) = text.split_once("://") {
        let problem = format!("an image should not include a URL scheme; remove '{scheme}://'");
        return Err((Part::Registry, problem));
    }
    if text.is_empty() {
        return Err((Part::Repository, "the repository is empty".to_owned()));
    }
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text, None),
    };
    // A colon before the last slash belongs to the registry's port.
    let folder_end = rest.rfind('/').map_or(0, |slash| slash + 1);
    let (name, tag) = match rest.get(folder_end..).unwrap_or_default().find(':') {
        Some(colon) => (&rest[..folder_end + colon], Some(&rest[folder_end + colon + 1..])),
        None => (rest, None),
    };
    let (host, path) = match name.split_once('/') {
        Some((host, path)) if is_registry(host) => (Some(host), path),
        _ => (None, name),
    };
    if let Some(host) = host {
        check_registry(host).map_err(|problem| (Part::Registry, problem))?;
    }
    check_repository(path, host.is_some()).map_err(|problem| (Part::Repository, problem))?;
    if let Some(tag) = tag {
        check_tag(tag).map_err(|problem| (Part::Tag, problem))?;
    }
    if let Some(digest) = digest {
        check_digest(digest).map_err(|problem| (Part::Digest, problem))?;
    }
    let registry = match host {
        None | Some("docker.io") => DEFAULT_REGISTRY,
        Some(host) => host,
    };
    let implied = if registry == DEFAULT_REGISTRY && !path.contains('/') { "library/" } else { "" };
    Ok(Reference {
        written: text.to_owned(),
        name_end: name.len(),
        registry: registry.to_owned(),
        repository: format!("{implied}{path}"),
        tag: tag.map(str::to_owned),
        digest: digest.map(str::to_owned),
    })
}

/// Docker's rule for the first path component: a host has a dot, a port or an upper-case letter, or is `localhost`.
fn is_registry(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':']) || first.bytes().any(|b| b.is_ascii_uppercase())
}

fn check_registry(host: &str) -> Result<(), String> {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(format!("registry '{host}' has no valid IPv6 address in its brackets"));
            }
            (None, port)
        }
        None => match host.find(':') {
            Some(colon) => (Some(&host[..colon]), &host[colon..]),
            None => (Some(host), ""),
        },
    };
    for label in name.into_iter().flat_map(|name| name.split('.')) {
        let whole = !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !whole || label.starts_with('-') || label.ends_with('-') {
            return Err(format!("registry '{host}' is no valid host name"));
        }
    }
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok(()),
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u16>().is_ok() => Ok(()),
        _ => Err(format!("registry '{host}' has the invalid port '{}'", port.trim_start_matches(':'))),
    }
}

fn check_repository(path: &str, has_registry: bool) -> Result<(), String> {
    if path.is_empty() {
        return Err("the repository is empty".to_owned());
    }
    if path.len() > 255 {
        return Err(format!("the repository has {} characters, more than 255", path.len()));
    }
    if path.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(format!("repository '{path}' must be lowercase"));
    }
    if !has_registry && path.len() == 64 && path.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(format!("repository '{path}' looks like an image's id"));
    }
    for component in path.split('/') {
        check_component(component).map_err(|problem| format!("repository '{path}' {problem}"))?;
    }
    Ok(())
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn check_component(component: &str) -> Result<(), String> {
    if component.is_empty() {
        return Err("has an empty component; remove the extra '/'".to_owned());
    }
    if let Some(strange) = component.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-')) {
        return Err(format!("has the character {strange:?}; allowed are a-z, 0-9, '.', '_' and '-'"));
    }
    let is_separator = |c: char| matches!(c, '.' | '_' | '-');
    if component.starts_with(is_separator) || component.ends_with(is_separator) {
        return Err(format!(
            "has the component '{component}', which must start and end with a letter or digit"
        ));
    }
    let separators = component.split(|c: char| !is_separator(c)).filter(|run| !run.is_empty());
    for run in separators {
        if !matches!(run, "." | "_" | "__") && !run.bytes().all(|b| b == b'-') {
            return Err(format!("has '{run}' between two letters or digits; use '.', '_', '__' or dashes"));
        }
    }
    Ok(())
}

fn check_tag(tag: &str) -> Result<(), String> {
    if tag.is_empty() {
        return Err("the tag after ':' is empty".to_owned());
    }
    if tag.len() > 128 {
        return Err(format!("the tag has {} characters, more than 128", tag.len()));
    }
    if let Some(strange) = tag.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.' | '-')) {
        return Err(format!(
            "tag '{tag}' has the character {strange:?}; allowed are letters, digits, '_', '.' and '-'"
        ));
    }
    if tag.starts_with(['.', '-']) {
        return Err(format!("tag '{tag}' must start with a letter, a digit or '_'"));
    }
    Ok(())
}

fn check_digest(digest: &str) -> Result<(), String> {
    let Some((algorithm, hex)) = digest.split_once(':') else {
        return Err(format!("digest '{digest}' has no algorithm; write it as sha256:…"));
    };
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return Err(format!("digest '{digest}' has the unsupported algorithm '{algorithm}'")),
    };
    if hex.len() != length {
        return Err(format!(
            "digest '{digest}' has {} hex characters, {algorithm} needs {length}",
            hex.len()
        ));
    }
    if !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(format!("digest '{digest}' must be lowercase hex"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    #[track_caller]
    fn check(text: &str, registry: &str, repository: &str, tag: Option<&str>, digest: Option<&str>) {
        let read = Reference::parse(text).unwrap();
        assert_eq!((read.registry(), read.repository()), (registry, repository));
        assert_eq!((read.tag(), read.digest()), (tag, digest));
        assert_eq!(read.to_string(), text);
    }

    #[track_caller]
    fn check_error(text: &str, part: Part, problem: &str) {
        let error = Reference::parse(text).unwrap_err();
        assert_eq!(error.part(), part, "{error}");
        assert_eq!(error.to_string(), format!("invalid image reference '{text}': {problem}"));
    }

    #[test]
    fn defaults_are_those_of_docker_hub() {
        check("nginx", DEFAULT_REGISTRY, "library/nginx", None, None);
        check("docker.io/nginx:1", DEFAULT_REGISTRY, "library/nginx", Some("1"), None);
        check("org/app", DEFAULT_REGISTRY, "org/app", None, None);
        check("ghcr.io/app", "ghcr.io", "app", None, None);
        assert_eq!(Reference::parse("nginx").unwrap().identifier(), "latest");
    }

    #[test]
    fn a_port_is_not_a_tag() {
        check("localhost:5000/a/b", "localhost:5000", "a/b", None, None);
        check("localhost/a:2", "localhost", "a", Some("2"), None);
        check("[::1]:5000/a:2", "[::1]:5000", "a", Some("2"), None);
        check("reg:80/a:2", "reg:80", "a", Some("2"), None);
    }

    #[test]
    fn a_digest_wins_over_the_tag() {
        let text = format!("ghcr.io/o/a:1.0@{DIGEST}");
        check(&text, "ghcr.io", "o/a", Some("1.0"), Some(DIGEST));
        let read = Reference::parse(&text).unwrap();
        assert_eq!(read.canonical_name(), format!("ghcr.io/o/a@{DIGEST}"));
        assert_eq!(read.name(), "ghcr.io/o/a");
    }

    #[test]
    fn errors_name_the_part() {
        check_error("", Part::Repository, "the repository is empty");
        check_error(
            "https://a.b/c",
            Part::Registry,
            "an image should not include a URL scheme; remove 'https://'",
        );
        check_error("a:", Part::Tag, "the tag after ':' is empty");
        check_error("a.b:x/c", Part::Registry, "registry 'a.b:x' has the invalid port 'x'");
        check_error("a.b:99999/c", Part::Registry, "registry 'a.b:99999' has the invalid port '99999'");
        check_error("a..b/c", Part::Registry, "registry 'a..b' is no valid host name");
        check_error(
            "a//b",
            Part::Repository,
            "repository 'a//b' has an empty component; remove the extra '/'",
        );
        check_error("a@sha256:12", Part::Digest, "digest 'sha256:12' has 2 hex characters, sha256 needs 64");
        check_error("a@b", Part::Digest, "digest 'b' has no algorithm; write it as sha256:…");
        check_error(
            "a:é",
            Part::Tag,
            "tag 'é' has the character 'é'; allowed are letters, digits, '_', '.' and '-'",
        );
        check_error(
            "a-/b",
            Part::Repository,
            "repository 'a-/b' has the component 'a-', which must start and end with a letter or digit",
        );
    }

    #[test]
    fn parts_are_joined() {
        assert_eq!(Reference::of("a/b", "1", "").unwrap().to_string(), "a/b:1");
        assert_eq!(Reference::of("a/b", "", DIGEST).unwrap().to_string(), format!("a/b@{DIGEST}"));
        assert_eq!(
            Reference::of("a/b:2", "1", "").unwrap_err().to_string(),
            "invalid image reference 'a/b:2': the name should not include a tag; remove ':2'"
        );
    }
}
