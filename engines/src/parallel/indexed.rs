//! Items that can be had by position: the workers take ranges of positions, as long as their own pace
//! and what is left suggest, and write results whose number is known where they belong.

use std::ops::Range;
use std::sync::Mutex;
use std::time::Instant;

use super::pace::Pace;
use super::{Parallel, by_span};
use crate::blocks::run_range;
use crate::engine::Error;
use crate::item::Owned;
use crate::memory::Memory;
use crate::sink::{Order, SPAN, Sink};
use crate::source::Indexed;
use crate::stage::Stage;
use crate::workers::{Crew, continue_claims};

/// What has not been claimed.
struct Unclaimed<P> {
    start: usize,
    number: usize,
    /// Room for the results, where they are written in place.
    room: Option<P>,
}

/// What a worker keeps, and the piece that it has claimed.
struct Worker<L, P> {
    local: L,
    pace: Pace,
    piece: Range<usize>,
    room: Option<P>,
}

/// Runs the items of an indexed source.
pub(super) fn run<X, S, K>(
    engine: &Parallel,
    source: X,
    stage: &S,
    sink: &K,
) -> Result<K::Part, Error>
where
    X: Indexed,
    S: Stage<Owned<X::Item>> + Sync,
    K: Sink<S::Out>,
{
    let length = source.len();
    let mut memory = engine.limits();
    let mut begun = sink.part();
    if S::ONE_TO_ONE {
        Memory::reserve(sink, &mut begun, length, memory.joined)?;
    }
    let (start, pace) = begin(engine, source, stage, sink, &mut begun)?;
    if start == length {
        return Ok(begun);
    }
    let in_order = K::ORDER == Order::Input;
    let crew = engine.crew();
    // One who works alone keeps one part for all pieces.
    let room = match S::ONE_TO_ONE && in_order && crew.size() > 1 {
        true => sink.split(&mut begun, 0),
        false => None,
    };
    if room.is_some() {
        // Parts that wait take no memory of their own.
        memory.parts = usize::MAX;
    }
    let unclaimed = Mutex::new(Unclaimed {
        start,
        number: 0,
        room,
    });
    continue_claims(
        begun,
        &crew,
        sink,
        memory,
        || Worker {
            local: stage.local(),
            pace,
            piece: 0..0,
            room: None,
        },
        |worker| {
            // A sink that has panicked is not asked again.
            let Ok(mut unclaimed) = unclaimed.lock() else {
                return Ok(None);
            };
            let start = unclaimed.start;
            if start == length {
                return Ok(None);
            }
            let items = match by_span::<S::Out, K>() {
                true => SPAN,
                false => worker.pace.next(length - start, crew.size()),
            };
            worker.piece = start..length.min(start.saturating_add(items));
            worker.room = unclaimed.room.take();
            if let Some(room) = &mut worker.room {
                unclaimed.room = sink.split(room, worker.piece.len());
            }
            unclaimed.start = worker.piece.end;
            unclaimed.number += 1;
            Ok(Some(unclaimed.number - 1))
        },
        |worker, _, part| {
            let items = worker.piece.len();
            match worker.room.take() {
                Some(room) => *part = room,
                None if S::ONE_TO_ONE && in_order => {
                    Memory::reserve(sink, part, items, memory.worker)?;
                }
                None => {}
            }
            let clock = Instant::now();
            let piece = worker.piece.clone();
            run_spans(source, piece, stage, &mut worker.local, sink, part)?;
            worker.pace.note(items, clock.elapsed());
            Ok(())
        },
        || (),
    )
}

/// Works alone until it is worth waking others; returns how many items are done, and at what pace.
fn begin<X, S, K>(
    engine: &Parallel,
    source: X,
    stage: &S,
    sink: &K,
    part: &mut K::Part,
) -> Result<(usize, Pace), Error>
where
    X: Indexed,
    S: Stage<Owned<X::Item>>,
    K: Sink<S::Out>,
{
    let mut alone = match by_span::<S::Out, K>() {
        true => engine.alone(),
        false => engine.alone().wary(),
    };
    let mut pace = Pace::new();
    if alone.is_pointless() {
        return Ok((0, pace));
    }
    let mut local = stage.local();
    let length = source.len();
    let mut done = 0;
    while done < length {
        let items = match by_span::<S::Out, K>() {
            true => SPAN,
            false if engine.workers == 1 => pace.next(length - done, 1),
            false => pace.next_alone(length - done),
        };
        let end = length.min(done + items);
        run_spans(source, done..end, stage, &mut local, sink, part)?;
        sink.flush(part);
        Memory::check(sink.bytes(part), engine.limits().joined)?;
        let (taken, enough) = alone.note((end - done) as u64, Some((length - end) as u64));
        pace.note(end - done, taken);
        done = end;
        if enough {
            break;
        }
    }
    Ok((done, pace))
}

/// Runs the items at `range` and seals at the end of each span.
fn run_spans<X, S, K>(
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
    let mut start = range.start;
    while start < range.end {
        let stop = (start + 1).next_multiple_of(SPAN).min(range.end);
        run_range(source, start..stop, stage, local, sink, part)?;
        if stop.is_multiple_of(SPAN) || stop == source.len() {
            sink.seal(part);
        }
        start = stop;
    }
    Ok(())
}
