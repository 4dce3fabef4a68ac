//! What is special to the parallel engine: claims, order, panics, errors and limits.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use super::Parallel;
use super::iterator::BATCH;
use crate::bytes::each_line;
use crate::engine::{Engine, Error, iter};
use crate::pipeline::Pipeline;
use crate::sink::{SPAN, batches, batches_unordered, collect, fill, fold, sum};
use crate::source::Records;

fn engine(workers: usize) -> Parallel {
    Parallel::default()
        .workers(workers)
        .worth_waking(Duration::ZERO)
}

#[test]
fn order_and_bits_do_not_depend_on_the_workers() {
    for length in [0, 1, 63, 64, 1000, SPAN, 3 * SPAN + 17] {
        let data: Vec<f64> = (0..length).map(|i| 1.0 / (i + 1) as f64).collect();
        let pipeline = Pipeline::new().map(|x: f64| x * 3.0);
        let odd = Pipeline::new().filter(|x: &f64| x.to_bits() % 2 == 1);
        let one = engine(1);
        let expected = one.run(&data[..], &pipeline, sum()).unwrap();
        let expected_odd = one.run(&data[..], &odd, sum()).unwrap();
        for workers in 1..=4 {
            let many = engine(workers);
            let total = many.run(&data[..], &pipeline, sum()).unwrap();
            assert_eq!(total.to_bits(), expected.to_bits());
            let items = data.iter().copied();
            let total = many.run(iter(items), &pipeline, sum()).unwrap();
            assert_eq!(total.to_bits(), expected.to_bits());
            let total = many.run(&data[..], &odd, sum()).unwrap();
            assert_eq!(total.to_bits(), expected_odd.to_bits());

            let triple: Vec<f64> = data.iter().map(|x| x * 3.0).collect();
            assert_eq!(many.run(&data[..], &pipeline, collect()).unwrap(), triple);
            let mut out = vec![0.0; length];
            many.run(&data[..], &pipeline, fill(&mut out)).unwrap();
            assert_eq!(out, triple);
            let mut lent = Vec::new();
            let sink = batches(|batch: &[f64]| lent.extend_from_slice(batch));
            many.run(iter(data.iter().copied()), &pipeline, sink)
                .unwrap();
            assert_eq!(lent, triple);
        }
    }
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
        let engine = engine(workers).chunk_bytes(chunk);
        for source in [Records::text(&text), Records::file(file.path()), Records::reader(&text[..])] {
            prop_assert_eq!(&engine.run(source, &lines, collect()).unwrap(), &expected);
        }
    }
}

#[test]
fn a_panic_reaches_the_caller_and_the_engine_lives_on() {
    let engine = engine(3);
    for culprit in [0, 5 * SPAN, 10 * SPAN - 1] {
        let fail = Pipeline::new().map(|i: usize| {
            assert!(i != culprit, "stage failed");
            i
        });
        let data: Vec<usize> = (0..10 * SPAN).collect();
        let run = || engine.run(&data[..], &fail, collect());
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        let run = || {
            engine.run(
                &data[..],
                &fail,
                fold(|| 0, |n, i: usize| *n += i, |n, m| *n += m),
            )
        };
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        let run = || engine.run(iter(0..10 * SPAN), &fail, collect());
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
    }
    assert_eq!(
        engine
            .run(&[1, 2, 3][..], &Pipeline::new(), collect())
            .unwrap(),
        [1, 2, 3]
    );
}

#[test]
fn a_panic_in_the_lent_batches_reaches_the_caller() {
    let data = vec![1u8; 10 * SPAN];
    let sink = batches(|_: &[u8]| panic!("consumer failed"));
    let run = || engine(4).run(&data[..], &Pipeline::new(), sink);
    assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
}

#[test]
fn an_error_on_one_worker_stops_the_others() {
    struct Failing(usize);
    impl Read for Failing {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            if self.0 > 20 {
                return Err(io::Error::other("gone"));
            }
            out.fill(b'\n');
            Ok(out.len())
        }
    }
    let engine = engine(3).chunk_bytes(100);
    let lines = Pipeline::records().map(|line| line.len());
    let result = engine.run(Records::reader(Failing(0)), &lines, collect());
    assert!(matches!(result, Err(Error::Io { source, .. }) if source.to_string() == "gone"));
}

#[test]
fn no_more_parts_wait_than_there_is_room_for() {
    for capacity in [1, 2, 7] {
        // The first item is held back until no other has come for a while.
        let (begun, last) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let slow = Pipeline::new().map(|i: usize| {
            if i == 0 {
                let mut seen = 0;
                loop {
                    std::thread::sleep(Duration::from_millis(50));
                    let now = begun.load(Ordering::SeqCst);
                    if now > 0 && now == seen {
                        break;
                    }
                    seen = now;
                }
                // Those under way with the first included.
                let room = 3 * capacity * BATCH;
                assert!(last.load(Ordering::SeqCst) < room, "of {room}");
            }
            begun.fetch_add(1, Ordering::SeqCst);
            last.fetch_max(i, Ordering::SeqCst);
            i
        });
        let mut next = 0;
        let sink = batches(|batch: &[usize]| {
            batch.iter().for_each(|i| {
                assert_eq!(*i, next);
                next += 1;
            });
        });
        engine(3)
            .capacity(capacity)
            .run(iter(0..100 * BATCH), &slow, sink)
            .unwrap();
        assert_eq!(next, 100 * BATCH);
    }
}

/// A worker that is held up holds up none of the batches of the others.
#[test]
fn batches_that_may_come_in_any_order_wait_for_nobody() {
    let lent = Mutex::new(Vec::new());
    let slow = Pipeline::new().map(|i: usize| {
        if i == 0 {
            // As many parts as may be under way, and as many again.
            while lent.lock().unwrap().len() < 30 * BATCH {
                std::thread::yield_now();
            }
        }
        i
    });
    let sink = batches_unordered(|batch: &[usize]| lent.lock().unwrap().extend_from_slice(batch));
    engine(2).run(iter(0..40 * BATCH), &slow, sink).unwrap();
    let mut lent = lent.into_inner().unwrap();
    lent.sort_unstable();
    assert!(lent.into_iter().eq(0..40 * BATCH));
}

#[test]
fn a_run_within_a_run_of_the_same_engine() {
    let engine = engine(2);
    let inner = Pipeline::new().map(|x: f64| x);
    let outer =
        Pipeline::new().map(|x: f64| x + engine.run(&[1.0, 2.0][..], &inner, sum()).unwrap());
    let data = vec![1.0; 1000];
    assert_eq!(engine.run(&data[..], &outer, sum()).unwrap(), 4000.0);
}

#[test]
fn the_memory_of_a_worker_is_limited() {
    let data = vec![1u64; 10 * SPAN];
    let engine = engine(2).memory(100 << 10);
    let result = engine.run(&data[..], &Pipeline::new(), collect());
    assert!(matches!(result, Err(Error::Budget { .. })));
    let result = engine.run(
        &data[..],
        &Pipeline::new().filter(|_: &u64| true),
        collect(),
    );
    assert!(matches!(result, Err(Error::Budget { .. })));
    let text = vec![b'x'; 200 << 10];
    let lines = Pipeline::records().map(|line| line.len());
    let result = engine.run(Records::reader(&text[..]), &lines, collect());
    assert!(matches!(result, Err(Error::Budget { .. })), "{result:?}");
}
