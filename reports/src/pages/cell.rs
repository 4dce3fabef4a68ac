//! One workload and contender: its verdicts, every figure that was or was not taken, how the times
//! spread and whether they were steady, its profiles, and the command that measures it again.

use std::collections::BTreeSet;

use maud::{Markup, PreEscaped, html};

use super::shell::{self, Page};
use super::{cell_path, claims_path, files, limits, root, scaling, why};
use crate::charts::backend::ink;
use crate::charts::{order, spread};
use crate::figures::{Figures, Sampled};
use crate::record::{Cell, Outcome, Probe};
use crate::verdict::{CellJudged, Judged, Verdict};
use crate::{disturbed, metrics, slug, stats, units};

pub(crate) fn page(judged: &Judged, figures: &Figures<'_>, cell: &CellJudged) -> String {
    let root = root(&cell_path(&cell.workload, &cell.contender));
    let title = format!("{} · {}", cell.workload, cell.contender);
    let verdicts: Vec<&Verdict> = judged.of(&cell.workload, &cell.contender).collect();
    let mut against: Vec<&str> = judged.rules.baselines.iter().map(String::as_str).collect();
    against.retain(|baseline| *baseline != cell.contender);
    let view = View {
        judged,
        figures,
        cell,
        against,
        root: &root,
    };
    let content = html! {
        h1 { (cell.workload) " · " (cell.contender) }
        @for line in view.lead() { p { (line) } }
        @if !cell.failures.is_empty() {
            div .note role="note" {
                strong { "It failed" }
                ul { @for failure in &cell.failures { li { (failure) } } }
            }
        }
        (view.verdicts(&verdicts))
        (limits::of_cell(cell))
        (view.times())
        (view.measures())
        (scaling::section(judged, figures, cell))
        (view.profiles())
        h2 { "Measure it again" }
        pre tabindex="0" { code { (command(&cell.workload, &cell.contender)) } }
    };
    shell::page(
        &Page {
            title: &title,
            root: &root,
            here: "",
        },
        &content,
    )
}

struct View<'a> {
    judged: &'a Judged,
    figures: &'a Figures<'a>,
    cell: &'a CellJudged,
    against: Vec<&'a str>,
    root: &'a str,
}

impl<'a> View<'a> {
    fn lead(&self) -> Vec<Markup> {
        let metric = metrics::find(&self.judged.rules.matrix);
        let advantage = metric.map_or("as good", |metric| metric.advantage);
        self.cell
            .against
            .iter()
            .map(|against| {
                let baseline = &against.baseline;
                match (&against.comparison, &against.why) {
                    (Some(comparison), _) => html! {
                        strong { (shell::plain_ratio(comparison)) } " " (advantage) " as " (baseline)
                        @if let Some(interval) = comparison.interval {
                            ", interval " (units::digits(interval.low)) " to " (units::digits(interval.high))
                        }
                        " (" (metrics::inline(&comparison.metric)) ", size "
                        (comparison.size) ", " (units::count(comparison.blocks as usize, "block")) ")"
                        @if let Some(why) = &comparison.interval_missing { "; no interval, " (why) }
                        "."
                        @if let Some(why) = &against.because {
                            br; (why.sentence) "."
                        }
                    },
                    (None, why) => html! {
                        "Not compared with " (baseline) ": " (why.as_deref().unwrap_or("no reason given")) "."
                    },
                }
            })
            .collect()
    }

    fn verdicts(&self, verdicts: &[&Verdict]) -> Markup {
        if verdicts.is_empty() {
            return html! {};
        }
        html! {
            h2 { "What is claimed of it" }
            ul .verdicts {
                @for verdict in verdicts {
                    li {
                        (shell::mark(verdict.decision))
                        div {
                            a href={ (self.root) (claims_path(&verdict.contender)) "#" (slug::component(&verdict.claim)) } {
                                (verdict.sentence)
                            }
                            @if let Some(baseline) = &verdict.baseline {
                                small {
                                    br; (metrics::title(&verdict.metric)) ", over " (baseline)
                                    @if let Some(t) = verdict.threshold { ", ≥\u{a0}" (metrics::threshold(&verdict.metric, t)) }
                                }
                            }
                        }
                        div {
                            @if let Some(figures) = shell::figures(verdict) { (figures) " " }
                            @if let Some(remarks) = shell::remarks(verdict) { small { (remarks) } }
                        }
                    }
                }
            }
        }
    }

    fn cell_at(&self, contender: &str, size: &str) -> Cell {
        Cell {
            workload: self.cell.workload.clone(),
            contender: contender.to_owned(),
            size: size.to_owned(),
        }
    }

    /// Samples at the largest size that the contender has for an instrument.
    fn sampled(
        &self,
        contender: &str,
        size: &str,
        metric: &str,
    ) -> Option<Result<Sampled<'a>, String>> {
        let found = self
            .figures
            .sampled(&self.cell_at(contender, size), metric)?;
        Some(found.map_err(|obstacle| obstacle.words()))
    }

    fn size(&self, instrument: &str) -> Option<&'a str> {
        let sizes = self
            .figures
            .sizes(&self.cell.workload, &self.cell.contender, instrument);
        sizes.first().copied()
    }

    fn contenders(&self) -> Vec<&str> {
        let mut all = vec![self.cell.contender.as_str()];
        all.extend(self.against.iter().copied());
        all
    }

    fn times(&self) -> Markup {
        let Some(size) = self.size("time") else {
            return html! {};
        };
        let mut lists: Vec<(&str, Vec<f64>)> = Vec::new();
        for contender in self.contenders() {
            if let Some(Ok(sampled)) = self.sampled(contender, size, "wall-time") {
                lists.push((contender, sampled.values()));
            } else if contender == self.cell.contender {
                return html! {};
            }
        }
        let cell = self.cell_at(&self.cell.contender, size);
        let blocks: Vec<order::Block<'_>> = self
            .figures
            .by(&cell, "time")
            .filter(|probe| probe.outcome == Outcome::Measured)
            .filter_map(|probe| {
                let series = probe.series.iter().find(|s| s.metric == "wall-time")?;
                Some(order::Block {
                    number: probe.block,
                    values: &series.values,
                    warm_up: series.warm_up as usize,
                    hit: probe.disturbed.as_ref().and_then(disturbed::told),
                })
            })
            .collect();
        let hits = disturbed::of(self.figures.by(&cell, "time"));
        let spread = spread::chart(&lists, "ns", "Cumulative distribution of wall times");
        let steady = order::chart(&blocks, "ns", "Wall times in the order of the run");
        html! {
            h2 { "How spread are the times?" }
            @if let Some(svg) = spread {
                figure {
                    (shell::scroll("Chart of the spread", &PreEscaped(svg)))
                    figcaption {
                        @for ((name, _), color) in lists.iter().zip(spread::COLORS) {
                            (swatch(ink(color))) (name)
                        }
                        ". Share of measured rounds that took at most so long; logarithmic axis, size " (size) "."
                    }
                }
            }
            (quantiles(&lists))
            h2 { "Was the machine steady?" }
            @if let Some(svg) = steady {
                figure {
                    (shell::scroll("Chart of the order", &PreEscaped(svg)))
                    figcaption {
                        (dot("ok", "#0061a1", 3)) "measured round"
                        (dot("unk", "#5b6168", 2)) "warm-up. Dotted lines separate blocks, each a fresh process."
                        @if blocks.iter().any(|block| block.hit.is_some()) {
                            " Squares: measured rounds of a block that something else has hit."
                        }
                    }
                }
            }
            @if hits.blocks > 0 { p { (hits.words()) "." } }
            @if blocks.iter().any(|block| block.hit.is_some()) {
                details {
                    summary { "Blocks that something else has hit" }
                    ul {
                        @for block in &blocks {
                            @if let Some(words) = &block.hit { li { "block " (block.number) ": " (words) } }
                        }
                    }
                }
            }
        }
    }

    fn measures(&self) -> Markup {
        let table = html! {
            table {
                thead {
                    tr {
                        th scope="col" { "Measure" }
                        @for contender in self.contenders() { th .n scope="col" { (contender) } }
                        th scope="col" { "Kind" }
                    }
                }
                tbody {
                    @for metric in self.metrics() {
                        tr {
                            th scope="row" { (metrics::title(metric)) }
                            (self.measure(metric))
                        }
                    }
                }
            }
        };
        html! {
            h2 { "All figures" }
            (shell::scroll("All figures", &table))
        }
    }

    /// The metrics that this version knows, then any others of the records.
    fn metrics(&self) -> Vec<&'a str> {
        let mut all: Vec<&str> = metrics::ALL
            .iter()
            .map(|m| m.name)
            .filter(|name| metrics::compares(name))
            .collect();
        let mut more = BTreeSet::new();
        for probe in self.probes() {
            let series = probe.series.iter().filter(|s| s.level.is_none());
            more.extend(series.map(|s| s.metric.as_str()));
        }
        all.extend(
            more.into_iter()
                .filter(|name| metrics::find(name).is_none()),
        );
        all
    }

    fn probes(&self) -> impl Iterator<Item = &'a Probe> {
        let (workload, contender) = (&self.cell.workload, &self.cell.contender);
        self.figures
            .cells()
            .filter(move |c| c.workload == *workload && c.contender == *contender)
            .flat_map(|cell| self.figures.probes(cell))
    }

    fn measure(&self, metric: &str) -> Markup {
        let instrument = metrics::find(metric).map_or("", |m| m.instrument);
        let sizes = self
            .figures
            .sizes(&self.cell.workload, &self.cell.contender, instrument);
        let size = sizes.first().copied().or_else(|| {
            self.probes()
                .find(|p| p.series.iter().any(|s| s.metric == metric))
                .map(|p| p.cell.size.as_str())
        });
        let columns = self.contenders().len();
        let missing =
            |why: &str| html! { td colspan=(columns + 1) .soft { "not measured: " (why) } };
        let Some(size) = size else {
            return missing(&format!("no record of the {instrument} instrument"));
        };
        let own = match self.sampled(&self.cell.contender, size, metric) {
            Some(Ok(sampled)) => sampled,
            Some(Err(why)) => return missing(&why),
            None => return missing(&format!("no record of the {instrument} instrument")),
        };
        html! {
            @for contender in self.contenders() {
                td .n {
                    @match self.sampled(contender, size, metric) {
                        Some(Ok(s)) => (units::value(s.typical().unwrap_or(0.0), s.unit)),
                        _ => span .soft { "none" },
                    }
                }
            }
            td .soft {
                @if own.exact.is_some() { "exact" } @else {
                    "median of " (own.values().len()) " in " (units::count(own.blocks.len(), "block"))
                }
                ", size " (size)
            }
        }
    }

    fn profiles(&self) -> Markup {
        let names: BTreeSet<&str> = self
            .probes()
            .flat_map(|probe| probe.files.iter().map(String::as_str))
            .collect();
        let unavailable: BTreeSet<String> = self
            .probes()
            .filter(|probe| probe.instrument == "cpu")
            .filter_map(|probe| match &probe.outcome {
                Outcome::Measured => None,
                Outcome::NotMeasured { why } => Some(why.clone()),
                Outcome::Failed { failure, why } => Some(format!("{}: {why}", failure.words())),
            })
            .collect();
        let shifted = why::functions(self.cell);
        if names.is_empty() && unavailable.is_empty() && shifted.0.is_empty() {
            return html! {};
        }
        html! {
            h2 { "Where does the time go?" }
            (shifted)
            @for why in &unavailable { p { "CPU profile not measured: " (why) "." } }
            @for name in names.iter().filter(|name| files::is_safe(name) && files::kind(name).picture) {
                @let link = format!("{}{}", self.root, files::target(name));
                figure {
                    (shell::scroll("Flame graph", &html! {
                        img .flame src=(link) loading="lazy" alt={ "Flame graph of " (self.cell.contender) " on " (self.cell.workload) ": width is the share of CPU samples" };
                    }))
                    figcaption { a href=(link) { "Open the flame graph by itself" } " to enlarge its frames." }
                }
            }
            ul {
                @for name in &names {
                    @let kind = files::kind(name);
                    @if !files::is_safe(name) {
                        li { (kind.what) ": left out, since its name is not a plain path" }
                    } @else if !kind.picture {
                        li {
                            a href={ (self.root) (files::target(name)) } download { (name) }
                            ": " (kind.what) ", opens in " (kind.viewer)
                        }
                    }
                }
            }
        }
    }
}

fn quantiles(lists: &[(&str, Vec<f64>)]) -> Markup {
    let shares = [
        (0.05, "5 %"),
        (0.5, "median"),
        (0.95, "95 %"),
        (0.99, "99 %"),
    ];
    let table = html! {
        table {
            thead {
                tr {
                    th scope="col" { "Wall time" }
                    @for (_, name) in shares { th .n scope="col" { (name) } }
                    th .n scope="col" { "mean" }
                    th .n scope="col" { "rounds" }
                }
            }
            tbody {
                @for (name, values) in lists {
                    tr {
                        th scope="row" { (name) }
                        @for (share, _) in shares {
                            td .n { (units::value(stats::quantile(values, share).unwrap_or(0.0), "ns")) }
                        }
                        td .n { (units::value(values.iter().sum::<f64>() / values.len().max(1) as f64, "ns")) }
                        td .n { (values.len()) }
                    }
                }
            }
        }
    };
    shell::scroll("Quantiles of the times", &table)
}

fn swatch((class, dashes): (&str, &str)) -> Markup {
    html! {
        svg .swatch width="28" height="8" aria-hidden="true" {
            line .(class) x1="0" y1="4" x2="28" y2="4" stroke="currentColor" stroke-width="2" stroke-dasharray=[(!dashes.is_empty()).then_some(dashes)] {}
        }
    }
}

fn dot(class: &str, color: &str, radius: i32) -> Markup {
    html! {
        svg .swatch width="12" height="12" aria-hidden="true" {
            circle .(class) cx="6" cy="6" r=(radius) fill="currentColor" color=(color) {}
        }
    }
}

/// The command with its pattern quoted for a shell.
fn command(workload: &str, contender: &str) -> String {
    let pattern = format!("{workload}/{contender}").replace('\'', r"'\''");
    format!("cargo run -p harness -- run --only '{pattern}' --out target/again")
}
