//! The inner loops that engines share: one block of items, one text, one batch through all stages
//! and into a part of the sink, compiled for the instruction set at hand.

use std::ops::Range;

use crate::dispatch::dispatch;
use crate::item::{Bytes, Item, Keyed, Owned};
use crate::lines::each_line;
use crate::pipeline::Stage;
use crate::sink::Sink;
use crate::source::Indexed;

/// Runs the items at `range`, which must lie within the source.
#[inline]
pub(crate) fn run_range<X, S, K>(
    source: X,
    range: Range<usize>,
    stage: &S,
    local: &mut S::Local,
    sink: &K,
    part: &mut K::Part,
) where
    X: Indexed,
    S: Stage<Owned<X::Item>>,
    K: Sink<S::Out>,
{
    assert!(range.end <= source.len());
    dispatch(
        #[inline(always)]
        || {
            // A copy of its own: read through the closure's environment, the address would have to
            // be loaded again after every store, and the loop would not vectorise.
            let source = source;
            let start = range.start;
            if S::ONE_TO_ONE {
                sink.block(
                    part,
                    start,
                    range.len(),
                    #[inline(always)]
                    // SAFETY: below `range.end`, which the assertion bounds by the length.
                    |i| stage.one(local, unsafe { source.get(start + i) }),
                );
            } else {
                for i in range {
                    // SAFETY: below `range.end`, which the assertion bounds by the length.
                    let item = unsafe { source.get(i) };
                    stage.push(local, item, &mut |x: <S::Out as Item>::Of<'_>| {
                        sink.push(part, x)
                    });
                }
            }
        },
    );
}

/// Runs the items of a batch and leaves it empty.
#[inline]
pub(crate) fn run_batch<T, S, K>(
    batch: &mut Vec<T>,
    stage: &S,
    local: &mut S::Local,
    sink: &K,
    part: &mut K::Part,
) where
    S: Stage<Owned<T>>,
    K: Sink<S::Out>,
{
    dispatch(
        #[inline(always)]
        || {
            for item in batch.drain(..) {
                stage.push(local, item, &mut |x: <S::Out as Item>::Of<'_>| {
                    sink.push(part, x)
                });
            }
        },
    );
}

/// Runs the records of a text.
#[inline]
pub(crate) fn run_text<S, K>(
    text: &[u8],
    stage: &S,
    local: &mut S::Local,
    sink: &K,
    part: &mut K::Part,
) where
    S: Stage<Bytes>,
    K: Sink<S::Out>,
{
    dispatch(
        #[inline(always)]
        || {
            each_line(
                text,
                #[inline(always)]
                |line| {
                    stage.push(local, line, &mut |x: <S::Out as Item>::Of<'_>| {
                        sink.push(part, x)
                    });
                },
            );
        },
    );
}

/// Runs one response or file.
#[inline]
pub(crate) fn run_keyed<S, K>(
    body: &[u8],
    index: usize,
    stage: &S,
    local: &mut S::Local,
    sink: &K,
    part: &mut K::Part,
) where
    S: Stage<Keyed<usize>>,
    K: Sink<S::Out>,
{
    stage.push(local, (body, index), &mut |x: <S::Out as Item>::Of<'_>| {
        sink.push(part, x)
    });
}
