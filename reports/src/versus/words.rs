//! What was found, as sentences: the same on the terminal and on the page.

use crate::compare::{Interval, percent};
use crate::units;

use super::{Answer, Comparison, Decision, Metric, Outputs};

/// A ratio in three digits, near 1 with three places: there the third is what matters.
pub(crate) fn ratio(value: f64) -> String {
    if (0.9..1.1).contains(&value) {
        format!("{value:.3}")
    } else {
        units::digits(value)
    }
}

/// `1.52× [1.48, 1.56]`, or the ratio with what stands in place of the interval.
pub(crate) fn figures(comparison: &Comparison) -> String {
    with_interval(comparison, false)
}

fn with_interval(comparison: &Comparison, turned: bool) -> String {
    let turn = |value: f64| if turned { 1.0 / value } else { value };
    let Some(centre) = comparison.ratio else {
        return "no ratio".to_owned();
    };
    let centre = ratio(turn(centre));
    match comparison.interval {
        Some(Interval { low, high, .. }) => {
            let (low, high) = match turned {
                true => (turn(high), turn(low)),
                false => (low, high),
            };
            format!("{centre}× [{}, {}]", ratio(low), ratio(high))
        }
        None if comparison.exact => format!("{centre}× (exact)"),
        None => format!("{centre}× (no interval)"),
    }
}

/// One character that goes with the decision.
pub(crate) fn symbol(decision: Decision) -> char {
    match decision {
        Decision::Better | Decision::Worse => '≠',
        Decision::Confirmed => '✔',
        Decision::Refuted => '✘',
        Decision::Alike => '=',
        Decision::Open | Decision::Inconclusive => '?',
    }
}

/// The decision in one or two words.
pub(crate) fn decision(decision: Decision, metric: Metric) -> &'static str {
    let time = matches!(metric, Metric::Wall);
    match decision {
        Decision::Better if time => "faster",
        Decision::Better => "needs less",
        Decision::Worse if time => "slower",
        Decision::Worse => "needs more",
        Decision::Alike | Decision::Open => "no difference shown",
        Decision::Confirmed => "confirmed",
        Decision::Refuted => "refuted",
        Decision::Inconclusive => "inconclusive",
    }
}

/// What is claimed, as a clause.
pub(crate) fn claim(metric: Metric, name: &str, reference: &str, threshold: f64) -> String {
    let times = units::threshold(threshold);
    match metric {
        Metric::Wall => format!("{name} is at least {times} as fast as {reference}"),
        _ => format!(
            "{reference} takes at least {times} the {} of {name}",
            metric.title()
        ),
    }
}

/// What was found, as a sentence with its figures, to stand after the decision. `name` makes a name fit
/// where it is to stand.
pub(crate) fn sentence(
    answer: &Answer,
    comparison: &Comparison,
    name: &dyn Fn(&str) -> String,
) -> String {
    let metric = answer.question.metric;
    let (mine, theirs) = (name(&comparison.command), name(&comparison.reference));
    let turned = comparison.decision == Decision::Worse;
    let (less, more) = match turned {
        false => (&mine, &theirs),
        true => (&theirs, &mine),
    };
    let found = with_interval(comparison, turned);
    let text = match (comparison.decision, metric) {
        (Decision::Better | Decision::Worse, Metric::Wall) => {
            format!("{less} is {found} as fast as {more}")
        }
        (Decision::Better | Decision::Worse, _) => {
            format!("{more} takes {found} the {} of {less}", metric.title())
        }
        (Decision::Alike, _) if comparison.exact => {
            format!("{theirs} and {mine} take exactly the same")
        }
        (Decision::Alike, _) => {
            let margin = percent(answer.question.margin);
            format!("{theirs} over {mine} is {found}, within {margin} % of 1")
        }
        (Decision::Open, _) => match comparison.detectable {
            Some(share) if comparison.interval.is_some() => format!(
                "{theirs} over {mine} is {found}; a difference of {} % or more would most likely have been shown",
                brief(share * 100.0)
            ),
            _ => format!("{theirs} over {mine} is {found}"),
        },
        (Decision::Confirmed | Decision::Refuted | Decision::Inconclusive, _) => {
            let threshold = answer.question.claim.unwrap_or(1.0);
            format!(
                "{}. It is {found}",
                claim(metric, &mine, &theirs, threshold)
            )
        }
    };
    let level = percent(answer.question.level);
    let blocks = units::count(comparison.blocks as usize, "block");
    match comparison.interval {
        Some(_) => format!("{text} ({level} %, {blocks})"),
        None if comparison.exact => text,
        None => format!("{text} ({blocks})"),
    }
}

/// Percent, in two digits.
fn brief(percent: f64) -> String {
    match percent {
        p if p < 1.0 => format!("{p:.2}"),
        p if p < 10.0 => format!("{p:.1}"),
        p => format!("{p:.0}"),
    }
}

/// What stands after the sentence: why nothing is decided, and what would help.
pub(crate) fn remarks(comparison: &Comparison) -> Vec<String> {
    let mut remarks: Vec<String> = comparison.why.iter().cloned().collect();
    if let Some(further) = comparison.further_blocks {
        let blocks = units::count(further as usize, "further block");
        let what = match comparison.decision {
            Decision::Open => "show it",
            _ => "decide",
        };
        remarks.push(format!(
            "about {blocks} would {what}, should the ratio and its spread stay"
        ));
    }
    remarks
}

/// How it was measured and how it ended, as far as a reader has to know that at once.
pub(crate) fn circumstances(answer: &Answer) -> Vec<String> {
    let mut said = Vec::new();
    let setting = &answer.setting;
    if setting.interrupted {
        said.push("ended by the user before it was decided".to_owned());
    } else if setting.time_up {
        said.push("time was up before it was decided: --budget gives more".to_owned());
    }
    let several = answer.comparisons.len();
    if several > 1 {
        said.push(format!(
            "verdicts hold at {} % for all {several} comparisons together, each interval for its own",
            percent(answer.question.level),
        ));
    }
    if let Some(shell) = &setting.shell {
        said.push(format!(
            "run by {shell}, whose start is part of every figure"
        ));
    }
    if setting.outputs == Some(Outputs::Equal) {
        said.push("outputs are equal".to_owned());
    }
    said
}
