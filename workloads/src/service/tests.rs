//! The service from the outside, on both implementations.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use engines::Protocol;

use super::frame::{self, Kind, REQUEST_BYTES};
use super::*;

const LATENCY: Duration = Duration::from_millis(5);

/// Runs a test on each implementation.
fn on_each(test: impl Fn(SocketAddr)) {
    let service = Local::start(LATENCY).unwrap();
    test(service.address());
    drop(service);
    let portable = Local::start_with(LATENCY, |l, t| portable::run(l, t, false, || {})).unwrap();
    test(portable.address());
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

fn requests(keys: std::ops::Range<u64>) -> Vec<u8> {
    keys.flat_map(|key| request(key as u32, Kind::Lookup, key))
        .collect()
}

/// Reads `n` responses; ids and values, in the order in which they came.
fn responses(stream: &mut TcpStream, n: usize) -> Vec<(u32, i64)> {
    let mut input = vec![0; n * RESPONSE_BYTES];
    stream.read_exact(&mut input).unwrap();
    let (frames, _) = input.as_chunks::<RESPONSE_BYTES>();
    frames
        .iter()
        .map(|bytes| {
            let frame = Lookup.decode(bytes).unwrap().unwrap();
            let (class, value) = body(frame.body).unwrap();
            assert_eq!(class, class_of(u64::from(frame.id)));
            (frame.id, value)
        })
        .collect()
}

fn expected(keys: std::ops::Range<u64>) -> Vec<(u32, i64)> {
    keys.map(|key| (key as u32, value_of(key))).collect()
}

fn is_closed(stream: &mut TcpStream) -> bool {
    // End of stream or a reset, as opposed to silence.
    match stream.read(&mut [0; 16]) {
        Ok(n) => n == 0,
        Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn answers_are_right_and_never_early() {
    on_each(|address| {
        let mut stream = connect(address);
        for round in 0..5 {
            let sent = Instant::now();
            let keys = round * 100..round * 100 + 100;
            stream.write_all(&requests(keys.clone())).unwrap();
            assert_eq!(responses(&mut stream, 100), expected(keys));
            assert!(sent.elapsed() >= LATENCY);
        }
        let statistics = statistics(address).unwrap();
        assert_eq!(statistics.answered, 500);
        assert!(statistics.p50 <= statistics.p99 && statistics.p99 <= statistics.max);
        assert_eq!(reset(address).unwrap(), statistics);
        assert_eq!(super::statistics(address).unwrap(), Lateness::default());
    });
}

#[test]
fn a_request_may_come_in_pieces() {
    on_each(|address| {
        let mut stream = connect(address);
        for byte in requests(7..9) {
            stream.write_all(&[byte]).unwrap();
            stream.flush().unwrap();
        }
        assert_eq!(responses(&mut stream, 2), expected(7..9));
    });
}

#[test]
fn a_half_closed_connection_gets_its_answers() {
    on_each(|address| {
        let mut stream = connect(address);
        stream.write_all(&requests(0..1000)).unwrap();
        // Half a request more, which is never to be completed.
        stream
            .write_all(&requests(5..6)[..REQUEST_BYTES / 2])
            .unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(responses(&mut stream, 1000), expected(0..1000));
        assert!(is_closed(&mut stream));
    });
}

#[test]
fn rubbish_and_vanishing_clients_harm_nobody_else() {
    on_each(|address| {
        let mut good = connect(address);
        good.write_all(&requests(0..10)).unwrap();

        let mut rude = connect(address);
        rude.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
        assert!(is_closed(&mut rude));
        let mut unknown = connect(address);
        let mut bytes = frame::request(1, Kind::Lookup, 1);
        bytes[8] = 77;
        unknown.write_all(&bytes).unwrap();
        assert!(is_closed(&mut unknown));
        for n in [0, 3, REQUEST_BYTES, REQUEST_BYTES * 50] {
            let mut vanishing = connect(address);
            vanishing.write_all(&requests(0..50)[..n]).unwrap();
        }

        assert_eq!(responses(&mut good, 10), expected(0..10));
        good.write_all(&requests(10..20)).unwrap();
        assert_eq!(responses(&mut good, 10), expected(10..20));
    });
}

#[test]
fn a_client_that_does_not_read_holds_up_nobody() {
    on_each(|address| {
        let mut slow = connect(address);
        let mut writing = slow.try_clone().unwrap();
        let writer = std::thread::spawn(move || {
            for start in 0..100 {
                // Blocks when the service stops reading, until the answers are read.
                writing
                    .write_all(&requests(start * 3000..start * 3000 + 3000))
                    .unwrap();
            }
        });
        std::thread::sleep(Duration::from_millis(100));
        let mut other = connect(address);
        other.write_all(&requests(1..4)).unwrap();
        assert_eq!(responses(&mut other, 3), expected(1..4));
        assert_eq!(responses(&mut slow, 300_000), expected(0..300_000));
        writer.join().unwrap();
    });
}

#[test]
fn a_thousand_connections() {
    let service = Local::start(LATENCY).unwrap();
    let mut streams: Vec<TcpStream> = (0..1000).map(|_| connect(service.address())).collect();
    for (key, stream) in streams.iter_mut().enumerate() {
        let key = key as u64;
        stream.write_all(&requests(key..key + 1)).unwrap();
    }
    for (key, stream) in streams.iter_mut().enumerate() {
        let key = key as u64;
        assert_eq!(responses(stream, 1), expected(key..key + 1));
    }
}

#[test]
fn ends_on_request() {
    on_each(|address| {
        let mut waiting = connect(address);
        waiting.write_all(&requests(0..1)).unwrap();
        assert_eq!(responses(&mut waiting, 1).len(), 1);
        assert_eq!(stop(address).unwrap().answered, 1);
    });
    let service = Local::start(LATENCY).unwrap();
    let address = service.address();
    drop(service);
    assert!(statistics(address).is_err());
}

#[test]
fn the_file_limit_is_raised_or_left_alone() {
    raise_file_limit();
    portable::raise_file_limit();
}
