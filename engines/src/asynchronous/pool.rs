//! What an engine keeps from run to run: for each thread of a run a runtime, and the connections that
//! are registered with it and idle. No thread is kept.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use super::conversation::Line;

/// Stations that no run uses now. Clones of an engine share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool(Arc<Mutex<Vec<Station>>>);

/// How many idle connections are kept, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keep {
    pub(super) connections: usize,
    pub(super) time: Duration,
}

/// A runtime for one thread, and idle connections.
#[derive(Debug)]
pub(super) struct Station {
    /// Of the thread that it served: its share of the connections is that of the same thread again.
    number: usize,
    idle: VecDeque<Idle>,
    /// Present until it is dropped.
    runtime: Option<Runtime>,
}

#[derive(Debug)]
struct Idle {
    service: SocketAddr,
    since: Instant,
    line: Line,
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Vec<Station>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A station for the thread with this number, from an earlier run if possible; without the
    /// connections that have been idle for too long.
    ///
    /// # Errors
    /// If the system has no resources for a new runtime.
    pub(super) fn take(&self, number: usize, keep: Keep) -> io::Result<Station> {
        let kept = {
            let mut stations = self.lock();
            let same = stations.iter().position(|kept| kept.number == number);
            same.map(|at| stations.swap_remove(at))
        };
        if let Some(mut station) = kept {
            station.trim(usize::MAX, keep.time);
            return Ok(station);
        }
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Station {
            number,
            idle: VecDeque::new(),
            runtime: Some(runtime),
        })
    }

    /// Takes a station back at the end of a run.
    pub(super) fn put(&self, mut station: Station, keep: Keep) {
        // An engine whose clones run at the same time needs more stations for a while.
        const STATIONS: usize = 64;
        let mut stations = self.lock();
        stations
            .iter_mut()
            .for_each(|other| other.trim(usize::MAX, keep.time));
        let others: usize = stations.iter().map(|other| other.idle.len()).sum();
        station.trim(keep.connections.saturating_sub(others), keep.time);
        if stations.len() < STATIONS {
            stations.push(station);
        }
    }

    /// Closes all idle connections.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }
}

impl Station {
    pub(super) fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it is there until the drop")
    }

    /// Lends the idle connections for the time of a run, during which the runtime is borrowed.
    pub(super) fn lend(&mut self) -> Lent {
        Lent(std::mem::take(&mut self.idle))
    }

    pub(super) fn give_back(&mut self, lent: Lent) {
        self.idle = lent.0;
    }

    /// Closes what has been idle for longer than `time`, and of the rest all but the `most` that were
    /// used last.
    fn trim(&mut self, most: usize, time: Duration) {
        let surplus = self.idle.len().saturating_sub(most);
        self.idle.drain(..surplus);
        // They lie in the order in which they were last used.
        while self
            .idle
            .front()
            .is_some_and(|idle| idle.since.elapsed() > time)
        {
            self.idle.pop_front();
        }
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        self.idle.clear();
        if let Some(runtime) = self.runtime.take() {
            // Does not block, which would be forbidden if the engine is dropped within a runtime. There
            // is no task left that it could wait for.
            runtime.shutdown_background();
        }
    }
}

/// Idle connections of one thread.
pub(super) struct Lent(VecDeque<Idle>);

impl Lent {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A connection to `service` that nothing has happened to, the one that was used last.
    pub(super) fn take(&mut self, service: SocketAddr) -> Option<Line> {
        loop {
            let at = self.0.iter().rposition(|idle| idle.service == service)?;
            // A connection on which something has happened is closed.
            let line = self.0.remove(at).map(|idle| idle.line)?;
            if line.is_quiet() {
                return Some(line);
            }
        }
    }

    pub(super) fn put(&mut self, service: SocketAddr, mut line: Line) {
        line.rest();
        self.0.push_back(Idle {
            service,
            since: Instant::now(),
            line,
        });
    }
}
