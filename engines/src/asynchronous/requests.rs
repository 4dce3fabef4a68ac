//! Requests over many connections and several threads: each thread has a runtime of its own and
//! polls its share of the connections, which claim keys from one cursor.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};
use tokio::task::coop::unconstrained;

use super::conversation::{Claim, Run, Terms, converse};
use super::together::Together;
use crate::blocks::run_keyed;
use crate::engine::Error;
use crate::item::Keyed;
use crate::join::Join;
use crate::sink::{Order, Sink};
use crate::source::{Protocol, Requests};
use crate::stage::Stage;
use crate::workers::{Crew, Memory, OnPanic, Threads};

/// Connections that each thread opens at once: more might overflow the queue in which a service
/// keeps those that it has not accepted, and an overflow costs a second.
const OPENING: usize = 64;

/// What all threads share.
struct Shared<'k, S: Stage<Keyed<usize>>, K: Sink<S::Out>> {
    cursor: AtomicUsize,
    end: usize,
    /// For sinks that join in the order of the keys.
    join: Option<Join<'k, S::Out, K>>,
    /// Told when the join has moved on.
    joined: Notify,
    stopped: AtomicBool,
    stop: Notify,
    /// Why connections could not be opened: the first reason.
    refused: Mutex<Option<io::Error>>,
}

impl<S: Stage<Keyed<usize>>, K: Sink<S::Out>> Shared<'_, S, K> {
    fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.stop.notify_waiters();
    }

    fn refuse(&self, error: io::Error) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get_or_insert(error);
    }

    fn left(&self) -> bool {
        self.cursor.load(Ordering::Relaxed) < self.end
    }
}

/// What the connections of one thread share.
struct OneThread<'r, 'k, S: Stage<Keyed<usize>>, K: Sink<S::Out>> {
    shared: &'r Shared<'k, S, K>,
    stage: &'r S,
    sink: &'k K,
    memory: Memory,
    /// The stages' memory, and the part of a sink that takes any order.
    state: RefCell<(S::Local, K::Part)>,
}

impl<S: Stage<Keyed<usize>>, K: Sink<S::Out>> Run for OneThread<'_, '_, S, K> {
    fn claim(&self) -> Claim {
        let Shared { cursor, end, .. } = self.shared;
        let mut index = cursor.load(Ordering::Relaxed);
        loop {
            if index >= *end {
                return Claim::None;
            }
            if let Some(join) = &self.shared.join
                && !join.has_room(index)
            {
                return Claim::Later;
            }
            let order = Ordering::Relaxed;
            match cursor.compare_exchange_weak(index, index + 1, order, order) {
                Ok(_) => return Claim::Key(index),
                Err(now) => index = now,
            }
        }
    }

    async fn room(&self) {
        let Some(join) = &self.shared.join else {
            return;
        };
        let mut joined = pin!(self.shared.joined.notified());
        // Listening first: what is joined after the check is not missed.
        joined.as_mut().enable();
        let index = self.shared.cursor.load(Ordering::Relaxed);
        if index < self.shared.end && !join.has_room(index) {
            joined.await;
        }
    }

    fn answer(&self, index: usize, body: &[u8]) -> Result<(), Error> {
        let (local, part) = &mut *self.state.borrow_mut();
        match &self.shared.join {
            None => {
                run_keyed(body, index, self.stage, local, self.sink, part)?;
                Memory::check(self.sink.bytes(part), self.memory.worker)
            }
            Some(join) => {
                let mut part = self.sink.part();
                run_keyed(body, index, self.stage, local, self.sink, &mut part)?;
                join.deposit(index, part)?;
                self.shared.joined.notify_waiters();
                Ok(())
            }
        }
    }
}

/// Runs all requests over `connections` connections on `threads` threads.
pub(super) fn run<P, S, K>(
    source: &Requests<'_, P>,
    stage: &S,
    sink: &K,
    connections: usize,
    threads: usize,
    terms: Terms,
    memory: Memory,
) -> Result<K::Part, Error>
where
    P: Protocol,
    S: Stage<Keyed<usize>> + Sync,
    K: Sink<S::Out>,
{
    let end = source.keys.len();
    let connections = connections.clamp(1, end.max(1));
    let threads = threads.clamp(1, connections);
    // Four times what is under way: one slow response does not hold up the others for long.
    let capacity = (connections * terms.window).saturating_mul(4);
    let join = match K::ORDER {
        Order::Any => None,
        Order::Input => Some(Join::new(sink, sink.part(), memory, capacity)?),
    };
    let shared = Shared::<S, K> {
        cursor: AtomicUsize::new(0),
        end,
        join,
        joined: Notify::new(),
        stopped: AtomicBool::new(false),
        stop: Notify::new(),
        refused: Mutex::new(None),
    };
    let results = Threads(threads).each(|number| {
        let guard = OnPanic(|| shared.stop());
        // Connections that do not divide evenly go to the first threads.
        let share = connections / threads + usize::from(number < connections % threads);
        let thread = OneThread {
            shared: &shared,
            stage,
            sink,
            memory,
            state: RefCell::new((stage.local(), sink.part())),
        };
        let result = on_runtime(&thread, source, share, terms);
        if result.is_err() {
            shared.stop();
        }
        drop(guard);
        result.map(|()| thread.state.into_inner().1)
    });
    let mut joined = None;
    for part in results {
        let part = part?;
        match &mut joined {
            None => joined = Some(part),
            Some(joined) => sink.merge(joined, part),
        }
    }
    if shared.left() {
        let refused = shared.refused.into_inner();
        let error = refused
            .unwrap_or_else(PoisonError::into_inner)
            .unwrap_or_else(|| io::ErrorKind::NotConnected.into());
        return Err(Error::io("connect to the service")(error));
    }
    Ok(match shared.join {
        Some(join) => join.into_part(),
        None => joined.unwrap_or_else(|| sink.part()),
    })
}

/// Runs `share` connections on the calling thread.
fn on_runtime<P, S, K>(
    thread: &OneThread<'_, '_, S, K>,
    source: &Requests<'_, P>,
    share: usize,
    terms: Terms,
) -> Result<(), Error>
where
    P: Protocol,
    S: Stage<Keyed<usize>>,
    K: Sink<S::Out>,
{
    let shared = thread.shared;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            // The other threads take over, if there are any.
            shared.refuse(error);
            return Ok(());
        }
    };
    let opening = Semaphore::new(OPENING);
    let connection = || async {
        let permit = opening.acquire().await;
        if !shared.left() {
            return Ok(());
        }
        let stream = match open(source.address, terms.timeout).await {
            Ok(stream) => stream,
            Err(error) => {
                // Those that could be opened do the work of all.
                shared.refuse(error);
                return Ok(());
            }
        };
        drop(permit);
        converse(stream, source.protocol, source.keys, terms, thread).await
    };
    runtime.block_on(async {
        // Without the runtime's own budget of work for a task: the connections yield by themselves.
        let mut all = pin!(unconstrained(Together::new(
            (0..share).map(|_| connection())
        )));
        let mut stop = pin!(shared.stop.notified());
        stop.as_mut().enable();
        if shared.stopped.load(Ordering::SeqCst) {
            return Ok(());
        }
        poll_fn(|context| {
            if stop.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ok(()));
            }
            all.as_mut().poll(context)
        })
        .await
    })
}

async fn open(address: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
    let stream = tokio::time::timeout(timeout, TcpStream::connect(address)).await??;
    // Requests are coalesced here, so that the kernel need not wait for more.
    stream.set_nodelay(true)?;
    Ok(stream)
}
