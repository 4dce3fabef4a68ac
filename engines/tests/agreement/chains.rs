//! Stages beyond a closure for one item: those that fail, keep a state, gather items, or are known
//! only at run time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use engines::{
    Bytes, Counter, Divert, Engine, Error, Files, Owned, Pipeline, Records, Skip, Stage, Stop,
    batches, collect, count, group, iter, sum,
};
use proptest::prelude::*;

use crate::{cases, every};

/// Odd numbers fail.
fn half(n: u64) -> Result<u64, String> {
    n.is_multiple_of(2)
        .then_some(n / 2)
        .ok_or_else(|| format!("{n} is odd"))
}

fn halves(data: &[u64]) -> Vec<u64> {
    data.iter().filter_map(|n| half(*n).ok()).collect()
}

fn policies<E: Engine>(engine: &E, data: &[u64]) {
    let name = engine.name();
    let odd: Vec<u64> = data.iter().copied().filter(|n| n % 2 == 1).collect();

    let (all, failed) = (Counter::new(), Counter::new());
    let skipping = Pipeline::new().count(&all).try_map(half, Skip(&failed));
    let found = engine.run(data, &skipping, collect()).unwrap();
    assert_eq!(found, halves(data), "{name}");
    assert_eq!(
        (all.get(), failed.get()),
        (data.len() as u64, odd.len() as u64),
        "{name}"
    );

    let dead = Mutex::new(Vec::new());
    let diverting =
        Pipeline::new().try_map(half, Divert(|why: String| dead.lock().unwrap().push(why)));
    let found = engine
        .run(iter(data.to_vec()), &diverting, collect())
        .unwrap();
    assert_eq!(found, halves(data), "{name}");
    let mut dead = dead.into_inner().unwrap();
    let mut expected: Vec<String> = odd.iter().map(|n| format!("{n} is odd")).collect();
    dead.sort();
    expected.sort();
    assert_eq!(dead, expected, "{name}");

    let stopping = Pipeline::new().try_map(half, Stop);
    match engine.run(data, &stopping, collect()) {
        Ok(found) => {
            assert!(odd.is_empty(), "{name}");
            assert_eq!(found, halves(data), "{name}");
        }
        Err(Error::Stage(why)) => {
            let why = why.to_string();
            assert!(
                odd.iter().any(|n| why == format!("{n} is odd")),
                "{name}: {why}"
            );
            if matches!(
                name,
                "memory-optimized" | "cache-aware" | "streaming" | "async"
            ) {
                assert_eq!(why, format!("{} is odd", odd[0]), "{name}");
            }
        }
        Err(other) => panic!("{name}: {other}"),
    }
}

fn gathered<E: Engine>(engine: &E, data: &[u64]) {
    let name = engine.name();
    // Every batch is handed on, and none is longer than asked for.
    let batched = Pipeline::new().in_batches(
        7,
        || 0usize,
        |longest, items: &mut Vec<u64>, out: &mut Vec<(u64, usize)>| {
            assert!((1..=7).contains(&items.len()));
            *longest = items.len().max(*longest);
            out.extend(items.iter().map(|n| (n ^ 1, *longest)));
        },
    );
    let found = engine.run(data, &batched, collect()).unwrap();
    assert!(found.iter().all(|(_, longest)| *longest <= 7));
    let found: Vec<u64> = found.into_iter().map(|(n, _)| n).collect();
    let expected: Vec<u64> = data.iter().map(|n| n ^ 1).collect();
    assert_eq!(found, expected, "{name}");

    // More than one block of columns, and items that have no numbers.
    let columns = Pipeline::new().columns(
        |n: u64| (!n.is_multiple_of(5)).then_some([n as f64, 0.5]),
        |[numbers, halves], products: &mut Vec<f64>| {
            assert!((1..=1024).contains(&numbers.len()) && numbers.len() == halves.len());
            products.extend(numbers.iter().zip(halves).map(|(n, half)| n * half));
        },
    );
    let rows = data.iter().filter(|n| !n.is_multiple_of(5));
    let expected: Vec<f64> = rows.map(|n| *n as f64 * 0.5).collect();
    let found = engine.run(data, &columns, collect()).unwrap();
    assert_eq!(found, expected, "{name}");
    let found = engine.run(&data.to_vec(), &columns, count()).unwrap();
    assert_eq!(found, expected.len(), "{name}");
    let few = engine.run(&[4, 5, 6], &columns, count()).unwrap();
    assert_eq!(few, 2, "{name}");

    let plain = Pipeline::new()
        .filter(|n: &u64| !n.is_multiple_of(3))
        .map(|n| n as f64 * 0.1)
        .flat_map(|x| [x, x + 1.0]);
    let boxed = Pipeline::new()
        .filter(|n: &u64| !n.is_multiple_of(3))
        .boxed()
        .then(Pipeline::new().map(|n: u64| n as f64 * 0.1).boxed())
        .then(Pipeline::new().flat_map(|x: f64| [x, x + 1.0]))
        .boxed();
    assert_eq!(
        engine.run(data, &boxed, collect()).unwrap(),
        engine.run(data, &plain, collect()).unwrap(),
        "{name}"
    );
    // The same bits: gathering keeps items within their span.
    assert_eq!(
        engine.run(data, &boxed, sum()).unwrap().to_bits(),
        engine.run(data, &plain, sum()).unwrap().to_bits(),
        "{name}"
    );
    let failing = Pipeline::new().try_map(half, Stop).boxed();
    let failed = engine.run(data, &failing, collect());
    assert_eq!(failed.is_err(), data.iter().any(|n| n % 2 == 1), "{name}");
}

fn states<E: Engine>(engine: &E, data: &[u64]) {
    // Each worker counts by itself; together they have seen everything once.
    let seen = Counter::new();
    let numbered = Pipeline::new()
        .map_with(
            || 0u64,
            |n, item: u64| {
                *n += 1;
                (*n, item)
            },
        )
        .count(&seen);
    let found = engine.run(data, &numbered, collect()).unwrap();
    assert!(
        found.iter().map(|(_, item)| item).eq(data),
        "{}",
        engine.name()
    );
    let firsts = found.iter().filter(|(n, _)| *n == 1).count();
    assert!((usize::from(!data.is_empty())..=8).contains(&firsts) || data.is_empty());
    assert_eq!(seen.get(), data.len() as u64);
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn chains_agree(data in prop_oneof![
        proptest::collection::vec(0u64..1000, 0..300),
        proptest::collection::vec((0u64..500).prop_map(|n| 2 * n), 0..300),
        (0usize..200_000).prop_map(|n| (0..n as u64).map(|i| i * 2).collect()),
    ]) {
        every!(policies, &data, [u64]);
        every!(gathered, &data, [u64]);
        every!(states, &data, [u64]);
    }
}

fn first_byte() -> Pipeline<Bytes, impl Stage<Bytes, Out = engines::Keyed<u64>> + Sync> {
    Pipeline::records().try_keyed(
        |line| match line {
            [] => Err("an empty record"),
            _ => Ok((&line[..1], line.len() as u64)),
        },
        Stop,
    )
}

fn texts<E: Engine>(engine: &E, folder: &Path) {
    let name = engine.name();
    let add = || group(|| 0, |n: &mut u64, m| *n += m, |n, m| *n += m);
    for (good, text) in [(true, "ab\nb\nacc\n"), (false, "ab\n\nacc\n"), (true, "")] {
        let path = folder.join("text");
        std::fs::write(&path, text).unwrap();
        let sources = [
            Records::text(text.as_bytes()),
            Records::file(&path),
            Records::reader(text.as_bytes()),
        ];
        for source in sources {
            match engine.run(source, &first_byte(), add()) {
                Ok(groups) => {
                    assert!(good, "{name}");
                    let mut expected: BTreeMap<&[u8], u64> = BTreeMap::new();
                    for line in text.lines() {
                        *expected.entry(&line.as_bytes()[..1]).or_default() += line.len() as u64;
                    }
                    let expected: Vec<_> = expected.iter().map(|(key, n)| (*key, n)).collect();
                    assert_eq!(groups.sorted(), expected, "{name}");
                }
                Err(Error::Stage(why)) => {
                    assert!(!good, "{name}");
                    assert_eq!(why.to_string(), "an empty record", "{name}");
                }
                Err(other) => panic!("{name}: {other}"),
            }
        }
        let stop = Pipeline::responses().bodies().try_map(
            |body| {
                if body.is_empty() {
                    Err("an empty file")
                } else {
                    Ok(body.len())
                }
            },
            Stop,
        );
        let lengths = engine.run(Files::at(&[path.clone(), path]), &stop, collect());
        match lengths {
            Ok(lengths) => assert_eq!(lengths, [text.len(); 2], "{name}"),
            Err(Error::Stage(_)) => assert_eq!(text, "", "{name}"),
            Err(other) => panic!("{name}: {other}"),
        }
    }
}

#[test]
fn a_stage_that_stops_ends_a_run_over_any_text() {
    let folder = tempfile::tempdir().unwrap();
    every!(texts, folder.path(), Path);
}

#[test]
fn what_is_gathered_is_handed_on_while_input_is_still_to_come() {
    // A consumer sees the results of the first record before the second is written.
    let (reader, writer) = std::io::pipe().unwrap();
    let writer = Mutex::new(Some(writer));
    let send = |text: &[u8]| {
        use std::io::Write;
        writer
            .lock()
            .unwrap()
            .as_ref()
            .unwrap()
            .write_all(text)
            .unwrap();
    };
    send(b"one\n");
    let lengths = Pipeline::records().map(<[u8]>::len).in_batches(
        1000,
        || (),
        |(), items: &mut Vec<usize>, out| out.append(items),
    );
    let mut seen = Vec::new();
    let sink = batches(|batch: &[usize]| {
        seen.extend_from_slice(batch);
        match seen.len() {
            1 => send(b"three\n"),
            _ => drop(writer.lock().unwrap().take()),
        }
    });
    let engine = engines::Streaming::default();
    engine.run(Records::reader(reader), &lengths, sink).unwrap();
    assert_eq!(seen, [3, 5]);
}

#[test]
fn a_chain_says_what_it_is() {
    let chain: Pipeline<Owned<u32>, _> = Pipeline::new()
        .map(|n: u32| f64::from(n))
        .boxed()
        .then(Pipeline::new().map_with(String::new, |_, x: f64| x as u8));
    assert_eq!(
        chain.describe(),
        [
            "known at run time:",
            "map to f64",
            "map to u8, with a alloc::string::String for each worker"
        ]
    );
}
