//! Quantiles of a list, by linear interpolation between order statistics (type 7 of Hyndman and Fan,
//! 1996, the default of R and NumPy).

/// The quantile `p` in 0..=1; `None` of an empty list. Infinite values sort at the ends.
pub fn quantile(values: &[f64], p: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let place = p.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (
        sorted[place.floor() as usize],
        sorted[place.ceil() as usize],
    );
    if below == above {
        return Some(below);
    }
    Some(below + (above - below) * place.fract())
}

/// The median; `None` of an empty list.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_type_7_of_hyndman_and_fan() {
        // R: quantile(c(2, 4, 4, 5, 7, 9), c(.1, .25, .5, .9)) = 3, 4, 4.5, 8.
        let values = [9.0, 4.0, 5.0, 2.0, 7.0, 4.0];
        for (p, expected) in [(0.1, 3.0), (0.25, 4.0), (0.5, 4.5), (0.9, 8.0)] {
            assert!(
                (quantile(&values, p).unwrap() - expected).abs() < 1e-12,
                "{p}"
            );
        }
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[f64::INFINITY; 2]), Some(f64::INFINITY));
    }

    proptest! {
        #[test]
        fn lies_between_the_ends_and_grows(
            values in prop::collection::vec(-1e6..1e6f64, 1..60),
            p in 0.0..1.0f64,
            q in 0.0..1.0f64,
        ) {
            let (low, high) = (p.min(q), p.max(q));
            let (a, b) = (quantile(&values, low).unwrap(), quantile(&values, high).unwrap());
            let min = values.iter().copied().fold(f64::INFINITY, f64::min);
            let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(min <= a && a <= b + 1e-9 && b <= max);
        }
    }
}
