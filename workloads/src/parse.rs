//! Taking records apart byte by byte, for pipelines: no UTF-8 validation of whole records, no floating
//! point, no allocation. Whatever is malformed yields `None`, and the record is dropped.

use std::ops::Range;

/// Most digits before the point of a [`fixed_point`] number: enough for every input, and too few for
/// an overflow.
pub(crate) const WHOLE_DIGITS: usize = 9;

/// A decimal number with exactly `DECIMALS` digits after the point, in units of its last digit:
/// `-?[0-9]{1,9}\.[0-9]{DECIMALS}`, with nothing around it.
///
/// `fixed_point::<2>(b"-3.07")` is `Some(-307)`.
#[inline(always)]
pub(crate) fn fixed_point<const DECIMALS: usize>(text: &[u8]) -> Option<i64> {
    const { assert!(DECIMALS > 0 && DECIMALS < 9) };
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let point = digits.len().checked_sub(DECIMALS + 1)?;
    if point == 0 || point > WHOLE_DIGITS || digits[point] != b'.' {
        return None;
    }
    let mut value = 0;
    // One test at the end instead of one for each digit: anything but a digit leaves a value above 9.
    let mut valid = true;
    let mut take = |digit: u8| {
        let digit = digit.wrapping_sub(b'0');
        valid &= digit <= 9;
        value = value * 10 + i64::from(digit);
    };
    digits[..point].iter().copied().for_each(&mut take);
    digits[point + 1..].iter().copied().for_each(&mut take);
    valid.then_some(if negative { -value } else { value })
}

/// Position of the first `byte` in `text`, eight bytes at a time: for fields so short that a call to a
/// vectorised search would cost more than it saves.
#[inline(always)]
pub(crate) fn find(byte: u8, text: &[u8]) -> Option<usize> {
    let (words, rest) = text.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        let found = equal(u64::from_le_bytes(*word), byte);
        if found != 0 {
            return Some(i * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|b| *b == byte)?;
    Some(words.len() * 8 + at)
}

/// Splits at the last `byte`, of which the halves keep nothing. Meant for a `byte` near the end.
#[inline(always)]
pub(crate) fn split_last(byte: u8, text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().rposition(|b| *b == byte)?;
    Some((&text[..at], &text[at + 1..]))
}

/// Splits a record at its last semicolon into a name and a [`fixed_point`] number with one decimal.
///
/// Numbers of one or two digits before the point, which are nearly all, are read from the record's last
/// eight bytes at once, without a branch that depends on their length.
#[inline(always)]
pub(crate) fn name_and_tenths(record: &[u8]) -> Option<(&[u8], i64)> {
    if let Some((start, last)) = record.split_last_chunk::<8>() {
        let word = u64::from_le_bytes(*last);
        let byte = |at: u32| (word >> (8 * at)) as u8;
        let zeros = equal(word, b';');
        // Without a semicolon this is beyond the word, and the checks below fail.
        let at = 7u32.wrapping_sub(zeros.leading_zeros() / 8);
        let negative = byte(at.wrapping_add(1) & 7) == b'-';
        let whole = 5u32.wrapping_sub(at).wrapping_sub(u32::from(negative));
        let [tens, units, tenths] = [byte(4), byte(5), byte(7)].map(|b| b.wrapping_sub(b'0'));
        let tens = if whole == 2 { tens } else { 0 };
        let valid = (zeros != 0)
            & (whole.wrapping_sub(1) < 2)
            & (byte(6) == b'.')
            & (tens <= 9)
            & (units <= 9)
            & (tenths <= 9);
        if valid {
            let value = i64::from(tens) * 100 + i64::from(units) * 10 + i64::from(tenths);
            let name = &record[..start.len() + at as usize];
            return Some((name, if negative { -value } else { value }));
        }
    }
    let (name, number) = split_last(b';', record)?;
    Some((name, fixed_point::<1>(number)?))
}

/// Splits at the first `byte`, of which the halves keep nothing.
#[inline(always)]
pub(crate) fn split_first(byte: u8, text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = find(byte, text)?;
    Some((&text[..at], &text[at + 1..]))
}

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGH: u64 = ONES << 7;

/// The high bit of each byte of `word` that equals `byte`: exact for every one of them.
#[inline(always)]
fn equal(word: u64, byte: u8) -> u64 {
    let different = word ^ (ONES * u64::from(byte));
    !(((different & !HIGH) + !HIGH) | different | !HIGH)
}

/// The high bits of the eight bytes, gathered in the lowest byte.
#[inline(always)]
fn gather(high_bits: u64) -> u64 {
    (high_bits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// Where the fields of a record lie that has exactly three between commas, without ASCII white space
/// at either end.
///
/// A record of 8 to 64 bytes becomes two masks of a bit for each byte, one of commas and one of
/// spaces; after that nothing branches on the lengths of fields, which no predictor can guess.
#[inline(always)]
pub(crate) fn three_fields(record: &[u8]) -> Option<[Range<usize>; 3]> {
    let Some((start, last)) = record.split_last_chunk::<8>() else {
        return three_fields_of_any(record);
    };
    if record.len() > 64 {
        return three_fields_of_any(record);
    }
    let (mut commas, mut spaces, mut control) = (0, 0, 0);
    let mut take = |word: [u8; 8], at: usize| {
        let word = u64::from_le_bytes(word);
        commas |= gather(equal(word, b',')) << at;
        spaces |= gather(equal(word, b' ')) << at;
        // A byte below 32 has none of its upper three bits set.
        control |= !(word | word << 1 | word << 2) & HIGH;
    };
    for (i, word) in record.as_chunks::<8>().0.iter().enumerate() {
        take(*word, i * 8);
    }
    // Overlaps what has been taken already, which does no harm.
    take(*last, start.len());
    if control != 0 {
        // White space other than a space, perhaps.
        return three_fields_of_any(record);
    }
    if commas.count_ones() != 2 {
        return None;
    }
    let (first, second) = (commas.trailing_zeros(), 63 - commas.leading_zeros());
    let ink = !spaces & (u64::MAX >> (64 - record.len()));
    let below = |at: u32| (1u64 << at) - 1;
    let field = |mask: u64| match mask {
        0 => 0..0,
        _ => mask.trailing_zeros() as usize..64 - mask.leading_zeros() as usize,
    };
    Some([
        field(ink & below(first)),
        field(ink & below(second) & !below(first + 1)),
        // In two steps: the second comma may be the last of 64 bytes.
        field(ink & !below(second) & !(1 << second)),
    ])
}

/// [`three_fields`] for records that are rare.
#[cold]
fn three_fields_of_any(record: &[u8]) -> Option<[Range<usize>; 3]> {
    let mut fields = record.split(|b| *b == b',').map(<[u8]>::trim_ascii);
    let three = [fields.next()?, fields.next()?, fields.next()?];
    let range = |field: &[u8]| {
        let start = field.as_ptr().addr() - record.as_ptr().addr();
        start..start + field.len()
    };
    fields.next().is_none().then(|| three.map(range))
}

/// The [`fixed_point`] number with two decimals at `field` of `record`. Numbers of up to three digits
/// before the point are read at once from the eight bytes that end with them.
#[inline(always)]
pub(crate) fn hundredths(record: &[u8], field: Range<usize>) -> Option<i64> {
    let text = record.get(field.clone())?;
    let negative = text.first() == Some(&b'-');
    let length = text.len() - usize::from(negative);
    if let Some((_, last)) = record[..field.end].split_last_chunk::<8>()
        && (4..=6).contains(&length)
    {
        // What lies before the number becomes zeros.
        let number = u64::MAX << (8 * (8 - length));
        let word = u64::from_le_bytes(*last) & number | (ONES * u64::from(b'0')) & !number;
        let [_, _, a, b, c, point, d, e] = word.to_le_bytes();
        let [a, b, c, d, e] = [a, b, c, d, e].map(|digit| digit.wrapping_sub(b'0'));
        let digits = (a <= 9) & (b <= 9) & (c <= 9) & (d <= 9) & (e <= 9);
        if digits & (point == b'.') {
            let [a, b, c, d, e] = [a, b, c, d, e].map(i64::from);
            let value = a * 10_000 + b * 1000 + c * 100 + d * 10 + e;
            return Some(if negative { -value } else { value });
        }
    }
    fixed_point::<2>(text)
}

/// Appends the bytes at `field` of `record`, ASCII letters in lower case, eight at a time.
#[inline(always)]
pub(crate) fn push_lower_case(out: &mut Vec<u8>, record: &[u8], field: Range<usize>) {
    let length = out.len() + field.len();
    let words = field.len().div_ceil(8);
    match record.get(field.start..field.start + words * 8) {
        Some(text) => {
            for word in text.as_chunks::<8>().0 {
                out.extend_from_slice(&lower_case(u64::from_le_bytes(*word)).to_le_bytes());
            }
            out.truncate(length);
        }
        None => out.extend(record[field].iter().map(u8::to_ascii_lowercase)),
    }
}

#[inline(always)]
fn lower_case(word: u64) -> u64 {
    let low = word & !HIGH;
    let from_a = low + ONES * u64::from(0x80 - b'A');
    let beyond_z = low + ONES * u64::from(0x7f - b'Z');
    word | (from_a & !beyond_z & !word & HIGH) >> 2
}

/// Whether `text` is UTF-8, decided quickly where it is ASCII.
#[inline(always)]
pub(crate) fn is_utf8(text: &[u8]) -> bool {
    text.is_ascii() || std::str::from_utf8(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the grammar in the documentation says, by way of strings and `parse`.
    fn expected(text: &str, decimals: usize) -> Option<i64> {
        let (whole, fraction) = text.strip_prefix('-').unwrap_or(text).split_once('.')?;
        let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
        let well_formed = digits(whole)
            && digits(fraction)
            && (1..=WHOLE_DIGITS).contains(&whole.len())
            && fraction.len() == decimals;
        well_formed.then(|| text.replace('.', "").parse().expect("at most 18 digits"))
    }

    #[test]
    fn numbers() {
        assert_eq!(fixed_point::<1>(b"-0.5"), Some(-5));
        assert_eq!(fixed_point::<1>(b"99.9"), Some(999));
        assert_eq!(fixed_point::<2>(b"999999999.99"), Some(99_999_999_999));
        assert_eq!(fixed_point::<2>(b"00.07"), Some(7));
        for malformed in [
            "",
            "-",
            ".",
            ".5",
            "5.",
            "5",
            "--1.0",
            "+1.0",
            "1.00",
            "1,0",
            " 1.0",
            "1.0 ",
            "1e1.0",
            "1234567890.0",
            "-.5",
            "\u{661}.5",
            "NaN",
            "inf",
        ] {
            assert_eq!(fixed_point::<1>(malformed.as_bytes()), None, "{malformed}");
        }
    }

    proptest! {
        #[test]
        fn numbers_agree_with_parse(text in "-?[0-9]{0,11}[.,]?[0-9]{0,4}|[-+.0-9a ]{0,8}|\\PC{0,5}") {
            prop_assert_eq!(fixed_point::<1>(text.as_bytes()), expected(&text, 1));
            prop_assert_eq!(fixed_point::<2>(text.as_bytes()), expected(&text, 2));
            prop_assert_eq!(fixed_point::<3>(text.as_bytes()), expected(&text, 3));
        }

        #[test]
        fn records_read_at_once_agree_with_records_read_in_parts(
            record in "[a-z:;]{0,9};-?[0-9]{1,3}\\.[0-9]|[-;:.0-9]{0,12}|[a-z]{0,9}[;:<\\x7f]{0,2}-?[0-9/:]{0,3}[.,][0-9]{0,2}"
        ) {
            let parts = split_last(b';', record.as_bytes());
            let expected = parts.and_then(|(name, number)| Some((name, fixed_point::<1>(number)?)));
            prop_assert_eq!(name_and_tenths(record.as_bytes()), expected);
        }

        #[test]
        fn fields_found_at_once_agree_with_fields_split(
            record in "[ ]{0,3}[A-Za-z_ü]{0,20}[ ]{0,3},[ ]{0,3}-?[0-9]{0,4}\\.[0-9]{2}[ ]{0,2},[ ]{0,2}(ok|late)?[ ]{0,40}|[a, \t\x0b.0-9]{0,70}|\\PC{0,70}"
        ) {
            let record = record.as_bytes();
            let all: Vec<&[u8]> = record.split(|b| *b == b',').map(<[u8]>::trim_ascii).collect();
            let fields = three_fields(record);
            prop_assert_eq!(fields.is_some(), all.len() == 3);
            for (range, field) in fields.into_iter().flatten().zip(all) {
                prop_assert_eq!(&record[range.clone()], field);
                prop_assert_eq!(hundredths(record, range.clone()), fixed_point::<2>(field));
                let mut lower = b"x".to_vec();
                push_lower_case(&mut lower, record, range);
                prop_assert_eq!(&lower[1..], field.to_ascii_lowercase());
            }
        }

        #[test]
        fn words_become_lower_case(bytes: [u8; 8]) {
            let lower = lower_case(u64::from_le_bytes(bytes)).to_le_bytes();
            prop_assert_eq!(lower, bytes.map(|b| b.to_ascii_lowercase()));
        }

        #[test]
        fn splits_agree_with_those_of_the_standard_library(
            text in proptest::collection::vec(prop_oneof![Just(b';'), Just(b':'), Just(b';' + 0x80), any::<u8>()], 0..40)
        ) {
            let all: Vec<&[u8]> = text.splitn(2, |b| *b == b';').collect();
            prop_assert_eq!(split_first(b';', &text), (all.len() == 2).then(|| (all[0], all[1])));
            let all: Vec<&[u8]> = text.rsplitn(2, |b| *b == b';').collect();
            prop_assert_eq!(split_last(b';', &text), (all.len() == 2).then(|| (all[1], all[0])));
            prop_assert_eq!(is_utf8(&text), std::str::from_utf8(&text).is_ok());
        }
    }
}
