//! What a run returns, and how two answers are compared: outside the measured call.

use std::collections::HashMap;

use engines::Groups;

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
