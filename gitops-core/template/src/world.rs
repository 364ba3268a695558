//! What a template may learn of the world: the time, chance, names, keys. The caller decides.

use std::fmt;

/// A refusal, as text for the template's author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// The source of everything that is not in the template and its data.
pub trait World: Send + Sync {
    /// Returns the time in nanoseconds since the Unix epoch.
    ///
    /// # Errors
    /// Where renders must not depend on the time.
    fn now(&self) -> Result<i128, Refused>;

    /// Fills a buffer with random bytes. What guards secrets must use a cryptographic source.
    ///
    /// # Errors
    /// Where renders must not depend on chance.
    fn random(&self, buffer: &mut [u8]) -> Result<(), Refused>;

    /// Looks up a host's address, as `getHostByName`.
    ///
    /// # Errors
    /// Where renders must not ask the network, which is nearly everywhere: a name can carry a secret out.
    fn resolve(&self, host: &str) -> Result<String, Refused>;

    /// Returns the local time zone's offset from UTC in seconds, and its name, at a time since the Unix epoch.
    fn local_zone(&self, seconds: i64) -> (i32, String) {
        let _ = seconds;
        (0, "UTC".to_owned())
    }
}

/// Refuses everything: a render depends on its inputs alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hermetic;

impl World for Hermetic {
    fn now(&self) -> Result<i128, Refused> {
        Err(Refused("the time is not available: this render is hermetic".into()))
    }

    fn random(&self, _buffer: &mut [u8]) -> Result<(), Refused> {
        Err(Refused("randomness is not available: this render is hermetic".into()))
    }

    fn resolve(&self, host: &str) -> Result<String, Refused> {
        Err(Refused(format!("{host} is not looked up: this render is hermetic")))
    }
}

/// A fixed time and reproducible chance: the same seed gives the same render. Not for secrets that guard anything.
///
/// ```
/// use gitops_template::{Seeded, World};
/// let (mut a, mut b) = ([0; 8], [0; 8]);
/// Seeded::new(7, 0).random(&mut a)?;
/// Seeded::new(7, 0).random(&mut b)?;
/// assert_eq!(a, b);
/// # Ok::<(), gitops_template::Refused>(())
/// ```
#[derive(Debug)]
pub struct Seeded {
    state: std::sync::atomic::AtomicU64,
    now: i128,
}

impl Seeded {
    /// Takes a seed and a time in nanoseconds since the Unix epoch.
    #[must_use]
    pub fn new(seed: u64, now: i128) -> Self {
        Self { state: std::sync::atomic::AtomicU64::new(seed), now }
    }
}

impl World for Seeded {
    fn now(&self) -> Result<i128, Refused> {
        Ok(self.now)
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), Refused> {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        for chunk in buffer.chunks_mut(8) {
            // SplitMix64: each step of the counter gives eight bytes.
            let mut z = self.state.fetch_add(STEP, std::sync::atomic::Ordering::Relaxed).wrapping_add(STEP);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^= z >> 31;
            chunk.copy_from_slice(&z.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }

    fn resolve(&self, host: &str) -> Result<String, Refused> {
        Err(Refused(format!("{host} is not looked up: this render is reproducible")))
    }
}
