//! Letters in lower case.

use super::word::{HIGH, all, starts, words};

/// Appends `text` with its ASCII letters in lower case; all other bytes stay as they are.
///
/// ```
/// let mut out = b"key: ".to_vec();
/// engines::bytes::push_lower_case(&mut out, "FLOW-Mètre".as_bytes());
/// assert_eq!(out, "key: flow-mètre".as_bytes());
/// ```
#[inline(always)]
pub fn push_lower_case(out: &mut Vec<u8>, text: &[u8]) {
    if !(8..=32).contains(&text.len()) {
        out.extend(text.iter().map(u8::to_ascii_lowercase));
        return;
    }
    out.reserve(text.len());
    let length = out.len();
    let free = &mut out.spare_capacity_mut()[..text.len()];
    for (start, word) in starts(text.len()).into_iter().zip(words(text)) {
        let lower = lower_case(word).to_le_bytes();
        free[start..start + 8].write_copy_of_slice(&lower);
    }
    // SAFETY: there is room for `text.len()` bytes, and the four words have written all of them.
    unsafe { out.set_len(length + text.len()) };
}

#[inline(always)]
fn lower_case(word: u64) -> u64 {
    let low = word & !HIGH;
    let from_a = low + all(0x80 - b'A');
    let beyond_z = low + all(0x7f - b'Z');
    word | (from_a & !beyond_z & !word & HIGH) >> 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn letters_become_small(text in proptest::collection::vec(any::<u8>(), 0..50)) {
            let mut out = b"Before".to_vec();
            push_lower_case(&mut out, &text);
            prop_assert_eq!(&out[..6], b"Before");
            prop_assert_eq!(&out[6..], text.to_ascii_lowercase());
        }
    }
}
