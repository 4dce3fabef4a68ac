//! The exact Wilcoxon signed-rank test, and the Hodges-Lehmann estimate with the interval that inverts
//! it. The null distribution is counted by dynamic programming, never approximated.
//!
//! Zeros are dropped before ranking, as Wilcoxon did (1945). Tied magnitudes share the mean of their
//! ranks, and the null distribution is that of these very ranks, so the p-value stays exact given the
//! ties. The interval takes its place in the list of Walsh averages from the distribution without ties;
//! as a closed interval it then covers at least as often as it says, ties or not (Noether 1967).

use std::sync::OnceLock;

use super::median;

/// The most values that the exact distribution is counted for; with more, only the first count.
pub const LARGEST: usize = 64;

/// Result of the test that the values are symmetric about zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedRank {
    /// Sum of the ranks of positive values.
    pub positive: f64,
    /// Values other than zero.
    pub n: usize,
    /// Probability of a sum as large as this or larger.
    pub p_greater: f64,
    /// Probability of a sum as small as this or smaller.
    pub p_less: f64,
    /// Twice the smaller of the two, at most 1.
    pub p_two_sided: f64,
}

/// A closed interval and its level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// The level reached, at least the one asked for.
    pub level: f64,
}

/// Estimate of the centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HodgesLehmann {
    /// The Hodges-Lehmann estimate: the median of the Walsh averages.
    pub centre: f64,
    /// The interval; `None` where there are too few values for the level.
    pub interval: Option<Interval>,
}

/// Probability of each sum of positive ranks 0, 1, ... under the null hypothesis, for ranks 1 to `n`.
pub fn null_distribution(n: usize) -> &'static [f64] {
    // Counted once for each n: a run asks some thousand times.
    static COUNTED: [OnceLock<Vec<f64>>; LARGEST + 1] = [const { OnceLock::new() }; LARGEST + 1];
    let n = n.min(LARGEST);
    COUNTED[n].get_or_init(|| sums(&(1..=n).collect::<Vec<_>>()))
}

// How likely each sum of a random half of the ranks is. In f64, where 2^-64 and its sums are exact
// enough by far: every term is positive, so that no digits cancel.
fn sums(ranks: &[usize]) -> Vec<f64> {
    let mut probability = vec![0.0; ranks.iter().sum::<usize>() + 1];
    probability[0] = 1.0;
    let mut reached = 0;
    for &rank in ranks {
        reached += rank;
        for sum in (0..=reached).rev() {
            let without = probability[sum];
            let with = if sum >= rank {
                probability[sum - rank]
            } else {
                0.0
            };
            probability[sum] = 0.5 * (without + with);
        }
    }
    probability
}

fn tails(null: &[f64], at: usize) -> (f64, f64) {
    let less: f64 = null[..=at].iter().sum();
    let greater: f64 = null[at..].iter().sum();
    (less.min(1.0), greater.min(1.0))
}

/// The exact signed-rank test of the values against zero.
pub fn signed_rank(values: &[f64]) -> SignedRank {
    let mut sorted: Vec<f64> = values
        .iter()
        .copied()
        .filter(|v| *v != 0.0 && !v.is_nan())
        .take(LARGEST)
        .collect();
    sorted.sort_unstable_by(|a, b| a.abs().total_cmp(&b.abs()));
    // Twice the rank, so that the mean of tied ranks is an integer.
    let mut ranks = Vec::with_capacity(sorted.len());
    for group in sorted.chunk_by(|a, b| a.abs() == b.abs()) {
        let first = ranks.len() + 1;
        let last = ranks.len() + group.len();
        ranks.extend(std::iter::repeat_n(first + last, group.len()));
    }
    let positive: usize = sorted
        .iter()
        .zip(&ranks)
        .filter(|(v, _)| **v > 0.0)
        .map(|(_, r)| r)
        .sum();
    let untied = ranks.windows(2).all(|pair| pair[0] < pair[1]);
    let (p_less, p_greater) = match untied {
        true => tails(null_distribution(ranks.len()), positive / 2),
        false => tails(&sums(&ranks), positive),
    };
    SignedRank {
        positive: positive as f64 / 2.0,
        n: sorted.len(),
        p_greater,
        p_less,
        p_two_sided: (2.0 * p_less.min(p_greater)).min(1.0),
    }
}

fn walsh(values: &[f64]) -> Vec<f64> {
    let mut averages: Vec<f64> = values
        .iter()
        .enumerate()
        .flat_map(|(i, a)| values[i..].iter().map(move |b| 0.5 * (a + b)))
        .collect();
    averages.sort_unstable_by(f64::total_cmp);
    averages
}

/// Estimate and interval at a level from finite values; `None` of an empty list.
pub fn hodges_lehmann(values: &[f64], level: f64) -> Option<HodgesLehmann> {
    let values = &values[..values.len().min(LARGEST)];
    Some(HodgesLehmann {
        centre: median(&walsh(values))?,
        interval: interval(values, level),
    })
}

/// The narrowest interval between two Walsh averages of equal depth that has the level, or `None` where
/// even the widest has not.
pub fn interval(values: &[f64], level: f64) -> Option<Interval> {
    let values = &values[..values.len().min(LARGEST)];
    let null = null_distribution(values.len());
    let averages = walsh(values);
    let mut below = 0.0;
    let mut found = None;
    for depth in 0..averages.len().div_ceil(2) {
        below += null[depth];
        let reached = 1.0 - 2.0 * below;
        // Rounding must not refuse a level that is reached to the last digit.
        if reached < level - 1e-12 {
            break;
        }
        found = Some(Interval {
            low: averages[depth],
            high: averages[averages.len() - 1 - depth],
            level: reached,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn below(n: usize, sum: usize) -> f64 {
        null_distribution(n)[..=sum].iter().sum()
    }

    /// Hollander, Wolfe and Chicken, Nonparametric Statistical Methods (2014), example 3.1: Hamilton
    /// depression scale before and after; T+ = 5 of n = 9, P = .020, estimate -.46.
    const DEPRESSION: [f64; 9] = [
        -0.952, 0.147, -1.022, -0.430, -0.620, -0.590, -0.490, 0.080, -0.010,
    ];

    #[test]
    fn published_tails() {
        // Wilcoxon (1945), McCornack (1965): critical sums, one-sided .025 and .005.
        for (n, sum, level) in [
            (6, 0, 0.025),
            (8, 3, 0.025),
            (10, 8, 0.025),
            (15, 25, 0.025),
            (20, 52, 0.025),
            (8, 0, 0.005),
            (10, 3, 0.005),
            (15, 15, 0.005),
            (20, 37, 0.005),
            (25, 68, 0.005),
            (50, 373, 0.005),
        ] {
            assert!(
                below(n, sum) <= level,
                "n = {n}: {} at {sum}",
                below(n, sum)
            );
            assert!(
                below(n, sum + 1) > level,
                "n = {n}: {} above {sum}",
                below(n, sum + 1)
            );
        }
    }

    #[test]
    fn published_example() {
        let test = signed_rank(&DEPRESSION);
        assert_eq!((test.positive, test.n), (5.0, 9));
        assert!((test.p_less - 0.01953125).abs() < 1e-12, "{}", test.p_less);
        let estimate = hodges_lehmann(&DEPRESSION, 0.96).unwrap();
        assert!(
            (estimate.centre - -0.46).abs() < 1e-9,
            "{}",
            estimate.centre
        );
        let interval = estimate.interval.unwrap();
        // Example 3.3 there: (-.786, -.010) at 96.1 %.
        assert!((interval.low - -0.786).abs() < 1e-9, "{interval:?}");
        assert!((interval.high - -0.010).abs() < 1e-9, "{interval:?}");
        assert!((interval.level - 0.961).abs() < 1e-3, "{interval:?}");
    }

    #[test]
    fn eight_blocks_are_needed_for_99_percent() {
        let eight = interval(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 0.99).unwrap();
        assert_eq!((eight.low, eight.high), (1.0, 8.0));
        assert!((eight.level - 0.9921875).abs() < 1e-12);
        assert_eq!(interval(&[1.0; 7], 0.99), None);
        assert_eq!(hodges_lehmann(&[], 0.99), None);
    }

    #[test]
    fn zeros_are_dropped_and_ties_share_ranks() {
        // Magnitudes 1, 1, 2 without the zero: ranks 1.5, 1.5, 3; of 8 signs, sums >= 4.5 are 3.
        let test = signed_rank(&[0.0, 1.0, -1.0, 2.0]);
        assert_eq!((test.positive, test.n), (4.5, 3));
        assert!((test.p_greater - 3.0 / 8.0).abs() < 1e-12);
        let none = signed_rank(&[0.0]);
        assert_eq!((none.n, none.p_two_sided), (0, 1.0));
    }

    proptest! {
        #[test]
        fn the_null_distribution_is_one_and_symmetric(n in 1usize..=LARGEST) {
            let null = null_distribution(n);
            prop_assert_eq!(null.len(), n * (n + 1) / 2 + 1);
            prop_assert!((null.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            for i in 0..null.len() {
                prop_assert!((null[i] - null[null.len() - 1 - i]).abs() < 1e-15);
            }
        }

        #[test]
        fn agrees_with_all_sign_patterns(values in prop::collection::vec(-4i32..=4, 1..9)) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let observed = signed_rank(&values);
            let kept: Vec<f64> = values.iter().map(|v| v.abs()).filter(|v| *v > 0.0).collect();
            let mut as_large = 0;
            for signs in 0..1u32 << kept.len() {
                let flipped: Vec<f64> = kept.iter().enumerate()
                    .map(|(i, v)| if signs >> i & 1 == 1 { *v } else { -v }).collect();
                if signed_rank(&flipped).positive >= observed.positive {
                    as_large += 1;
                }
            }
            let p = f64::from(as_large) / f64::from(1u32 << kept.len());
            prop_assert!((p - observed.p_greater).abs() < 1e-12);
        }

        #[test]
        fn the_interval_inverts_the_test(values in prop::collection::vec(-1.0..1.0f64, 8..20)) {
            let found = interval(&values, 0.95).unwrap();
            let at = |shift: f64| {
                let moved: Vec<f64> = values.iter().map(|v| v - shift).collect();
                signed_rank(&moved).p_two_sided
            };
            prop_assert!(at(found.low - 1e-9) <= 0.05 + 1e-9);
            prop_assert!(at(found.high + 1e-9) <= 0.05 + 1e-9);
            let centre = hodges_lehmann(&values, 0.95).unwrap().centre;
            prop_assert!(found.low <= centre && centre <= found.high);
            prop_assert!(at(centre) > 0.05);
        }

        #[test]
        fn shifts_and_signs_carry_over(values in prop::collection::vec(-1.0..1.0f64, 8..20), s in -2.0..2.0f64) {
            let here = hodges_lehmann(&values, 0.99).unwrap();
            let moved: Vec<f64> = values.iter().map(|v| s - v).collect();
            let there = hodges_lehmann(&moved, 0.99).unwrap();
            prop_assert!((there.centre - (s - here.centre)).abs() < 1e-9);
            let (a, b) = (here.interval.unwrap(), there.interval.unwrap());
            prop_assert!((b.low - (s - a.high)).abs() < 1e-9);
        }
    }
}
