//! From runs to decisions: the same looks, intervals and adjustment as for claims on workloads.

use std::collections::BTreeMap;

use crate::compare::{Interval, percent};
use crate::stats;
use crate::units;

use super::{
    Answer, Comparison, Contestant, Decision, Metric, Outputs, Question, Summary, Trial, VERSION,
    words,
};

/// What is still worth measuring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// The commands that the next block needs, by number, the reference first; empty if nothing is open.
    pub open: Vec<usize>,
    /// About how many further blocks the nearest decision takes; `None` where nobody can tell.
    pub further: Option<u32>,
    /// Ratio and interval of each comparison that is open, in words.
    pub ratios: Vec<String>,
}

/// What is open after these runs. A comparison is closed once it is decided, once it is known to lie
/// within the margin, or with the last block.
pub fn outlook(question: &Question, contestants: &[Contestant]) -> Outlook {
    let comparisons = compare_all(question, contestants);
    let wanted = || {
        comparisons
            .iter()
            .filter(|c| is_open(question, contestants, c))
    };
    let mut open: Vec<usize> = wanted().map(|c| c.contestant).collect();
    if !open.is_empty() {
        open.insert(0, 0);
    }
    Outlook {
        further: wanted().filter_map(|c| c.further_blocks).min(),
        ratios: wanted()
            .filter(|c| c.ratio.is_some())
            .map(words::figures)
            .collect(),
        open,
    }
}

fn is_open(question: &Question, contestants: &[Contestant], comparison: &Comparison) -> bool {
    let undecided = matches!(comparison.decision, Decision::Open | Decision::Inconclusive);
    let near = near(question, comparison);
    let runs = &contestants[comparison.contestant].runs;
    let blocks = runs.last().map_or(0, |run| run.block + 1);
    undecided && !near && !comparison.exact && blocks < question.most
}

/// Decides every comparison and draws up the usual figures.
pub fn judge(trial: Trial) -> Answer {
    let comparisons = compare_all(&trial.question, &trial.contestants);
    let caveats = caveats(&trial, &comparisons);
    let Trial {
        question,
        setting,
        contestants,
    } = trial;
    let results = contestants
        .into_iter()
        .map(|contestant| summary(contestant, question.metric))
        .collect();
    Answer {
        kind: "versus".to_owned(),
        version: VERSION,
        question,
        setting,
        comparisons,
        caveats,
        results,
    }
}

fn compare_all(question: &Question, contestants: &[Contestant]) -> Vec<Comparison> {
    let Some((reference, others)) = contestants.split_first() else {
        return Vec::new();
    };
    let mut comparisons: Vec<Comparison> = others
        .iter()
        .enumerate()
        .map(|(at, contestant)| compare(question, reference, contestant, at + 1))
        .collect();
    decide(question, &mut comparisons);
    comparisons
}

fn compare(
    question: &Question,
    reference: &Contestant,
    contestant: &Contestant,
    at: usize,
) -> Comparison {
    let mut result = Comparison {
        contestant: at,
        command: contestant.name.clone(),
        reference: reference.name.clone(),
        ratio: None,
        interval: None,
        interval_missing: None,
        exact: false,
        blocks: 0,
        decision: match question.claim {
            Some(_) => Decision::Inconclusive,
            None => Decision::Open,
        },
        why: None,
        p_value: None,
        p_adjusted: None,
        detectable: None,
        further_blocks: None,
        logs: Vec::new(),
    };
    let exact = |of: &Contestant| exact(question.metric, of);
    if let (Some(theirs), Some(mine)) = (exact(reference), exact(contestant)) {
        result.exact = true;
        result.ratio = Some(theirs as f64 / mine as f64);
        return result;
    }
    let mut zeros = 0;
    for (theirs, mine) in pairs(question.metric, reference, contestant) {
        match stats::block_value(&theirs, &mine) {
            Some(log) => result.logs.push(log),
            None => zeros += 1,
        }
    }
    if zeros > 0 {
        result.why = Some(format!(
            "{} left out: a figure of zero has no ratio",
            units::count(zeros, "block")
        ));
    }
    result.blocks = result.logs.len() as u32;
    let Some(estimate) = stats::estimate(&result.logs, question.level) else {
        result.interval_missing = Some("no block is complete".to_owned());
        return result;
    };
    result.ratio = Some(estimate.centre.exp());
    result.blocks = estimate.values as u32;
    result.detectable = stats::detectable(&result.logs, question.level).map(f64::exp_m1);
    result.interval = estimate.interval.map(|found| Interval {
        low: found.low.exp(),
        high: found.high.exp(),
        level: found.level,
    });
    if result.interval.is_none() {
        let fewest = stats::LOOKS[0];
        result.interval_missing = Some(if result.logs.len() < fewest {
            format!("too few blocks: {} of at least {fewest}", result.logs.len())
        } else {
            "all blocks have the same ratio, which gives no spread to judge by".to_owned()
        });
    }
    result
}

/// Counts that came out the same as often as this count as exact.
const REPEATS: usize = 3;

/// The count that every run has, if it is of a kind that repeats.
fn exact(metric: Metric, contestant: &Contestant) -> Option<u64> {
    let values = contestant.values(metric);
    let (first, rest) = values.split_first()?;
    let repeats = metric == Metric::Instructions && values.len() >= REPEATS;
    (repeats && *first > 0 && rest.iter().all(|value| value == first)).then_some(*first)
}

type Rounds = (Vec<u64>, Vec<u64>);

/// The figures of both in the rounds that both were in, block by block.
fn pairs(metric: Metric, reference: &Contestant, contestant: &Contestant) -> Vec<Rounds> {
    let keyed = |of: &Contestant| -> BTreeMap<(u32, u32), u64> {
        let counted = of.runs.iter().filter(|run| !run.warm_up);
        counted
            .filter_map(|run| Some(((run.block, run.round), run.value(metric)?)))
            .collect()
    };
    let (theirs, mine) = (keyed(reference), keyed(contestant));
    let mut blocks: BTreeMap<u32, Rounds> = BTreeMap::new();
    for (key, their) in &theirs {
        if let Some(my) = mine.get(key) {
            let block = blocks.entry(key.0).or_default();
            block.0.push(*their);
            block.1.push(*my);
        }
    }
    blocks.into_values().collect()
}

/// Whether the whole interval lies so near to 1, or to the claim, that further blocks are not worth it.
fn near(question: &Question, comparison: &Comparison) -> bool {
    let null = question.claim.unwrap_or(1.0);
    let close = null * (-question.margin).exp()..=null * question.margin.exp();
    comparison
        .interval
        .is_some_and(|i| close.contains(&i.low) && close.contains(&i.high))
}

fn decide(question: &Question, comparisons: &mut [Comparison]) {
    let alpha = 1.0 - question.level;
    let null = question.claim.unwrap_or(1.0).ln();
    let looked: Vec<_> = comparisons
        .iter()
        .map(|c| stats::sequential(&c.logs, null))
        .collect();
    let tests: Vec<_> = looked
        .iter()
        .zip(comparisons.iter())
        .enumerate()
        .map(|(at, (found, c))| (at, if c.exact { 0.0 } else { found.p }))
        .collect();
    let adjusted = stats::holm(&tests);
    let open = adjusted.iter().filter(|p| **p > alpha).count().max(1);
    let among = comparisons.len();
    for ((comparison, found), p) in comparisons.iter_mut().zip(&looked).zip(adjusted) {
        if comparison.exact {
            comparison.decision = sure(question, comparison.ratio.unwrap_or(1.0));
            continue;
        }
        comparison.p_value = Some(found.p);
        comparison.p_adjusted = Some(p);
        if p <= alpha {
            comparison.decision = match (question.claim, found.above) {
                (None, true) => Decision::Better,
                (None, false) => Decision::Worse,
                (Some(_), true) => Decision::Confirmed,
                (Some(_), false) => Decision::Refuted,
            };
            continue;
        }
        let near = near(question, comparison);
        if near && question.claim.is_none() {
            comparison.decision = Decision::Alike;
            continue;
        }
        // A forecast of far more than there can be is one of nothing.
        let hope = 2 * question.most;
        comparison.further_blocks = stats::further(&comparison.logs, null, alpha / open as f64)
            .filter(|further| !near && *further <= hope);
        let threshold = null.exp();
        let holds = |i: Interval| i.low <= threshold && threshold <= i.high;
        let why = match comparison.interval {
            _ if near => format!(
                "the ratio lies within {} % of the claim, too close to call",
                percent(question.margin)
            ),
            None => comparison.interval_missing.clone().unwrap_or_default(),
            Some(interval) if !holds(interval) => format!(
                "the interval alone would decide, but not as one of {}",
                units::count(among, "comparison")
            ),
            Some(_) => continue,
        };
        comparison.why.get_or_insert(why);
    }
}

/// The decision on a ratio that is exact.
fn sure(question: &Question, ratio: f64) -> Decision {
    match question.claim {
        Some(claim) if ratio >= claim => Decision::Confirmed,
        Some(_) => Decision::Refuted,
        None if ratio > 1.0 => Decision::Better,
        None if ratio < 1.0 => Decision::Worse,
        None => Decision::Alike,
    }
}

fn summary(contestant: Contestant, metric: Metric) -> Summary {
    let counted: Vec<_> = contestant.runs.iter().filter(|r| !r.warm_up).collect();
    let seconds = |of: fn(&super::Run) -> u64| -> Vec<f64> {
        let timed = counted.iter().filter(|_| metric != Metric::Instructions);
        timed.map(|run| of(run) as f64 / 1e9).collect()
    };
    let mean = |values: &[f64]| {
        let n = values.len() as f64;
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / n)
    };
    let times = seconds(|run| run.wall_ns);
    let stddev = mean(&times).filter(|_| times.len() > 1).map(|mean| {
        let squares: f64 = times.iter().map(|time| (time - mean).powi(2)).sum();
        (squares / (times.len() - 1) as f64).sqrt()
    });
    Summary {
        mean: mean(&times),
        stddev,
        median: stats::median(&times),
        user: mean(&seconds(|run| run.user_ns)),
        system: mean(&seconds(|run| run.system_ns)),
        min: times.iter().copied().reduce(f64::min),
        max: times.iter().copied().reduce(f64::max),
        times,
        memory_usage_byte: contestant.values(Metric::Rss),
        exit_codes: counted.iter().map(|run| run.exit_code).collect(),
        contestant,
    }
}

/// Below this many times what starting a process takes, most of the time may not be the command's.
const MOSTLY_START: f64 = 5.0;

fn caveats(trial: &Trial, comparisons: &[Comparison]) -> Vec<String> {
    let mut caveats = Vec::new();
    let metric = trial.question.metric;
    if let Some(Outputs::Differ(which)) = &trial.setting.outputs {
        let names = which.iter().filter_map(|at| trial.contestants.get(*at));
        let names: Vec<String> = names.map(|c| format!("`{}`", c.name)).collect();
        caveats.push(format!(
            "outputs differ from the first command's: {}",
            names.join(", ")
        ));
    }
    for contestant in &trial.contestants {
        let failed = contestant.runs.iter().filter(|r| r.exit_code != Some(0));
        let failed = failed.count();
        if failed > 0 {
            caveats.push(format!(
                "`{}` failed in {failed} of {}",
                contestant.name,
                units::count(contestant.runs.len(), "run")
            ));
        }
    }
    let medians = trial.contestants.iter().filter_map(|contestant| {
        let values = contestant.values(metric).into_iter();
        stats::median(&values.map(|value| value as f64).collect::<Vec<_>>())
    });
    let briefest = medians.reduce(f64::min);
    if let (Metric::Wall, Some(overhead), Some(briefest)) =
        (metric, trial.setting.overhead_ns, briefest)
        && briefest < MOSTLY_START * overhead as f64
    {
        let what = match &trial.setting.shell {
            Some(shell) => format!("the start of a process by {shell}"),
            None => "the start of a process".to_owned(),
        };
        caveats.push(format!(
            "{what} takes about {} of each run: the ratio of the work alone is further from 1",
            units::value(overhead as f64, "ns")
        ));
    }
    if metric == Metric::Instructions && comparisons.iter().any(|c| !c.exact) {
        caveats.push("the counts do not repeat exactly, so that they are sampled".to_owned());
    }
    caveats
}

#[cfg(test)]
mod tests;
