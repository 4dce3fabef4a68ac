//! What a run says of itself while somebody observes it, and that this changes nothing.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engines::{
    Engine, Files, Pipeline, Records, Requests, Stats, batches, collect, fill, group, iter, sum,
};

use crate::every;
use crate::service::{Manner, Numbers, body, start};

/// Items in, items out and bytes in.
fn counts(stats: &Stats) -> (u64, u64, u64) {
    let now = stats.snapshot();
    assert!(now.batches > 0 && now.workers > 0, "{now:?}");
    (now.items_in, now.items_out, now.bytes_in)
}

fn numbers<E: Engine>(engine: &E, data: &[f64]) {
    let name = engine.name();
    let n = data.len() as u64;
    let factor = std::hint::black_box(0.1);
    let tenths = Pipeline::new().map(move |x: f64| x * factor);
    let positive = Pipeline::new().filter(|x: &f64| *x > 0.0);
    let kept = data.iter().filter(|x| **x > 0.0).count() as u64;

    let stats = Stats::new();
    let plain = engine.run(data, &tenths, sum()).unwrap();
    let observed = engine.observe(data, &tenths, sum(), &stats).unwrap();
    assert_eq!(plain.to_bits(), observed.to_bits(), "{name}");
    assert_eq!(counts(&stats), (n, n, 8 * n), "{name}");

    let stats = Stats::new();
    let plain = engine.run(iter(data.to_vec()), &tenths, sum()).unwrap();
    let observed = engine.observe(iter(data.to_vec()), &tenths, sum(), &stats);
    assert_eq!(plain.to_bits(), observed.unwrap().to_bits(), "{name}");
    assert_eq!(counts(&stats), (n, n, 8 * n), "{name}: iterator");

    let (mut plain, mut observed) = (vec![0.0; data.len()], vec![0.0; data.len()]);
    engine.run(data, &tenths, fill(&mut plain)).unwrap();
    let stats = Stats::new();
    engine
        .observe(data, &tenths, fill(&mut observed), &stats)
        .unwrap();
    assert!(plain == observed, "{name}: fill");
    assert_eq!(counts(&stats), (n, n, 8 * n), "{name}: fill");

    let stats = Stats::new();
    let plain = engine.run(data, &positive, collect()).unwrap();
    let observed = engine.observe(data, &positive, collect(), &stats).unwrap();
    assert!(plain == observed, "{name}: collect");
    assert_eq!(counts(&stats), (n, kept, 8 * n), "{name}: collect");
    let held = stats.snapshot().peak_bytes as u64;
    assert!(held >= 8 * kept, "{name}: {held} bytes held");
    // Over a second run the counts add up, and of the first nothing is held any more.
    engine
        .observe(iter(data.to_vec()), &positive, collect(), &stats)
        .unwrap();
    assert_eq!(counts(&stats), (2 * n, 2 * kept, 16 * n), "{name}: twice");
    let again = stats.snapshot().peak_bytes as u64;
    assert!(again <= 8 * held, "{name}: {again} bytes after {held}");

    // Halves of batches end in the middle of what a stage gathers.
    let pairs = Pipeline::new().in_batches(
        7,
        || (),
        |(), items: &mut Vec<f64>, out| {
            out.extend(items.drain(..).flat_map(|x| [x, x]));
        },
    );
    let stats = Stats::new();
    let found = engine.observe(data, &pairs, collect(), &stats).unwrap();
    assert_eq!(found.len() as u64, 2 * n, "{name}");
    assert_eq!(counts(&stats), (n, 2 * n, 8 * n), "{name}: in batches");
}

#[test]
fn numbers_are_counted_exactly_and_stay_the_same() {
    for n in [1, 31, 1000, 200_001] {
        let data: Vec<f64> = (0..n).map(|i| f64::from(i % 1001) - 300.3).collect();
        every!(numbers, &data, [f64]);
    }
}

struct Texts {
    text: Vec<u8>,
    lines: u64,
    path: PathBuf,
    paths: Vec<PathBuf>,
    contents: u64,
}

fn texts<E: Engine>(engine: &E, texts: &Texts) {
    let name = engine.name();
    let keyed = Pipeline::records()
        .filter(|line| !line.is_empty())
        .keyed(|line| Some((&line[..1], line.len())));
    let table = || {
        group(
            || 0,
            |n: &mut usize, more| *n += more,
            |n: &mut usize, more| *n += more,
        )
    };
    let expected = engine
        .run(Records::text(&texts.text), &keyed, table())
        .unwrap();
    let empty = texts.text.windows(2).filter(|pair| pair == b"\n\n").count() as u64;
    for kind in 0..3 {
        let source = match kind {
            0 => Records::text(&texts.text),
            1 => Records::file(&texts.path),
            _ => Records::reader(&texts.text[..]),
        };
        let stats = Stats::new();
        let found = engine.observe(source, &keyed, table(), &stats).unwrap();
        assert_eq!(found.sorted(), expected.sorted(), "{name}: {kind}");
        let bytes = texts.text.len() as u64;
        let expected = (texts.lines, texts.lines - empty, bytes);
        assert_eq!(counts(&stats), expected, "{name}: {kind}");
        assert!(stats.snapshot().peak_bytes > 0, "{name}: {kind}");
    }

    let lengths = Pipeline::responses().bodies().map(|body| body.len());
    let stats = Stats::new();
    let found = engine
        .observe(Files::at(&texts.paths), &lengths, collect(), &stats)
        .unwrap();
    assert_eq!(found.iter().sum::<usize>() as u64, texts.contents, "{name}");
    let files = texts.paths.len() as u64;
    assert_eq!(
        counts(&stats),
        (files, files, texts.contents),
        "{name}: files"
    );
}

#[test]
fn texts_and_files_are_counted_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = Vec::new();
    let lines = 60_000;
    for i in 0..lines {
        text.extend(std::iter::repeat_n(b'a' + (i % 7) as u8, i % 23));
        text.push(b'\n');
    }
    // A last line without an end.
    text.extend(b"last");
    let path = folder.path().join("text");
    std::fs::write(&path, &text).unwrap();
    let mut contents = 0;
    let paths = (0..70).map(|i| {
        let path = folder.path().join(i.to_string());
        std::fs::write(&path, vec![b'x'; i * 100]).unwrap();
        contents += i as u64 * 100;
        path
    });
    let paths = paths.collect();
    // The first line of all is empty too.
    let text = [b"first\n", &text[..]].concat();
    std::fs::write(&path, &text).unwrap();
    let input = Texts {
        text,
        lines: lines as u64 + 2,
        path,
        paths,
        contents,
    };
    every!(texts, &input, Texts);
}

fn responses<E: Engine>(engine: &E, address: &std::net::SocketAddr) {
    let name = engine.name();
    let keys: Vec<u32> = (0..600).collect();
    let bytes: usize = keys.iter().map(|key| body(*key).len()).sum();
    let lengths = Pipeline::responses().bodies().map(|body| body.len());
    let stats = Stats::new();
    let source = Requests::to(*address, &Numbers, &keys);
    let found = engine.observe(source, &lengths, collect(), &stats).unwrap();
    assert_eq!(found.iter().sum::<usize>(), bytes, "{name}");
    let expected = (600, 600, bytes as u64);
    assert_eq!(counts(&stats), expected, "{name}");
}

#[test]
fn responses_are_counted_exactly() {
    every!(responses, &start(Manner::Backwards), std::net::SocketAddr);
}

fn slow_consumer<E: Engine>(engine: &E, text: &[u8]) {
    let name = engine.name();
    let stats = Stats::new();
    let calls = AtomicU64::new(0);
    let sink = batches(|batch: &[usize]| {
        // Readable in the middle of the run, and no more has been handed on than came in.
        assert!(stats.snapshot().items_in >= batch.len() as u64, "{name}");
        std::thread::sleep(Duration::from_millis(5));
        calls.fetch_add(1, Ordering::Relaxed);
    });
    let lengths = Pipeline::records().map(|line| line.len());
    engine
        .observe(Records::text(text), &lengths, sink, &stats)
        .unwrap();
    let now = stats.snapshot();
    let slept = Duration::from_millis(5 * calls.load(Ordering::Relaxed));
    assert!(now.consumer >= slept && !slept.is_zero(), "{name}: {now:?}");
    assert!(now.waiting_for_output >= now.consumer, "{name}: {now:?}");
    if name != "parallel" {
        // One thread, or several that pass the consumer in turn: it never waits for the sleep.
        assert!(
            now.waiting_for_input < now.waiting_for_output,
            "{name}: {now:?}"
        );
    }
}

#[test]
fn a_slow_consumer_shows_as_waiting_for_output() {
    let text = b"some line\n".repeat(200);
    every!(slow_consumer, &text, [u8]);
}

/// Sleeps before each read, of a line at most, and before the end.
struct Slow<'t>(&'t [u8]);

impl Read for Slow<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        std::thread::sleep(Duration::from_millis(20));
        let most = out.len().min(5);
        self.0.read(&mut out[..most])
    }
}

fn slow_reader<E: Engine>(engine: &E, text: &[u8]) {
    let name = engine.name();
    let stats = Stats::new();
    let lengths = Pipeline::records().map(|line| line.len() as f64);
    let source = Records::reader(Slow(text));
    engine.observe(source, &lengths, sum(), &stats).unwrap();
    let now = stats.snapshot();
    assert_eq!((now.items_in, now.bytes_in), (4, 20), "{name}");
    // Four lines and the end; what the caller did before it asked for the first is not waited for.
    assert!(
        now.waiting_for_input >= Duration::from_millis(80),
        "{name}: {now:?}"
    );
    assert!(now.busy < now.waiting_for_input, "{name}: {now:?}");
    assert!(
        now.waiting_for_output < now.waiting_for_input,
        "{name}: {now:?}"
    );
}

#[test]
fn a_slow_reader_shows_as_waiting_for_input() {
    every!(slow_reader, &b"line\n".repeat(4), [u8]);
}

/// The first chunk takes long, so that the other workers get as far ahead of it as they may.
#[cfg(feature = "parallel")]
#[test]
fn whoever_is_too_far_ahead_waits_for_output() {
    let text = b"a\n".repeat(4096);
    let text = [b"slow\n", &text[..]].concat();
    let lengths = Pipeline::records().map(|line| {
        if line == b"slow" {
            std::thread::sleep(Duration::from_millis(100));
        }
        line.len()
    });
    let engine = engines::Parallel::default()
        .workers(2)
        .capacity(1)
        .worth_waking(Duration::ZERO)
        .chunk_bytes(64);
    let stats = Stats::new();
    let found = engine
        .observe(Records::text(&text), &lengths, collect(), &stats)
        .unwrap();
    assert_eq!(found.len(), 4097);
    let now = stats.snapshot();
    assert!(now.workers == 2, "{now:?}");
    assert!(now.queued >= 1, "{now:?}");
    assert!(
        now.waiting_for_output >= Duration::from_millis(20),
        "{now:?}"
    );
}

#[test]
fn a_batch_that_panics_holds_nothing_and_can_be_looked_at() {
    fn panics<E: Engine>(engine: &E, data: &[u32]) {
        let stats = Stats::new();
        let pipeline = Pipeline::new().map(|n: u32| {
            assert!(n < 5, "too large");
            n
        });
        let run = || engine.observe(data, &pipeline, collect(), &stats);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        assert!(outcome.is_err(), "{}", engine.name());
        // Others may have done theirs.
        assert!(stats.snapshot().items_out <= 2, "{}", engine.name());
    }
    every!(panics, &[9, 1, 2], [u32]);
}
