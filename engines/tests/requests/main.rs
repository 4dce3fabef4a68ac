//! The asynchronous engine against services that misbehave: connections that are kept, repetitions,
//! cancellation, order, and a limit that adapts.
#![cfg(feature = "async")]

mod adaptive;
mod cancelling;
mod files;
mod hostile;
mod keeping;
mod leaving;
mod order;
mod repeating;

use std::net::SocketAddr;
use std::time::Duration;

use engines::{Async, Engine, Error, Pipeline, Requests, Retry, collect};

use hostile::{Checked, key};

/// Engines with one and several threads, with a connection for each request and with shared ones.
fn engines() -> [Async; 4] {
    let engine = || Async::default().in_flight(12);
    [
        engine().threads(1).connection_each(),
        engine().threads(2).connection_each(),
        engine().threads(1).multiplexed(1),
        engine().threads(2).multiplexed(3),
    ]
}

/// Repetitions that do not take long.
fn quickly(times: u32) -> Retry {
    Retry {
        times,
        first: Duration::from_millis(1),
        most: Duration::from_millis(5),
        seed: 1,
    }
}

/// The keys of the responses, in their order.
fn ask(engine: &Async, address: SocketAddr, keys: &[u32]) -> Result<Vec<u32>, Error> {
    let numbers = Pipeline::responses().map(|(body, _): (&[u8], usize)| key(body));
    engine.run(Requests::to(address, &Checked, keys), &numbers, collect())
}

fn numbers(n: u32) -> Vec<u32> {
    (0..n).map(|i| i * 3 + 1).collect()
}
