//! Records cut into fields.

use super::mask::{any_below, mask16};

/// Splits at the first `separator`, of which the halves keep nothing.
///
/// ```
/// let (key, rest) = engines::bytes::split_first(b"a=b=c", b'=').unwrap();
/// assert_eq!((key, rest), (&b"a"[..], &b"b=c"[..]));
/// ```
#[inline(always)]
pub fn split_first(record: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = match Masks::of(record) {
        Some(masks) => match masks.of_byte(separator) {
            0 => None,
            found => Some(found.trailing_zeros() as usize),
        },
        None => memchr::memchr(separator, record),
    }?;
    Some((&record[..at], &record[at + 1..]))
}

/// Splits at the last `separator`, of which the halves keep nothing.
///
/// ```
/// let (rest, last) = engines::bytes::split_last(b"a=b=c", b'=').unwrap();
/// assert_eq!((rest, last), (&b"a=b"[..], &b"c"[..]));
/// ```
#[inline(always)]
pub fn split_last(record: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = match Masks::of(record) {
        Some(masks) => match masks.of_byte(separator) {
            0 => None,
            found => Some(63 - found.leading_zeros() as usize),
        },
        None => memchr::memrchr(separator, record),
    }?;
    Some((&record[..at], &record[at + 1..]))
}

/// The fields of a record that has exactly `N` between separators. There is no quoting.
///
/// ```
/// use engines::bytes::fields;
///
/// assert_eq!(fields(b"a,,c", b','), Some([&b"a"[..], b"", b"c"]));
/// assert_eq!(fields::<2>(b"a,,c", b','), None);
/// ```
#[inline(always)]
pub fn fields<const N: usize>(record: &[u8], separator: u8) -> Option<[&[u8]; N]> {
    let Some(masks) = Masks::of(record) else {
        return long(record, separator, |field| field);
    };
    cut(record, masks.of_byte(separator), |start, end| start..end)
}

/// As [`fields`], without ASCII white space at either end of a field.
///
/// ```
/// use engines::bytes::trimmed_fields;
///
/// assert_eq!(trimmed_fields(b" a ,b c,\t", b','), Some([&b"a"[..], b"b c", b""]));
/// ```
#[inline(always)]
pub fn trimmed_fields<const N: usize>(record: &[u8], separator: u8) -> Option<[&[u8]; N]> {
    let masks = match Masks::of(record) {
        // White space other than spaces is rare.
        Some(masks) if !any_below(masks.parts, b' ') && !separator.is_ascii_whitespace() => masks,
        _ => return long(record, separator, <[u8]>::trim_ascii),
    };
    let ink = !masks.of_byte(b' ');
    cut(record, masks.of_byte(separator), |start, end| {
        let field = ink & below(end) & !below(start);
        match field {
            0 => start..start,
            _ => field.trailing_zeros() as usize..64 - field.leading_zeros() as usize,
        }
    })
}

/// The bits below `at`, which is at most 64.
#[inline(always)]
fn below(at: usize) -> u64 {
    // In two steps: a shift by 64 is none.
    !(u64::MAX << (at / 2) << (at - at / 2))
}

/// The fields between the separators in a mask, each narrowed to a range.
#[inline(always)]
fn cut<const N: usize>(
    record: &[u8],
    mut separators: u64,
    narrow: impl Fn(usize, usize) -> std::ops::Range<usize>,
) -> Option<[&[u8]; N]> {
    if separators.count_ones() as usize + 1 != N {
        return None;
    }
    let mut fields = [&record[..0]; N];
    let mut start = 0;
    for field in &mut fields {
        let end = (separators.trailing_zeros() as usize).min(record.len());
        *field = record.get(narrow(start, end))?;
        start = end + 1;
        separators &= separators.wrapping_sub(1);
    }
    Some(fields)
}

/// The fields of any record.
#[cold]
fn long<'r, const N: usize>(
    record: &'r [u8],
    separator: u8,
    narrow: impl Fn(&'r [u8]) -> &'r [u8],
) -> Option<[&'r [u8]; N]> {
    let mut all = record.split(|byte| *byte == separator);
    let mut fields = [&record[..0]; N];
    for field in &mut fields {
        *field = narrow(all.next()?);
    }
    all.next().is_none().then_some(fields)
}

/// A record of 16 to 64 bytes as four parts that cover it, overlapping where it has fewer than 64.
struct Masks<'r> {
    parts: [&'r [u8; 16]; 4],
    starts: [usize; 4],
}

impl<'r> Masks<'r> {
    #[inline(always)]
    fn of(record: &'r [u8]) -> Option<Self> {
        if !(16..=64).contains(&record.len()) {
            return None;
        }
        let last = record.len() - 16;
        let starts = [0, last.min(16), last.min(32), last];
        let part = |start: usize| record[start..].first_chunk();
        Some(Masks {
            parts: [
                part(starts[0])?,
                part(starts[1])?,
                part(starts[2])?,
                part(starts[3])?,
            ],
            starts,
        })
    }

    #[inline(always)]
    fn join(&self, mask: impl Fn(&[u8; 16]) -> u16) -> u64 {
        let part = |i: usize| u64::from(mask(self.parts[i])) << self.starts[i];
        part(0) | part(1) | part(2) | part(3)
    }

    /// Where a byte occurs.
    #[inline(always)]
    fn of_byte(&self, byte: u8) -> u64 {
        self.join(|part| mask16(part, byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn fields_found_at_once_agree_with_fields_split(
            record in "[ ]{0,3}[A-Za-z_ü]{0,20}[ ]{0,3},[ ]{0,3}-?[0-9]{0,4}\\.[0-9]{2}[ ]{0,2},[ ]{0,2}(ok|late)?[ ]{0,40}|[a, \t\x0b.0-9]{0,70}|\\PC{0,70}"
        ) {
            let record = record.as_bytes();
            let all: Vec<&[u8]> = record.split(|b| *b == b',').collect();
            let trimmed: Vec<&[u8]> = all.iter().map(|field| field.trim_ascii()).collect();
            prop_assert_eq!(fields::<3>(record, b',').map(Vec::from), (all.len() == 3).then(|| all.clone()));
            prop_assert_eq!(trimmed_fields::<3>(record, b',').map(Vec::from), (all.len() == 3).then_some(trimmed.clone()));
            prop_assert_eq!(fields::<1>(record, b',').map(Vec::from), (all.len() == 1).then(|| all.clone()));
            prop_assert_eq!(trimmed_fields::<1>(record, b',').map(Vec::from), (all.len() == 1).then_some(trimmed));
        }

        #[test]
        fn splits_agree_with_those_of_the_standard_library(
            text in proptest::collection::vec(prop_oneof![Just(b';'), Just(b':'), Just(b';' + 0x80), any::<u8>()], 0..80)
        ) {
            let all: Vec<&[u8]> = text.splitn(2, |b| *b == b';').collect();
            prop_assert_eq!(split_first(&text, b';'), (all.len() == 2).then(|| (all[0], all[1])));
            let all: Vec<&[u8]> = text.rsplitn(2, |b| *b == b';').collect();
            prop_assert_eq!(split_last(&text, b';'), (all.len() == 2).then(|| (all[1], all[0])));
        }
    }
}
