//! What verdicts are worth on a machine whose truth is known: how often they are wrong where a claim is
//! exactly true, how often intervals hold the truth, how soon a difference of 3 % or 5 % is seen. The
//! machine is simulated from fixed seeds with every disturbance that real ones have: noise, spikes, drift,
//! neighbours, and a layout of each process that favours or hinders it for a whole block (`reports::selftest`).

use reports::selftest::machine::{Machine, Process};
use reports::stats::{LOOKS, estimate, holm, nominal, sequential};

const MOST: usize = LOOKS[LOOKS.len() - 1];

/// The value of a block whose heavier one takes e^`ratio` times as long as the other.
fn block(machine: &mut Machine, ratio: f64) -> f64 {
    let mut process = |work: f64| Process {
        level: work + machine.normal(0.015),
        ..Process::default()
    };
    let (heavier, lighter) = (process(ratio), process(0.0));
    machine.block(heavier, lighter)
}

/// Blocks until a look tells the ratio from `null` at `alpha`, at most [`MOST`]; and whether one did.
fn until_decided(machine: &mut Machine, ratio: f64, null: f64, alpha: f64) -> (Vec<f64>, bool) {
    let mut values = Vec::new();
    for look in LOOKS {
        while values.len() < look {
            values.push(block(machine, ratio));
        }
        if sequential(&values, null).p <= alpha {
            return (values, true);
        }
    }
    (values, false)
}

/// Whether `count` of `n` is what a probability of at most `p` gives, but for one seed in a thousand or so.
fn at_most(count: usize, n: usize, p: f64) -> bool {
    let n = n as f64;
    count as f64 <= n * p + 3.1 * (n * p * (1.0 - p)).sqrt() + 0.5
}

fn at_least(count: usize, n: usize, p: f64) -> bool {
    at_most(n - count, n, 1.0 - p)
}

#[test]
fn a_claim_that_is_exactly_true_is_seldom_decided() {
    for (alpha, seed) in [(0.01, 1), (0.05, 2)] {
        let mut machine = Machine::new(seed);
        let n = 4000;
        let wrong = (0..n)
            .filter(|_| until_decided(&mut machine, 2.19_f64.ln(), 2.19_f64.ln(), alpha).1)
            .count();
        assert!(at_most(wrong, n, alpha), "{wrong} of {n} at {alpha}");
        // Nor is the method so timid that it would be of no use.
        assert!(
            wrong * 4 > (n as f64 * alpha) as usize,
            "{wrong} of {n} at {alpha}"
        );
    }
}

#[test]
fn intervals_hold_the_truth_although_blocks_stop_at_a_decision() {
    let mut machine = Machine::new(3);
    let (n, level) = (3000, 0.95);
    let mut held = 0;
    for i in 0..n {
        // Truths from the claim itself to 4 % above it.
        let truth = 0.01 * (i % 5) as f64;
        let (values, _) = until_decided(&mut machine, truth, 0.0, 1.0 - level);
        let interval = estimate(&values, level).unwrap().interval.unwrap();
        held += usize::from(interval.low <= truth && truth <= interval.high);
    }
    assert!(at_least(held, n, level), "{held} of {n}");
}

#[test]
fn differences_of_3_and_5_percent_are_seen_and_soon() {
    for (percent, share, blocks) in [(3.0, 0.95, 32), (5.0, 0.99, 16)] {
        let mut machine = Machine::new(4);
        let n = 500;
        let ratio = (1.0_f64 + percent / 100.0).ln();
        let runs: Vec<_> = (0..n)
            .map(|_| until_decided(&mut machine, ratio, 0.0, 0.01))
            .collect();
        let seen = runs.iter().filter(|(_, decided)| *decided).count();
        assert!(at_least(seen, n, share), "{percent} %: {seen} of {n}");
        let mut taken: Vec<usize> = runs.iter().map(|(values, _)| values.len()).collect();
        taken.sort_unstable();
        assert!(
            taken[n / 2] <= blocks,
            "{percent} %: median of {} blocks",
            taken[n / 2]
        );
    }
}

#[test]
fn the_table_of_looks_keeps_its_levels() {
    let mut machine = Machine::new(5);
    let n = 20_000;
    let mut smallest = Vec::new();
    for _ in 0..n {
        let values: Vec<f64> = (0..MOST).map(|_| machine.normal(0.02)).collect();
        smallest.push(sequential(&values, 0.0).nominal_p);
    }
    for alpha in [0.1, 0.05, 0.01, 0.005] {
        let wrong = smallest.iter().filter(|p| **p <= nominal(alpha)).count();
        assert!(at_most(wrong, n, alpha), "{wrong} of {n} at {alpha}");
        // The table wastes nothing either: a tenth above it the level is reached.
        assert!(
            at_least(wrong, n, 0.85 * alpha),
            "{wrong} of {n} at {alpha}"
        );
    }
}

#[test]
fn a_family_has_no_wrong_verdict_in_99_of_100_runs() {
    // Twenty comparisons, half of them exactly at one of their three claims, the others clearly off.
    let mut machine = Machine::new(6);
    let (n, level) = (1000, 0.99);
    let claims = [0.0, 0.1, 0.3];
    let (mut runs_with_error, mut missed) = (0, 0);
    for _ in 0..n {
        let mut tests = Vec::new();
        let mut looks = Vec::new();
        for comparison in 0..20 {
            let truth = if comparison < 10 { 0.1 } else { 0.2 };
            let values: Vec<f64> = (0..32).map(|_| truth + machine.normal(0.025)).collect();
            for claim in claims {
                let found = sequential(&values, claim);
                tests.push((comparison, found.p));
                looks.push((truth, claim, found.above));
            }
        }
        let decided = holm(&tests).into_iter().map(|p| p <= 1.0 - level);
        let mut wrong = false;
        for ((truth, claim, above), decided) in looks.into_iter().zip(decided) {
            let exactly = truth == claim;
            wrong |= decided && (exactly || above != (truth > claim));
            missed += usize::from(!decided && !exactly);
        }
        runs_with_error += usize::from(wrong);
    }
    assert!(
        at_most(runs_with_error, n, 1.0 - level),
        "{runs_with_error} of {n}"
    );
    assert_eq!(
        missed, 0,
        "four deviations in 32 blocks are not to be missed"
    );
}
