//! Student's t distribution with a whole number of degrees of freedom, by its finite series
//! (Abramowitz and Stegun, Handbook of Mathematical Functions, 1964, 26.7.3 and 26.7.4).

// Below this the series, a difference from 1, has no digits left.
const SMALLEST: f64 = 1e-14;

/// Probability that the magnitude of t is `t` or more; at least 1e-14, below which this arithmetic
/// tells nothing apart. `degrees` is at least 1.
pub fn two_sided(t: f64, degrees: usize) -> f64 {
    let angle = (t.abs() / (degrees as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    // Factors 1/2, 3/4, 5/6, ... of an even number, 2/3, 4/5, 6/7, ... of an odd one.
    let odd = degrees % 2 == 1;
    let mut term = if odd { cosine } else { 1.0 };
    let mut sum = if degrees == 1 { 0.0 } else { term };
    for step in (if odd { 3 } else { 2 }..degrees).step_by(2) {
        let step = step as f64;
        term *= cosine * cosine * (step - 1.0) / step;
        sum += term;
    }
    let inside = if odd {
        std::f64::consts::FRAC_2_PI * (angle + sine * sum)
    } else {
        sine * sum
    };
    (1.0 - inside).clamp(SMALLEST, 1.0)
}

/// The magnitude that t reaches or exceeds with probability `p`, by bisection; `p` above 1e-13 and below 1.
///
/// ```
/// assert!((reports::stats::student::quantile(0.05, 9) - 2.262).abs() < 1e-3);
/// ```
pub fn quantile(p: f64, degrees: usize) -> f64 {
    let p = p.clamp(10.0 * SMALLEST, 1.0);
    let mut high = 1.0;
    while two_sided(high, degrees) > p && high < 1e30 {
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if two_sided(middle, degrees) > p {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantiles_as_scipy_has_them() {
        // scipy 1.17.1: scipy.stats.t.ppf(1 - p / 2, degrees).
        for (degrees, p, expected) in [
            (1, 0.05, 12.70620474),
            (1, 0.01, 63.65674116),
            (1, 0.00129, 493.5030241),
            (1, 1e-6, 636619.7724),
            (2, 0.05, 4.30265273),
            (2, 0.01, 9.924843201),
            (2, 0.00129, 27.81535765),
            (2, 1e-6, 999.99925),
            (3, 0.05, 3.182446305),
            (3, 0.01, 5.84090931),
            (3, 0.00129, 11.85650111),
            (3, 1e-6, 130.1545896),
            (4, 0.05, 2.776445105),
            (4, 0.01, 4.604094871),
            (4, 0.00129, 8.054724095),
            (4, 1e-6, 49.45863676),
            (5, 0.05, 2.570581836),
            (5, 0.01, 4.032142984),
            (5, 0.00129, 6.496285433),
            (5, 1e-6, 28.47847346),
            (7, 0.05, 2.364624252),
            (7, 0.01, 3.499483297),
            (7, 0.00129, 5.173567973),
            (7, 1e-6, 15.76700944),
            (9, 0.05, 2.262157163),
            (9, 0.01, 3.249835542),
            (9, 0.00129, 4.600285513),
            (9, 1e-6, 11.63678203),
            (12, 0.05, 2.17881283),
            (12, 0.01, 3.054539589),
            (12, 0.00129, 4.174094365),
            (12, 1e-6, 9.084692934),
            (30, 0.05, 2.042272456),
            (30, 0.01, 2.749995654),
            (30, 0.00129, 3.550827385),
            (30, 1e-6, 6.11907562),
            (63, 0.05, 1.998340543),
            (63, 0.01, 2.656145025),
            (63, 0.00129, 3.369372721),
            (63, 1e-6, 5.420029671),
        ] {
            let found = quantile(p, degrees);
            assert!(
                (found / expected - 1.0).abs() < 1e-6,
                "{degrees} {p}: {found}"
            );
        }
    }

    #[test]
    fn tails_as_scipy_has_them() {
        // scipy 1.17.1: 2 * scipy.stats.t.sf(t, degrees).
        for (degrees, t, expected) in [
            (1, 0.5, 0.7048327647),
            (1, 2.5, 0.2422378832),
            (1, 12.0, 0.05292935212),
            (2, 0.5, 0.6666666667),
            (2, 2.5, 0.1296117202),
            (2, 12.0, 0.006872933677),
            (3, 0.5, 0.6514479648),
            (3, 2.5, 0.08770664701),
            (3, 12.0, 0.001245015801),
            (4, 0.5, 0.6433299632),
            (4, 2.5, 0.06676654481),
            (4, 12.0, 0.0002764285485),
            (5, 0.5, 0.6382988716),
            (5, 2.5, 0.05449009934),
            (5, 12.0, 7.089492517e-05),
            (7, 0.5, 0.6324071357),
            (7, 2.5, 0.04099221859),
            (7, 12.0, 6.358310378e-06),
            (9, 0.5, 0.6290712998),
            (9, 2.5, 0.03386182768),
            (9, 12.0, 7.699886223e-07),
            (12, 0.5, 0.6261174762),
            (12, 2.5, 0.02791539957),
            (12, 12.0, 4.835928487e-08),
            (30, 0.5, 0.6207230049),
            (30, 2.5, 0.01811564907),
            (63, 0.5, 0.6188170899),
            (63, 2.5, 0.01503520431),
        ] {
            let found = two_sided(t, degrees);
            assert!(
                (found / expected - 1.0).abs() < 1e-6,
                "{degrees} {t}: {found}"
            );
        }
    }

    #[test]
    fn what_the_arithmetic_cannot_tell_apart_is_cut_off() {
        assert_eq!(two_sided(1e9, 9), SMALLEST);
        assert_eq!(two_sided(0.0, 9), 1.0);
        assert!(quantile(0.0, 9).is_finite());
    }

    proptest! {
        #[test]
        fn the_quantile_inverts_the_tail(degrees in 1usize..64, p in 1e-6..0.9f64) {
            prop_assert!((two_sided(quantile(p, degrees), degrees) / p - 1.0).abs() < 1e-6);
        }

        #[test]
        fn tails_shrink_with_t_and_with_degrees(degrees in 1usize..63, t in 1.0..8.0f64) {
            prop_assert!(two_sided(t + 0.1, degrees) < two_sided(t, degrees) + 1e-15);
            prop_assert!(two_sided(t, degrees + 1) < two_sided(t, degrees) + 1e-15);
        }
    }
}
