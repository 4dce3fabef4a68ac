//! Contenders timed in turn, round by round, and compared within each round: what slows the machine
//! down for a moment slows all of them.

use std::time::Instant;

/// Something to be timed.
pub(crate) type Contender<'c> = (&'c str, Box<dyn FnMut() + 'c>);

/// Times all contenders in `rounds` rounds, after one that does not count, and prints the median time
/// of the first and how many times as fast each of the others is: lower quartile, median, upper quartile.
pub(crate) fn compare(case: &str, rounds: usize, contenders: &mut [Contender<'_>]) {
    let mut times = vec![Vec::new(); contenders.len()];
    for round in 0..=rounds {
        for i in 0..contenders.len() {
            // Each goes first in turn.
            let i = (i + round) % contenders.len();
            let clock = Instant::now();
            (contenders[i].1)();
            let taken = clock.elapsed().as_secs_f64();
            if round > 0 {
                times[i].push((round, taken));
            }
        }
    }
    let seconds = |i: usize| times[i].iter().map(|(_, taken)| *taken).collect::<Vec<_>>();
    let first = seconds(0);
    print!(
        "{case:<34} {} {:>9.1} us",
        contenders[0].0,
        quartiles(first.clone())[1] * 1e6
    );
    for (i, (name, _)) in contenders.iter().enumerate().skip(1) {
        let ratios = first.iter().zip(seconds(i)).map(|(one, other)| one / other);
        let [low, middle, high] = quartiles(ratios.collect());
        print!("   {name} {low:.2} {middle:.2} {high:.2}");
    }
    println!();
}

fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}
