//! How much a worker takes at once, and when it is worth waking others: both judged by how long the
//! work before has taken.

use std::time::{Duration, Instant};

use crate::sink::SPAN;

/// How long a piece should take: much longer than to claim it and to join its part, which is below
/// half a microsecond, and so short that items which turn out to be a hundred times dearer than those
/// before do not keep one worker busy while the others have nothing left.
pub(super) const PIECE: Duration = Duration::from_micros(40);

/// Items of the first piece: few, since one may take long.
const FIRST: usize = 16;

/// How many items one worker takes next.
///
/// A piece is what the worker is expected to do in [`PIECE`], at the pace of its last one, and towards
/// the end a share of what is left: guided self-scheduling (Polychronopoulos and Kuck, 1987), with
/// half of an even share as in factoring (Hummel, Schonberg and Flynn, 1992).
#[derive(Clone, Copy)]
pub(super) struct Pace {
    items: usize,
}

impl Pace {
    pub(super) fn new() -> Self {
        Pace { items: FIRST }
    }

    /// Items of the next piece, at least 1, where `left` are left for so many workers; of more than
    /// 64 it is a multiple, so that pieces begin where lines of the cache do.
    pub(super) fn next(&self, left: usize, workers: usize) -> usize {
        // A small part of a whole piece is the least that is worth a claim.
        let share = (left / (2 * workers)).max(self.items / 32);
        even(self.items.min(share).min(SPAN))
    }

    /// The next piece of one who works alone and should soon notice if items become dearer.
    pub(super) fn next_alone(&self, left: usize) -> usize {
        let least = (self.items / 32).max(FIRST.min(self.items));
        even(
            (left / 16)
                .clamp(least, (self.items / 16).max(least))
                .min(SPAN),
        )
    }

    /// Takes note of how long a piece took.
    pub(super) fn note(&mut self, items: usize, taken: Duration) {
        let pace = items as f64 * PIECE.as_secs_f64() / taken.as_secs_f64().max(1e-9);
        // A piece that was fast for no reason that lasts is no measure.
        self.items = (pace as usize).clamp(1, (16 * SPAN).min(8 * self.items.max(items)));
    }
}

fn even(items: usize) -> usize {
    match items {
        0..64 => items.max(1),
        _ => items - items % 64,
    }
}

/// Judges, while one worker does all, whether it is time to wake the others.
pub(super) struct Alone {
    workers: usize,
    worth: Duration,
    clock: Instant,
    before: Duration,
    /// Seconds for each unit of the input in the piece before.
    pace: f64,
    done: u64,
}

/// How long the calling thread works before what it has done tells how long the rest will take.
const LOOK: Duration = Duration::from_micros(10);

impl Alone {
    pub(super) fn new(workers: usize, worth: Duration) -> Self {
        Alone {
            workers,
            worth,
            clock: Instant::now(),
            before: Duration::ZERO,
            pace: f64::INFINITY,
            done: 0,
        }
    }

    /// Does not trust the first piece, which may be of one dear item.
    pub(super) fn wary(self) -> Self {
        Alone { pace: 0.0, ..self }
    }

    /// Whether others are not even worth a try alone.
    pub(super) fn is_pointless(&self) -> bool {
        self.workers > 1 && self.worth.is_zero()
    }

    /// Takes note that `fresh` more of the input is done and `left` is left, in whatever unit, and
    /// returns how long that took, with whether the others are expected to save enough. Where nobody
    /// knows what is left, as much as is done is expected.
    pub(super) fn note(&mut self, fresh: u64, left: Option<u64>) -> (Duration, bool) {
        if self.workers == 1 {
            // Nothing depends on it.
            return (Duration::ZERO, false);
        }
        let taken = self.clock.elapsed();
        let last = taken - std::mem::replace(&mut self.before, taken);
        self.done += fresh;
        // One piece that was dear says nothing of the rest; two do.
        let pace = last.as_secs_f64() / fresh.max(1) as f64;
        let each = pace.min(std::mem::replace(&mut self.pace, pace));
        if taken < LOOK {
            return (last, false);
        }
        let others = (self.workers - 1) as f64 / self.workers as f64;
        let saving = each * left.unwrap_or(self.done) as f64 * others;
        (last, saving > self.worth.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_woken_for_what_lasts() {
        let mut alone = Alone::new(2, Duration::from_millis(1)).wary();
        let mut after = |millis, left| {
            std::thread::sleep(Duration::from_millis(millis));
            alone.note(1, Some(left)).1
        };
        assert!(!after(1, 1_000_000), "one dear piece");
        assert!(after(1, 1_000_000), "two of them");
        assert!(!after(1, 0), "nothing left");
        let mut one = Alone::new(1, Duration::ZERO);
        std::thread::sleep(Duration::from_millis(1));
        assert!(!one.note(1, Some(1_000_000)).1, "there are no others");
    }

    #[test]
    fn a_piece_takes_what_a_piece_should() {
        let mut pace = Pace::new();
        let mut claims = 0;
        while pace.next(usize::MAX, 2) < 40_000 {
            // One nanosecond for each item.
            let items = pace.next(usize::MAX, 2);
            pace.note(items, Duration::from_nanos(items as u64));
            claims += 1;
        }
        assert!(claims < 8);
        assert!(pace.next(usize::MAX, 2) <= 40_000);
        // Items that are a hundred times dearer are noticed at once, and one dearer than a whole piece.
        pace.note(40_000, Duration::from_millis(4));
        assert_eq!(pace.next(usize::MAX, 2), 384);
        pace.note(1, Duration::from_secs(1));
        assert_eq!(pace.next(usize::MAX, 2), 1);
        pace.note(1, Duration::ZERO);
        assert_eq!(pace.next(usize::MAX, 2), 8);
    }

    #[test]
    fn the_last_pieces_are_small_and_few() {
        for workers in 1..9 {
            let mut pace = Pace::new();
            pace.note(1 << 16, PIECE);
            let (mut left, mut claims) = (1_000_000, 0);
            while left > 0 {
                let items = pace.next(left, workers).min(left);
                assert!(items <= (left / workers).max(1 << 12), "{items} of {left}");
                left -= items;
                claims += 1;
            }
            assert!(claims < 30 + 40 * workers, "{claims}");
        }
    }
}
