//! How many requests a thread has under way while the engine finds out how many are good.
//!
//! The limit follows the gradient between the shortest round trip that has been seen, which is taken
//! for that of an idle service, and the present one: while answers come as soon as ever it grows, and
//! when they come later, requests must be queueing somewhere, so that it shrinks in proportion. After
//! Netflix's concurrency-limits (`GradientLimit` and `Gradient2Limit`, 2018), which has it from TCP
//! Vegas (Brakmo and Peterson, 1995). Round trips are means over as many responses as are under way,
//! because those of single responses differ for other reasons.

use std::time::Duration;

/// Requests under way to begin with. A service that so few overload is taken for a slow one.
const FIRST: f64 = 4.0;

/// A round trip up to this many times the shortest counts as no queue.
const TOLERANCE: f64 = 1.5;

/// The part of a limit that it can lose at once.
const STEEPEST: f64 = 0.5;

/// Responses that a round trip is the mean of, at least.
const RESPONSES: u32 = 8;

/// The limit of one thread in one run.
#[derive(Debug)]
pub(super) struct Limit {
    now: f64,
    most: f64,
    /// The limit doubles with each round trip until one is too long.
    slow_start: bool,
    shortest: f64,
    /// Round trips since the last decision: their sum in seconds, and how many.
    sum: f64,
    count: u32,
}

impl Limit {
    /// A limit that never exceeds `most` requests.
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1) as f64;
        Limit {
            now: FIRST.min(most),
            most,
            slow_start: true,
            shortest: f64::INFINITY,
            sum: 0.0,
            count: 0,
        }
    }

    /// Requests that may be under way.
    pub(super) fn now(&self) -> usize {
        self.now as usize
    }

    /// Learns from `count` responses whose round trips took `sum` in total.
    pub(super) fn learn(&mut self, sum: Duration, count: u32) {
        self.sum += sum.as_secs_f64();
        self.count += count;
        if self.count < (self.now as u32).max(RESPONSES) {
            return;
        }
        let mean = self.sum / f64::from(self.count);
        self.sum = 0.0;
        self.count = 0;
        self.shortest = self.shortest.min(mean);
        let gradient = (TOLERANCE * self.shortest / mean).clamp(STEEPEST, 1.0);
        self.slow_start &= gradient == 1.0;
        let next = if self.slow_start {
            self.now * 2.0
        } else {
            // Room for a short queue, without which the limit would never grow again.
            self.now * gradient + self.now.sqrt() / 2.0
        };
        self.now = next.clamp(1.0, self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service that answers `knee` requests at a time, each after a millisecond.
    fn settled(knee: f64, most: usize) -> f64 {
        let mut limit = Limit::new(most);
        let mut sum = 0.0;
        for round in 0..400 {
            let under_way = limit.now() as f64;
            let trip = Duration::from_secs_f64(0.001 * (under_way / knee).max(1.0));
            limit.learn(trip * limit.now() as u32, limit.now() as u32);
            if round >= 200 {
                sum += under_way;
            }
        }
        sum / 200.0
    }

    #[test]
    fn settles_where_the_service_slows_down() {
        for knee in [10.0, 50.0, 200.0, 1000.0] {
            let found = settled(knee, 10_000);
            assert!(found > knee && found < 2.5 * knee, "{found} for {knee}");
        }
        assert_eq!(settled(1e9, 700), 700.0);
        assert!(settled(1.0, 100) < 10.0);
    }

    #[test]
    fn grows_again_when_the_service_recovers() {
        let mut limit = Limit::new(1000);
        let mut learn = |millis: u64, rounds: usize| {
            for _ in 0..rounds {
                let n = limit.now() as u32;
                limit.learn(Duration::from_millis(millis) * n, n);
            }
            limit.now()
        };
        assert_eq!(learn(1, 40), 1000);
        assert!(learn(20, 40) < 10);
        assert!(learn(1, 400) > 900);
    }
}
