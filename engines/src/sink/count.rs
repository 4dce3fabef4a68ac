//! The number of results.

use super::{Order, Sink};
use crate::item::Item;

/// See [`count`].
pub struct Counted(());

/// Counts the results, of whatever kind.
///
/// ```
/// use engines::{Engine, Parallel, Pipeline, Records, count};
///
/// let errors = Pipeline::records().map_bytes(|line| line).filter(|line| line.starts_with(b"E"));
/// let text = Records::text(b"E: one\nI: two\nE: three\n");
/// assert_eq!(Parallel::default().run(text, &errors, count()).unwrap(), 2);
/// ```
pub fn count() -> Counted {
    Counted(())
}

// SAFETY: the provided `block` is used.
unsafe impl<Out: Item> Sink<Out> for Counted {
    type Part = usize;
    type Output = usize;
    const ORDER: Order = Order::Any;
    const SPANS: bool = false;

    fn part(&self) -> usize {
        0
    }

    #[inline(always)]
    fn push(&self, part: &mut usize, _: Out::Of<'_>) {
        *part += 1;
    }

    fn merge(&self, into: &mut usize, from: usize) {
        *into += from;
    }

    fn finish(self, part: usize) -> usize {
        part
    }
}
