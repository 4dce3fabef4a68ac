//! The primitives with which the threads of a run wait for one another, in one place: the tests in
//! `engines/tests/model` compile the files that use them with modelled ones in their stead.

pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
