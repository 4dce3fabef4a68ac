//! Results in the order of the keys, for consumers that take their time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use engines::{Async, Engine, Pipeline, Requests, batches};

use crate::hostile::{Checked, Manner, eventually, key, start};
use crate::numbers;

/// While the consumer is busy, requests go out until as many responses wait as may, and no further.
#[test]
fn a_slow_consumer_holds_up_requests_only_beyond_the_bound() {
    for (threads, connections) in [(1, 1), (1, 10), (2, 2), (2, 10)] {
        let (address, seen) = start(|_| Manner::Good);
        let (in_flight, buffered) = (10, 40);
        let engine = Async::default().threads(threads).in_flight(in_flight);
        let engine = engine.multiplexed(connections).buffered(buffered);
        let keys = numbers(1000);
        let mut received = Vec::new();
        let consume = |batch: &[u32]| {
            let first = received.is_empty();
            received.extend_from_slice(batch);
            if first {
                let wanted = received.len() + buffered;
                assert!(eventually(|| seen.requests() >= wanted));
                std::thread::sleep(Duration::from_millis(50));
                let most = wanted + in_flight;
                let found = seen.requests.load(Ordering::SeqCst);
                assert!(found <= most, "{found} requests, at most {most} expected");
            }
        };
        let numbers = Pipeline::responses().map(|(body, _): (&[u8], usize)| key(body));
        let source = Requests::to(address, &Checked, &keys);
        engine.run(source, &numbers, batches(consume)).unwrap();
        assert_eq!(received, keys);
    }
}

#[test]
fn one_place_is_enough() {
    let (address, _) = start(|_| Manner::Good);
    let keys = numbers(500);
    for engine in crate::engines() {
        let found = crate::ask(&engine.buffered(1), address, &keys);
        assert_eq!(found.unwrap(), keys);
    }
}

/// A panic of the consumer, while requests are under way, ends the run.
#[test]
fn a_consumer_that_panics_ends_the_run() {
    let (address, _) = start(|_| Manner::Good);
    let keys = numbers(5000);
    for engine in crate::engines() {
        let run = || {
            let sink = batches(|_: &[u32]| panic!("on purpose"));
            let numbers = Pipeline::responses().map(|(body, _): (&[u8], usize)| key(body));
            engine.run(Requests::to(address, &Checked, &keys), &numbers, sink)
        };
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
    }
}
