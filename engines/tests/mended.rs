//! What once went wrong: runs within a panic, runs that start runs, extreme settings, ends of input.
//! Whatever might wait for ever is given up after a minute.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use engines::{
    Async, CacheAware, Engine, Error, Item, MemoryOptimized, Order, Owned, Parallel, Pipeline,
    Records, Sink, Streaming, Visitor, Windows, batches, collect, each, fill, fold, iter,
};

/// Runs `f` on a thread of its own, and panics if it does not end.
fn within_a_minute<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || done.send(catch_unwind(AssertUnwindSafe(f))));
    match ended
        .recv_timeout(Duration::from_secs(60))
        .expect("the run hangs")
    {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// An engine that wakes its threads at once.
fn eager(workers: usize) -> Parallel {
    Parallel::default()
        .workers(workers)
        .worth_waking(Duration::ZERO)
}

#[test]
fn a_run_within_a_panic_is_complete() {
    struct Runs<'r>(&'r Mutex<Vec<Vec<u64>>>);
    impl Drop for Runs<'_> {
        fn drop(&mut self) {
            let input: Vec<u64> = (0..200_000).collect();
            let slow = Pipeline::new().filter(|n: &u64| {
                if n.is_multiple_of(1000) {
                    std::thread::sleep(Duration::from_micros(50));
                }
                true
            });
            for _ in 0..20 {
                let result = eager(3).run(&input[..], &slow, collect()).unwrap();
                self.0.lock().unwrap().push(result);
            }
        }
    }
    within_a_minute(|| {
        let results = Mutex::new(Vec::new());
        catch_unwind(AssertUnwindSafe(|| {
            let _runs = Runs(&results);
            panic!("while this unwinds");
        }))
        .unwrap_err();
        let results = results.into_inner().unwrap();
        assert_eq!(results.len(), 20);
        for result in results {
            assert!(result.into_iter().eq(0..200_000));
        }
    });
}

/// Lines without end.
struct Endless;

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        buffer.fill(b'\n');
        Ok(buffer.len())
    }
}

#[test]
fn a_sink_that_panics_as_it_begins_ends_a_run_that_reads_ahead() {
    fn ends(engine: impl Engine + Send + 'static) {
        let panic = within_a_minute(move || {
            catch_unwind(AssertUnwindSafe(|| {
                let sink = fold(
                    || -> usize { panic!("no part") },
                    |n, _: usize| *n += 1,
                    |n, m| *n += m,
                );
                let lengths = Pipeline::records().map(|line| line.len());
                let _ = engine.run(Records::reader(Endless), &lengths, sink);
            }))
            .unwrap_err()
        });
        assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "no part");
    }
    ends(Streaming::default());
    ends(Async::default());
}

#[test]
fn a_stage_may_run_its_own_engine_through_another_thread() {
    within_a_minute(|| {
        let engine = eager(3);
        let (outer, inner): (Vec<u64>, Vec<u64>) = ((0..40).collect(), (0..2000).collect());
        let add = Pipeline::new().map(|x: u64| x + 1);
        let run = Pipeline::new().map(|x: u64| {
            let total = std::thread::scope(|scope| {
                let run = || engine.run(&inner[..], &add, collect()).unwrap();
                scope.spawn(run).join().unwrap()
            });
            x + total.into_iter().sum::<u64>()
        });
        let result = engine.run(&outer[..], &run, collect()).unwrap();
        assert!(result.into_iter().eq((0..40).map(|x| x + 2_001_000)));
    });
}

#[test]
fn a_stage_may_run_its_own_engine_through_another_engine() {
    within_a_minute(|| {
        let (parallel, streaming) = (eager(3), Streaming::default().workers(2));
        let (outer, inner): (Vec<u64>, Vec<u64>) = ((0..20).collect(), (0..500).collect());
        let text = b"a\nbc\ndef\n".repeat(100);
        let add = Pipeline::new().map(|x: u64| x + 1);
        let middle = Pipeline::records()
            .map(|line| line.len() as u64 + parallel.run(&inner[..], &add, collect()).unwrap()[0]);
        let run = Pipeline::new().map(|x: u64| {
            let lines = streaming.clone().chunk_bytes(100);
            let lengths = lines.run(Records::text(&text), &middle, collect()).unwrap();
            x + lengths.into_iter().sum::<u64>()
        });
        let result = parallel.run(&outer[..], &run, collect()).unwrap();
        assert!(result.into_iter().eq((0..20).map(|x| x + 900)));
    });
}

#[test]
fn a_second_run_of_an_engine_does_not_wait_for_the_first() {
    struct Waits(mpsc::Receiver<()>, Arc<AtomicBool>);
    impl Read for Waits {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            self.1.store(true, Ordering::SeqCst);
            let _ = self.0.recv();
            Ok(0)
        }
    }
    within_a_minute(|| {
        let engine = eager(3);
        let (end, waits) = mpsc::channel();
        let begun = Arc::new(AtomicBool::new(false));
        // Both the receiver, which a reader may own, and the flag go to the other thread.
        let reader = Mutex::new(Some(Waits(waits, Arc::clone(&begun))));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let reader = reader.lock().unwrap().take().unwrap();
                let lengths = Pipeline::records().map(|line| line.len());
                engine
                    .run(Records::reader(reader), &lengths, collect())
                    .unwrap();
            });
            while !begun.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            let second: Vec<u32> = (0..1000).collect();
            let result = engine
                .run(&second[..], &Pipeline::new(), collect())
                .unwrap();
            assert_eq!(result, second);
            // Only now may the first go on.
            end.send(()).unwrap();
        });
    });
}

/// Counts the items of each span.
struct Spans<const ANY: bool>;

#[derive(Default)]
struct Counted {
    open: usize,
    spans: Vec<usize>,
}

// SAFETY: the provided `block` is used.
unsafe impl<const ANY: bool> Sink<Owned<u32>> for Spans<ANY> {
    type Part = Counted;
    type Output = Vec<usize>;
    const ORDER: Order = if ANY { Order::Any } else { Order::Input };

    fn part(&self) -> Counted {
        Counted::default()
    }

    fn push(&self, part: &mut Counted, _: <Owned<u32> as Item>::Of<'_>) {
        part.open += 1;
    }

    fn seal(&self, part: &mut Counted) {
        let open = std::mem::take(&mut part.open);
        part.spans.push(open);
    }

    fn merge(&self, into: &mut Counted, from: Counted) {
        into.open += from.open;
        into.spans.extend(from.spans);
    }

    fn finish(self, part: Counted) -> Vec<usize> {
        assert_eq!(part.open, 0, "{}: behind the last seal", part.spans.len());
        part.spans
    }
}

const SPAN: usize = 65_536;

/// What every engine must do alike.
struct Alike;

impl Visitor for Alike {
    fn visit<E: Engine + Default + 'static>(&mut self, engine: E) {
        let name = engine.name();
        let same = Pipeline::new().map(|x: u32| x);
        for length in [0, 4096, SPAN, SPAN + 1, 2 * SPAN] {
            let items: Vec<u32> = (0..length as u32).collect();
            let expected: Vec<usize> = items.chunks(SPAN).map(<[u32]>::len).collect();
            let spans = engine.run(&items[..], &same, Spans::<false>).unwrap();
            assert_eq!(spans, expected, "{name}: a slice of {length}");
            let spans = engine.run(iter(items), &same, Spans::<false>).unwrap();
            assert_eq!(spans, expected, "{name}: an iterator of {length}");
        }
        // An iterator that has returned `None` is not asked again.
        let mut asked = 0;
        let items = std::iter::from_fn(move || {
            asked += 1;
            (asked != 6 && asked < 100).then_some(asked)
        });
        let result: Vec<u32> = engine.run(iter(items), &same, collect()).unwrap();
        assert_eq!(result, [1, 2, 3, 4, 5], "{name}");
        // Nothing has no place in nothing.
        engine.run(iter(0..0), &same, fill(&mut [])).unwrap();
        let one = catch_unwind(AssertUnwindSafe(|| {
            engine.run(iter(0..1), &same, fill(&mut [0]))
        }));
        assert!(one.is_err(), "{name}");
    }
}

#[test]
fn engines_end_input_and_spans_alike() {
    each(&mut Alike);
}

#[test]
fn an_iterator_that_has_ended_is_not_asked_again_by_several_workers() {
    for _ in 0..50 {
        let mut asked = 0u32;
        let items = std::iter::from_fn(move || {
            asked += 1;
            (asked != 1000 && asked < 100_000).then_some(asked)
        });
        let result = eager(3)
            .run(iter(items), &Pipeline::new(), collect())
            .unwrap();
        assert!(result.into_iter().eq(1..1000));
    }
}

#[test]
fn spans_hold_where_order_does_not_matter() {
    let items: Vec<u32> = (0..3 * SPAN as u32 + 17).collect();
    let mut spans = eager(3)
        .run(&items[..], &Pipeline::new(), Spans::<true>)
        .unwrap();
    spans.sort_unstable();
    assert_eq!(spans, [17, SPAN, SPAN, SPAN]);
    let mut spans = eager(3)
        .run(iter(items), &Pipeline::new(), Spans::<true>)
        .unwrap();
    spans.sort_unstable();
    assert_eq!(spans, [17, SPAN, SPAN, SPAN]);
}

#[test]
fn a_budget_is_seen_before_memory_is_taken() {
    // The results would take 2^60 bytes and more: to allocate them would abort.
    let endless: &[()] = &[(); 1 << 57];
    let words = Pipeline::new().map(|(): ()| 7u64);
    let over = |result: Result<Vec<u64>, Error>| {
        let budget = matches!(result, Err(Error::Budget { needed, .. }) if needed == 1 << 60);
        assert!(budget, "{result:?}");
    };
    let budget = 1 << 20;
    over(
        MemoryOptimized::default()
            .memory(budget)
            .run(endless, &words, collect()),
    );
    over(
        Streaming::default()
            .memory(budget)
            .run(endless, &words, collect()),
    );
    let parallel = Parallel::default().workers(2).memory(budget);
    over(parallel.run(endless, &words, collect()));
}

#[test]
fn extreme_settings_are_clamped() {
    let lengths = Pipeline::records().map(|line| line.len());
    let text = b"a\nbc\n";
    let most = usize::MAX;
    let parallel = Parallel::default()
        .workers(1 << 61)
        .in_flight(1 << 60)
        .chunk_bytes(most);
    let parallel = parallel.capacity(most).longest_record(most);
    assert_eq!(
        parallel
            .run(Records::text(text), &lengths, collect())
            .unwrap(),
        [1, 2]
    );
    let cache_aware = CacheAware::default().block_bytes(most);
    let result = cache_aware.run(Records::reader(&text[..]), &lengths, collect());
    assert_eq!(result.unwrap(), [1, 2]);
    let capacious = eager(2)
        .capacity(most)
        .run(iter(0..100_000), &Pipeline::new(), collect());
    assert!(capacious.unwrap().into_iter().eq(0..100_000));
}

#[test]
fn windows_over_as_many_elements_as_there_can_be() {
    let all: &[()] = &[(); usize::MAX];
    assert_eq!(
        engines::Indexed::len(&Windows::<(), 2>::over(all)),
        usize::MAX - 1
    );
    assert_eq!(engines::Indexed::len(&Windows::<(), 2>::over(&[])), 0);
    assert_eq!(engines::Indexed::len(&Windows::<(), 1>::over(&[()])), 1);
}

#[test]
fn nothing_is_handed_on_behind_an_error() {
    /// Fails once, in the middle of a record, and goes on.
    struct Fails<'a>(&'a AtomicUsize);
    impl Read for Fails<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let call = self.0.fetch_add(1, Ordering::SeqCst);
            let text: &[u8] = match call {
                0 => b"whole\nbegin",
                1 => return Err(io::ErrorKind::TimedOut.into()),
                2..100 => b"ning\nmore\n",
                _ => return Ok(0),
            };
            buffer[..text.len()].copy_from_slice(text);
            Ok(text.len())
        }
    }
    for _ in 0..200 {
        let (calls, mut seen) = (AtomicUsize::new(0), Vec::new());
        let sink = batches(|lines: &[Vec<u8>]| seen.extend_from_slice(lines));
        let copy = Pipeline::records().map(|line| line.to_vec());
        let result = eager(3).run(Records::reader(Fails(&calls)), &copy, sink);
        assert!(matches!(result, Err(Error::Io { .. })));
        assert!(seen.iter().all(|line| line == b"whole"), "{seen:?}");
        assert_eq!(calls.into_inner(), 2);
    }
}
