//! What goes wrong reaches the caller: as an error where the world is at fault, as a panic where the
//! caller's code is.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use engines::{Engine, Error, Files, Pipeline, Records, Requests, collect, fill, fold, iter};

use crate::every;
use crate::service::{Manner, Numbers, start};

fn record(n: &mut usize, _: &[u8]) {
    *n += 1;
}

fn response(n: &mut usize, _: (&[u8], usize)) {
    *n += 1;
}

fn missing_file<E: Engine>(engine: &E, paths: &[PathBuf]) {
    let name = engine.name();
    let missing = &paths[paths.len() / 2];
    let copy = Pipeline::responses().bodies().map(<[u8]>::to_vec);
    match engine.run(Files::at(paths), &copy, collect()) {
        Err(Error::File { path, .. }) => assert_eq!(&path, missing, "{name}"),
        other => panic!("{name}: {other:?}"),
    }
    let copy = Pipeline::records().map(<[u8]>::to_vec);
    match engine.run(Records::file(missing), &copy, collect()) {
        Err(Error::File { path, .. }) => assert_eq!(&path, missing, "{name}"),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn files_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut paths: Vec<PathBuf> = (0..201)
        .map(|i| folder.path().join(i.to_string()))
        .collect();
    for (i, path) in paths.iter().enumerate().filter(|(i, _)| *i != 100) {
        std::fs::write(path, vec![b'x'; i]).unwrap();
    }
    every!(missing_file, &paths, [PathBuf]);
    // A folder can be opened but not read.
    paths[100] = folder.path().to_owned();
    every!(missing_file, &paths, [PathBuf]);
}

struct Broken(usize);

impl Read for Broken {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0 += 1;
        if self.0 > 3 {
            return Err(io::Error::other("the wire is cut"));
        }
        into[0] = b'\n';
        Ok(1)
    }
}

fn broken_reader<E: Engine>(engine: &E, (): &()) {
    let count = fold(|| 0, record, |n: &mut usize, m| *n += m);
    match engine.run(Records::reader(Broken(0)), &Pipeline::records(), count) {
        Err(error @ Error::Io { .. }) => {
            assert!(error.to_string().contains("the wire is cut"), "{error}");
        }
        other => panic!("{}: {other:?}", engine.name()),
    }
}

#[test]
fn a_reader_that_fails() {
    every!(broken_reader, &(), ());
}

fn misbehaves<E: Engine>(engine: &E, (manner, address): &(Option<Manner>, SocketAddr)) {
    let keys: Vec<u32> = (0..300).collect();
    let count = fold(|| 0, response, |n: &mut usize, m| *n += m);
    let source = Requests::to(*address, &Numbers, &keys);
    match engine.run(source, &Pipeline::responses(), count) {
        Err(Error::Io { .. }) => {}
        other => panic!("{}, {manner:?}: {other:?}", engine.name()),
    }
}

#[test]
fn services_that_misbehave() {
    for manner in [
        Manner::ClosesEarly,
        Manner::Rubbish,
        Manner::Repeats,
        Manner::Invents,
    ] {
        let input = (Some(manner), start(manner));
        every!(misbehaves, &input, (Option<Manner>, SocketAddr));
    }
}

#[test]
fn no_service() {
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    every!(misbehaves, &(None, address), (Option<Manner>, SocketAddr));
}

/// Asserts that `run` panics with `message`.
fn panics<T>(engine: &str, message: &str, run: impl FnOnce() -> T) {
    let payload = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(_) => panic!("{engine}: no panic of {message:?}"),
        Err(payload) => payload,
    };
    let found = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(|s| s.as_str()));
    assert_eq!(found, Some(message), "{engine}");
}

struct World {
    address: SocketAddr,
    paths: Vec<PathBuf>,
}

fn stage_panics<E: Engine>(engine: &E, world: &World) {
    let name = engine.name();
    let count = || fold(|| 0, |n: &mut u64, m: u64| *n += m, |n, m| *n += m);
    let data: Vec<u64> = (0..200_000).collect();
    let number = Pipeline::new().map(|n: u64| {
        if n == 150_000 {
            panic!("on purpose")
        } else {
            n
        }
    });
    panics(name, "on purpose", || {
        engine.run(&data[..], &number, count())
    });
    panics(name, "on purpose", || {
        engine.run(iter(data.clone()), &number, count())
    });
    panics(name, "on purpose", || {
        engine.run(&data[..], &number, collect())
    });

    let text = "a\n".repeat(200_000) + "b\n";
    let line = Pipeline::records().map(|l| if l == b"b" { panic!("on purpose") } else { 1 });
    panics(name, "on purpose", || {
        engine.run(Records::text(text.as_bytes()), &line, count())
    });
    let reader = Records::reader(text.as_bytes());
    panics(name, "on purpose", || engine.run(reader, &line, count()));

    let response = Pipeline::responses().map(|(_, index): (&[u8], usize)| {
        if index == 200 {
            panic!("on purpose")
        } else {
            1
        }
    });
    panics(name, "on purpose", || {
        engine.run(Files::at(&world.paths), &response, count())
    });
    let keys: Vec<u32> = (0..300).collect();
    let requests = Requests::to(world.address, &Numbers, &keys);
    panics(name, "on purpose", || {
        engine.run(requests, &response, count())
    });

    // And the sink's own code.
    let sink = fold(
        || 0,
        |_: &mut u64, _: u64| panic!("in the sink"),
        |n, m| *n += m,
    );
    panics(name, "in the sink", || {
        engine.run(&data[..], &Pipeline::new(), sink)
    });

    // The engine is as good as new.
    assert_eq!(
        engine.run(&data[..10], &Pipeline::new(), count()).unwrap(),
        45,
        "{name}"
    );
    let found = engine.run(Files::at(&world.paths[..10]), &response, count());
    assert_eq!(found.unwrap(), 10, "{name}");
}

#[test]
fn panics_reach_the_caller() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..300)
        .map(|i| folder.path().join(i.to_string()))
        .collect();
    paths
        .iter()
        .for_each(|path| std::fs::write(path, "x").unwrap());
    let address = start(Manner::Backwards);
    every!(stage_panics, &World { address, paths }, World);
}

fn fill_panics<E: Engine>(engine: &E, (): &()) {
    let name = engine.name();
    let data = vec![1u32; 100_000];
    let mut out = vec![0; data.len() - 1];
    panics(name, "`fill` is too short", || {
        engine.run(&data[..], &Pipeline::new(), fill(&mut out))
    });
    let odd = Pipeline::new().filter(|n: &u32| n % 2 == 1);
    let mut out = vec![0; data.len()];
    panics(
        name,
        "`fill` needs a one-to-one pipeline over an indexed source",
        || engine.run(&data[..], &odd, fill(&mut out)),
    );
}

#[test]
fn fill_that_does_not_fit() {
    every!(fill_panics, &(), ());
}

#[cfg(feature = "memory-optimized")]
mod budget {
    use super::*;
    use engines::{MemoryOptimized, batches, group};

    fn length(n: &mut usize, bytes: &[u8]) {
        *n += bytes.len();
    }

    fn over<T: std::fmt::Debug>(result: Result<T, Error>) {
        assert!(
            matches!(result, Err(Error::Budget { needed, budget: 65_536 }) if needed > 65_536),
            "{result:?}"
        );
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_what_fits_is_not() {
        let engine = MemoryOptimized::default().memory(64 << 10);
        let data: Vec<u64> = (0..100_000).collect();
        over(engine.run(&data[..], &Pipeline::new(), collect::<u64>()));
        over(engine.run(iter(data.clone()), &Pipeline::new(), collect::<u64>()));
        let mut seen = 0;
        let sink = batches(|batch: &[u64]| seen += batch.len());
        engine.run(iter(data), &Pipeline::new(), sink).unwrap();
        assert_eq!(seen, 100_000);

        let count = || fold(|| 0, record, |n: &mut usize, m| *n += m);
        let text = "0123456789\n".repeat(50_000);
        let long = "x".repeat(70_000);
        let reader = |text| Records::reader(io::Cursor::new(text));
        assert_eq!(
            engine
                .run(reader(&text), &Pipeline::records(), count())
                .unwrap(),
            50_000
        );
        over(engine.run(reader(&long), &Pipeline::records(), count()));
        let each = Pipeline::records().keyed(|line| Some((line, ())));
        let set = || group(|| (), |(): &mut (), ()| (), |(), ()| ());
        assert_eq!(engine.run(reader(&text), &each, set()).unwrap().len(), 1);
        let text: String = (0..50_000).map(|i| format!("{i}\n")).collect();
        over(engine.run(reader(&text), &each, set()));
    }

    #[test]
    fn large_files_and_responses_are_errors() {
        let engine = MemoryOptimized::default().memory(64 << 10);
        let folder = tempfile::tempdir().unwrap();
        let paths = [folder.path().join("small"), folder.path().join("large")];
        std::fs::write(&paths[0], vec![0; 60_000]).unwrap();
        std::fs::write(&paths[1], vec![0; 70_000]).unwrap();
        let count = || fold(|| 0, length, |n: &mut usize, m| *n += m);
        let bodies = Pipeline::responses().bodies();
        assert_eq!(
            engine
                .run(Files::at(&paths[..1]), &bodies, count())
                .unwrap(),
            60_000
        );
        over(engine.run(Files::at(&paths), &bodies, count()));

        let address = start(Manner::Backwards);
        let keys: Vec<u32> = (0..200).collect();
        let requests = Requests::to(address, &Numbers, &keys);
        assert_eq!(
            engine.run(requests, &bodies, count()).unwrap(),
            (0..200).sum()
        );
        // The answer to this one has 150,000 bytes.
        let requests = Requests::to(address, &Numbers, &[511]);
        over(engine.run(requests, &bodies, count()));
    }
}
