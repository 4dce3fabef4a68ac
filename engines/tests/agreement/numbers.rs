//! Slices, windows and iterators of numbers.

use engines::{Engine, Pipeline, SPAN, Windows, batches, collect, fill, fold, group, iter, sum};
use proptest::prelude::*;

use crate::{bits, cases, every};

/// The stages under test, as plain functions.
fn affine(x: f64) -> f64 {
    x * 2.0 + 1.0
}

fn chosen(x: &f64) -> bool {
    !x.to_bits().is_multiple_of(3)
}

fn twice(x: f64) -> impl Iterator<Item = f64> {
    [x, -x].into_iter().take((x.to_bits() % 4) as usize)
}

/// The sum as it is specified: 32 lanes take the results in turn, and are added up after each span.
fn lanes(spans: impl Iterator<Item = Vec<f64>>) -> f64 {
    let mut total = 0.0;
    for span in spans {
        let mut lanes = [0.0; 32];
        for (i, x) in span.into_iter().enumerate() {
            lanes[i % 32] += x;
        }
        total += lanes.iter().sum::<f64>();
    }
    total
}

fn same(engine: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{engine}");
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert_eq!(bits(*f), bits(*e), "{engine}: item {i} is {f}, not {e}");
    }
}

fn one_to_one<E: Engine>(engine: &E, data: &[f64]) {
    let name = engine.name();
    let expected: Vec<f64> = data.iter().map(|x| affine(*x)).collect();
    let total = lanes(
        data.chunks(SPAN)
            .map(|s| s.iter().map(|x| affine(*x)).collect()),
    );
    let pipeline = Pipeline::new().map(affine);

    same(
        name,
        &engine.run(data, &pipeline, collect()).unwrap(),
        &expected,
    );
    let found = engine
        .run(iter(data.iter().copied()), &pipeline, collect())
        .unwrap();
    same(name, &found, &expected);

    let found = engine.run(data, &pipeline, sum()).unwrap();
    assert_eq!(bits(found), bits(total), "{name}: {found}, not {total}");
    let found = engine.run(iter(data.to_vec()), &pipeline, sum()).unwrap();
    assert_eq!(bits(found), bits(total), "{name}: {found}, not {total}");

    // One slot more than needed, which must stay as it is.
    let mut out = vec![0.5; data.len() + 1];
    engine.run(data, &pipeline, fill(&mut out)).unwrap();
    assert_eq!(out.pop(), Some(0.5), "{name}");
    same(name, &out, &expected);

    let mut seen = Vec::new();
    let sink = batches(|batch: &[f64]| seen.extend_from_slice(batch));
    engine.run(data, &pipeline, sink).unwrap();
    same(name, &seen, &expected);
    seen.clear();
    let sink = batches(|batch: &[f64]| seen.extend_from_slice(batch));
    engine
        .run(iter(data.iter().copied()), &pipeline, sink)
        .unwrap();
    same(name, &seen, &expected);

    let hash = |h: &mut u64, x: f64| *h = h.wrapping_add(bits(x).wrapping_mul(31));
    let sink = || fold(|| 0, hash, |h: &mut u64, g: u64| *h = h.wrapping_add(g));
    let mut folded = 0;
    expected.iter().for_each(|x| hash(&mut folded, *x));
    assert_eq!(
        engine.run(data, &pipeline, sink()).unwrap(),
        folded,
        "{name}"
    );
    let found = engine
        .run(iter(data.iter().copied()), &pipeline, sink())
        .unwrap();
    assert_eq!(found, folded, "{name}");
}

fn any_to_any<E: Engine>(engine: &E, data: &[f64]) {
    let name = engine.name();
    let run = |span: &[f64]| -> Vec<f64> {
        span.iter()
            .map(|x| affine(*x))
            .filter(chosen)
            .flat_map(twice)
            .collect()
    };
    let expected = run(data);
    let total = lanes(data.chunks(SPAN).map(run));
    let pipeline = Pipeline::new().map(affine).filter(chosen).flat_map(twice);

    same(
        name,
        &engine.run(data, &pipeline, collect()).unwrap(),
        &expected,
    );
    let found = engine
        .run(iter(data.iter().copied()), &pipeline, collect())
        .unwrap();
    same(name, &found, &expected);

    let found = engine.run(data, &pipeline, sum()).unwrap();
    assert_eq!(bits(found), bits(total), "{name}: {found}, not {total}");
    let found = engine
        .run(iter(data.iter().copied()), &pipeline, sum())
        .unwrap();
    assert_eq!(bits(found), bits(total), "{name}: {found}, not {total}");

    let mut seen = Vec::new();
    let sink = batches(|batch: &[f64]| {
        assert!(!batch.is_empty());
        seen.extend_from_slice(batch);
    });
    engine.run(data, &pipeline, sink).unwrap();
    same(name, &seen, &expected);

    let keyed = Pipeline::new()
        .map(affine)
        .filter(chosen)
        .keyed_with(|x: f64, key| {
            key.extend((bits(x) % 7).to_string().bytes());
            (!bits(x).is_multiple_of(5)).then_some(bits(x))
        });
    let sink = || {
        group(
            || 0,
            |n: &mut u64, x: u64| *n ^= x,
            |n: &mut u64, m| *n ^= m,
        )
    };
    let mut groups = std::collections::BTreeMap::<Vec<u8>, u64>::new();
    for x in data.iter().map(|x| affine(*x)).filter(chosen) {
        if !bits(x).is_multiple_of(5) {
            *groups
                .entry((bits(x) % 7).to_string().into_bytes())
                .or_default() ^= bits(x);
        }
    }
    let expected: Vec<_> = groups.iter().map(|(k, v)| (&k[..], v)).collect();
    let found = engine.run(data, &keyed, sink()).unwrap();
    assert_eq!(found.sorted(), expected, "{name}");
    let found = engine
        .run(iter(data.iter().copied()), &keyed, sink())
        .unwrap();
    assert_eq!(found.sorted(), expected, "{name}");
}

fn windows<E: Engine>(engine: &E, data: &[f64]) {
    let mean = Pipeline::new().map(|w: [f64; 5]| w.iter().sum::<f64>() / 5.0);
    let expected: Vec<f64> = data
        .windows(5)
        .map(|w| w.iter().sum::<f64>() / 5.0)
        .collect();
    let found = engine.run(Windows::over(data), &mean, collect()).unwrap();
    same(engine.name(), &found, &expected);
    let mut out = vec![0.0; expected.len()];
    engine
        .run(Windows::over(data), &mean, fill(&mut out))
        .unwrap();
    same(engine.name(), &out, &expected);
}

/// Items that own heap memory, and items without a size.
fn owned<E: Engine>(engine: &E, words: &[String]) {
    let name = engine.name();
    let shout = Pipeline::new().map(|word: String| word.to_uppercase());
    let found = engine
        .run(iter(words.iter().cloned()), &shout, collect())
        .unwrap();
    let expected: Vec<String> = words.iter().map(|word| word.to_uppercase()).collect();
    assert_eq!(found, expected, "{name}");

    let units = vec![(); words.len()];
    let found = engine
        .run(&units[..], &Pipeline::new(), collect::<()>())
        .unwrap();
    assert_eq!(found.len(), words.len(), "{name}");
}

fn check(data: &[f64]) {
    every!(one_to_one, data, [f64]);
    every!(any_to_any, data, [f64]);
    every!(windows, data, [f64]);
}

#[test]
fn lengths_around_batches_and_spans() {
    for length in [
        0,
        1,
        2,
        4,
        5,
        31,
        32,
        33,
        4096,
        SPAN - 1,
        SPAN,
        SPAN + 1,
        3 * SPAN - 7,
    ] {
        check(
            &(0..length)
                .map(|i| (i as f64).sin() * 1e3)
                .collect::<Vec<_>>(),
        );
    }
}

#[test]
fn special_numbers() {
    let special = [
        f64::NAN,
        f64::INFINITY,
        -0.0,
        0.0,
        f64::MIN_POSITIVE / 4.0,
        f64::MAX,
        1.0,
    ];
    check(&special);
    check(
        &special
            .iter()
            .cycle()
            .take(1000)
            .copied()
            .collect::<Vec<_>>(),
    );
    check(&[f64::NEG_INFINITY; 100]);
}

#[test]
fn words() {
    every!(owned, &[], [String]);
    every!(
        owned,
        &(0..5000).map(|i| format!("word {i}")).collect::<Vec<_>>(),
        [String]
    );
}

#[test]
#[should_panic(expected = "a window has at least one element")]
fn windows_of_nothing() {
    Windows::<f64, 0>::over(&[1.0]);
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_numbers(data in proptest::collection::vec(proptest::num::f64::ANY, 0..3000)) {
        check(&data);
    }
}
