//! The inner loops that engines share: one block of items, one text, one batch through all stages
//! and into a part of the sink, compiled for the instruction set at hand.

use std::ops::Range;

use crate::bytes::each_line;
use crate::dispatch::{dispatch, dispatch_to};
use crate::engine::Error;
use crate::item::{Bytes, Item, Keyed, Owned};
use crate::lines::check_records;
use crate::sink::{LANES, SPAN, Sink, UNPLACED, batches};
use crate::source::Indexed;
use crate::stage::{Batch, Stage, into_emit};

/// Hands results to a part of the sink.
#[inline(always)]
fn emit<'p, Out: Item, K: Sink<Out>>(
    sink: &'p K,
    part: &'p mut K::Part,
) -> impl for<'a> FnMut(Out::Of<'a>) + 'p {
    into_emit::<Out, _>(
        #[inline(always)]
        |x| sink.push(part, x),
    )
}

/// Ends a batch: what stages have gathered is handed on, and a failure ends the run.
#[inline(always)]
fn end<In, S, K>(stage: &S, local: &mut S::Local, sink: &K, part: &mut K::Part) -> Result<(), Error>
where
    In: Item,
    S: Stage<In>,
    K: Sink<S::Out>,
{
    stage.end(local, &mut emit::<S::Out, _>(sink, part));
    stage
        .failure(local)
        .map_or(Ok(()), |why| Err(Error::Stage(why)))
}

/// Runs the items at `range`, which must lie within the source and have no position in common with any
/// other range that is run into the same sink.
#[inline]
pub(crate) fn run_range<X, S, K>(
    source: X,
    range: Range<usize>,
    stage: &S,
    local: &mut S::Local,
    sink: &K,
    part: &mut K::Part,
) -> Result<(), Error>
where
    X: Indexed,
    S: Stage<Owned<X::Item>>,
    K: Sink<S::Out>,
{
    assert!(range.end <= source.len());
    let bytes = range.len() * size_of::<X::Item>();
    dispatch_to(
        !X::OVERLAPS,
        #[inline(always)]
        || {
            #[expect(clippy::redundant_locals, reason = "it moves a copy into the closure")]
            // A copy of its own: read through the closure's environment, the address would have to
            // be loaded again after every store, and the loop would not vectorise.
            let source = source;
            let start = range.start;
            stage.begin(local, Batch::new(Some(range.len()), bytes));
            if S::ONE_TO_ONE {
                // SAFETY: a sink asks for positions below the range's length only, by the contract of
                // `Sink`, and the assertion bounds its end. Engines run each position once.
                unsafe {
                    sink.block(
                        part,
                        start,
                        range.len(),
                        #[inline(always)]
                        |i| stage.one(local, source.get(start + i)),
                    );
                }
            } else {
                for i in range {
                    // SAFETY: below `range.end`, which the assertion bounds by the length.
                    let item = unsafe { source.get(i) };
                    stage.push(local, item, &mut emit::<S::Out, _>(sink, part));
                }
            }
            end(stage, local, sink, part)
        },
    )
}

/// Takes up to `n` items from an iterator and runs each before it takes the next. Returns how many
/// there were; fewer than `n` mean that the iterator has ended.
#[inline]
pub(crate) fn run_iter<I, S, K>(
    items: &mut I,
    n: usize,
    stage: &S,
    local: &mut S::Local,
    sink: &K,
    part: &mut K::Part,
) -> Result<usize, Error>
where
    I: Iterator,
    S: Stage<Owned<I::Item>>,
    K: Sink<S::Out>,
{
    dispatch(
        #[inline(always)]
        || {
            let mut taken = 0;
            stage.begin(local, Batch::new(None, 0));
            for item in items.take(n) {
                stage.push(local, item, &mut emit::<S::Out, _>(sink, part));
                taken += 1;
            }
            end(stage, local, sink, part)?;
            Ok(taken)
        },
    )
}

/// Bytes of one item as it lies in a buffer.
pub(crate) const fn item_bytes<I: Item>() -> usize {
    size_of::<I::Of<'static>>()
}

/// How many items of `each` bytes fit into `bytes`: a power of two between [`LANES`] and [`SPAN`], so
/// that batches end where spans do and a running sum in lanes goes on in the first one.
pub(crate) fn batch_items(bytes: usize, each: usize) -> usize {
    let fit = (bytes / each.max(1)).clamp(LANES, SPAN);
    1 << fit.ilog2()
}

/// Whether [`run_batch`] runs batches of `T` as blocks, which vectorise: then it pays to gather items
/// into a batch first.
pub(crate) const fn gathers<T, In: Item, S: Stage<In>>() -> bool {
    S::ONE_TO_ONE && !std::mem::needs_drop::<T>()
}

/// Runs the items of a batch and leaves it empty.
#[inline]
pub(crate) fn run_batch<T, S, K>(
    batch: &mut Vec<T>,
    stage: &S,
    local: &mut S::Local,
    sink: &K,
    part: &mut K::Part,
) -> Result<(), Error>
where
    S: Stage<Owned<T>>,
    K: Sink<S::Out>,
{
    let n = batch.len();
    stage.begin(local, Batch::new(Some(n), n * size_of::<T>()));
    run_items(batch, stage, local, sink, part);
    end(stage, local, sink, part)
}

/// Runs what a stage has gathered, in the middle of a batch.
pub(crate) fn run_gathered<T, O, S>(
    items: &mut Vec<T>,
    stage: &S,
    local: &mut S::Local,
    results: &mut Vec<O>,
) where
    O: Send,
    S: Stage<Owned<T>, Out = Owned<O>>,
{
    // A sink whose part is a plain vector; nothing is lent, as nobody flushes it.
    run_items(items, stage, local, &batches(|_: &[O]| ()), results);
}

/// Runs the items of a batch and leaves it empty.
#[inline]
fn run_items<T, S, K>(
    batch: &mut Vec<T>,
    stage: &S,
    local: &mut S::Local,
    sink: &K,
    part: &mut K::Part,
) where
    S: Stage<Owned<T>>,
    K: Sink<S::Out>,
{
    if batch.is_empty() {
        return;
    }
    dispatch(
        #[inline(always)]
        || {
            if gathers::<T, Owned<T>, S>() {
                let items = batch.as_ptr();
                let n = batch.len();
                // The items leave the batch by being read; they need no drop, should a stage panic.
                batch.clear();
                // SAFETY: the first `n` items were initialised, and nothing writes over them, as the
                // batch is borrowed exclusively. A sink reads each at most once, by the contract of
                // `Sink`. Without positions no two calls have one in common.
                unsafe {
                    sink.block(
                        part,
                        UNPLACED,
                        n,
                        #[inline(always)]
                        |i| stage.one(local, items.add(i).read()),
                    );
                }
            } else {
                for item in batch.drain(..) {
                    stage.push(local, item, &mut emit::<S::Out, _>(sink, part));
                }
            }
        },
    );
}

/// Runs the records of a text, of which none may be longer than `longest` bytes.
#[inline]
pub(crate) fn run_text<S, K>(
    text: &[u8],
    longest: usize,
    stage: &S,
    local: &mut S::Local,
    sink: &K,
    part: &mut K::Part,
) -> Result<(), Error>
where
    S: Stage<Bytes>,
    K: Sink<S::Out>,
{
    check_records(text, longest)?;
    dispatch(
        #[inline(always)]
        || {
            stage.begin(local, Batch::new(None, text.len()));
            each_line(
                text,
                #[inline(always)]
                |line| {
                    stage.push(local, line, &mut emit::<S::Out, _>(sink, part));
                },
            );
            end(stage, local, sink, part)
        },
    )
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
) -> Result<(), Error>
where
    S: Stage<Keyed<usize>>,
    K: Sink<S::Out>,
{
    stage.begin(local, Batch::new(Some(1), body.len()));
    stage.push(local, (body, index), &mut emit::<S::Out, _>(sink, part));
    end(stage, local, sink, part)
}
