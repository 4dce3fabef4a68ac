//! Can this tool be trusted? What the selftest showed, or how to run it.

use maud::{Markup, html};

use super::shell::{self, Page};
use crate::selftest::results::Session;
use crate::selftest::tally::{Check, Place, broken};
use crate::selftest::{Promised, Results, Row, State, tally};
use crate::units;
use crate::verdict::Judged;

/// The page of these results, which a run has in its folder or this version brings along.
pub(crate) fn page(judged: &Judged, results: &Results) -> String {
    let rules = &judged.rules;
    let judge = Promised {
        level: rules.level,
        margin: rules.margin,
    };
    let rows = tally(results, &judge, rules.level);
    let simulated: Vec<&Row> = rows
        .iter()
        .filter(|r| r.place == Place::Simulated)
        .collect();
    let real: Vec<&Row> = rows
        .iter()
        .filter(|r| r.place != Place::Simulated)
        .collect();
    let content = html! {
        h1 { "Can this tool be trusted?" }
        p {
            "The selftest compares things whose answer is known beforehand, such as the same work twice or "
            "102 units of work with 100, and judges them with the functions that judge claims. It counts how "
            "often a verdict is false, how often a difference is found, and how often the interval holds the "
            "truth. " code { "cargo run -p harness -- selftest" } " takes less than a minute; with "
            code { "--long" } " it measures all that is promised."
        }
        @if !rows.is_empty() { p { strong { (sum(&rows)) } } }
        h2 { "On a real machine" }
        @if real.is_empty() {
            p { "Not measured: run " code { "cargo run -p harness -- selftest --long --real" } "." }
        } @else {
            (shell::scroll("Real comparisons", &table(&real)))
            (machines(&results.sessions))
        }
        h2 { "On a simulated machine" }
        @if simulated.is_empty() {
            p { "Not simulated: run " code { "cargo run -p harness -- selftest --simulated" } "." }
        } @else {
            p .soft {
                "A machine with noise of 1.5 % from sample to sample, spikes, drift, neighbours that come and go, "
                "and a layout of each process that favours or hinders it by 1.5 % for a whole block: noisier than "
                "most, and what is found there is less."
            }
            (shell::scroll("Simulated comparisons", &table(&simulated)))
        }
        h2 { "How to read it" }
        p {
            "Bounds in brackets are those of the probability behind a count, at " (shell::level(rules.level))
            " (C. J. Clopper, E. S. Pearson, Biometrika 26, 1934). A promise is broken once they exclude it. It is "
            "open where what was seen falls short and the bounds do not exclude it, or where comparisons that were begun are not "
            "over. A comparison is over once it is decided, too close to call, or has taken its time. "
            "At exactly twice the work, claimed to be at least twice, no verdict is right: either one counts as false. "
            a href="method.html" { "How verdicts come about" } "."
        }
    };
    shell::page(
        &Page {
            title: "Trust",
            root: "",
            here: "trust.html",
        },
        &content,
    )
}

fn sum(rows: &[Row]) -> &'static str {
    let open = rows
        .iter()
        .flat_map(|row| &row.checks)
        .any(|check| check.state == State::Open);
    match (broken(rows), open) {
        (true, _) => {
            "✘ A promise is broken: do not rely on verdicts of this version on this machine."
        }
        (false, true) => "? No promise is broken; some are open.",
        (false, false) => "✔ All that was measured keeps the promise.",
    }
}

fn table(rows: &[&Row]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "What" }
                    th scope="col" { "Where" }
                    th scope="col" { "How many" }
                    th .n scope="col" { "Ratio" }
                    th scope="col" { "Share, promise" }
                    th scope="col" { "Seen" }
                    th scope="col" { "Promise" }
                }
            }
            tbody {
                @for row in rows {
                    @for (at, check) in row.checks.iter().enumerate() {
                        tr {
                            @if at == 0 {
                                @let lines = row.checks.len();
                                th scope="row" rowspan=(lines) { (row.about) }
                                td rowspan=(lines) { (row.place.words()) }
                                td rowspan=(lines) { (row.effort()) }
                                td .n rowspan=(lines) { (units::digits(row.ratio)) }
                            }
                            (cells(check))
                        }
                    }
                }
            }
        }
    }
}

fn cells(check: &Check) -> Markup {
    let class = match check.state {
        State::Kept => "ok",
        State::Broken => "bad",
        State::Open => "unk",
    };
    html! {
        td { (check.what) ", " (check.promise()) }
        td { (check.words()) }
        td { span .v .(class) { (check.state.words()) } }
    }
}

fn machines(sessions: &[Session]) -> Markup {
    html! {
        p .soft { "Measured in " (units::count(sessions.len(), "piece")) ":" }
        ul {
            @for session in sessions {
                @let machine = &session.machine;
                li {
                    (session.started) ", " (machine.processor) ", " (units::count(machine.cores as usize, "core"))
                    @if machine.virtual_machine { ", a virtual machine" }
                    ", " (machine.system) "; commit " (session.commit) @if session.dirty { " with changes" }
                    ", " (session.toolchain) ", " (session.profile) ", seed " (session.seed)
                }
            }
        }
    }
}
