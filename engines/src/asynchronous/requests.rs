//! Requests over many connections and several threads: each thread has a runtime of its own and
//! polls its share of the connections, which claim keys from one cursor.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore};
use tokio::task::coop::unconstrained;

use super::connection::attend;
use super::conversation::{Claim, Run, Terms};
use super::limit::Limit;
use super::pool::{Keep, Lent, Pool};
use super::retry::Retry;
use super::together::Together;
use super::turns::{Ended, Turns};
use crate::blocks::run_keyed;
use crate::cancel::Cancel;
use crate::engine::Error;
use crate::item::{Item, Keyed};
use crate::sink::{Order, Sink};
use crate::source::{Protocol, Requests};
use crate::stage::Stage;
use crate::workers::{Crew, OnDrop, Threads};

/// How a run is to be done.
#[derive(Clone)]
pub(super) struct Plan<'e> {
    pub(super) connections: usize,
    pub(super) threads: usize,
    pub(super) terms: Terms,
    pub(super) retry: Retry,
    /// Whether the number of requests under way adapts to the service.
    pub(super) adaptive: bool,
    /// Responses that may wait for their turn.
    pub(super) buffered: usize,
    pub(super) keep: Keep,
    pub(super) pool: &'e Pool,
    pub(super) cancel: Option<&'e Cancel>,
}

/// What all threads share.
pub(super) struct Shared<'k, Out: Item, K: Sink<Out>> {
    cursor: AtomicUsize,
    end: usize,
    /// For sinks that join in the order of the keys.
    turns: Option<Turns<'k, Out, K>>,
    stopped: AtomicBool,
    stop: Notify,
    /// Why connections could not be opened: the first reason.
    refused: Mutex<Option<Error>>,
}

impl<Out: Item, K: Sink<Out>> Shared<'_, Out, K> {
    fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.stop.notify_waiters();
    }

    fn refuse(&self, error: Error) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get_or_insert(error);
    }

    fn left(&self) -> bool {
        self.cursor.load(Ordering::Relaxed) < self.end
    }
}

/// What the connections of one thread share.
pub(super) struct OneThread<'r, 'k, S: Stage<Keyed<usize>>, K: Sink<S::Out>> {
    shared: &'r Shared<'k, S::Out, K>,
    stage: &'r S,
    sink: &'k K,
    /// The stages' memory, and the part of a sink that takes any order.
    state: RefCell<(S::Local, K::Part)>,
    under_way: Cell<usize>,
    limit: Option<RefCell<Limit>>,
    /// Conversations that wait until they may claim a key.
    waiting: RefCell<Vec<(Waker, Rc<Cell<bool>>)>>,
    /// Whether something has been handed in that the consumer has not been told of.
    handed_in: Cell<bool>,
    /// Since when responses that wait for their turn have kept requests back, and how many did.
    held_up: Cell<Option<(Instant, usize)>>,
    pub(super) idle: RefCell<Lent>,
    /// Connections may be opened as long as there are permits.
    pub(super) opening: Semaphore,
}

/// Connections that each thread opens at once: more might overflow the queue in which a service
/// keeps those that it has not accepted, and an overflow costs a second.
const OPENING: usize = 64;

impl<S: Stage<Keyed<usize>>, K: Sink<S::Out>> OneThread<'_, '_, S, K> {
    /// How many requests may go out now. Once there is no key left, no one need wait any more.
    fn room(&self) -> usize {
        if !self.shared.left() {
            return usize::MAX;
        }
        let turns = self.shared.turns.as_ref();
        let turns = turns.map_or(usize::MAX, Turns::room);
        let limit = self.limit.as_ref().map_or(usize::MAX, |limit| {
            limit.borrow().now().saturating_sub(self.under_way.get())
        });
        turns.min(limit)
    }

    /// Waits for a key that nobody has claimed, and counts as a request that is under way until
    /// [`release`](Self::release) is called. `false` if there is none.
    pub(super) async fn reserve(&self) -> bool {
        let waiting = Rc::default();
        poll_fn(|context| {
            if !self.shared.left() {
                return Poll::Ready(false);
            }
            if self.room() == 0 {
                self.wait(context.waker(), &waiting);
                return Poll::Pending;
            }
            self.under_way.set(self.under_way.get() + 1);
            Poll::Ready(true)
        })
        .await
    }

    pub(super) fn release(&self) {
        self.under_way.set(self.under_way.get() - 1);
    }

    /// Notes why a connection that had nothing to do yet could not be opened: those that could be do
    /// the work of all.
    pub(super) fn refuse(&self, error: Error) {
        self.shared.refuse(error);
    }

    /// Wakes as many conversations as there is room for.
    fn wake(&self) {
        let mut waiting = self.waiting.borrow_mut();
        let from = waiting.len().saturating_sub(self.room());
        for (waker, waits) in waiting.drain(from..) {
            waits.set(false);
            waker.wake();
        }
    }

    /// Polls the connections of the thread until none can go on.
    fn poll<F>(&self, all: &mut Pin<&mut F>, context: &mut Context<'_>) -> Poll<F::Output>
    where
        F: Future,
    {
        if let Some((since, queued)) = self.held_up.take() {
            self.sink.waited(since.elapsed(), queued);
        }
        loop {
            self.wake();
            let polled = all.as_mut().poll(context);
            if self.handed_in.take()
                && let Some(turns) = &self.shared.turns
            {
                turns.tell();
            }
            if polled.is_ready() || self.waiting.borrow().is_empty() {
                return polled;
            }
            if let Some(turns) = &self.shared.turns {
                turns.wait(context.waker());
            }
            // What the responses have made room for, or the consumer before it knew the waker.
            if self.room() == 0 {
                let turns = self.shared.turns.as_ref();
                if let Some(turns) = turns.filter(|turns| turns.room() == 0) {
                    self.held_up.set(Some((Instant::now(), turns.waiting())));
                }
                return polled;
            }
        }
    }
}

impl<S: Stage<Keyed<usize>>, K: Sink<S::Out>> Run for OneThread<'_, '_, S, K> {
    fn claim(&self) -> Claim {
        if !self.shared.left() {
            return Claim::None;
        }
        if self.room() == 0 {
            return Claim::Later;
        }
        let index = self.shared.cursor.fetch_add(1, Ordering::Relaxed);
        if index >= self.shared.end {
            return Claim::None;
        }
        self.under_way.set(self.under_way.get() + 1);
        Claim::Key(index)
    }

    fn wait(&self, waker: &Waker, waiting: &Rc<Cell<bool>>) {
        if !waiting.replace(true) {
            let entry = (waker.clone(), waiting.clone());
            self.waiting.borrow_mut().push(entry);
        }
    }

    fn answer(&self, index: usize, body: &[u8]) -> Result<(), Error> {
        self.release();
        let (local, part) = &mut *self.state.borrow_mut();
        match &self.shared.turns {
            None => run_keyed(body, index, self.stage, local, self.sink, part)?,
            Some(turns) => {
                let mut part = self.sink.part();
                run_keyed(body, index, self.stage, local, self.sink, &mut part)?;
                turns.hand_in(index, part);
                self.handed_in.set(true);
            }
        }
        Ok(())
    }

    fn times(&self) -> bool {
        self.limit.is_some()
    }

    fn took(&self, sum: Duration, count: u32) {
        if let Some(limit) = &self.limit {
            limit.borrow_mut().learn(sum, count);
        }
    }
}

/// Runs all requests of a source as the plan says.
pub(super) fn run<P, S, K>(
    source: &Requests<'_, P>,
    stage: &S,
    sink: &K,
    mut plan: Plan<'_>,
) -> Result<K::Part, Error>
where
    P: Protocol,
    S: Stage<Keyed<usize>> + Sync,
    K: Sink<S::Out>,
{
    let end = source.keys.len();
    plan.connections = plan.connections.clamp(1, end.max(1));
    plan.threads = plan.threads.clamp(1, plan.connections);
    let shared = Shared::<S::Out, K> {
        cursor: AtomicUsize::new(0),
        end,
        turns: match K::ORDER {
            Order::Any => None,
            Order::Input => Some(Turns::new(sink, plan.buffered)),
        },
        stopped: AtomicBool::new(false),
        stop: Notify::new(),
        refused: Mutex::new(None),
    };
    let work = || {
        Threads(plan.threads).each(|number| {
            let guard = OnDrop(|| shared.stop());
            let result = on_thread(number, &shared, source, stage, sink, &plan);
            if result.is_ok() {
                guard.disarm();
            }
            result
        })
    };
    let (results, joined) = match &shared.turns {
        None => (work(), None),
        Some(turns) => with_consumer(turns, work, || shared.stop())?,
    };
    finish(sink, results, joined, shared, plan.cancel)
}

/// What a thread leaves: its part of the sink, and whether it went on to the end.
type Left<P> = Result<(P, bool), Error>;

/// Lets the threads work while the calling one joins what they hand in.
#[expect(
    clippy::type_complexity,
    reason = "what the threads leave, and what was joined"
)]
fn with_consumer<Out, K>(
    turns: &Turns<'_, Out, K>,
    work: impl FnOnce() -> Vec<Left<K::Part>> + Send,
    stop: impl Fn(),
) -> Result<(Vec<Left<K::Part>>, Option<K::Part>), Error>
where
    Out: Item,
    K: Sink<Out>,
{
    std::thread::scope(|scope| {
        let working = std::thread::Builder::new().spawn_scoped(scope, || {
            let guard = OnDrop(|| turns.end(Ended::Drop));
            let results = work();
            guard.disarm();
            let failed = results.iter().any(Result::is_err);
            turns.end(if failed { Ended::Drop } else { Ended::Deliver });
            results
        });
        let working = working.map_err(Error::io("start a thread"))?;
        let guard = OnDrop(stop);
        let joined = turns.consume();
        guard.disarm();
        match working.join() {
            Ok(results) => Ok((results, Some(joined))),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Joins what the threads have left, or finds out why something is missing.
fn finish<Out, K>(
    sink: &K,
    results: Vec<Left<K::Part>>,
    joined: Option<K::Part>,
    shared: Shared<'_, Out, K>,
    cancel: Option<&Cancel>,
) -> Result<K::Part, Error>
where
    Out: Item,
    K: Sink<Out>,
{
    let mut parts = Vec::new();
    let mut complete = true;
    for result in results {
        let (part, ended) = result?;
        complete &= ended;
        parts.push(part);
    }
    let mut joined = joined.unwrap_or_else(|| {
        let mut parts = parts.into_iter();
        let mut joined = parts.next().unwrap_or_else(|| sink.part());
        parts.for_each(|part| sink.merge(&mut joined, part));
        joined
    });
    if !complete && cancel.is_some_and(Cancel::is_cancelled) {
        sink.flush(&mut joined);
        return Err(Error::Cancelled);
    }
    if shared.left() {
        let refused = shared.refused.into_inner();
        let refused = refused.unwrap_or_else(PoisonError::into_inner);
        let unknown = || Error::io("connect to the service")(io::ErrorKind::NotConnected.into());
        return Err(refused.unwrap_or_else(unknown));
    }
    Ok(joined)
}

/// Runs the connections that fall to the thread with this number.
fn on_thread<P, S, K>(
    number: usize,
    shared: &Shared<'_, S::Out, K>,
    source: &Requests<'_, P>,
    stage: &S,
    sink: &K,
    plan: &Plan<'_>,
) -> Left<K::Part>
where
    P: Protocol,
    S: Stage<Keyed<usize>>,
    K: Sink<S::Out>,
{
    let mut station = match plan.pool.take(number, plan.keep) {
        Ok(station) => station,
        Err(error) => {
            // The other threads take over, if there are any.
            shared.refuse(Error::io("start a runtime")(error));
            return Ok((sink.part(), true));
        }
    };
    // What does not divide evenly goes to the first threads.
    let share = |of: usize| of / plan.threads + usize::from(number < of % plan.threads);
    let thread = OneThread {
        shared,
        stage,
        sink,
        state: RefCell::new((stage.local(), sink.part())),
        under_way: Cell::new(0),
        limit: plan
            .adaptive
            .then(|| RefCell::new(Limit::new(share(plan.connections * plan.terms.window)))),
        waiting: RefCell::default(),
        handed_in: Cell::new(false),
        held_up: Cell::new(None),
        idle: RefCell::new(station.lend()),
        opening: Semaphore::new(OPENING),
    };
    let connections = (0..share(plan.connections))
        .map(|i| attend(&thread, source, plan, i * plan.threads + number));
    let result = station.runtime().block_on(async {
        if !thread.idle.borrow().is_empty() {
            // Once through the reactor, which learns what has happened to idle connections.
            tokio::task::yield_now().await;
        }
        // Without the runtime's own budget of work for a task: the connections yield by themselves.
        let mut all = pin!(unconstrained(Together::new(connections)));
        let mut stop = pin!(shared.stop.notified());
        stop.as_mut().enable();
        let mut cancelled = pin!(plan.cancel.map(Cancel::cancelled));
        poll_fn(|context| {
            let stopped = shared.stopped.load(Ordering::SeqCst)
                || stop.as_mut().poll(context).is_ready()
                || cancelled
                    .as_mut()
                    .as_pin_mut()
                    .is_some_and(|cancelled| cancelled.poll(context).is_ready());
            if stopped {
                return Poll::Ready(Ok(false));
            }
            thread
                .poll(&mut all, context)
                .map(|result| result.map(|()| true))
        })
        .await
    });
    let OneThread { state, idle, .. } = thread;
    station.give_back(idle.into_inner());
    plan.pool.put(station, plan.keep);
    result.map(|ended| (state.into_inner().1, ended))
}
