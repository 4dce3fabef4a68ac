//! What becomes of the results. A sink accumulates into *parts*, one for each worker or each chunk
//! of the input, and the engine joins them in the order that the sink asks for.

mod batches;
mod collect;
mod count;

use std::marker::PhantomData;
use std::time::Duration;

pub use self::batches::{batches, batches_unordered};
pub use self::collect::collect;
pub use self::count::count;
use crate::group::Groups;
use crate::item::{Item, Keyed, Owned};

/// An owned item, written so that `'a` is bound early, as in the trait.
type Of<'a, O> = <Owned<O> as Item>::Of<'a>;

/// In which order an engine joins the parts of a sink.
///
/// ```
/// use engines::{Order, Owned, Sink};
///
/// fn order<K: Sink<Owned<f64>>>(_: &K) -> Order {
///     K::ORDER
/// }
/// assert_eq!(order(&engines::collect()), Order::Input);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Any order will do: one part for each worker, joined at the end.
    Any,
    /// The order of the input: one part for each chunk, joined first to last.
    Input,
}

/// Items of an indexed source or an iterator after which every engine seals a part: workers claim
/// whole spans, and smaller blocks lie within one.
pub const SPAN: usize = 1 << 16;

/// In place of a position, where items have none that the engine knows.
pub(crate) const UNPLACED: usize = usize::MAX;

/// A consumer of items of the family `Out`.
///
/// # Safety
/// An implementation of [`Sink::block`] must call `get` with positions below `n` only, and with none
/// twice: engines read items without a check, because one would keep the loop from vectorising. The
/// `block` that the trait provides does so.
///
/// ```
/// use engines::{Engine, Order, Owned, Parallel, Pipeline, Sink};
///
/// /// The largest item.
/// struct Largest;
///
/// // SAFETY: the provided `block` is used.
/// unsafe impl Sink<Owned<u32>> for Largest {
///     type Part = Option<u32>;
///     type Output = Option<u32>;
///     const ORDER: Order = Order::Any;
///     const SPANS: bool = false;
///
///     fn part(&self) -> Option<u32> {
///         None
///     }
///
///     fn push(&self, part: &mut Option<u32>, item: u32) {
///         *part = (*part).max(Some(item));
///     }
///
///     fn merge(&self, into: &mut Option<u32>, from: Option<u32>) {
///         *into = (*into).max(from);
///     }
///
///     fn finish(self, part: Option<u32>) -> Option<u32> {
///         part
///     }
/// }
/// let largest = Parallel::default().run(&[3, 9, 4][..], &Pipeline::new(), Largest);
/// assert_eq!(largest.unwrap(), Some(9));
/// ```
pub unsafe trait Sink<Out: Item>: Sync {
    /// What one worker or one chunk accumulates.
    type Part: Send;
    /// The result of the run.
    type Output;
    /// How parts are to be joined.
    const ORDER: Order;
    /// Whether it matters where spans end: if not, an engine with several workers may divide a span
    /// among them. Sinks that do not implement [`Sink::seal`] set it to `false`.
    const SPANS: bool = true;

    /// An empty part.
    fn part(&self) -> Self::Part;

    /// Says that `items` more will be added to `part`, where an engine knows: a sink that keeps them
    /// all can make room for them at once.
    #[inline]
    fn reserve(&self, part: &mut Self::Part, items: usize) {
        let _ = (part, items);
    }

    /// Leaves `part` with room for `items` more and returns a part with the room behind it, so that two
    /// threads can fill both at once and [`Sink::merge`] need not copy; `None`, with `part` as it was,
    /// where a sink cannot do this or has no such room. What becomes of such parts is added by
    /// [`Sink::block`], and no more than they have room for.
    #[inline]
    fn split(&self, part: &mut Self::Part, items: usize) -> Option<Self::Part> {
        let _ = (part, items);
        None
    }

    /// Adds one item.
    fn push(&self, part: &mut Self::Part, item: Out::Of<'_>);

    /// Adds `n` items, of which `get(i)` is the `i`-th; the first one is number `at` of the run, or
    /// `at` is `usize::MAX` where the source is not indexed. Engines use it for one-to-one pipelines, where
    /// it vectorises.
    ///
    /// # Safety
    /// No two calls on one sink, from whichever threads, may have positions `at..at + n` in common: a
    /// sink may write its results in place, by position.
    #[inline(always)]
    unsafe fn block<'a>(
        &self,
        part: &mut Self::Part,
        at: usize,
        n: usize,
        mut get: impl FnMut(usize) -> Out::Of<'a>,
    ) {
        let _ = at;
        for i in 0..n {
            self.push(part, get(i));
        }
    }

    /// Called whenever a batch of input is done, in the order of the input when [`Order::Input`]: the
    /// sink may hand on what it has.
    #[inline]
    fn flush(&self, part: &mut Self::Part) {
        let _ = part;
    }

    /// Called at the end of each span of [`SPAN`] items of an indexed source or an iterator, by every
    /// engine at the same places, so that a sink of rounded numbers can round in the same places.
    #[inline]
    fn seal(&self, part: &mut Self::Part) {
        let _ = part;
    }

    /// Says that a worker had to wait for `time` until it was admitted to its next piece, because it was
    /// too far ahead in the order of the input; `queued` finished parts waited for their turn when it
    /// began to. A run in which nobody waits reads no clock for it.
    fn waited(&self, time: Duration, queued: usize) {
        let _ = (time, queued);
    }

    /// Adds everything in `from` to `into`.
    fn merge(&self, into: &mut Self::Part, from: Self::Part);

    /// Turns the joined part into the result.
    fn finish(self, part: Self::Part) -> Self::Output;

    /// Heap bytes that a part holds, for engines that keep a memory budget.
    fn bytes(&self, part: &Self::Part) -> usize {
        let _ = part;
        0
    }
}

/// See [`fold`].
pub struct Fold<A, I, F, M>(I, F, M, PhantomData<fn() -> A>);

/// Folds items into an accumulator: `init` makes an empty one, `step` adds an item, `merge` joins two.
/// Joins happen in any order, so `merge` must be associative and commutative.
///
/// ```
/// use engines::{Engine, Parallel, Pipeline, fold};
///
/// let largest = fold(|| 0, |max: &mut u32, n: u32| *max = n.max(*max), |max, n| *max = n.max(*max));
/// assert_eq!(Parallel::default().run(&[3, 9, 4][..], &Pipeline::new(), largest).unwrap(), 9);
/// ```
pub fn fold<A, T, I, F, M>(init: I, step: F, merge: M) -> Fold<A, I, F, M>
where
    I: Fn() -> A + Sync,
    F: Fn(&mut A, T) + Sync,
    M: Fn(&mut A, A) + Sync,
{
    Fold(init, step, merge, PhantomData)
}

// SAFETY: the provided `block` is used.
unsafe impl<Out, A, I, F, M> Sink<Out> for Fold<A, I, F, M>
where
    Out: Item,
    A: Send,
    I: Fn() -> A + Sync,
    F: for<'a> Fn(&mut A, Out::Of<'a>) + Sync,
    M: Fn(&mut A, A) + Sync,
{
    type Part = A;
    type Output = A;
    const ORDER: Order = Order::Any;
    const SPANS: bool = false;

    fn part(&self) -> A {
        (self.0)()
    }

    #[inline(always)]
    fn push(&self, part: &mut A, item: Out::Of<'_>) {
        (self.1)(part, item);
    }

    fn merge(&self, into: &mut A, from: A) {
        (self.2)(into, from);
    }

    fn finish(self, part: A) -> A {
        part
    }
}

/// See [`sum`].
pub struct Sum(());

/// Sums `f64` items. Thirty-two running sums take the items in turn, so that the additions do not
/// wait for each other. Over an indexed source or an iterator the bits of the result are the same on
/// every engine, instruction set and number of workers; over records, requests and files they depend
/// on how the engine cuts its input, within rounding.
///
/// ```
/// use engines::{CacheAware, Engine, Pipeline, sum};
///
/// let squares = Pipeline::new().map(|x: f64| x * x);
/// assert_eq!(CacheAware::default().run(&[3.0, 4.0][..], &squares, sum()).unwrap(), 25.0);
/// ```
pub fn sum() -> Sum {
    Sum(())
}

/// Running sums of [`sum`]; a block of a one-to-one pipeline is a multiple of them long.
pub(crate) const LANES: usize = 32;

/// Thirty-two running sums and the lane that is next.
pub struct Lanes {
    sums: [f64; LANES],
    next: usize,
    total: f64,
}

// SAFETY: `block` walks the positions below `n` once: whole rows of lanes first, then the rest.
unsafe impl Sink<Owned<f64>> for Sum {
    type Part = Lanes;
    type Output = f64;
    const ORDER: Order = Order::Input;

    fn part(&self) -> Lanes {
        Lanes {
            sums: [0.0; LANES],
            next: 0,
            total: 0.0,
        }
    }

    #[inline(always)]
    fn push(&self, part: &mut Lanes, item: f64) {
        part.sums[part.next % LANES] += item;
        part.next += 1;
    }

    #[inline(always)]
    unsafe fn block<'a>(
        &self,
        part: &mut Lanes,
        _: usize,
        n: usize,
        mut get: impl FnMut(usize) -> Of<'a, f64>,
    ) {
        if !part.next.is_multiple_of(LANES) {
            // After an odd block; engines avoid them within a span, because this does not vectorise.
            return (0..n).for_each(|i| Sink::<Owned<f64>>::push(self, part, get(i)));
        }
        part.next += n;
        let mut sums = part.sums;
        let whole = n - n % LANES;
        let mut base = 0;
        while base < whole {
            for (lane, sum) in sums.iter_mut().enumerate() {
                *sum += get(base + lane);
            }
            base += LANES;
        }
        for i in whole..n {
            sums[i - whole] += get(i);
        }
        part.sums = sums;
    }

    fn seal(&self, part: &mut Lanes) {
        part.total += part.sums.iter().sum::<f64>();
        part.sums = [0.0; LANES];
        part.next = 0;
    }

    fn merge(&self, into: &mut Lanes, mut from: Lanes) {
        self.seal(into);
        self.seal(&mut from);
        into.total += from.total;
    }

    fn finish(self, mut part: Lanes) -> f64 {
        self.seal(&mut part);
        part.total
    }
}

/// See [`fill`].
pub struct Fill<'o, O> {
    out: *mut O,
    len: usize,
    borrow: PhantomData<&'o mut [O]>,
}

/// Writes the results of a one-to-one pipeline over an indexed source into `out`, which must be as
/// long as the source: no allocation, and every worker writes its own part in place.
///
/// # Panics
/// A run panics at the first result that has no place: if `out` is shorter than the source, the pipeline
/// is not one-to-one or the source is an iterator. Where there is no result, there is no panic.
///
/// ```
/// use engines::{CacheAware, Engine, Pipeline, fill};
///
/// let mut doubled = [0; 3];
/// let double = Pipeline::new().map(|n: i32| 2 * n);
/// CacheAware::default().run(&[1, 2, 3][..], &double, fill(&mut doubled)).unwrap();
/// assert_eq!(doubled, [2, 4, 6]);
/// ```
pub fn fill<O: Copy + Send>(out: &mut [O]) -> Fill<'_, O> {
    Fill {
        out: out.as_mut_ptr(),
        len: out.len(),
        borrow: PhantomData,
    }
}

// SAFETY: the pointer stands for the exclusive borrow held in `borrow`; engines call `block` with
// ranges that do not overlap, so that no element is written by two threads.
unsafe impl<O: Send> Sync for Fill<'_, O> {}
// SAFETY: as above; sending it moves the exclusive borrow.
unsafe impl<O: Send> Send for Fill<'_, O> {}

const UNFIT: &str = "`fill` needs a one-to-one pipeline over an indexed source";

// SAFETY: `block` walks the positions of a slice of length `n` once.
unsafe impl<O: Copy + Send> Sink<Owned<O>> for Fill<'_, O> {
    type Part = ();
    type Output = ();
    const ORDER: Order = Order::Any;
    const SPANS: bool = false;

    fn part(&self) {}

    fn push(&self, (): &mut (), _: O) {
        panic!("{UNFIT}");
    }

    #[inline(always)]
    unsafe fn block<'a>(
        &self,
        (): &mut (),
        at: usize,
        n: usize,
        mut get: impl FnMut(usize) -> Of<'a, O>,
    ) {
        assert!(at != UNPLACED, "{UNFIT}");
        assert!(
            at.checked_add(n).is_some_and(|end| end <= self.len),
            "`fill` is too short"
        );
        // SAFETY: in bounds by the assertion; exclusive because engines never pass overlapping ranges.
        let out = unsafe { std::slice::from_raw_parts_mut(self.out.add(at), n) };
        for (i, slot) in out.iter_mut().enumerate() {
            *slot = get(i);
        }
    }

    fn merge(&self, (): &mut (), (): ()) {}

    fn finish(self, (): ()) {}
}

/// See [`group`].
pub struct Group<A, I, F, M>(I, F, M, PhantomData<fn() -> A>);

/// Groups keyed items: `init` makes an empty accumulator for a new key, `step` adds a value to its
/// key's accumulator, `merge` joins two accumulators of one key. Joins happen in any order.
///
/// ```
/// use engines::{Engine, Pipeline, Records, Streaming, group};
///
/// let word = Pipeline::records().keyed(|line| Some((line, 1u64)));
/// let count = group(|| 0, |n: &mut u64, one| *n += one, |n, more| *n += more);
/// let words = Streaming::default().run(Records::text(b"a\nb\na"), &word, count).unwrap();
/// assert_eq!(words.sorted(), [(&b"a"[..], &2), (b"b", &1)]);
/// ```
pub fn group<V, A, I, F, M>(init: I, step: F, merge: M) -> Group<A, I, F, M>
where
    I: Fn() -> A + Sync,
    F: Fn(&mut A, V) + Sync,
    M: Fn(&mut A, A) + Sync,
{
    Group(init, step, merge, PhantomData)
}

// SAFETY: the provided `block` is used.
unsafe impl<V, A, I, F, M> Sink<Keyed<V>> for Group<A, I, F, M>
where
    A: Send,
    I: Fn() -> A + Sync,
    F: Fn(&mut A, V) + Sync,
    M: Fn(&mut A, A) + Sync,
{
    type Part = Groups<A>;
    type Output = Groups<A>;
    const ORDER: Order = Order::Any;
    const SPANS: bool = false;

    fn part(&self) -> Groups<A> {
        Groups::new()
    }

    #[inline(always)]
    fn push(&self, part: &mut Groups<A>, (key, value): (&[u8], V)) {
        (self.1)(part.entry(key, &self.0), value);
    }

    fn merge(&self, into: &mut Groups<A>, from: Groups<A>) {
        if into.is_empty() {
            *into = from;
        } else {
            into.absorb(from, &self.2);
        }
    }

    fn finish(self, part: Groups<A>) -> Groups<A> {
        part
    }

    fn bytes(&self, part: &Groups<A>) -> usize {
        part.bytes()
    }
}
