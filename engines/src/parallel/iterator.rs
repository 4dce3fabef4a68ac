//! Items of an iterator, which the workers take from it in turn, as many as their own pace suggests.

use std::sync::Mutex;
use std::time::Instant;

use super::pace::Pace;
use super::{Parallel, by_span};
use crate::blocks::run_batch;
use crate::engine::Error;
use crate::item::{Item, Owned};
use crate::memory::Memory;
use crate::sink::{SPAN, Sink};
use crate::stage::Stage;
use crate::workers::{Crew, continue_claims};

/// Items that are taken under one lock at most, where spans do not matter to the sink.
pub(super) const BATCH: usize = 16 << 10;

/// Items of a batch of one who works alone: they stay in the first cache.
pub(super) const BATCH_ALONE: usize = 4096;

/// The iterator and how far it has come.
struct Items<I> {
    items: I,
    taken: usize,
    number: usize,
}

impl<I: Iterator> Items<I> {
    /// How many are left, where the iterator knows.
    fn left(&self) -> Option<usize> {
        match self.items.size_hint() {
            (least, Some(most)) if least == most => Some(most),
            _ => None,
        }
    }

    /// Takes a batch of the `size` that suits what is left; it ends where the span does. Returns whether the span or the input ends
    /// with it.
    fn take<Out: Item, K: Sink<Out>>(
        &mut self,
        batch: &mut Vec<I::Item>,
        size: impl FnOnce(usize) -> usize,
    ) -> bool {
        let span = SPAN - self.taken % SPAN;
        let items = match by_span::<Out, K>() {
            true => span,
            false => size(self.left().unwrap_or(usize::MAX)).min(span),
        };
        batch.extend(self.items.by_ref().take(items));
        self.taken += batch.len();
        self.number += usize::from(!batch.is_empty());
        batch.len() < items || batch.len() == span
    }
}

/// What a worker keeps, and what it has taken.
struct Worker<T, L> {
    batch: Vec<T>,
    seals: bool,
    local: L,
    pace: Pace,
}

impl<T, L> Worker<T, L> {
    fn new(local: L, pace: Pace) -> Self {
        Worker {
            batch: Vec::new(),
            seals: false,
            local,
            pace,
        }
    }

    fn run<S, K>(&mut self, stage: &S, sink: &K, part: &mut K::Part) -> Result<(), Error>
    where
        S: Stage<Owned<T>, Local = L>,
        K: Sink<S::Out>,
    {
        run_batch(&mut self.batch, stage, &mut self.local, sink, part)?;
        if self.seals {
            sink.seal(part);
        }
        Ok(())
    }
}

/// Runs the items of an iterator.
pub(super) fn run<I, S, K>(
    engine: &Parallel,
    items: I,
    stage: &S,
    sink: &K,
) -> Result<K::Part, Error>
where
    I: Iterator<Item: Send> + Send,
    S: Stage<Owned<I::Item>> + Sync,
    K: Sink<S::Out>,
{
    let memory = engine.limits();
    let mut items = Items {
        // Workers ask again after the end.
        items: items.fuse(),
        taken: 0,
        number: 0,
    };
    let mut begun = sink.part();
    let mut alone = engine.alone().wary();
    let mut caller = Worker::<I::Item, S::Local>::new(stage.local(), Pace::new());
    while !alone.is_pointless() {
        let pace = caller.pace;
        caller.seals = items.take::<S::Out, K>(&mut caller.batch, |_| match engine.workers {
            1 => BATCH_ALONE,
            _ => pace.next_alone(usize::MAX).min(BATCH_ALONE),
        });
        let taken = caller.batch.len();
        if taken == 0 {
            return Ok(begun);
        }
        caller.run(stage, sink, &mut begun)?;
        sink.flush(&mut begun);
        Memory::check(sink.bytes(&begun), memory.joined)?;
        let left = items.left().map(|left| left as u64);
        let (time, enough) = alone.note(taken as u64, left);
        caller.pace.note(taken, time);
        if enough {
            break;
        }
    }
    items.number = 0;
    let pace = caller.pace;
    let crew = engine.crew();
    let items = Mutex::new(items);
    continue_claims(
        begun,
        &crew,
        sink,
        memory,
        || Worker::<I::Item, S::Local>::new(stage.local(), pace),
        |worker| {
            // An iterator that has panicked is not asked again.
            let Ok(mut items) = items.lock() else {
                return Ok(None);
            };
            let pace = worker.pace;
            worker.seals = items.take::<S::Out, K>(&mut worker.batch, |left| {
                pace.next(left, crew.size()).min(BATCH)
            });
            Ok((!worker.batch.is_empty()).then(|| items.number - 1))
        },
        |worker, _, part| {
            let (items, clock) = (worker.batch.len(), Instant::now());
            worker.run(stage, sink, part)?;
            worker.pace.note(items, clock.elapsed());
            Ok(())
        },
        || (),
    )
}
