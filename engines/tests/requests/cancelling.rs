//! Runs that are ended early: nothing that was answered is lost, nothing comes twice, nothing hangs.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use engines::{Async, Cancel, Engine, Error, Pipeline, Requests, batches, fold};
use proptest::prelude::*;

use crate::hostile::{Checked, Manner, eventually, key, start};
use crate::{ask, engines, numbers, quickly};

/// Runs into a sink of either kind, cancels once `at` responses have come, and returns the keys that
/// the stages saw and those that the sink saw, each sorted.
fn run(
    engine: &Async,
    address: SocketAddr,
    keys: &[u32],
    at: usize,
    ordered: bool,
) -> (Result<(), Error>, Vec<u32>, Vec<u32>) {
    let cancel = Cancel::new();
    let engine = engine.clone().cancelled_by(&cancel);
    let (came, reached) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let noting = Pipeline::responses().map(|(body, _): (&[u8], usize)| {
        let mut came = came.lock().unwrap();
        came.push(key(body));
        if came.len() == at {
            cancel.cancel();
        }
        key(body)
    });
    let source = Requests::to(address, &Checked, keys);
    let result = if ordered {
        let sink = batches(|batch: &[u32]| reached.lock().unwrap().extend_from_slice(batch));
        engine.run(source, &noting, sink)
    } else {
        let reached = |(): &mut (), key: u32| reached.lock().unwrap().push(key);
        engine.run(source, &noting, fold(|| (), reached, |(), ()| ()))
    };
    let reached = reached.into_inner().unwrap();
    if ordered {
        assert!(reached.is_sorted());
    }
    let sorted = |mut keys: Vec<u32>| {
        keys.sort_unstable();
        keys
    };
    (result, sorted(came.into_inner().unwrap()), sorted(reached))
}

#[test]
fn what_was_answered_reaches_the_sink_once() {
    let (address, _) = start(|_| Manner::Good);
    let keys = numbers(2000);
    for engine in engines() {
        for ordered in [false, true] {
            for at in [1, 2, 500, 1999] {
                let (result, came, reached) = run(&engine, address, &keys, at, ordered);
                match result {
                    Ok(()) => assert_eq!(came, keys),
                    Err(Error::Cancelled) => assert!(came.len() >= at && came.len() < keys.len()),
                    Err(other) => panic!("{other}"),
                }
                assert_eq!(came, reached);
            }
        }
        // The engine is as good as new, with the connections that it has left.
        assert_eq!(ask(&engine, address, &keys).unwrap(), keys);
    }
}

#[test]
fn responses_that_wait_for_one_before_them_are_not_lost() {
    // The first request is never answered; all others are.
    let (address, seen) = start(|n| {
        if n == 0 {
            Manner::Stalls(0)
        } else {
            Manner::Good
        }
    });
    let keys = numbers(40);
    let engine = Async::default()
        .connection_each()
        .threads(1)
        .in_flight(4)
        .buffered(100);
    let (result, came, reached) = run(&engine, address, &keys, 39, true);
    assert!(matches!(result, Err(Error::Cancelled)));
    assert_eq!((came.len(), seen.requests()), (39, 39));
    assert_eq!(came, reached);
}

#[test]
fn a_run_that_waits_for_the_service_is_woken() {
    for engine in engines() {
        for manner in [Manner::Stalls(0), Manner::ClosesOnRequest(0)] {
            let (address, seen) = start(move |_| manner);
            let cancel = Cancel::new();
            // Waits for a response, or for a hundred seconds before it tries again.
            let engine = engine
                .clone()
                .cancelled_by(&cancel)
                .timeout(Duration::from_secs(100));
            let engine = engine.retry(engines::Retry {
                first: Duration::from_secs(100),
                most: Duration::from_secs(100),
                ..quickly(3)
            });
            std::thread::scope(|scope| {
                let running = scope.spawn(|| ask(&engine, address, &numbers(50)));
                assert!(eventually(|| seen.connections() > 0));
                std::thread::sleep(Duration::from_millis(20));
                cancel.cancel();
                assert!(eventually(|| running.is_finished()));
                assert!(matches!(running.join().unwrap(), Err(Error::Cancelled)));
            });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_failures_and_any_moment(
        answers in proptest::collection::vec(0usize..30, 0..8),
        requests in 1u32..300,
        at in 1usize..300,
        which in 0usize..4,
        ordered in any::<bool>(),
    ) {
        let (address, _) = start(move |n| answers.get(n).map_or(Manner::Good, |n| Manner::Closes(*n)));
        let engine = engines()[which].clone().retry(quickly(2));
        let keys = numbers(requests);
        let (result, came, reached) = run(&engine, address, &keys, at, ordered);
        prop_assert!(came.windows(2).all(|pair| pair[0] < pair[1]), "a response came twice");
        match result {
            Ok(()) => prop_assert_eq!((&came, &reached), (&keys, &keys)),
            Err(Error::Cancelled) => prop_assert_eq!(came, reached),
            Err(Error::Request { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
}
