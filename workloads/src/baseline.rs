//! What baselines share: parsing as strings are parsed with the standard library.

/// A decimal number with exactly `decimals` digits after the point, in units of its last digit, as
/// [`engines::bytes::fixed_point`] reads it from bytes.
pub(crate) fn decimal(text: &str, decimals: usize) -> Option<i64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = text.split_once('.')?;
    // `parse` alone would also take a plus sign.
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.len() > 9 || fraction.len() != decimals || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let fraction: i64 = fraction.parse().ok()?;
    let value = whole * 10i64.pow(decimals as u32) + fraction;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use engines::bytes::fixed_point;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_the_parser_of_bytes(text in "-?[0-9]{0,11}[.,]?[0-9]{0,4}|[-+.0-9a ]{0,8}|\\PC{0,5}") {
            prop_assert_eq!(decimal(&text, 1), fixed_point::<1>(text.as_bytes()));
            prop_assert_eq!(decimal(&text, 2), fixed_point::<2>(text.as_bytes()));
        }
    }
}
