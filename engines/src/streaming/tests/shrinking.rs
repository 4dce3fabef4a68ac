//! Files that become shorter while they are read: an error, whatever reads them.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::engine::{Engine, Error};
use crate::pipeline::Pipeline;
use crate::sink::{batches, collect, fold};
use crate::source::Records;
use crate::streaming::guard::Guard;
use crate::streaming::{Reader, Streaming};

const LINE: &[u8] = b"a line of thirty-two bytes, each\n";

/// Some 8 MB.
const LINES: usize = 250_000;

fn file() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), LINE.repeat(LINES)).unwrap();
    file
}

fn cut(path: &Path, length: u64) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(length).unwrap();
}

fn became_shorter<T: std::fmt::Debug>(result: Result<T, Error>, file: &Path) {
    match result {
        Err(Error::File { path, source }) => {
            assert_eq!(path, file);
            let source = source.to_string();
            assert_eq!(source, "the file became shorter while it was read");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_that_is_cut_by_a_stage_ends_the_run() {
    for reader in [Reader::Read, Reader::Map] {
        for workers in [1, 3] {
            // In the middle of a chunk: what follows in it faults, if it is mapped.
            for length in [0, 1_000_000, 1_003_333] {
                let file = file();
                let seen = AtomicUsize::new(0);
                let lines = Pipeline::records().map(|line| {
                    if seen.fetch_add(1, Ordering::SeqCst) == 1000 {
                        cut(file.path(), length);
                    }
                    line.iter().map(|byte| u64::from(*byte)).sum::<u64>()
                });
                let engine = Streaming::default().reader(reader).workers(workers);
                let total = fold(|| 0, |n: &mut u64, x| *n += x, |n, m| *n += m);
                let result = engine.run(Records::file(file.path()), &lines, total);
                became_shorter(result, file.path());
            }
        }
    }
}

#[test]
fn nothing_that_was_made_up_is_handed_on() {
    for workers in [1, 3] {
        let file = file();
        let seen = AtomicUsize::new(0);
        let lines = Pipeline::records().map(|line| {
            if seen.fetch_add(1, Ordering::SeqCst) == 100_000 {
                cut(file.path(), 0);
            }
            line.to_vec()
        });
        let mut lent = 0;
        let sink = batches(|batch: &[Vec<u8>]| {
            lent += batch.len();
            assert!(batch.iter().all(|line| line[..] == LINE[..LINE.len() - 1]));
        });
        let engine = Streaming::default().reader(Reader::Map).workers(workers);
        became_shorter(
            engine.run(Records::file(file.path()), &lines, sink),
            file.path(),
        );
        assert!(lent < LINES);
    }
}

#[test]
fn a_file_that_is_short_for_a_while_only_is_an_error_all_the_same() {
    let file = file();
    let seen = AtomicUsize::new(0);
    let lines = Pipeline::records().map(|line| {
        let number = seen.fetch_add(1, Ordering::SeqCst);
        if number == 1000 {
            cut(file.path(), 0);
        }
        // Behind the cut there are zeros: one record up to the end of the chunk.
        if line.first() == Some(&0) || line.last() == Some(&0) {
            cut(file.path(), (LINE.len() * LINES) as u64);
        }
        number
    });
    let engine = Streaming::default().reader(Reader::Map).workers(1);
    match engine.run(Records::file(file.path()), &lines, collect()) {
        Err(Error::File { source, .. }) => {
            assert!(
                source.to_string().contains("missing for a while"),
                "{source}"
            );
        }
        other => panic!("{:?}", other.map(|found| found.len())),
    }
}

#[test]
fn a_file_that_is_shorter_before_a_chunk_begins_is_an_error() {
    for reader in [Reader::Read, Reader::Map] {
        let file = file();
        let chunk = 64 * LINE.len();
        let seen = AtomicUsize::new(0);
        let lines = Pipeline::records().map(|_| {
            // With the last record of the third chunk: it is whole, and the next is missing.
            if seen.fetch_add(1, Ordering::SeqCst) + 1 == 3 * 64 {
                cut(file.path(), 3 * chunk as u64);
            }
        });
        let engine = Streaming::default().reader(reader).workers(1);
        let engine = engine.chunk_bytes(chunk);
        became_shorter(
            engine.run(Records::file(file.path()), &lines, collect()),
            file.path(),
        );
        assert_eq!(seen.into_inner(), 3 * 64);
    }
}

#[test]
fn more_files_than_the_handler_knows_are_read_without_it() {
    let file = file();
    let count = fold(|| 0, |n: &mut usize, m: usize| *n += m, |n, m| *n += m);
    let guards: Vec<Guard> = std::iter::from_fn(Guard::take).collect();
    assert!(!guards.is_empty() && guards.len() <= 64);
    let engine = Streaming::default().reader(Reader::Map);
    let each = Pipeline::records().map(|_| 1);
    let found = engine.run(Records::file(file.path()), &each, count);
    assert_eq!(found.unwrap(), LINES);
    drop(guards);
    assert!(Guard::take().is_some(), "places are given back");
}
