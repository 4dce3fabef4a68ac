//! Where a byte occurs in a block of 64, as a mask with a bit for each position.

/// The positions of `needle` in `block`: bit `i` for `block[i]`.
#[inline(always)]
pub(super) fn mask(block: &[u8; 64], needle: u8) -> u64 {
    let (parts, []) = block.as_chunks::<16>() else {
        unreachable!("64 is a multiple of 16")
    };
    parts.iter().enumerate().fold(0, |mask, (i, part)| {
        mask | u64::from(mask16(part, needle)) << (16 * i)
    })
}

/// The positions of `needle` in 16 bytes.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn mask16(part: &[u8; 16], needle: u8) -> u16 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8};
    // SAFETY: SSE2 is part of the base instruction set, and the load reads the 16 bytes of `part`,
    // which need no alignment.
    unsafe {
        let part = _mm_loadu_si128(part.as_ptr().cast());
        let same = _mm_cmpeq_epi8(part, _mm_set1_epi8(needle as i8));
        _mm_movemask_epi8(same) as u16
    }
}

/// The positions of `needle` in 16 bytes.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(super) fn mask16(part: &[u8; 16], needle: u8) -> u16 {
    const LOW: u64 = u64::MAX / 255 * 0x7f;
    let half = |at: usize| {
        let word = u64::from_le_bytes(*part[at..].first_chunk().expect("eight bytes"));
        let different = word ^ (u64::MAX / 255 * u64::from(needle));
        // The high bit of each byte that is equal, moved to the lowest and gathered in one byte.
        let equal = !(((different & LOW) + LOW) | different | LOW) >> 7;
        (equal.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u16
    };
    half(0) | half(8) << 8
}

/// Whether any of 64 bytes in four parts is below `limit`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn any_below(parts: [&[u8; 16]; 4], limit: u8) -> bool {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_set1_epi8,
    };
    // SAFETY: as in `mask16`.
    unsafe {
        let [a, b, c, d] = parts.map(
            #[inline(always)]
            |part| _mm_loadu_si128(part.as_ptr().cast()),
        );
        let least = _mm_min_epu8(_mm_min_epu8(a, b), _mm_min_epu8(c, d));
        // Where the smaller one of a byte and the limit is the limit, the byte is not below it.
        let limit = _mm_set1_epi8(limit as i8);
        let not_below = _mm_cmpeq_epi8(_mm_min_epu8(least, limit), limit);
        _mm_movemask_epi8(not_below) != 0xffff
    }
}

/// Whether any of 64 bytes in four parts is below `limit`.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(super) fn any_below(parts: [&[u8; 16]; 4], limit: u8) -> bool {
    parts.into_iter().flatten().any(|byte| *byte < limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_position_and_no_other(block in proptest::array::uniform32(prop_oneof![Just(b';'), Just(b':'), Just(b';' ^ 0x80), any::<u8>()])) {
            let block: [u8; 64] = std::array::from_fn(|i| block[(i * 7) % 32]);
            let expected = (0..64).filter(|i| block[*i] == b';').fold(0, |mask, i| mask | 1 << i);
            prop_assert_eq!(mask(&block, b';'), expected);
            let parts = [0, 16, 32, 48].map(|at| block[at..].first_chunk().expect("16 bytes"));
            for limit in [b' ', b';', 0, 255] {
                prop_assert_eq!(any_below(parts, limit), block.iter().any(|byte| *byte < limit));
            }
        }
    }
}
