//! Many small records of text in memory: each is trimmed, its key lower-cased, its number parsed,
//! and what is good and in range is aggregated by key, once with few keys and once with many.
//!
//! A record is a line of three fields between commas, with ASCII white space around each: a key (UTF-8,
//! not empty), a number with two decimals, and a status. Any other line is malformed and is dropped,
//! as is a record that is not `ok` or out of range. ASCII letters of keys are lower-cased.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use engines::{Bytes, Engine, Keyed, Pipeline, Records, Stage, bytes};
use rand_chacha::rand_core::Rng;

use crate::answer::Summary;
use crate::baseline::decimal;
use crate::{
    Answer, Error, Need, Needs, Setting, Size, Workload, generate, summaries, with_text_keys,
};

/// Values that count, in hundredths.
const RANGE: RangeInclusive<i64> = 0..=10_000;

/// Few keys: all of them stay in the innermost cache.
pub type FewKeys = Sensors<200>;

/// Many keys: their table is larger than the innermost cache, and new keys keep coming.
pub type ManyKeys = Sensors<50_000>;

/// Readings of at most `KEYS` sensors.
#[derive(Debug, Default)]
pub struct Sensors<const KEYS: u32>;

/// A text of records.
#[derive(Clone, Debug)]
pub struct Readings {
    text: Vec<u8>,
    right: Right,
}

/// What is known to be right.
#[derive(Clone, Debug)]
enum Right {
    /// By the generator, for each key's number.
    Generated(Vec<Summary>),
    /// By a test.
    #[cfg(test)]
    Given(HashMap<String, Summary>),
}

impl Readings {
    fn right(&self) -> HashMap<String, Summary> {
        match &self.right {
            Right::Generated(right) => {
                let keys = right.iter().enumerate().filter(|(_, s)| s.count > 0);
                let name = |key: usize| format!("{}_{key:05}", KINDS[key % KINDS.len()][1]);
                keys.map(|(key, summary)| (name(key), *summary)).collect()
            }
            #[cfg(test)]
            Right::Given(right) => right.clone(),
        }
    }
}

impl<const KEYS: u32> Sensors<KEYS> {
    fn keys(n: usize) -> u32 {
        // In a small input, too, keys come twice on average at least.
        KEYS.min(n as u32 / 2)
    }
}

fn items(size: Size) -> usize {
    match size {
        Size::Tiny => 2_000,
        Size::Quick => 10_000,
        Size::Default => 100_000,
        Size::Large => 4_000_000,
    }
}

/// Bytes per record on average; a test compares it with what is generated.
const MEAN_BYTES: f64 = 33.6;

impl<const KEYS: u32> Workload for Sensors<KEYS> {
    const NAME: &'static str = match KEYS {
        200 => "many-small-items/few-keys",
        50_000 => "many-small-items/many-keys",
        _ => "many-small-items/other-keys",
    };
    const ABOUT: &'static str = match KEYS {
        200 => "Cleans, parses and filters small records and aggregates them by 200 keys",
        _ => "Cleans, parses and filters small records and aggregates them by up to 50,000 keys",
    };

    type Input = Readings;

    fn items(&self, size: Size) -> u64 {
        items(size) as u64
    }

    fn bytes(&self, size: Size) -> u64 {
        (items(size) as f64 * MEAN_BYTES) as u64
    }

    // The text, once; the table of keys is left out, since how large it is lies with the contender.
    fn needs(&self, size: Size) -> Needs {
        Needs {
            working_set: self.bytes(size),
            amounts: vec![(Need::Read, self.bytes(size))],
        }
    }

    fn prepare(&self, setting: &Setting, seed: u64) -> Result<Readings, Error> {
        let n = setting.items(self.items(setting.size)) as usize;
        Ok(readings(n, Self::keys(n), Self::NAME, seed))
    }

    fn reference(&self, input: &Readings) -> Answer {
        Answer::Table(input.right())
    }

    fn run<E: Engine>(&self, engine: &E, input: &mut Readings) -> Result<Answer, Error> {
        let groups = engine.run(Records::text(&input.text), &pipeline(), summaries())?;
        Ok(Answer::Groups(with_text_keys(groups)))
    }

    fn eager(&self, input: &mut Readings) -> Result<Answer, Error> {
        let lines = input.text.split(|b| *b == b'\n');
        let lines: Vec<&str> = lines.filter_map(|line| str::from_utf8(line).ok()).collect();
        let fields: Vec<[&str; 3]> = lines.iter().filter_map(|line| fields(line)).collect();
        let keys: Vec<(String, &str, &str)> = fields
            .iter()
            .map(|[key, number, status]| (key.to_ascii_lowercase(), *number, *status))
            .collect();
        let parsed: Vec<(String, i64, &str)> = keys
            .into_iter()
            .filter_map(|(key, number, status)| Some((key, decimal(number, 2)?, status)))
            .collect();
        let good: Vec<(String, i64)> = parsed
            .into_iter()
            .filter(|(key, value, status)| {
                !key.is_empty() && *status == "ok" && RANGE.contains(value)
            })
            .map(|(key, value, _)| (key, value))
            .collect();
        let mut table: HashMap<String, Summary> = HashMap::new();
        for (key, value) in good {
            table.entry(key).or_default().add(value);
        }
        Ok(Answer::Table(table))
    }

    fn idiomatic(&self, input: &mut Readings) -> Result<Answer, Error> {
        Ok(Answer::Table(match str::from_utf8(&input.text) {
            Ok(text) => aggregate(text.lines()),
            // Somewhere in it is a line to drop.
            Err(_) => aggregate(
                input
                    .text
                    .split(|b| *b == b'\n')
                    .filter_map(|line| str::from_utf8(line).ok()),
            ),
        }))
    }
}

fn aggregate<'t>(lines: impl Iterator<Item = &'t str>) -> HashMap<String, Summary> {
    let mut table: HashMap<String, Summary> = HashMap::new();
    for line in lines {
        let Some([key, number, status]) = fields(line) else {
            continue;
        };
        let Some(value) = decimal(number, 2) else {
            continue;
        };
        if !key.is_empty() && status == "ok" && RANGE.contains(&value) {
            table
                .entry(key.to_ascii_lowercase())
                .or_default()
                .add(value);
        }
    }
    table
}

fn fields(line: &str) -> Option<[&str; 3]> {
    let mut fields = line.split(',').map(str::trim_ascii);
    let three = [fields.next()?, fields.next()?, fields.next()?];
    fields.next().is_none().then_some(three)
}

/// Leaves keys that are not UTF-8 to [`with_text_keys`].
fn pipeline() -> Pipeline<Bytes, impl Stage<Bytes, Out = Keyed<i64>> + Sync> {
    Pipeline::records()
        .keyed_with(|line, key| {
            let [name, number, status] = bytes::trimmed_fields(line, b',')?;
            if name.is_empty() || status != b"ok" {
                return None;
            }
            let value = bytes::fixed_point::<2>(number)?;
            bytes::push_lower_case(key, name);
            Some(value)
        })
        .filter(|(_, value)| RANGE.contains(value))
}

/// The first parts of keys. As in data from several sources, each comes in different spellings, of
/// which the second is the lower-case one.
const KINDS: [[&str; 3]; 8] = [
    ["Sensor-Alpha", "sensor-alpha", "SENSOR-ALPHA"],
    ["Sensor-Beta", "sensor-beta", "SENSOR-BETA"],
    ["Pump-North", "pump-north", "PUMP-NORTH"],
    ["Pump-South", "pump-south", "PUMP-SOUTH"],
    ["Valve", "valve", "VALVE"],
    ["Thermostat", "thermostat", "THERMOSTAT"],
    ["Flow-Meter", "flow-meter", "FLOW-METER"],
    ["Zähler", "zähler", "ZäHLER"],
];

/// Records of random sensors: about 85 in 100 count, the others have another status, are out of range
/// or (4 in 256) malformed.
fn readings(n: usize, keys: u32, purpose: &str, seed: u64) -> Readings {
    let mut random = generate::random(purpose, seed);
    let mut right = vec![Summary::EMPTY; keys as usize];
    let mut text = Vec::with_capacity((n as f64 * MEAN_BYTES * 1.02) as usize + 1000);
    for _ in 0..n {
        // One word for the key and the value, one for everything that makes a record irregular.
        let (first, second) = (random.next_u64(), random.next_u64());
        let key = generate::below(keys, first as u32) as usize;
        let value = i64::from(generate::below(11_000, (first >> 32) as u32)) - 500;
        let [spelling, padding, status, flaw, end] =
            [0, 8, 16, 24, 32].map(|shift| (second >> shift) as u8);
        let spaces = |bits: u8| &b"    "[..usize::from(bits & 3)];
        text.extend_from_slice(spaces(padding));
        let spellings = KINDS[key % KINDS.len()];
        text.extend_from_slice(spellings[usize::from(spelling) % 3].as_bytes());
        let digit = |unit: usize| b'0' + (key / unit % 10) as u8;
        text.extend_from_slice(b"_");
        text.extend_from_slice(&[10_000, 1000, 100, 10, 1].map(digit));
        text.extend_from_slice(spaces(padding >> 2));
        match flaw {
            0 => text.extend_from_slice(b"; "),
            _ => text.extend_from_slice(b", "),
        }
        text.extend_from_slice(spaces(padding >> 4));
        match flaw {
            1 => text.extend_from_slice(b"n/a"),
            _ => generate::push_fixed::<2>(&mut text, value),
        }
        text.extend_from_slice(b", ");
        let status: &[u8] = match status {
            0..=7 => b"late",
            8..=12 => b"error",
            _ => b"ok",
        };
        text.extend_from_slice(status);
        match flaw {
            2 => text.extend_from_slice(b", ?"),
            3 => text.extend_from_slice(b"\n"),
            _ => text.extend_from_slice(spaces(padding >> 6)),
        }
        text.extend_from_slice(if end < 32 { b"\r\n" } else { b"\n" });
        if status == b"ok" && flaw > 2 && RANGE.contains(&value) {
            right[key].add(value);
        }
    }
    let right = Right::Generated(right);
    Readings { text, right }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle;
    use proptest::prelude::*;

    /// The rule in the module's documentation, character by character.
    fn right(text: &[u8]) -> HashMap<String, Summary> {
        oracle::table(text, |line| {
            let parts: Vec<&str> = line.split(',').map(oracle::trim).collect();
            let [key, number, "ok"] = parts[..] else {
                return None;
            };
            let value = oracle::decimal(number, 2).filter(|value| RANGE.contains(value))?;
            let lower = key.chars().map(|c| c.to_ascii_lowercase());
            (!key.is_empty()).then(|| (lower.collect(), value))
        })
    }

    #[test]
    fn the_generator_knows_what_is_right() {
        for (n, keys) in [(20_000, 200), (20_000, 10_000)] {
            let readings = readings(n, keys, "test", 1);
            assert_eq!(readings.right(), right(&readings.text));
            let lines = readings.text.split(|b| *b == b'\n').count();
            assert!((n..n + n / 100).contains(&lines));
            let mean = readings.text.len() as f64 / n as f64;
            assert!((mean / MEAN_BYTES - 1.0).abs() < 0.01, "{mean}");
            let counted: u64 = readings.right().values().map(|summary| summary.count).sum();
            assert!((0.8..0.9).contains(&(counted as f64 / n as f64)));
        }
    }

    proptest! {
        #[test]
        fn everyone_drops_the_same_records(text in oracle::records(
            vec!["ok", "Ok", "late", "", "Key-1", "KEY-1", "zähler", "1.50", "-1.50", "100.00", "100.01", "1.5", "+1.00"], b','
        )) {
            let right = right(&text);
            oracle::check(&FewKeys::default(), || Readings { text: text.clone(), right: Right::Given(right.clone()) });
        }
    }
}
