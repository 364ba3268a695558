//! The time and chance of this machine, for templates that ask.

use gitops_template::{Refused, World};
use std::time::{SystemTime, UNIX_EPOCH};

/// This machine's clock and cryptographic randomness; names are never looked up.
#[derive(Debug)]
pub(crate) struct ThisMachine;

impl World for ThisMachine {
    fn now(&self) -> Result<i128, Refused> {
        let passed = SystemTime::now().duration_since(UNIX_EPOCH);
        let passed = passed.map_err(|error| Refused(format!("the clock is wrong: {error}")))?;
        Ok(i128::try_from(passed.as_nanos()).unwrap_or(i128::MAX))
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), Refused> {
        getrandom::fill(buffer).map_err(|error| Refused(format!("no randomness: {error}")))
    }

    fn resolve(&self, host: &str) -> Result<String, Refused> {
        Err(Refused(format!("{host} is not looked up")))
    }
}

/// Returns the seconds since 1970.
pub(crate) fn unix_seconds() -> i64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(passed.as_secs()).unwrap_or(i64::MAX)
}

/// Returns this moment.
pub(crate) fn now() -> helm_rs::Time {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    helm_rs::Time::new(i64::try_from(passed.as_secs()).unwrap_or(i64::MAX), passed.subsec_nanos())
}
