//! What the figures were taken on: machine, toolchain, commit, seed; and what the controls say of it.

use maud::{Markup, html};

use super::doctor;
use super::limits;
use super::shell::{self, Page};
use crate::controls::{self, Control, is_control};
use crate::figures::Figures;
use crate::record::CONTROLLED;
use crate::verdict::Judged;
use crate::{metrics, units};

pub(crate) fn page(judged: &Judged, figures: &Figures<'_>) -> String {
    let cells = figures
        .cells()
        .filter(|cell| !is_control(&cell.contender))
        .count();
    let content = html! {
        h1 { "The machine and the run" }
        @if let Some(run) = &judged.run {
            @let machine = &run.machine;
            @if !machine.caveats.is_empty() {
                div .note role="note" {
                    strong { "Read with care" }
                    ul { @for caveat in &machine.caveats { li { (caveat) } } }
                }
            }
            h2 { "Machine" }
            dl {
                dt { "Processor" } dd { (machine.processor) }
                dt { "Architecture" } dd { (machine.architecture) }
                dt { "Cores" } dd { (machine.cores) }
                dt { "Memory" } dd { (units::value(machine.memory as f64, "bytes")) }
                @for cache in &machine.caches {
                    dt { "Cache, level " (cache.level) }
                    dd { (units::value(cache.bytes as f64, "bytes")) }
                }
                dt { "Extensions" } dd { @if machine.extensions.is_empty() { "none" } @else { (machine.extensions.join(", ")) } }
                dt { "System" } dd { (machine.system) }
                dt { "Virtual machine" } dd { @if machine.virtual_machine { "yes" } @else { "no" } }
            }
            h2 { "Run" }
            dl {
                dt { "Started" } dd { (run.started) }
                dt { "Size" } dd { (run.size) }
                dt { "Seed" } dd { (run.seed) }
                dt { "Commit" } dd { (run.commit) @if run.dirty { " with changes" } }
                dt { "Toolchain" } dd { (run.toolchain) }
                dt { "Profile" } dd { (run.profile) }
                dt { "At most" } dd {
                    (units::count(run.blocks as usize, "block")) " of "
                    (units::count(run.rounds as usize, "round")) " after "
                    (units::count(run.warm_up as usize, "round")) " of warm-up, fewer where one round takes long"
                }
                dt { "Cells, counted at each size" } dd { (cells) }
            }
        } @else {
            p { "The records do not describe their run: the line that does is missing." }
        }
        (controls(judged))
        (doctor::disturbed(judged))
        @if let Some(run) = &judged.run { (doctor::findings(run)) }
        (limits::table(figures))
    };
    shell::page(
        &Page {
            title: "Machine",
            root: "",
            here: "machine.html",
        },
        &content,
    )
}

fn controls(judged: &Judged) -> Markup {
    let Some(sums) = controls::sums(&judged.controls) else {
        return html! {
            h2 #controls { "Controls" }
            p { "This run has none: nothing shows whether a baseline equals itself here." }
        };
    };
    let table = html! {
        table {
            thead {
                tr {
                    th scope="col" { "Workload" }
                    th scope="col" { "Clock" }
                    th .n scope="col" { "Blocks" }
                    th .n scope="col" { (CONTROLLED) " over itself" }
                    th .n scope="col" { "Shows from" }
                    th .n scope="col" { "Over the slowed one" }
                }
            }
            tbody { @for control in &judged.controls { (row(control)) } }
        }
    };
    html! {
        h2 #controls { "Controls" }
        p { (sums.words()) }
        p .soft {
            "Every block runs the baseline " code { (CONTROLLED) } " a second time: where the two differ at "
            (shell::level(judged.rules.level)) " for all controls together, no time of the run is believed. "
            "\u{201c}Shows from\u{201d} is the smallest difference that one comparison with this spread and "
            "number of blocks shows nine times out of ten."
            @if sums.share > 0.0 {
                " A third one is slowed: after each call it keeps its core busy for "
                (units::digits(100.0 * sums.share)) " % of the time that the call took."
            }
        }
        (shell::scroll("Controls", &table))
    }
}

fn row(control: &Control) -> Markup {
    html! {
        tr {
            th scope="row" { (control.workload) }
            td { (metrics::title(&control.metric)) }
            td .n { @if let Some(c) = &control.comparison { (c.blocks) } }
            td .n {
                @if let Some(comparison) = &control.comparison { (shell::ratio(comparison)) }
                @if let Some(why) = &control.why { "not measured: " (why) }
                @if control.differs { " ✘ differs" }
            }
            td .n { @if let Some(ratio) = control.detectable { (controls::percent_above(ratio)) " %" } }
            td .n {
                @if let Some(handicap) = &control.handicap {
                    (shell::ratio(&handicap.comparison)) @if handicap.seen { " ✔ seen" } @else { " not seen" }
                }
            }
        }
    }
}
