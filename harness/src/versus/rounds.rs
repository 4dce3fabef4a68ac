//! One block: a few rounds close together, in each of which every command that takes part runs once, in
//! an order drawn anew. What is drawn follows from the seed.

use std::time::Duration;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reports::versus::Run;

use super::Trouble;
use super::runner::Runner;
use crate::seeds::derive;

/// Warm-up rounds and measured rounds of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rounds {
    pub(crate) warm_up: u32,
    pub(crate) measured: u32,
}

/// The most rounds of a block.
const MOST: u32 = 31;

impl Rounds {
    /// What repeats exactly needs no more.
    pub(crate) const ONE: Rounds = Rounds {
        warm_up: 0,
        measured: 1,
    };

    /// As many rounds as fit a fifth of a second for each command, which takes `turn` for one: an odd
    /// number, whose median is one of them. Where several fit, the first warms up after the pause; a
    /// long run warms itself up, and one of it says as much.
    pub(crate) fn of(turn: Duration) -> Rounds {
        let fit = Duration::from_millis(200).as_nanos() / turn.as_nanos().max(1);
        let fit = u32::try_from(fit).unwrap_or(MOST).clamp(1, MOST);
        let measured = fit - (fit + 1) % 2;
        Rounds {
            warm_up: u32::from(measured > 1),
            measured,
        }
    }

    /// Measures block number `block` of these commands; each run with the number of its command.
    ///
    /// # Errors
    /// As [`Runner::run`]. A block is whole or not at all.
    pub(crate) fn block(
        self,
        runner: &mut Runner<'_>,
        commands: &[usize],
        seed: u64,
        block: u32,
    ) -> Result<Vec<(usize, Run)>, Trouble> {
        let drawn = derive(seed, &["versus", &block.to_string()]);
        let mut random = ChaCha8Rng::seed_from_u64(drawn);
        let padding = random.random_range(0..4096);
        let mut order = commands.to_vec();
        let mut runs = Vec::new();
        for round in 0..self.warm_up + self.measured {
            order.shuffle(&mut random);
            for (place, &at) in order.iter().enumerate() {
                let run = runner.run(at, padding)?;
                let run = Run {
                    block,
                    round,
                    place: place as u32,
                    warm_up: round < self.warm_up,
                    ..run
                };
                runs.push((at, run));
            }
        }
        Ok(runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_the_work_the_fewer_the_rounds_and_always_an_odd_number() {
        let of = |milliseconds| {
            let rounds = Rounds::of(Duration::from_millis(milliseconds));
            (rounds.warm_up, rounds.measured)
        };
        assert_eq!([of(0), of(1), of(20)], [(1, 31), (1, 31), (1, 9)]);
        assert_eq!([of(66), of(70), of(1000)], [(1, 3), (0, 1), (0, 1)]);
    }
}
