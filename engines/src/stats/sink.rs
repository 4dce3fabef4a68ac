//! A sink that is observed: how long it takes, and how much it holds.

use std::cell::Cell;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Mark, Stats, put_down};
use crate::item::Item;
use crate::sink::{Order, Sink};

/// A sink that tells a [`Stats`] what it does.
pub(crate) struct ObservedSink<'s, K> {
    sink: K,
    stats: &'s Stats,
}

impl<'s, K> ObservedSink<'s, K> {
    pub(crate) fn new(sink: K, stats: &'s Stats) -> Self {
        ObservedSink { sink, stats }
    }

    /// Calls the consumer.
    fn timed<R>(&self, call: impl FnOnce(&K) -> R) -> R {
        let mut mark = Mark::now();
        let result = call(&self.sink);
        self.stats.consumer.add(mark.all());
        result
    }

    fn hold<P>(&self, part: P) -> Held<'s, P> {
        Held {
            part,
            weight: Weight {
                bytes: Cell::new(0),
                stats: self.stats,
            },
        }
    }

    /// Looks how much a part holds.
    fn weigh<Out: Item>(&self, held: &Held<'s, K::Part>) -> usize
    where
        K: Sink<Out>,
    {
        let bytes = self.sink.bytes(&held.part);
        self.stats.holds(held.weight.bytes.replace(bytes), bytes);
        bytes
    }
}

/// A part, and what it held when somebody last looked.
pub(crate) struct Held<'s, P> {
    part: P,
    weight: Weight<'s>,
}

struct Weight<'s> {
    bytes: Cell<usize>,
    stats: &'s Stats,
}

impl Drop for Weight<'_> {
    fn drop(&mut self) {
        self.stats.holds(self.bytes.get(), 0);
    }
}

// SAFETY: `block` passes `get` on to a sink that keeps the contract.
unsafe impl<'s, Out: Item, K: Sink<Out>> Sink<Out> for ObservedSink<'s, K> {
    type Part = Held<'s, K::Part>;
    type Output = K::Output;
    const ORDER: Order = K::ORDER;
    const SPANS: bool = K::SPANS;

    fn part(&self) -> Self::Part {
        self.hold(self.sink.part())
    }

    fn reserve(&self, held: &mut Self::Part, items: usize) {
        self.sink.reserve(&mut held.part, items);
        self.weigh(held);
    }

    fn split(&self, held: &mut Self::Part, items: usize) -> Option<Self::Part> {
        Some(self.hold(self.sink.split(&mut held.part, items)?))
    }

    #[inline(always)]
    fn push(&self, held: &mut Self::Part, item: Out::Of<'_>) {
        self.sink.push(&mut held.part, item);
    }

    #[inline(always)]
    unsafe fn block<'a>(
        &self,
        held: &mut Self::Part,
        at: usize,
        n: usize,
        get: impl FnMut(usize) -> Out::Of<'a>,
    ) {
        // SAFETY: the caller keeps to the same contract.
        unsafe { self.sink.block(&mut held.part, at, n, get) };
    }

    fn flush(&self, held: &mut Self::Part) {
        self.weigh(held);
        self.timed(|sink| sink.flush(&mut held.part));
        self.weigh(held);
    }

    fn seal(&self, held: &mut Self::Part) {
        self.sink.seal(&mut held.part);
    }

    fn merge(&self, into: &mut Self::Part, from: Self::Part) {
        self.weigh(&from);
        // What is merged is put down to `from` until it is part of `into`.
        let Held { part, weight } = from;
        self.timed(|sink| sink.merge(&mut into.part, part));
        drop(weight);
        self.weigh(into);
    }

    fn waited(&self, time: Duration, queued: usize) {
        put_down(time);
        self.stats.waiting_for_turn.add(time);
        self.stats.queued.fetch_max(queued, Ordering::Relaxed);
        self.sink.waited(time, queued);
    }

    fn finish(self, held: Self::Part) -> K::Output {
        let Held { part, weight } = held;
        let mut mark = Mark::now();
        let output = self.sink.finish(part);
        self.stats.consumer.add(mark.all());
        drop(weight);
        output
    }

    fn bytes(&self, held: &Self::Part) -> usize {
        self.weigh(held)
    }
}
