//! A text cut into lines.

use super::mask::mask;

/// Calls `f` with each record of `text`, without its `\n` or `\r\n`.
///
/// A last record without a line end counts, an empty one behind the last line end does not.
///
/// ```
/// let mut lengths = Vec::new();
/// engines::bytes::each_line(b"one\r\n\nthree", |line| lengths.push(line.len()));
/// assert_eq!(lengths, [3, 0, 5]);
/// ```
// Line ends are first gathered for some kilobytes of text, without a branch for each, and then handed
// on: a loop that looks for the next end mispredicts once for nearly every line.
#[inline(always)]
pub fn each_line(text: &[u8], mut f: impl FnMut(&[u8])) {
    let mut ends = [0u32; PIECE + AT_ONCE];
    let mut start = 0;
    let mut base = 0;
    while base < text.len() {
        let piece = &text[base..text.len().min(base + PIECE)];
        let mut found = line_ends(piece, &mut ends);
        base += piece.len();
        if base == text.len() && text.last() != Some(&b'\n') {
            // The last record has no line end: it ends where the text does.
            ends[found] = piece.len() as u32;
            found += 1;
        }
        let origin = base - piece.len();
        for end in &ends[..found] {
            let end = origin + *end as usize;
            let line = &text[start..end];
            // A carriage return counts as part of a line end, and the last record may have none.
            f(if end < text.len() {
                without_return(line)
            } else {
                line
            });
            start = end + 1;
        }
    }
}

/// Bytes of text of which the line ends are gathered at once.
const PIECE: usize = 2 << 10;

/// Line ends that are written down for a block whether or not it has so many.
const AT_ONCE: usize = 4;

/// Writes the positions of all line ends to the beginning of `ends`; returns how many there are.
#[inline(always)]
fn line_ends(piece: &[u8], ends: &mut [u32; PIECE + AT_ONCE]) -> usize {
    let mut found = 0;
    let mut add = |block: &[u8; 64], base: usize| {
        let mut mask = mask(block, b'\n');
        let count = mask.count_ones() as usize;
        for slot in &mut ends[found..found + AT_ONCE] {
            *slot = base as u32 + mask.trailing_zeros();
            mask &= mask.wrapping_sub(1);
        }
        if mask != 0 {
            for slot in &mut ends[found + AT_ONCE..found + count] {
                *slot = base as u32 + mask.trailing_zeros();
                mask &= mask - 1;
            }
        }
        found += count;
    };
    let (blocks, rest) = piece.as_chunks::<64>();
    for (i, block) in blocks.iter().enumerate() {
        add(block, 64 * i);
    }
    if !rest.is_empty() {
        let mut last = [0; 64];
        last[..rest.len()].copy_from_slice(rest);
        add(&last, 64 * blocks.len());
    }
    found
}

#[inline(always)]
fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        each_line(text, |line| lines.push(line.to_vec()));
        lines
    }

    #[test]
    fn line_ends() {
        assert_eq!(lines(b""), [b""; 0]);
        assert_eq!(lines(b"\n"), [b""]);
        assert_eq!(lines(b"a\r\nb\n\nc"), [&b"a"[..], b"b", b"", b"c"]);
        assert_eq!(lines(b"a\rb\r\r\n\xff"), [&b"a\rb\r"[..], b"\xff"]);
    }

    proptest! {
        #[test]
        fn lines_agree_with_those_of_the_standard_library(
            text in proptest::collection::vec(prop_oneof![2 => Just(b'\n'), 1 => Just(b'\r'), 20 => Just(b'x'), 1 => any::<u8>()], 0..6000)
        ) {
            let mut expected: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
            let last = expected.pop().filter(|last| !last.is_empty());
            let without_return = |line: &[u8]| line.strip_suffix(b"\r").unwrap_or(line).to_vec();
            let mut expected: Vec<Vec<u8>> = expected.into_iter().map(without_return).collect();
            expected.extend(last.map(<[u8]>::to_vec));
            prop_assert_eq!(lines(&text), expected);
        }
    }
}
