//! Picks the highest or lowest text, byte by byte.

use super::{Candidate, Order, PolicyError, Rank, Verdict};

#[derive(Clone, Debug)]
pub(super) struct Alphabetical(pub(super) Order);

impl Rank for Alphabetical {
    fn latest(&self, candidates: &[Candidate<'_>]) -> Result<usize, PolicyError> {
        let mut best = 0;
        for (index, candidate) in candidates.iter().enumerate() {
            let (new, old) = (&candidate.text, &candidates[best].text);
            if if self.0 == Order::Asc { new > old } else { new < old } {
                best = index;
            }
        }
        Ok(best)
    }

    fn why_not(&self, text: &str, winner: Option<&str>) -> Verdict {
        match winner {
            Some(winner) if winner == text => Verdict::SameAs { winner: winner.to_owned() },
            Some(winner) if self.0 == Order::Asc => Verdict::LowerThan { winner: winner.to_owned() },
            Some(winner) => Verdict::HigherThan { winner: winner.to_owned() },
            None => Verdict::Undecided,
        }
    }
}
