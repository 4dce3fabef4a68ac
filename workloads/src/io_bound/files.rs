//! Many small files in nested folders: each is read, its amounts are added up, and the totals are
//! aggregated by the account that the file's first line names.
//!
//! A file's first line, without ASCII white space at either end, is its account. Every further line
//! whose last word (after the last space; white space at the end of the line is ignored) is a number
//! with two decimals counts; others are ignored. A file that is not UTF-8 or names no account is dropped.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use engines::{Engine, Keyed, Pipeline, Stage, bytes};
use rand_chacha::rand_core::Rng;

use crate::answer::Summary;
use crate::baseline::decimal;
use crate::generate::{self, Stored};
use crate::{Answer, Error, Need, Needs, Setting, Size, Workload, is_utf8, summaries};

/// To be raised whenever other bytes come out for the same seed.
const VERSION: u32 = 1;

const PER_FOLDER: usize = 500;
const ACCOUNTS: usize = 24;

/// Adds up the amounts in small files. Seeds that are equal modulo four share a tree of files.
#[derive(Debug, Default)]
pub struct Files;

/// Small files, each a ledger of one account.
#[derive(Clone, Debug)]
pub struct Ledgers {
    paths: Vec<PathBuf>,
    /// What the generator knows to be right.
    right: HashMap<String, Summary>,
}

impl Ledgers {
    /// The files.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }
}

fn items(size: Size) -> usize {
    match size {
        Size::Tiny => 50,
        Size::Quick => 300,
        Size::Default | Size::Large => 20_000,
    }
}

/// Bytes per file on average; a test compares it with what is generated.
const MEAN_BYTES: f64 = 1050.0;

impl Workload for Files {
    const NAME: &'static str = "io-bound/files";
    const ABOUT: &'static str = "Adds up the amounts in many small files, which both baselines read one by one with \
         fs::read";

    type Input = Ledgers;

    fn items(&self, size: Size) -> u64 {
        items(size) as u64
    }

    fn bytes(&self, size: Size) -> u64 {
        (items(size) as f64 * MEAN_BYTES) as u64
    }

    fn needs(&self, size: Size) -> Needs {
        Needs {
            working_set: self.bytes(size),
            amounts: vec![(Need::Files, self.items(size))],
        }
    }

    fn prepare(&self, setting: &Setting, seed: u64) -> Result<Ledgers, Error> {
        let n = setting.items(self.items(setting.size)) as usize;
        Ok(ledgers(&setting.folder, n, seed)?)
    }

    fn reference(&self, input: &Ledgers) -> Answer {
        Answer::Table(input.right.clone())
    }

    fn run<E: Engine>(&self, engine: &E, input: &mut Ledgers) -> Result<Answer, Error> {
        let files = engines::Files::at(&input.paths);
        let groups = engine.run(files, &pipeline(), summaries())?;
        Ok(Answer::Groups(groups))
    }

    fn eager(&self, input: &mut Ledgers) -> Result<Answer, Error> {
        let contents: Vec<Vec<u8>> = input
            .paths
            .iter()
            .map(fs::read)
            .collect::<io::Result<_>>()?;
        let texts: Vec<&str> = contents
            .iter()
            .filter_map(|content| str::from_utf8(content).ok())
            .collect();
        let parsed: Vec<(String, Vec<i64>)> = texts
            .iter()
            .filter_map(|text| {
                let (account, amounts) = ledger(text)?;
                Some((account.to_owned(), amounts.collect()))
            })
            .collect();
        let mut table: HashMap<String, Summary> = HashMap::new();
        for (account, amounts) in parsed {
            table.entry(account).or_default().add(amounts.iter().sum());
        }
        Ok(Answer::Table(table))
    }

    fn idiomatic(&self, input: &mut Ledgers) -> Result<Answer, Error> {
        let mut table: HashMap<String, Summary> = HashMap::new();
        for path in &input.paths {
            let content = fs::read(path)?;
            let Ok(text) = str::from_utf8(&content) else {
                continue;
            };
            if let Some((account, amounts)) = ledger(text) {
                let summary = table.entry(account.to_owned()).or_default();
                summary.add(amounts.sum());
            }
        }
        Ok(Answer::Table(table))
    }
}

/// Account and amounts of a file.
fn ledger(text: &str) -> Option<(&str, impl Iterator<Item = i64>)> {
    let mut lines = text.lines();
    let account = lines.next()?.trim_ascii();
    let amounts = lines.filter_map(|line| {
        let (_, amount) = line.trim_ascii_end().rsplit_once(' ')?;
        decimal(amount, 2)
    });
    (!account.is_empty()).then_some((account, amounts))
}

fn pipeline() -> Pipeline<Keyed<usize>, impl Stage<Keyed<usize>, Out = Keyed<i64>> + Sync> {
    Pipeline::responses().bodies().keyed(|content| {
        if !is_utf8(content) {
            return None;
        }
        let (account, rest) = bytes::split_first(content, b'\n').unwrap_or((content, b""));
        let mut total = 0;
        bytes::each_line(rest, |line| {
            let amount = bytes::split_last(line.trim_ascii_end(), b' ');
            let amount = amount.and_then(|(_, amount)| bytes::fixed_point::<2>(amount));
            total += amount.unwrap_or(0);
        });
        let account = account.trim_ascii();
        (!account.is_empty()).then_some((account, total))
    })
}

/// Folders of at most 500 files, in folders of at most 10 folders.
fn place(index: usize) -> PathBuf {
    let folder = index / PER_FOLDER;
    PathBuf::from(format!("{:02}/{}/{index:05}.txt", folder / 10, folder % 10))
}

fn ledgers(folder: &Path, n: usize, seed: u64) -> io::Result<Ledgers> {
    let seed = seed % generate::VARIANTS;
    let name = format!("io-bound-files-v{VERSION}-{n}-{seed}");
    let Stored { path, note } = generate::stored(folder, &name, |path| {
        let right = write(path, n, seed)?;
        Ok(generate::to_note(&right))
    })?;
    Ok(Ledgers {
        paths: (0..n).map(|index| path.join(place(index))).collect(),
        right: generate::from_note(&note)?,
    })
}

const WORDS: [&str; 8] = [
    "paper",
    "rent",
    "travel to Zürich",
    "coffee",
    "repairs",
    "insurance, second half",
    "tools",
    "post",
];

/// Writes files of 100 to 2,000 bytes; 1 line in 64 has no amount, and 1 file in 256 is not UTF-8.
fn write(folder: &Path, n: usize, seed: u64) -> io::Result<Vec<(String, Summary)>> {
    let mut random = generate::random(Files::NAME, seed);
    let accounts: Vec<String> = (0..ACCOUNTS).map(|i| format!("account-{i:02}")).collect();
    let mut right = vec![Summary::EMPTY; accounts.len()];
    let mut text = Vec::new();
    for index in 0..n {
        let path = folder.join(place(index));
        if index % PER_FOLDER == 0
            && let Some(parent) = path.parent()
        {
            fs::create_dir_all(parent)?;
        }
        let account = generate::below(ACCOUNTS as u32, random.next_u32()) as usize;
        let length = 100 + generate::below(1860, random.next_u32()) as usize;
        let broken = random.next_u32() < 1 << 24;
        let mut total = 0;
        text.clear();
        text.extend_from_slice(accounts[account].as_bytes());
        text.push(b'\n');
        while text.len() < length {
            let (first, second) = (random.next_u32(), random.next_u32());
            text.extend_from_slice(WORDS[first as usize % WORDS.len()].as_bytes());
            if first >> 26 > 0 {
                let amount = i64::from(generate::below(200_000, second)) - 50_000;
                text.push(b' ');
                generate::push_fixed::<2>(&mut text, amount);
                total += amount;
            }
            text.push(b'\n');
        }
        if broken {
            text.push(0xff);
        } else {
            right[account].add(total);
        }
        fs::write(path, &text)?;
    }
    let mut right: Vec<_> = accounts.into_iter().zip(right).collect();
    right.retain(|(_, summary)| summary.count > 0);
    Ok(right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle;
    use proptest::prelude::*;

    /// The rule in the module's documentation, character by character.
    fn right(contents: &[Vec<u8>]) -> HashMap<String, Summary> {
        let mut table: HashMap<String, Summary> = HashMap::new();
        for content in contents {
            let Ok(text) = String::from_utf8(content.clone()) else {
                continue;
            };
            let lines: Vec<&str> = text.split('\n').collect();
            let account = oracle::trim(lines[0]);
            let last_word = |line: &&str| {
                let line = line.trim_end_matches([' ', '\t', '\r', '\n', '\x0c']);
                line.contains(' ')
                    .then(|| line.split(' ').next_back().unwrap().to_owned())
            };
            let words = lines[1..].iter().filter_map(last_word);
            let total = words.filter_map(|word| oracle::decimal(&word, 2)).sum();
            if !account.is_empty() {
                table
                    .entry(account.to_owned())
                    .or_default()
                    .merge(Summary::one(total));
            }
        }
        table
    }

    #[test]
    fn the_generator_knows_what_is_right() {
        let folder = tempfile::tempdir().unwrap();
        let n = 1200;
        let input = ledgers(folder.path(), n, 4).unwrap();
        let contents: Vec<Vec<u8>> = input.paths.iter().map(|p| fs::read(p).unwrap()).collect();
        assert_eq!(input.right, right(&contents));
        assert!(
            contents
                .iter()
                .all(|content| (100..=2000).contains(&content.len()))
        );
        assert!(
            contents
                .iter()
                .any(|content| str::from_utf8(content).is_err())
        );
        let bytes: usize = contents.iter().map(Vec::len).sum();
        let mean = bytes as f64 / n as f64;
        assert!((mean / MEAN_BYTES - 1.0).abs() < 0.05, "{mean}");

        // One file cut short: everything is written again.
        fs::write(&input.paths[700], "cut").unwrap();
        let again = ledgers(folder.path(), n, 0).unwrap();
        assert_eq!(again.right, input.right);
        assert_eq!(fs::read(&again.paths[700]).unwrap(), contents[700]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn everyone_drops_the_same_lines_and_files(contents in proptest::collection::vec(oracle::records(
            vec!["account-1", "", " ", "ü", "1.50", "-20.00", "+1.00", "0.5", "paper"], b' '
        ), 0..4)) {
            let folder = tempfile::tempdir().unwrap();
            let paths: Vec<PathBuf> = contents
                .iter()
                .enumerate()
                .map(|(i, content)| {
                    let path = folder.path().join(i.to_string());
                    fs::write(&path, content).unwrap();
                    path
                })
                .collect();
            let right = right(&contents);
            oracle::check(&Files, || Ledgers { paths: paths.clone(), right: right.clone() });
        }
    }
}
