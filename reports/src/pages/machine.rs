//! What the figures were taken on: machine, toolchain, commit, seed.

use maud::html;

use super::shell::{self, Page};
use crate::figures::Figures;
use crate::units;
use crate::verdict::Judged;

pub(crate) fn page(judged: &Judged, figures: &Figures<'_>) -> String {
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
                dt { "Planned" } dd {
                    (units::count(run.blocks as usize, "block")) " of "
                    (units::count(run.rounds as usize, "round")) " after "
                    (units::count(run.warm_up as usize, "round")) " of warm-up, fewer where one round takes long"
                }
                dt { "Cells, counted at each size" } dd { (figures.cells().count()) }
            }
        } @else {
            p { "The records do not describe their run: the line that does is missing." }
        }
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
