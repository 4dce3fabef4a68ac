//! A limit on the heap bytes that one run holds: sizes are derived from it, and it is checked.

use crate::engine::Error;

/// Bytes that the buffers and the sink of one run may hold together; none means no limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Budget(pub(crate) Option<usize>);

impl Budget {
    /// The size of a buffer that usually has `usual` bytes: at most a quarter of the budget, which
    /// leaves room for a second buffer, for growth and for the results.
    pub(crate) fn buffer(self, usual: usize) -> usize {
        usual.min(self.limit() / 4).max(1)
    }

    /// The whole budget, or all there is.
    pub(crate) fn limit(self) -> usize {
        self.0.unwrap_or(usize::MAX)
    }

    /// # Errors
    /// If `needed` bytes are over the budget.
    pub(crate) fn check(self, needed: usize) -> Result<(), Error> {
        match self.0 {
            Some(budget) if needed > budget => Err(Error::Budget { needed, budget }),
            _ => Ok(()),
        }
    }
}
