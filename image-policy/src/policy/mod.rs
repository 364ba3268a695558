//! Picks one tag of many, and says of every other why not.
//!
//! The steps are Flux's: an exclusion list drops tags, a filter keeps those that match and may extract the part to
//! compare, one rule ranks what is left. Each rule is a file beside this one.

mod alphabetical;
mod digest;
mod explain;
mod filter;
mod number;
mod numerical;
mod order;
mod semver;

pub use digest::{DigestReflection, DigestStep};
pub use explain::{Explanation, Verdict};
pub use filter::{Exclusions, TagFilter};
pub use order::Order;

use std::borrow::Cow;
use std::fmt;

/// How one tag is picked of many.
///
/// ```
/// use image_policy::{Policy, TagFilter};
///
/// let policy = Policy::semver(">=1.0")?;
/// assert_eq!(policy.latest(&["0.9.0", "1.1.0", "1.0.3", "2.0.0-rc.1", "main"])?, "1.1.0");
///
/// let newest_build = Policy::parse("numerical:asc")?
///     .filtered(TagFilter::new("^main-[0-9a-f]+-(?P<ts>[0-9]+)$", "$ts")?);
/// assert_eq!(newest_build.latest(&["main-5ae1c-17", "main-0d0e2-20", "v1"])?, "main-0d0e2-20");
/// # Ok::<(), image_policy::PolicyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Policy {
    rule: Rule,
    filter: Option<TagFilter>,
    exclusions: Exclusions,
}

/// The rules there are; to add one, write its file and name it here and in [`Policy::parse`].
#[derive(Clone, Debug)]
enum Rule {
    Semver(semver::SemverRange),
    Alphabetical(alphabetical::Alphabetical),
    Numerical(numerical::Numerical),
}

/// What a rule does: picks the best of the candidates, and explains itself.
trait Rank {
    /// Returns the index of the best candidate; there is at least one.
    fn latest(&self, candidates: &[Candidate<'_>]) -> Result<usize, PolicyError>;

    /// Says why a text lost against the winner, or why it could not win where there is none.
    fn why_not(&self, text: &str, winner: Option<&str>) -> Verdict;
}

/// A tag that passed the filters.
#[derive(Clone, Debug)]
struct Candidate<'t> {
    /// The tag's index in the list that was given.
    index: usize,
    /// What is ranked: the tag, or what the filter extracted from it.
    text: Cow<'t, str>,
}

impl Policy {
    /// Picks the highest version within a range, by the rules of Masterminds' semver v3. Tags need all three numbers,
    /// may start with `v`, and are passed over where they are no version.
    ///
    /// # Errors
    /// [`PolicyError::Invalid`] where the range can't be read.
    pub fn semver(range: &str) -> Result<Self, PolicyError> {
        Ok(Self::of(Rule::Semver(semver::SemverRange::new(range)?)))
    }

    /// Picks the highest or lowest tag, compared byte by byte.
    #[must_use]
    pub fn alphabetical(order: Order) -> Self {
        Self::of(Rule::Alphabetical(alphabetical::Alphabetical(order)))
    }

    /// Picks the highest or lowest number; each tag must be one.
    #[must_use]
    pub fn numerical(order: Order) -> Self {
        Self::of(Rule::Numerical(numerical::Numerical(order)))
    }

    /// Reads the short form of command lines: `semver:RANGE`, `alphabetical[:asc|desc]`, `numerical[:asc|desc]`.
    ///
    /// # Errors
    /// [`PolicyError::Invalid`] where the rule is unknown or its argument invalid.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let (rule, argument) = text.split_once(':').unwrap_or((text, ""));
        match rule {
            "semver" => Self::semver(argument),
            "alphabetical" => Ok(Self::alphabetical(Order::parse(argument)?)),
            "numerical" => Ok(Self::numerical(Order::parse(argument)?)),
            _ => Err(PolicyError::Invalid(format!(
                "unknown rule '{rule}', must be one of: semver:RANGE, alphabetical[:asc|desc], numerical[:asc|desc]"
            ))),
        }
    }

    fn of(rule: Rule) -> Self {
        Self { rule, filter: None, exclusions: Exclusions::default() }
    }

    /// Looks only at tags that match a filter.
    #[must_use]
    pub fn filtered(mut self, filter: TagFilter) -> Self {
        self.filter = Some(filter);
        self
    }

    /// Drops tags that an exclusion list names, before all else.
    #[must_use]
    pub fn excluding(mut self, exclusions: Exclusions) -> Self {
        self.exclusions = exclusions;
        self
    }

    /// Picks the tag. Of equal versions the first in the list wins, of equal numbers the last; where a filter is set, the
    /// list is sorted first.
    ///
    /// # Errors
    /// [`PolicyError::NoTags`] where no tag is left to rank, [`PolicyError::NoVersion`] where none lies in the range,
    /// [`PolicyError::NotANumber`] where a numerical policy meets a text.
    pub fn latest<'t, T: AsRef<str>>(&self, tags: &'t [T]) -> Result<&'t str, PolicyError> {
        let candidates = self.candidates(tags);
        let winner = self.winner(&candidates)?;
        Ok(tags[candidates[winner].index].as_ref())
    }

    /// Returns what the filter passes on, as pairs of the text to rank and its tag, sorted by the text; without a
    /// filter all tags in their order.
    #[must_use]
    pub fn filter<'t, T: AsRef<str>>(&self, tags: &'t [T]) -> Vec<(Cow<'t, str>, &'t str)> {
        let pair = |candidate: Candidate<'t>| (candidate.text, tags[candidate.index].as_ref());
        self.candidates(tags).into_iter().map(pair).collect()
    }

    /// Picks the tag and says of every tag why it was or was not chosen, in the order of the tags.
    #[must_use]
    pub fn explain<'t, T: AsRef<str>>(&self, tags: &'t [T]) -> Explanation<'t> {
        let candidates = self.candidates(tags);
        let mut of_tag = vec![None; tags.len()];
        for candidate in &candidates {
            of_tag[candidate.index] = Some(candidate.text.as_ref());
        }
        let winner = self.winner(&candidates);
        let best = winner.as_ref().ok().map(|&winner| &candidates[winner]);
        let verdict = |(index, (tag, text)): (usize, (&'t T, Option<&str>))| {
            let tag = tag.as_ref();
            let verdict = match text {
                Some(text) if best.is_some_and(|best| best.index == index) => {
                    Verdict::Chosen { compared_as: (text != tag).then(|| text.to_owned()) }
                }
                Some(text) => self.rank().why_not(text, best.map(|best| best.text.as_ref())),
                None => self.why_dropped(tag, &candidates, tags),
            };
            (tag, verdict)
        };
        let verdicts = tags.iter().zip(of_tag).enumerate().map(verdict).collect();
        Explanation::new(winner.map(|winner| tags[candidates[winner].index].as_ref()), verdicts)
    }

    fn why_dropped<T: AsRef<str>>(&self, tag: &str, candidates: &[Candidate<'_>], tags: &[T]) -> Verdict {
        if let Some(pattern) = self.exclusions.matching(tag) {
            return Verdict::Excluded { pattern: pattern.to_owned() };
        }
        let Some(filter) = &self.filter else { return Verdict::Undecided };
        match filter.apply(tag) {
            None => Verdict::FilteredOut { pattern: filter.pattern().to_owned() },
            Some(text) => match candidates.binary_search_by(|candidate| candidate.text.cmp(&text)) {
                Ok(by) => Verdict::ReplacedBy {
                    tag: tags[candidates[by].index].as_ref().to_owned(),
                    extracted: text.into_owned(),
                },
                Err(_) => Verdict::Undecided,
            },
        }
    }

    /// Returns what is ranked: in the order of the tags, or sorted where a filter is set.
    fn candidates<'t, T: AsRef<str>>(&self, tags: &'t [T]) -> Vec<Candidate<'t>> {
        let kept = tags.iter().map(AsRef::as_ref).enumerate();
        let kept = kept.filter(|(_, tag)| self.exclusions.matching(tag).is_none());
        match &self.filter {
            None => kept.map(|(index, tag)| Candidate { index, text: Cow::Borrowed(tag) }).collect(),
            Some(filter) => filter.candidates(kept),
        }
    }

    fn winner(&self, candidates: &[Candidate<'_>]) -> Result<usize, PolicyError> {
        if candidates.is_empty() { Err(PolicyError::NoTags) } else { self.rank().latest(candidates) }
    }

    fn rank(&self) -> &dyn Rank {
        match &self.rule {
            Rule::Semver(rule) => rule,
            Rule::Alphabetical(rule) => rule,
            Rule::Numerical(rule) => rule,
        }
    }
}

/// Why no tag could be chosen. Prints in Flux's words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// The policy itself is wrong.
    Invalid(String),
    /// A filter's pattern is wrong.
    InvalidFilter(String),
    /// An exclusion list's pattern is wrong.
    InvalidExclusion(String),
    /// There is no tag, or the filters kept none.
    NoTags,
    /// No tag is a version in the range.
    NoVersion,
    /// A numerical policy met this text.
    NotANumber(String),
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(why) => write!(f, "invalid policy: {why}"),
            Self::InvalidFilter(why) => write!(f, "failed to filter tags: {why}"),
            Self::InvalidExclusion(why) => write!(f, "failed to compile regex {why}"),
            Self::NoTags => f.write_str("version list argument cannot be empty"),
            Self::NoVersion => f.write_str("unable to determine latest version from provided list"),
            Self::NotANumber(text) => write!(f, "failed to parse invalid numeric value '{text}'"),
        }
    }
}

impl std::error::Error for PolicyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(policy: &str, tags: &[&str], wanted: Result<&str, &str>) {
        let got = Policy::parse(policy).and_then(|policy| policy.latest(tags));
        assert_eq!(got.map_err(|e| e.to_string()), wanted.map_err(str::to_owned), "{policy} of {tags:?}");
    }

    #[test]
    fn alphabetical_compares_bytes() {
        check("alphabetical", &["a", "c", "b"], Ok("c"));
        check("alphabetical:desc", &["b", "a", "c"], Ok("a"));
        check("alphabetical:ASC", &["é", "z"], Ok("é"));
        check("alphabetical", &[], Err("version list argument cannot be empty"));
    }

    #[test]
    fn numerical_keeps_the_last_of_equals_and_nan() {
        check("numerical:asc", &["10", "9", "010"], Ok("010"));
        check("numerical:desc", &["1.0", "1", "2"], Ok("1"));
        check("numerical", &["2", "nan", "1"], Ok("1"));
        check("numerical", &["1", "main"], Err("failed to parse invalid numeric value 'main'"));
    }

    #[test]
    fn unknown_rules_and_orders_are_named() {
        check(
            "newest",
            &["1"],
            Err(
                "invalid policy: unknown rule 'newest', must be one of: semver:RANGE, alphabetical[:asc|desc], \
             numerical[:asc|desc]",
            ),
        );
        check(
            "numerical:up",
            &["1"],
            Err("invalid policy: invalid order argument provided: 'UP', must be one of: ASC, DESC"),
        );
    }
}
