//! Two workers against one on short inputs, which may not be slower: `cargo bench -p engines --bench
//! short`. Prints one worker's time and how many times as fast two are.

mod common;

use std::hint::black_box;

use common::compare;
use engines::{Engine, Parallel, Pipeline, Records, collect, fold, group, iter};

fn main() {
    let one = Parallel::default().workers(1);
    let two = Parallel::default().workers(2);
    let keyed = Pipeline::records().keyed(|line| {
        let split = line.iter().position(|&byte| byte == b';')?;
        let value: f64 = std::str::from_utf8(&line[split + 1..]).ok()?.parse().ok()?;
        Some((&line[..split], value))
    });
    let folder = std::env::temp_dir().join(format!("engines-short-{}", std::process::id()));
    for kib in [1, 4, 16, 64, 256, 1024, 8192] {
        let mut text = Vec::new();
        for i in 0.. {
            if text.len() >= kib << 10 {
                break;
            }
            text.extend(format!("station{};{}.5\n", i % 200, i % 60).into_bytes());
        }
        std::fs::write(&folder, &text).unwrap();
        let run = |engine: &Parallel, records: Records<'_>| {
            let most = group(
                || f64::MIN,
                |a: &mut f64, b| *a = a.max(b),
                |a, b| *a = a.max(b),
            );
            black_box(engine.run(records, &keyed, most).unwrap());
        };
        let rounds = (200_000 / (kib + 100)).clamp(21, 1001);
        for (kind, source) in [
            ("text", &(|| Records::text(&text)) as &dyn Fn() -> _),
            ("file", &|| Records::file(&folder)),
            ("reader", &|| Records::reader(&text[..])),
        ] {
            compare(
                &format!("{kind} of {kib} KiB"),
                rounds,
                &mut [
                    ("one", Box::new(|| run(&one, source()))),
                    ("two", Box::new(|| run(&two, source()))),
                ],
            );
        }
    }
    std::fs::remove_file(&folder).unwrap();
    let root = Pipeline::new().map(|x: u64| (x as f64).sqrt());
    for n in [10, 100, 1_000, 10_000, 100_000, 1_000_000] {
        let rounds = (2_000_000 / (n + 1000)).clamp(21, 1001) as usize;
        let count = |engine: &Parallel| {
            let count = fold(|| 0.0, |a: &mut f64, b: f64| *a += b, |a, b| *a += b);
            black_box(engine.run(iter(0..n), &root, count).unwrap());
        };
        let gather = |engine: &Parallel| {
            black_box(engine.run(iter(0..n), &root, collect()).unwrap());
        };
        compare(
            &format!("fold an iterator of {n}"),
            rounds,
            &mut [
                ("one", Box::new(|| count(&one))),
                ("two", Box::new(|| count(&two))),
            ],
        );
        compare(
            &format!("collect an iterator of {n}"),
            rounds,
            &mut [
                ("one", Box::new(|| gather(&one))),
                ("two", Box::new(|| gather(&two))),
            ],
        );
    }
}
