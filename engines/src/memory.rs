//! What the workers of a run may hold, in bytes and in parts.

use crate::engine::Error;

/// What workers may hold.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// Bytes that one worker may hold.
    pub(crate) worker: usize,
    /// Bytes that the joined part may take: as much as all workers together.
    pub(crate) joined: usize,
    /// Parts that may be begun or wait for their turn, for each worker, where order matters.
    pub(crate) parts: usize,
}

impl Memory {
    pub(crate) const fn new(worker: usize, workers: usize) -> Self {
        Memory {
            worker,
            joined: worker.saturating_mul(workers),
            parts: PARTS,
        }
    }

    pub(crate) fn check(needed: usize, budget: usize) -> Result<(), Error> {
        if needed > budget {
            return Err(Error::Budget { needed, budget });
        }
        Ok(())
    }
}

/// Parts for each worker unless they are set: enough that one piece which takes four times as long as
/// the others keeps nobody waiting.
pub(crate) const PARTS: usize = 4;
