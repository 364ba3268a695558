//! A version: three numbers, a pre-release and metadata.

use crate::grammar::{self, LooseParts};
use std::cmp::Ordering;
use std::fmt;

/// The longest text that is read as a version, in bytes.
const MAX_LENGTH: usize = 256;

/// A version, which remembers how it was written.
///
/// It prints in the canonical form, `1.2.3-pre+meta`. Comparisons follow SemVer: metadata does not count, so that two
/// versions can be equal and print differently; `PartialEq` agrees with that.
///
/// ```
/// use gitops_semver::Version;
/// let version = Version::parse("v1.2")?;
/// assert_eq!(version.to_string(), "1.2.0");
/// assert_eq!(version.original(), "v1.2");
/// assert!(version < Version::parse("1.2.1-rc.1")?);
/// # Ok::<(), gitops_semver::VersionError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Version {
    major: u64,
    minor: u64,
    patch: u64,
    pre: String,
    metadata: String,
    original: String,
}

impl Version {
    /// Reads a version as Masterminds' `NewVersion` does: a leading `v`, missing numbers and leading zeros are allowed.
    ///
    /// # Errors
    /// In Masterminds' words.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        if text.len() > MAX_LENGTH {
            return Err(VersionError::TooLong);
        }
        let parts = grammar::loose_version(text).ok_or(VersionError::Invalid)?;
        Self::from_parts(&parts, text)
    }

    /// Reads a version as Flux reads an image's tag: as [`Version::parse`], but all three numbers are needed.
    ///
    /// # Errors
    /// In Masterminds' words.
    pub fn parse_tag(text: &str) -> Result<Self, VersionError> {
        if text.bytes().filter(|&byte| byte == b'.').count() < 2 {
            return Err(VersionError::Invalid);
        }
        Self::parse(text)
    }

    /// Reads a version as Masterminds' `StrictNewVersion` does: by the letter of SemVer 2.
    ///
    /// # Errors
    /// In Masterminds' words.
    pub fn parse_strict(text: &str) -> Result<Self, VersionError> {
        if text.is_empty() {
            return Err(VersionError::Empty);
        }
        if text.len() > MAX_LENGTH {
            return Err(VersionError::TooLong);
        }
        let mut parts = text.splitn(3, '.');
        let (Some(major), Some(minor), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VersionError::Invalid);
        };
        let (rest, metadata) = rest.split_once('+').map_or((rest, None), |(rest, meta)| (rest, Some(meta)));
        metadata.map_or(Ok(()), check_metadata)?;
        let (patch, pre) = rest.split_once('-').map_or((rest, None), |(rest, pre)| (rest, Some(pre)));
        pre.map_or(Ok(()), check_prerelease)?;
        for part in [major, minor, patch] {
            if !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(VersionError::Characters);
            }
            if part.len() > 1 && part.starts_with('0') {
                return Err(VersionError::LeadingZero);
            }
        }
        let number = |part: &str| part.parse().map_err(|_| VersionError::Number(number_error(part)));
        Ok(Self {
            major: number(major)?,
            minor: number(minor)?,
            patch: number(patch)?,
            pre: pre.unwrap_or_default().to_owned(),
            metadata: metadata.unwrap_or_default().to_owned(),
            original: text.to_owned(),
        })
    }

    /// Makes a version of its parts, unchecked as Masterminds' `New`.
    #[must_use]
    pub fn new(major: u64, minor: u64, patch: u64, pre: &str, metadata: &str) -> Self {
        let version = Self {
            major,
            minor,
            patch,
            pre: pre.to_owned(),
            metadata: metadata.to_owned(),
            original: String::new(),
        };
        Self { original: version.to_string(), ..version }
    }

    pub(crate) fn from_parts(parts: &LooseParts<'_>, original: &str) -> Result<Self, VersionError> {
        let number = |part: &str| {
            if part.is_empty() {
                return Ok(0);
            }
            part.parse().map_err(|_| {
                VersionError::Number(format!("error parsing version segment: {}", number_error(part)))
            })
        };
        let (major, minor, patch) = (number(parts.major)?, number(parts.minor)?, number(parts.patch)?);
        if !parts.pre.is_empty() {
            check_prerelease(parts.pre)?;
        }
        Ok(Self {
            major,
            minor,
            patch,
            pre: parts.pre.to_owned(),
            metadata: parts.metadata.to_owned(),
            original: original.to_owned(),
        })
    }

    /// Returns the first number.
    #[must_use]
    pub fn major(&self) -> u64 {
        self.major
    }

    /// Returns the second number.
    #[must_use]
    pub fn minor(&self) -> u64 {
        self.minor
    }

    /// Returns the third number.
    #[must_use]
    pub fn patch(&self) -> u64 {
        self.patch
    }

    /// Returns the pre-release without its `-`; empty where there is none.
    #[must_use]
    pub fn prerelease(&self) -> &str {
        &self.pre
    }

    /// Returns the metadata without its `+`; empty where there is none.
    #[must_use]
    pub fn metadata(&self) -> &str {
        &self.metadata
    }

    /// Returns the text that was read.
    #[must_use]
    pub fn original(&self) -> &str {
        &self.original
    }

    /// Returns the next version by the third number; of a pre-release, the release itself. `None` where the number is
    /// the highest there is.
    #[must_use]
    pub fn next_patch(&self) -> Option<Self> {
        let patch = if self.pre.is_empty() { self.patch.checked_add(1)? } else { self.patch };
        Some(self.next(self.major, self.minor, patch))
    }

    /// Returns the next version by the second number. `None` where the number is the highest there is.
    #[must_use]
    pub fn next_minor(&self) -> Option<Self> {
        Some(self.next(self.major, self.minor.checked_add(1)?, 0))
    }

    /// Returns the next version by the first number. `None` where the number is the highest there is.
    #[must_use]
    pub fn next_major(&self) -> Option<Self> {
        Some(self.next(self.major.checked_add(1)?, 0, 0))
    }

    fn next(&self, major: u64, minor: u64, patch: u64) -> Self {
        let next = Self::new(major, minor, patch, "", "");
        let v = if self.original.starts_with('v') { "v" } else { "" };
        Self { original: format!("{v}{}", next.original), ..next }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        for (mark, part) in [('-', &self.pre), ('+', &self.metadata)] {
            if !part.is_empty() {
                write!(f, "{mark}{part}")?;
            }
        }
        Ok(())
    }
}

impl std::str::FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| (version.major, version.minor, version.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => compare_prereleases(&self.pre, &other.pre),
        })
    }
}

/// Part by part; where one has fewer parts, a missing part is lower than any other.
pub(crate) fn compare_prereleases(one: &str, other: &str) -> Ordering {
    let (mut ours, mut theirs) = (one.split('.'), other.split('.'));
    loop {
        let order = match (ours.next(), theirs.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            // Numbers are lower than words; one that does not fit in 64 bits is a word.
            (Some(our), Some(their)) if our != their => match (our.parse::<u64>(), their.parse::<u64>()) {
                (Ok(our), Ok(their)) if our > their => Ordering::Greater,
                (Ok(_), _) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => our.cmp(their),
            },
            _ => Ordering::Equal,
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn check_prerelease(pre: &str) -> Result<(), VersionError> {
    for part in pre.split('.') {
        if part.is_empty() || !part.bytes().all(grammar::is_word) {
            return Err(VersionError::Prerelease);
        }
        if part.len() > 1 && part.starts_with('0') && part.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(VersionError::LeadingZero);
        }
    }
    Ok(())
}

fn check_metadata(metadata: &str) -> Result<(), VersionError> {
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(grammar::is_word);
    if metadata.split('.').all(is_part) { Ok(()) } else { Err(VersionError::Metadata) }
}

fn number_error(part: &str) -> String {
    let why = if part.is_empty() { "invalid syntax" } else { "value out of range" };
    format!("strconv.ParseUint: parsing {part:?}: {why}")
}

/// Why a text is no version; prints in Masterminds' words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VersionError {
    /// It has no version's form.
    Invalid,
    /// It is empty.
    Empty,
    /// A number has other characters than digits.
    Characters,
    /// A number has a leading zero where none may be.
    LeadingZero,
    /// The metadata has an empty part or strange characters.
    Metadata,
    /// The pre-release has an empty part or strange characters.
    Prerelease,
    /// It is longer than 256 bytes.
    TooLong,
    /// A number does not fit in 64 bits.
    Number(String),
}

impl fmt::Display for VersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "invalid semantic version",
            Self::Empty => "version string empty",
            Self::Characters => "invalid characters in version",
            Self::LeadingZero => "version segment starts with 0",
            Self::Metadata => "invalid metadata string",
            Self::Prerelease => "invalid prerelease string",
            Self::TooLong => "version string is too long (max 256 bytes)",
            Self::Number(why) => why,
        })
    }
}

impl std::error::Error for VersionError {}
