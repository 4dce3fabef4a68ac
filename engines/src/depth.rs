//! How many threads read files at the same time. A file in the page cache costs computing only, and
//! more threads than processors get in each other's way; one on a disk is waited for, and a disk is
//! busy only with many requests.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::workers::available_workers;

/// How many threads read to begin with, and how many may read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readers {
    pub(crate) first: usize,
    pub(crate) most: usize,
}

impl Readers {
    /// Always so many.
    pub(crate) fn fixed(readers: usize) -> Self {
        Readers {
            first: readers.max(1),
            most: readers.max(1),
        }
    }

    /// As many as reading needs, up to `most`. Where it is not known whether a thread waits, `most`.
    pub(crate) fn up_to(most: usize) -> Self {
        let most = most.max(1);
        let first = if usage().is_some() {
            available_workers().min(most)
        } else {
            most
        };
        Readers { first, most }
    }

    /// No more than there are files.
    pub(crate) fn at_most(self, files: usize) -> Self {
        Readers {
            first: self.first.clamp(1, files.max(1)),
            most: self.most.clamp(1, files.max(1)),
        }
    }
}

/// Decides whether one more thread should read.
///
/// Threads that compute for a time C and wait for a time W keep all processors busy when there are
/// (C + W) / C for each (Goetz et al., Java Concurrency in Practice, 2006, 8.2). The elapsed time tells
/// C + W, but also counts a thread that could go on and has no processor, so that only reads are
/// believed to wait in which the thread gave up its processor by itself.
pub(crate) struct Depth {
    readers: Readers,
    now: Mutex<usize>,
}

/// When a batch was begun, and what the thread had used until then.
pub(crate) struct Watch(Option<(Instant, Usage)>);

/// What the calling thread has used so far.
struct Usage {
    computing: Duration,
    waits: usize,
}

impl Depth {
    pub(crate) fn new(readers: Readers) -> Self {
        Depth {
            readers,
            now: Mutex::new(readers.first),
        }
    }

    /// Begins to watch the calling thread.
    pub(crate) fn watch(&self) -> Watch {
        let can_grow = self.readers.first < self.readers.most;
        Watch(
            can_grow
                .then(|| usage().map(|usage| (Instant::now(), usage)))
                .flatten(),
        )
    }

    /// Whether one more thread should read, after a batch of `files`.
    pub(crate) fn is_short(&self, watch: Watch, files: usize) -> bool {
        let Watch(Some((began, before))) = watch else {
            return false;
        };
        let Some(after) = usage() else {
            return false;
        };
        let computing = after.computing.saturating_sub(before.computing);
        self.decide(
            files,
            began.elapsed(),
            computing,
            after.waits - before.waits,
        )
    }

    /// Whether one more thread should read, if a batch of `files` took so long, of which `computing`
    /// was used, and waited so many times.
    fn decide(&self, files: usize, took: Duration, computing: Duration, waits: usize) -> bool {
        if 4 * waits < files {
            return false;
        }
        let each = took.as_secs_f64() / computing.as_secs_f64().max(1e-6);
        let wanted = (available_workers() as f64 * each) as usize;
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let short = *now < wanted.min(self.readers.most);
        *now += usize::from(short);
        short
    }
}

#[cfg(target_os = "linux")]
fn usage() -> Option<Usage> {
    // SAFETY: plain numbers, for which zeros are valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is valid for writing.
    if unsafe { libc::getrusage(libc::RUSAGE_THREAD, &mut usage) } != 0 {
        return None;
    }
    let time = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
    Some(Usage {
        computing: time(usage.ru_utime) + time(usage.ru_stime),
        waits: usage.ru_nvcsw as usize,
    })
}

#[cfg(not(target_os = "linux"))]
fn usage() -> Option<Usage> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_while_reads_wait_and_only_then() {
        let readers = Readers { first: 2, most: 40 };
        let depth = Depth::new(readers);
        let millis = Duration::from_millis;
        // No processor for most of the time, but the thread never gave one up.
        assert!(!depth.decide(32, millis(100), millis(1), 1));
        let grown = (0..100).filter(|_| depth.decide(32, millis(100), millis(1), 30));
        assert_eq!(grown.count(), 38);
        // As many as are enough.
        let depth = Depth::new(readers);
        let enough = (3 * available_workers()).clamp(2, 40);
        let grown = (0..100).filter(|_| depth.decide(32, millis(30), millis(10), 30));
        assert_eq!(grown.count(), enough - 2);
    }

    #[test]
    fn bounds() {
        let readers = Readers::up_to(0).at_most(0);
        assert_eq!((readers.first, readers.most), (1, 1));
        let readers = Readers::up_to(1000).at_most(3);
        assert!(readers.first <= 3 && readers.most == 3);
        assert_eq!(Readers::fixed(7).first, 7);
    }
}
