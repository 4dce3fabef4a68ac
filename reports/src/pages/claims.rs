//! One contender's claims with every test of each, as intervals on one axis.

use maud::{Markup, html};

use super::overview::{claim_words, tally};
use super::shell::{self, Page};
use super::{cell_path, claims_path, root};
use crate::charts::strip::Axis;
use crate::claims::Source;
use crate::metrics;
use crate::slug;
use crate::verdict::{Judged, Verdict};

pub(crate) fn page(judged: &Judged, contender: &str) -> String {
    let verdicts: Vec<&Verdict> = judged
        .verdicts
        .iter()
        .filter(|v| v.contender == contender)
        .collect();
    let axis = Axis::of(verdicts.iter().copied());
    let root = root(&claims_path(contender));
    let content = html! {
        h1 { "Claims about " (contender) }
        p { (tally(verdicts.iter().copied())) }
        p {
            "Ratios are baseline over " (contender) " on one logarithmic axis, with their "
            (shell::level(judged.rules.level)) " intervals. Dashed, with the shaded zone: the claim. "
            "Dotted: no difference."
        }
        @for group in verdicts.chunk_by(|a, b| a.claim == b.claim) {
            section id=(slug::component(&group[0].claim)) { (claim(group, axis, &root)) }
        }
    };
    shell::page(
        &Page {
            title: &format!("Claims about {contender}"),
            root: &root,
            here: "",
        },
        &content,
    )
}

fn claim(group: &[&Verdict], axis: Axis, root: &str) -> Markup {
    let first = group[0];
    let whose = match first.source {
        Source::Origin => "claimed by the origin",
        Source::Ours => "a claim of our own",
    };
    let measured = group.iter().any(|v| shell::figures(v).is_some());
    let same_why = group.iter().all(|v| v.why == first.why);
    html! {
        h2 { (claim_words(group)) }
        p .soft {
            (metrics::title(&first.metric)) ", " (whose) "."
            @if let Some(note) = &first.note { " " (note) "." }
        }
        @if !measured && same_why {
            p {
                (shell::mark(first.decision))
                @if let Some(why) = &first.why { ": " (why) "." }
            }
        } @else {
            table .claims style=(axis.style()) {
                thead {
                    tr {
                        th scope="col" { "Workload, baseline" }
                        th .s scope="col" { (axis.head()) }
                        th scope="col" { "Ratio" }
                        th scope="col" { "Verdict" }
                    }
                }
                tbody {
                    @for verdict in group { (row(verdict, axis, root)) }
                }
            }
        }
    }
}

fn row(verdict: &Verdict, axis: Axis, root: &str) -> Markup {
    html! {
        tr {
            td {
                @if shell::figures(verdict).is_some() {
                    a href={ (root) (cell_path(&verdict.workload, &verdict.contender)) } { (verdict.workload) }
                } @else { (verdict.workload) }
                @if let Some(baseline) = &verdict.baseline { " over " (baseline) }
                @if let Some(threshold) = verdict.threshold { ", ≥\u{a0}" (metrics::threshold(&verdict.metric, threshold)) }
            }
            td .s { @if verdict.comparison.is_some() { (axis.strip(verdict)) } }
            td .r {
                @if let Some(figures) = shell::figures(verdict) { (figures) }
                @if let Some(remarks) = shell::remarks(verdict) { " " small .long { (remarks) } }
            }
            td .v .(shell::class(verdict.decision)) {
                (verdict.decision.symbol()) " " (verdict.decision.words())
            }
        }
    }
}
