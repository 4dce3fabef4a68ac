//! Stages that can fail, and what becomes of an item on which one does.

use std::any::type_name;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::item::{Bytes, Item, Keyed, Owned};
use crate::stage::{Failure, Stage, not_one_to_one};

/// What becomes of an item on which a stage fails with an `X`: [`Stop`], [`Skip`] or [`Divert`].
///
/// ```
/// use engines::{OnError, Skip, Counter};
///
/// let skipped = Counter::new();
/// let policy: &dyn OnError<String> = &Skip(&skipped);
/// assert!(policy.handle("not a number".into()).is_none()); // The run goes on.
/// assert_eq!((policy.name(), skipped.get()), ("skip", 1));
/// ```
pub trait OnError<X>: Sync {
    /// Takes the error; returns it as the reason to end the run, or nothing to go on without the item.
    fn handle(&self, error: X) -> Option<Failure>;

    /// In one word.
    fn name(&self) -> &'static str;
}

/// The first error ends the run as [`Error::Stage`](crate::Error::Stage). With several workers it is
/// the first that one of them meets.
///
/// ```
/// use engines::{CacheAware, Engine, Error, Pipeline, Stop, collect};
///
/// let roots = Pipeline::new().try_map(
///     |x: f64| if x < 0.0 { Err("a negative number") } else { Ok(x.sqrt()) },
///     Stop,
/// );
/// let failed = CacheAware::default().run(&[4.0, -1.0][..], &roots, collect());
/// assert!(matches!(failed, Err(Error::Stage(_))));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Stop;

impl<X: Into<Failure>> OnError<X> for Stop {
    fn handle(&self, error: X) -> Option<Failure> {
        Some(error.into())
    }

    fn name(&self) -> &'static str {
        "stop"
    }
}

/// Items that fail are left out and counted.
///
/// ```
/// use engines::{Counter, Engine, Pipeline, Records, Skip, Streaming, bytes, collect};
///
/// let malformed = Counter::new();
/// let numbers = Pipeline::records()
///     .try_map(|line| bytes::integer(line).ok_or("not a number"), Skip(&malformed));
/// let found = Streaming::default().run(Records::text(b"7\nx\n8"), &numbers, collect()).unwrap();
/// assert_eq!((found, malformed.get()), (vec![7, 8], 1));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Skip<'c>(pub &'c Counter);

impl<X> OnError<X> for Skip<'_> {
    fn handle(&self, _: X) -> Option<Failure> {
        self.0.add(1);
        None
    }

    fn name(&self) -> &'static str {
        "skip"
    }
}

/// The error of each item that fails is handed to a closure, which may be called from several threads
/// at once: a dead-letter queue. Whatever is needed of the item belongs into the error.
///
/// ```
/// use engines::{Divert, Engine, Parallel, Pipeline, Records, bytes, collect};
/// use std::sync::Mutex;
///
/// let dead = Mutex::new(Vec::new());
/// let numbers = Pipeline::records().try_map(
///     |line| bytes::integer(line).ok_or_else(|| line.to_vec()),
///     Divert(|line| dead.lock().unwrap().push(line)),
/// );
/// let found = Parallel::default().run(Records::text(b"7\nx\n8"), &numbers, collect()).unwrap();
/// assert_eq!((found, dead.into_inner().unwrap()), (vec![7, 8], vec![b"x".to_vec()]));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Divert<F>(pub F);

impl<X, F: Fn(X) + Sync> OnError<X> for Divert<F> {
    fn handle(&self, error: X) -> Option<Failure> {
        (self.0)(error);
        None
    }

    fn name(&self) -> &'static str {
        "divert"
    }
}

/// A number that several threads add to and that can be read at any time.
///
/// ```
/// use engines::{Counter, Engine, Pipeline, Records, Skip, Streaming, sum};
///
/// let malformed = Counter::new();
/// let numbers = Pipeline::records()
///     .try_map(|line| std::str::from_utf8(line).unwrap_or("?").parse::<f64>(), Skip(&malformed));
/// let total = Streaming::default().run(Records::text(b"1.5\nnone\n2"), &numbers, sum()).unwrap();
/// assert_eq!((total, malformed.get()), (3.5, 1));
/// ```
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// A counter at 0.
    pub const fn new() -> Self {
        Counter(AtomicU64::new(0))
    }

    /// What has been counted so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }
}

/// See [`Pipeline::try_map`](crate::Pipeline::try_map).
#[derive(Clone, Copy)]
pub struct TryMap<F, P, O, X>(F, P, PhantomData<fn() -> (O, X)>);

impl<F, P, O, X> TryMap<F, P, O, X> {
    pub(crate) fn new(f: F, policy: P) -> Self {
        TryMap(f, policy, PhantomData)
    }
}

impl<In, F, P, O, X> Stage<In> for TryMap<F, P, O, X>
where
    In: Item,
    F: for<'a> Fn(In::Of<'a>) -> Result<O, X>,
    P: OnError<X>,
{
    type Out = Owned<O>;
    /// Why the run is to end.
    type Local = Option<Failure>;
    const ONE_TO_ONE: bool = false;

    fn local(&self) -> Self::Local {
        None
    }

    #[inline(always)]
    fn push<E>(&self, failure: &mut Self::Local, item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut(O),
    {
        if failure.is_some() {
            return;
        }
        match (self.0)(item) {
            Ok(x) => emit(x),
            Err(error) => *failure = self.1.handle(error),
        }
    }

    fn one<'a>(&self, _: &mut Self::Local, _: In::Of<'a>) -> <Owned<O> as Item>::Of<'a> {
        not_one_to_one()
    }

    fn failure(&self, failure: &mut Self::Local) -> Option<Failure> {
        failure.take()
    }

    fn describe(&self, steps: &mut Vec<String>) {
        let (out, policy) = (type_name::<O>(), self.1.name());
        steps.push(format!("try to map to {out}; on error {policy}"));
    }
}

/// See [`Pipeline::try_keyed`](crate::Pipeline::try_keyed).
#[derive(Clone, Copy)]
pub struct TryKeyed<F, P, V, X>(F, P, PhantomData<fn() -> (V, X)>);

impl<F, P, V, X> TryKeyed<F, P, V, X> {
    pub(crate) fn new(f: F, policy: P) -> Self {
        TryKeyed(f, policy, PhantomData)
    }
}

impl<F, P, V, X> Stage<Bytes> for TryKeyed<F, P, V, X>
where
    F: for<'a> Fn(&'a [u8]) -> Result<(&'a [u8], V), X>,
    P: OnError<X>,
{
    type Out = Keyed<V>;
    /// Why the run is to end.
    type Local = Option<Failure>;
    const ONE_TO_ONE: bool = false;

    fn local(&self) -> Self::Local {
        None
    }

    #[inline(always)]
    fn push<E>(&self, failure: &mut Self::Local, item: &[u8], emit: &mut E)
    where
        E: for<'b> FnMut((&'b [u8], V)),
    {
        if failure.is_some() {
            return;
        }
        match (self.0)(item) {
            Ok(keyed) => emit(keyed),
            Err(error) => *failure = self.1.handle(error),
        }
    }

    fn one<'a>(
        &self,
        _: &mut Self::Local,
        _: <Bytes as Item>::Of<'a>,
    ) -> <Keyed<V> as Item>::Of<'a> {
        not_one_to_one()
    }

    fn failure(&self, failure: &mut Self::Local) -> Option<Failure> {
        failure.take()
    }

    fn describe(&self, steps: &mut Vec<String>) {
        let (value, policy) = (type_name::<V>(), self.1.name());
        steps.push(format!(
            "try to split into a key and a {value}; on error {policy}"
        ));
    }
}

/// See [`Pipeline::count`](crate::Pipeline::count).
#[derive(Clone, Copy, Debug)]
pub struct Count<'c>(pub(crate) &'c Counter);

impl<In: Item> Stage<In> for Count<'_> {
    type Out = In;
    /// What the batch has had so far.
    type Local = u64;
    const ONE_TO_ONE: bool = true;

    fn local(&self) -> u64 {
        0
    }

    #[inline(always)]
    fn push<E>(&self, count: &mut u64, item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut(In::Of<'b>),
    {
        *count += 1;
        emit(item);
    }

    #[inline(always)]
    fn one<'a>(&self, count: &mut u64, item: In::Of<'a>) -> In::Of<'a> {
        *count += 1;
        item
    }

    #[inline(always)]
    fn end<E>(&self, count: &mut u64, _: &mut E)
    where
        E: for<'b> FnMut(In::Of<'b>),
    {
        self.0.add(std::mem::take(count));
    }

    fn describe(&self, steps: &mut Vec<String>) {
        steps.push("count".into());
    }
}
