//! The first page: how many claims hold, what to beware of, the headline claims as intervals, every
//! claim counted, and the matrix of workloads and contenders.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::shell::{self, Page};
use super::{cell_path, claims_path, contenders, limits, matrix};
use crate::charts::strip::Axis;
use crate::claims::Source;
use crate::metrics;
use crate::slug;
use crate::units;
use crate::verdict::{Decision, Judged, Verdict};

pub(crate) fn page(judged: &Judged) -> String {
    let tested = judged.verdicts.len() - judged.count(Decision::NotMeasured);
    let claims: BTreeSet<&str> = judged.verdicts.iter().map(|v| v.claim.as_str()).collect();
    let claims = claims.len();
    let content = html! {
        @if judged.cells.is_empty() {
            h1 { "Nothing has been measured yet" }
            p { "The records hold no probe. " code { "cargo run -p harness -- run" } " makes some." }
        } @else {
            h1 { (judged.count(Decision::Confirmed)) " of " (tested) " tests of " (claims) " claims hold here" }
            p {
                "Five ways to run a pipeline against plain Rust. A claim is tested once for each "
                "workload, baseline and threshold; it holds where the measured ratio is shown to reach "
                "what it claims, times at " (shell::level(judged.rules.level)) " for all tests together. " a href="method.html" { "How" } "."
            }
        }
        (run_line(judged))
        (caveats(judged))
        (tiles(judged))
        (headline(judged))
        (matrix::section(judged))
        (limits::section(judged))
        (all(judged))
    };
    shell::page(
        &Page {
            title: "Overview",
            root: "",
            here: "index.html",
        },
        &content,
    )
}

fn run_line(judged: &Judged) -> Markup {
    let Some(run) = &judged.run else {
        return html! { p .soft { "The records do not describe their run." } };
    };
    let commit: String = run.commit.chars().take(10).collect();
    html! {
        p .soft {
            "Run of " (run.started.replace('T', " ").replace('Z', " UTC"))
            " · size " (run.size)
            " · commit " (commit) @if run.dirty { " with changes" }
            " · at most " (units::count(run.blocks as usize, "block")) " × " (units::count(run.rounds as usize, "round"))
            " · " a href="machine.html" { (run.machine.processor) }
        }
    }
}

fn caveats(judged: &Judged) -> Markup {
    let Some(run) = &judged.run else {
        return html! {};
    };
    let quick = run.size == "quick";
    if run.machine.caveats.is_empty() && !quick {
        return html! {};
    }
    html! {
        div .note role="note" {
            strong { "Read with care" }
            ul {
                @if quick { li { "A quick run: it shows that everything works and settles no time." } }
                @for caveat in &run.machine.caveats { li { (caveat) } }
            }
        }
    }
}

fn tiles(judged: &Judged) -> Markup {
    let meaning = |decision| match decision {
        Decision::Confirmed => "shown to reach the claim",
        Decision::Inconclusive => "shown neither to reach it nor to stay below",
        Decision::Refuted => "shown to stay below the claim",
        Decision::NotMeasured => "each says why",
    };
    html! {
        ul .tiles {
            @for decision in Decision::ALL {
                li {
                    b .(shell::class(decision)) { (decision.symbol()) " " (judged.count(decision)) }
                    strong { (decision.words()) } ": " (meaning(decision))
                }
            }
        }
    }
}

fn headline(judged: &Judged) -> Markup {
    let verdicts: Vec<&Verdict> = judged.verdicts.iter().filter(|v| v.headline).collect();
    if verdicts.is_empty() {
        return html! {};
    }
    let part = |source| verdicts.iter().copied().filter(move |v| v.source == source);
    html! {
        @for (source, title) in [
            (Source::Origin, "The target: at least twice as good"),
            (Source::Ours, "Stricter claims of our own"),
        ] {
            @let verdicts: Vec<&Verdict> = part(source).collect();
            @if !verdicts.is_empty() {
                section {
                    h2 { (title) }
                    (table(judged, &verdicts))
                }
            }
        }
    }
}

fn table(judged: &Judged, verdicts: &[&Verdict]) -> Markup {
    let axis = Axis::of(verdicts.iter().copied());
    let mut group = ("", "");
    html! {
        table .claims style=(axis.style()) {
            caption {
                "Baseline over engine on a logarithmic axis with its " (shell::level(judged.rules.level))
                " interval. Dashed, with the shaded zone: the claim. Dotted: no difference."
            }
            thead {
                tr {
                    th scope="col" { "Engine over baseline" }
                    th .s scope="col" { (axis.head()) }
                    th scope="col" { "Ratio" }
                    th scope="col" { "Verdict" }
                }
            }
            tbody {
                @for verdict in verdicts {
                    @if (verdict.workload.as_str(), verdict.metric.as_str()) != group {
                        ({ group = (&verdict.workload, &verdict.metric); html! {} })
                        tr .group {
                            th colspan="4" scope="colgroup" {
                                (verdict.workload) ", " (metrics::inline(&verdict.metric))
                            }
                        }
                    }
                    tr {
                        td { (name(verdict)) }
                        td .s { (axis.strip(verdict)) }
                        td .r { (figures_of(verdict)) }
                        td .v .(shell::class(verdict.decision)) {
                            (verdict.decision.symbol()) " " (verdict.decision.words())
                        }
                    }
                }
            }
        }
    }
}

fn name(verdict: &Verdict) -> Markup {
    let path = cell_path(&verdict.workload, &verdict.contender);
    let baseline = verdict.baseline.as_deref().unwrap_or("");
    html! {
        // A page exists only for what has a record.
        @if shell::figures(verdict).is_some() {
            a href=(path) { (verdict.contender) }
        } @else { (verdict.contender) }
        @if !baseline.is_empty() { " over " (baseline) }
    }
}

fn figures_of(verdict: &Verdict) -> Markup {
    html! {
        @if let Some(figures) = shell::figures(verdict) { (figures) }
        @if let Some(remarks) = shell::remarks(verdict).filter(|_| shows_remark(verdict)) {
            " " small .long { (remarks) }
        }
    }
}

// The words "the interval holds the threshold" say nothing that the picture beside them does not.
fn shows_remark(verdict: &Verdict) -> bool {
    verdict.decision != Decision::Inconclusive
        || verdict
            .comparison
            .as_ref()
            .is_none_or(|c| c.interval.is_none())
}

fn all(judged: &Judged) -> Markup {
    if judged.verdicts.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Every claim, engine by engine" }
            p { "A claim holds as a whole only where each of its tests does." }
            @for contender in contenders(judged) {
                details {
                    summary { (contender) ": " (tally(judged.verdicts.iter().filter(|v| v.contender == contender))) }
                    (claims_of(judged, contender))
                }
            }
        }
    }
}

fn claims_of(judged: &Judged, contender: &str) -> Markup {
    let path = claims_path(contender);
    let verdicts: Vec<&Verdict> = judged
        .verdicts
        .iter()
        .filter(|v| v.contender == contender)
        .collect();
    html! {
        table {
            tbody {
                @for group in verdicts.chunk_by(|a, b| a.claim == b.claim) {
                    tr {
                        td { a href={ (path) "#" (slug::component(&group[0].claim)) } { (claim_words(group)) } }
                        td { (tally(group.iter().copied())) }
                    }
                }
            }
        }
    }
}

/// A claim in words that cover all its tests.
pub(crate) fn claim_words(group: &[&Verdict]) -> String {
    let mut sentences: Vec<&str> = group.iter().map(|v| v.sentence.as_str()).collect();
    sentences.dedup();
    let mut words = sentences[0].to_owned();
    if sentences.len() > 1 {
        words += &format!(" (and {} more)", sentences.len() - 1);
    }
    words
}

/// `✔ 3 confirmed, ✘ 1 refuted`.
pub(crate) fn tally<'a>(verdicts: impl Iterator<Item = &'a Verdict>) -> String {
    let mut counts = [0_usize; Decision::ALL.len()];
    for verdict in verdicts {
        for (count, decision) in counts.iter_mut().zip(Decision::ALL) {
            *count += usize::from(verdict.decision == decision);
        }
    }
    let parts: Vec<String> = counts
        .iter()
        .zip(Decision::ALL)
        .filter(|(count, _)| **count > 0)
        .map(|(count, decision)| format!("{} {count} {}", decision.symbol(), decision.words()))
        .collect();
    parts.join(", ")
}
