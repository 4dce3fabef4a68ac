//! Requests that are issued again, and those that are not.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use engines::{Async, Error};
use proptest::prelude::*;

use crate::hostile::{Manner, Seen, serve_all, start};
use crate::{ask, engines, numbers, quickly};

/// What a further try can make good.
const PASSING: [fn(usize) -> Manner; 5] = [
    Manner::Closes,
    Manner::ClosesOnRequest,
    Manner::Half,
    Manner::Resets,
    Manner::Stalls,
];

const LASTING: [fn(usize) -> Manner; 2] = [Manner::Rubbish, Manner::Repeats];

fn patient(engine: Async) -> Async {
    engine.timeout(Duration::from_millis(200))
}

#[test]
fn without_repetitions_every_failure_ends_the_run() {
    let keys = numbers(100);
    for engine in engines().map(patient) {
        for manner in PASSING.into_iter().chain(LASTING) {
            let (address, _) = start(move |_| manner(2));
            match ask(&engine, address, &keys) {
                Err(Error::Io { .. }) => {}
                other => panic!("{:?}: {other:?}", manner(2)),
            }
        }
    }
}

#[test]
fn with_repetitions_what_passes_is_made_good() {
    let keys = numbers(100);
    for engine in engines().map(patient) {
        for manner in PASSING {
            // Three connections in a row may be lost, with answers in between or without.
            let (address, seen) = start(move |n| match n {
                0..3 => manner(2 * (n % 2)),
                _ => Manner::Good,
            });
            let found = ask(&engine.clone().retry(quickly(5)), address, &keys);
            assert_eq!(found.unwrap(), keys, "{:?}", manner(2));
            // A reset may take with it answers that were on their way.
            if manner(0) != Manner::Resets(0) {
                assert_eq!(seen.again(), 0, "{:?}", manner(2));
            }
        }
    }
}

#[test]
fn what_does_not_pass_is_no_matter_for_repetitions() {
    let keys = numbers(100);
    for engine in engines() {
        for manner in LASTING {
            let (address, _) = start(move |_| manner(2));
            match ask(&engine.clone().retry(quickly(5)), address, &keys) {
                Err(Error::Io { source, .. }) => assert_eq!(source.kind(), ErrorKind::InvalidData),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn the_error_names_the_request_and_the_cause_once_all_is_tried() {
    let engine = |times| {
        let engine = patient(Async::default().multiplexed(1).in_flight(1));
        engine.retry(quickly(times))
    };
    for (manner, kind) in [
        (Manner::ClosesOnRequest(0), ErrorKind::UnexpectedEof),
        (Manner::Stalls(0), ErrorKind::TimedOut),
    ] {
        // Seven answers on the first connection, none on any other.
        let first = Manner::Closes(7);
        let (address, seen) = start(move |n| if n == 0 { first } else { manner });
        let error = ask(&engine(2), address, &numbers(20)).unwrap_err();
        let text = error.to_string();
        let Error::Request {
            position: 7, cause, ..
        } = error
        else {
            panic!("{text}");
        };
        assert!(
            matches!(*cause, Error::Io { source, .. } if source.kind() == kind),
            "{text}"
        );
        assert!(text.contains("request 7 failed"), "{text}");
        // The eighth request may have gone out on the first connection before it was seen to be closed.
        assert!(
            (3..=4).contains(&seen.connections()),
            "{}",
            seen.connections()
        );
    }
}

#[test]
fn a_service_that_is_not_there_yet_is_waited_for() {
    for engine in engines() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            let listener = TcpListener::bind(address).unwrap();
            serve_all(&listener, |_| Manner::Good, &Arc::new(Seen::default()));
        });
        let engine = engine.retry(engines::Retry {
            first: Duration::from_millis(40),
            ..quickly(400)
        });
        let keys = numbers(30);
        assert_eq!(ask(&engine, address, &keys).unwrap(), keys);
    }
}

fn manner() -> impl Strategy<Value = Manner> {
    (0usize..7, 0usize..30).prop_map(|(which, answers)| {
        let mut all = PASSING.into_iter().chain(LASTING);
        all.nth(which).unwrap()(answers)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_failures_give_the_answer_or_an_error(
        bad in proptest::collection::vec(manner(), 0..12),
        requests in 0u32..150,
        which in 0usize..4,
        times in 0u32..4,
        runs in 1usize..4,
    ) {
        let (address, _) = start(move |n| bad.get(n).copied().unwrap_or(Manner::Good));
        let engine = engines()[which].clone().retry(quickly(times));
        let engine = engine.timeout(Duration::from_millis(100));
        let keys = numbers(requests);
        for _ in 0..runs {
            match ask(&engine, address, &keys) {
                Ok(found) => prop_assert_eq!(found, keys.clone()),
                Err(Error::Io { .. }) => {}
                Err(Error::Request { position, times: n, .. }) => {
                    prop_assert!(position < keys.len() && n <= times + 1);
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}
