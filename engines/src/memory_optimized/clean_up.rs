//! When memory becomes scarce: who looks how often, and what is given back.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::pressure::{Pressure, Sensors};

/// Milliseconds between two looks. A look takes 0.05 ms or so, most of it in the kernel.
const LOOK: u64 = 10;

/// Milliseconds after a clean-up until the next look: what was freed takes time to show, above all in an
/// average over ten seconds, and a heap that has just been trimmed has nothing more to give.
const REST: u64 = 1000;

/// Levels of [`Pressure`] above which [`MemoryOptimized`](crate::MemoryOptimized) cleans up. One that is
/// exceeded suffices; one that cannot be read is not.
///
/// ```
/// use engines::Levels;
///
/// let levels = Levels { resident: Some(512 << 20), ..Levels::default() };
/// assert_eq!((levels.share, levels.stall), (0.9, 10.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Levels {
    /// Bytes that this process has resident; none by default.
    pub resident: Option<u64>,
    /// [`Pressure::share`], 0.9 by default.
    pub share: f64,
    /// [`Pressure::some`] in per cent, 10 by default.
    pub stall: f64,
}

impl Default for Levels {
    fn default() -> Self {
        Levels {
            resident: None,
            share: 0.9,
            stall: 10.0,
        }
    }
}

impl Levels {
    fn exceeded_by(&self, now: &Pressure) -> bool {
        let resident = now.resident.zip(self.resident);
        resident.is_some_and(|(now, most)| now > most)
            || now.share().is_some_and(|share| share > self.share)
            || now.some.is_some_and(|stall| stall > self.stall)
    }
}

/// What a user has done when there is a clean-up.
pub(super) type Hook = Box<dyn Fn(&Pressure) + Send + Sync>;

/// Looks at the pressure now and then.
pub(super) struct Watch {
    levels: Levels,
    look: u64,
    rest: u64,
    sensors: Sensors,
    /// When it is time to look again, in [`milliseconds`].
    next: AtomicU64,
}

impl Watch {
    pub(super) fn new(levels: Levels) -> Self {
        Watch {
            levels,
            look: LOOK,
            rest: REST,
            sensors: Sensors::find(Path::new("/")),
            next: AtomicU64::new(0),
        }
    }

    /// Raises an alarm each time that it is asked.
    #[cfg(test)]
    pub(super) fn always() -> Self {
        let levels = Levels {
            resident: Some(0),
            ..Levels::default()
        };
        Watch {
            look: 0,
            rest: 0,
            ..Watch::new(levels)
        }
    }

    /// The pressure, if it is time to look, nobody else does, and a level is exceeded.
    pub(super) fn alarm(&self) -> Option<Pressure> {
        let time = milliseconds();
        let next = self.next.load(Ordering::Relaxed);
        if time < next {
            return None;
        }
        let (relaxed, after) = (Ordering::Relaxed, time + self.look);
        self.next
            .compare_exchange(next, after, relaxed, relaxed)
            .ok()?;
        let now = self.sensors.read();
        if !self.levels.exceeded_by(&now) {
            return None;
        }
        self.next.store(time + self.rest, Ordering::Relaxed);
        Some(now)
    }
}

/// A clock that never goes back. It is asked for after each batch, so that it is the one which ticks every
/// few milliseconds only: the exact one costs four times as much, 5% of a run over numbers.
#[cfg(target_os = "linux")]
fn milliseconds() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call writes a `timespec` to the place that it is given.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &mut time) };
    time.tv_sec as u64 * 1000 + time.tv_nsec as u64 / 1_000_000
}

/// Time stands still where there is nothing to look at.
#[cfg(not(target_os = "linux"))]
fn milliseconds() -> u64 {
    0
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.levels.fmt(f)
    }
}

/// Has the allocator hand free memory back to the system, where it is glibc's, which otherwise keeps what
/// lies below the highest block in use.
pub(super) fn trim_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the call takes the allocator's own locks and touches only memory that is free.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_level_suffices_and_what_is_unknown_does_not() {
        let levels = Levels {
            resident: Some(100),
            share: 0.5,
            stall: 10.0,
        };
        let calm = Pressure {
            resident: Some(100),
            used: Some(5),
            limit: Some(10),
            some: Some(10.0),
            full: Some(99.0),
        };
        assert!(!levels.exceeded_by(&calm));
        assert!(!levels.exceeded_by(&Pressure::default()));
        for tense in [
            Pressure {
                resident: Some(101),
                ..calm
            },
            Pressure {
                used: Some(6),
                ..calm
            },
            Pressure {
                some: Some(10.5),
                ..calm
            },
        ] {
            assert!(levels.exceeded_by(&tense), "{tense:?}");
        }
        assert!(!Levels::default().exceeded_by(&Pressure { used: None, ..calm }));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn it_rests_after_an_alarm_and_looks_no_more_often_than_it_may() {
        let all = Levels {
            resident: Some(0),
            ..Levels::default()
        };
        let start = milliseconds();
        let watch = Watch::new(all);
        assert!(watch.alarm().is_some());
        assert!(watch.next.load(Ordering::Relaxed) >= start + REST);
        let watch = Watch::new(Levels {
            resident: None,
            share: 2.0,
            stall: 101.0,
        });
        assert!(watch.alarm().is_none());
        let next = watch.next.load(Ordering::Relaxed);
        assert!((start + LOOK..=milliseconds() + LOOK).contains(&next));
    }
}
