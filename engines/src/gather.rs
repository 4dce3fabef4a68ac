//! Stages that take items together: a closure over a batch of them, and a chain that is known only at
//! run time, which is called once for a batch and not once for an item.

use std::any::type_name;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::blocks::run_gathered;
use crate::item::{Item, Owned};
use crate::stage::{Failure, Stage, not_one_to_one};

/// Bytes of items that are gathered for a chain known at run time only: they stay in the first cache.
const GATHERED_BYTES: usize = 8 << 10;

/// See [`Pipeline::in_batches`](crate::Pipeline::in_batches).
#[derive(Clone, Copy)]
pub struct InBatches<I, F, O> {
    most: usize,
    init: I,
    f: F,
    out: PhantomData<fn() -> O>,
}

impl<I, F, O> InBatches<I, F, O> {
    pub(crate) fn new(most: usize, init: I, f: F) -> Self {
        InBatches {
            most: most.max(1),
            init,
            f,
            out: PhantomData,
        }
    }
}

/// What a worker has gathered, and where results lie until they are handed on.
pub struct Gathered<W, T, O> {
    work: W,
    items: Vec<T>,
    results: Vec<O>,
}

impl<W, T, O> Gathered<W, T, O> {
    fn new(work: W) -> Self {
        Gathered {
            work,
            items: Vec::new(),
            results: Vec::new(),
        }
    }

    /// Lets `run` work on what has been gathered, and hands on its results.
    fn run(
        &mut self,
        run: impl FnOnce(&mut W, &mut Vec<T>, &mut Vec<O>),
        emit: &mut impl FnMut(O),
    ) {
        run(&mut self.work, &mut self.items, &mut self.results);
        self.items.clear();
        self.results.drain(..).for_each(emit);
    }
}

impl<T, W, I, F, O> Stage<Owned<T>> for InBatches<I, F, O>
where
    T: Send,
    W: Send,
    O: Send,
    I: Fn() -> W,
    F: Fn(&mut W, &mut Vec<T>, &mut Vec<O>),
{
    type Out = Owned<O>;
    type Local = Gathered<W, T, O>;
    const ONE_TO_ONE: bool = false;

    fn local(&self) -> Self::Local {
        Gathered::new((self.init)())
    }

    #[inline(always)]
    fn push<E>(&self, gathered: &mut Self::Local, item: T, emit: &mut E)
    where
        E: for<'b> FnMut(O),
    {
        gathered.items.push(item);
        if gathered.items.len() >= self.most {
            gathered.run(&self.f, emit);
        }
    }

    fn one<'a>(&self, _: &mut Self::Local, _: T) -> <Owned<O> as Item>::Of<'a> {
        not_one_to_one()
    }

    fn end<E>(&self, gathered: &mut Self::Local, emit: &mut E)
    where
        E: for<'b> FnMut(O),
    {
        if !gathered.items.is_empty() {
            gathered.run(&self.f, emit);
        }
    }

    fn describe(&self, steps: &mut Vec<String>) {
        let (most, out) = (self.most, type_name::<O>());
        steps.push(format!("in batches of up to {most}, map to {out}"));
    }
}

/// See [`Pipeline::boxed`](crate::Pipeline::boxed).
pub struct Boxed<'p, T, O>(Arc<dyn Erased<'p, T, O> + 'p>);

impl<T, O> Clone for Boxed<'_, T, O> {
    fn clone(&self) -> Self {
        Boxed(self.0.clone())
    }
}

impl<'p, T, O> Boxed<'p, T, O> {
    pub(crate) fn new<S>(stage: S) -> Self
    where
        T: Send + 'p,
        O: Send + 'p,
        S: Stage<Owned<T>, Out = Owned<O>, Local: 'p> + Send + Sync + 'p,
    {
        Boxed(Arc::new(stage))
    }
}

/// A chain without its type.
trait Erased<'p, T, O>: Send + Sync {
    /// The chain with what one worker keeps for it.
    fn start(self: Arc<Self>) -> Box<dyn Running<T, O> + 'p>;

    fn describe(&self, steps: &mut Vec<String>);
}

/// A chain on one worker. Public because the worker's state has a name in [`Stage::Local`].
#[doc(hidden)]
pub trait Running<T, O>: Send {
    fn run(&mut self, items: &mut Vec<T>, results: &mut Vec<O>);
    fn end(&mut self, results: &mut Vec<O>);
    fn failure(&mut self) -> Option<Failure>;
}

struct Started<S, L> {
    stage: Arc<S>,
    local: L,
}

impl<'p, T, O, S> Erased<'p, T, O> for S
where
    T: Send + 'p,
    O: Send + 'p,
    S: Stage<Owned<T>, Out = Owned<O>, Local: 'p> + Send + Sync + 'p,
{
    fn start(self: Arc<Self>) -> Box<dyn Running<T, O> + 'p> {
        let local = self.local();
        Box::new(Started { stage: self, local })
    }

    fn describe(&self, steps: &mut Vec<String>) {
        Stage::describe(self, steps);
    }
}

impl<T, O, S> Running<T, O> for Started<S, S::Local>
where
    T: Send,
    O: Send,
    S: Stage<Owned<T>, Out = Owned<O>> + Send + Sync,
{
    fn run(&mut self, items: &mut Vec<T>, results: &mut Vec<O>) {
        run_gathered(items, &*self.stage, &mut self.local, results);
    }

    fn end(&mut self, results: &mut Vec<O>) {
        self.stage.end(&mut self.local, &mut |x| results.push(x));
    }

    fn failure(&mut self) -> Option<Failure> {
        self.stage.failure(&mut self.local)
    }
}

impl<'p, T, O> Stage<Owned<T>> for Boxed<'p, T, O>
where
    T: Send + 'p,
    O: Send + 'p,
{
    type Out = Owned<O>;
    type Local = Gathered<Box<dyn Running<T, O> + 'p>, T, O>;
    const ONE_TO_ONE: bool = false;

    fn local(&self) -> Self::Local {
        Gathered::new(self.0.clone().start())
    }

    #[inline(always)]
    fn push<E>(&self, gathered: &mut Self::Local, item: T, emit: &mut E)
    where
        E: for<'b> FnMut(O),
    {
        gathered.items.push(item);
        if gathered.items.len()
            >= const { GATHERED_BYTES / if size_of::<T>() > 8 { 64 } else { 8 } }
        {
            gathered.run(|chain, items, results| chain.run(items, results), emit);
        }
    }

    fn one<'a>(&self, _: &mut Self::Local, _: T) -> <Owned<O> as Item>::Of<'a> {
        not_one_to_one()
    }

    fn end<E>(&self, gathered: &mut Self::Local, emit: &mut E)
    where
        E: for<'b> FnMut(O),
    {
        let run = |chain: &mut Box<dyn Running<T, O> + 'p>, items: &mut _, results: &mut _| {
            chain.run(items, results);
            chain.end(results);
        };
        gathered.run(run, emit);
    }

    fn failure(&self, gathered: &mut Self::Local) -> Option<Failure> {
        gathered.work.failure()
    }

    fn describe(&self, steps: &mut Vec<String>) {
        steps.push("known at run time:".into());
        self.0.describe(steps);
    }
}
