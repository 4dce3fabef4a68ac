//! When a request that failed is issued again.

use std::time::Duration;

/// How often and when requests are issued again whose connection failed or which took too long: see
/// [`Async::retry`](super::Async::retry).
///
/// The pause before the `n`-th repetition is drawn between nothing and `first * 2^(n - 1)`, or `most`
/// where that is less: exponential back-off with full jitter, after M. Brooker, "Exponential Backoff
/// And Jitter", AWS Architecture Blog, 2015. The same seed gives the same pauses.
///
/// ```
/// use engines::{Async, Retry};
///
/// let patient = Retry { times: 5, ..Retry::default() };
/// let engine = Async::default().retry(patient);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often a request is issued again, at most.
    pub times: u32,
    /// Longest pause before the first repetition.
    pub first: Duration,
    /// Longest pause of all.
    pub most: Duration,
    /// What the pauses are drawn from.
    pub seed: u64,
}

impl Default for Retry {
    /// Three repetitions, after at most 10, 20 and 40 milliseconds.
    fn default() -> Self {
        Retry {
            times: 3,
            first: Duration::from_millis(10),
            most: Duration::from_secs(2),
            seed: 0,
        }
    }
}

impl Retry {
    /// Nothing is issued again.
    pub(super) const NEVER: Retry = Retry {
        times: 0,
        first: Duration::ZERO,
        most: Duration::ZERO,
        seed: 0,
    };

    /// The pause of a connection that has failed `failures` times in a row.
    pub(super) fn pause(&self, connection: usize, failures: u32) -> Duration {
        let doubled = 1u32.checked_shl(failures.saturating_sub(1));
        let limit = doubled
            .map_or(Duration::MAX, |factor| self.first.saturating_mul(factor))
            .min(self.most);
        let place = (connection as u64) << 32 | u64::from(failures);
        let drawn = mix(self.seed ^ mix(place)) >> 11;
        limit.mul_f64(drawn as f64 / (1u64 << 53) as f64)
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit_and_are_spread_and_repeatable() {
        let retry = Retry {
            seed: 7,
            ..Retry::default()
        };
        for failures in 1..200 {
            let doubled = 10u64.saturating_mul(1u64.checked_shl(failures - 1).unwrap_or(u64::MAX));
            let limit = Duration::from_millis(doubled.min(2000));
            let pauses: Vec<_> = (0..100).map(|i| retry.pause(i, failures)).collect();
            assert!(pauses.iter().all(|pause| *pause <= limit));
            let mean = pauses.iter().sum::<Duration>() / 100;
            assert!(
                mean > limit.mul_f64(0.35) && mean < limit.mul_f64(0.65),
                "{mean:?}"
            );
            assert_eq!(retry.pause(3, failures), pauses[3]);
        }
        let other = Retry { seed: 8, ..retry };
        assert_ne!(other.pause(3, 5), retry.pause(3, 5));
        assert_eq!(Retry::NEVER.pause(1, 1), Duration::ZERO);
    }
}
