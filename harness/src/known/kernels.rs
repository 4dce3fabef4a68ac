//! Work whose amount is known exactly: a call does a number of units, and each unit is one pass over an
//! input of its own that no call had before. Twice the units are twice the work.

use std::collections::HashMap;
use std::io::Write;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The kernels by name.
pub const NAMES: [&str; 2] = ["hs", "pa"];

/// Work in units. The answer does not depend on how it is computed, so that it can be checked.
pub trait Kernel {
    /// Makes inputs for this many units; those of fewer units are the first of those of more.
    fn load(&mut self, seed: u64, units: u32);

    /// Does the work.
    fn run(&self) -> u64;

    /// What [`Kernel::run`] ought to give.
    fn expected(&self) -> u64;
}

/// The kernel of a name.
pub fn find(name: &str) -> Option<Box<dyn Kernel>> {
    match name {
        "hs" => Some(Box::new(HashAndSort::default())),
        "pa" => Some(Box::new(Parse::default())),
        _ => None,
    }
}

/// Spreads a number over all bits (the finalizer of SplitMix64).
fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}

/// Counts keys in a hash map, then sorts them.
#[derive(Default)]
struct HashAndSort {
    keys: Vec<u32>,
    expected: u64,
}

/// Keys of one unit.
const KEYS: usize = 1024;

impl Kernel for HashAndSort {
    fn load(&mut self, seed: u64, units: u32) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        self.keys.clear();
        // Half of the keys recur, so that the map both grows and finds.
        let keys = (0..KEYS * units as usize).map(|_| random.random_range(0..KEYS as u32));
        self.keys.extend(keys);
        let sum = |sum: u64, key: &u32| sum.wrapping_add(mix(u64::from(*key)));
        self.expected = self.keys.iter().fold(0, sum);
    }

    fn run(&self) -> u64 {
        self.keys
            .chunks(KEYS)
            .map(count_and_sort)
            .fold(0, u64::wrapping_add)
    }

    fn expected(&self) -> u64 {
        self.expected
    }
}

fn count_and_sort(keys: &[u32]) -> u64 {
    let mut counts: HashMap<u32, u64> = HashMap::new();
    for key in keys {
        *counts.entry(*key).or_default() += 1;
    }
    let mut counts: Vec<(u32, u64)> = counts.into_iter().collect();
    counts.sort_unstable();
    let ordered = counts.windows(2).all(|pair| pair[0].0 < pair[1].0);
    let sum = |sum: u64, (key, count): &(u32, u64)| {
        sum.wrapping_add(mix(u64::from(*key)).wrapping_mul(*count))
    };
    counts.iter().fold(u64::from(!ordered), sum)
}

/// Adds up the numbers of a text, field by field, with a branch for each byte.
#[derive(Default)]
struct Parse {
    text: Vec<u8>,
    ends: Vec<usize>,
    expected: u64,
}

/// Bytes of one unit, to a record.
const BYTES: usize = 4096;

impl Kernel for Parse {
    fn load(&mut self, seed: u64, units: u32) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        self.text.clear();
        self.ends.clear();
        self.expected = 0;
        for _ in 0..units {
            let end = self.text.len() + BYTES;
            while self.text.len() < end {
                let number: i32 = random.random_range(-99_999..100_000);
                let name = &b"abcdefghijklmnopqrst"[..random.random_range(1..20)];
                self.text.extend_from_slice(name);
                // One name in four is quoted and holds the separator.
                if random.random_range(0..4) == 0 {
                    self.text.extend_from_slice(b"\"x;y\"");
                }
                // Writing to memory does not fail.
                let _ = writeln!(self.text, ";{number}");
                self.expected = self.expected.wrapping_add(number as u64).wrapping_add(1);
            }
            self.ends.push(self.text.len());
        }
    }

    fn run(&self) -> u64 {
        let mut start = 0;
        let mut sum: u64 = 0;
        for &end in &self.ends {
            sum = sum.wrapping_add(parse(&self.text[start..end]));
            start = end;
        }
        sum
    }

    fn expected(&self) -> u64 {
        self.expected
    }
}

/// The sum of the numbers, and one for each line.
fn parse(text: &[u8]) -> u64 {
    let (mut sum, mut number) = (0u64, 0i64);
    let (mut quoted, mut in_number, mut negative) = (false, false, false);
    for &byte in text {
        match byte {
            b'"' => quoted = !quoted,
            b';' if !quoted => in_number = true,
            b'-' if in_number => negative = true,
            b'0'..=b'9' if in_number => number = number * 10 + i64::from(byte - b'0'),
            b'\n' => {
                let signed = if negative { -number } else { number };
                sum = sum.wrapping_add(signed as u64).wrapping_add(1);
                (number, in_number, negative) = (0, false, false);
            }
            _ => {}
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kernel_gives_what_its_input_was_made_for() {
        for name in NAMES {
            let mut kernel = find(name).unwrap();
            let mut answers = Vec::new();
            for (seed, units) in [(1, 100), (1, 102), (2, 100), (1, 0)] {
                kernel.load(seed, units);
                assert_eq!(kernel.run(), kernel.expected(), "{name} {seed} {units}");
                answers.push(kernel.expected());
            }
            assert_eq!(answers[3], 0);
            assert!(answers[0] != answers[1] && answers[0] != answers[2]);
        }
        assert!(find("none").is_none());
    }

    #[test]
    fn the_units_of_less_work_are_the_first_of_more() {
        let (mut less, mut more) = (HashAndSort::default(), HashAndSort::default());
        less.load(7, 100);
        more.load(7, 210);
        assert_eq!(less.keys, more.keys[..less.keys.len()]);
        assert_eq!(more.keys.len() * 100, less.keys.len() * 210);
    }
}
