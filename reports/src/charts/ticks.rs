//! Round places for the ticks of an axis.

/// Ticks of a logarithmic axis between two positive bounds: powers of two while they are few, then of
/// four, then of ten.
pub(crate) fn ratios(low: f64, high: f64) -> Vec<f64> {
    let octaves = (high / low).log2();
    let base: f64 = match octaves {
        o if o <= 7.0 => 2.0,
        o if o <= 13.0 => 4.0,
        _ => 10.0,
    };
    let first = low.log(base).ceil() as i32;
    let last = high.log(base).floor() as i32;
    (first..=last).map(|power| base.powi(power)).collect()
}

/// Up to about six ticks for values between two positive bounds: evenly spaced within a narrow range,
/// at 1, 2 and 5 times powers of ten within a wide one.
pub(crate) fn values(low: f64, high: f64) -> Vec<f64> {
    if high / low <= 6.0 {
        let step = round_up((high - low) / 5.0);
        let first = (low / step).ceil() as i64;
        let last = (high / step).floor() as i64;
        return (first..=last.min(first + 20))
            .map(|i| i as f64 * step)
            .collect();
    }
    let first = low.log10().floor() as i32;
    let last = high.log10().ceil() as i32;
    let steps: &[f64] = if last - first > 4 {
        &[1.0]
    } else {
        &[1.0, 2.0, 5.0]
    };
    (first..=last)
        .flat_map(|power| steps.iter().map(move |step| step * 10f64.powi(power)))
        .filter(|tick| *tick >= low && *tick <= high)
        .collect()
}

fn round_up(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let within = step / power;
    power
        * [1.0, 2.0, 2.5, 5.0]
            .into_iter()
            .find(|s| *s >= within)
            .unwrap_or(10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ratios(0.4, 9.0), [0.5, 1.0, 2.0, 4.0, 8.0]);
        assert_eq!(ratios(0.5, 3000.0), [1.0, 4.0, 16.0, 64.0, 256.0, 1024.0]);
        assert_eq!(ratios(0.5, 30000.0), [1.0, 10.0, 100.0, 1000.0, 10000.0]);
        assert_eq!(values(9.7, 10.8), [9.75, 10.0, 10.25, 10.5, 10.75]);
        assert_eq!(values(1.5, 30.0), [2.0, 5.0, 10.0, 20.0]);
    }
}
