//! Several threads on one piece of work: who they are ([`Crew`]), and how what they accumulate becomes
//! one part of a sink ([`run_claims`]).
//!
//! Workers claim numbered pieces of the input. What a piece is, and how it is claimed, is the caller's
//! affair; [`crate::join`] puts the parts back into the order of the pieces.

use crate::engine::Error;
use crate::item::Item;
use crate::join::Join;
use crate::memory::Memory;
use crate::sink::{Order, Sink};
use crate::sync::{AtomicBool, Mutex, Ordering};

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

/// Calls `f` when it is dropped, unless it has been disarmed: so a panic is noticed. Whether the thread
/// is panicking would not tell, as a run may be part of a `drop` while another panic unwinds.
pub(crate) struct OnDrop<F: Fn()>(pub(crate) F);

impl<F: Fn()> OnDrop<F> {
    /// All went well.
    pub(crate) fn disarm(self) {
        std::mem::forget(self);
    }
}

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
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
        let capacity = crew.size().saturating_mul(memory.parts);
        let join = Join::new(sink, begun, memory, capacity);
        let stop = || {
            join.stop();
            halt();
        };
        let results = each_until(crew, stop, || {
            let admit = |number| join.admit(number);
            work_through(&mut state(), &claim, admit, |state, number| {
                let mut part = sink.part();
                work(state, number, &mut part)?;
                join.deposit(number, part)
            })
        });
        results.into_iter().collect::<Result<(), Error>>()?;
        return Ok(join.into_part());
    }

    // Whoever comes first goes on with it.
    let begun = Mutex::new(Some(begun));
    let stopped = AtomicBool::new(false);
    let stop = || {
        stopped.store(true, Ordering::Relaxed);
        halt();
    };
    let results = each_until(crew, stop, || {
        let begun = begun.lock().ok().and_then(|mut begun| begun.take());
        let mut part = begun.unwrap_or_else(|| sink.part());
        let admit = |_| !stopped.load(Ordering::Relaxed);
        work_through(&mut state(), &claim, admit, |state, number| {
            work(state, number, &mut part)?;
            sink.flush(&mut part);
            Memory::check(sink.bytes(&part), memory.worker)
        })?;
        Ok(part)
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

/// What one worker does, piece by piece: `claim` takes the next, `admit` waits until it may be begun,
/// `run` works on it and hands in what came of it. A worker's time goes nowhere else, so this is where
/// it can be told apart.
fn work_through<T>(
    state: &mut T,
    claim: impl Fn(&mut T) -> Result<Option<usize>, Error>,
    admit: impl Fn(usize) -> bool,
    mut run: impl FnMut(&mut T, usize) -> Result<(), Error>,
) -> Result<(), Error> {
    while let Some(number) = claim(state)? {
        if !admit(number) {
            break;
        }
        run(state, number)?;
    }
    Ok(())
}

/// Calls `work` on each worker, and `stop` as soon as one of them fails or panics.
fn each_until<R: Send>(
    crew: &impl Crew,
    stop: impl Fn() + Sync,
    work: impl Fn() -> Result<R, Error> + Sync,
) -> Vec<Result<R, Error>> {
    crew.each(|_| {
        let guard = OnDrop(&stop);
        let result = work();
        if result.is_ok() {
            guard.disarm();
        }
        result
    })
}

/// Workers that an engine may be set to have: more than any machine has processors, and so few that
/// sizes derived from them do not overflow.
pub(crate) const MOST_WORKERS: usize = 1 << 12;

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
