//! Keys: their hash, and whether two are the same.

use super::word::{short, word, words};

/// Hashes a key by folded multiplication, the step of wyhash (Wang Yi,
/// <https://github.com/wangyi-fudan/wyhash>), with fixed constants: the same on every machine and in every
/// run. Keys of 8 to 32 bytes take the same path whatever their length.
///
/// It is no defence against keys that an adversary has chosen.
///
/// ```
/// assert_eq!(engines::bytes::hash(b"Oslo"), engines::bytes::hash(b"Oslo"));
/// assert_ne!(engines::bytes::hash(b"Oslo"), engines::bytes::hash(b"Olso"));
/// ```
#[inline(always)]
pub fn hash(key: &[u8]) -> u64 {
    match key.len() {
        8..=32 => hash_words(key, words(key)),
        0..=7 => {
            let length = key.len() as u64;
            fold(short(key) ^ SECRETS[0], length ^ SECRETS[1])
        }
        _ => hash_long(key),
    }
}

const SECRETS: [u64; 4] = [
    0xA076_1D64_78BD_642F,
    0xE703_7ED1_A0B4_28DB,
    0x8EBC_6AF0_9C88_C6E3,
    0x5899_65CC_7537_4CC3,
];

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

#[inline(always)]
fn hash_words(key: &[u8], [a, b, c, d]: [u64; 4]) -> u64 {
    let length = key.len() as u64;
    let front = fold(a ^ SECRETS[0], b ^ SECRETS[1]);
    let back = fold(c ^ SECRETS[2], d ^ SECRETS[3]);
    // The length too: two keys may have the same words, where these overlap.
    fold(front ^ length, back ^ SECRETS[1])
}

#[inline(never)]
fn hash_long(key: &[u8]) -> u64 {
    let mut state = 0;
    let (blocks, _) = key.as_chunks::<16>();
    for block in blocks {
        state = fold(
            word(block, 0) ^ SECRETS[0] ^ state,
            word(block, 8) ^ SECRETS[1],
        );
    }
    let tail = &key[key.len() - 32..];
    state ^ hash_words(key, words(tail))
}

/// Whether two keys are the same, without a call for those of up to 32 bytes.
#[inline(always)]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        8..=32 => {
            let (a, b) = (words(a), words(b));
            (a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) == 0
        }
        0..=7 => short(a) == short(b),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_are_the_same_if_their_bytes_are(
            a in proptest::collection::vec(0u8..3, 0..70), flip in any::<prop::sample::Index>(), cut in 0usize..3
        ) {
            prop_assert!(same(&a, &a.clone()));
            prop_assert_eq!(hash(&a), hash(&a.clone()));
            let mut b = a.clone();
            b.truncate(a.len().saturating_sub(cut));
            if !b.is_empty() && cut != 1 {
                let at = flip.index(b.len());
                b[at] ^= 0x80;
            }
            prop_assert_eq!(same(&a, &b), a == b);
            prop_assert_eq!(hash(&a) == hash(&b), a == b, "a collision of 64 bits would be a wonder");
        }
    }
}
