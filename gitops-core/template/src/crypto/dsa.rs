//! DSA keys of 2048 bits over 256, made as FIPS 186 wants it.

use num_bigint_dig::prime::probably_prime;
use num_bigint_dig::{BigUint, RandBigInt, RandPrime};
use rand_chacha::ChaCha20Rng;

const P_BITS: usize = 2_048;
const Q_BITS: usize = 256;
/// Rounds of the primality test.
const ROUNDS: usize = 32;

/// The numbers of a key, in the order in which they are written.
#[derive(Clone, Debug)]
pub(crate) struct DsaKey {
    pub(super) p: BigUint,
    pub(super) q: BigUint,
    pub(super) g: BigUint,
    pub(super) y: BigUint,
    pub(super) x: BigUint,
}

impl DsaKey {
    pub(super) fn generate(random: &mut ChaCha20Rng) -> Self {
        let (p, q) = primes(random);
        let one = BigUint::from(1_u8);
        let exponent = (&p - &one) / &q;
        let g = (2_u32..)
            .map(|h| BigUint::from(h).modpow(&exponent, &p))
            .find(|g| *g != one)
            .unwrap_or_else(|| one.clone());
        let x = random.gen_biguint_range(&one, &q);
        let y = g.modpow(&x, &p);
        Self { p, q, g, y, x }
    }
}

/// A prime, and another one that divides its predecessor.
fn primes(random: &mut ChaCha20Rng) -> (BigUint, BigUint) {
    let one = BigUint::from(1_u8);
    let top = &one << (P_BITS - 1);
    loop {
        let q = random.gen_prime(Q_BITS);
        for _ in 0..4 * P_BITS {
            let candidate = random.gen_biguint(P_BITS) | &top | &one;
            let p = &candidate - (&candidate % (&q << 1_usize)) + &one;
            if p.bits() == P_BITS && probably_prime(&p, ROUNDS) {
                return (p, q);
            }
        }
    }
}
