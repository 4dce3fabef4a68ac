//! The helpers that look at eight and more bytes at a time, against what one would write first.
#![no_main]

use engines::bytes;
use engines_fuzz::lines;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&[separator, repeats], text)) = data.split_first_chunk() else {
        return;
    };
    cut(text, separator);
    // In an allocation that ends where the text does, at another place in it: what reads too far is
    // found, and what depends on the address too.
    let moved = [&[separator][..], text].concat().into_boxed_slice();
    cut(&moved[1..], b',');
    assert_eq!(bytes::hash(text), hash(text));
    assert_eq!(bytes::hash(&moved[1..]), hash(text));

    decimals(text, separator);
    assert_eq!(bytes::integer(text), integer(text));

    let mut lower = vec![separator];
    bytes::push_lower_case(&mut lower, text);
    assert_eq!(lower[0], separator);
    assert_eq!(lower[1..], text.to_ascii_lowercase());

    // More than the two kilobytes that it takes at once.
    let long = text.repeat(1 + usize::from(repeats));
    let mut found = Vec::new();
    bytes::each_line(&long, |line| found.push(line.to_vec()));
    assert_eq!(found, lines(&long));
});

fn cut(record: &[u8], separator: u8) {
    let at = record.iter().position(|byte| *byte == separator);
    let halves = |at: usize| (&record[..at], &record[at + 1..]);
    assert_eq!(bytes::split_first(record, separator), at.map(halves));
    let at = record.iter().rposition(|byte| *byte == separator);
    assert_eq!(bytes::split_last(record, separator), at.map(halves));
    cut_into::<1>(record, separator);
    cut_into::<2>(record, separator);
    cut_into::<3>(record, separator);
    cut_into::<9>(record, separator);
}

fn cut_into<const N: usize>(record: &[u8], separator: u8) {
    let all: Vec<&[u8]> = record.split(|byte| *byte == separator).collect();
    let trimmed: Vec<&[u8]> = all.iter().map(|field| field.trim_ascii()).collect();
    let expected: Option<[&[u8]; N]> = all.try_into().ok();
    assert_eq!(bytes::fields::<N>(record, separator), expected);
    let expected: Option<[&[u8]; N]> = trimmed.try_into().ok();
    assert_eq!(bytes::trimmed_fields::<N>(record, separator), expected);
}

fn decimals(text: &[u8], separator: u8) {
    assert_eq!(bytes::fixed_point::<1>(text), fixed_point(text, 1));
    assert_eq!(bytes::fixed_point::<2>(text), fixed_point(text, 2));
    assert_eq!(bytes::fixed_point::<6>(text), fixed_point(text, 6));
    assert_eq!(bytes::fixed_point::<7>(text), fixed_point(text, 7));
    assert_eq!(bytes::fixed_point::<8>(text), fixed_point(text, 8));
    let at = text.iter().rposition(|byte| *byte == separator);
    let split = |decimals| {
        let at = at?;
        Some((&text[..at], fixed_point(&text[at + 1..], decimals)?))
    };
    assert_eq!(bytes::split_fixed_point::<1>(text, separator), split(1));
    assert_eq!(bytes::split_fixed_point::<2>(text, separator), split(2));
    assert_eq!(bytes::split_fixed_point::<6>(text, separator), split(6));
}

/// `-?[0-9]{1,9}\.[0-9]{decimals}`.
fn fixed_point(text: &[u8], decimals: usize) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.')?;
    let all = [whole, fraction].concat();
    let well_formed = (1..=9).contains(&whole.len())
        && fraction.len() == decimals
        && all.bytes().all(|byte| byte.is_ascii_digit());
    let value: i64 = well_formed.then(|| all.parse().expect("at most 17 digits"))?;
    Some(if digits.len() < text.len() {
        -value
    } else {
        value
    })
}

/// `-?[0-9]+` that fits.
fn integer(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    // `parse` takes a plus sign too.
    text.parse().ok().filter(|_| !text.starts_with('+'))
}

/// Folded multiplication of words that overlap, as `bytes::hash` describes it.
fn hash(key: &[u8]) -> u64 {
    const SECRETS: [u64; 4] = [
        0xA076_1D64_78BD_642F,
        0xE703_7ED1_A0B4_28DB,
        0x8EBC_6AF0_9C88_C6E3,
        0x5899_65CC_7537_4CC3,
    ];
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        (product ^ (product >> 64)) as u64
    };
    let word = |bytes: &[u8]| {
        let bytes = bytes.iter().rev().take(8);
        bytes.fold(0, |word, byte| word << 8 | u64::from(*byte))
    };
    let length = key.len();
    if length < 8 {
        return fold(word(key) ^ SECRETS[0], length as u64 ^ SECRETS[1]);
    }
    let at = |start: usize| word(&key[start..start + 8]);
    let mut state = 0;
    let tail = length.saturating_sub(32);
    if tail > 0 {
        for start in (0..length / 16).map(|block| 16 * block) {
            state = fold(at(start) ^ SECRETS[0] ^ state, at(start + 8) ^ SECRETS[1]);
        }
    }
    // Of a long key the last 32 bytes are taken like a key of their own.
    let last = length - 8;
    let second = last.min(tail + 8);
    let front = fold(at(tail) ^ SECRETS[0], at(second) ^ SECRETS[1]);
    let third = tail + last - second;
    let back = fold(at(third) ^ SECRETS[2], at(last) ^ SECRETS[3]);
    state ^ fold(front ^ length as u64, back ^ SECRETS[1])
}
