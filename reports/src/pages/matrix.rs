//! Every workload against every contender: ratio and interval, tinted in steps, failures in words.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::{cell_path, shell};
use crate::units;
use crate::verdict::{Against, CellJudged, Judged};
use crate::{compare, metrics};

type Cells<'a> = BTreeMap<(&'a str, &'a str), &'a CellJudged>;

pub(crate) fn section(judged: &Judged) -> Markup {
    if judged.cells.is_empty() {
        return html! {};
    }
    let metric = metrics::inline(&judged.rules.matrix);
    // The last baseline is the strictest: it stands open.
    let (last, others) = match judged.rules.baselines.split_last() {
        Some((last, others)) => (last, others),
        None => return html! {},
    };
    html! {
        section {
            h2 { "All workloads and engines by " (metric) }
            (matrix(judged, last))
            @for baseline in others.iter().rev() {
                details {
                    summary { "The same over " (baseline) }
                    (matrix(judged, baseline))
                }
            }
        }
    }
}

fn matrix(judged: &Judged, baseline: &str) -> Markup {
    let cells: Cells<'_> = judged
        .cells
        .iter()
        .map(|c| ((c.workload.as_str(), c.contender.as_str()), c))
        .collect();
    let workloads: BTreeSet<&str> = cells.keys().map(|(workload, _)| *workload).collect();
    let mut contenders: Vec<&str> = cells
        .keys()
        .map(|(_, contender)| *contender)
        .filter(|contender| *contender != baseline)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    contenders.sort_by_key(|name| !judged.rules.baselines.iter().any(|b| b == name));
    let table = html! {
        table .matrix {
            caption { (caption(judged, baseline)) }
            thead {
                tr {
                    th scope="col" { "Workload" }
                    @for contender in &contenders { th scope="col" { (contender) } }
                }
            }
            tbody {
                @for workload in &workloads {
                    tr {
                        th scope="row" { (workload) }
                        @for contender in &contenders {
                            (cell(cells.get(&(*workload, *contender)).copied(), baseline, &judged.rules.tints))
                        }
                    }
                }
            }
        }
    };
    shell::scroll(&format!("All workloads over {baseline}"), &table)
}

fn caption(judged: &Judged, baseline: &str) -> Markup {
    html! {
        (metrics::title(&judged.rules.matrix)) " of " strong { (baseline) } " over that of each contender, with " (shell::level(judged.rules.level))
        " interval. Tint by the lower bound: "
        @for (i, tint) in judged.rules.tints.iter().take(TINTS).enumerate() {
            span .key .(format!("t{}", i + 1)) { "≥ " (units::threshold(*tint)) }
        }
        span .key .m1 { "wholly < 1×" }
        "Hatched: no result."
    }
}

const TINTS: usize = 4;

fn cell(cell: Option<&CellJudged>, baseline: &str, tints: &[f64]) -> Markup {
    let Some(cell) = cell else {
        return html! { td .na { span { "not run" } } };
    };
    let Some(against) = cell.against.iter().find(|a| a.baseline == baseline) else {
        return html! { td .na { span { "not run" } } };
    };
    let path = cell_path(&cell.workload, &cell.contender);
    match &against.comparison {
        Some(comparison) => {
            let interval = comparison
                .interval
                .map(|i| format!("{} – {}", units::digits(i.low), units::digits(i.high)));
            html! {
                td .(tint(comparison, tints)) {
                    a href=(path) {
                        @match (comparison.ratio, &comparison.ratio_words) {
                            (Some(ratio), _) => (units::ratio(ratio)),
                            (None, Some(words)) => { "∞ (" (words) ")" },
                            (None, None) => "no ratio",
                        }
                        small { (interval.as_deref().unwrap_or(
                            if comparison.exact { "exact" } else { "too few blocks" }
                        )) }
                    }
                }
            }
        }
        None => html! {
            td .na { a href=(path) { (why(cell, against)) } }
        },
    }
}

// The kind of failure fits a cell of the table; its page has the whole reason.
fn why(cell: &CellJudged, against: &Against) -> String {
    if against.failed {
        let first = cell
            .failures
            .first()
            .map_or("failed", |f| f.split(" (").next().unwrap_or(f));
        return format!("✘ {first}");
    }
    "not measured".to_owned()
}

fn tint(comparison: &compare::Comparison, tints: &[f64]) -> String {
    let Some((low, high)) = comparison.bounds() else {
        return String::new();
    };
    if high < 1.0 {
        return "m1".to_owned();
    }
    match tints
        .iter()
        .take(TINTS)
        .filter(|tint| low >= **tint)
        .count()
    {
        0 => String::new(),
        deep => format!("t{deep}"),
    }
}
