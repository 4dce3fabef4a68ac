//! From records and claims to verdicts. A claim is confirmed where the ratio is shown to reach its
//! threshold, refuted where it is shown not to, and inconclusive where neither is shown at the level of the
//! whole family; whatever could not be measured says why. This is a pure function of its two arguments.

use serde::{Deserialize, Serialize};

use crate::claims::{Claims, Limit, Rules, Source, Testable};
use crate::compare::{Comparison, compare};
use crate::controls::{self, Control};
use crate::figures::Figures;
use crate::limits::{self, Near, Share};
use crate::record::{CONTROLLED, Cell, Outcome, Record, Run};
use crate::scaling::{self, Exponent};
use crate::why::{self, Why};
use crate::{disturbed, family, metrics, units};

/// Version of the format of `verdicts.json`.
pub const VERSION: u32 = 1;

/// Everything that is judged of a run; `verdicts.json` holds exactly this.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Judged {
    /// Format version, [`VERSION`].
    pub version: u32,
    /// The run, if the records describe it.
    pub run: Option<Run>,
    /// How verdicts were reached.
    pub rules: Rules,
    /// One for each threshold, workload and baseline of each claim, in the order of the claims.
    pub verdicts: Vec<Verdict>,
    /// The controls, by workload and clock; empty where the run has none.
    pub controls: Vec<Control>,
    /// How many blocks something else in the machine has hit; none of them is left out.
    #[serde(default)]
    pub disturbed: disturbed::Sums,
    /// One for each workload and contender that has a record, controls left out.
    pub cells: Vec<CellJudged>,
}

/// One test of one claim and its outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verdict {
    /// Identifier of the test, unique and stable from run to run.
    pub id: String,
    /// Identifier of the claim.
    pub claim: String,
    /// Who claims it.
    pub source: Source,
    /// The claim in words.
    pub sentence: String,
    /// What stands in for a word of the claim.
    pub note: Option<String>,
    /// Whether the overview shows it in full.
    pub headline: bool,
    /// The workload.
    pub workload: String,
    /// The contender.
    pub contender: String,
    /// The baseline; `null` where the metric needs none.
    pub baseline: Option<String>,
    /// The metric, which names the clock where it is a time.
    pub metric: String,
    /// The ratio to reach; `null` where the metric has none.
    pub threshold: Option<f64>,
    /// The verdict.
    pub decision: Decision,
    /// Why it is not measured or inconclusive, one clause without a full stop.
    pub why: Option<String>,
    /// The outside limit that stands beside a refuted or open claim.
    pub limit: Option<String>,
    /// The largest ratio over the baseline that the machine leaves room for; `null` where that is not known.
    #[serde(default)]
    pub at_most: Option<f64>,
    /// The share of the limit, for a claim about that.
    #[serde(default)]
    pub share: Option<Share>,
    /// The figures behind it, wherever they could be compared.
    pub comparison: Option<Comparison>,
    /// The exponent behind it, for a metric that is one.
    #[serde(default)]
    pub exponent: Option<Exponent>,
    /// The smallest level at which the looks so far would tell the ratio from the threshold, had this been
    /// the only test.
    pub p_value: Option<f64>,
    /// The same as one test of the family; a verdict from blocks needs it to be at most 1 less the level.
    pub p_adjusted: Option<f64>,
    /// Whether the whole interval lies so near the threshold that further blocks are not worth it.
    pub within_margin: bool,
    /// About how many further blocks would decide an inconclusive verdict if ratio and spread stay.
    pub further_blocks: Option<u32>,
}

/// The four verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// The lower bound reaches the threshold.
    Confirmed,
    /// The upper bound stays below the threshold.
    Refuted,
    /// The threshold lies inside the interval, or there is no interval.
    Inconclusive,
    /// There is nothing to compare.
    NotMeasured,
}

impl Decision {
    /// All of them, in the order of the pages.
    pub const ALL: [Decision; 4] = [
        Decision::Confirmed,
        Decision::Inconclusive,
        Decision::Refuted,
        Decision::NotMeasured,
    ];

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Decision::Confirmed => "confirmed",
            Decision::Refuted => "refuted",
            Decision::Inconclusive => "inconclusive",
            Decision::NotMeasured => "not measured",
        }
    }

    /// One character that goes with the words.
    pub fn symbol(self) -> char {
        match self {
            Decision::Confirmed => '✔',
            Decision::Refuted => '✘',
            Decision::Inconclusive => '?',
            Decision::NotMeasured => '–',
        }
    }
}

/// What the matrix shows of one workload and contender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CellJudged {
    /// The workload.
    pub workload: String,
    /// The contender.
    pub contender: String,
    /// What failed, instrument by instrument, in words.
    pub failures: Vec<String>,
    /// By the metric of the matrix, against every other baseline.
    pub against: Vec<Against>,
    /// How near it comes to the machine's limits.
    #[serde(default)]
    pub near: Option<Near>,
    /// Why that cannot be said.
    #[serde(default)]
    pub near_missing: Option<String>,
}

/// A cell against one baseline: a comparison or the reason for none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Against {
    /// The baseline.
    pub baseline: String,
    /// The figures.
    pub comparison: Option<Comparison>,
    /// Why there are none.
    pub why: Option<String>,
    /// Whether the reason is a failure rather than something not tried.
    pub failed: bool,
    /// What speaks for the difference, where there is one.
    #[serde(default)]
    pub because: Option<Why>,
}

impl Judged {
    /// The verdicts as JSON, with a final line end.
    pub fn to_json(&self) -> String {
        // Ratios are finite: one without bound is null with words beside it.
        let mut text = serde_json::to_string_pretty(self).expect("verdicts serialise");
        text.push('\n');
        text
    }

    /// How many verdicts have this decision.
    pub fn count(&self, decision: Decision) -> usize {
        self.verdicts
            .iter()
            .filter(|v| v.decision == decision)
            .count()
    }

    /// Verdicts on one workload and contender.
    pub fn of<'a>(
        &'a self,
        workload: &'a str,
        contender: &'a str,
    ) -> impl Iterator<Item = &'a Verdict> {
        self.verdicts
            .iter()
            .filter(move |v| v.workload == workload && v.contender == contender)
    }
}

/// Judges every claim and every cell.
pub fn judge(records: &[Record], claims: &Claims) -> Judged {
    let figures = Figures::new(records);
    let rules = &claims.rules;
    let tests = claims.expand();
    let mut verdicts: Vec<Verdict> = tests.iter().map(|t| verdict(&figures, t, rules)).collect();
    family::decide(&mut verdicts, rules);
    scaling::decide(&mut verdicts, &tests, &figures, rules);
    for (verdict, test) in verdicts.iter_mut().zip(&tests) {
        if verdict.decision == Decision::Refuted && test.claim.limit == Some(Limit::Cores) {
            verdict.limit = figures
                .run
                .zip(test.threshold)
                .and_then(|(run, threshold)| cores_limit(run.machine.cores, threshold));
        }
    }
    limits::decide(&mut verdicts, &figures, rules, &UNTIMED);
    limits::forbid(&mut verdicts, &figures, rules);
    let controls = controls::examine(&figures, rules, &clocks(claims));
    withhold(&mut verdicts, &controls);
    disturbed::leave_open(&mut verdicts, records, rules);
    let pairs = figures.pairs().into_iter();
    let cells = pairs
        .filter(|(_, contender)| !controls::is_control(contender))
        .map(|(workload, contender)| cell(&figures, workload, contender, rules))
        .collect();
    Judged {
        version: VERSION,
        run: figures.run.cloned(),
        rules: rules.clone(),
        verdicts,
        controls,
        disturbed: disturbed::sums(records),
        cells,
    }
}

// Work of these sizes is over too soon, and is repeated too little, for its time to mean anything.
pub(crate) const UNTIMED: [&str; 2] = ["tiny", "quick"];
pub(crate) const QUICK: &str = "--quick takes too few samples for a verdict";

fn verdict(figures: &Figures<'_>, testable: &Testable<'_>, rules: &Rules) -> Verdict {
    let claim = testable.claim;
    let mut verdict = Verdict {
        id: testable.id.clone(),
        claim: claim.id.clone(),
        source: claim.source,
        sentence: testable.sentence.clone(),
        note: claim.note.clone(),
        headline: claim.headline,
        workload: testable.workload.to_owned(),
        contender: claim.contender.clone(),
        baseline: testable.baseline.map(ToOwned::to_owned),
        metric: claim.metric.clone(),
        threshold: testable.threshold,
        decision: Decision::NotMeasured,
        why: None,
        limit: None,
        at_most: None,
        share: None,
        comparison: None,
        exponent: None,
        p_value: None,
        p_adjusted: None,
        within_margin: false,
        further_blocks: None,
    };
    if let Some(why) = &claim.not_measured {
        verdict.why = Some(why.clone());
        return verdict;
    }
    if metrics::is_share(&claim.metric) || claim.exponent.is_some() {
        return verdict;
    }
    let (Some(baseline), Some(threshold)) = (testable.baseline, testable.threshold) else {
        (verdict.decision, verdict.why) = completes(figures, testable.workload, &claim.contender);
        return verdict;
    };
    let compared = compare(
        figures,
        testable.workload,
        &claim.contender,
        baseline,
        &claim.metric,
        rules.level,
    );
    let comparison = match compared {
        Ok(comparison) => comparison,
        Err(why) => {
            verdict.why = Some(why);
            return verdict;
        }
    };
    if metrics::is_time(&claim.metric) && UNTIMED.contains(&comparison.size.as_str()) {
        verdict.why = Some(QUICK.to_owned());
        verdict.comparison = Some(comparison);
        return verdict;
    }
    if comparison.exact && comparison.baseline_value == 0.0 && comparison.contender_value == 0.0 {
        verdict.why = Some(format!("both have none at size {}", comparison.size));
        verdict.comparison = Some(comparison);
        return verdict;
    }
    decide(&mut verdict, &comparison, threshold);
    verdict.comparison = Some(comparison);
    verdict
}

// Where there are blocks, only the family as a whole decides.
fn decide(verdict: &mut Verdict, comparison: &Comparison, threshold: f64) {
    let bounds = comparison.bounds().filter(|_| comparison.logs.is_empty());
    verdict.decision = match bounds {
        Some((low, _)) if low >= threshold => Decision::Confirmed,
        Some((_, high)) if high < threshold => Decision::Refuted,
        Some(_) => {
            verdict.why = Some("the samples lie on both sides of the threshold".to_owned());
            Decision::Inconclusive
        }
        None => {
            verdict.why.clone_from(&comparison.interval_missing);
            Decision::Inconclusive
        }
    };
}

/// The clocks that claims and matrix go by.
fn clocks(claims: &Claims) -> Vec<&'static str> {
    let named = |metric: &str| {
        claims.rules.matrix == metric || claims.claims.iter().any(|claim| claim.metric == metric)
    };
    let clocks = metrics::ALL.iter().map(|metric| metric.name);
    clocks
        .filter(|name| metrics::is_time(name) && named(name))
        .collect()
}

/// Where a baseline differs from itself, something else than the code decides: no time is believed.
fn withhold(verdicts: &mut [Verdict], controls: &[Control]) {
    let Some(control) = controls.iter().find(|control| control.differs) else {
        return;
    };
    let (low, high) = control
        .comparison
        .as_ref()
        .map_or_else(Default::default, |c| c.range_words());
    let why = format!(
        "the control: {CONTROLLED} on {} differs from itself, {} {low} to {high}",
        control.workload,
        metrics::inline(&control.metric)
    );
    for verdict in verdicts {
        let timed = metrics::is_time(&verdict.metric) && verdict.comparison.is_some();
        let exponent = scaling::is_of_times(&verdict.metric) && verdict.exponent.is_some();
        if timed || exponent || verdict.share.is_some() {
            verdict.decision = Decision::NotMeasured;
            verdict.why = Some(why.clone());
            (verdict.limit, verdict.further_blocks) = (None, None);
        }
    }
}

fn cores_limit(cores: u32, threshold: f64) -> Option<String> {
    if threshold <= f64::from(cores) || cores == 0 {
        return None;
    }
    let (count, verb) = match cores {
        1 => ("one core".to_owned(), "allows"),
        2 => ("two cores".to_owned(), "allow"),
        n => (format!("{n} cores"), "allow"),
    };
    Some(format!(
        "{count} {verb} {cores}.0x at most over a single thread of the same code"
    ))
}

fn completes(figures: &Figures<'_>, workload: &str, contender: &str) -> (Decision, Option<String>) {
    let sizes = figures.sizes(workload, contender, metrics::LIMITED);
    let Some(size) = sizes.first() else {
        let why = format!(
            "no {contender} in the {} records of this workload",
            metrics::LIMITED
        );
        return (Decision::NotMeasured, Some(why));
    };
    let cell = Cell {
        workload: workload.to_owned(),
        contender: contender.to_owned(),
        size: (*size).to_owned(),
    };
    if let Some(failure) = figures.failure(&cell, metrics::LIMITED) {
        return (Decision::Refuted, Some(failure.words()));
    }
    for probe in figures.by(&cell, metrics::LIMITED) {
        match &probe.outcome {
            Outcome::Measured => {}
            Outcome::NotMeasured { why } | Outcome::Failed { why, .. } => {
                return (Decision::NotMeasured, Some(why.clone()));
            }
        }
    }
    let input = figures
        .by(&cell, metrics::LIMITED)
        .map(|probe| probe.bytes)
        .max();
    let evidence = input.map(|bytes| {
        let (input, memory) = (bytes as f64, (bytes / 2) as f64);
        let (input, memory) = (units::value(input, "bytes"), units::value(memory, "bytes"));
        format!("an input of {input}, size {size}, in {memory} of memory beyond the program's own")
    });
    (Decision::Confirmed, evidence)
}

fn cell(figures: &Figures<'_>, workload: &str, contender: &str, rules: &Rules) -> CellJudged {
    let mut failures: Vec<String> = Vec::new();
    let mut failed_in_matrix = false;
    let instrument = metrics::find(&rules.matrix).map_or("", |metric| metric.instrument);
    for cell in figures
        .cells()
        .filter(|c| c.workload == workload && c.contender == contender)
    {
        for probe in figures.probes(cell) {
            if let Outcome::Failed { failure, why } = &probe.outcome {
                failed_in_matrix |= probe.instrument == instrument;
                let words = format!("{} ({}): {why}", failure.words(), probe.instrument);
                if !failures.contains(&words) {
                    failures.push(words);
                }
            }
        }
    }
    let against = rules
        .baselines
        .iter()
        .filter(|baseline| *baseline != contender)
        .map(|baseline| {
            let compared = compare(
                figures,
                workload,
                contender,
                baseline,
                &rules.matrix,
                rules.level,
            );
            let (comparison, why) = match compared {
                Ok(comparison) => (Some(comparison), None),
                Err(why) => (None, Some(why)),
            };
            Against {
                baseline: baseline.clone(),
                failed: failed_in_matrix && comparison.is_none(),
                because: comparison.as_ref().and_then(|time| {
                    why::explain(figures, workload, contender, baseline, time, rules.level)
                }),
                comparison,
                why,
            }
        })
        .collect();
    let near = limits::near(figures, workload, contender, rules.level);
    let (near, near_missing) = match near {
        Ok(near) => (Some(near), None),
        Err(why) => (None, Some(why)),
    };
    CellJudged {
        workload: workload.to_owned(),
        contender: contender.to_owned(),
        failures,
        against,
        near,
        near_missing,
    }
}
