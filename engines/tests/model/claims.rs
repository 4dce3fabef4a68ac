//! The loop of the workers: every piece is run once, and an error or a panic in one of them ends the
//! run of all.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use engines::{Error, Owned, Sink, collect, fold};
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::sync::{Mutex, PoisonError};
use shuttle::thread;

use crate::check;
use crate::memory::Memory;
use crate::workers::{Crew, run_claims};

/// Modelled threads.
struct Modelled(usize);

impl Crew for Modelled {
    fn size(&self) -> usize {
        self.0
    }

    fn each<R: Send>(&self, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
        let results = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for number in 0..self.0 {
                let (work, results) = (&work, &results);
                scope.spawn(move || {
                    // The model takes a panic for a failed check, and so it is kept from it.
                    let result = catch_unwind(AssertUnwindSafe(|| work(number)));
                    // All modelled threads are one to the standard library: while one unwinds, the locks
                    // that others let go are poisoned too.
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.push(result);
                });
            }
        });
        let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results
            .into_iter()
            .map(|result| result.unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    }
}

fn run<K: Sink<Owned<usize>>>(
    workers: usize,
    sink: K,
    work: impl Fn(usize) -> Result<(), Error> + Sync,
) -> Result<K::Output, Error> {
    let cursor = AtomicUsize::new(0);
    let memory = Memory {
        parts: 1,
        ..Memory::new(usize::MAX, workers)
    };
    let part = run_claims(
        &Modelled(workers),
        &sink,
        memory,
        || (),
        |()| {
            let number = cursor.fetch_add(1, Ordering::SeqCst);
            Ok((number < 6).then_some(number))
        },
        |(), number, part| {
            work(number)?;
            sink.push(part, number);
            Ok(())
        },
        || (),
    )?;
    Ok(sink.finish(part))
}

#[test]
fn every_piece_is_run_once() {
    for workers in 2..4 {
        check(move || {
            let all = run(workers, collect(), |_| Ok(())).unwrap();
            assert!(all.into_iter().eq(0..6));
            let bits = fold(
                || 0,
                |a: &mut usize, i: usize| *a += 1 << (2 * i),
                |a, b| *a += b,
            );
            assert_eq!(run(workers, bits, |_| Ok(())).unwrap(), 0b01_01_01_01_01_01);
        });
    }
}

#[test]
fn an_error_ends_the_run_of_all() {
    for culprit in [0, 2, 5] {
        check(move || {
            let work = |number| Memory::check(usize::from(number == culprit), 0);
            assert!(run(3, collect(), work).is_err());
            let count = fold(|| 0, |a: &mut usize, _: usize| *a += 1, |a, b| *a += b);
            assert!(run(3, count, work).is_err());
        });
    }
}

#[test]
fn a_panic_ends_the_run_of_all() {
    for culprit in [0, 2, 5] {
        check(move || {
            let work = |number| {
                if number == culprit {
                    resume_unwind(Box::new("on purpose"));
                }
                Ok(())
            };
            let all = catch_unwind(AssertUnwindSafe(|| run(3, collect(), work)));
            assert!(all.is_err());
            let count = fold(|| 0, |a: &mut usize, _: usize| *a += 1, |a, b| *a += b);
            assert!(catch_unwind(AssertUnwindSafe(|| run(3, count, work))).is_err());
        });
    }
}
