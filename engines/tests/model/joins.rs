//! Parts are joined in order, no more than stated wait, and stopping wakes all.

use std::sync::Arc;

use engines::{Order, Owned, Sink};
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::thread;

use crate::check;
use crate::join::Join;
use crate::memory::Memory;

const NO_LIMIT: Memory = Memory::new(usize::MAX, 1);

/// Keeps numbers in the order in which they are joined, and counts the parts that are not joined.
#[derive(Default)]
pub(crate) struct Numbers {
    parts: AtomicUsize,
    most: AtomicUsize,
}

// SAFETY: the provided `block` is used.
unsafe impl Sink<Owned<usize>> for Numbers {
    type Part = Vec<usize>;
    type Output = Vec<usize>;
    const ORDER: Order = Order::Input;

    fn part(&self) -> Vec<usize> {
        let parts = 1 + self.parts.fetch_add(1, Ordering::SeqCst);
        self.most.fetch_max(parts, Ordering::SeqCst);
        Vec::new()
    }

    fn push(&self, part: &mut Vec<usize>, item: usize) {
        part.push(item);
    }

    fn merge(&self, into: &mut Vec<usize>, from: Vec<usize>) {
        self.parts.fetch_sub(1, Ordering::SeqCst);
        // Others may come in between, if the joiner lets them.
        thread::yield_now();
        into.extend(from);
    }

    fn finish(self, part: Vec<usize>) -> Vec<usize> {
        part
    }
}

/// Lets workers claim pieces from a cursor, as `run_claims` does.
fn run(workers: usize, capacity: usize, pieces: usize) {
    let sink = Numbers::default();
    let join = Join::new(&sink, Vec::new(), NO_LIMIT, capacity);
    let cursor = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let number = cursor.fetch_add(1, Ordering::SeqCst);
                    if number >= pieces {
                        return;
                    }
                    assert!(join.admit(number));
                    let mut part = sink.part();
                    sink.push(&mut part, number);
                    join.deposit(number, part).unwrap();
                }
            });
        }
    });
    assert!(join.into_part().into_iter().eq(0..pieces));
    // A part that is being merged counts as one more: its place is free already.
    let most = sink.most.load(Ordering::SeqCst);
    assert!(most <= capacity + 1, "{most} parts");
}

#[test]
fn every_part_is_joined_in_order_and_few_wait() {
    for (workers, capacity) in [(2, 1), (2, 2), (3, 1), (3, 2), (3, 4)] {
        check(move || run(workers, capacity, 6));
    }
}

/// A worker that fails holds the piece for which all others wait.
#[test]
fn stopping_wakes_all_that_wait() {
    check(|| {
        let sink = Arc::new(Numbers::default());
        let join = Join::new(&*sink, Vec::new(), NO_LIMIT, 1);
        thread::scope(|scope| {
            for number in [1, 2] {
                let join = &join;
                // The first piece never comes.
                scope.spawn(move || assert!(!join.admit(number)));
            }
            scope.spawn(|| {
                assert!(join.admit(0));
                join.stop();
            });
        });
    });
}
