//! A comparison as a sequence of looks: the t test while blocks are few, then the exact signed-rank
//! test, at the same level each time, so that stopping at any look is honest.

use super::looks::{LOOKS, nominal, sequential_p};
use super::signed_rank::{Interval, hodges_lehmann, signed_rank};
use super::{median, student};

/// Up to this many blocks the t test is used. Signs and ranks of so few could not reach a small level.
const FEW: usize = 10;

/// What the looks say about one null value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sequential {
    /// The smallest two-sided p-value of all looks so far.
    pub nominal_p: f64,
    /// The smallest level at which the sequence would have decided: 1 before the first look.
    pub p: f64,
    /// Whether the look with the smallest p-value has the centre above the null value.
    pub above: bool,
    /// Values at that look, 0 before the first.
    pub at: usize,
}

/// Centre and interval at the last look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean up to ten values, the Hodges-Lehmann estimate beyond.
    pub centre: f64,
    /// The interval, which holds its level however the number of values came about; `None` before the first
    /// look, without any spread, and where the level cannot be reached.
    pub interval: Option<Interval>,
    /// Values that went in: those of the last look, or all before the first.
    pub values: usize,
}

/// The last look that `n` values reach.
pub fn last_look(n: usize) -> Option<usize> {
    LOOKS.iter().copied().rev().find(|look| *look <= n)
}

/// Tests the values, in the order in which they were taken, against `null` at every look.
///
/// ```
/// let found = reports::stats::sequential(&[0.11, 0.10, 0.12, 0.11, 0.09], 0.0);
/// assert!(found.p < 0.01 && found.above);
/// ```
pub fn sequential(values: &[f64], null: f64) -> Sequential {
    let mut smallest = Sequential {
        nominal_p: 1.0,
        p: 1.0,
        above: false,
        at: 0,
    };
    for look in LOOKS.into_iter().take_while(|look| *look <= values.len()) {
        let (p, above) = two_sided(&values[..look], null);
        if p < smallest.nominal_p {
            smallest = Sequential {
                nominal_p: p,
                p: 1.0,
                above,
                at: look,
            };
        }
    }
    smallest.p = sequential_p(smallest.nominal_p);
    smallest
}

fn two_sided(values: &[f64], null: f64) -> (f64, bool) {
    let spread = deviation(values);
    if values.len() <= FEW && spread > 0.0 {
        let n = values.len() as f64;
        let t = (mean(values) - null) / (spread / n.sqrt());
        return (student::two_sided(t, values.len() - 1), t > 0.0);
    }
    // Without any spread t would be sure of anything; signs are not.
    let shifted: Vec<f64> = values.iter().map(|value| value - null).collect();
    let test = signed_rank(&shifted);
    (test.p_two_sided, test.p_greater < test.p_less)
}

/// Centre and interval of the values at a level; `None` of an empty list.
pub fn estimate(values: &[f64], level: f64) -> Option<Estimate> {
    let look = last_look(values.len());
    let values = &values[..look.unwrap_or(values.len())];
    let c = nominal(1.0 - level);
    if values.len() > FEW {
        let found = hodges_lehmann(values, 1.0 - c)?;
        return Some(Estimate {
            centre: found.centre,
            interval: found
                .interval
                .map(|interval| Interval { level, ..interval }),
            values: values.len(),
        });
    }
    let spread = deviation(values);
    let interval = look.filter(|_| spread > 0.0).map(|look| {
        let half = student::quantile(c, look - 1) * spread / (look as f64).sqrt();
        Interval {
            low: mean(values) - half,
            high: mean(values) + half,
            level,
        }
    });
    (!values.is_empty()).then(|| Estimate {
        centre: mean(values),
        interval,
        values: values.len(),
    })
}

/// About how many further values would decide between `null` and the present centre at sequential level
/// `alpha`, should centre and spread stay; `None` where there is no way between them, or no spread to
/// judge by. Up to the last look it counts to a look.
pub fn further(values: &[f64], null: f64, alpha: f64) -> Option<u32> {
    let look = last_look(values.len())?;
    let centre = estimate(values, 0.5)?.centre;
    let ease = (centre - null).abs() / scale(&values[..look]);
    if ease.is_nan() || ease <= 0.0 {
        return None;
    }
    let c = nominal(alpha);
    let decides = |n: usize| student::quantile(c, n - 1) <= ease * (n as f64).sqrt();
    let needed = match LOOKS
        .into_iter()
        .filter(|n| *n > values.len())
        .find(|n| decides(*n))
    {
        Some(look) => look as f64,
        None => (student::quantile(c, LOOKS[LOOKS.len() - 1]) / ease)
            .powi(2)
            .ceil(),
    };
    let further = (needed - values.len() as f64).max(1.0);
    (further <= 100_000.0).then_some(further as u32)
}

/// The smallest shift that values of this spread and number show at `level` in nine cases of ten; `None`
/// before the first look or without any spread.
pub fn detectable(values: &[f64], level: f64) -> Option<f64> {
    let look = last_look(values.len())?;
    let error = scale(&values[..look]) / (look as f64).sqrt();
    let quantile = |p| student::quantile(p, look - 1);
    let shift = (quantile(nominal(1.0 - level)) + quantile(0.2)) * error;
    (shift > 0.0).then_some(shift)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard deviation with n - 1; 0 of fewer than two values.
fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

// The spread as the test at hand sees it: the signed-rank test hardly minds a few strays.
fn scale(values: &[f64]) -> f64 {
    if values.len() <= FEW {
        return deviation(values);
    }
    let centre = median(values).unwrap_or(0.0);
    let away: Vec<f64> = values.iter().map(|value| (value - centre).abs()).collect();
    // The factor makes it a standard deviation where values are normally distributed.
    1.4826 * median(&away).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Student (1908): additional hours of sleep, drug 2 less drug 1. R: t.test(extra ~ group, data = sleep,
    /// paired = TRUE) has t = 4.0621, p = 0.002833, interval 0.7001142 to 2.4598858 at 95 %.
    const SLEEP: [f64; 10] = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4];

    #[test]
    fn the_t_test_as_r_has_it() {
        let (p, above) = two_sided(&SLEEP, 0.0);
        assert!((p - 0.002833).abs() < 5e-7 && above, "{p}");
        let found = estimate(&SLEEP, 0.95).unwrap();
        assert!((found.centre - 1.58).abs() < 1e-12);
        // The same half-width, had this been the only look.
        let half = (2.459_885_8 - 0.700_114_2) / 2.0;
        let wider = student::quantile(nominal(0.05), 9) / student::quantile(0.05, 9);
        let interval = found.interval.unwrap();
        assert!(
            (interval.high - found.centre - half * wider).abs() < 1e-5,
            "{interval:?}"
        );
    }

    #[test]
    fn only_looks_count() {
        let first = sequential(&SLEEP[..7], 0.0);
        assert_eq!(first, sequential(&SLEEP[..6], 0.0));
        assert_eq!(sequential(&SLEEP[..3], 0.0).p, 1.0);
        let estimate = |n: usize| super::estimate(&SLEEP[..n], 0.95).unwrap();
        assert_eq!(estimate(7), estimate(6));
        assert_eq!((estimate(3).interval, estimate(3).values), (None, 3));
        assert_eq!(super::estimate(&[], 0.95), None);
        assert_eq!(
            (last_look(3), last_look(9), last_look(99)),
            (None, Some(8), Some(64))
        );
    }

    #[test]
    fn equal_values_are_no_certainty() {
        let same = sequential(&[0.1; 4], 0.0);
        assert!(
            (same.nominal_p - 0.125).abs() < 1e-12 && same.above,
            "{same:?}"
        );
        assert_eq!(estimate(&[0.1; 4], 0.99).unwrap().interval, None);
        assert_eq!(detectable(&[0.1; 4], 0.99), None);
    }

    #[test]
    fn a_forecast_counts_to_the_look_that_decides() {
        // Ten values about 1 with deviation 1.33: the interval at 99 % is 1 +- 1.9.
        let values = [0.0, 2.0, -0.5, 2.5, 1.0, 1.0, 2.0, 0.0, -1.0, 3.0];
        let needed = further(&values, 0.0, 0.01).unwrap() as usize;
        assert!(LOOKS.contains(&(10 + needed)), "{needed}");
        assert!((10..=22).contains(&needed), "{needed}");
        assert!(further(&values, 0.95, 0.01).unwrap() > 5000);
        assert_eq!(further(&values, 1.0, 0.01), None);
        assert_eq!(further(&values[..3], 0.0, 0.01), None);
    }

    proptest! {
        #[test]
        fn the_interval_holds_what_the_last_look_does_not_reject(
            values in prop::collection::vec(-1.0..1.0f64, 4..40),
            null in -1.0..1.0f64,
        ) {
            let look = last_look(values.len()).unwrap();
            let interval = estimate(&values, 0.99).unwrap().interval;
            let (p, above) = two_sided(&values[..look], null);
            let c = nominal(0.01);
            if let Some(interval) = interval {
                if p < c * (1.0 - 1e-6) {
                    let outside = (above && null <= interval.low + 1e-9)
                        || (!above && null >= interval.high - 1e-9);
                    prop_assert!(outside);
                }
                if p > c * (1.0 + 1e-6) {
                    prop_assert!(interval.low <= null + 1e-9 && null <= interval.high + 1e-9);
                }
            }
        }

        #[test]
        fn more_values_never_take_a_decision_back(
            values in prop::collection::vec(-1.0..1.0f64, 4..40), null in -1.0..1.0f64,
        ) {
            let p: Vec<f64> = (0..=values.len()).map(|n| sequential(&values[..n], null).p).collect();
            prop_assert!(p.windows(2).all(|w| w[1] <= w[0]));
        }
    }
}
