//! Our figures held against those of other people's tools: where two intervals have nothing in common,
//! somebody is wrong, or the two have not measured the same.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::figures::Figures;
use crate::foreign::criterion::Timed;
use crate::record::{Cell, Record};
use crate::stats::{self, student};
use crate::{metrics, units};

/// A value and the ends of its interval, or of the range in which it repeats.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The value.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Figure {
    /// Smallest, median and largest of the values; `None` of none.
    pub fn range(values: &[f64]) -> Option<Figure> {
        Some(Figure {
            value: stats::median(values)?,
            low: values.iter().copied().fold(f64::INFINITY, f64::min),
            high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }

    /// The geometric mean of block values with an interval by Student's t of their logarithms; `None` of
    /// fewer than two blocks, or of values that are not positive.
    pub fn of_blocks(blocks: &[f64], level: f64) -> Option<Figure> {
        if blocks.len() < 2 || blocks.iter().any(|value| *value <= 0.0) {
            return None;
        }
        let n = blocks.len() as f64;
        let mean = blocks.iter().map(|value| value.ln()).sum::<f64>() / n;
        let squares = blocks.iter().map(|value| (value.ln() - mean).powi(2));
        let deviation = (squares.sum::<f64>() / (n - 1.0)).sqrt();
        let half = student::quantile(1.0 - level, blocks.len() - 1) * deviation / n.sqrt();
        Some(Figure {
            value: mean.exp(),
            low: (mean - half).exp(),
            high: (mean + half).exp(),
        })
    }

    fn meets(&self, other: &Figure) -> bool {
        self.low <= other.high && other.low <= self.high
    }

    fn is_single(&self) -> bool {
        self.low == self.high
    }
}

/// What came of holding two figures together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "why", rename_all = "kebab-case")]
pub enum Outcome {
    /// The same to the last digit.
    Equal,
    /// The intervals meet.
    Agree,
    /// They differ, and it is known why: one clause.
    Explained(String),
    /// The intervals have nothing in common.
    Disagree,
    /// One of the two is missing: one clause.
    NotCompared(String),
}

impl Outcome {
    /// One word or two, and why where it is not plain.
    pub fn words(&self) -> (&'static str, Option<&str>) {
        match self {
            Outcome::Equal => ("equal", None),
            Outcome::Agree => ("agree", None),
            Outcome::Explained(why) => ("explained", Some(why)),
            Outcome::Disagree => ("disagree", None),
            Outcome::NotCompared(why) => ("not compared", Some(why)),
        }
    }
}

/// Our figure of one cell beside another tool's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// What was measured.
    pub cell: Cell,
    /// The metric's name.
    pub metric: &'static str,
    /// `ns` or `count`.
    pub unit: &'static str,
    /// The other tool.
    pub tool: &'static str,
    /// Our figure.
    pub ours: Option<Figure>,
    /// Theirs.
    pub theirs: Option<Figure>,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The wall time of every cell that criterion has timed, beside that of our records.
pub fn times(records: &[Record], theirs: &[Timed]) -> Vec<Check> {
    let figures = Figures::new(records);
    let check = |timed: &Timed| {
        let ours = blocks(&figures, &timed.cell).and_then(|blocks| {
            let figure = Figure::of_blocks(&blocks, timed.level);
            figure.ok_or_else(|| {
                let blocks = units::count(blocks.len(), "block");
                format!("{blocks} of ours and so no interval: `--blocks 8` gives one")
            })
        });
        let theirs = Figure {
            value: timed.median,
            low: timed.interval.0,
            high: timed.interval.1,
        };
        let outcome = match &ours {
            Err(why) => Outcome::NotCompared(why.clone()),
            Ok(ours) if ours.meets(&theirs) => Outcome::Agree,
            Ok(_) => Outcome::Disagree,
        };
        Check {
            cell: timed.cell.clone(),
            metric: "wall-time",
            unit: "ns",
            tool: "criterion",
            ours: ours.ok(),
            theirs: Some(theirs),
            outcome,
        }
    };
    theirs.iter().map(check).collect()
}

/// The median of each block of ours, or why there is none.
fn blocks(figures: &Figures<'_>, cell: &Cell) -> Result<Vec<f64>, String> {
    let sampled = match figures.sampled(cell, "wall-time") {
        None => return Err(format!("the records have no time at size {}", cell.size)),
        Some(Err(obstacle)) => return Err(obstacle.words()),
        Some(Ok(sampled)) => sampled,
    };
    let medians = sampled.blocks.values().filter_map(|values| {
        let values: Vec<f64> = values.iter().map(|&value| value as f64).collect();
        stats::median(&values)
    });
    Ok(medians.collect())
}

/// The instructions of one call of a cell: `ours` as counted call by call, `theirs` of whole processes, of
/// which the first makes one call less than every other. Where they are not equal, `again` counts those
/// same processes by our means, so that whoever counts is all that differs.
pub fn instructions(
    cell: &Cell,
    ours: Result<Vec<u64>, String>,
    theirs: &[u64],
    again: impl FnOnce() -> Result<Vec<u64>, String>,
) -> Check {
    let theirs = Figure::range(&single_calls(theirs));
    let ours = ours.and_then(|values| {
        let values: Vec<f64> = values.into_iter().map(|n| n as f64).collect();
        Figure::range(&values).ok_or_else(|| "we have counted nothing".to_owned())
    });
    let outcome = match (&ours, &theirs) {
        (Err(why), _) => Outcome::NotCompared(why.clone()),
        (Ok(_), None) => Outcome::NotCompared("gungraun has not counted every process".to_owned()),
        (Ok(ours), Some(theirs)) if ours == theirs && ours.is_single() => Outcome::Equal,
        (Ok(ours), Some(theirs)) => {
            match again().map(|counts| Figure::range(&single_calls(&counts))) {
                Ok(Some(again)) => explained(ours, theirs, &again),
                Ok(None) => Outcome::NotCompared("counting as they do gave nothing".to_owned()),
                Err(why) => Outcome::NotCompared(format!("counting as they do: {why}")),
            }
        }
    };
    Check {
        cell: cell.clone(),
        metric: "instructions",
        unit: "count",
        tool: "gungraun",
        ours: ours.ok(),
        theirs,
        outcome,
    }
}

/// Instructions of one call, from those of processes of which the first makes one call less.
fn single_calls(processes: &[u64]) -> Vec<f64> {
    match processes {
        [first, rest @ ..] => rest.iter().map(|n| *n as f64 - *first as f64).collect(),
        [] => Vec::new(),
    }
}

/// What `again`, their processes counted by us, says about two counts that are not equal.
fn explained(ours: &Figure, theirs: &Figure, again: &Figure) -> Outcome {
    if again == theirs && theirs.is_single() {
        let share = 100.0 * (ours.value - theirs.value) / theirs.value;
        return Outcome::Explained(format!(
            "equal once we start them as gungraun does, which tells on the heap ({share:+.2} %)"
        ));
    }
    if ours.is_single() && again.is_single() && theirs.is_single() {
        return Outcome::Disagree;
    }
    // It does not repeat, so that few counts show only a part of where it lies.
    let (low, high) = (ours.low.min(again.low), ours.high.max(again.high));
    let width = (high - low).max(theirs.high - theirs.low);
    if theirs.low <= high + width && low - width <= theirs.high {
        let (low, high) = (grouped(low), grouped(high));
        return Outcome::Explained(format!("does not repeat, with us {low} .. {high}"));
    }
    Outcome::Disagree
}

/// The checks as a table for a terminal of 80 columns, workload by workload, and how many came out how.
pub fn text(checks: &[Check]) -> String {
    let mut out = String::new();
    let mut group = String::new();
    for check in checks {
        let metric = metrics::inline(check.metric);
        let Cell { workload, size, .. } = &check.cell;
        let title = format!(
            "{workload} · {metric} at size {size}, ours and {}'s",
            check.tool
        );
        if title != group {
            out += &format!("{title}\n");
            group = title;
        }
        let [ours, theirs] = [check.ours, check.theirs]
            .map(|figure| figure.map_or("-".to_owned(), |figure| words(&figure, check.unit)));
        let (word, why) = check.outcome.words();
        let contender = &check.cell.contender;
        out += &format!(" {contender:<16} {ours:>23} {theirs:>23}  {word}\n");
        if let Some(why) = why {
            out += &format!("   {why}\n");
        }
    }
    for metric in ["wall-time", "instructions"] {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for check in checks.iter().filter(|check| check.metric == metric) {
            *counts.entry(check.outcome.words().0).or_default() += 1;
        }
        if counts.is_empty() {
            continue;
        }
        let counts: Vec<_> = counts
            .iter()
            .map(|(word, n)| format!("{n} {word}"))
            .collect();
        out += &format!("{}: {}\n", metrics::inline(metric), counts.join(", "));
    }
    out
}

/// A time with its interval, a count to the last digit.
fn words(figure: &Figure, unit: &str) -> String {
    if unit == "count" {
        return match figure.is_single() {
            true => grouped(figure.value),
            false => format!("{} .. {}", grouped(figure.low), grouped(figure.high)),
        };
    }
    // All three in the unit of the value.
    let value = units::value(figure.value, unit);
    let step = value
        .split(' ')
        .next()
        .and_then(|digits| digits.parse::<f64>().ok());
    let scale = step
        .filter(|step| *step > 0.0)
        .map_or(1.0, |step| figure.value / step);
    let (low, high) = (
        units::digits(figure.low / scale),
        units::digits(figure.high / scale),
    );
    format!("{value} {low} .. {high}")
}

/// A whole number in groups of three digits.
fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut out = String::from(if number < 0.0 { "-" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
