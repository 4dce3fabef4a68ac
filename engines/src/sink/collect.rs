//! Collecting the results into one vector, which several threads can fill at once.

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use super::{Of, Order, Sink};
use crate::item::Owned;

/// See [`collect`].
pub struct Collect<O>(PhantomData<fn() -> O>);

/// Collects the results into a vector, in the order of the input. Where their number is known,
/// several workers write them in place, each its own range.
///
/// ```
/// use engines::{Engine, Parallel, Pipeline, collect};
///
/// let odd = Pipeline::new().filter(|n: &u32| n % 2 == 1);
/// assert_eq!(Parallel::default().run(&[3, 2, 1][..], &odd, collect()).unwrap(), [3, 1]);
/// ```
pub fn collect<O>() -> Collect<O> {
    Collect(PhantomData)
}

/// Results of one part: in a vector that grows, or in a range of memory that other parts share.
pub struct Collected<O> {
    items: Vec<O>,
    /// If there is one, `items` stays empty.
    range: Option<Range<O>>,
}

/// The memory of a vector, without the items in it.
struct Block<O> {
    start: *mut O,
    capacity: usize,
}

// SAFETY: a block gives no access to items, and its memory may be freed from any thread.
unsafe impl<O> Send for Block<O> {}
// SAFETY: as above; nothing can be done through a shared reference.
unsafe impl<O> Sync for Block<O> {}

impl<O> Drop for Block<O> {
    fn drop(&mut self) {
        // SAFETY: `start` and `capacity` are those of a vector that was taken apart to make this block;
        // with length 0 it frees the memory and drops no item.
        drop(unsafe { Vec::from_raw_parts(self.start, 0, self.capacity) });
    }
}

/// A range of places in a block, of which the first `filled` hold items that belong to the range. No
/// two ranges of one block have a place in common.
struct Range<O> {
    block: Arc<Block<O>>,
    start: usize,
    filled: usize,
    end: usize,
    /// Bytes of memory that are put down to this part: the block's, for the one that made room.
    bytes: usize,
    items: PhantomData<O>,
}

// SAFETY: a range is the only way to its places and owns the items in them, as a vector does.
unsafe impl<O: Send> Send for Range<O> {}

impl<O> Range<O> {
    /// Takes a vector apart: all its memory is one range.
    fn whole(items: Vec<O>) -> Self {
        let mut items = ManuallyDrop::new(items);
        let (filled, capacity) = (items.len(), items.capacity());
        let start = items.as_mut_ptr();
        Range {
            block: Arc::new(Block { start, capacity }),
            start: 0,
            filled,
            end: capacity,
            bytes: capacity * size_of::<O>(),
            items: PhantomData,
        }
    }

    /// The first item's place.
    fn first(&self) -> *mut O {
        // SAFETY: `start` is at most the block's capacity.
        unsafe { self.block.start.add(self.start) }
    }

    /// Splits off the room behind `items` more.
    fn split(&mut self, items: usize) -> Option<Self> {
        let start = (self.start + self.filled).checked_add(items)?;
        if start > self.end {
            return None;
        }
        let end = std::mem::replace(&mut self.end, start);
        Some(Range {
            block: Arc::clone(&self.block),
            start,
            filled: 0,
            end,
            bytes: 0,
            items: PhantomData,
        })
    }

    /// Fills the next `n` places.
    #[inline(always)]
    fn extend(&mut self, n: usize, mut get: impl FnMut(usize) -> O) {
        assert!(
            n <= self.end - self.start - self.filled,
            "a part without room"
        );
        let next = self.first().wrapping_add(self.filled);
        // Counts what has been written also when `get` panics.
        let mut written = Written(&mut self.filled, 0);
        for i in 0..n {
            let item = get(i);
            // SAFETY: the place is below `end` by the assertion, and it belongs to this range alone. What
            // lies there has not been initialised, or has been moved away.
            unsafe { next.add(i).write(item) };
            written.1 += 1;
        }
    }

    /// The items as a vector: the block itself if no other range of it is left, and a copy if not.
    fn into_vec(mut self) -> Vec<O> {
        let filled = std::mem::take(&mut self.filled);
        if self.start == 0
            && let Some(block) = Arc::get_mut(&mut self.block)
        {
            let emptied = Vec::<O>::new();
            let taken = Block {
                start: emptied.as_ptr().cast_mut(),
                capacity: emptied.capacity(),
            };
            std::mem::forget(emptied);
            let block = ManuallyDrop::new(std::mem::replace(block, taken));
            // SAFETY: the parts of a vector, of which this range, the only one, has filled the first places.
            return unsafe { Vec::from_raw_parts(block.start, filled, block.capacity) };
        }
        let mut items = Vec::with_capacity(filled);
        // SAFETY: the first `filled` places hold items that are this range's; it has let go of them above,
        // so that they are moved and not dropped. A new vector lies elsewhere.
        unsafe {
            std::ptr::copy_nonoverlapping(self.first(), items.as_mut_ptr(), filled);
            items.set_len(filled);
        }
        items
    }
}

impl<O> Drop for Range<O> {
    fn drop(&mut self) {
        if std::mem::needs_drop::<O>() {
            let items = std::ptr::slice_from_raw_parts_mut(self.first(), self.filled);
            // SAFETY: the first `filled` places hold items that are this range's.
            unsafe { items.drop_in_place() };
        }
    }
}

/// Adds to a count when it is dropped: a count in a register does not keep a loop from vectorising.
struct Written<'f>(&'f mut usize, usize);

impl Drop for Written<'_> {
    fn drop(&mut self) {
        *self.0 += self.1;
    }
}

impl<O> Collected<O> {
    fn into_vec(self) -> Vec<O> {
        self.range.map_or(self.items, Range::into_vec)
    }
}

// SAFETY: `block` walks the positions below `n` once.
unsafe impl<O: Send> Sink<Owned<O>> for Collect<O> {
    type Part = Collected<O>;
    type Output = Vec<O>;
    const ORDER: Order = Order::Input;
    const SPANS: bool = false;

    fn part(&self) -> Collected<O> {
        Collected {
            items: Vec::new(),
            range: None,
        }
    }

    fn reserve(&self, part: &mut Collected<O>, items: usize) {
        if part.range.is_none() {
            part.items.reserve_exact(items);
        }
    }

    fn split(&self, part: &mut Collected<O>, items: usize) -> Option<Collected<O>> {
        if part.range.is_none() {
            if part.items.capacity() - part.items.len() < items {
                return None;
            }
            part.range = Some(Range::whole(std::mem::take(&mut part.items)));
        }
        Some(Collected {
            items: Vec::new(),
            range: Some(part.range.as_mut()?.split(items)?),
        })
    }

    #[inline(always)]
    fn push(&self, part: &mut Collected<O>, item: O) {
        debug_assert!(part.range.is_none(), "split parts are filled by the block");
        part.items.push(item);
    }

    #[inline(always)]
    unsafe fn block<'a>(
        &self,
        part: &mut Collected<O>,
        _: usize,
        n: usize,
        get: impl FnMut(usize) -> Of<'a, O>,
    ) {
        match &mut part.range {
            None => part.items.extend((0..n).map(get)),
            Some(range) => range.extend(n, get),
        }
    }

    fn merge(&self, into: &mut Collected<O>, mut from: Collected<O>) {
        if let (Some(before), Some(behind)) = (&mut into.range, &mut from.range)
            && Arc::ptr_eq(&before.block, &behind.block)
            && before.start + before.filled == behind.start
        {
            // The items are where they belong.
            before.filled += std::mem::take(&mut behind.filled);
            before.end = behind.end;
            return;
        }
        let from = from.into_vec();
        if into.range.is_none() && into.items.capacity() == 0 {
            into.items = from;
            return;
        }
        let mut items = std::mem::replace(into, Sink::part(self)).into_vec();
        items.extend(from);
        into.items = items;
    }

    fn finish(self, part: Collected<O>) -> Vec<O> {
        part.into_vec()
    }

    fn bytes(&self, part: &Collected<O>) -> usize {
        let shared = part.range.as_ref().map_or(0, |range| range.bytes);
        part.items.capacity() * size_of::<O>() + shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// Adds `n` counted items, of which the one at `culprit` panics.
    fn add(
        sink: &Collect<Arc<()>>,
        part: &mut Collected<Arc<()>>,
        n: usize,
        item: &Arc<()>,
        culprit: usize,
    ) {
        // SAFETY: positions do not matter to this sink.
        unsafe {
            sink.block(part, 0, n, |i| {
                assert!(i != culprit);
                Arc::clone(item)
            });
        }
    }

    proptest! {
        /// Whatever is merged, dropped or cut short by a panic: every item is dropped once.
        #[test]
        fn split_parts_own_what_is_in_them(
            begun in 0usize..5,
            sizes in proptest::collection::vec(0usize..9, 0..6),
            culprit in 0usize..12,
            lost in 0usize..8,
        ) {
            let sink = collect::<Arc<()>>();
            let item = Arc::new(());
            let room = sizes.iter().sum::<usize>();
            let mut whole = Sink::<Owned<Arc<()>>>::part(&sink);
            sink.reserve(&mut whole, begun + room);
            add(&sink, &mut whole, begun, &item, usize::MAX);
            let mut rest = sink.split(&mut whole, 0).unwrap();
            prop_assert!(sink.split(&mut rest, room + begun + 100).is_none());
            let mut parts = Vec::new();
            for size in &sizes {
                let behind = sink.split(&mut rest, *size).unwrap();
                parts.push(std::mem::replace(&mut rest, behind));
            }
            // Last first: the order in which they are filled does not matter.
            let mut expected = begun;
            let mut missing = false;
            for (i, (part, size)) in parts.iter_mut().zip(&sizes).enumerate().rev() {
                let fill = || add(&sink, part, *size, &item, if i == 1 { culprit } else { usize::MAX });
                let failed = catch_unwind(AssertUnwindSafe(fill)).is_err();
                prop_assert_eq!(failed, i == 1 && culprit < *size);
                missing |= failed;
            }
            for (i, (part, size)) in parts.into_iter().zip(&sizes).enumerate() {
                if i == lost {
                    continue;
                }
                expected += if i == 1 { (*size).min(culprit) } else { *size };
                sink.merge(&mut whole, part);
            }
            let in_place = whole.items.is_empty() && whole.range.is_some();
            prop_assert!(in_place || missing || lost < sizes.len());
            prop_assert_eq!(Arc::strong_count(&item), expected + 1);
            drop(rest);
            let items = sink.finish(whole);
            prop_assert_eq!(items.len(), expected);
            drop(items);
            prop_assert_eq!(Arc::strong_count(&item), 1);
        }
    }

    #[test]
    fn nothing_is_copied() {
        let sink = collect::<u64>();
        let mut whole = Sink::<Owned<u64>>::part(&sink);
        sink.reserve(&mut whole, 100);
        let first = whole.items.as_ptr();
        let mut low = sink.split(&mut whole, 0).unwrap();
        let mut high = sink.split(&mut low, 60).unwrap();
        // SAFETY: positions do not matter to this sink.
        unsafe {
            sink.block(&mut high, 60, 40, |i| 60 + i as u64);
            sink.block(&mut low, 0, 60, |i| i as u64);
        }
        sink.merge(&mut whole, low);
        sink.merge(&mut whole, high);
        let items = sink.finish(whole);
        assert_eq!(items.as_ptr(), first);
        assert!(items.into_iter().eq(0..100));
    }
}
