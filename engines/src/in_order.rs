//! Joins what arrives early in the order of the input: for sinks that ask for it, where answers come
//! in any order.

use std::collections::VecDeque;

use crate::engine::Error;
use crate::item::Item;
use crate::sink::{Order, Sink};

/// The part of a sink for answers `0..next`, and a part for each answer beyond that has come early.
///
/// For a sink that takes any order there is only the first part. What is held is bounded by how far
/// ahead of `next` an answer may come.
pub(crate) struct InOrder<P> {
    /// Everything up to `next`.
    pub(crate) part: P,
    next: usize,
    early: VecDeque<Option<P>>,
}

impl<P> InOrder<P> {
    /// Begins with the answer at position `first`.
    pub(crate) fn new(part: P, first: usize) -> Self {
        InOrder {
            part,
            next: first,
            early: VecDeque::new(),
        }
    }

    /// Lets `run` add the answer at `index` to the part that it belongs to. Each position comes once.
    pub(crate) fn add<Out: Item, K: Sink<Out, Part = P>>(
        &mut self,
        index: usize,
        sink: &K,
        run: impl FnOnce(&mut P) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if K::ORDER == Order::Any {
            return run(&mut self.part);
        }
        let ahead = index - self.next;
        if ahead > 0 {
            let mut part = sink.part();
            run(&mut part)?;
            if self.early.len() <= ahead {
                self.early.resize_with(ahead + 1, || None);
            }
            self.early[ahead] = Some(part);
            return Ok(());
        }
        run(&mut self.part)?;
        self.next += 1;
        // The place of the answer just added, which is empty.
        self.early.pop_front();
        while let Some(Some(_)) = self.early.front() {
            let part = self.early.pop_front().flatten().expect("just seen");
            sink.merge(&mut self.part, part);
            self.next += 1;
        }
        Ok(())
    }

    /// Heap bytes of all parts, and of the list of those that are early.
    pub(crate) fn bytes<Out: Item, K: Sink<Out, Part = P>>(&self, sink: &K) -> usize {
        let early: usize = self.early.iter().flatten().map(|p| sink.bytes(p)).sum();
        sink.bytes(&self.part) + early + self.early.capacity() * size_of::<Option<P>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::collect;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_order_of_arrival_gives_the_order_of_the_input(
            arrivals in Just((3..40usize).collect::<Vec<_>>()).prop_shuffle()
        ) {
            let sink = collect::<usize>();
            let mut joined = InOrder::new(sink.part(), 3);
            for index in arrivals {
                joined.add(index, &sink, |part| {
                    sink.push(part, index);
                    Ok(())
                }).unwrap();
            }
            prop_assert!(joined.early.is_empty());
            prop_assert_eq!(sink.finish(joined.part), (3..40).collect::<Vec<_>>());
        }
    }
}
