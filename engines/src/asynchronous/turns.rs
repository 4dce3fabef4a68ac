//! Results in the order of the keys, for sinks that ask for it: threads with connections hand in what
//! they get in any order, and the thread that called the run joins it. A consumer that takes its time
//! so holds up no connection, until as many responses wait as may.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use crate::item::Item;
use crate::sink::Sink;

/// Parts of a sink, one for each response, that wait for their turn.
pub(super) struct Turns<'k, Out: Item, K: Sink<Out>> {
    sink: &'k K,
    /// No further request goes out while this many responses wait.
    capacity: usize,
    waiting: AtomicUsize,
    state: Mutex<State<K::Part>>,
    ready: Condvar,
    out: PhantomData<fn(Out)>,
}

struct State<P> {
    /// Position of the first response that has not been taken.
    next: usize,
    /// The response at position `next + i` at index `i`.
    early: VecDeque<Option<P>>,
    /// Whether the consumer waits.
    idle: bool,
    /// Set once nothing more is handed in.
    ended: Option<Ended>,
    /// Threads that wait for room.
    held_up: Vec<Waker>,
}

/// What becomes of responses whose turn never comes, because one before them is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// They are joined all the same: somebody wants what there is.
    Deliver,
    /// They are dropped: the run has failed.
    Drop,
}

impl<'k, Out: Item, K: Sink<Out>> Turns<'k, Out, K> {
    pub(super) fn new(sink: &'k K, capacity: usize) -> Self {
        Turns {
            sink,
            capacity: capacity.max(1),
            waiting: AtomicUsize::new(0),
            state: Mutex::new(State {
                next: 0,
                early: VecDeque::new(),
                idle: false,
                ended: None,
                held_up: Vec::new(),
            }),
            ready: Condvar::new(),
            out: PhantomData,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<K::Part>> {
        // Nothing that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many more responses may wait.
    pub(super) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.waiting())
    }

    /// How many responses wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Hands in the part of the response at `index`.
    pub(super) fn hand_in(&self, index: usize, part: K::Part) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut state = self.lock();
        let ahead = index - state.next;
        if state.early.len() <= ahead {
            state.early.resize_with(ahead + 1, || None);
        }
        state.early[ahead] = Some(part);
    }

    /// Wakes the consumer if there is something for it; to be called after parts have been handed in.
    pub(super) fn tell(&self) {
        let mut state = self.lock();
        if state.idle && matches!(state.early.front(), Some(Some(_))) {
            state.idle = false;
            drop(state);
            self.ready.notify_one();
        }
    }

    /// Wakes `waker` when some of what waits has been taken.
    pub(super) fn wait(&self, waker: &Waker) {
        let mut state = self.lock();
        if !state.held_up.iter().any(|known| known.will_wake(waker)) {
            state.held_up.push(waker.clone());
        }
    }

    /// Notes that nothing more is handed in.
    pub(super) fn end(&self, ended: Ended) {
        self.lock().ended = Some(ended);
        self.ready.notify_one();
    }

    /// Joins parts as they come until the end, and returns what has been joined.
    pub(super) fn consume(&self) -> K::Part {
        let mut joined = self.sink.part();
        let mut turn = Vec::new();
        // Less than may wait, so that connections go on while the consumer is busy.
        let most = (self.capacity / 2).max(1);
        loop {
            let mut state = self.lock();
            while state.ended.is_none() && !matches!(state.early.front(), Some(Some(_))) {
                state.idle = true;
                state = self
                    .ready
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            state.idle = false;
            while turn.len() < most && matches!(state.early.front(), Some(Some(_))) {
                turn.extend(state.early.pop_front().flatten());
                state.next += 1;
            }
            let ended = turn.is_empty();
            if state.ended == Some(Ended::Deliver) && ended {
                turn.extend(state.early.drain(..).flatten());
            }
            self.waiting.fetch_sub(turn.len(), Ordering::SeqCst);
            let held_up = std::mem::take(&mut state.held_up);
            drop(state);
            held_up.into_iter().for_each(Waker::wake);
            for part in turn.drain(..) {
                self.sink.merge(&mut joined, part);
            }
            self.sink.flush(&mut joined);
            if ended {
                return joined;
            }
        }
    }
}
