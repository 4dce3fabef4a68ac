//! How far a share may be from the one observed: the exact interval of a binomial proportion.
//!
//! C. J. Clopper, E. S. Pearson, The use of confidence or fiducial limits illustrated in the case of the
//! binomial, Biometrika 26 (1934).

/// The exact two-sided interval, at `level`, of the probability behind `count` of `n`: from 0 where none
/// was seen, to 1 where all were. Without any trial it is all of 0 to 1.
///
/// ```
/// let (low, high) = reports::stats::clopper_pearson(0, 10, 0.95);
/// assert_eq!(low, 0.0);
/// assert!((high - 0.3085).abs() < 1e-4);
/// ```
pub fn clopper_pearson(count: usize, n: usize, level: f64) -> (f64, f64) {
    let count = count.min(n);
    let tail = 0.5 * (1.0 - level);
    let low = match count {
        0 => 0.0,
        _ => crossing(|p| at_least(count, n, p) > tail),
    };
    let high = match count == n {
        true => 1.0,
        false => crossing(|p| at_least(count + 1, n, p) > 1.0 - tail),
    };
    (low, high)
}

/// Where a condition that becomes true as p grows does so, by bisection.
fn crossing(reached: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        match reached(middle) {
            true => high = middle,
            false => low = middle,
        }
    }
    0.5 * (low + high)
}

/// Probability of `count` or more of `n` that each come with probability `p`, strictly between 0 and 1.
fn at_least(count: usize, n: usize, p: f64) -> f64 {
    let mut log = n as f64 * (1.0 - p).ln();
    let mut below: f64 = 0.0;
    for k in 0..count {
        below += log.exp();
        log += ((n - k) as f64 / (k + 1) as f64).ln() + p.ln() - (1.0 - p).ln();
    }
    (1.0 - below).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_published() {
        // 682 of 925 is the example of Conover (1971, p. 97); its bounds are from sums with 60 digits in Python.
        // Closed forms where nothing or everything was seen: 1 - (alpha/2)^(1/n).
        let close = |found: (f64, f64), low: f64, high: f64| {
            assert!(
                (found.0 - low).abs() < 1e-6 && (found.1 - high).abs() < 1e-6,
                "{found:?} {low} {high}"
            );
        };
        close(clopper_pearson(682, 925, 0.95), 0.7076683, 0.7654066);
        close(
            clopper_pearson(0, 200, 0.99),
            0.0,
            1.0 - 0.005_f64.powf(1.0 / 200.0),
        );
        close(
            clopper_pearson(40, 40, 0.95),
            0.025_f64.powf(1.0 / 40.0),
            1.0,
        );
        close(clopper_pearson(0, 0, 0.95), 0.0, 1.0);
    }

    proptest! {
        #[test]
        fn holds_the_share_and_mirrors(n in 1usize..3000, share in 0.0..=1.0f64) {
            let count = (n as f64 * share) as usize;
            let (low, high) = clopper_pearson(count, n, 0.99);
            let observed = count as f64 / n as f64;
            prop_assert!(0.0 <= low && low <= observed && observed <= high && high <= 1.0);
            let (mirrored, _) = clopper_pearson(n - count, n, 0.99);
            prop_assert!((mirrored - (1.0 - high)).abs() < 1e-6);
        }
    }
}
