//! Items in memory, batch by batch on the calling thread: what engines do whose strength is waiting
//! for input, where there is no input to wait for.

use crate::blocks::{batch_items, item_bytes, run_iter, run_range};
use crate::engine::Error;
use crate::item::Owned;
use crate::memory::Memory;
use crate::sink::{SPAN, Sink};
use crate::source::Indexed;
use crate::stage::Stage;

/// Bytes of results that are lent to the consumer at once: they stay in the first cache.
const BATCH_BYTES: usize = 16 << 10;

/// Items of a batch, for results of `each` bytes.
pub(crate) fn batch(each: usize) -> usize {
    batch_items(BATCH_BYTES, each)
}

/// Runs the items of an indexed source.
pub(crate) fn run_indexed<X, S, K>(
    source: X,
    stage: &S,
    sink: &K,
    memory: Memory,
) -> Result<K::Part, Error>
where
    X: Indexed,
    S: Stage<Owned<X::Item>>,
    K: Sink<S::Out>,
{
    let mut part = sink.part();
    let mut local = stage.local();
    let length = source.len();
    if S::ONE_TO_ONE {
        Memory::reserve(sink, &mut part, length, memory.joined)?;
    }
    let batch = batch(item_bytes::<S::Out>());
    for start in (0..length).step_by(batch) {
        let end = length.min(start + batch);
        run_range(source, start..end, stage, &mut local, sink, &mut part)?;
        if end.is_multiple_of(SPAN) || end == length {
            sink.seal(&mut part);
        }
        sink.flush(&mut part);
        Memory::check(sink.bytes(&part), memory.joined)?;
    }
    Ok(part)
}

/// Whether a span ends with the batch of `taken` items of an iterator that makes it `done` in all: not
/// again with an empty one behind the end of a span.
pub(crate) fn ends_span(taken: usize, done: usize, last: bool) -> bool {
    match done.is_multiple_of(SPAN) {
        true => taken > 0,
        false => last,
    }
}

/// Runs the items of an iterator.
pub(crate) fn run_iterator<I, S, K>(
    mut items: I,
    stage: &S,
    sink: &K,
    memory: Memory,
) -> Result<K::Part, Error>
where
    I: Iterator,
    S: Stage<Owned<I::Item>>,
    K: Sink<S::Out>,
{
    let mut part = sink.part();
    let mut local = stage.local();
    let batch = batch(item_bytes::<S::Out>());
    let mut done = 0;
    loop {
        let taken = run_iter(&mut items, batch, stage, &mut local, sink, &mut part)?;
        done += taken;
        if ends_span(taken, done, taken < batch) {
            sink.seal(&mut part);
        }
        sink.flush(&mut part);
        Memory::check(sink.bytes(&part), memory.joined)?;
        if taken < batch {
            return Ok(part);
        }
    }
}
