//! Whether the chosen tag's digest is looked up and written too.

use crate::Reference;

/// An `ImagePolicy`'s `digestReflectionPolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DigestReflection {
    /// No digest is looked up or written.
    #[default]
    Never,
    /// The digest is looked up once a tag; one that is known is kept even where the tag moves.
    IfNotPresent,
    /// The digest is looked up each time, so that a tag that moves is followed; needs an interval.
    Always,
}

/// What is to be done about the digest of the tag that a policy chose.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DigestStep {
    /// Write no digest.
    Omit,
    /// Keep the digest that is known.
    Keep(String),
    /// Ask the registry.
    Fetch,
}

impl DigestReflection {
    /// Reads the field's value; an empty one is the default, `Never`. `None` for an unknown value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "" | "Never" => Some(Self::Never),
            "IfNotPresent" => Some(Self::IfNotPresent),
            "Always" => Some(Self::Always),
            _ => None,
        }
    }

    /// Says what to do about the digest of `name:tag`, where `previous` is what the policy chose before.
    ///
    /// ```
    /// use image_policy::{DigestReflection, DigestStep};
    /// assert_eq!(DigestReflection::IfNotPresent.step("ghcr.io/o/a", "1.1", None), DigestStep::Fetch);
    /// assert_eq!(DigestReflection::Never.step("ghcr.io/o/a", "1.1", None), DigestStep::Omit);
    /// ```
    #[must_use]
    pub fn step(self, name: &str, tag: &str, previous: Option<&Reference>) -> DigestStep {
        match self {
            Self::Never => DigestStep::Omit,
            Self::Always => DigestStep::Fetch,
            Self::IfNotPresent => previous
                .filter(|previous| previous.name() == name && previous.tag() == Some(tag))
                .and_then(Reference::digest)
                .map_or(DigestStep::Fetch, |digest| DigestStep::Keep(digest.to_owned())),
        }
    }

    /// Returns whether the policy needs `spec.interval`, to look at the registry again and again.
    #[must_use]
    pub fn needs_interval(self) -> bool {
        self == Self::Always
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    #[test]
    fn a_known_digest_is_kept_for_the_same_tag_only() {
        let before = Reference::of("ghcr.io/o/a", "1.0", DIGEST).unwrap();
        let step = |name, tag| DigestReflection::IfNotPresent.step(name, tag, Some(&before));
        assert_eq!(step("ghcr.io/o/a", "1.0"), DigestStep::Keep(DIGEST.to_owned()));
        assert_eq!(step("ghcr.io/o/a", "1.1"), DigestStep::Fetch);
        assert_eq!(step("ghcr.io/o/b", "1.0"), DigestStep::Fetch);
        let without = Reference::of("ghcr.io/o/a", "1.0", "").unwrap();
        assert_eq!(
            DigestReflection::IfNotPresent.step("ghcr.io/o/a", "1.0", Some(&without)),
            DigestStep::Fetch
        );
        assert_eq!(DigestReflection::Always.step("ghcr.io/o/a", "1.0", Some(&before)), DigestStep::Fetch);
    }

    #[test]
    fn only_always_needs_an_interval() {
        assert!(DigestReflection::Always.needs_interval());
        assert!(!DigestReflection::IfNotPresent.needs_interval());
        assert_eq!(DigestReflection::parse("always"), None);
    }
}
