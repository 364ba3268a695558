//! Which tags a policy looks at, and which part of a tag it compares.

use super::{Candidate, PolicyError};
use gitops_regex::GoRegex;
use std::borrow::Cow;

/// An `ImagePolicy`'s `filterTags`: a pattern that tags must match, and a template for the part to compare.
///
/// ```
/// let filter = image_policy::TagFilter::new("^v(?P<version>.*)-alpine$", "$version")?;
/// assert_eq!(filter.apply("v1.2.3-alpine").as_deref(), Some("1.2.3"));
/// assert_eq!(filter.apply("v1.2.3"), None);
/// # Ok::<(), image_policy::PolicyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TagFilter {
    pattern: GoRegex,
    extract: String,
}

impl TagFilter {
    /// Makes a filter of a Go regular expression, which need not match from start to end, and a template as Go's
    /// `Expand` takes it (`$1`, `$name`, `${name}`). An empty template compares the whole tag.
    ///
    /// # Errors
    /// [`PolicyError::InvalidFilter`] where the pattern is wrong.
    pub fn new(pattern: &str, extract: &str) -> Result<Self, PolicyError> {
        match GoRegex::new(pattern) {
            Ok(compiled) => Ok(Self { pattern: compiled, extract: extract.to_owned() }),
            Err(error) => Err(PolicyError::InvalidFilter(format!(
                "invalid regular expression pattern '{pattern}': {error}"
            ))),
        }
    }

    /// Returns the pattern.
    #[must_use]
    pub fn pattern(&self) -> &str {
        self.pattern.as_str()
    }

    /// Returns the part of a tag that is compared, `None` where the tag does not match.
    #[must_use]
    pub fn apply<'t>(&self, tag: &'t str) -> Option<Cow<'t, str>> {
        if self.extract.is_empty() {
            return self.pattern.is_match(tag).then_some(Cow::Borrowed(tag));
        }
        self.pattern.extractor(&self.extract).extract(tag)
    }

    /// Filters tags and sorts them by the text to compare; Flux's own order is that of a Go map, which is none. Of those
    /// from which the same is extracted the last replaces the others.
    pub(super) fn candidates<'t>(&self, tags: impl Iterator<Item = (usize, &'t str)>) -> Vec<Candidate<'t>> {
        let mut extractor = self.pattern.extractor(&self.extract);
        let mut text_of =
            |tag| if self.extract.is_empty() { self.apply(tag) } else { extractor.extract(tag) };
        let matching = tags.filter_map(|(index, tag)| Some(Candidate { index, text: text_of(tag)? }));
        let mut all: Vec<Candidate<'t>> = matching.collect();
        // Most texts differ in their first bytes, which are compared as one number.
        all.sort_by_cached_key(|candidate| first_bytes(&candidate.text));
        all.chunk_by_mut(|one, other| first_bytes(&one.text) == first_bytes(&other.text)).for_each(|alike| {
            alike.sort_unstable_by(|one, other| one.text.cmp(&other.text).then(other.index.cmp(&one.index)));
        });
        all.dedup_by(|later, kept| later.text == kept.text);
        all
    }
}

/// The first bytes of a text as a number that sorts as they do.
fn first_bytes(text: &str) -> u128 {
    let mut bytes = [0; 16];
    let length = text.len().min(16);
    bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
    u128::from_be_bytes(bytes)
}

/// An `ImageRepository`'s `exclusionList`: patterns of tags that are dropped when a repository is scanned.
#[derive(Clone, Debug, Default)]
pub struct Exclusions(Vec<GoRegex>);

impl Exclusions {
    /// The list that Flux uses where a repository has none: cosign's signatures.
    pub const FLUX_DEFAULT: [&'static str; 1] = [r"^.*\.sig$"];

    /// Makes a list of Go regular expressions, which need not match from start to end.
    ///
    /// # Errors
    /// [`PolicyError::InvalidExclusion`] where a pattern is wrong.
    pub fn new<T: AsRef<str>>(patterns: &[T]) -> Result<Self, PolicyError> {
        let compile = |pattern: &T| {
            let pattern = pattern.as_ref();
            GoRegex::new(pattern)
                .map_err(|error| PolicyError::InvalidExclusion(format!("{pattern}: {error}")))
        };
        Ok(Self(patterns.iter().map(compile).collect::<Result<_, _>>()?))
    }

    /// Returns the first pattern that matches a tag.
    #[must_use]
    pub fn matching(&self, tag: &str) -> Option<&str> {
        self.0.iter().find(|pattern| pattern.is_match(tag)).map(GoRegex::as_str)
    }
}
