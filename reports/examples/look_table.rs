//! Computes the table of `reports/src/stats/looks.rs`: which two-sided level at every look keeps the
//! whole sequence at alpha. Values are normally distributed; the signed-rank looks hold for any symmetric
//! distribution. `cargo run --release -p reports --example look_table -- 20000000 1` prints it, from
//! that many replicates and this seed.

use std::thread;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reports::stats::{LOOKS, TABLE, sequential};

/// Pieces of the work, whose number is part of the result: each has a stream of its own.
const STREAMS: u64 = 64;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let (Some(Ok(replicates)), Some(Ok(seed))) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: look_table REPLICATES SEED");
        std::process::exit(2);
    };
    let each = replicates.div_ceil(STREAMS);
    let lanes = thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let mut smallest: Vec<f64> = thread::scope(|scope| {
        let lane = |lane: u64| {
            let streams = (lane..STREAMS).step_by(lanes as usize);
            streams
                .flat_map(move |stream| replicate(each, seed, stream))
                .collect::<Vec<f64>>()
        };
        let lanes: Vec<_> = (0..lanes).map(|n| scope.spawn(move || lane(n))).collect();
        let done = lanes
            .into_iter()
            .map(|lane| lane.join().expect("no replicate panics"));
        done.flatten().collect()
    });
    smallest.sort_unstable_by(f64::total_cmp);
    let total = each * STREAMS;
    println!("{total} replicates, seed {seed}: alpha, c, its standard error in percent");
    for (alpha, _) in TABLE {
        let rank = (alpha * total as f64) as usize;
        // The standard error of a quantile, from the ranks one standard error to either side.
        let error = (alpha * (1.0 - alpha) * total as f64).sqrt();
        let at = |rank: f64| smallest[(rank as usize).min(smallest.len() - 1)];
        let (low, high) = (at(rank as f64 - error), at(rank as f64 + error));
        // The p-values of signed ranks are discrete: of one that occurs beyond the level too, the one before.
        let within = smallest[..rank].iter().rev();
        let c = within.copied().find(|p| *p < smallest[rank]).unwrap_or(0.0);
        // Cut off after five digits, never rounded up: an atom may lie right above.
        let digit = 10f64.powi(c.log10().floor() as i32 - 4);
        let c = (c / digit).floor() * digit;
        println!("({alpha}, {c:.4e}), // {:.2}", 50.0 * (high - low) / c);
    }
}

/// The smallest p-value over all looks of each of `each` sequences.
fn replicate(each: u64, seed: u64, stream: u64) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream);
    let mut values = [0.0; LOOKS[LOOKS.len() - 1]];
    let once = |_| {
        for pair in values.chunks_mut(2) {
            // Box and Muller (1958); 1 - u, so that no logarithm is taken of zero.
            let (u, v): (f64, f64) = (random.random(), random.random());
            let (radius, angle) = ((-2.0 * (1.0 - u).ln()).sqrt(), std::f64::consts::TAU * v);
            pair.copy_from_slice(&[radius * angle.cos(), radius * angle.sin()][..pair.len()]);
        }
        sequential(&values, 0.0).nominal_p
    };
    (0..each).map(once).collect()
}
