//! A fixed set of buffers that go round between threads which fill them and threads which empty them.
//!
//! Whoever is ahead waits: a filler when none of its buffers is free, the emptiers when the next one
//! is not full. So the memory of a run is that of its buffers, however fast the input comes. Buffers
//! are handed out in the order of what they hold, and each goes back to the filler that it came from:
//! the filler for which all others wait can then always go on.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Buffers on their way from fillers to emptiers and back.
pub(crate) struct Conveyor<B> {
    state: Mutex<State<B>>,
    /// One for each filler, so that a buffer which comes back wakes nobody in vain.
    freed: Vec<Condvar>,
    filled: Condvar,
}

struct State<B> {
    /// For each filler.
    free: Vec<Vec<B>>,
    /// By the first position that a buffer holds.
    full: BTreeMap<usize, (usize, Full<B>)>,
    /// Position behind all that has been handed out.
    next: usize,
    /// How many buffers have been handed out.
    taken: usize,
    /// Fillers that have not ended.
    fillers: usize,
    halted: bool,
}

/// A full buffer with the filler that it goes back to.
pub(crate) struct Full<B> {
    pub(crate) buffer: B,
    filler: usize,
}

impl<B: Default> Conveyor<B> {
    /// A conveyor for so many threads that fill buffers, at most, and so many buffers for each. Each
    /// thread is announced by [`Conveyor::begin`].
    pub(crate) fn new(fillers: usize, buffers: usize) -> Self {
        let set = || (0..buffers.max(1)).map(|_| B::default()).collect();
        Conveyor {
            state: Mutex::new(State {
                free: (0..fillers).map(|_| set()).collect(),
                full: BTreeMap::new(),
                next: 0,
                taken: 0,
                fillers: 0,
                halted: false,
            }),
            freed: (0..fillers).map(|_| Condvar::new()).collect(),
            filled: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<B>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a buffer that `filler` can fill; `None` once the run is halted.
    pub(crate) fn take_free(&self, filler: usize) -> Option<B> {
        let mut state = self.lock();
        loop {
            if state.halted {
                return None;
            }
            if let Some(buffer) = state.free[filler].pop() {
                return Some(buffer);
            }
            state = self.freed[filler]
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Hands on a buffer that `filler` has filled with what lies at `positions` of the input.
    pub(crate) fn put_full(&self, filler: usize, positions: Range<usize>, buffer: B) {
        let full = Full { buffer, filler };
        let mut state = self.lock();
        state.full.insert(positions.start, (positions.end, full));
        if state.next == positions.start {
            self.filled.notify_one();
        }
    }

    /// Waits for the next buffer and returns it with its number, counted from 0; `None` once all
    /// fillers have ended, or the run is halted.
    pub(crate) fn take_full(&self) -> Option<(usize, Full<B>)> {
        let mut state = self.lock();
        loop {
            if state.halted {
                return None;
            }
            let next = state.next;
            if let Some((end, full)) = state.full.remove(&next) {
                state.next = end;
                state.taken += 1;
                if state.full.contains_key(&end) {
                    self.filled.notify_one();
                }
                return Some((state.taken - 1, full));
            }
            if state.fillers == 0 {
                return None;
            }
            state = self
                .filled
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Hands back a buffer that has been emptied.
    pub(crate) fn put_free(&self, full: Full<B>) {
        self.lock().free[full.filler].push(full.buffer);
        self.freed[full.filler].notify_one();
    }

    /// Notes that there is one more filler: before the emptiers begin, or while another has not ended.
    pub(crate) fn begin(&self) {
        self.lock().fillers += 1;
    }

    /// Notes that a filler has ended.
    pub(crate) fn end(&self) {
        self.lock().fillers -= 1;
        self.filled.notify_all();
    }

    /// Whether the run is halted, for fillers that wait for something else than a buffer.
    pub(crate) fn halted(&self) -> bool {
        self.lock().halted
    }

    /// Ends all waiting: a thread has failed, or nothing more is wanted.
    pub(crate) fn halt(&self) {
        self.lock().halted = true;
        self.freed.iter().for_each(Condvar::notify_all);
        self.filled.notify_all();
    }
}
