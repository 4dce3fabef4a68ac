//! Two workers against one where items differ in cost, and where results are collected:
//! `cargo bench -p engines --bench skew`. Prints one worker's time and how many times as fast two
//! workers and rayon's parallel iterators on two threads are.

mod common;

use std::hint::black_box;

use common::compare;
use engines::{Engine, Parallel, Pipeline, collect, fold, sum};
use rayon::prelude::*;

/// Work of about `units` times 20 ns.
#[inline(never)]
fn spin(units: u32) -> u64 {
    let mut state = u64::from(units);
    for _ in 0..units * 10 {
        state = (state ^ (state >> 29))
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
    }
    state
}

/// Where the dear items are.
fn layouts(n: usize) -> Vec<(&'static str, Vec<u32>)> {
    let dear = n / 10;
    let costs = |is_dear: &dyn Fn(usize) -> bool| {
        (0..n).map(|i| if is_dear(i) { 100 } else { 1 }).collect()
    };
    // One in ten by a fixed scramble of the position.
    let random = |i: usize| (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32 < (1 << 32) / 10;
    let giant = |at: usize| {
        let mut costs = vec![1; n];
        costs[at] = n as u32 / 2;
        costs
    };
    vec![
        ("alike", costs(&|_| false)),
        ("scattered", costs(&random)),
        ("at the start", costs(&|i| i < dear)),
        ("in the middle", costs(&|i| i / dear == 5)),
        ("at the end", costs(&|i| i >= n - dear)),
        ("one giant first", giant(0)),
        ("one giant in the middle", giant(n / 2)),
    ]
}

fn main() {
    let one = Parallel::default().workers(1);
    let two = Parallel::default().workers(2);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .unwrap();
    let work = Pipeline::new().map(spin);
    for n in [2_000, 20_000, 200_000] {
        let rounds = if n > 100_000 { 15 } else { 51 };
        for (name, costs) in layouts(n) {
            let run = |engine: &Parallel| {
                let xor = fold(|| 0, |a: &mut u64, b: u64| *a ^= b, |a, b| *a ^= b);
                black_box(engine.run(&costs[..], &work, xor).unwrap());
            };
            compare(
                &format!("fold {n} {name}"),
                rounds,
                &mut [
                    ("one", Box::new(|| run(&one))),
                    ("two", Box::new(|| run(&two))),
                    (
                        "rayon",
                        Box::new(|| {
                            let xor = || {
                                costs
                                    .par_iter()
                                    .map(|c| spin(*c))
                                    .reduce(|| 0, |a, b| a ^ b)
                            };
                            black_box(pool.install(xor));
                        }),
                    ),
                ],
            );
            let run = |engine: &Parallel| {
                black_box(engine.run(&costs[..], &work, collect()).unwrap());
            };
            compare(
                &format!("collect {n} {name}"),
                rounds,
                &mut [
                    ("one", Box::new(|| run(&one))),
                    ("two", Box::new(|| run(&two))),
                    (
                        "rayon",
                        Box::new(|| {
                            let all = || costs.par_iter().map(|c| spin(*c)).collect::<Vec<_>>();
                            black_box(pool.install(all));
                        }),
                    ),
                ],
            );
        }
    }
    let polynomial = |x: f64| ((x * 0.5 + 1.0) * x.abs().sqrt() - 3.0) * x + 0.25;
    let cheap = Pipeline::new().map(polynomial);
    for n in [30_000, 300_000, 3_000_000, 20_000_000] {
        let data: Vec<f64> = (0..n).map(|i| f64::from(i) * 0.001).collect();
        let rounds = if n > 1_000_000 { 11 } else { 101 };
        let collected = |engine: &Parallel| {
            black_box(engine.run(&data[..], &cheap, collect()).unwrap());
        };
        compare(
            &format!("collect a polynomial of {n}"),
            rounds,
            &mut [
                ("one", Box::new(|| collected(&one))),
                ("two", Box::new(|| collected(&two))),
                (
                    "rayon",
                    Box::new(|| {
                        let all = || data.par_iter().map(|x| polynomial(*x)).collect::<Vec<_>>();
                        black_box(pool.install(all));
                    }),
                ),
            ],
        );
        let summed = |engine: &Parallel| {
            black_box(engine.run(&data[..], &cheap, sum()).unwrap());
        };
        compare(
            &format!("sum a polynomial of {n}"),
            rounds,
            &mut [
                ("one", Box::new(|| summed(&one))),
                ("two", Box::new(|| summed(&two))),
                (
                    "rayon",
                    Box::new(|| {
                        let total = || data.par_iter().map(|x| polynomial(*x)).sum::<f64>();
                        black_box(pool.install(total));
                    }),
                ),
            ],
        );
    }
}
