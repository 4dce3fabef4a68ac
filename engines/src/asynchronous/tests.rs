//! What is special to the asynchronous engine: many requests at once, order, timeouts, services that
//! close or refuse. `engines/tests/requests` has what needs a service that misbehaves on purpose.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::Async;
use crate::engine::{Engine, Error};
use crate::pipeline::Pipeline;
use crate::sink::{collect, fold};
use crate::source::{Frame, Protocol, Requests};

/// A request is an id and a key of four bytes each, a response the same again.
struct Echo;

impl Protocol for Echo {
    type Key = u32;

    fn encode(&self, id: u32, key: &u32, out: &mut Vec<u8>) {
        out.extend(id.to_le_bytes());
        out.extend(key.to_le_bytes());
    }

    fn decode<'b>(&self, input: &'b [u8]) -> io::Result<Option<Frame<'b>>> {
        Ok(input.split_at_checked(8).map(|(frame, _)| Frame {
            id: u32::from_le_bytes(*frame.first_chunk().unwrap()),
            body: &frame[4..],
            length: 8,
        }))
    }
}

fn number(body: &[u8]) -> u32 {
    u32::from_le_bytes(*body.first_chunk().unwrap())
}

/// Serves each connection on a thread; `serve` returns to close it. Ends with the process.
fn service(serve: impl Fn(&mut TcpStream) -> io::Result<()> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let serve = serve.clone();
            std::thread::spawn(move || stream.and_then(|mut stream| serve(&mut stream)));
        }
    });
    address
}

fn echo(stream: &mut TcpStream) -> io::Result<()> {
    let mut frame = [0; 8];
    loop {
        stream.read_exact(&mut frame)?;
        stream.write_all(&frame)?;
    }
}

fn engines() -> [Async; 4] {
    let engine = Async::default().in_flight(50);
    [
        engine.clone().threads(1).connection_each(),
        engine.clone().threads(2).connection_each(),
        engine.clone().threads(1).multiplexed(1),
        engine.threads(2).multiplexed(3),
    ]
}

#[test]
fn two_hundred_requests_are_under_way_at_once() {
    static OPEN: AtomicUsize = AtomicUsize::new(0);
    // No request is answered before all are there.
    let address = service(|stream| {
        let mut frame = [0; 8];
        stream.read_exact(&mut frame)?;
        OPEN.fetch_add(1, Ordering::SeqCst);
        let began = Instant::now();
        while OPEN.load(Ordering::SeqCst) < 200 && began.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(1));
        }
        stream.write_all(&frame)
    });
    let keys: Vec<u32> = (0..200).collect();
    let numbers = Pipeline::responses().map(|(body, _): (&[u8], usize)| u64::from(number(body)));
    let total = fold(|| 0, |n: &mut u64, x| *n += x, |n, m| *n += m);
    let engine = Async::default().connection_each().threads(2);
    let total = engine
        .run(Requests::to(address, &Echo, &keys), &numbers, total)
        .unwrap();
    assert_eq!(total, 199 * 200 / 2);
    assert_eq!(OPEN.load(Ordering::SeqCst), 200);
}

#[test]
fn responses_come_in_the_order_of_the_keys() {
    let address = service(echo);
    let keys: Vec<u32> = (0..5000).map(|i| i * 7).collect();
    let pairs = Pipeline::responses().map(|(body, i): (&[u8], usize)| (i, number(body)));
    let expected: Vec<_> = keys.iter().copied().enumerate().collect();
    for engine in engines() {
        let found = engine.run(Requests::to(address, &Echo, &keys), &pairs, collect());
        assert_eq!(found.unwrap(), expected);
    }
    let none = Async::default().run(Requests::to(address, &Echo, &[]), &pairs, collect());
    assert_eq!(none.unwrap(), []);
}

#[test]
fn a_slow_response_times_out_and_ends_the_run() {
    let address = service(|stream| {
        let mut frame = [0; 8];
        loop {
            stream.read_exact(&mut frame)?;
            if frame[4..] != 100u32.to_le_bytes() {
                stream.write_all(&frame)?;
            }
        }
    });
    let keys: Vec<u32> = (0..1000).collect();
    let numbers = Pipeline::responses().map(|(body, _): (&[u8], usize)| number(body));
    for engine in engines() {
        let began = Instant::now();
        let engine = engine.timeout(Duration::from_millis(100));
        let result = engine.run(Requests::to(address, &Echo, &keys), &numbers, collect());
        match result {
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::TimedOut => {}
            other => panic!("{other:?}"),
        }
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn no_service_is_an_error() {
    // A port that was free a moment ago.
    let refused = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = refused.local_addr().unwrap();
    drop(refused);
    let numbers = Pipeline::responses().map(|(body, _): (&[u8], usize)| number(body));
    for engine in engines() {
        let result = engine.run(
            Requests::to(address, &Echo, &[1, 2, 3]),
            &numbers,
            collect(),
        );
        assert!(matches!(
            result,
            Err(Error::Io {
                action: "connect to the service",
                ..
            })
        ));
    }
}

/// Runs again in a process that may open few files, so that most connections fail.
#[cfg(unix)]
#[test]
fn a_run_goes_on_with_the_connections_that_there_are() {
    let variable = "ENGINES_TEST_SERVICE";
    let Ok(address) = std::env::var(variable) else {
        let this = "asynchronous::tests::a_run_goes_on_with_the_connections_that_there_are";
        let limited = std::process::Command::new("sh")
            .args(["-c", r#"ulimit -n 40 && exec "$0" --exact "$1""#])
            .arg(std::env::current_exe().unwrap())
            .arg(this)
            .env(variable, service(echo).to_string())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&limited.stdout);
        assert!(
            limited.status.success() && said.contains("1 passed"),
            "{said}"
        );
        return;
    };
    let keys: Vec<u32> = (0..5000).collect();
    let numbers = Pipeline::responses().map(|(body, _): (&[u8], usize)| number(body));
    let engine = Async::default().threads(2).in_flight(200).connection_each();
    let source = Requests::to(address.parse().unwrap(), &Echo, &keys);
    assert_eq!(engine.run(source, &numbers, collect()).unwrap(), keys);
}

#[test]
fn a_run_within_someone_elses_runtime() {
    let address = service(echo);
    let keys: Vec<u32> = (0..100).collect();
    let numbers = Pipeline::responses().map(|(body, _): (&[u8], usize)| number(body));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let found = runtime.block_on(async {
        let source = Requests::to(address, &Echo, &keys);
        Async::default().run(source, &numbers, collect()).unwrap()
    });
    assert_eq!(found, keys);
}

#[test]
fn a_panic_in_a_stage_reaches_the_caller() {
    let address = service(echo);
    let keys: Vec<u32> = (0..1000).collect();
    let fail = Pipeline::responses().map(|(_, i): (&[u8], usize)| {
        assert!(i != 500, "stage failed");
        i
    });
    for engine in engines() {
        let run = || engine.run(Requests::to(address, &Echo, &keys), &fail, collect());
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
    }
}
