//! A range of versions, such as `>=1.2 <2.0 || ~3.1`.

use crate::grammar::{self, Comparison, LooseParts};
use crate::version::{Version, VersionError, compare_prereleases};
use std::cmp::Ordering;
use std::fmt;

/// The longest text that is read as a range, in bytes.
const MAX_LENGTH: usize = 512;
/// The most alternatives that a range may have.
const MAX_GROUPS: usize = 32;

/// A range of versions: alternatives of comparisons that must all hold.
///
/// ```
/// use gitops_semver::{Constraint, Version};
/// let range = Constraint::parse("^1.2 || 3.x")?;
/// assert!(range.check(&Version::parse("1.9.4")?));
/// assert!(!range.check(&Version::parse("2.0.0")?));
/// assert_eq!(
///     range.validate(&Version::parse("2.0.0")?),
///     Err(vec![
///         "\"2.0.0\" does not have same major version as \"1.2\"".to_string(),
///         "\"2.0.0\" is less than \"3.x\"".to_string(),
///     ]),
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Constraint {
    groups: Vec<Group>,
}

#[derive(Clone, Debug)]
struct Group {
    rules: Vec<Rule>,
    /// One of the rules names a pre-release, which lets pre-releases in.
    names_prerelease: bool,
}

#[derive(Clone, Debug)]
struct Rule {
    operator: Operator,
    /// The operator as it is written.
    sign: String,
    /// The version as it is written.
    written: String,
    version: Version,
    wildcard: Wildcard,
}

/// The first number that is a wildcard or missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wildcard {
    None,
    Major,
    Minor,
    Patch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

impl Constraint {
    /// Reads a range as Masterminds' `NewConstraint` does.
    ///
    /// # Errors
    /// In Masterminds' words.
    pub fn parse(text: &str) -> Result<Self, ConstraintError> {
        if text.len() > MAX_LENGTH {
            return Err(ConstraintError::TooLong);
        }
        let text = grammar::rewrite_hyphens(text);
        let alternatives: Vec<&str> = text.split("||").collect();
        if alternatives.len() > MAX_GROUPS {
            return Err(ConstraintError::TooManyGroups);
        }
        let groups = alternatives.into_iter().map(Group::parse).collect::<Result<_, _>>()?;
        Ok(Self { groups })
    }

    /// Returns whether a version lies in the range.
    #[must_use]
    pub fn check(&self, version: &Version) -> bool {
        self.groups
            .iter()
            .any(|group| group.admits(version) && group.rules.iter().all(|rule| rule.check(version).is_ok()))
    }

    /// Returns whether a version lies in the range, pre-releases included wherever the numbers fit.
    #[must_use]
    pub fn check_with_prereleases(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| group.rules.iter().all(|rule| rule.check(version).is_ok()))
    }

    /// Checks a version.
    ///
    /// # Errors
    /// All reasons for which it lies outside, in Masterminds' words.
    pub fn validate(&self, version: &Version) -> Result<(), Vec<String>> {
        let mut reasons = Vec::new();
        let mut prerelease_said = false;
        for group in &self.groups {
            let before = reasons.len();
            let mut holds = true;
            for rule in &group.rules {
                if !group.admits(version) {
                    if !prerelease_said {
                        reasons.push(format!(
                            "{} is a prerelease version and the constraint is only looking for release versions",
                            quoted(&version.to_string())
                        ));
                        prerelease_said = true;
                    }
                    holds = false;
                } else if let Err(reason) = rule.check(version) {
                    reasons.push(rule.say(version, reason));
                }
            }
            if holds && reasons.len() == before {
                return Ok(());
            }
        }
        Err(reasons)
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, group) in self.groups.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { " || " })?;
            for (index, rule) in group.rules.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { " " })?;
                write!(f, "{}{}", rule.sign, rule.written)?;
            }
        }
        Ok(())
    }
}

impl std::str::FromStr for Constraint {
    type Err = ConstraintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Group {
    fn parse(text: &str) -> Result<Self, ConstraintError> {
        let improper = || ConstraintError::Improper(text.to_owned());
        let comparisons = grammar::comparisons(text).ok_or_else(improper)?;
        let rules: Vec<Rule> = comparisons.iter().map(Rule::new).collect::<Result<_, _>>()?;
        let names_prerelease = rules.iter().any(|rule| !rule.version.prerelease().is_empty());
        Ok(Self { rules, names_prerelease })
    }

    fn admits(&self, version: &Version) -> bool {
        self.names_prerelease || version.prerelease().is_empty()
    }
}

/// Why a rule does not hold; said only when it is asked for.
#[derive(Clone, Copy)]
enum Reason {
    EqualTo,
    NotEqualTo,
    LessOrEqual,
    Less,
    GreaterOrEqual,
    Greater,
    OtherMajor,
    OtherMajorOrMinor,
    OtherMinor,
    OtherMinorOfZero,
    OtherPatchOfZero,
}

impl Rule {
    fn new(comparison: &Comparison<'_>) -> Result<Self, ConstraintError> {
        let LooseParts { major, minor, patch, pre, .. } = comparison.parts;
        let is_open = |part: &str| matches!(part, "" | "x" | "X" | "*");
        let zero = "0";
        let (wildcard, parts) = if is_open(major) {
            (Wildcard::Major, LooseParts { major: zero, minor: zero, patch: zero, pre, metadata: "" })
        } else if is_open(minor) {
            (Wildcard::Minor, LooseParts { major, minor: zero, patch: zero, pre, metadata: "" })
        } else if is_open(patch) {
            (Wildcard::Patch, LooseParts { major, minor, patch: zero, pre, metadata: "" })
        } else {
            (Wildcard::None, comparison.parts)
        };
        let are_numbers = [parts.major, parts.minor, parts.patch]
            .iter()
            .all(|part| part.bytes().all(|b| b.is_ascii_digit()));
        let version = Some(&parts)
            .filter(|_| are_numbers)
            .ok_or(VersionError::Invalid)
            .and_then(|parts| Version::from_parts(parts, comparison.written))
            .map_err(|_| ConstraintError::Parser)?;
        Ok(Self {
            operator: Operator::of(comparison.operator),
            sign: comparison.operator.to_owned(),
            written: comparison.written.to_owned(),
            version,
            wildcard,
        })
    }

    fn check(&self, version: &Version) -> Result<(), Reason> {
        match self.operator {
            Operator::Equal if self.wildcard == Wildcard::None => {
                holds(*version == self.version, Reason::NotEqualTo)
            }
            Operator::Equal | Operator::Tilde => self.tilde(version),
            Operator::NotEqual => self.not_equal(version),
            Operator::Greater => self.greater(version),
            Operator::Less => holds(*version < self.version, Reason::GreaterOrEqual),
            Operator::GreaterOrEqual => holds(*version >= self.version, Reason::Less),
            Operator::LessOrEqual => self.less_or_equal(version),
            Operator::Caret => self.caret(version),
        }
    }

    fn not_equal(&self, version: &Version) -> Result<(), Reason> {
        let own = &self.version;
        let same_major = own.major() == version.major();
        let same_minor = own.minor() == version.minor();
        let is_other = match self.wildcard {
            Wildcard::None => *version != *own,
            Wildcard::Minor => !same_major,
            Wildcard::Major => {
                !same_major || !same_minor || own.patch() != version.patch() || *version != *own
            }
            Wildcard::Patch => {
                let has_pre = !version.prerelease().is_empty() || !own.prerelease().is_empty();
                !same_major
                    || !same_minor
                    || has_pre
                        && compare_prereleases(version.prerelease(), own.prerelease()) != Ordering::Equal
            }
        };
        holds(is_other, Reason::EqualTo)
    }

    fn greater(&self, version: &Version) -> Result<(), Reason> {
        let own = &self.version;
        let is_greater = match self.wildcard {
            Wildcard::None => *version > *own,
            _ if version.major() != own.major() => version.major() > own.major(),
            // 11.1 is not above 11, nor 11.1.1 above 11.1.
            Wildcard::Minor => false,
            Wildcard::Patch => version.minor() > own.minor(),
            Wildcard::Major => *version > *own,
        };
        holds(is_greater, Reason::LessOrEqual)
    }

    fn less_or_equal(&self, version: &Version) -> Result<(), Reason> {
        let own = &self.version;
        let is_less = match self.wildcard {
            Wildcard::None => *version <= *own,
            Wildcard::Minor => version.major() <= own.major(),
            Wildcard::Major | Wildcard::Patch => {
                (version.major(), version.minor()) <= (own.major(), own.minor())
                    || version.major() < own.major()
            }
        };
        holds(is_less, Reason::Greater)
    }

    fn tilde(&self, version: &Version) -> Result<(), Reason> {
        let own = &self.version;
        holds(*version >= *own, Reason::Less)?;
        let is_zero = own.major() == 0 && own.minor() == 0 && own.patch() == 0;
        if is_zero && matches!(self.wildcard, Wildcard::None | Wildcard::Major) {
            return Ok(());
        }
        holds(version.major() == own.major(), Reason::OtherMajor)?;
        let same_minor = version.minor() == own.minor() || self.wildcard == Wildcard::Minor;
        holds(same_minor, Reason::OtherMajorOrMinor)
    }

    fn caret(&self, version: &Version) -> Result<(), Reason> {
        let own = &self.version;
        holds(*version >= *own, Reason::Less)?;
        if own.major() > 0 || self.wildcard == Wildcard::Minor {
            return holds(version.major() == own.major(), Reason::OtherMajor);
        }
        holds(version.major() == 0, Reason::OtherMajor)?;
        if own.minor() > 0 || self.wildcard == Wildcard::Patch {
            return holds(version.minor() == own.minor(), Reason::OtherMinorOfZero);
        }
        holds(version.minor() == 0, Reason::OtherMinor)?;
        holds(version.patch() == own.patch(), Reason::OtherPatchOfZero)
    }

    fn say(&self, version: &Version, reason: Reason) -> String {
        let (version, own) = (quoted(&version.to_string()), quoted(&self.written));
        match reason {
            Reason::EqualTo => format!("{version} is equal to {own}"),
            Reason::NotEqualTo => format!("{version} is not equal to {own}"),
            Reason::LessOrEqual => format!("{version} is less than or equal to {own}"),
            Reason::Less => format!("{version} is less than {own}"),
            Reason::GreaterOrEqual => format!("{version} is greater than or equal to {own}"),
            Reason::Greater => format!("{version} is greater than {own}"),
            Reason::OtherMajor => format!("{version} does not have same major version as {own}"),
            Reason::OtherMajorOrMinor => {
                format!("{version} does not have same major and minor version as {own}")
            }
            Reason::OtherMinor => format!("{version} does not have same minor version as {own}"),
            Reason::OtherMinorOfZero => format!(
                "{version} does not have same minor version as {own}. Expected minor versions to match when \
                 constraint major version is 0"
            ),
            Reason::OtherPatchOfZero => format!(
                "{version} does not equal {own}. Expect version and constraint to equal when major and minor \
                 versions are 0"
            ),
        }
    }
}

fn holds(condition: bool, otherwise: Reason) -> Result<(), Reason> {
    if condition { Ok(()) } else { Err(otherwise) }
}

impl Operator {
    fn of(sign: &str) -> Self {
        match sign {
            "!=" => Self::NotEqual,
            ">" => Self::Greater,
            "<" => Self::Less,
            ">=" | "=>" => Self::GreaterOrEqual,
            "<=" | "=<" => Self::LessOrEqual,
            "~" | "~>" => Self::Tilde,
            "^" => Self::Caret,
            _ => Self::Equal,
        }
    }
}

/// Go's `%q`.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Why a text is no range; prints in Masterminds' words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConstraintError {
    /// This alternative has no range's form.
    Improper(String),
    /// A number is none, or does not fit in 64 bits.
    Parser,
    /// It is longer than 512 bytes.
    TooLong,
    /// It has more than 32 alternatives.
    TooManyGroups,
}

impl fmt::Display for ConstraintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Improper(text) => write!(f, "improper constraint: {}", quoted(text)),
            Self::Parser => f.write_str("constraint parser error"),
            Self::TooLong => write!(f, "constraint string is too long (max {MAX_LENGTH} bytes)"),
            Self::TooManyGroups => write!(f, "too many constraint groups (max {MAX_GROUPS})"),
        }
    }
}

impl std::error::Error for ConstraintError {}
