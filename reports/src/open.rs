//! What is still worth measuring: a pure function of the records so far and the claims. The harness asks
//! it between blocks and decides nothing itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::Claims;
use crate::controls::is_control;
use crate::figures::Figures;
use crate::record::{CONTROL, CONTROLLED, Cell, HANDICAP, Outcome, Record};
use crate::verdict::{Decision, Judged, Verdict, judge};
use crate::{metrics, stats};

/// A workload in which a further block may still decide something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The workload.
    pub workload: String,
    /// The contenders that the block needs, in the order given.
    pub contenders: Vec<String>,
    /// About how many further blocks the nearest decision takes; `None` where nobody can tell.
    pub further: Option<u32>,
}

/// What a run has come to so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// What is open, in the order of the workloads given.
    pub open: Vec<Open>,
    /// Tests of times that have their verdict.
    pub decided: usize,
    /// Tests of times that wait for blocks.
    pub undecided: usize,
}

// A forecast from fewer blocks than this is too rough to give something up for.
const HOPE: usize = 10;

/// What is open after these records at `size`. `plan` names each workload with its contenders; `most` is the
/// number of usable blocks after which a comparison stays as it is. Every contender takes part until the
/// first look; from then on only what an undecided claim compares, with the controls. A comparison
/// that would take more than twice `most` blocks, should its spread stay, is given up.
pub fn outlook(
    records: &[Record],
    claims: &Claims,
    size: &str,
    plan: &[(String, Vec<String>)],
    most: u32,
) -> Outlook {
    let judged = judge(records, claims);
    let figures = Figures::new(records);
    let times = judged.verdicts.iter().filter(|v| is_timed(v, plan));
    let (undecided, decided): (Vec<_>, Vec<_>) =
        times.partition(|v| v.decision == Decision::Inconclusive && !v.within_margin);
    let open = plan.iter().filter_map(|(workload, contenders)| {
        let taken = Taken::new(&figures, workload, contenders, size);
        let able: Vec<&String> = contenders
            .iter()
            .filter(|c| taken.is_able(c, most))
            .collect();
        let first = most.min(stats::LOOKS[0] as u32);
        if taken.usable() < first {
            return able.iter().any(|c| !is_control(c)).then(|| Open {
                workload: workload.clone(),
                contenders: able.into_iter().cloned().collect(),
                further: Some(first - taken.usable()),
            });
        }
        let wanted = undecided
            .iter()
            .filter(|v| v.workload == *workload && is_open(v, most));
        let (mut needed, mut further) = (BTreeSet::new(), None);
        for verdict in wanted {
            let both = [Some(&verdict.contender), verdict.baseline.as_ref()];
            let both: Vec<&String> = both.into_iter().flatten().collect();
            if both.iter().all(|c| able.contains(c)) {
                needed.extend(both.into_iter().map(String::as_str));
                further = further.into_iter().chain(verdict.further_blocks).min();
            }
        }
        if needed.is_empty() {
            return None;
        }
        needed.extend([CONTROLLED, CONTROL]);
        if !handicap_seen(&judged, workload) {
            needed.insert(HANDICAP);
        }
        let takes_part = |c: &&&String| needed.contains(c.as_str());
        Some(Open {
            workload: workload.clone(),
            contenders: able
                .iter()
                .filter(takes_part)
                .map(|c| (*c).clone())
                .collect(),
            further,
        })
    });
    Outlook {
        open: open.collect(),
        decided: decided.len(),
        undecided: undecided.len(),
    }
}

fn is_timed(verdict: &Verdict, plan: &[(String, Vec<String>)]) -> bool {
    let named = plan
        .iter()
        .any(|(workload, _)| *workload == verdict.workload);
    let withheld = verdict.decision == Decision::NotMeasured;
    named && metrics::is_time(&verdict.metric) && verdict.comparison.is_some() && !withheld
}

fn is_open(verdict: &Verdict, most: u32) -> bool {
    let blocks = verdict.comparison.as_ref().map_or(0, |c| c.logs.len());
    let needed = |further: u32| blocks as u32 + further;
    let hopeless = verdict
        .further_blocks
        .is_none_or(|further| needed(further) > 2 * most);
    (blocks as u32) < most && !(blocks >= HOPE && hopeless)
}

fn handicap_seen(judged: &Judged, workload: &str) -> bool {
    let of = judged
        .controls
        .iter()
        .filter(|control| control.workload == workload);
    let mut handicaps = of.filter_map(|control| control.handicap.as_ref());
    handicaps.any(|handicap| handicap.seen)
}

/// How often each contender of a workload was in a block, and how often that gave values.
struct Taken<'a>(BTreeMap<&'a str, Part>);

#[derive(Default)]
struct Part {
    recorded: u32,
    measured: u32,
    failed: bool,
}

impl<'a> Taken<'a> {
    fn new(figures: &Figures<'_>, workload: &str, contenders: &'a [String], size: &str) -> Self {
        let mut taken = BTreeMap::new();
        for contender in contenders {
            let cell = Cell {
                workload: workload.to_owned(),
                contender: contender.clone(),
                size: size.to_owned(),
            };
            let mut part = Part {
                failed: figures.failure(&cell, metrics::TIME).is_some(),
                ..Part::default()
            };
            for probe in figures.by(&cell, metrics::TIME) {
                part.recorded += 1;
                part.measured += u32::from(probe.outcome == Outcome::Measured);
            }
            taken.insert(contender.as_str(), part);
        }
        Taken(taken)
    }

    /// Usable blocks, those of the contender that has most.
    fn usable(&self) -> u32 {
        self.0.values().map(|part| part.measured).max().unwrap_or(0)
    }

    /// Whether a further block of this contender may come to something: it has not failed, and is not
    /// always spoilt.
    fn is_able(&self, contender: &str, most: u32) -> bool {
        let Some(part) = self.0.get(contender) else {
            return false;
        };
        let barren = part.measured == 0 && part.recorded >= stats::LOOKS[0] as u32;
        !part.failed && !barren && part.recorded < 2 * most
    }
}
