//! What the workers of a run may hold, in bytes and in parts.

use crate::engine::Error;
use crate::item::Item;
use crate::sink::Sink;

/// What workers may hold.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// Bytes that one worker may hold.
    pub(crate) worker: usize,
    /// Bytes that the joined part may take: as much as all workers together.
    pub(crate) joined: usize,
    /// Parts that may be begun or wait for their turn, for each worker, where order matters.
    pub(crate) parts: usize,
    /// Bytes of the longest record, its line end not counted.
    pub(crate) record: usize,
}

impl Memory {
    pub(crate) const fn new(worker: usize, workers: usize) -> Self {
        Memory {
            worker,
            joined: worker.saturating_mul(workers),
            parts: PARTS,
            record: LONGEST_RECORD,
        }
    }

    /// Lets `part` make room for `items` more. What would not fit into `budget` bytes is not tried.
    pub(crate) fn reserve<Out: Item, K: Sink<Out>>(
        sink: &K,
        part: &mut K::Part,
        items: usize,
        budget: usize,
    ) -> Result<(), Error> {
        let each = size_of::<Out::Of<'static>>();
        // One more than the budget allows is enough to see that it does not suffice.
        let tried = items.min((budget / each.max(1)).saturating_add(1));
        sink.reserve(part, tried);
        let held = sink.bytes(part);
        if held > budget {
            let needed = held.saturating_add((items - tried).saturating_mul(each));
            return Err(Error::Budget { needed, budget });
        }
        Ok(())
    }

    pub(crate) fn check(needed: usize, budget: usize) -> Result<(), Error> {
        if needed > budget {
            return Err(Error::Budget { needed, budget });
        }
        Ok(())
    }
}

/// Bytes of the longest record unless they are set.
pub(crate) const LONGEST_RECORD: usize = 256 << 20;

/// Parts for each worker unless they are set: enough that one piece which takes four times as long as
/// the others keeps nobody waiting.
pub(crate) const PARTS: usize = 4;
