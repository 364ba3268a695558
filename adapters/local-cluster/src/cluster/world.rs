//! The time and random numbers of a running cluster.

use crate::store::Surroundings;
use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

/// The system's clock, and random numbers of the standard library's hasher, which the system seeds.
#[derive(Debug, Default)]
pub(crate) struct World {
    seeds: (RandomState, RandomState),
    count: u64,
}

impl Surroundings for World {
    fn now(&mut self) -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
    }

    fn random(&mut self) -> u128 {
        self.count = self.count.wrapping_add(1);
        let high = self.seeds.0.hash_one(self.count);
        let low = self.seeds.1.hash_one(self.count);
        u128::from(high) << 64 | u128::from(low)
    }
}
