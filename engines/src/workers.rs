//! Several threads on one piece of work: who they are ([`Crew`]), and how what they accumulate becomes
//! one part of a sink ([`run_claims`]).
//!
//! Workers claim numbered pieces of the input. What a piece is, and how it is claimed, is the caller's
//! affair; [`crate::join`] puts the parts back into the order of the pieces.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::engine::Error;
use crate::item::Item;
use crate::join::Join;
use crate::sink::{Order, Sink};

/// Threads that can be given the same work.
pub(crate) trait Crew {
    /// How many there are.
    fn size(&self) -> usize;

    /// Calls `work` with a number of its own on each thread and returns what it returned. A panic on
    /// any of them goes on here, once all are done.
    fn each<R: Send>(&self, work: impl Fn(usize) -> R + Sync) -> Vec<R>;
}

/// The calling thread and as many new ones as are missing.
pub(crate) struct Threads(pub(crate) usize);

impl Crew for Threads {
    fn size(&self) -> usize {
        self.0.max(1)
    }

    fn each<R: Send>(&self, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
        let work = &work;
        std::thread::scope(|scope| {
            let mut others = Vec::new();
            for number in 1..self.size() {
                // Work is claimed, so that fewer threads than wished for do it all the same.
                match std::thread::Builder::new().spawn_scoped(scope, move || work(number)) {
                    Ok(thread) => others.push(thread),
                    Err(_) => break,
                }
            }
            let mut results = vec![work(0)];
            for thread in others {
                match thread.join() {
                    Ok(result) => results.push(result),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            results
        })
    }
}

/// What workers may hold, and what is known of the results.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// Bytes that one worker may hold.
    pub(crate) worker: usize,
    /// Bytes that the joined part may take: as much as all workers together.
    pub(crate) joined: usize,
    /// Results that are sure to come, for which the joined part makes room at once.
    pub(crate) results: usize,
}

impl Memory {
    pub(crate) fn new(worker: usize, workers: usize) -> Self {
        Memory {
            worker,
            joined: worker.saturating_mul(workers),
            results: 0,
        }
    }

    pub(crate) fn check(needed: usize, budget: usize) -> Result<(), Error> {
        if needed > budget {
            return Err(Error::Budget { needed, budget });
        }
        Ok(())
    }
}

/// Calls `f` when it is dropped by a panic.
pub(crate) struct OnPanic<F: Fn()>(pub(crate) F);

impl<F: Fn()> Drop for OnPanic<F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.0)();
        }
    }
}

/// Lets every worker of `crew` claim pieces until there are none, and joins what they made of them.
///
/// `state` makes what a worker keeps; `claim` takes the next piece and returns its number, counted
/// from 0 without gaps; `work` runs the piece just claimed into a part. `halt` is called when a worker
/// fails: it must wake all that wait in `claim`.
pub(crate) fn run_claims<Out, K, T>(
    crew: &impl Crew,
    sink: &K,
    memory: Memory,
    state: impl Fn() -> T + Sync,
    claim: impl Fn(&mut T) -> Result<Option<usize>, Error> + Sync,
    work: impl Fn(&mut T, usize, &mut K::Part) -> Result<(), Error> + Sync,
    halt: impl Fn() + Sync,
) -> Result<K::Part, Error>
where
    Out: Item,
    K: Sink<Out>,
{
    continue_claims(sink.part(), crew, sink, memory, state, claim, work, halt)
}

/// As [`run_claims`], where the beginning of the input has been run already, into `begun`.
#[expect(
    clippy::too_many_arguments,
    reason = "one more than the function that everyone calls"
)]
pub(crate) fn continue_claims<Out, K, T>(
    begun: K::Part,
    crew: &impl Crew,
    sink: &K,
    memory: Memory,
    state: impl Fn() -> T + Sync,
    claim: impl Fn(&mut T) -> Result<Option<usize>, Error> + Sync,
    work: impl Fn(&mut T, usize, &mut K::Part) -> Result<(), Error> + Sync,
    halt: impl Fn() + Sync,
) -> Result<K::Part, Error>
where
    Out: Item,
    K: Sink<Out>,
{
    if K::ORDER == Order::Input && crew.size() > 1 {
        let join = Join::new(sink, begun, memory, crew.size() * PARTS_PER_WORKER)?;
        let stop = || {
            join.stop();
            halt();
        };
        let results = crew.each(|_| {
            let guard = OnPanic(stop);
            let result = (|| {
                let mut state = state();
                while let Some(number) = claim(&mut state)? {
                    if !join.admit(number) {
                        break;
                    }
                    let mut part = sink.part();
                    work(&mut state, number, &mut part)?;
                    join.deposit(number, part)?;
                }
                Ok(())
            })();
            if result.is_err() {
                stop();
            }
            drop(guard);
            result
        });
        results.into_iter().collect::<Result<(), Error>>()?;
        return Ok(join.into_part());
    }

    let alone = crew.size() == 1;
    // Whoever comes first goes on with it.
    let begun = Mutex::new(Some(begun));
    let stopped = AtomicBool::new(false);
    let stop = || {
        stopped.store(true, Ordering::Relaxed);
        halt();
    };
    let results = crew.each(|_| {
        let guard = OnPanic(stop);
        let result = (|| {
            let mut state = state();
            let begun = begun.lock().ok().and_then(|mut begun| begun.take());
            let mut part = begun.unwrap_or_else(|| sink.part());
            if alone && memory.results > 0 {
                sink.reserve(&mut part, memory.results);
                Memory::check(sink.bytes(&part), memory.worker)?;
            }
            while !stopped.load(Ordering::Relaxed) {
                let Some(number) = claim(&mut state)? else {
                    break;
                };
                work(&mut state, number, &mut part)?;
                sink.flush(&mut part);
                Memory::check(sink.bytes(&part), memory.worker)?;
            }
            Ok(part)
        })();
        if result.is_err() {
            stop();
        }
        drop(guard);
        result
    });
    let mut joined = None;
    for part in results {
        let part = part?;
        match &mut joined {
            None => joined = Some(part),
            Some(joined) => sink.merge(joined, part),
        }
    }
    Ok(joined.unwrap_or_else(|| sink.part()))
}

/// How many parts may be begun or wait for their turn, for each worker.
pub(crate) const PARTS_PER_WORKER: usize = 4;

/// As many workers as the process may use processors.
pub(crate) fn available_workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_panic_on_another_thread_reaches_the_caller() {
        for culprit in 0..3 {
            let result = catch_unwind(AssertUnwindSafe(|| {
                Threads(3).each(|number| assert!(number != culprit, "worker {number}"))
            }));
            let message = *result.unwrap_err().downcast::<String>().unwrap();
            assert_eq!(message, format!("worker {culprit}"));
        }
    }
}
