//! What a run returns, and how two answers are compared: outside the measured call.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use engines::Groups;

/// How far two sums of the same numbers may lie apart, relative to the larger one. Engines add in
/// different orders, and each addition rounds by up to 2^-53: some 10^-10 for a million additions one
/// after another, where all roundings go the same way, and far less in practice.
const SUM_TOLERANCE: f64 = 1e-9;

/// An answer as the contender has it, so that no conversion is ever measured.
#[derive(Debug)]
pub enum Answer {
    /// One number for each item.
    Values(Vec<f64>),
    /// One number.
    Number(f64),
    /// Statistics by key, in a table of ours.
    Groups(Groups<Summary>),
    /// Statistics by key, in a table of the standard library.
    Table(HashMap<String, Summary>),
}

impl Answer {
    /// The first difference from `reference`, by position or in the order of keys.
    ///
    /// Values must have the same bits, or both be no number: every stage is computed exactly as
    /// written, whatever the engine. A number is a sum and may differ by 10^-9 of its size, because
    /// engines add in different orders. Tables of either kind must hold the same keys and statistics.
    pub fn differs(&self, reference: &Answer) -> Option<Mismatch> {
        match (self, reference) {
            (Answer::Values(got), Answer::Values(expected)) => different_values(got, expected),
            (Answer::Number(got), Answer::Number(expected)) => (!same_sum(*got, *expected))
                .then(|| mismatch("the number", format!("{expected:?}"), format!("{got:?}"))),
            (got, expected) => match (got.by_key(), expected.by_key()) {
                (Some(got), Some(expected)) => different_groups(&got, &expected),
                _ => Some(mismatch("kind of answer", expected.kind(), got.kind())),
            },
        }
    }

    fn by_key(&self) -> Option<BTreeMap<&[u8], Summary>> {
        match self {
            Answer::Groups(groups) => Some(groups.iter().map(|(key, s)| (key, *s)).collect()),
            Answer::Table(table) => Some(table.iter().map(|(k, s)| (k.as_bytes(), *s)).collect()),
            Answer::Values(_) | Answer::Number(_) => None,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Answer::Values(_) => "values",
            Answer::Number(_) => "a number",
            Answer::Groups(_) | Answer::Table(_) => "statistics by key",
        }
    }
}

fn different_values(got: &[f64], expected: &[f64]) -> Option<Mismatch> {
    let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
    for (at, (got, expected)) in got.iter().zip(expected).enumerate() {
        if !same(*got, *expected) {
            return Some(mismatch(
                format!("value {at}"),
                format!("{expected:?}"),
                format!("{got:?}"),
            ));
        }
    }
    (got.len() != expected.len()).then(|| {
        mismatch(
            "number of values",
            expected.len().to_string(),
            got.len().to_string(),
        )
    })
}

fn same_sum(got: f64, expected: f64) -> bool {
    if got.is_nan() || expected.is_nan() {
        return got.is_nan() && expected.is_nan();
    }
    // Equal infinities are equal; any other pair with an infinity has an infinite difference, which
    // would pass for being at most infinite.
    if got.is_infinite() || expected.is_infinite() {
        return got == expected;
    }
    (got - expected).abs() <= SUM_TOLERANCE * got.abs().max(expected.abs())
}

fn different_groups(
    got: &BTreeMap<&[u8], Summary>,
    expected: &BTreeMap<&[u8], Summary>,
) -> Option<Mismatch> {
    let mut keys: Vec<&[u8]> = got.keys().chain(expected.keys()).copied().collect();
    keys.sort_unstable();
    let key = keys
        .into_iter()
        .find(|key| got.get(key) != expected.get(key))?;
    let show = |summary: Option<&Summary>| match summary {
        Some(summary) => summary.to_string(),
        None => "nothing".to_owned(),
    };
    Some(mismatch(
        format!("key {:?}", String::from_utf8_lossy(key)),
        show(expected.get(key)),
        show(got.get(key)),
    ))
}

fn mismatch(
    place: impl Into<String>,
    expected: impl Into<String>,
    got: impl Into<String>,
) -> Mismatch {
    Mismatch {
        place: place.into(),
        expected: expected.into(),
        got: got.into(),
    }
}

/// Statistics of one group, in whole units so that no order of addition matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Smallest value.
    pub min: i64,
    /// Largest value.
    pub max: i64,
    /// Sum of the values.
    pub sum: i64,
    /// Number of values.
    pub count: u64,
}

impl Summary {
    /// Statistics of no value: what adding begins with.
    pub const EMPTY: Summary = Summary {
        min: i64::MAX,
        max: i64::MIN,
        sum: 0,
        count: 0,
    };

    /// Statistics of one value.
    pub fn one(value: i64) -> Self {
        Summary {
            min: value,
            max: value,
            sum: value,
            count: 1,
        }
    }

    /// Adds a value.
    #[inline(always)]
    pub fn add(&mut self, value: i64) {
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.sum += value;
        self.count += 1;
    }

    /// Adds all values of another group.
    #[inline(always)]
    pub fn merge(&mut self, other: Summary) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.count += other.count;
    }

    /// The mean, or no number for no values.
    pub fn mean(&self) -> f64 {
        self.sum as f64 / self.count as f64
    }
}

impl Default for Summary {
    fn default() -> Self {
        Summary::EMPTY
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary {
            min,
            max,
            sum,
            count,
        } = self;
        write!(f, "{count} values from {min} to {max}, sum {sum}")
    }
}

/// Where an answer differs from the reference.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("expected {expected}, got {got} (first difference: {place})")]
pub struct Mismatch {
    /// The key or position.
    pub place: String,
    /// What the reference says there.
    pub expected: String,
    /// What the answer says there.
    pub got: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(&str, i64)]) -> Answer {
        let entry = |&(key, value): &(&str, i64)| (key.to_owned(), Summary::one(value));
        Answer::Table(entries.iter().map(entry).collect())
    }

    fn groups(entries: &[(&str, i64)]) -> Answer {
        let mut groups = Groups::new();
        for (key, value) in entries {
            groups.entry(key.as_bytes(), Summary::default).add(*value);
        }
        Answer::Groups(groups)
    }

    #[test]
    fn equal_answers() {
        let nan = f64::from_bits(f64::NAN.to_bits() ^ 1);
        let pairs = [
            (
                Answer::Values(vec![1.0, nan, f64::INFINITY]),
                Answer::Values(vec![1.0, f64::NAN, f64::INFINITY]),
            ),
            (Answer::Values(vec![]), Answer::Values(vec![])),
            (Answer::Number(1.0), Answer::Number(1.0 + 1e-10)),
            (Answer::Number(nan), Answer::Number(f64::NAN)),
            (Answer::Number(0.0), Answer::Number(-0.0)),
            (Answer::Number(f64::INFINITY), Answer::Number(f64::INFINITY)),
            (
                groups(&[("b", 1), ("a", 2), ("b", 3)]),
                groups(&[("a", 2), ("b", 3), ("b", 1)]),
            ),
            (groups(&[("a", 2), ("ü", 3)]), table(&[("ü", 3), ("a", 2)])),
            (table(&[("ü", 3), ("a", 2)]), groups(&[("a", 2), ("ü", 3)])),
            (table(&[]), groups(&[])),
        ];
        for (got, expected) in pairs {
            assert_eq!(got.differs(&expected), None);
        }
    }

    #[test]
    fn the_first_difference_is_named() {
        let cases = [
            (
                Answer::Values(vec![1.0, 2.0]),
                Answer::Values(vec![1.0, 3.0, 4.0]),
                "value 1",
            ),
            (
                Answer::Values(vec![1.0]),
                Answer::Values(vec![1.0, 3.0]),
                "number of values",
            ),
            (
                Answer::Values(vec![0.0]),
                Answer::Values(vec![-0.0]),
                "value 0",
            ),
            (
                Answer::Number(1.0),
                Answer::Number(1.0 + 1e-8),
                "the number",
            ),
            (
                Answer::Number(f64::MAX),
                Answer::Number(f64::INFINITY),
                "the number",
            ),
            (
                Answer::Number(f64::NEG_INFINITY),
                Answer::Number(f64::INFINITY),
                "the number",
            ),
            (Answer::Number(0.0), Answer::Number(f64::NAN), "the number"),
            (Answer::Number(0.0), table(&[]), "kind of answer"),
            (
                table(&[("c", 1), ("b", 1)]),
                table(&[("c", 2), ("b", 2)]),
                "key \"b\"",
            ),
            (
                groups(&[("a", 1), ("c", 1)]),
                table(&[("a", 1)]),
                "key \"c\"",
            ),
            (table(&[]), groups(&[("a", 1)]), "key \"a\""),
        ];
        for (got, expected, place) in cases {
            let mismatch = got.differs(&expected).expect("they differ");
            assert_eq!(mismatch.place, place);
        }
        let mismatch = groups(&[("a", 1), ("a", -3)]).differs(&table(&[]));
        assert_eq!(
            mismatch.expect("they differ").to_string(),
            "expected nothing, got 2 values from -3 to 1, sum -2 (first difference: key \"a\")"
        );
    }

    #[test]
    fn summaries_add_up() {
        let mut left = Summary::one(3);
        left.add(-5);
        let mut right = Summary::EMPTY;
        right.add(10);
        left.merge(right);
        left.merge(Summary::EMPTY);
        let expected = Summary {
            min: -5,
            max: 10,
            sum: 8,
            count: 3,
        };
        assert_eq!(left, expected);
        assert!((left.mean() - 8.0 / 3.0).abs() < 1e-15);
        assert!(Summary::EMPTY.mean().is_nan());
    }
}
