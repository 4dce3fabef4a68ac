//! The code by which workers wait for one another, run under a scheduler that tries thousands of
//! interleavings (shuttle): a lost wake-up, a part too many or out of order shows as a deadlock or a
//! failed assertion, with the schedule that led to it.
//!
//! The files are compiled a second time here, with modelled primitives in place of those in
//! `engines/src/sync.rs`.

#![cfg(all(feature = "async", feature = "parallel", feature = "streaming"))]
#![allow(
    dead_code,
    unused_imports,
    reason = "not all that the files have is modelled"
)]

#[path = "../../src/conveyor.rs"]
mod conveyor;
#[path = "../../src/join.rs"]
mod join;
#[path = "../../src/memory.rs"]
mod memory;
#[path = "../../src/workers.rs"]
mod workers;

mod engine {
    pub(crate) use engines::Error;
}
mod item {
    pub(crate) use engines::Item;
}
mod sink {
    pub(crate) use engines::{Order, Sink};
}
mod sync {
    pub(crate) use shuttle::sync::atomic::{AtomicBool, Ordering};
    pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard, PoisonError};
}

mod claims;
mod conveyors;
mod joins;

/// Interleavings that each check tries: half of them switch threads at random, half as seldom as it takes
/// to show most mistakes (Burckhardt et al., 2010).
const SCHEDULES: usize = 400;

fn check(run: impl Fn() + Send + Sync + Clone + 'static) {
    shuttle::check_random(run.clone(), SCHEDULES);
    shuttle::check_pct(run, SCHEDULES, 3);
}
