//! Laziness: no item is made before there is use for it.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::*;
use crate::{batches, fold, iter};

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
        (MemoryOptimized::default().budget(4 << 10), 64),
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
    let engine = MemoryOptimized::default().budget(64 << 10);
    let all = engine.run(
        iter(ahead.numbers(ITEMS)),
        &Pipeline::new().filter(|_: &u64| true),
        crate::collect(),
    );
    assert!(matches!(all, Err(Error::Budget { .. })));
    // The vector is as long as the budget allows, and the batch that was one too many has made it grow.
    assert!(ahead.most.load(Relaxed) <= (64 << 10) / 8 + BATCH_BYTES / 8);
}
