//! Holm's step-down adjustment of p-values, sharpened for hypotheses that cannot be true together.
//!
//! S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics
//! 6 (1979). J. P. Shaffer, Modified sequentially rejective multiple test procedures, Journal of the
//! American Statistical Association 81 (1986): at each step count only as many hypotheses as can still be
//! true at once. A ratio cannot equal two thresholds, so a comparison counts once, however many claims
//! ask about it.

use std::collections::BTreeMap;

/// The adjusted p-value of each test, given as its group and its p-value: at most one hypothesis of a
/// group can be true. Rejecting those at most alpha makes any false rejection at all at most that likely.
///
/// ```
/// // Two comparisons, the first with two thresholds.
/// let adjusted = reports::stats::holm(&[(0, 0.001), (0, 0.002), (1, 0.03)]);
/// assert_eq!(adjusted, [0.002, 0.004, 0.03]);
/// ```
pub fn holm(tests: &[(usize, f64)]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..tests.len()).collect();
    order.sort_by(|&a, &b| tests[a].1.total_cmp(&tests[b].1));
    let mut left: BTreeMap<usize, usize> = BTreeMap::new();
    for (group, _) in tests {
        *left.entry(*group).or_default() += 1;
    }
    let mut adjusted = vec![1.0; tests.len()];
    let mut floor: f64 = 0.0;
    for at in order {
        let (group, p) = tests[at];
        floor = floor.max((p * left.len() as f64).min(1.0));
        adjusted[at] = floor;
        if let Some(count) = left.get_mut(&group) {
            *count -= 1;
            if *count == 0 {
                left.remove(&group);
            }
        }
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(p: &[f64]) -> Vec<f64> {
        holm(&p.iter().copied().enumerate().collect::<Vec<_>>())
    }

    #[test]
    fn as_r_has_it() {
        // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") = 0.03 0.06 0.06 0.02.
        let found = plain(&[0.01, 0.04, 0.03, 0.005]);
        for (found, expected) in found.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn a_group_counts_once_until_all_of_it_is_rejected() {
        // Two comparisons with two thresholds each: twice 2, and once the first is done twice 1; the third
        // in order is not less than the second.
        let found = holm(&[(0, 0.001), (1, 0.004), (0, 0.003), (1, 0.02)]);
        for (found, expected) in found.iter().zip([0.002, 0.006, 0.006, 0.02]) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    proptest! {
        #[test]
        fn lies_between_the_p_value_and_bonferronis(
            tests in prop::collection::vec((0usize..5, 0.0..1.0f64), 1..20),
        ) {
            let adjusted = holm(&tests);
            let each: Vec<f64> = tests.iter().map(|(_, p)| *p).collect();
            let holms = plain(&each);
            for ((p, found), holm) in each.iter().zip(&adjusted).zip(&holms) {
                prop_assert!(p <= found && *found <= holm + 1e-12);
            }
            for (i, a) in each.iter().enumerate() {
                for (j, b) in each.iter().enumerate() {
                    prop_assert!(a > b || adjusted[i] <= adjusted[j] || a == b);
                }
            }
        }
    }
}
