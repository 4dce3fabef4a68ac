//! Requests to a service that answers in an order of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use engines::{Engine, Pipeline, Requests, batches, collect, fold, group, sum};
use proptest::prelude::*;

use crate::every;
use crate::service::{Manner, Numbers, body, start};

struct Calls {
    address: SocketAddr,
    keys: Vec<u32>,
}

fn agrees<E: Engine>(engine: &E, calls: &Calls) {
    let name = engine.name();
    let keys = &calls.keys;
    let source = || Requests::to(calls.address, &Numbers, keys);

    let copy = Pipeline::responses().map(|(bytes, index): (&[u8], usize)| (index, bytes.to_vec()));
    let expected: Vec<_> = keys.iter().map(|key| body(*key)).enumerate().collect();
    let found = engine.run(source(), &copy, collect()).unwrap();
    assert!(found == expected, "{name}: collect");

    let mut seen = vec![];
    let sink = batches(|batch: &[(usize, Vec<u8>)]| seen.extend_from_slice(batch));
    engine.run(source(), &copy, sink).unwrap();
    assert!(seen == expected, "{name}: batches");

    let lengths = Pipeline::responses()
        .bodies()
        .map(|bytes| bytes.len() as f64);
    let total: usize = expected.iter().map(|(_, bytes)| bytes.len()).sum();
    assert_eq!(
        engine.run(source(), &lengths, sum()).unwrap(),
        total as f64,
        "{name}"
    );

    // A function can fold borrowed items; a closure's type is tied to one lifetime.
    fn positions(n: &mut usize, (_, i): (&[u8], usize)) {
        *n += i + 1;
    }
    let count = fold(|| 0, positions, |n: &mut usize, m| *n += m);
    let found = engine.run(source(), &Pipeline::responses(), count).unwrap();
    assert_eq!(found, (1..=keys.len()).sum(), "{name}");

    let first = Pipeline::responses()
        .bodies()
        .keyed(|bytes| Some((bytes.get(..1)?, 1)));
    let sink = group(
        || 0,
        |n: &mut usize, m: usize| *n += m,
        |n: &mut usize, m| *n += m,
    );
    let mut groups = BTreeMap::<&[u8], usize>::new();
    for (_, bytes) in expected.iter().filter(|(_, bytes)| !bytes.is_empty()) {
        *groups.entry(&bytes[..1]).or_default() += 1;
    }
    let found = engine.run(source(), &first, sink).unwrap();
    assert_eq!(
        found.sorted(),
        groups.iter().map(|(k, v)| (*k, v)).collect::<Vec<_>>(),
        "{name}"
    );
}

#[test]
fn none_one_and_many() {
    let address = start(Manner::Backwards);
    for count in [0, 1, 2, 63, 64, 65, 3000] {
        let keys = (0..count).map(|i| i * 37 % 2011).collect();
        every!(agrees, &Calls { address, keys }, Calls);
    }
}

#[test]
fn any_keys() {
    let address = start(Manner::Backwards);
    let config = proptest::test_runner::Config {
        cases: 8,
        ..crate::cases()
    };
    proptest!(config, |(keys in proptest::collection::vec(0u32..5000, 0..300))| {
        every!(agrees, &Calls { address, keys }, Calls);
    });
}
