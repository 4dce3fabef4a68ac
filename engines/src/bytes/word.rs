//! Eight bytes as a number, and more of them as several numbers that overlap: so that fields of many
//! lengths take the same path.

/// The high bit of each byte.
pub(super) const HIGH: u64 = u64::from_le_bytes([0x80; 8]);

/// A word of eight times the same byte.
#[inline(always)]
pub(super) const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The high bit of each byte of `word` that equals `byte`: exact for every one of them.
#[inline(always)]
pub(super) fn equal(word: u64, byte: u8) -> u64 {
    let different = word ^ all(byte);
    !(((different & !HIGH) + !HIGH) | different | !HIGH)
}

/// The eight bytes at `at`, the first lowest.
#[inline(always)]
pub(super) fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("eight bytes"))
}

/// Where four words begin that cover 8 to 32 bytes; they overlap where there are fewer than 32.
#[inline(always)]
pub(super) fn starts(length: usize) -> [usize; 4] {
    let last = length - 8;
    let second = if last < 8 { last } else { 8 };
    [0, second, last - second, last]
}

/// Four words that cover 8 to 32 bytes.
#[inline(always)]
pub(super) fn words(bytes: &[u8]) -> [u64; 4] {
    let [a, b, c, d] = starts(bytes.len());
    [
        word(bytes, a),
        word(bytes, b),
        word(bytes, c),
        word(bytes, d),
    ]
}

/// Up to eight bytes as they would lie in a word, the first lowest, and zeros above.
#[inline(always)]
pub(super) fn short(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            let last = u64::from(u32::from_le_bytes(*last));
            u64::from(u32::from_le_bytes(*first)) | last << (8 * (length - 4))
        }
        _ if length == 0 => 0,
        _ => {
            // First, middle and last are all of up to three bytes.
            let byte = |at: usize| u64::from(bytes[at]) << (8 * at);
            byte(0) | byte(length / 2) | byte(length - 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn words_cover_what_they_are_to_cover(bytes in proptest::collection::vec(any::<u8>(), 0..33)) {
            if bytes.len() <= 8 {
                let mut expected = [0; 8];
                expected[..bytes.len()].copy_from_slice(&bytes);
                prop_assert_eq!(short(&bytes), u64::from_le_bytes(expected));
            }
            if bytes.len() >= 8 {
                let mut copy = vec![0; bytes.len()];
                for (start, word) in starts(bytes.len()).into_iter().zip(words(&bytes)) {
                    copy[start..start + 8].copy_from_slice(&word.to_le_bytes());
                }
                prop_assert_eq!(copy, bytes);
            }
        }
    }
}
