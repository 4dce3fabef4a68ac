//! Decimal numbers in integers: exact, and without floating point.

use super::fields::split_last;
use super::word::{HIGH, all, equal, short};

/// Most digits before the point of a [`fixed_point`] number; more would not fit with the decimals.
const WHOLE_DIGITS: usize = 9;

/// A decimal number with exactly `DECIMALS` digits after the point, in units of its last digit:
/// `-?[0-9]{1,9}\.[0-9]{DECIMALS}`, with nothing around it. `DECIMALS` is from 1 to 8.
///
/// ```
/// use engines::bytes::fixed_point;
///
/// assert_eq!(fixed_point::<2>(b"-3.07"), Some(-307));
/// assert_eq!(fixed_point::<2>(b"3.7"), None);
/// ```
#[inline(always)]
pub fn fixed_point<const DECIMALS: usize>(text: &[u8]) -> Option<i64> {
    if text.len() <= 8 && DECIMALS <= 6 {
        return in_word::<DECIMALS>(short(text), text.len());
    }
    digit_by_digit::<DECIMALS>(text)
}

/// The number of `length` bytes that lies in the lowest bytes of a word.
#[inline(always)]
fn in_word<const DECIMALS: usize>(word: u64, length: usize) -> Option<i64> {
    let negative = word as u8 == b'-';
    // A sign is taken away like what is before the number.
    let digits = length.wrapping_sub(usize::from(negative));
    if digits < DECIMALS + 2 || digits > 8 {
        return None;
    }
    // The last digit in the highest byte; below the first one, zeros.
    let word = (word << (8 * (8 - length))) ^ all(b'0');
    let word = word & u64::MAX << (8 * (8 - digits));
    let place = 8 * (7 - DECIMALS.min(6));
    let point = (word >> place) as u8 == b'.' ^ b'0';
    // The digits before the point move up to those behind it.
    let below = (1 << place) - 1;
    let word = word & !(below | 0xff << place) | (word & below) << 8;
    // A byte above 9 has a high bit in one of these.
    let valid = (word | ((word & !HIGH) + all(0x7f - 9))) & HIGH == 0;
    (point & valid).then(|| {
        let value = eight_digits(word) as i64;
        if negative { -value } else { value }
    })
}

/// The number of eight digits from 0 to 9, the first in the lowest byte: neighbours are joined three
/// times, each time to numbers twice as wide.
#[inline(always)]
fn eight_digits(digits: u64) -> u64 {
    let pairs = (digits.wrapping_mul(10 << 8 | 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100 << 16 | 1) >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000 << 32 | 1) >> 32
}

#[inline(never)]
fn digit_by_digit<const DECIMALS: usize>(text: &[u8]) -> Option<i64> {
    const { assert!(DECIMALS > 0 && DECIMALS < 9) };
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let point = digits.len().checked_sub(DECIMALS + 1)?;
    if point == 0 || point > WHOLE_DIGITS || digits[point] != b'.' {
        return None;
    }
    let (whole, decimals) = (&digits[..point], &digits[point + 1..]);
    let value = whole.iter().chain(decimals).try_fold(0, |value, digit| {
        let digit = digit.wrapping_sub(b'0');
        (digit <= 9).then(|| value * 10 + i64::from(digit))
    })?;
    Some(if negative { -value } else { value })
}

/// A whole number, `-?[0-9]+` with nothing around it, that fits an `i64`.
///
/// ```
/// use engines::bytes::integer;
///
/// assert_eq!(integer(b"-9223372036854775808"), Some(i64::MIN));
/// assert_eq!(integer(b"9223372036854775808"), None);
/// ```
#[inline(always)]
pub fn integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if (1..=8).contains(&digits.len()) {
        let word = (short(digits) << (8 * (8 - digits.len()))) ^ all(b'0');
        let word = word & u64::MAX << (8 * (8 - digits.len()));
        let valid = (word | ((word & !HIGH) + all(0x7f - 9))) & HIGH == 0;
        let value = eight_digits(word) as i64;
        return valid.then_some(if negative { -value } else { value });
    }
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0i64, |value, digit| {
        let digit = i64::from(digit.wrapping_sub(b'0'));
        // Downwards for a negative number, of which there is one more.
        let digit = (digit <= 9).then_some(if negative { -digit } else { digit })?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// Splits a record at its last `separator` into what is before it and the [`fixed_point`] number behind
/// it. `DECIMALS` is from 1 to 6.
///
/// Where the last eight bytes hold the number and its separator, they are looked at once.
///
/// ```
/// use engines::bytes::split_fixed_point;
///
/// assert_eq!(split_fixed_point::<1>(b"Oslo;-3.5", b';'), Some((&b"Oslo"[..], -35)));
/// ```
#[inline(always)]
pub fn split_fixed_point<const DECIMALS: usize>(
    record: &[u8],
    separator: u8,
) -> Option<(&[u8], i64)> {
    const { assert!(DECIMALS > 0 && DECIMALS <= 6) };
    if let Some((start, last)) = record.split_last_chunk::<8>() {
        let word = u64::from_le_bytes(*last);
        let found = equal(word, separator);
        if found != 0 {
            let at = 7 - found.leading_zeros() as usize / 8;
            let number = in_word::<DECIMALS>(word.checked_shr(8 * (at as u32 + 1))?, 7 - at)?;
            return Some((&record[..start.len() + at], number));
        }
    }
    let (before, number) = split_last(record, separator)?;
    Some((before, fixed_point::<DECIMALS>(number)?))
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
            "-1-.0",
            "1.-",
        ] {
            assert_eq!(fixed_point::<1>(malformed.as_bytes()), None, "{malformed}");
        }
    }

    proptest! {
        #[test]
        fn numbers_agree_with_parse(text in "-?[0-9]{0,11}[.,]?[0-9]{0,4}|[-+.0-9a ]{0,8}|[-./:;0-9]{0,9}|\\PC{0,5}") {
            prop_assert_eq!(fixed_point::<1>(text.as_bytes()), expected(&text, 1));
            prop_assert_eq!(fixed_point::<2>(text.as_bytes()), expected(&text, 2));
            prop_assert_eq!(fixed_point::<3>(text.as_bytes()), expected(&text, 3));
            prop_assert_eq!(fixed_point::<8>(text.as_bytes()), expected(&text, 8));
        }

        #[test]
        fn integers_agree_with_parse(text in "-?[0-9]{0,20}|[-+/:0-9]{0,9}|-?922337203685477580[0-9]") {
            let expected = if text.contains('+') { None } else { text.parse().ok() };
            prop_assert_eq!(integer(text.as_bytes()), expected);
        }

        #[test]
        fn records_read_at_once_agree_with_records_read_in_parts(
            record in "[a-z:;]{0,9};-?[0-9]{1,3}\\.[0-9]|[-;:.0-9]{0,12}|[a-z]{0,9}[;:<\\x7f]{0,2}-?[0-9/:]{0,3}[.,][0-9]{0,2}"
        ) {
            let parts = split_last(record.as_bytes(), b';');
            let expected = parts.and_then(|(name, number)| Some((name, fixed_point::<1>(number)?)));
            prop_assert_eq!(split_fixed_point::<1>(record.as_bytes(), b';'), expected);
            let expected = parts.and_then(|(name, number)| Some((name, fixed_point::<2>(number)?)));
            prop_assert_eq!(split_fixed_point::<2>(record.as_bytes(), b';'), expected);
        }
    }
}
