//! Records of a text, of which the workers claim chunks.

use super::Parallel;
use crate::blocks::run_text;
use crate::chunks::Chunked;
use crate::engine::Error;
use crate::item::Bytes;
use crate::memory::Memory;
use crate::sink::Sink;
use crate::stage::Stage;
use crate::workers::continue_claims;

/// Runs all chunks of a text of `length` bytes, if that is known.
pub(super) fn run<C, S, K>(
    engine: &Parallel,
    chunks: &C,
    length: Option<u64>,
    stage: &S,
    sink: &K,
) -> Result<K::Part, Error>
where
    C: Chunked,
    S: Stage<Bytes> + Sync,
    K: Sink<S::Out>,
{
    let memory = engine.limits();
    let mut begun = sink.part();
    let mut buffer = C::Buffer::default();
    let mut local = stage.local();
    let mut alone = match length {
        Some(_) => engine.alone(),
        None => engine.alone().wary(),
    };
    let (mut pieces, mut left) = (0, length);
    while !alone.is_pointless() {
        let Some(number) = chunks.claim(&mut buffer)? else {
            return Ok(begun);
        };
        let text = chunks.text(&buffer);
        run_text(text, memory.record, stage, &mut local, sink, &mut begun)?;
        sink.flush(&mut begun);
        Memory::check(sink.bytes(&begun), memory.joined)?;
        pieces = number + 1;
        let fresh = text.len() as u64;
        left = left.map(|left| left.saturating_sub(fresh));
        if alone.note(fresh, left).1 {
            break;
        }
    }
    drop(buffer);
    continue_claims(
        begun,
        &engine.crew(),
        sink,
        memory,
        || (C::Buffer::default(), stage.local()),
        |(buffer, _)| Ok(chunks.claim(buffer)?.map(|number| number - pieces)),
        |(buffer, local), _, part| {
            run_text(chunks.text(buffer), memory.record, stage, local, sink, part)
        },
        || chunks.halt(),
    )
}
