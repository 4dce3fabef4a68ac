//! A file of `station;temperature` lines that may be larger than memory: lowest, mean and highest
//! temperature of each station.
//!
//! A record is a line of a station's name (UTF-8, not empty), a semicolon, and a temperature with one
//! decimal; white space at the end of a line is ignored. The last semicolon separates, so that a name
//! may hold one. Any other line is malformed and is dropped.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use engines::{Bytes, Engine, Keyed, Pipeline, Records, Stage, bytes};
use rand_chacha::rand_core::Rng;

use crate::answer::Summary;
use crate::baseline::decimal;
use crate::generate::{self, Stored};
use crate::{Answer, Error, Need, Needs, Setting, Size, Workload, summaries, with_text_keys};

/// To be raised whenever other bytes come out for the same seed.
const VERSION: u32 = 1;

/// Statistics of each station from a file of measurements. Seeds that are equal modulo four share a file.
#[derive(Debug, Default)]
pub struct Aggregate;

/// A file of measurements.
#[derive(Clone, Debug)]
pub struct Measurements {
    path: PathBuf,
    /// What the generator knows to be right.
    right: HashMap<String, Summary>,
}

impl Measurements {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn items(size: Size) -> usize {
    match size {
        Size::Tiny => 2_000,
        Size::Quick => 96_000,
        Size::Default => 1_600_000,
        Size::Large => 48_000_000,
    }
}

/// Bytes per record on average; a test compares it with what is generated.
const MEAN_BYTES: f64 = 20.9;

impl Workload for Aggregate {
    const NAME: &'static str = "large-file/aggregate";
    const ABOUT: &'static str =
        "Reads measurements from a file and finds each station's lowest, mean and highest";

    type Input = Measurements;

    fn items(&self, size: Size) -> u64 {
        items(size) as u64
    }

    fn bytes(&self, size: Size) -> u64 {
        (items(size) as f64 * MEAN_BYTES) as u64
    }

    // Looking at what has been read costs little beside reading it, and nothing where the file is mapped.
    fn needs(&self, size: Size) -> Needs {
        Needs {
            working_set: self.bytes(size),
            amounts: vec![(Need::FileRead, self.bytes(size))],
        }
    }

    fn prepare(&self, setting: &Setting, seed: u64) -> Result<Measurements, Error> {
        let n = setting.items(self.items(setting.size)) as usize;
        Ok(measurements(&setting.folder, n, seed)?)
    }

    fn reference(&self, input: &Measurements) -> Answer {
        Answer::Table(input.right.clone())
    }

    fn run<E: Engine>(&self, engine: &E, input: &mut Measurements) -> Result<Answer, Error> {
        let groups = engine.run(Records::file(&input.path), &pipeline(), summaries())?;
        Ok(Answer::Groups(with_text_keys(groups)))
    }

    fn eager(&self, input: &mut Measurements) -> Result<Answer, Error> {
        let text = match String::from_utf8(fs::read(&input.path)?) {
            Ok(text) => text,
            // Somewhere in it is a line to drop.
            Err(error) => {
                let lines = error.as_bytes().split_inclusive(|b| *b == b'\n');
                lines.filter_map(|line| str::from_utf8(line).ok()).collect()
            }
        };
        let lines: Vec<&str> = text.lines().collect();
        let records: Vec<(String, i64)> = lines
            .iter()
            .filter_map(|line| record(line))
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let mut table: HashMap<String, Summary> = HashMap::new();
        for (name, value) in records {
            table.entry(name).or_default().add(value);
        }
        Ok(Answer::Table(table))
    }

    fn idiomatic(&self, input: &mut Measurements) -> Result<Answer, Error> {
        let mut table: HashMap<String, Summary> = HashMap::new();
        for line in BufReader::new(File::open(&input.path)?).lines() {
            let line = match line {
                Ok(line) => line,
                // A line that is not UTF-8 has been read to its end, and the next one follows.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => continue,
                Err(error) => return Err(error.into()),
            };
            if let Some((name, value)) = record(&line) {
                match table.get_mut(name) {
                    Some(summary) => summary.add(value),
                    None => {
                        table.insert(name.to_owned(), Summary::one(value));
                    }
                }
            }
        }
        Ok(Answer::Table(table))
    }
}

fn record(line: &str) -> Option<(&str, i64)> {
    let (name, value) = line.trim_ascii_end().rsplit_once(';')?;
    let value = decimal(value, 1)?;
    (!name.is_empty()).then_some((name, value))
}

/// Leaves names that are not UTF-8 to [`with_text_keys`].
fn pipeline() -> Pipeline<Bytes, impl Stage<Bytes, Out = Keyed<i64>> + Sync> {
    Pipeline::records()
        .map_bytes(<[u8]>::trim_ascii_end)
        .keyed(|line| {
            let (name, value) = bytes::split_fixed_point::<1>(line, b';')?;
            (!name.is_empty()).then_some((name, value))
        })
}

const PLACES: [&str; 20] = [
    "Oslo",
    "Zürich",
    "São Paulo",
    "Reykjavik",
    "Hamburg",
    "Lima",
    "Nouakchott",
    "Charleston",
    "東京",
    "Washington, D.C.",
    "Ho Chi Minh City",
    "Lagos",
    "Krasnoyarsk",
    "Perth",
    "Marrakesh",
    "Quito",
    "Ab",
    "Petropavlovsk-Kamchatsky",
    "Fez",
    "Antananarivo",
];

const PARTS: [&str; 20] = [
    "",
    " North",
    " South",
    " East",
    " West",
    " Harbour",
    " Airport",
    " Süd",
    " Centre",
    " II",
    " Old Town",
    " Heights",
    "-sur-Mer",
    " Bay",
    " Hill",
    " Valley",
    " 3",
    " Lake",
    " Forest",
    " Isle",
];

fn stations() -> Vec<String> {
    let parts = |place| PARTS.iter().map(move |part| format!("{place}{part}"));
    PLACES.iter().flat_map(parts).collect()
}

fn measurements(folder: &Path, n: usize, seed: u64) -> io::Result<Measurements> {
    let seed = seed % generate::VARIANTS;
    let name = format!("large-file-aggregate-v{VERSION}-{n}-{seed}.txt");
    let Stored { path, note } = generate::stored(folder, &name, |path| {
        let mut file = File::create(path)?;
        let right = write(&mut file, n, seed)?;
        Ok(generate::to_note(&right))
    })?;
    let right = generate::from_note(&note)?;
    Ok(Measurements { path, right })
}

/// Writes measurements at random stations, around a mean that each station has of its own; 1 in 4,096
/// lines is malformed.
fn write(file: &mut impl Write, n: usize, seed: u64) -> io::Result<Vec<(String, Summary)>> {
    const CHUNK: usize = 1 << 20;
    let mut random = generate::random(Aggregate::NAME, seed);
    let stations = stations();
    let means: Vec<i64> = stations
        .iter()
        .map(|_| i64::from(generate::below(1400, random.next_u32())) - 700)
        .collect();
    let mut right = vec![Summary::EMPTY; stations.len()];
    let mut text = Vec::with_capacity(CHUNK + 1000);
    for _ in 0..n {
        let (first, second) = (random.next_u32(), random.next_u32());
        let station = generate::below(stations.len() as u32, first) as usize;
        let value = means[station] + i64::from(generate::below(599, second)) - 299;
        let flaw = second & 0xfff;
        text.extend_from_slice(stations[station].as_bytes());
        match flaw {
            0 => text.extend_from_slice(b" "),
            1 => text.extend_from_slice(b"\xff;"),
            _ => text.push(b';'),
        }
        match flaw {
            2 => text.extend_from_slice(b"-"),
            _ => generate::push_fixed::<1>(&mut text, value),
        }
        text.extend_from_slice(if flaw == 3 { b"\r\n" } else { b"\n" });
        if flaw > 2 {
            right[station].add(value);
        }
        if text.len() >= CHUNK {
            file.write_all(&text)?;
            text.clear();
        }
    }
    file.write_all(&text)?;
    let mut right: Vec<_> = stations.into_iter().zip(right).collect();
    right.retain(|(_, summary)| summary.count > 0);
    Ok(right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle;
    use proptest::prelude::*;

    /// The rule in the module's documentation, character by character.
    fn right(text: &[u8]) -> HashMap<String, Summary> {
        oracle::table(text, |line| {
            let parts: Vec<&str> = line.split(';').collect();
            let (last, name) = parts.split_last()?;
            let name = name.join(";");
            let end = last.trim_end_matches([' ', '\t', '\r', '\n', '\x0c']);
            let value = oracle::decimal(end, 1)?;
            (!name.is_empty()).then_some((name, value))
        })
    }

    #[test]
    fn the_generator_knows_what_is_right() {
        let folder = tempfile::tempdir().unwrap();
        let n = 50_000;
        let input = measurements(folder.path(), n, 9).unwrap();
        let text = fs::read(&input.path).unwrap();
        assert_eq!(input.right, right(&text));
        assert_eq!(input.right.len(), 400);
        let mean = text.len() as f64 / n as f64;
        assert!((mean / MEAN_BYTES - 1.0).abs() < 0.01, "{mean}");
        assert_eq!(
            measurements(folder.path(), n, 1).unwrap().right,
            input.right
        );
        assert_ne!(
            measurements(folder.path(), n, 2).unwrap().right,
            input.right
        );
    }

    proptest! {
        #[test]
        fn everyone_drops_the_same_records(text in oracle::records(
            vec!["Oslo", "Zürich", "", " ", "1.5", "-99.9", "0.0", "1.50", "+1.0", "-0.0"], b';'
        )) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("records");
            fs::write(&path, &text).unwrap();
            let right = right(&text);
            oracle::check(&Aggregate, || Measurements { path: path.clone(), right: right.clone() });
        }
    }
}
