//! Laziness: no item is made before there is use for it. And batches that shrink while a run goes on, which
//! changes no result.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::*;
use crate::{batches, collect, fold, iter, sum};

/// The most items that had been taken from an iterator and not yet delivered, at any moment.
struct Ahead {
    delivered: AtomicUsize,
    most: AtomicUsize,
}

impl Ahead {
    const fn new() -> Self {
        Ahead {
            delivered: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        }
    }

    /// As many numbers, each of which notes how far ahead of the results it is made.
    fn numbers(&self, n: usize) -> impl Iterator<Item = u64> + Send + '_ {
        (0..n).map(|i| {
            let ahead = i + 1 - self.delivered.load(Relaxed);
            self.most.fetch_max(ahead, Relaxed);
            i as u64
        })
    }

    fn deliver(&self, items: usize) {
        self.delivered.fetch_add(items, Relaxed);
    }
}

const ITEMS: usize = 100_000;

#[test]
fn one_item_is_alive_at_a_time() {
    // Each way of not being gathered: items that own memory, and a pipeline that is not one-to-one.
    let ahead = Ahead::new();
    let sink = fold(|| (), |(): &mut (), _: u64| ahead.deliver(1), |(), ()| ());
    let strings = iter(ahead.numbers(ITEMS).map(|i| i.to_string()));
    let parse = Pipeline::new().map(|s: String| s.len() as u64);
    MemoryOptimized::default()
        .run(strings, &parse, sink)
        .unwrap();
    assert_eq!(ahead.most.load(Relaxed), 1);
    assert_eq!(ahead.delivered.load(Relaxed), ITEMS);

    let ahead = Ahead::new();
    let sink = fold(|| (), |(): &mut (), _: u64| ahead.deliver(1), |(), ()| ());
    let all = Pipeline::new().filter(|_: &u64| true);
    MemoryOptimized::default()
        .run(iter(ahead.numbers(ITEMS)), &all, sink)
        .unwrap();
    assert_eq!(ahead.most.load(Relaxed), 1);
}

#[test]
fn no_more_than_a_batch_is_taken_ahead() {
    // A batch holds an item of eight bytes and its result.
    let batch = BATCH_BYTES / 16;
    for (engine, batch) in [
        (MemoryOptimized::default(), batch),
        // A quarter of the budget, but no less than the lanes of a sum.
        (MemoryOptimized::default().memory(4 << 10), 64),
    ] {
        let ahead = Ahead::new();
        let sink = batches(|results: &[u64]| ahead.deliver(results.len()));
        engine
            .run(iter(ahead.numbers(ITEMS)), &Pipeline::new(), sink)
            .unwrap();
        assert_eq!(ahead.most.load(Relaxed), batch);
        assert_eq!(ahead.delivered.load(Relaxed), ITEMS);
    }
}

#[test]
fn a_budget_that_is_exceeded_ends_the_run_within_a_batch() {
    let ahead = Ahead::new();
    let engine = MemoryOptimized::default().memory(64 << 10);
    let all = engine.run(
        iter(ahead.numbers(ITEMS)),
        &Pipeline::new().filter(|_: &u64| true),
        collect(),
    );
    assert!(matches!(all, Err(Error::Budget { .. })));
    // The vector is as long as the budget allows, and the batch that was one too many has made it grow.
    assert!(ahead.most.load(Relaxed) <= (64 << 10) / 8 + BATCH_BYTES / 8);
}

#[test]
#[cfg(target_os = "linux")]
fn batches_that_shrink_change_no_result() {
    // A clean-up after every single batch: each is half as long as the one before.
    let hurried = MemoryOptimized {
        watch: Some(Watch::always()),
        ..MemoryOptimized::default()
    };
    let calm = MemoryOptimized::default();

    let numbers: Vec<f64> = (0..150_001).map(|i| 1.0 / f64::from(i + 1)).collect();
    let third = Pipeline::new().map(|x: f64| x / 3.0);
    let total = calm.run(&numbers[..], &third, sum()).unwrap();
    let shrunk = hurried.run(&numbers[..], &third, sum()).unwrap();
    assert_eq!(shrunk.to_bits(), total.to_bits());
    let items = iter(numbers.iter().copied());
    let shrunk = hurried.run(items, &third, sum()).unwrap();
    assert_eq!(shrunk.to_bits(), total.to_bits());

    let mut lengths = Vec::new();
    let sink = batches(|batch: &[f64]| lengths.push(batch.len()));
    let items = iter(numbers.iter().copied());
    hurried.run(items, &third, sink).unwrap();
    assert_eq!(lengths[..5], [1024, 512, 256, 128, 64]);
    assert!(lengths[5..lengths.len() - 1].iter().all(|n| *n == LANES));
    assert_eq!(lengths.iter().sum::<usize>(), numbers.len());

    let long = "x".repeat(300_000);
    let text = format!(
        "{}{long}\n{}",
        "short\n".repeat(30_000),
        "more\n".repeat(90_000)
    );
    let sizes = Pipeline::records().map(<[u8]>::len);
    let expected: Vec<usize> = text.lines().map(str::len).collect();
    for records in [
        Records::text(text.as_bytes()),
        Records::reader(text.as_bytes()),
    ] {
        assert_eq!(hurried.run(records, &sizes, collect()).unwrap(), expected);
    }
    // A page, once the long record has been dealt with.
    assert_eq!(hurried.buffers.take().capacity(), 4096);

    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..40).map(|i| folder.path().join(i.to_string())).collect();
    for (i, path) in paths.iter().enumerate() {
        std::fs::write(path, &text[..i * 7919 % 200_000]).unwrap();
    }
    let sizes = Pipeline::responses().bodies().map(<[u8]>::len);
    let found = hurried.run(Files::at(&paths), &sizes, collect()).unwrap();
    let expected: Vec<_> = (0..40).map(|i| i * 7919 % 200_000).collect();
    assert_eq!(found, expected);
}
