//! Buffers go round: everything arrives once and in order, no buffer is lost, and whoever waits is
//! woken at the end, however it comes.

use std::collections::BTreeSet;

use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::sync::{Barrier, Mutex};
use shuttle::thread;

use crate::check;
use crate::conveyor::Conveyor;

/// Fillers that claim positions from a cursor, and emptiers that note what comes.
fn run(fillers: usize, emptiers: usize, buffers: usize, pieces: usize) {
    let conveyor = Conveyor::<usize>::new(fillers, buffers);
    (0..fillers).for_each(|_| conveyor.begin());
    let cursor = AtomicUsize::new(0);
    let (emptied, filled) = (Mutex::new(BTreeSet::new()), AtomicUsize::new(0));
    thread::scope(|scope| {
        for filler in 0..fillers {
            let (conveyor, cursor, filled) = (&conveyor, &cursor, &filled);
            scope.spawn(move || {
                loop {
                    let at = cursor.fetch_add(1, Ordering::SeqCst);
                    if at >= pieces {
                        break;
                    }
                    conveyor.take_free(filler).expect("nobody halts");
                    let full = 1 + filled.fetch_add(1, Ordering::SeqCst);
                    assert!(full <= fillers * buffers);
                    conveyor.put_full(filler, at..at + 1, at);
                }
                conveyor.end();
            });
        }
        for _ in 0..emptiers {
            scope.spawn(|| {
                while let Some((number, full)) = conveyor.take_full() {
                    assert_eq!(full.buffer, number);
                    assert!(emptied.lock().unwrap().insert(number));
                    filled.fetch_sub(1, Ordering::SeqCst);
                    conveyor.put_free(full);
                }
            });
        }
    });
    assert!(emptied.into_inner().unwrap().into_iter().eq(0..pieces));
}

#[test]
fn everything_arrives_once_and_in_order() {
    for (fillers, emptiers, buffers) in [(1, 1, 1), (1, 2, 2), (2, 1, 1), (2, 2, 1), (2, 2, 2)] {
        check(move || run(fillers, emptiers, buffers, 5));
    }
}

#[test]
fn halting_wakes_fillers_and_emptiers() {
    check(|| {
        let conveyor = Conveyor::<()>::new(2, 1);
        (0..2).for_each(|_| conveyor.begin());
        thread::scope(|scope| {
            for filler in 0..2 {
                let conveyor = &conveyor;
                // Position 0 never comes, so that each waits for its only buffer to come back.
                scope.spawn(move || {
                    while let Some(()) = conveyor.take_free(filler) {
                        conveyor.put_full(filler, 1 + filler..2 + filler, ());
                    }
                });
            }
            scope.spawn(|| assert!(conveyor.take_full().is_none()));
            scope.spawn(|| conveyor.halt());
        });
    });
}

/// Two buffers that become available at once go to two emptiers, neither of which waits for the other.
#[test]
fn whoever_takes_a_buffer_wakes_the_next() {
    check(|| {
        let conveyor = Conveyor::<()>::new(1, 2);
        conveyor.begin();
        let both = Barrier::new(3);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    assert!(conveyor.take_full().is_some());
                    both.wait();
                });
            }
            scope.spawn(|| {
                for at in [1, 0] {
                    conveyor.take_free(0).expect("nobody halts");
                    conveyor.put_full(0, at..at + 1, ());
                }
                both.wait();
                conveyor.end();
            });
        });
    });
}
