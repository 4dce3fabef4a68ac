//! Connections that are kept from run to run.

use std::time::Duration;

use crate::hostile::{Manner, start};
use crate::{ask, engines, numbers};

#[test]
fn runs_share_connections_and_so_do_clones() {
    let keys = numbers(200);
    for (engine, most) in engines().into_iter().zip([12, 12, 1, 3]) {
        let (address, seen) = start(|_| Manner::Good);
        for _ in 0..5 {
            seen.forget();
            assert_eq!(ask(&engine.clone(), address, &keys).unwrap(), keys);
        }
        assert!(seen.connections() <= most, "{}", seen.connections());
        assert_eq!(seen.again(), 0);

        engine.disconnect();
        let before = seen.connections();
        assert_eq!(ask(&engine, address, &keys).unwrap(), keys);
        assert!(seen.connections() > before);
    }
}

#[test]
fn none_is_kept_that_must_not_be() {
    let keys = numbers(50);
    for engine in engines() {
        let none = engine.clone().keep(0, Duration::from_secs(100));
        let short = engine.keep(100, Duration::ZERO);
        for engine in [none, short] {
            let (address, seen) = start(|_| Manner::Good);
            assert_eq!(ask(&engine, address, &keys).unwrap(), keys);
            let before = seen.connections();
            assert_eq!(ask(&engine, address, &keys).unwrap(), keys);
            assert!(seen.connections() > before);
        }
    }
}

#[test]
fn services_with_other_addresses_get_connections_of_their_own() {
    let keys = numbers(20);
    let (first, second) = (start(|_| Manner::Good), start(|_| Manner::Good));
    for engine in engines() {
        let mut seen = Vec::new();
        for _ in 0..3 {
            assert_eq!(ask(&engine, first.0, &keys).unwrap(), keys);
            assert_eq!(ask(&engine, second.0, &keys).unwrap(), keys);
            seen.push((first.1.connections(), second.1.connections()));
        }
        // Several threads may each have kept some for the other service.
        assert!(seen[2].0 <= seen[0].0 + 24 && seen[2].1 <= seen[0].1 + 24);
    }
}

/// Neither a connection that the service closed while it was idle is an error, nor one that it closes
/// as soon as it is used again. Each has 12 answers: four runs of three requests, or one of twelve.
#[test]
fn connections_that_the_service_closed_are_replaced() {
    for manner in [
        Manner::Closes(12),
        Manner::ClosesOnRequest(12),
        Manner::Resets(12),
    ] {
        for requests in [3, 12] {
            let keys = numbers(requests);
            let (address, seen) = start(move |_| manner);
            let engine = engines()[2].clone();
            for run in 1..=8 {
                seen.forget();
                let found = ask(&engine, address, &keys);
                assert_eq!(found.unwrap(), keys, "{manner:?}, run {run}");
                let answered = run * requests as usize;
                assert_eq!(seen.connections(), answered.div_ceil(12), "{manner:?}");
            }
            assert_eq!(seen.again(), 0);
        }
    }
}

#[test]
fn a_new_connection_that_is_closed_is_an_error() {
    for engine in engines() {
        let (address, _) = start(|_| Manner::ClosesOnRequest(0));
        for _ in 0..2 {
            assert!(ask(&engine, address, &numbers(30)).is_err());
        }
    }
}
