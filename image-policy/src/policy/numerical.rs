//! Picks the highest or lowest number.

use super::number::parse_float;
use super::{Candidate, Order, PolicyError, Rank, Verdict};

#[derive(Clone, Debug)]
pub(super) struct Numerical(pub(super) Order);

impl Numerical {
    /// Flux's comparison: of equal numbers the later wins, and one that compares with nothing (`nan`) always wins.
    fn stays(&self, new: f64, old: f64) -> bool {
        if self.0 == Order::Asc { new < old } else { new > old }
    }
}

impl Rank for Numerical {
    fn latest(&self, candidates: &[Candidate<'_>]) -> Result<usize, PolicyError> {
        let (mut best, mut best_value) = (0, 0.0);
        for (index, candidate) in candidates.iter().enumerate() {
            let Some(value) = parse_float(&candidate.text) else {
                return Err(PolicyError::NotANumber(candidate.text.to_string()));
            };
            if index == 0 || !self.stays(value, best_value) {
                (best, best_value) = (index, value);
            }
        }
        Ok(best)
    }

    fn why_not(&self, text: &str, winner: Option<&str>) -> Verdict {
        let Some(value) = parse_float(text) else { return Verdict::NotANumber };
        let Some((winner, best)) = winner.and_then(|winner| Some((winner, parse_float(winner)?))) else {
            return Verdict::Undecided;
        };
        let winner = winner.to_owned();
        if value < best {
            Verdict::LowerThan { winner }
        } else if value > best {
            Verdict::HigherThan { winner }
        } else {
            Verdict::SameAs { winner }
        }
    }
}
