//! What the doctor found before the run and what disturbed its blocks, for the page of the machine.

use maud::{Markup, html};

use super::shell;
use crate::record::{Run, Weight};
use crate::units;
use crate::verdict::Judged;

/// How many blocks something else has hit.
pub(crate) fn disturbed(judged: &Judged) -> Markup {
    let sums = &judged.disturbed;
    if sums.blocks + sums.unknown == 0 {
        return html! {
            h2 #disturbed { "Disturbances" }
            p { "No block is recorded." }
        };
    }
    html! {
        h2 #disturbed { "Disturbances" }
        p { (sums.words()) "." }
        p .soft {
            "During every block the harness notes stolen time, CPU time of processes that are not its own, how long "
            "its own waited for a core, and whether anything waited for memory. A block counts as hit by stolen "
            "time or by paging (waiting for memory) above 1 % of its wall time, by a neighbour above a tenth of a core. It is "
            "kept: the page of each cell marks it."
            @if sums.blocks > 0 && sums.unknown > 0 {
                " Of " (units::count(sums.unknown, "further block")) " nothing is recorded."
            }
        }
    }
}

/// Everything that the doctor looked at.
pub(crate) fn findings(run: &Run) -> Markup {
    if run.machine.findings.is_empty() {
        return html! {};
    }
    let table = html! {
        table {
            thead {
                tr {
                    th scope="col" { "Examined" }
                    th scope="col" { "Finding" }
                    th scope="col" { "What was found" }
                    th scope="col" { "What it means, what to do" }
                }
            }
            tbody {
                @for finding in &run.machine.findings {
                    tr {
                        th scope="row" { (finding.name) }
                        td { (words(finding.finding)) }
                        td { (finding.what) }
                        td .soft { (finding.meaning) " " (finding.advice) }
                    }
                }
            }
        }
    };
    html! {
        h2 #doctor { "What the doctor found before the run" }
        (shell::scroll("The doctor's findings", &table))
    }
}

fn words(weight: Weight) -> &'static str {
    match weight {
        Weight::Ok => "✔ ok",
        Weight::NotMeasured => "– not measured",
        Weight::Caveat => "! caveat",
        Weight::Unfit => "✘ unfit",
    }
}
