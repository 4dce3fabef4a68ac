//! A pipeline's stages, observed batch by batch.

use std::sync::atomic::Ordering;

use super::{Mark, Stats};
use crate::blocks::item_bytes;
use crate::item::Item;
use crate::stage::{Batch, Failure, Stage, into_emit};

/// Stages that tell a [`Stats`] what they do.
pub(crate) struct Observed<'s, S> {
    stage: &'s S,
    stats: &'s Stats,
}

impl<'s, S> Observed<'s, S> {
    pub(crate) fn new(stage: &'s S, stats: &'s Stats) -> Self {
        Observed { stage, stats }
    }
}

/// What a worker keeps: its stages' memory and its own figures.
pub(crate) struct Local<'s, L> {
    inner: L,
    tally: Tally<'s>,
}

/// The figures of one worker's batch.
struct Tally<'s> {
    stats: &'s Stats,
    /// When the batch began, or the one before ended.
    mark: Mark,
    /// The batch that runs.
    batch: Option<Batch>,
    /// Items that came one by one.
    pushed: u64,
    /// Results that went one by one.
    emitted: u64,
    entered: bool,
}

impl Tally<'_> {
    fn begin(&mut self, batch: Batch) {
        if !self.entered {
            self.entered = true;
            self.stats.enter();
        }
        self.stats.waiting_for_input.add(self.mark.rest());
        self.batch = Some(batch);
    }

    /// Ends a batch of items that lie in `each` bytes and yield one result each, or any number.
    fn end(&mut self, each: usize, one_to_one: bool) {
        let Some(batch) = self.batch.take() else {
            return;
        };
        let pushed = std::mem::take(&mut self.pushed);
        let emitted = std::mem::take(&mut self.emitted);
        let items = batch.items.map_or(pushed, |items| items as u64);
        let bytes = match batch {
            // Nobody knew what an iterator would yield.
            Batch {
                items: None,
                bytes: 0,
            } => items * each as u64,
            Batch { bytes, .. } => bytes as u64,
        };
        let results = if one_to_one { items } else { emitted };
        let stats = self.stats;
        stats.busy.add(self.mark.all());
        stats.items_in.fetch_add(items, Ordering::Relaxed);
        stats.items_out.fetch_add(results, Ordering::Relaxed);
        stats.bytes_in.fetch_add(bytes, Ordering::Relaxed);
        let batches = u64::from(items > 0 || bytes > 0);
        stats.batches.fetch_add(batches, Ordering::Relaxed);
    }
}

impl Drop for Tally<'_> {
    fn drop(&mut self) {
        // The wait that ended with the news that there is nothing more.
        if self.batch.is_none() {
            self.stats.waiting_for_input.add(self.mark.rest());
        }
    }
}

impl<'s, In: Item, S: Stage<In>> Stage<In> for Observed<'s, S> {
    type Out = S::Out;
    type Local = Local<'s, S::Local>;
    const ONE_TO_ONE: bool = S::ONE_TO_ONE;

    fn local(&self) -> Self::Local {
        Local {
            inner: self.stage.local(),
            tally: Tally {
                stats: self.stats,
                mark: Mark::now(),
                batch: None,
                pushed: 0,
                emitted: 0,
                entered: false,
            },
        }
    }

    #[inline(always)]
    fn push<E>(&self, local: &mut Self::Local, item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut(<S::Out as Item>::Of<'b>),
    {
        let Local { inner, tally } = local;
        tally.pushed += 1;
        let emitted = &mut tally.emitted;
        let mut counted = into_emit::<S::Out, _>(
            #[inline(always)]
            |x| {
                *emitted += 1;
                emit(x);
            },
        );
        self.stage.push(inner, item, &mut counted);
    }

    /// Counts nothing: the batch knows how many there are.
    #[inline(always)]
    fn one<'a>(&self, local: &mut Self::Local, item: In::Of<'a>) -> <S::Out as Item>::Of<'a> {
        self.stage.one(&mut local.inner, item)
    }

    #[inline(always)]
    fn begin(&self, local: &mut Self::Local, batch: Batch) {
        local.tally.begin(batch);
        self.stage.begin(&mut local.inner, batch);
    }

    #[inline(always)]
    fn end<E>(&self, local: &mut Self::Local, emit: &mut E)
    where
        E: for<'b> FnMut(<S::Out as Item>::Of<'b>),
    {
        let Local { inner, tally } = local;
        let emitted = &mut tally.emitted;
        let mut counted = into_emit::<S::Out, _>(
            #[inline(always)]
            |x| {
                *emitted += 1;
                emit(x);
            },
        );
        self.stage.end(inner, &mut counted);
        tally.end(item_bytes::<In>(), S::ONE_TO_ONE);
    }

    #[inline(always)]
    fn failure(&self, local: &mut Self::Local) -> Option<Failure> {
        self.stage.failure(&mut local.inner)
    }

    fn describe(&self, steps: &mut Vec<String>) {
        self.stage.describe(steps);
    }
}
