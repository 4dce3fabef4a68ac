//! temp
use crate::blocks::*;
use crate::engine::*;
use crate::item::*;
use crate::pipeline::*;
use crate::sink::*;
use crate::source::*;
/// x
#[derive(Default)]
pub struct MemoryOptimized;
impl Engine for MemoryOptimized {
    fn name(&self) -> &'static str {
        "memory-optimized"
    }
    fn indexed<X, S, K>(
        &self,
        source: X,
        pipeline: &Pipeline<Owned<X::Item>, S>,
        sink: K,
    ) -> Result<K::Output, Error>
    where
        X: Indexed,
        S: Stage<Owned<X::Item>> + Sync,
        K: Sink<S::Out>,
    {
        let mut part = sink.part();
        let mut local = S::Local::default();
        let n = source.len();
        for s in (0..n).step_by(SPAN) {
            run_range(
                source,
                s..(s + SPAN).min(n),
                &pipeline.stage,
                &mut local,
                &sink,
                &mut part,
            );
            sink.seal(&mut part);
        }
        Ok(sink.finish(part))
    }
    fn iterate<I, S, K>(
        &self,
        source: I,
        pipeline: &Pipeline<Owned<I::Item>, S>,
        sink: K,
    ) -> Result<K::Output, Error>
    where
        I: Iterator<Item: Send> + Send,
        S: Stage<Owned<I::Item>> + Sync,
        K: Sink<S::Out>,
    {
        let mut part = sink.part();
        let mut local = S::Local::default();
        let mut v: Vec<_> = source.collect();
        run_batch(&mut v, &pipeline.stage, &mut local, &sink, &mut part);
        Ok(sink.finish(part))
    }
    fn records<S, K>(
        &self,
        source: Records<'_>,
        pipeline: &Pipeline<Bytes, S>,
        sink: K,
    ) -> Result<K::Output, Error>
    where
        S: Stage<Bytes> + Sync,
        K: Sink<S::Out>,
    {
        let mut part = sink.part();
        let mut local = S::Local::default();
        let RecordInput::Text(text) = source.0 else {
            panic!()
        };
        run_text(text, &pipeline.stage, &mut local, &sink, &mut part);
        Ok(sink.finish(part))
    }
    fn requests<P, S, K>(
        &self,
        source: Requests<'_, P>,
        pipeline: &Pipeline<Keyed<usize>, S>,
        sink: K,
    ) -> Result<K::Output, Error>
    where
        P: Protocol,
        S: Stage<Keyed<usize>> + Sync,
        K: Sink<S::Out>,
    {
        panic!()
    }
    fn files<S, K>(
        &self,
        source: Files<'_>,
        pipeline: &Pipeline<Keyed<usize>, S>,
        sink: K,
    ) -> Result<K::Output, Error>
    where
        S: Stage<Keyed<usize>> + Sync,
        K: Sink<S::Out>,
    {
        panic!()
    }
}
/// x
pub type CacheAware = MemoryOptimized;
