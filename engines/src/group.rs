//! A table from byte keys to accumulators, made for grouping: keys lie end to end in one buffer,
//! entries in the order of first sight, and the hash has no random seed, so that counts repeat.

/// Accumulators by key. The order of iteration is that of first sight, which with several workers
/// is not the order of the input: use [`Groups::sorted`] where order matters.
///
/// The hash function is fixed. Whoever can choose the keys can slow the table down; do not group
/// by keys that an adversary chooses.
#[derive(Clone, Debug, Default)]
pub struct Groups<A> {
    /// All keys, end to end.
    keys: Vec<u8>,
    entries: Vec<Entry<A>>,
    /// Open addressing with linear probing: index of the entry plus one, 0 for a free slot.
    slots: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Entry<A> {
    hash: u64,
    start: usize,
    length: u32,
    value: A,
}

impl<A> Groups<A> {
    /// An empty table, which has allocated nothing.
    pub fn new() -> Self {
        Groups {
            keys: Vec::new(),
            entries: Vec::new(),
            slots: Vec::new(),
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
    /// With more than 2^32 - 2 keys, or a key of 4 GiB or more.
    #[inline]
    pub fn entry(&mut self, key: &[u8], init: impl FnOnce() -> A) -> &mut A {
        self.entry_hashed(hash(key), key, init)
    }

    #[inline]
    fn entry_hashed(&mut self, hash: u64, key: &[u8], init: impl FnOnce() -> A) -> &mut A {
        // At most 3/4 full, so that a probe always ends at a free slot.
        if self.entries.len() * 4 >= self.slots.len() * 3 {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            match self.slots[slot] {
                0 => break,
                index => {
                    let entry = &self.entries[index as usize - 1];
                    if entry.hash == hash && key_of(&self.keys, entry) == key {
                        return &mut self.entries[index as usize - 1].value;
                    }
                }
            }
            slot = (slot + 1) & mask;
        }
        let length = u32::try_from(key.len()).expect("a key is shorter than 4 GiB");
        let start = self.keys.len();
        self.keys.extend_from_slice(key);
        self.entries.push(Entry {
            hash,
            start,
            length,
            value: init(),
        });
        self.slots[slot] = u32::try_from(self.entries.len()).expect("fewer than 2^32 keys");
        &mut self.entries.last_mut().expect("just pushed").value
    }

    #[cold]
    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(64);
        self.slots.clear();
        self.slots.resize(size, 0);
        for (index, entry) in self.entries.iter().enumerate() {
            let mut slot = entry.hash as usize & (size - 1);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            self.slots[slot] = index as u32 + 1;
        }
    }

    /// Adds everything in `other`, joining accumulators of the same key with `merge`.
    pub fn absorb(&mut self, other: Groups<A>, merge: impl Fn(&mut A, A)) {
        let Groups { keys, entries, .. } = other;
        for entry in entries {
            let key = &keys[entry.start..entry.start + entry.length as usize];
            let mut value = Some(entry.value);
            let mine = self.entry_hashed(entry.hash, key, || value.take().expect("called once"));
            if let Some(value) = value {
                merge(mine, value);
            }
        }
    }

    /// Keys and accumulators in the order of first sight.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &A)> {
        self.entries
            .iter()
            .map(|entry| (key_of(&self.keys, entry), &entry.value))
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
            + self.slots.capacity() * size_of::<u32>()
    }
}

#[inline(always)]
fn key_of<'k, A>(keys: &'k [u8], entry: &Entry<A>) -> &'k [u8] {
    &keys[entry.start..entry.start + entry.length as usize]
}

/// Hashes eight bytes at a time by folded multiplication, the step of wyhash
/// (Wang Yi, <https://github.com/wangyi-fudan/wyhash>) with fixed constants.
#[inline(always)]
fn hash(key: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    const SECRET: u64 = 0xA076_1D64_78BD_642F;
    let fold = |state: u64, word: u64| {
        let product = u128::from(state ^ word ^ SECRET) * u128::from(MULTIPLIER);
        (product as u64) ^ (product >> 64) as u64
    };
    let mut state = key.len() as u64;
    let (words, rest) = key.as_chunks::<8>();
    for word in words {
        state = fold(state, u64::from_le_bytes(*word));
    }
    let mut tail = 0;
    for (i, byte) in rest.iter().enumerate() {
        tail |= u64::from(*byte) << (8 * i);
    }
    fold(state, tail)
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
