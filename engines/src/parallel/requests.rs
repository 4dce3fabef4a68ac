//! Requests, of which the workers claim ranges, each over a connection of its own.

use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Parallel;
use crate::blocks::run_keyed;
use crate::engine::Error;
use crate::exchange::{Connection, Limits, RESPONSE_BYTES};
use crate::in_order::InOrder;
use crate::item::Keyed;
use crate::memory::Memory;
use crate::sink::Sink;
use crate::source::{Protocol, Requests};
use crate::stage::Stage;
use crate::workers::{Crew, run_claims};

/// Runs all requests of a source.
pub(super) fn run<P, S, K>(
    engine: &Parallel,
    source: &Requests<'_, P>,
    stage: &S,
    sink: &K,
) -> Result<K::Part, Error>
where
    P: Protocol,
    S: Stage<Keyed<usize>> + Sync,
    K: Sink<S::Out>,
{
    let length = source.keys.len();
    let crew = engine.crew_for(length);
    // A claim ends when its last response is there: it is long, so that this is rarely waited for.
    let size = (length / (crew.size() * 2)).clamp(1, 16 * engine.in_flight);
    let budget = engine.worker_memory;
    let limits = Limits {
        response_bytes: RESPONSE_BYTES.min(budget),
        budget: (budget < RESPONSE_BYTES).then_some(budget),
        ..Limits::window(engine.in_flight)
    };
    let cursor = AtomicUsize::new(0);
    let open = Open::default();
    run_claims(
        &crew,
        sink,
        engine.limits(),
        || (None, stage.local()),
        |_| {
            let number = cursor.fetch_add(1, Ordering::Relaxed);
            Ok((number < length.div_ceil(size)).then_some(number))
        },
        |(connection, local), number, part| {
            let connection = match connection {
                Some(connection) => connection,
                none => {
                    let connection = Connection::open(source.address)?;
                    open.add(connection.handle()?);
                    none.insert(connection)
                }
            };
            let range = number * size..((number + 1) * size).min(length);
            let empty = std::mem::replace(part, sink.part());
            let mut results = InOrder::new(empty, range.start);
            let mut exchange = connection.pipelined(source.protocol, source.keys, range, limits);
            loop {
                let more = exchange.step(|index, body| {
                    results.add(index, sink, |part| {
                        run_keyed(body, index, stage, local, sink, part)
                    })
                });
                match more {
                    // Another worker has failed, and what went wrong here is that its failure shut the
                    // connection down. Nobody will see what this part lacks.
                    _ if open.is_shut() => break,
                    Ok(false) => break,
                    Ok(true) => {}
                    Err(error) => return Err(error),
                }
                Memory::check(results.bytes(sink) + exchange.bytes(), budget)?;
            }
            *part = results.part;
            Ok(())
        },
        || open.shut(),
    )
}

/// The connections of a run, so that the first failure ends the waiting of all.
#[derive(Default)]
struct Open {
    connections: Mutex<Vec<TcpStream>>,
    shut: AtomicBool,
}

impl Open {
    fn add(&self, connection: TcpStream) {
        let mut connections = self
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        connections.push(connection);
        drop(connections);
        if self.is_shut() {
            self.shut();
        }
    }

    fn is_shut(&self) -> bool {
        self.shut.load(Ordering::SeqCst)
    }

    fn shut(&self) {
        self.shut.store(true, Ordering::SeqCst);
        let connections = self
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for connection in &*connections {
            // One that is closed already is what is wanted.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}
