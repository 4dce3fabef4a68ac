//! The sums of all comparisons of a kind, and whether they keep the promise: a share that misses it is
//! held against it only once the binomial bounds exclude what was promised.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::judge::Judge;
use super::results::{Compared, Results, Route};
use super::simulated::Counts;
use super::trial::{self, TRIALS, Trial};
use crate::stats::clopper_pearson;
use crate::units;

/// Where comparisons were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// On the simulated machine.
    Simulated,
    /// On a real one by a route, its other cores idle.
    Idle(Route),
    /// By a route, with the other cores kept busy.
    Busy(Route),
    /// By every route, idle.
    AllIdle,
    /// By every route, busy.
    AllBusy,
}

impl Place {
    /// In a few words.
    pub fn words(self) -> &'static str {
        match self {
            Place::Simulated => "simulated",
            Place::Idle(Route::Cells) => "cells, idle",
            Place::Idle(Route::Versus) => "versus, idle",
            Place::Busy(Route::Cells) => "cells, busy",
            Place::Busy(Route::Versus) => "versus, busy",
            Place::AllIdle => "all, idle",
            Place::AllBusy => "all, busy",
        }
    }
}

/// Whether a promise holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// What was seen is as promised.
    Kept,
    /// What was seen falls short, or not all that was begun is over, but the promise may still hold.
    Open,
    /// The bounds of what was seen exclude what was promised.
    Broken,
}

impl State {
    /// Symbol and word.
    pub fn words(self) -> &'static str {
        match self {
            State::Kept => "✔ kept",
            State::Open => "? open",
            State::Broken => "✘ broken",
        }
    }
}

/// A share and what was promised of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// The share of what.
    pub what: String,
    /// How many.
    pub count: usize,
    /// Of how many.
    pub of: usize,
    /// Bounds of the probability behind it, at the level of verdicts.
    pub low: f64,
    /// See `low`.
    pub high: f64,
    /// What it may at most or must at least be.
    pub promised: f64,
    /// Whether it may at most be that.
    pub at_most: bool,
    /// Whether the promise holds.
    pub state: State,
}

/// All comparisons of a trial in one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// The trial's name.
    pub trial: String,
    /// The trial in a few words.
    pub about: String,
    /// Where.
    pub place: Place,
    /// Comparisons of each kernel, in words; empty for simulated ones.
    pub kernels: String,
    /// Comparisons that are over and count.
    pub count: usize,
    /// Comparisons that were begun and are not over: they do not count yet.
    pub unfinished: usize,
    /// Comparisons that could not be measured.
    pub failed: usize,
    /// Blocks on average.
    pub blocks: f64,
    /// Seconds of measuring on average, of real ones.
    pub seconds: Option<f64>,
    /// The ratio: the geometric mean of what comparisons estimated.
    pub ratio: f64,
    /// What is held against a promise.
    pub checks: Vec<Check>,
}

/// The shares of differences that have to be found, by place and trial. The simulated machine is noisier
/// than those that the promise is for: what is found there guards against a method grown timid.
const POWER: [(Place, &str, f64); 8] = [
    (Place::Idle(Route::Cells), "1.02", 0.80),
    (Place::Idle(Route::Cells), "1.03", 0.95),
    (Place::Idle(Route::Cells), "1.05", 0.95),
    (Place::Idle(Route::Versus), "1.03", 0.80),
    (Place::Idle(Route::Versus), "1.05", 0.95),
    (Place::Simulated, "1.02", 0.60),
    (Place::Simulated, "1.03", 0.95),
    (Place::Simulated, "1.05", 0.99),
];
/// Share of ratios that have to be as near the truth as [`super::judge::NEAR`].
const NEAR: f64 = 0.95;
/// The same on the simulated machine.
const NEAR_SIMULATED: f64 = 0.90;
/// Of real comparisons that many intervals have to hold the truth, two in a hundred fewer than they say:
/// what a call costs besides its work makes the truth itself uncertain.
const ALLOWANCE: f64 = 0.02;

/// The sums of what was measured and simulated, judged by `judge` and held against promises at `level`.
pub fn tally(results: &Results, judge: &dyn Judge, level: f64) -> Vec<Row> {
    let mut rows = Vec::new();
    for counts in results.simulated.iter().flat_map(|s| &s.counts) {
        if let Some(trial) = trial::find(&counts.trial).filter(|_| counts.count > 0) {
            rows.push(row(trial, Place::Simulated, &Group::of(counts), level));
        }
    }
    let mut groups: BTreeMap<(Place, usize), Group> = BTreeMap::new();
    for compared in &results.comparisons {
        let Some(at) = TRIALS.iter().position(|t| t.name == compared.trial) else {
            continue;
        };
        let (place, all) = match compared.busy {
            false => (Place::Idle(compared.route), Place::AllIdle),
            true => (Place::Busy(compared.route), Place::AllBusy),
        };
        for place in [place, all] {
            let group = groups.entry((place, at)).or_default();
            group.add(judge, compared, &TRIALS[at]);
        }
    }
    for ((place, at), group) in &groups {
        let all = matches!(place, Place::AllIdle | Place::AllBusy);
        // Of one route alone the sum says nothing new, and only verdicts are promised for all together.
        if !all || (group.routes.len() > 1 && TRIALS[*at].name == "aa") {
            rows.push(row(&TRIALS[*at], *place, group, level));
        }
    }
    rows
}

/// Whether any promise is broken.
pub fn broken(rows: &[Row]) -> bool {
    let checks = rows.iter().flat_map(|row| &row.checks);
    checks.into_iter().any(|check| check.state == State::Broken)
}

#[derive(Default)]
struct Group {
    counts: Counts,
    routes: std::collections::BTreeSet<Route>,
    kernels: BTreeMap<String, usize>,
    seconds: Option<f64>,
    unfinished: usize,
    failed: usize,
}

impl Group {
    fn of(counts: &Counts) -> Group {
        Group {
            counts: counts.clone(),
            ..Group::default()
        }
    }

    fn add(&mut self, judge: &dyn Judge, compared: &Compared, trial: &Trial) {
        self.routes.insert(compared.route);
        match (compared.over, &compared.failure) {
            (_, Some(_)) => self.failed += 1,
            (false, None) => self.unfinished += 1,
            (true, None) => {
                *self.kernels.entry(compared.kernel.clone()).or_default() += 1;
                self.seconds = Some(self.seconds.unwrap_or(0.0) + compared.seconds);
                self.counts.add(judge, &compared.logs, trial);
            }
        }
    }
}

fn row(trial: &Trial, place: Place, group: &Group, level: f64) -> Row {
    let counts = &group.counts;
    let n = counts.count;
    let share = |what: &str, count: usize, of: usize, promised: f64, at_most: bool| {
        let (low, high) = clopper_pearson(count, of, level);
        let observed = count as f64 / of.max(1) as f64;
        let (meets, excluded) = match at_most {
            true => (observed <= promised, low > promised),
            false => (observed >= promised, high < promised),
        };
        let state = match (excluded, meets && group.unfinished == 0 && of > 0) {
            (true, _) => State::Broken,
            (false, true) => State::Kept,
            (false, false) => State::Open,
        };
        Check {
            what: what.to_owned(),
            count,
            of,
            low,
            high,
            promised,
            at_most,
            state,
        }
    };
    let mut checks = vec![share("false verdicts", counts.wrong, n, 1.0 - level, true)];
    if let Some(power) = power(trial, place) {
        checks.push(share("found", counts.found, n, power, false));
    }
    let (held, near) = match place {
        Place::Simulated => (level, NEAR_SIMULATED),
        _ => (level - ALLOWANCE, NEAR),
    };
    let what = "interval holds the truth";
    checks.push(share(what, counts.covered, counts.intervals, held, false));
    if trial.is_undecidable() && !trial.is_equal() {
        checks.push(share("ratio within 1 %", counts.near, n, near, false));
    }
    if group.failed > 0 {
        let all = group.failed + n;
        let mut check = share("not measured", group.failed, all, 0.0, true);
        check.state = State::Broken;
        checks.push(check);
    }
    let kernels = group.kernels.iter().map(|(name, n)| format!("{name} {n}"));
    Row {
        trial: trial.name.to_owned(),
        about: trial.about.to_owned(),
        place,
        kernels: kernels.collect::<Vec<_>>().join(", "),
        count: n,
        unfinished: group.unfinished,
        failed: group.failed,
        blocks: counts.blocks as f64 / n.max(1) as f64,
        seconds: group.seconds.map(|seconds| seconds / n.max(1) as f64),
        ratio: trial.truth * (counts.offsets / n.max(1) as f64).exp(),
        checks,
    }
}

/// The share of differences that has to be found, if anything is promised of it.
fn power(trial: &Trial, place: Place) -> Option<f64> {
    let promised = POWER
        .iter()
        .find(|(of, name, _)| (*of, *name) == (place, trial.name));
    promised.map(|(_, _, share)| *share)
}

impl Check {
    /// Count, share and bounds: `3 of 200: 1.5 % [0.2, 4.9]`.
    pub fn words(&self) -> String {
        let percent = |share: f64| units::digits(100.0 * share);
        let observed = self.count as f64 / self.of.max(1) as f64;
        let (low, high) = (percent(self.low), percent(self.high));
        format!(
            "{} of {}: {} % [{low}, {high}]",
            self.count,
            self.of,
            percent(observed)
        )
    }

    /// What was promised: `at most 1 %`.
    pub fn promise(&self) -> String {
        let words = if self.at_most { "at most" } else { "at least" };
        format!("{words} {:.0} %", 100.0 * self.promised)
    }
}

impl Row {
    /// How many comparisons there are, and what each took.
    pub fn effort(&self) -> String {
        let mut words = units::count(self.count, "comparison");
        if !self.kernels.is_empty() {
            words += &format!(" ({})", self.kernels);
        }
        if self.unfinished > 0 {
            words += &format!(", {} unfinished", self.unfinished);
        }
        words += &format!(" of {} blocks", units::digits(self.blocks));
        match self.seconds {
            Some(seconds) => format!("{words}, {} s", units::digits(seconds)),
            None => words,
        }
    }
}
