//! Fills one template from the matches of many texts, without allocating for each.

use crate::GoRegex;
use crate::expand::{self, Group};
use std::borrow::Cow;

/// Fills a template from the first match of each text that it is given.
///
/// ```
/// let regex = gitops_regex::GoRegex::new("^v(?P<version>.*)$")?;
/// let mut extractor = regex.extractor("$version");
/// assert_eq!(extractor.extract("v1.2").as_deref(), Some("1.2"));
/// assert_eq!(extractor.extract("main"), None);
/// # Ok::<(), gitops_regex::Error>(())
/// ```
#[derive(Debug)]
pub struct Extractor<'r> {
    regex: &'r GoRegex,
    template: &'r str,
    /// The groups that the template's only reference may mean, where it is nothing but that.
    only: Option<Vec<usize>>,
    locations: regex::CaptureLocations,
}

impl<'r> Extractor<'r> {
    pub(crate) fn new(regex: &'r GoRegex, template: &'r str) -> Self {
        let only = expand::only_group(template).map(|group| match group {
            Group::Number(number) => vec![number],
            Group::Name(name) => regex.groups_named(name).collect(),
        });
        Self { regex, template, only, locations: regex.regex.capture_locations() }
    }

    /// Returns the filled template, `None` where the text does not match.
    pub fn extract<'t>(&mut self, text: &'t str) -> Option<Cow<'t, str>> {
        self.regex.regex.captures_read(&mut self.locations, text)?;
        let locations = &self.locations;
        let group = |group: usize| locations.get(group).and_then(|(start, end)| text.get(start..end));
        if let Some(only) = &self.only {
            return Some(Cow::Borrowed(only.iter().find_map(|&number| group(number)).unwrap_or_default()));
        }
        let mut out = String::new();
        expand::expand(self.template, &mut out, |wanted| match wanted {
            Group::Number(number) => group(number),
            Group::Name(name) => self.regex.groups_named(name).find_map(group),
        });
        Some(Cow::Owned(out))
    }
}
