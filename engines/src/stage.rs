//! What a pipeline is made of: the stage, the chain of two, and the empty chain. Closures are composed
//! into one nested type, so that a batch runs through all of them without a call, an allocation or a
//! trait object in between.

use crate::item::Item;

/// What a stage reports as the reason why a run cannot go on.
///
/// ```
/// let failure: engines::Failure = "not a number".into();
/// assert_eq!(failure.to_string(), "not a number");
/// ```
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One link of a chain, or a whole chain: takes items of the family `In`, emits items of `Out`.
///
/// An engine calls [`Self::local`] once for each worker, and for each batch of the worker's input
/// [`Self::begin`], then [`Self::push`] or [`Self::one`] for every item, then [`Self::end`] and
/// [`Self::failure`]. Where batches end is the engine's choice.
pub trait Stage<In: Item> {
    /// What the stage emits.
    type Out: Item;
    /// What one worker keeps between items: scratch buffers, for instance. Nothing is shared.
    type Local: Send;
    /// Whether every item yields exactly one: then blocks have a known size and vectorise.
    const ONE_TO_ONE: bool;

    /// What a worker begins with.
    fn local(&self) -> Self::Local;

    /// Takes one item and hands every result to `emit` before it returns, unless the stage gathers
    /// items: then it has until [`Self::end`].
    fn push<E>(&self, local: &mut Self::Local, item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut(<Self::Out as Item>::Of<'b>);

    /// Takes one item and returns its one result. Engines call it only where [`Self::ONE_TO_ONE`].
    fn one<'a>(&self, local: &mut Self::Local, item: In::Of<'a>) -> <Self::Out as Item>::Of<'a>;

    /// Says that a batch begins.
    #[inline(always)]
    fn begin(&self, local: &mut Self::Local, batch: Batch) {
        let _ = (local, batch);
    }

    /// Says that the batch has ended: a stage that gathers items hands on what it has.
    #[inline(always)]
    fn end<E>(&self, local: &mut Self::Local, emit: &mut E)
    where
        E: for<'b> FnMut(<Self::Out as Item>::Of<'b>),
    {
        let _ = (local, emit);
    }

    /// Why the run cannot go on, if it cannot. It is asked after each batch.
    #[inline(always)]
    fn failure(&self, local: &mut Self::Local) -> Option<Failure> {
        let _ = local;
        None
    }

    /// Appends what the stages are, in words, first to last.
    fn describe(&self, steps: &mut Vec<String>);
}

/// A batch of input that is about to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batch {
    /// Items, where their number is known before they are looked at.
    pub items: Option<usize>,
    /// Bytes of input: of a text, of contents, or of the items themselves.
    pub bytes: usize,
}

impl Batch {
    pub(crate) fn new(items: Option<usize>, bytes: usize) -> Self {
        Batch { items, bytes }
    }
}

/// The empty chain.
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity;

impl<In: Item> Stage<In> for Identity {
    type Out = In;
    type Local = ();
    const ONE_TO_ONE: bool = true;

    fn local(&self) {}

    #[inline(always)]
    fn push<E>(&self, (): &mut (), item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut(In::Of<'b>),
    {
        emit(item)
    }

    #[inline(always)]
    fn one<'a>(&self, (): &mut (), item: In::Of<'a>) -> In::Of<'a> {
        item
    }

    fn describe(&self, _: &mut Vec<String>) {}
}

/// Two stages, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Then<A, B>(pub(crate) A, pub(crate) B);

impl<In, A, B> Stage<In> for Then<A, B>
where
    In: Item,
    A: Stage<In>,
    B: Stage<A::Out>,
{
    type Out = B::Out;
    type Local = (A::Local, B::Local);
    const ONE_TO_ONE: bool = A::ONE_TO_ONE && B::ONE_TO_ONE;

    fn local(&self) -> Self::Local {
        (self.0.local(), self.1.local())
    }

    #[inline(always)]
    fn push<E>(&self, (a, b): &mut Self::Local, item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut(<B::Out as Item>::Of<'b>),
    {
        let mut next = into_emit::<A::Out, _>(
            #[inline(always)]
            |x| self.1.push(b, x, emit),
        );
        self.0.push(a, item, &mut next);
    }

    #[inline(always)]
    fn one<'a>(&self, (a, b): &mut Self::Local, item: In::Of<'a>) -> <B::Out as Item>::Of<'a> {
        self.1.one(b, self.0.one(a, item))
    }

    #[inline(always)]
    fn begin(&self, (a, _): &mut Self::Local, batch: Batch) {
        // Of the second stage's input nothing is known but through its items.
        self.0.begin(a, batch);
    }

    #[inline(always)]
    fn end<E>(&self, (a, b): &mut Self::Local, emit: &mut E)
    where
        E: for<'b> FnMut(<B::Out as Item>::Of<'b>),
    {
        let mut next = into_emit::<A::Out, _>(
            #[inline(always)]
            |x| self.1.push(b, x, emit),
        );
        self.0.end(a, &mut next);
        self.1.end(b, emit);
    }

    #[inline(always)]
    fn failure(&self, (a, b): &mut Self::Local) -> Option<Failure> {
        self.0.failure(a).or_else(|| self.1.failure(b))
    }

    fn describe(&self, steps: &mut Vec<String>) {
        self.0.describe(steps);
        self.1.describe(steps);
    }
}

/// A closure that takes items, as it is: a closure is marked to be inlined only where it is an argument,
/// and one that is not would be compiled for the base instruction set.
#[inline(always)]
pub(crate) fn into_emit<In, F>(f: F) -> F
where
    In: Item,
    F: for<'a> FnMut(In::Of<'a>),
{
    f
}

/// Stands where a stage has nothing to do for one item at a time.
pub(crate) fn not_one_to_one() -> ! {
    unreachable!("engines ask for one result only where every item yields one")
}
