//! Memory for what lives as long as a batch: handed out piece by piece, taken back all at once.
//!
//! The chunks are those of `bumpalo`, which has been kept and checked for years and needs no other crate.
//! What is ours is the choice of what may lie in an arena (nothing that would have to be dropped), how much is kept
//! from one batch to the next, and that a batch like the last one allocates nothing.

use std::fmt;

use bumpalo::Bump;
use bumpalo::collections::{String, Vec};

/// Memory that strings, bytes and plain values are put into one behind the other, without an
/// allocation each, and that [`Arena::reset`] empties as a whole.
///
/// Everything in it is borrowed from it, so that nothing outlives a reset. Only `Copy` values go in:
/// there is nothing to drop. An arena is `Send` but not `Sync`: each worker has its own.
///
/// ```
/// use engines::Arena;
///
/// let mut arena = Arena::new();
/// for batch in [["a b", "c"], ["d", "e f"]] {
///     let words = arena.collect(batch.iter().flat_map(|line| line.split(' ')));
///     words.reverse();
///     let loud = arena.collect(words.iter().map(|word| arena.format(format_args!("{word}!"))));
///     assert_eq!(loud.len(), 3);
///     arena.reset();
/// }
/// ```
///
/// What was put in cannot be used after a reset:
///
/// ```compile_fail,E0502
/// let mut arena = engines::Arena::new();
/// let name = arena.str("name");
/// arena.reset();
/// name.make_ascii_uppercase();
/// ```
///
/// In a pipeline each worker can have one as its state ([`map_with`](crate::Pipeline::map_with)), for strings that
/// are needed while an item is worked on:
///
/// ```
/// use engines::{Arena, Engine, MemoryOptimized, Pipeline, collect};
///
/// let palindromes = Pipeline::new().map_with(Arena::new, |arena, n: u32| {
///     arena.reset();
///     let digits = arena.format(format_args!("{n}"));
///     let back = arena.collect(digits.bytes().rev());
///     *back == *digits.as_bytes()
/// });
/// let found = MemoryOptimized::default().run(&[121, 123][..], &palindromes, collect()).unwrap();
/// assert_eq!(found, [true, false]);
/// ```
///
/// A [`Stage`](crate::Stage) of one's own can hand on what lies in its arena: it keeps one as its local
/// state, resets it where a batch begins, and emits strings that borrow from it.
#[derive(Debug)]
pub struct Arena {
    bump: Bump,
    kept: usize,
}

impl Default for Arena {
    /// Keeps up to 1 MiB from one batch to the next.
    fn default() -> Self {
        Arena::keeping(super::KEPT_BYTES)
    }
}

impl Arena {
    /// An empty arena, which has allocated nothing.
    pub fn new() -> Self {
        Arena::default()
    }

    /// As [`Arena::new`], with the bytes that stay allocated over a reset: a batch that has needed more
    /// does not take memory from all that follow.
    pub fn keeping(bytes: usize) -> Self {
        Arena {
            bump: Bump::new(),
            kept: bytes,
        }
    }

    /// Puts a value in.
    #[inline]
    pub fn value<T: Copy>(&self, value: T) -> &mut T {
        self.bump.alloc(value)
    }

    /// Puts a copy of a slice in: of bytes, for instance.
    #[inline]
    pub fn slice<T: Copy>(&self, items: &[T]) -> &mut [T] {
        self.bump.alloc_slice_copy(items)
    }

    /// Puts a copy of a string in.
    #[inline]
    pub fn str(&self, text: &str) -> &mut str {
        self.bump.alloc_str(text)
    }

    /// Puts all items of an iterator in, as a slice. The iterator may use the arena itself, but if it says
    /// too little of how many items there are, the slice is then moved as it grows, and its old places
    /// stay in use until the next reset.
    pub fn collect<T: Copy>(&self, items: impl IntoIterator<Item = T>) -> &mut [T] {
        let mut all = Vec::new_in(&self.bump);
        all.extend(items);
        all.into_bump_slice_mut()
    }

    /// Puts formatted text in, as [`format!`] makes it.
    ///
    /// ```
    /// let arena = engines::Arena::new();
    /// let key = arena.format(format_args!("{}-{:02}", "page", 7));
    /// assert_eq!(key, "page-07");
    /// ```
    ///
    /// # Panics
    /// If the implementation of a formatting trait reports an error, as [`format!`] does.
    pub fn format(&self, text: fmt::Arguments<'_>) -> &str {
        if let Some(text) = text.as_str() {
            return self.str(text);
        }
        let mut made = String::new_in(&self.bump);
        fmt::Write::write_fmt(&mut made, text).expect("a formatting trait reported an error");
        made.into_bump_str()
    }

    /// Heap bytes that the arena holds.
    pub fn bytes(&self) -> usize {
        self.bump.allocated_bytes()
    }

    /// Takes everything out at once. What the last batch needed stays allocated in one piece, so that
    /// another one like it allocates nothing.
    pub fn reset(&mut self) {
        let needed = self.bump.allocated_bytes();
        self.bump.reset();
        let left = self.bump.allocated_bytes();
        if left < needed || left > self.kept {
            let room = needed.min(self.kept);
            // The old piece first: both need not be there at once.
            self.bump = Bump::new();
            if room > 0 {
                self.bump = Bump::with_capacity(room);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_batch_like_the_last_allocates_nothing() {
        let mut arena = Arena::new();
        assert_eq!(arena.bytes(), 0);
        let fill = |arena: &Arena| {
            (0..1000u64).for_each(|i| {
                arena.format(format_args!("number {i}"));
                *arena.value(i) += 1;
            });
        };
        fill(&arena);
        arena.reset();
        let bytes = arena.bytes();
        for _ in 0..3 {
            fill(&arena);
            assert_eq!(arena.bytes(), bytes);
            arena.reset();
            assert_eq!(arena.bytes(), bytes);
        }
    }

    #[test]
    fn keeps_no_more_than_it_may() {
        let mut arena = Arena::keeping(10_000);
        for size in [100_000, 10, 50_000] {
            arena.slice(&vec![1u8; size]);
            arena.reset();
            // With the allocator's own words and the rounding to its sizes.
            assert!(arena.bytes() < 17_000, "{}", arena.bytes());
        }
        let mut nothing = Arena::keeping(0);
        nothing.str("text");
        nothing.reset();
        assert_eq!(nothing.bytes(), 0);
    }

    proptest! {
        #[test]
        fn what_is_put_in_stays_as_it_is(words in proptest::collection::vec(".{0,40}", 0..200), batches in 1usize..4) {
            let mut arena = Arena::keeping(1000);
            for _ in 0..batches {
                let copies = arena.collect(words.iter().map(|word| &*arena.str(word)));
                let wide = arena.slice(&[u128::MAX; 3]);
                let letters = arena.collect(words.iter().flat_map(|word| word.chars()));
                copies.reverse();
                wide[1] = 0;
                prop_assert_eq!(letters.iter().collect::<std::string::String>(), words.concat());
                prop_assert!(copies.iter().rev().eq(words.iter()));
                prop_assert_eq!(wide, [u128::MAX, 0, u128::MAX]);
                arena.reset();
            }
        }
    }
}
