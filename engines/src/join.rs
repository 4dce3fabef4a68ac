//! Parts of a sink that are finished in any order and joined in the order of the input, while a
//! bounded number of them waits.
//!
//! A worker asks for admission before it works on a piece, never after: whoever works can always hand
//! in its part and go on, so that the piece for which all others wait is never held up.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::time::Instant;

use crate::engine::Error;
use crate::item::Item;
use crate::memory::Memory;
use crate::sink::Sink;
use crate::sync::{Condvar, Mutex, MutexGuard};

/// Joins the numbered parts of a sink first to last, on whichever thread has just made it possible.
pub(crate) struct Join<'k, Out: Item, K: Sink<Out>> {
    sink: &'k K,
    memory: Memory,
    /// Pieces are admitted up to this many after the first that is not joined.
    capacity: usize,
    state: Mutex<State<K::Part>>,
    moved: Condvar,
    out: PhantomData<fn(Out)>,
}

struct State<P> {
    /// `None` while a thread merges into it without holding the lock.
    joined: Option<P>,
    /// Number of the first part that has not been taken for joining.
    next: usize,
    /// The part with number `next + i` at index `i`.
    waiting: VecDeque<Option<P>>,
    stopped: bool,
}

impl<'k, Out: Item, K: Sink<Out>> Join<'k, Out, K> {
    /// Joins to what has been `begun`.
    pub(crate) fn new(sink: &'k K, begun: K::Part, memory: Memory, capacity: usize) -> Self {
        Join {
            sink,
            memory,
            capacity: capacity.max(1),
            state: Mutex::new(State {
                joined: Some(begun),
                next: 0,
                waiting: VecDeque::new(),
                stopped: false,
            }),
            moved: Condvar::new(),
            out: PhantomData,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<K::Part>> {
        // Nothing that can panic runs under the lock, and a panic elsewhere stops the run.
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Waits until piece `number` may be worked on; `false` if the run has been stopped instead.
    pub(crate) fn admit(&self, number: usize) -> bool {
        let mut state = self.lock();
        let mut wait = None;
        while !state.stopped && number.saturating_sub(state.next) >= self.capacity {
            let queued = &state.waiting;
            wait.get_or_insert_with(|| (Instant::now(), queued.iter().flatten().count()));
            state = self
                .moved
                .wait(state)
                .unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        let admitted = !state.stopped;
        drop(state);
        if let Some((since, queued)) = wait {
            self.sink.waited(since.elapsed(), queued);
        }
        admitted
    }

    /// Hands in the part of piece `number` and joins what can be joined.
    pub(crate) fn deposit(&self, number: usize, part: K::Part) -> Result<(), Error> {
        Memory::check(self.sink.bytes(&part), self.memory.worker)?;
        let mut state = self.lock();
        let index = number - state.next;
        if state.waiting.len() <= index {
            state.waiting.resize_with(index + 1, || None);
        }
        state.waiting[index] = Some(part);
        // Only one thread merges at a time, and it goes on until the next part is missing.
        while state.joined.is_some() && matches!(state.waiting.front(), Some(Some(_))) {
            let mut joined = state.joined.take().expect("just seen");
            let part = state.waiting.pop_front().flatten().expect("just seen");
            state.next += 1;
            drop(state);
            self.moved.notify_all();
            self.sink.merge(&mut joined, part);
            self.sink.flush(&mut joined);
            let checked = Memory::check(self.sink.bytes(&joined), self.memory.joined);
            state = self.lock();
            state.joined = Some(joined);
            checked?;
            if state.stopped {
                break;
            }
        }
        Ok(())
    }

    /// Ends all waiting: a worker has failed.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.moved.notify_all();
    }

    /// What has been joined, once all parts have been handed in.
    pub(crate) fn into_part(self) -> K::Part {
        let state = self
            .state
            .into_inner()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        // Half an answer looks like an answer.
        assert!(
            !state.stopped && state.waiting.is_empty(),
            "a part is missing"
        );
        state.joined.unwrap_or_else(|| self.sink.part())
    }
}
