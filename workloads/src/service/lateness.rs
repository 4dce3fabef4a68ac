//! How late a service was: a histogram of fixed size, with steps of 3 % or less.

/// How late a service is that has slept until an answer was due, in nanoseconds. Answers that wait
/// behind others which are being sent are not late in this sense: that is work, of which the client
/// and the service share the machine's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    /// Number of requests answered.
    pub answered: u64,
    /// Half the times it was at most this late, rounded up by 3 % at most.
    pub p50: u64,
    /// 99 of 100 times it was at most this late, rounded up by 3 % at most.
    pub p99: u64,
    /// The worst time.
    pub max: u64,
}

/// Steps between two powers of two.
const STEPS: u64 = 32;
const BITS: u32 = STEPS.trailing_zeros();

/// Counts of latenesses, in steps that grow with the lateness.
#[derive(Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    pub(crate) answered: u64,
    added: u64,
    max: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Histogram {
            counts: vec![0; (STEPS * u64::from(64 - BITS + 1)) as usize],
            answered: 0,
            added: 0,
            max: 0,
        }
    }

    pub(crate) fn add(&mut self, nanoseconds: u64) {
        self.counts[step(nanoseconds)] += 1;
        self.added += 1;
        self.max = self.max.max(nanoseconds);
    }

    pub(crate) fn reset(&mut self) {
        *self = Histogram::new();
    }

    pub(crate) fn statistics(&self) -> Lateness {
        Lateness {
            answered: self.answered,
            p50: self.quantile(50),
            p99: self.quantile(99),
            max: self.max,
        }
    }

    fn quantile(&self, percent: u64) -> u64 {
        let rank = (self.added * percent).div_ceil(100);
        let mut below = 0;
        for (step, count) in self.counts.iter().enumerate() {
            below += count;
            if below >= rank && below > 0 {
                return upper_end(step).min(self.max);
            }
        }
        0
    }
}

/// Exact below 32; above, the leading bit and the five that follow it.
fn step(nanoseconds: u64) -> usize {
    let shift = (64 - nanoseconds.leading_zeros()).saturating_sub(BITS + 1);
    (u64::from(shift) * STEPS + (nanoseconds >> shift)) as usize
}

fn upper_end(step: usize) -> u64 {
    let shift = (step as u64 / STEPS).saturating_sub(1);
    let leading = step as u64 - shift * STEPS;
    (leading << shift) + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_narrow_and_in_order() {
        let mut last = 0;
        for exponent in 0..640 {
            let value = 2f64.powf(f64::from(exponent) / 10.0) as u64;
            let (at, end) = (step(value), upper_end(step(value)));
            assert!(at >= last && end >= value && end - value <= value / 32);
            last = at;
        }
        assert_eq!(upper_end(step(u64::MAX)), u64::MAX);
        assert!(step(u64::MAX) < Histogram::new().counts.len());
    }

    #[test]
    fn quantiles() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.statistics(), Lateness::default());
        for value in 1..=1000 {
            histogram.add(value * 1000);
        }
        let statistics = histogram.statistics();
        assert_eq!((statistics.answered, statistics.max), (0, 1_000_000));
        assert!((500_000..516_000).contains(&statistics.p50));
        assert!((990_000..=1_000_000).contains(&statistics.p99));
        histogram.reset();
        histogram.add(0);
        histogram.answered += 1;
        let expected = Lateness {
            answered: 1,
            ..Lateness::default()
        };
        assert_eq!(histogram.statistics(), expected);
    }
}
