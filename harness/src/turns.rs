//! Whose turn it is: workloads take blocks in turn, in an order drawn anew for each pass, and the blocks
//! of one workload lie some seconds apart, so that a disturbance spoils one of them and not several.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use reports::Open;

/// When each workload had its blocks.
pub(crate) struct Turns {
    apart: Duration,
    begun: HashMap<String, Instant>,
    took: HashMap<String, Duration>,
}

impl Turns {
    /// Turns with at least `apart` from one block of a workload to its next, start to start.
    pub(crate) fn new(apart: Duration) -> Turns {
        Turns {
            apart,
            begun: HashMap::new(),
            took: HashMap::new(),
        }
    }

    /// The next of those that wait, and how long it still has to: the first in order that need not wait,
    /// or else the one that waits the least.
    pub(crate) fn next(&self, waiting: &[Open], now: Instant) -> Option<(usize, Duration)> {
        let waits = waiting.iter().map(|open| {
            let since = self
                .begun
                .get(&open.workload)
                .map(|begun| now.duration_since(*begun));
            since.map_or(Duration::ZERO, |since| self.apart.saturating_sub(since))
        });
        waits.enumerate().min_by_key(|(_, wait)| *wait)
    }

    /// Notes a block of a workload that began at `begun` and is over now.
    pub(crate) fn note(&mut self, workload: &str, begun: Instant) {
        self.begun.insert(workload.to_owned(), begun);
        self.took.insert(workload.to_owned(), begun.elapsed());
    }

    /// How long a further block of a workload takes, from its last.
    pub(crate) fn block(&self, workload: &str) -> Duration {
        self.took.get(workload).copied().unwrap_or_default()
    }

    /// Those of `open` whose nearest decision can be expected within `left`, if all of them take turns; all
    /// of them where none can, since time is left that might still prove the forecast wrong.
    pub(crate) fn in_reach(&self, open: Vec<Open>, left: Duration) -> Vec<Open> {
        let blocks = open.iter().map(|open| self.block(&open.workload));
        let pass = blocks.sum::<Duration>().max(self.apart);
        let fits = |open: &Open| open.further.is_some_and(|further| pass * further <= left);
        match open.iter().any(fits) {
            true => open.into_iter().filter(|open| fits(open)).collect(),
            false => open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(workload: &str, further: Option<u32>) -> Open {
        Open {
            workload: workload.to_owned(),
            contenders: Vec::new(),
            further,
        }
    }

    #[test]
    fn blocks_of_one_workload_lie_apart() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut turns = Turns::new(Duration::from_secs(5));
        let both = [open("a", None), open("b", None)];
        assert_eq!(turns.next(&both, at(0)), Some((0, Duration::ZERO)));
        turns.note("a", at(0));
        assert_eq!(turns.next(&both, at(1)), Some((1, Duration::ZERO)));
        turns.note("b", at(1));
        assert_eq!(turns.next(&both, at(2)), Some((0, Duration::from_secs(3))));
        assert_eq!(turns.next(&both[1..], at(9)), Some((0, Duration::ZERO)));
        assert_eq!(turns.next(&[], at(9)), None);
    }

    #[test]
    fn what_the_time_left_can_decide_goes_first() {
        let turns = Turns::new(Duration::from_secs(5));
        let all = vec![open("a", Some(3)), open("b", Some(90)), open("c", None)];
        let names = |seconds| {
            let kept = turns.in_reach(all.clone(), Duration::from_secs(seconds));
            kept.into_iter()
                .map(|open| open.workload)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(20), ["a"]);
        assert_eq!(names(1000), ["a", "b"]);
        assert_eq!(names(3), ["a", "b", "c"]);
    }
}
