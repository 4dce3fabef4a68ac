//! The machine's limits on pages: the table of what it can do, how near a cell comes to what binds it, and
//! the same of all cells side by side.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::{cell_path, shell};
use crate::figures::Figures;
use crate::limits::{FAULT, Near, Share, best, median, rank, title};
use crate::record::Limit;
use crate::units;
use crate::verdict::{CellJudged, Judged};

/// How near a cell comes to its limits, in sentences.
pub(crate) fn of_cell(cell: &CellJudged) -> Markup {
    html! {
        h2 { "How near the limit?" }
        @match (&cell.near, &cell.near_missing) {
            (Some(near), _) => {
                (sentence(near, &near.machine, "the machine"))
                @if let Some(thread) = &near.thread {
                    @if thread.threads != near.machine.threads || thread.least != near.machine.least {
                        (sentence(near, thread, "one thread, since it keeps no more than one core busy"))
                    }
                }
                p .soft {
                    "The limit is the least time that what the work needs takes at the fastest speed that was "
                    "measured in the same run; the range goes with the interval of the time and with the "
                    "takings of the limits. " a href={ (root(cell)) "machine.html#limits" } { "All limits" } "."
                }
            }
            (None, why) => p .soft { "not measured: " (why.as_deref().unwrap_or("no reason given")) },
        }
    }
}

fn root(cell: &CellJudged) -> String {
    super::root(&cell_path(&cell.workload, &cell.contender))
}

fn sentence(near: &Near, share: &Share, of: &str) -> Markup {
    html! {
        p {
            strong { (units::percent(share.share)) } " of the limit of " (of) " (" (share.range_words()) "): "
            (share.words()) "; " (units::value(share.least, "ns")) " at the least, and it takes "
            (units::value(near.time, "ns")) ", size " (near.size) "."
            @if share.above { " " strong .bad { "✘ " (FAULT) } "." }
            span .bar aria-hidden="true" { span style={ "width:" (width(share)) } {} }
        }
    }
}

fn width(share: &Share) -> String {
    format!("{:.1}%", 100.0 * share.share.clamp(0.0, 1.0))
}

/// Every workload and contender with the share of its limit.
pub(crate) fn section(judged: &Judged) -> Markup {
    let near: BTreeMap<(&str, &str), &Near> = judged
        .cells
        .iter()
        .filter_map(|cell| Some(((&*cell.workload, &*cell.contender), cell.near.as_ref()?)))
        .collect();
    if near.is_empty() {
        return html! {};
    }
    let workloads: BTreeSet<&str> = near.keys().map(|(workload, _)| *workload).collect();
    let contenders: BTreeSet<&str> = near.keys().map(|(_, contender)| *contender).collect();
    let mut contenders: Vec<&str> = contenders.into_iter().collect();
    contenders.sort_by_key(|name| !judged.rules.baselines.iter().any(|b| b == name));
    let table = html! {
        table .matrix .near {
            caption {
                "The least time that the machine allows with all its threads, as a share of the time taken. Below "
                "each workload what binds it and that least time. ✘: more than everything, the model is at fault."
            }
            thead {
                tr {
                    th scope="col" { "Workload" }
                    @for contender in &contenders { th scope="col" { (contender) } }
                }
            }
            tbody {
                @for workload in &workloads {
                    tr {
                        th scope="row" {
                            (workload)
                            @if let Some(near) = near.iter().find(|((w, _), _)| w == workload).map(|(_, n)| n) {
                                small { (near.machine.binds()) ", " (units::value(near.machine.least, "ns")) }
                            }
                        }
                        @for contender in &contenders {
                            (cell(workload, contender, near.get(&(*workload, *contender)).copied()))
                        }
                    }
                }
            }
        }
    };
    html! {
        section {
            h2 { "How near the limit?" }
            (shell::scroll("Shares of the limit", &table))
        }
    }
}

fn cell(workload: &str, contender: &str, near: Option<&Near>) -> Markup {
    let Some(near) = near else {
        return html! { td .na { span { "not measured" } } };
    };
    let share = &near.machine;
    html! {
        td style={ "--share:" (width(share)) } {
            a href=(cell_path(workload, contender)) {
                @if share.above { "✘ " } (units::percent(share.share))
            }
        }
    }
}

/// What the machine can do, taking by taking.
pub(crate) fn table(figures: &Figures<'_>) -> Markup {
    let mut rows: BTreeMap<(usize, &str, u32), Vec<Option<&Limit>>> = BTreeMap::new();
    let takings = figures.limits.len();
    for (at, taking) in figures.limits.iter().enumerate() {
        for limit in &taking.limits {
            let key = (rank(&limit.name), &*limit.name, limit.threads);
            let row = rows.entry(key).or_insert_with(|| vec![None; takings]);
            row[at] = Some(limit);
        }
    }
    let table = html! {
        table {
            thead {
                tr {
                    th scope="col" { "Limit" }
                    th .n scope="col" { "Threads" }
                    @for taking in &figures.limits {
                        th .n scope="col" { "Taking " (taking.taking + 1) }
                        th .n scope="col" { "Median" }
                    }
                }
            }
            tbody {
                @for ((_, name, threads), row) in &rows {
                    tr {
                        th scope="row" { (title(name)) }
                        td .n { (threads) }
                        @for limit in row { (figures_of(*limit)) }
                    }
                }
            }
        }
    };
    html! {
        h2 #limits { "Limits" }
        @if figures.limits.is_empty() {
            p { "not measured: the records hold no limits of the machine." }
        } @else {
            p {
                "What this machine does at its best, measured in the same run before and after what is timed. Each "
                "figure is the fastest of some short repetitions, and their median beside it; where two "
                "takings differ, the machine was not the same throughout."
            }
            @for taking in &figures.limits {
                @if let Some(why) = &taking.why { p { "Taking " (taking.taking + 1) " not measured: " (why) "." } }
            }
            @if !rows.is_empty() { (shell::scroll("Limits", &table)) }
        }
    }
}

fn figures_of(limit: Option<&Limit>) -> Markup {
    let none = "no record of it".to_owned();
    let Some(limit) = limit else {
        return html! { td .soft colspan="2" { "not measured: " (none) } };
    };
    match (best(limit), median(limit)) {
        (Some(best), Some(median)) => html! {
            td .n { (rate(best, limit)) }
            td .n .soft { (rate(median, limit)) }
        },
        _ => html! {
            td .soft colspan="2" { "not measured: " (limit.why.as_deref().unwrap_or(&none)) }
        },
    }
}

/// A rate, or for what is slow and one after another the time of one.
fn rate(per_second: f64, limit: &Limit) -> String {
    match limit.name.as_str() {
        "round-trip" | "service-latency" => units::value(1e9 / per_second, "ns"),
        _ => units::rate(per_second, &limit.unit),
    }
}
