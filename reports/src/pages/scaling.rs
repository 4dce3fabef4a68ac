//! How a cell scales, as far as it was measured: over sizes, over cores, over requests in flight.

use maud::{Markup, PreEscaped, html};

use super::shell;
use crate::charts::growth;
use crate::figures::Figures;
use crate::scaling::{self, LAWS, Law, Point};
use crate::units;
use crate::verdict::{CellJudged, Judged};

/// What is varied: the instrument, the laws of it (that of the chart first), what a level counts, and the unit.
const AXES: [(&str, &[&str], &str, &str); 3] = [
    (
        "sizes",
        &["wall-time-exponent", "cpu-time-exponent", "heap-exponent"],
        "Items",
        "ns",
    ),
    ("cores", &["cores-exponent"], "Cores", "items/s"),
    (
        "concurrency",
        &["requests-exponent"],
        "Requests in flight",
        "items/s",
    ),
];

pub(crate) fn section(judged: &Judged, figures: &Figures<'_>, cell: &CellJudged) -> Markup {
    let axes: Vec<Markup> = AXES
        .iter()
        .filter(|(instrument, ..)| {
            let sizes = figures.sizes(&cell.workload, &cell.contender, instrument);
            !sizes.is_empty()
        })
        .map(|(instrument, laws, what, unit)| {
            let laws = laws
                .iter()
                .filter_map(|name| LAWS.iter().find(|l| l.metric == *name));
            axis(
                judged,
                figures,
                cell,
                instrument,
                laws.collect(),
                what,
                unit,
            )
        })
        .collect();
    if axes.is_empty() {
        return html! {};
    }
    html! {
        h2 { "How does it scale?" }
        @for axis in axes { (axis) }
    }
}

fn axis(
    judged: &Judged,
    figures: &Figures<'_>,
    cell: &CellJudged,
    instrument: &str,
    laws: Vec<&Law>,
    what: &str,
    unit: &str,
) -> Markup {
    let (workload, contender) = (&cell.workload, &cell.contender);
    let level = judged.rules.level;
    let curves: Result<Vec<_>, String> = laws
        .iter()
        .map(|law| scaling::curve(figures, workload, contender, law))
        .collect();
    let curves = match curves {
        Ok(curves) => curves,
        Err(why) => return html! { p .soft { (what) ": not measured, " (why) "." } },
    };
    let Some((size, points)) = curves.first().filter(|(_, points)| !points.is_empty()) else {
        return html! {};
    };
    let over = what.to_lowercase();
    let drawn: Vec<(f64, f64)> = points.iter().map(|p| (p.at as f64, p.value)).collect();
    let title = format!(
        "{} over {over}",
        if unit == "ns" {
            "Wall time"
        } else {
            "Throughput"
        }
    );
    let svg = growth::chart(&format!("growth-{instrument}"), &drawn, unit, &title);
    html! {
        h3 { (title) }
        ul {
            @for law in &laws {
                li { (crate::metrics::title(law.metric)) ": " (sentence(figures, cell, law, level)) }
            }
            @if instrument != "sizes" { li { (universal(points, laws[0], level)) } }
        }
        @if let Some(svg) = svg {
            figure {
                (shell::scroll(&format!("Chart of {over}"), &PreEscaped(svg)))
                figcaption { "Medians on two logarithmic axes, size " (size) ". Dotted: in proportion to the first." }
            }
        }
        (shell::scroll(&format!("Table of {over}"), &table(&curves, &laws, what, unit)))
    }
}

fn sentence(figures: &Figures<'_>, cell: &CellJudged, law: &Law, level: f64) -> String {
    match scaling::exponent(figures, &cell.workload, &cell.contender, law, level) {
        Ok(found) => format!("to the power {}", found.words()),
        Err(why) => why,
    }
}

/// The universal scalability law in words.
fn universal(points: &[Point], law: &Law, level: f64) -> String {
    let number = |(value, bounds): (f64, Option<(f64, f64)>)| match bounds {
        Some((low, high)) => format!(
            "{} [{}, {}]",
            units::digits(value),
            units::digits(low),
            units::digits(high)
        ),
        None => format!("{} without interval", units::digits(value)),
    };
    match scaling::scalability(points, law, level) {
        Ok(found) => format!(
            "Universal scalability law: contention {}, coherency {} (Amdahl's law where that is 0)",
            number(found.sigma),
            number(found.kappa)
        ),
        Err(why) => format!("Universal scalability law: {why}"),
    }
}

fn table(curves: &[(&str, Vec<Point>)], laws: &[&Law], what: &str, unit: &str) -> Markup {
    let (_, points) = &curves[0];
    let unit_of = |law: &Law| match law.metric {
        "heap-exponent" => "bytes",
        _ => unit,
    };
    let title = |law: &Law| match (law.metric, unit) {
        ("heap-exponent", _) => "Peak heap",
        ("cpu-time-exponent", _) => "CPU time",
        (_, "ns") => "Wall time",
        _ => "Throughput",
    };
    html! {
        table {
            thead {
                tr {
                    th scope="col" { (what) }
                    @for law in laws { th .n scope="col" { (title(law)) } }
                    th .n scope="col" { @if unit == "ns" { "Wall time for each" } @else { "Of the first" } }
                }
            }
            tbody {
                @for point in points {
                    tr {
                        th scope="row" { (units::value(point.at as f64, "count")) }
                        @for ((_, curve), law) in curves.iter().zip(laws) {
                            td .n {
                                @match curve.iter().find(|other| other.at == point.at) {
                                    Some(found) => (units::value(found.value, unit_of(law))),
                                    None => "none",
                                }
                            }
                        }
                        td .n {
                            @if unit == "ns" { (units::value(point.value / point.at.max(1) as f64, unit)) }
                            @else { (units::ratio(point.value / points[0].value)) }
                        }
                    }
                }
            }
        }
    }
}
