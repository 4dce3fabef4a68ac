//! The same work on several threads at once, again and again, each time from a common start to a common
//! end.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What came of repeating.
pub(super) struct Timed {
    /// What one repetition did, on all threads together.
    pub(super) amount: u64,
    /// Nanoseconds of each repetition.
    pub(super) ns: Vec<u64>,
}

/// A repetition takes this long at least, so that starting it costs nothing beside it.
const LEAST: Duration = Duration::from_millis(1);
/// Repetitions at least and at most.
const FEWEST: usize = 3;
const MOST: usize = 50;

/// Runs `work` on `threads` threads with a state of their own that `prepare` makes; it is told how many
/// rounds to do, of which each does `amount`. Repetitions go on until `time` is spent. The first ones,
/// which find out how many rounds are enough, count for nothing.
///
/// # Errors
/// The first error of preparing or working.
pub(super) fn together<S>(
    threads: usize,
    time: Duration,
    amount: u64,
    prepare: impl Fn(usize) -> io::Result<S> + Sync,
    work: impl Fn(&mut S, u64) -> io::Result<()> + Sync,
) -> Result<Timed, String> {
    let meeting = Meeting::new(threads);
    // What the next repetition has to do; none ends all threads.
    let rounds = AtomicU64::new(0);
    let failed: Mutex<Option<io::Error>> = Mutex::new(None);
    // Whoever has failed still comes to every meeting: the others wait there.
    let note = |done: io::Result<()>| {
        if let (Err(error), Ok(mut failed)) = (done, failed.lock()) {
            failed.get_or_insert(error);
        }
    };
    let begin = |place| match prepare(place) {
        Ok(state) => Some(state),
        Err(error) => {
            note(Err(error));
            None
        }
    };
    let run = |state: &mut Option<S>, rounds: u64| {
        if let Some(state) = state {
            note(work(state, rounds));
        }
    };
    let mut ns = Vec::new();
    let mut enough = 1;
    thread::scope(|scope| {
        for place in 1..threads {
            let (meeting, rounds, begin, run) = (&meeting, &rounds, &begin, &run);
            scope.spawn(move || {
                let mut state = begin(place);
                loop {
                    meeting.wait();
                    match rounds.load(Ordering::Relaxed) {
                        0 => return,
                        n => run(&mut state, n),
                    }
                    meeting.wait();
                }
            });
        }
        let mut state = begin(0);
        let mut repetition = |n: u64| {
            rounds.store(n, Ordering::Relaxed);
            meeting.wait();
            let start = Instant::now();
            run(&mut state, n);
            meeting.wait();
            start.elapsed()
        };
        while repetition(enough) < LEAST && enough < 1 << 40 {
            enough *= 2;
        }
        let begun = Instant::now();
        while ns.len() < FEWEST || (begun.elapsed() < time && ns.len() < MOST) {
            ns.push(repetition(enough).as_nanos() as u64);
        }
        rounds.store(0, Ordering::Relaxed);
        meeting.wait();
    });
    match failed.into_inner().unwrap_or(None) {
        Some(error) => Err(error.to_string()),
        None => Ok(Timed {
            amount: amount * enough * threads as u64,
            ns,
        }),
    }
}

/// Where threads wait for one another, awake: to be woken takes longer than what is measured.
struct Meeting {
    threads: usize,
    arrived: AtomicUsize,
    number: AtomicUsize,
}

impl Meeting {
    fn new(threads: usize) -> Meeting {
        Meeting {
            threads,
            arrived: AtomicUsize::new(0),
            number: AtomicUsize::new(0),
        }
    }

    fn wait(&self) {
        let number = self.number.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.threads {
            self.arrived.store(0, Ordering::Relaxed);
            self.number.store(number + 1, Ordering::Release);
            return;
        }
        let mut looks = 0;
        while self.number.load(Ordering::Acquire) == number {
            looks += 1;
            // With fewer cores than threads the others need this one's.
            if looks < 10_000 {
                std::hint::spin_loop();
            } else {
                thread::yield_now();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_does_the_same_rounds_and_an_error_ends_nobody_early() {
        let done = [const { AtomicU64::new(0) }; 3];
        let timed = together(3, Duration::ZERO, 10, Ok, |place: &mut usize, rounds| {
            thread::sleep(LEAST);
            done[*place].fetch_add(rounds, Ordering::Relaxed);
            Ok(())
        })
        .unwrap();
        assert_eq!((timed.amount, timed.ns.len()), (30, FEWEST));
        let done = done.map(AtomicU64::into_inner);
        // One repetition finds out that one round is enough.
        assert_eq!(done, [FEWEST as u64 + 1; 3]);

        let fails = |place: &mut usize, _| match *place {
            1 => Err(io::Error::other("as asked")),
            _ => {
                thread::sleep(LEAST);
                Ok(())
            }
        };
        let failed = together(2, Duration::ZERO, 1, Ok, fails);
        assert_eq!(failed.err(), Some("as asked".to_owned()));
    }
}
