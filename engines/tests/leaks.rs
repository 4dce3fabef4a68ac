//! A run that fails leaves nothing behind: after a thousand failed runs of each kind on each engine as
//! many bytes and blocks are live, and as many threads and descriptors are there, as before.

#![cfg(target_os = "linux")]

mod counting;

use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use engines::{
    Engine, Error, Files, Frame, Pipeline, Protocol, Records, Requests, Stop, Visitor, collect,
    each, fold, iter,
};

use counting::live;

/// Failed runs of each kind.
const RUNS: usize = 1000;
/// Bytes that a kept connection holds, roughly.
const CONNECTION: usize = 66_000;

/// What a process holds: live bytes, live blocks, threads, descriptors.
fn held() -> [usize; 4] {
    let entries = |folder| std::fs::read_dir(folder).unwrap().count();
    let (threads, files) = (entries("/proc/self/task"), entries("/proc/self/fd"));
    let (bytes, blocks) = live();
    [bytes, blocks, threads, files]
}

/// Asserts that `work` has the process hold what it held before. It is called a few times first, for
/// what is made once: a pool of threads, a buffer that is kept. What is kept may still grow now and then:
/// a few blocks and kilobytes for a thousand runs are none for each. A connection whose peer has hung up
/// may be kept until the next run sees that, with its buffer, so that there may be one or two more. A thread that has been joined may be
/// listed for a moment longer, which is waited for; if there was one before, there may be less later.
fn keeps_nothing(what: &str, mut work: impl FnMut()) {
    (0..20).for_each(|_| work());
    // What the first runs have left to end, ends.
    std::thread::sleep(Duration::from_millis(20));
    let before = held();
    (0..RUNS).for_each(|_| work());
    let start = Instant::now();
    let most = {
        let [bytes, blocks, threads, files] = before;
        let kept = 2;
        [
            bytes + 8 * RUNS + kept * CONNECTION,
            blocks + RUNS / 100,
            threads,
            files + kept,
        ]
    };
    while held().iter().zip(most).any(|(now, most)| *now > most) {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{what}: [bytes, blocks, threads, descriptors] were {before:?} and are {:?}",
            held()
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Yields a few records and fails.
struct Broken(usize);

impl Read for Broken {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0 += 1;
        if self.0 > 3 {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        into[..2].copy_from_slice(b"a\n");
        Ok(2)
    }
}

/// A protocol that nobody gets to speak.
struct Silent;

impl Protocol for Silent {
    type Key = u8;

    fn encode(&self, _: u32, key: &u8, out: &mut Vec<u8>) {
        out.push(*key);
    }

    fn decode<'b>(&self, _: &'b [u8]) -> io::Result<Option<Frame<'b>>> {
        Err(io::ErrorKind::InvalidData.into())
    }
}

struct World {
    paths: Vec<PathBuf>,
    text: String,
    numbers: Vec<u32>,
    /// Where nobody listens, and where someone hangs up.
    refuses: SocketAddr,
    closes: SocketAddr,
}

struct Check<'w>(&'w World);

impl Visitor for Check<'_> {
    fn visit<E: Engine + Default>(&mut self, engine: E) {
        errors(&engine, self.0);
        panics(&engine, self.0);
    }
}

fn failed<T>(result: Result<T, Error>) {
    assert!(result.is_err());
}

fn errors<E: Engine>(engine: &E, world: &World) {
    let name = engine.name();
    let records = Pipeline::records().map(<[u8]>::to_vec);
    let bodies = Pipeline::responses().bodies().map(<[u8]>::to_vec);
    let missing = world.paths.last().unwrap();
    keeps_nothing(&format!("{name}, a file that is not there"), || {
        failed(engine.run(Records::file(missing), &records, collect()));
    });
    keeps_nothing(&format!("{name}, one file that is not there"), || {
        failed(engine.run(Files::at(&world.paths), &bodies, collect()));
    });
    keeps_nothing(&format!("{name}, a broken reader"), || {
        failed(engine.run(Records::reader(Broken(0)), &records, collect()));
    });
    let parse = Pipeline::records().try_map(
        |line| match line {
            b"900" => Err("a number that is not wanted"),
            line => Ok(line.to_vec()),
        },
        Stop,
    );
    keeps_nothing(&format!("{name}, a stage that fails"), || {
        let text = Records::text(world.text.as_bytes());
        failed(engine.run(text, &parse, collect()));
    });
    for (what, address) in [
        ("nobody listens", world.refuses),
        ("hangs up", world.closes),
    ] {
        keeps_nothing(&format!("{name}, {what}"), || {
            let requests = Requests::to(address, &Silent, &[1, 2, 3]);
            failed(engine.run(requests, &bodies, collect()));
        });
    }
}

fn panics<E: Engine>(engine: &E, world: &World) {
    let name = engine.name();
    let run = |what: &str, work: &dyn Fn()| {
        keeps_nothing(&format!("{name}, a panic in {what}"), || {
            assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
        });
    };
    let number = Pipeline::new().map(|n: u32| {
        if n == 900 {
            panic!("on purpose")
        } else {
            n.to_string()
        }
    });
    run("a slice", &|| {
        let _ = engine.run(&world.numbers[..], &number, collect());
    });
    run("an iterator", &|| {
        let _ = engine.run(iter(world.numbers.iter().copied()), &number, collect());
    });
    let line = Pipeline::records().map(|line| {
        if line == b"900" {
            panic!("on purpose")
        } else {
            line.to_vec()
        }
    });
    run("a text", &|| {
        let _ = engine.run(Records::text(world.text.as_bytes()), &line, collect());
    });
    run("a reader", &|| {
        let _ = engine.run(Records::reader(world.text.as_bytes()), &line, collect());
    });
    run("a file", &|| {
        let _ = engine.run(Records::file(&world.paths[0]), &line, collect());
    });
    let body = Pipeline::responses().map(|(body, index): (&[u8], usize)| {
        if index == 1 {
            panic!("on purpose")
        } else {
            body.to_vec()
        }
    });
    run("whole files", &|| {
        let _ = engine.run(Files::at(&world.paths[..3]), &body, collect());
    });
    let sink = || {
        fold(
            || vec![0u8; 100],
            |_: &mut Vec<u8>, n: u32| assert!(n < 900),
            |_, _| (),
        )
    };
    run("a sink", &|| {
        let _ = engine.run(&world.numbers[..], &Pipeline::new(), sink());
    });
}

/// Runs that need more than they may have, on the engines that can be told how much that is.
fn over_budget(world: &World) {
    fn over<E: Engine>(engine: &E, world: &World) {
        let name = engine.name();
        let copies = Pipeline::records().map(<[u8]>::to_vec);
        keeps_nothing(&format!("{name}, a text over its budget"), || {
            let text = Records::reader(world.text.as_bytes());
            let result = engine.run(text, &copies, collect());
            assert!(matches!(result, Err(Error::Budget { .. })), "{result:?}");
        });
    }
    #[cfg(feature = "memory-optimized")]
    over(&engines::MemoryOptimized::default().memory(4 << 10), world);
    #[cfg(feature = "streaming")]
    over(&engines::Streaming::default().memory(4 << 10), world);
    #[cfg(feature = "parallel")]
    over(&engines::Parallel::default().memory(4 << 10), world);
}

#[test]
fn failed_runs_leave_nothing_behind() {
    // Thousands of panics on purpose would bury everything else.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let message = panic.payload_as_str().unwrap_or_default();
        if message != "on purpose" && !message.contains("n < 900") {
            usual(panic);
        }
    }));
    let folder = tempfile::tempdir().unwrap();
    let text: String = (0..1000).map(|n| format!("{n}\n")).collect();
    let paths: Vec<_> = ["a", "b", "c", "missing"]
        .map(|name| folder.path().join(name))
        .into();
    for path in &paths[..3] {
        std::fs::write(path, &text).unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let refuses = listener.local_addr().unwrap();
    drop(listener);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let closes = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let world = World {
        paths,
        text,
        numbers: (0..1000).collect(),
        refuses,
        closes,
    };
    each(&mut Check(&world));
    #[cfg(feature = "parallel")]
    {
        // As it comes it would not wake its workers for so little.
        let engine = engines::Parallel::default().workers(2);
        panics(
            &engine.worth_waking(Duration::ZERO).chunk_bytes(100),
            &world,
        );
    }
    over_budget(&world);
}
