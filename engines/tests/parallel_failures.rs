//! Whatever fails, wherever, on however many workers: a parallel run gives the answer or says what went
//! wrong, drops everything once, and never hangs.

#![cfg(feature = "parallel")]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use engines::{
    Engine, Error, Frame, Parallel, Pipeline, Protocol, Records, Requests, collect, fold, iter,
};
use proptest::prelude::*;

/// Runs `check` on a thread of its own and fails if it has not ended within `limit`.
fn watched<R: Send + 'static>(limit: Duration, check: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, ended) = mpsc::channel();
    thread::spawn(move || done.send(catch_unwind(AssertUnwindSafe(check))));
    match ended.recv_timeout(limit) {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(_) => panic!("the run hangs"),
    }
}

/// Settings that make many small pieces.
#[derive(Clone, Debug)]
struct Settings {
    workers: usize,
    chunk: usize,
    capacity: usize,
    wake_at_once: bool,
}

impl Settings {
    fn engine(&self) -> Parallel {
        let engine = Parallel::default()
            .workers(self.workers)
            .chunk_bytes(self.chunk)
            .capacity(self.capacity);
        match self.wake_at_once {
            true => engine.worth_waking(Duration::ZERO),
            false => engine,
        }
    }
}

fn settings() -> impl Strategy<Value = Settings> {
    (1usize..6, 1usize..300, 1usize..6, any::<bool>()).prop_map(
        |(workers, chunk, capacity, wake_at_once)| Settings {
            workers,
            chunk,
            capacity,
            wake_at_once,
        },
    )
}

/// An item that counts how many of its kind live.
struct Counted(usize, Arc<AtomicUsize>);

impl Counted {
    fn new(value: usize, alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Counted(value, Arc::clone(alive))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Gives the bytes of a text in small reads, and fails at one of them.
struct Breaking {
    text: Vec<u8>,
    at: usize,
    breaks_at: usize,
}

impl Read for Breaking {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.breaks_at {
            return Err(io::Error::other("cut"));
        }
        let end = self.text.len().min(self.breaks_at);
        let n = into.len().min(end - self.at).min(97);
        into[..n].copy_from_slice(&self.text[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..Default::default() })]

    #[test]
    fn a_stage_that_panics_at_any_item(
        settings in settings(),
        length in 0usize..5000,
        culprit in 0usize..10_000,
        filters in any::<bool>(),
    ) {
        watched(Duration::from_secs(60), move || {
            let engine = settings.engine();
            let data: Vec<usize> = (0..length).collect();
            let alive = Arc::new(AtomicUsize::new(0));
            let make = |i: usize| {
                assert!(i != culprit, "on purpose");
                Counted::new(i, &alive)
            };
            let check = |result: thread::Result<Result<Vec<Counted>, Error>>| {
                assert_eq!(result.is_err(), culprit < length, "{settings:?}");
                if let Ok(found) = result {
                    let found = found.unwrap();
                    assert!(found.iter().map(|item| item.0).eq(0..length));
                    assert_eq!(alive.load(Ordering::SeqCst), length);
                }
                assert_eq!(alive.load(Ordering::SeqCst), 0);
            };
            let run = |f: &dyn Fn() -> Result<Vec<Counted>, Error>| catch_unwind(AssertUnwindSafe(f));
            let every = Pipeline::new().map(make);
            let some = Pipeline::new().filter(|_: &usize| true).map(make);
            if filters {
                check(run(&|| engine.run(&data[..], &some, collect())));
                check(run(&|| engine.run(iter(0..length), &some, collect())));
            } else {
                check(run(&|| engine.run(&data[..], &every, collect())));
                check(run(&|| engine.run(iter(0..length), &every, collect())));
            }
        });
    }

    #[test]
    fn a_reader_that_fails_at_any_byte(
        settings in settings(),
        lines in proptest::collection::vec(0usize..200, 0..60),
        breaks_at in 0usize..8000,
        culprit in 0usize..120,
    ) {
        watched(Duration::from_secs(60), move || {
            let text: Vec<u8> = lines
                .iter()
                .enumerate()
                .flat_map(|(i, length)| format!("{i} {}\n", "x".repeat(*length)).into_bytes())
                .collect();
            let length = text.len();
            let number = Pipeline::records().map(|line| {
                let digits = line.split(|byte| *byte == b' ').next().unwrap();
                let number: usize = std::str::from_utf8(digits).unwrap().parse().unwrap();
                assert!(number != culprit, "on purpose");
                number
            });
            let reader = Breaking { text, at: 0, breaks_at };
            let engine = settings.engine();
            let run = || engine.run(Records::reader(reader), &number, collect());
            match catch_unwind(AssertUnwindSafe(run)) {
                Err(_) => assert!(culprit < lines.len()),
                Ok(Err(Error::Io { source, .. })) => {
                    assert_eq!(source.to_string(), "cut");
                    assert!(breaks_at <= length);
                }
                Ok(found) => {
                    assert!(breaks_at > length && culprit >= lines.len());
                    assert!(found.unwrap().into_iter().eq(0..lines.len()));
                }
            }
        });
    }
}

/// A request and its response are the id alone.
struct Ids;

impl Protocol for Ids {
    type Key = ();

    fn encode(&self, id: u32, (): &(), out: &mut Vec<u8>) {
        out.extend(id.to_le_bytes());
    }

    fn decode<'b>(&self, input: &'b [u8]) -> io::Result<Option<Frame<'b>>> {
        let Some((id, _)) = input.split_first_chunk() else {
            return Ok(None);
        };
        let id = u32::from_le_bytes(*id);
        if id == u32::MAX {
            return Err(io::Error::other("no such id"));
        }
        let body = &input[..4];
        Ok(Some(Frame {
            id,
            body,
            length: 4,
        }))
    }
}

/// A service that answers its first client with `answer` and never says a word to the others.
fn silent_but_to_one(answer: fn(TcpStream, [u8; 4]) -> io::Result<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut streams: Vec<_> = (0..3).map(|_| listener.accept().unwrap().0).collect();
        let mut id = [0; 4];
        let first = streams.remove(0);
        if (&first).read_exact(&mut id).is_ok() {
            // A client that goes away is no failure of the service.
            let _ = answer(first, id);
        }
        // The others stay open as long as the clients do.
        for mut stream in streams {
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    address
}

#[test]
fn a_failing_connection_ends_the_waiting_of_the_others() {
    // Much less than the half minute after which a silent service is given up.
    let limit = Duration::from_secs(20);
    let count = || fold(|| 0, |n: &mut usize, _: ()| *n += 1, |n, m| *n += m);
    let keys = [(); 300];
    watched(limit, move || {
        let address = silent_but_to_one(|mut stream, _| stream.write_all(&[255; 4]));
        let ignore = Pipeline::responses().map(|_| ());
        let engine = Parallel::default().workers(3);
        let result = engine.run(Requests::to(address, &Ids, &keys), &ignore, count());
        // What the service did, and not what became of the other connections.
        assert!(
            matches!(&result, Err(Error::Io { source, .. }) if source.to_string() == "no such id"),
            "{result:?}"
        );
    });
    watched(limit, move || {
        let address = silent_but_to_one(|mut stream, id| stream.write_all(&id));
        let fail = Pipeline::responses().map(|_| panic!("on purpose"));
        let engine = Parallel::default().workers(3);
        let run = || engine.run(Requests::to(address, &Ids, &keys), &fail, count());
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
    });
}
