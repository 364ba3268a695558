//! Picks the highest version of a range.

use super::{Candidate, PolicyError, Rank, Verdict};
use gitops_semver::{Constraint, Version};

#[derive(Clone, Debug)]
pub(super) struct SemverRange {
    written: String,
    range: Constraint,
}

impl SemverRange {
    pub(super) fn new(range: &str) -> Result<Self, PolicyError> {
        match Constraint::parse(range) {
            Ok(parsed) => Ok(Self { written: range.to_owned(), range: parsed }),
            Err(error) => Err(PolicyError::Invalid(error.to_string())),
        }
    }

    fn why_outside(&self, version: &Version) -> String {
        let reasons = self.range.validate(version).err().unwrap_or_default();
        let mut said = reasons.join("; ");
        if !version.prerelease().is_empty()
            && !self.range.check(version)
            && self.fits_without_prerelease(version)
        {
            said.push_str("; a range such as '>=1.0.0-0' lets pre-releases in");
        }
        said
    }

    fn fits_without_prerelease(&self, version: &Version) -> bool {
        self.range.check(&Version::new(version.major(), version.minor(), version.patch(), "", ""))
    }
}

impl Rank for SemverRange {
    fn latest(&self, candidates: &[Candidate<'_>]) -> Result<usize, PolicyError> {
        let mut best: Option<(usize, Version)> = None;
        for (index, candidate) in candidates.iter().enumerate() {
            let Ok(version) = Version::parse_tag(&candidate.text) else { continue };
            // The comparison is the cheaper of both.
            if best.as_ref().is_none_or(|(_, best)| version > *best) && self.range.check(&version) {
                best = Some((index, version));
            }
        }
        best.map(|(index, _)| index).ok_or(PolicyError::NoVersion)
    }

    fn why_not(&self, text: &str, winner: Option<&str>) -> Verdict {
        let version = match Version::parse_tag(text) {
            Ok(version) => version,
            Err(error) => {
                let needs_numbers = Version::parse(text).is_ok();
                let reason = if needs_numbers {
                    "it needs three numbers, as in 1.2.3".to_owned()
                } else {
                    error.to_string()
                };
                return Verdict::NotAVersion { reason };
            }
        };
        if !self.range.check(&version) {
            return Verdict::OutsideRange { range: self.written.clone(), reason: self.why_outside(&version) };
        }
        match winner.and_then(|winner| Some((winner, Version::parse_tag(winner).ok()?))) {
            Some((winner, best)) if version < best => Verdict::LowerThan { winner: winner.to_owned() },
            Some((winner, _)) => Verdict::SameAs { winner: winner.to_owned() },
            None => Verdict::Undecided,
        }
    }
}
