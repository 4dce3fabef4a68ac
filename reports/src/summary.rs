//! The verdicts for a terminal of 80 columns, as rows of plain text. Control characters of a record
//! never reach the terminal.

use crate::compare::{Comparison, percent};
use crate::controls;
use crate::verdict::{Against, CellJudged, Decision, Judged, Verdict};
use crate::{metrics, units};

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The workload.
    pub workload: String,
    /// The contender.
    pub engine: String,
    /// The contender's typical value with its unit; empty where there is none.
    pub value: String,
    /// The baseline's typical value with its unit, or its name where there is none.
    pub baseline: String,
    /// The ratio, empty where there is none.
    pub ratio: String,
    /// The interval, `exact`, or empty.
    pub interval: String,
    /// The threshold, empty where there is none.
    pub threshold: String,
    /// The metric's name.
    pub metric: String,
    /// The verdict; none where nothing is claimed.
    pub decision: Option<Decision>,
    /// Why it is inconclusive or not measured, or the limit beside a refuted claim.
    pub why: String,
    /// Where the machine's limits forbid the claim, by how much; else empty.
    pub forbids: String,
}

/// The rows of the claims that the overview shows in full, or of all claims if it shows none, as far as
/// their contenders were run at all; in a run of few cells also what no such claim is about. Rows of one
/// workload and metric stand together.
pub fn rows(judged: &Judged) -> Vec<Row> {
    let headline = judged.verdicts.iter().any(|v| v.headline);
    let ran = |v: &&Verdict| {
        let of = |cell: &CellJudged| cell.workload == v.workload && cell.contender == v.contender;
        judged.cells.iter().any(of)
    };
    let wanted = || judged.verdicts.iter().filter(|v| v.headline || !headline);
    let shown: Vec<&Verdict> = wanted().filter(ran).collect();
    // Who runs a few cells only wants to see those; a full run has its pages.
    let partial = shown.len() < wanted().count();
    let claimed = |cell: &CellJudged| {
        shown
            .iter()
            .any(|v| v.workload == cell.workload && v.contender == cell.contender)
    };
    let mut rows: Vec<Row> = shown.iter().map(|v| of_verdict(v)).collect();
    for cell in judged.cells.iter().filter(|cell| partial && !claimed(cell)) {
        if !judged.rules.baselines.contains(&cell.contender) {
            rows.extend(
                cell.against
                    .iter()
                    .map(|against| of_cell(judged, cell, against)),
            );
        }
    }
    let mut groups: Vec<(String, String)> = Vec::new();
    for row in &rows {
        let group = (row.workload.clone(), row.metric.clone());
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    rows.sort_by_key(|row| {
        let same = |(w, m): &(String, String)| *w == row.workload && *m == row.metric;
        groups.iter().position(same)
    });
    // Two claims may ask the same of the same.
    rows.dedup();
    rows
}

pub(crate) fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn of_verdict(verdict: &Verdict) -> Row {
    let comparison = verdict.comparison.as_ref();
    let baseline = verdict.baseline.as_deref().unwrap_or_default();
    let why = verdict.limit.as_ref().or(verdict.why.as_ref());
    let share = verdict.share.as_ref();
    let mut row = Row {
        threshold: verdict.threshold.map_or(String::new(), |t| {
            metrics::threshold(&verdict.metric, t).replace('×', "x")
        }),
        decision: Some(verdict.decision),
        why: plain(why.map_or("", String::as_str)),
        forbids: forbids(verdict),
        ..figures(
            &verdict.workload,
            &verdict.contender,
            baseline,
            &verdict.metric,
            comparison,
        )
    };
    if let Some(share) = share {
        row.baseline = plain(&share.binds());
        row.ratio = units::percent(share.share);
        let bounds = [share.low, share.high].map(|bound| units::digits(100.0 * bound));
        row.interval = bounds.join(" .. ");
    }
    row
}

/// What the machine leaves room for, where that is less than what is claimed and not confirmed.
fn forbids(verdict: &Verdict) -> String {
    let open = [Decision::Refuted, Decision::Inconclusive].contains(&verdict.decision);
    let (Some(at_most), Some(threshold)) = (verdict.at_most, verdict.threshold) else {
        return String::new();
    };
    if !open || threshold <= at_most {
        return String::new();
    }
    let most = units::ratio(at_most).replace('×', "x");
    let baseline = verdict.baseline.as_deref().unwrap_or_default();
    plain(&format!("limit forbids: {most} at most over {baseline}"))
}

fn of_cell(judged: &Judged, cell: &CellJudged, against: &Against) -> Row {
    let failure = cell.failures.first().or(against.why.as_ref());
    Row {
        why: plain(failure.map_or("", String::as_str)),
        ..figures(
            &cell.workload,
            &cell.contender,
            &against.baseline,
            &judged.rules.matrix,
            against.comparison.as_ref(),
        )
    }
}

fn figures(
    workload: &str,
    contender: &str,
    baseline: &str,
    metric: &str,
    comparison: Option<&Comparison>,
) -> Row {
    Row {
        workload: plain(workload),
        engine: plain(contender),
        value: comparison.map_or(String::new(), |c| {
            plain(&units::value(c.contender_value, &c.unit))
        }),
        baseline: plain(&comparison.map_or(baseline.to_owned(), |c| {
            format!("{baseline} {}", units::value(c.baseline_value, &c.unit))
        })),
        ratio: comparison.map_or(String::new(), ratio),
        interval: comparison.map_or(String::new(), interval),
        threshold: String::new(),
        metric: metric.to_owned(),
        decision: None,
        why: String::new(),
        forbids: String::new(),
    }
}

fn ratio(comparison: &Comparison) -> String {
    match (comparison.ratio, &comparison.ratio_words) {
        (Some(ratio), _) => units::ratio(ratio).replace('×', "x"),
        (None, Some(_)) => "all".to_owned(),
        (None, None) => String::new(),
    }
}

fn interval(comparison: &Comparison) -> String {
    match comparison.interval {
        Some(i) => format!("{} .. {}", units::digits(i.low), units::digits(i.high)),
        None if comparison.exact => "exact".to_owned(),
        None if comparison.range.is_some() => {
            let (low, high) = comparison.range_words();
            format!("({low} .. {high})")
        }
        None => "too few blocks".to_owned(),
    }
}

/// The table with its header, a line on the controls and a line of counts, each line at most 80 columns wide. A workload and
/// metric stand once above the rows that share them, so that every figure has room.
pub fn text(judged: &Judged) -> String {
    let level = percent(judged.rules.level);
    let mut out = line([
        "engine",
        "baseline",
        "ratio",
        &format!("{level}% interval"),
        "claim",
        "verdict",
    ]);
    let mut group = String::new();
    for row in rows(judged) {
        let metric = metrics::inline(&row.metric);
        let title = format!("{} · {metric}", row.workload);
        if title != group {
            out += &format!("{}\n", cut(&title, 80));
            group = title;
        }
        let verdict = match row.decision {
            Some(decision) => format!("{} {}", decision.symbol(), decision.words()),
            None => String::new(),
        };
        out += &line([
            &row.engine,
            &row.baseline,
            &row.ratio,
            &row.interval,
            &row.threshold,
            &verdict,
        ]);
        if !row.forbids.is_empty() {
            out += &format!("{}\n", cut(&format!("   {}", row.forbids), 80));
        }
    }
    if let Some(sums) = controls::sums(&judged.controls) {
        out += &format!("{}\n", cut(&plain(&sums.words()), 80));
    }
    if judged.disturbed.any() {
        out += &format!("{}\n", cut(&judged.disturbed.words(), 80));
    }
    let counts: Vec<String> = Decision::ALL
        .iter()
        .map(|d| format!("{} {}", judged.count(*d), d.words()))
        .collect();
    out + &format!(
        "{}: {}\n",
        units::count(judged.verdicts.len(), "test"),
        counts.join(", ")
    )
}

fn line(cells: [&str; 6]) -> String {
    let [engine, baseline, ratio, interval, claim, verdict] = cells;
    let line = format!(
        " {:<16} {:<17} {:>7} {:>15} {:>5} {}",
        cut(engine, 16),
        cut(baseline, 17),
        cut(ratio, 7),
        cut(interval, 15),
        cut(claim, 5),
        cut(verdict, 14),
    );
    format!("{}\n", line.trim_end())
}

pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept.push('…');
    kept
}
