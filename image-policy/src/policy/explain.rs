//! Why a tag was chosen and the others were not.

use super::PolicyError;
use std::fmt;

/// What a policy made of a list of tags: the winner and a verdict on each tag.
#[derive(Clone, Debug)]
pub struct Explanation<'t> {
    chosen: Result<&'t str, PolicyError>,
    verdicts: Vec<(&'t str, Verdict)>,
}

impl<'t> Explanation<'t> {
    pub(super) fn new(chosen: Result<&'t str, PolicyError>, verdicts: Vec<(&'t str, Verdict)>) -> Self {
        Self { chosen, verdicts }
    }

    /// Returns the tag that was chosen.
    ///
    /// # Errors
    /// Why none was, as [`super::Policy::latest`] says it.
    pub fn chosen(&self) -> Result<&'t str, &PolicyError> {
        self.chosen.as_ref().copied()
    }

    /// Returns each tag with its verdict, in the order of the list that was given.
    #[must_use]
    pub fn verdicts(&self) -> &[(&'t str, Verdict)] {
        &self.verdicts
    }
}

/// Why one tag was chosen or not; prints as half a sentence that follows the tag.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It won.
    Chosen {
        /// What the filter extracted from it, where that differs from the tag.
        compared_as: Option<String>,
    },
    /// The exclusion list names it.
    Excluded {
        /// The pattern that matched.
        pattern: String,
    },
    /// The filter does not match it.
    FilteredOut {
        /// The filter's pattern.
        pattern: String,
    },
    /// The filter extracts the same from a later tag.
    ReplacedBy {
        /// The later tag.
        tag: String,
        /// What both have in common.
        extracted: String,
    },
    /// It is no version.
    NotAVersion {
        /// What is missing or wrong.
        reason: String,
    },
    /// It is no number, which fails a numerical policy as a whole.
    NotANumber,
    /// It is a version outside the range.
    OutsideRange {
        /// The range.
        range: String,
        /// Which part of the range it breaks, or how to let it in.
        reason: String,
    },
    /// It is lower than the winner.
    LowerThan {
        /// The winner, as it was compared.
        winner: String,
    },
    /// It is higher than the winner of a descending policy.
    HigherThan {
        /// The winner, as it was compared.
        winner: String,
    },
    /// It equals the winner, which stands at a better place in the list.
    SameAs {
        /// The winner, as it was compared.
        winner: String,
    },
    /// It could have won, but the policy failed on another tag.
    Undecided,
}

impl Verdict {
    /// Returns a word for machines: `chosen`, `excluded`, `filtered-out`, `replaced`, `not-a-version`,
    /// `not-a-number`, `outside-range`, `lower`, `higher`, `same` or `undecided`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Chosen { .. } => "chosen",
            Self::Excluded { .. } => "excluded",
            Self::FilteredOut { .. } => "filtered-out",
            Self::ReplacedBy { .. } => "replaced",
            Self::NotAVersion { .. } => "not-a-version",
            Self::NotANumber => "not-a-number",
            Self::OutsideRange { .. } => "outside-range",
            Self::LowerThan { .. } => "lower",
            Self::HigherThan { .. } => "higher",
            Self::SameAs { .. } => "same",
            Self::Undecided => "undecided",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen { compared_as: None } => f.write_str("chosen"),
            Self::Chosen { compared_as: Some(text) } => write!(f, "chosen, compared as '{text}'"),
            Self::Excluded { pattern } => write!(f, "excluded by '{pattern}'"),
            Self::FilteredOut { pattern } => write!(f, "filtered out, does not match '{pattern}'"),
            Self::ReplacedBy { tag, extracted } => {
                write!(
                    f,
                    "replaced by the later tag '{tag}', from which the filter extracts '{extracted}' too"
                )
            }
            Self::NotAVersion { reason } => write!(f, "not a version: {reason}"),
            Self::NotANumber => f.write_str("not a number, which fails the policy; filter such tags out"),
            Self::OutsideRange { range, reason } if reason.is_empty() => {
                write!(f, "outside the range '{range}'")
            }
            Self::OutsideRange { range, reason } => write!(f, "outside the range '{range}': {reason}"),
            Self::LowerThan { winner } => write!(f, "lower than '{winner}'"),
            Self::HigherThan { winner } => write!(f, "higher than '{winner}'"),
            Self::SameAs { winner } => write!(f, "equal to '{winner}'"),
            Self::Undecided => f.write_str("not ranked, as the policy failed"),
        }
    }
}
