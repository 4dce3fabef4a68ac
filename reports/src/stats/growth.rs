//! How a quantity grows with another: the exponent of a power law, and the universal scalability law.

/// The slope of the straight line through (ln x, ln y) by least squares: the exponent k of y = c x^k.
/// `None` with fewer than two different x, or where a value is not above zero.
///
/// ```
/// let squares = [(1.0, 3.0), (2.0, 12.0), (4.0, 48.0)];
/// assert!((reports::stats::power(&squares).unwrap() - 2.0).abs() < 1e-12);
/// ```
pub fn power(points: &[(f64, f64)]) -> Option<f64> {
    if points.iter().any(|(x, y)| !(*x > 0.0 && *y > 0.0)) {
        return None;
    }
    let n = points.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(&|p| p.0.ln()), mean(&|p| p.1.ln()));
    let spread: f64 = points.iter().map(|p| (p.0.ln() - x).powi(2)).sum();
    let both: f64 = points.iter().map(|p| (p.0.ln() - x) * (p.1.ln() - y)).sum();
    (spread > 0.0).then(|| both / spread)
}

/// The universal scalability law: throughput X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1)).
/// With kappa = 0 it is Amdahl's law. (N. J. Gunther, Guerrilla Capacity Planning, 2007, chapter 4.)
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scalability {
    /// Throughput of one.
    pub lambda: f64,
    /// The share that is not done side by side, or contention.
    pub sigma: f64,
    /// What each pair costs, or coherency.
    pub kappa: f64,
}

/// The universal scalability law through points of (N, throughput), by least squares of the relative error
/// of N / X = (1 + sigma (N - 1) + kappa N (N - 1)) / lambda with neither sigma nor kappa below zero.
/// `None` with fewer than four different N, which do not identify three numbers and their error.
pub fn scalability(points: &[(f64, f64)]) -> Option<Scalability> {
    let mut levels: Vec<f64> = points.iter().map(|p| p.0).collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let sound = |(n, x): &(f64, f64)| *n >= 1.0 && *x > 0.0 && x.is_finite();
    if levels.len() < 4 || !points.iter().all(sound) {
        return None;
    }
    // Each row is divided by its N / X: noise of a throughput is a share of it.
    let rows: Vec<[f64; 3]> = points
        .iter()
        .map(|(n, x)| [1.0, n - 1.0, n * (n - 1.0)].map(|term| term * x / n))
        .collect();
    // Of all sets of terms that may be left out, the best fit without a number below zero.
    let sets: [&[usize]; 4] = [&[0, 1, 2], &[0, 1], &[0, 2], &[0]];
    let fits = sets.iter().filter_map(|set| {
        let found = least_squares(&rows, set)?;
        let error: f64 = rows
            .iter()
            .map(|row| {
                let fitted: f64 = row.iter().zip(&found).map(|(a, b)| a * b).sum();
                (fitted - 1.0).powi(2)
            })
            .sum();
        (found.iter().all(|b| *b >= 0.0) && found[0] > 0.0).then_some((error, found))
    });
    let (_, [a, b, c]) = fits.min_by(|x, y| x.0.total_cmp(&y.0))?;
    Some(Scalability {
        lambda: 1.0 / a,
        sigma: b / a,
        kappa: c / a,
    })
}

/// The coefficients of the columns in `set` that come nearest to 1 in each row, by the normal equations with
/// columns scaled to length 1; the others are 0.
fn least_squares(rows: &[[f64; 3]], set: &[usize]) -> Option<[f64; 3]> {
    let length = |at: usize| rows.iter().map(|row| row[at] * row[at]).sum::<f64>().sqrt();
    let lengths: Vec<f64> = set.iter().map(|at| length(*at)).collect();
    if lengths.contains(&0.0) {
        return None;
    }
    let size = set.len();
    let column = |i: usize, row: &[f64; 3]| row[set[i]] / lengths[i];
    let mut system = vec![vec![0.0; size + 1]; size];
    for (i, equation) in system.iter_mut().enumerate() {
        for (j, entry) in equation.iter_mut().enumerate() {
            let other = |row: &[f64; 3]| if j < size { column(j, row) } else { 1.0 };
            *entry = rows.iter().map(|row| column(i, row) * other(row)).sum();
        }
    }
    for at in 0..size {
        let best =
            (at..size).max_by(|i, j| system[*i][at].abs().total_cmp(&system[*j][at].abs()))?;
        system.swap(at, best);
        let pivot = system[at].clone();
        if pivot[at].abs() < 1e-12 {
            return None;
        }
        for (i, equation) in system.iter_mut().enumerate() {
            if i != at {
                let factor = equation[at] / pivot[at];
                for (entry, of) in equation.iter_mut().zip(&pivot) {
                    *entry -= factor * of;
                }
            }
        }
    }
    let mut found = [0.0; 3];
    for (i, at) in set.iter().enumerate() {
        found[*at] = system[i][size] / system[i][i] / lengths[i];
    }
    Some(found)
}

/// Mean and interval of independent estimates, by Student's t; the interval is `None` for fewer than three.
pub fn mean_interval(values: &[f64], level: f64) -> Option<(f64, Option<(f64, f64)>)> {
    if values.is_empty() {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if values.len() < 3 {
        return Some((mean, None));
    }
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half = super::student::quantile(1.0 - level, values.len() - 1) * (variance / n).sqrt();
    Some((mean, Some((mean - half, mean + half))))
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn law(sigma: f64, kappa: f64, n: f64) -> f64 {
        1000.0 * n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0))
    }

    #[test]
    fn planted_numbers_are_found_again() {
        for (sigma, kappa) in [
            (0.0, 0.0),
            (0.1, 0.0),
            (0.02, 0.0004),
            (0.0, 0.01),
            (0.9, 0.1),
        ] {
            let points = [1.0, 2.0, 4.0, 8.0, 16.0, 64.0].map(|n| (n, law(sigma, kappa, n)));
            let found = scalability(&points).unwrap();
            assert!((found.lambda - 1000.0).abs() < 1e-6, "{found:?}");
            assert!((found.sigma - sigma).abs() < 1e-9, "{found:?}");
            assert!((found.kappa - kappa).abs() < 1e-9, "{found:?}");
        }
    }

    /// B. Schwartz, Practical Scalability Analysis with the Universal Scalability Law (2015): a benchmark on 1
    /// to 32 threads, which the book fits by non-linear least squares of the throughput itself.
    #[test]
    fn a_published_benchmark_has_its_published_curve() {
        let measured = [
            955.16, 1878.91, 2688.01, 3548.68, 4315.54, 5130.43, 5931.37, 6531.08, 7219.8, 7867.61,
            8278.71, 8646.7, 9047.84, 9426.55, 9645.37, 9897.24, 10097.6, 10240.5, 10532.39,
            10798.52, 11151.43, 11518.63, 11806.0, 12089.37, 12075.41, 12177.29, 12211.41,
            12158.93, 12155.27, 12118.04, 12140.4, 12074.39,
        ];
        let points: Vec<(f64, f64)> = (1..).map(f64::from).zip(measured).collect();
        let found = scalability(&points).unwrap();
        let book = Scalability {
            lambda: 995.6486,
            sigma: 0.026_715_91,
            kappa: 7.690_945e-4,
        };
        let at = |law: &Scalability, n: f64| {
            law.lambda * n / (1.0 + law.sigma * (n - 1.0) + law.kappa * n * (n - 1.0))
        };
        let mut errors = [0.0, 0.0];
        for (n, x) in points {
            let ratio = at(&found, n) / at(&book, n);
            assert!((ratio - 1.0).abs() < 0.04, "{n}: {ratio}, {found:?}");
            for (error, law) in errors.iter_mut().zip([&found, &book]) {
                *error += (x / at(law, n) - 1.0).powi(2);
            }
        }
        // Its own measure is the relative error, which it makes smaller than the book's fit does.
        assert!(errors[0] < errors[1], "{errors:?}");
        // Where the throughput is highest: at 35 threads by the book.
        let peak = |law: &Scalability| ((1.0 - law.sigma) / law.kappa).sqrt();
        assert!((peak(&found) - peak(&book)).abs() < 3.0, "{found:?}");
    }

    #[test]
    fn more_than_linear_is_no_negative_contention() {
        let points = [1.0, 2.0, 4.0, 8.0].map(|n: f64| (n, n.powf(1.2)));
        let found = scalability(&points).unwrap();
        assert_eq!((found.sigma, found.kappa), (0.0, 0.0));
    }

    #[test]
    fn three_levels_identify_nothing() {
        let points = [1.0, 2.0, 2.0, 3.0].map(|n| (n, law(0.1, 0.0, n)));
        assert_eq!(scalability(&points), None);
        assert_eq!(
            scalability(&[(1.0, 0.0), (2.0, 1.0), (3.0, 1.0), (4.0, 1.0)]),
            None
        );
        assert_eq!(power(&[(2.0, 1.0), (2.0, 3.0)]), None);
        assert_eq!(power(&[(1.0, 0.0), (2.0, 3.0)]), None);
        assert_eq!(power(&[]), None);
    }

    /// Normal noise by the sum of twelve uniform numbers.
    fn noise(random: &mut ChaCha8Rng, size: f64) -> f64 {
        let sum: f64 = (0..12).map(|_| random.random_range(0.0..1.0)).sum();
        size * (sum - 6.0)
    }

    /// How many of 400 intervals at 95 % hold the planted number, each from 8 blocks of 5 levels.
    fn covered(truth: f64, estimate: impl Fn(&mut ChaCha8Rng) -> f64) -> usize {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let holds = |_: &usize| {
            let blocks: Vec<f64> = (0..8).map(|_| estimate(&mut random)).collect();
            let (low, high) = mean_interval(&blocks, 0.95).unwrap().1.unwrap();
            low <= truth && truth <= high
        };
        (0..400).filter(holds).count()
    }

    #[test]
    fn intervals_hold_what_was_planted_as_often_as_they_say() {
        // 380 of 400 are expected; four standard deviations of that are 17.
        let levels = [1.0, 2.0, 4.0, 8.0, 16.0];
        let exponent = covered(1.1, |random| {
            let points = levels.map(|n: f64| (n, n.powf(1.1) * noise(random, 0.05).exp()));
            power(&points).unwrap()
        });
        assert!((363..=397).contains(&exponent), "{exponent}");
        let of = |random: &mut ChaCha8Rng| {
            let points = levels.map(|n| (n, law(0.2, 0.01, n) * noise(random, 0.01).exp()));
            scalability(&points).unwrap()
        };
        let sigma = covered(0.2, |random| of(random).sigma);
        let kappa = covered(0.01, |random| of(random).kappa);
        assert!((363..=397).contains(&sigma), "{sigma}");
        assert!((363..=397).contains(&kappa), "{kappa}");
    }

    #[test]
    fn an_interval_takes_three_estimates() {
        assert_eq!(mean_interval(&[], 0.9), None);
        assert_eq!(mean_interval(&[1.0, 3.0], 0.9), Some((2.0, None)));
        let (mean, interval) = mean_interval(&[1.0, 2.0, 3.0], 0.95).unwrap();
        let (low, high) = interval.unwrap();
        assert_eq!(mean, 2.0);
        // 2 plus or minus 4.302653 / sqrt 3.
        assert!((high - 4.484138).abs() < 1e-5 && (low + 0.484138).abs() < 1e-5);
    }
}
