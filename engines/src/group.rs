//! A table from byte keys to accumulators, made for grouping: keys lie end to end in one buffer,
//! entries in the order of first sight, and the hash has no random seed, so that counts repeat.

use crate::bytes;

/// Accumulators by key. The order of iteration is that of first sight, which with several workers
/// is not the order of the input: use [`Groups::sorted`] where order matters.
///
/// The hash function is fixed. Whoever can choose the keys can slow the table down; do not group
/// by keys that an adversary chooses.
///
/// ```
/// use engines::Groups;
///
/// let mut counts = Groups::new();
/// for word in ["b", "a", "b"] {
///     *counts.entry(word.as_bytes(), || 0) += 1;
/// }
/// assert_eq!(counts.len(), 2);
/// assert_eq!(counts.sorted(), [(&b"a"[..], &1), (b"b", &2)]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Groups<A> {
    /// All keys, end to end.
    keys: Vec<u8>,
    entries: Vec<Entry<A>>,
    /// Open addressing with linear probing: half of the key's hash, and below it the index of the entry
    /// plus one; 0 for a free slot. A slot of another key is passed over without a look at its entry.
    slots: Vec<u64>,
    /// Entries that the slots are enough for.
    most: usize,
}

#[derive(Clone, Debug)]
struct Entry<A> {
    /// Where the key ends; it begins where that of the entry before ends.
    end: usize,
    value: A,
}

impl<A> Groups<A> {
    /// An empty table, which has allocated nothing.
    pub fn new() -> Self {
        Groups {
            keys: Vec::new(),
            entries: Vec::new(),
            slots: Vec::new(),
            most: 0,
        }
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The accumulator of `key`, made by `init` at first sight.
    ///
    /// # Panics
    /// With 2^32 keys or more.
    #[inline(always)]
    pub fn entry(&mut self, key: &[u8], init: impl FnOnce() -> A) -> &mut A {
        self.entry_hashed(Hash::of(key), key, init)
    }

    #[inline(always)]
    fn entry_hashed(&mut self, hash: Hash, key: &[u8], init: impl FnOnce() -> A) -> &mut A {
        if self.entries.len() >= self.most {
            self.grow();
        }
        let mut at = self.home(hash);
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return self.add(at, hash, key, init());
            }
            let index = index_in(slot);
            if Hash::in_slot(slot) == hash && bytes::same(self.key(index), key) {
                return &mut self.entries[index].value;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    #[inline(never)]
    fn add(&mut self, at: usize, hash: Hash, key: &[u8], value: A) -> &mut A {
        self.keys.extend_from_slice(key);
        let end = self.keys.len();
        self.entries.push(Entry { end, value });
        let index = u32::try_from(self.entries.len()).expect("fewer than 2^32 keys");
        self.slots[at] = u64::from(hash.0) << 32 | u64::from(index);
        &mut self.entries.last_mut().expect("just pushed").value
    }

    #[cold]
    fn grow(&mut self) {
        let size = (self.slots.len() * 4).max(64);
        // A search always ends at a free slot, and rarely passes over others, which no processor can
        // foresee: few of the slots are taken while they lie in the first cache.
        self.most = if size <= 4096 { size / 8 } else { size / 4 * 3 };
        let old = std::mem::replace(&mut self.slots, vec![0; size]);
        for slot in old.into_iter().filter(|slot| *slot != 0) {
            let mut at = self.home(Hash::in_slot(slot));
            while self.slots[at] != 0 {
                at = (at + 1) & (size - 1);
            }
            self.slots[at] = slot;
        }
    }

    /// Where the search for a key begins.
    #[inline(always)]
    fn home(&self, hash: Hash) -> usize {
        hash.0 as usize & (self.slots.len() - 1)
    }

    /// The key of the entry at `index`.
    #[inline(always)]
    fn key(&self, index: usize) -> &[u8] {
        let before = index.checked_sub(1);
        let start = before.map_or(0, |before| self.entries[before].end);
        &self.keys[start..self.entries[index].end]
    }

    /// Adds everything in `other`, joining accumulators of the same key with `merge`.
    pub fn absorb(&mut self, other: Groups<A>, merge: impl Fn(&mut A, A)) {
        let Groups { keys, entries, .. } = other;
        let mut start = 0;
        for Entry { end, value } in entries {
            let key = &keys[start..end];
            start = end;
            let mut value = Some(value);
            let mine = self.entry(key, || value.take().expect("called once"));
            if let Some(value) = value {
                merge(mine, value);
            }
        }
    }

    /// Keys and accumulators in the order of first sight.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &A)> {
        let entries = self.entries.iter().enumerate();
        entries.map(|(index, entry)| (self.key(index), &entry.value))
    }

    /// Keys and accumulators in the order of the keys' bytes.
    pub fn sorted(&self) -> Vec<(&[u8], &A)> {
        let mut all: Vec<_> = self.iter().collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }

    /// Heap bytes held by the table itself; what the accumulators own is not seen.
    pub fn bytes(&self) -> usize {
        self.keys.capacity()
            + self.entries.capacity() * size_of::<Entry<A>>()
            + self.slots.capacity() * size_of::<u64>()
    }
}

/// Half of a key's hash: what a slot has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hash(u32);

impl Hash {
    #[inline(always)]
    fn of(key: &[u8]) -> Self {
        Hash::in_slot(bytes::hash(key))
    }

    #[inline(always)]
    fn in_slot(slot: u64) -> Self {
        Hash((slot >> 32) as u32)
    }
}

/// The index of the entry that a slot, which is not free, stands for.
#[inline(always)]
fn index_in(slot: u64) -> usize {
    slot as u32 as usize - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn equals_a_map(keys in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..600), split in 0usize..600) {
            let split = split.min(keys.len());
            let count = |keys: &[Vec<u8>]| {
                let mut groups = Groups::new();
                keys.iter().for_each(|key| *groups.entry(key, || 0u32) += 1);
                groups
            };
            let mut groups = count(&keys[..split]);
            groups.absorb(count(&keys[split..]), |a, b| *a += b);
            let mut expected = BTreeMap::new();
            keys.iter().for_each(|key| *expected.entry(&key[..]).or_insert(0u32) += 1);
            prop_assert_eq!(groups.sorted(), expected.iter().map(|(k, v)| (*k, v)).collect::<Vec<_>>());
        }
    }
}
