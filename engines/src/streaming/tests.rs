//! What is special to the streaming engine: early results, bounded read-ahead, both readers of files,
//! and that nothing is left behind by runs that fail.

#[cfg(target_os = "linux")]
mod shrinking;

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use proptest::prelude::*;

use super::{Reader, Streaming};
use crate::bytes::each_line;
use crate::engine::{Engine, Error, iter};
use crate::pipeline::Pipeline;
use crate::sink::{SPAN, batches, collect, fold};
use crate::source::{Files, Records};

#[test]
fn results_come_while_the_input_still_arrives() {
    /// Ends only once the test has seen the first result.
    struct Gate(mpsc::Receiver<()>, u8);
    impl Read for Gate {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.1 += 1;
            match self.1 {
                1 => {
                    out[..10].copy_from_slice(b"first\nseco");
                    Ok(10)
                }
                2 => {
                    let seen = self.0.recv_timeout(Duration::from_secs(20));
                    seen.map_err(|_| io::Error::other("no result came"))?;
                    out[..3].copy_from_slice(b"nd\n");
                    Ok(3)
                }
                _ => Ok(0),
            }
        }
    }
    for workers in 1..4 {
        let (see, seen) = mpsc::channel();
        let mut found = Vec::new();
        let lines = Pipeline::records().map(|line| line.len());
        let sink = batches(|batch: &[usize]| {
            found.extend_from_slice(batch);
            see.send(()).unwrap();
        });
        let engine = Streaming::default().workers(workers);
        engine
            .run(Records::reader(Gate(seen, 0)), &lines, sink)
            .unwrap();
        assert_eq!(found, [5, 6]);
    }
}

#[test]
fn a_slow_consumer_holds_the_reader_back() {
    struct Counting<'c>(&'c AtomicUsize);
    impl Read for Counting<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if self.0.fetch_add(1, Ordering::SeqCst) == 100 {
                return Ok(0);
            }
            out.fill(b'\n');
            Ok(out.len())
        }
    }
    let reads = AtomicUsize::new(0);
    let mut done = 0;
    let sink = batches(|batch: &[usize]| {
        std::thread::sleep(Duration::from_millis(2));
        let ahead = reads.load(Ordering::SeqCst) - done;
        // One worked on, two that wait, and one being read.
        assert!(ahead <= 4, "{ahead} chunks ahead");
        assert_eq!(batch.len(), 64);
        done += 1;
    });
    let engine = Streaming::default().workers(1).chunk_bytes(64);
    let lines = Pipeline::records().map(|line| line.len());
    engine
        .run(Records::reader(Counting(&reads)), &lines, sink)
        .unwrap();
    assert_eq!(done, 100);
}

proptest! {
    #[test]
    fn records_equal_lines(
        text in proptest::collection::vec(prop_oneof![3 => Just(b'\n'), 1 => Just(b'\r'), 9 => any::<u8>()], 0..300),
        chunk in 1usize..50,
        workers in 1usize..4,
    ) {
        let mut expected = Vec::new();
        each_line(&text, |line| expected.push(line.to_vec()));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &text).unwrap();
        let lines = Pipeline::records().map(|line| line.to_vec());
        let engine = Streaming::default().workers(workers).chunk_bytes(chunk);
        for source in [Records::text(&text), Records::file(file.path()), Records::reader(&text[..])] {
            prop_assert_eq!(&engine.run(source, &lines, collect()).unwrap(), &expected);
        }
        let mapped = engine.reader(Reader::Map);
        prop_assert_eq!(&mapped.run(Records::file(file.path()), &lines, collect()).unwrap(), &expected);
    }
}

fn files(folder: &tempfile::TempDir, n: usize) -> Vec<PathBuf> {
    (0..n)
        .map(|i| {
            let path = folder.path().join(i.to_string());
            std::fs::write(&path, vec![b'x'; i % 50 * 7]).unwrap();
            path
        })
        .collect()
}

#[test]
fn files_come_in_the_order_of_the_paths() {
    let folder = tempfile::tempdir().unwrap();
    let paths = files(&folder, 300);
    let lengths = Pipeline::responses().map(|(body, index): (&[u8], usize)| (index, body.len()));
    let expected: Vec<_> = (0..300).map(|i| (i, i % 50 * 7)).collect();
    for (workers, readers, chunk) in [(1, 1, 1), (2, 3, 100), (3, 2, 10_000), (1, 4, 1 << 18)] {
        let engine = Streaming::default().workers(workers).readers(readers);
        let engine = engine.chunk_bytes(chunk);
        let found = engine.run(Files::at(&paths), &lengths, collect()).unwrap();
        assert_eq!(found, expected);
    }
    let none = Streaming::default().run(Files::at(&[]), &lengths, collect());
    assert_eq!(none.unwrap(), []);
}

#[test]
fn a_panic_anywhere_reaches_the_caller() {
    struct Panics;
    impl Read for Panics {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("reader failed")
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let paths = files(&folder, 200);
    for workers in 1..4 {
        let engine = Streaming::default().workers(workers).chunk_bytes(16);
        let text = b"a line\n".repeat(1000);
        let fail = Pipeline::records().map(|_| -> usize { panic!("stage failed") });
        let lines = Pipeline::records().map(|line| line.len());
        let fail_file = Pipeline::responses().map(|(_, index): (&[u8], usize)| {
            assert!(index != 150, "stage failed");
            index
        });
        let runs: [&dyn Fn() -> Result<Vec<usize>, Error>; 5] = [
            &|| engine.run(Records::text(&text), &fail, collect()),
            &|| engine.run(Records::reader(&text[..]), &fail, collect()),
            &|| engine.run(Records::reader(io::repeat(b'\n')), &fail, collect()),
            &|| engine.run(Records::reader(Panics), &lines, collect()),
            &|| engine.run(Files::at(&paths), &fail_file, collect()),
        ];
        for run in runs {
            assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        }
    }
}

#[test]
fn a_missing_file_ends_the_run() {
    let folder = tempfile::tempdir().unwrap();
    for missing in [0, 100, 299] {
        let mut paths = files(&folder, 300);
        paths[missing] = folder.path().join("missing");
        let bodies = Pipeline::responses().map(|(body, _): (&[u8], usize)| body.len());
        let engine = Streaming::default().workers(2).readers(3).chunk_bytes(64);
        let error = engine
            .run(Files::at(&paths), &bodies, collect())
            .unwrap_err();
        assert!(matches!(error, Error::File { path, .. } if path == paths[missing]));
    }
}

#[test]
fn what_was_read_before_an_error_is_handed_on() {
    let good = b"one\ntwo\n";
    struct Bad;
    impl Read for Bad {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    let mut found = Vec::new();
    let sink = batches(|batch: &[usize]| found.extend_from_slice(batch));
    let lines = Pipeline::records().map(|line| line.len());
    let result = Streaming::default().run(Records::reader(good.chain(Bad)), &lines, sink);
    assert!(matches!(result, Err(Error::Io { .. })));
    assert_eq!(found, [3, 3]);
}

#[test]
fn memory_is_limited() {
    let text = vec![b'x'; 300_000];
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &text).unwrap();
    let lines = Pipeline::records().map(|line| line.len());
    let engine = Streaming::default().chunk_bytes(1000).memory(100_000);
    for source in [Records::file(file.path()), Records::reader(&text[..])] {
        let result = engine.run(source, &lines, collect());
        assert!(matches!(result, Err(Error::Budget { .. })), "{result:?}");
    }
    let paths = [file.path().to_owned()];
    let bodies = Pipeline::responses().map(|(body, _): (&[u8], usize)| body.len());
    let result = engine.run(Files::at(&paths), &bodies, collect());
    assert!(matches!(
        result,
        Err(Error::Budget {
            budget: 100_000,
            ..
        })
    ));
    let result = engine.run(iter(0..100_000u64), &Pipeline::new(), collect());
    assert!(matches!(result, Err(Error::Budget { .. })));
}

#[test]
fn items_are_lent_in_small_batches_while_the_iterator_goes_on() {
    let made = AtomicUsize::new(0);
    let items = (0..3 * SPAN).inspect(|_| {
        made.fetch_add(1, Ordering::Relaxed);
    });
    let mut seen = 0;
    let sink = batches(|batch: &[usize]| {
        seen += batch.len();
        assert_eq!(made.load(Ordering::Relaxed), seen);
    });
    Streaming::default()
        .run(iter(items), &Pipeline::new(), sink)
        .unwrap();
    assert_eq!(seen, 3 * SPAN);
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_is_left_by_runs_that_fail() {
    let count = |what| {
        std::fs::read_dir(format!("/proc/self/{what}"))
            .unwrap()
            .count()
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"line\n".repeat(1000)).unwrap();
    let paths = vec![file.path().to_owned(), PathBuf::from("/missing")];
    let engine = Streaming::default()
        .workers(2)
        .chunk_bytes(100)
        .memory(1000);
    let lines = Pipeline::records().map(|line| line.len() as u64);
    let bodies = Pipeline::responses().map(|(body, _): (&[u8], usize)| body.len());
    let before = (count("fd"), count("task"));
    for _ in 0..200 {
        engine
            .run(Records::file(file.path()), &lines, collect())
            .unwrap_err();
        let file = std::fs::File::open(file.path()).unwrap();
        engine
            .run(Records::reader(file), &lines, collect())
            .unwrap_err();
        engine
            .run(Files::at(&paths), &bodies, collect())
            .unwrap_err();
    }
    // Other tests run at the same time; what leaks would show two hundred times.
    assert!(count("fd") < before.0 + 100, "descriptors are left open");
    assert!(count("task") < before.1 + 100, "threads are left running");
}

#[test]
fn folds_over_a_file_use_all_workers_and_lose_nothing() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text: Vec<u8> = (0..50_000)
        .flat_map(|i| format!("{i}\n").into_bytes())
        .collect();
    std::fs::write(file.path(), &text).unwrap();
    let numbers = Pipeline::records()
        .map(|line: &[u8]| line.iter().fold(0u64, |n, b| n * 10 + u64::from(b - b'0')));
    for workers in 1..=4 {
        let engine = Streaming::default().workers(workers).chunk_bytes(1000);
        let total = fold(|| 0, |n: &mut u64, x| *n += x, |n, m| *n += m);
        let total = engine
            .run(Records::file(file.path()), &numbers, total)
            .unwrap();
        assert_eq!(total, 50_000 * 49_999 / 2);
    }
}
