//! What was found, as sentences: the same on the terminal and on the page.

use crate::compare::{Interval, percent};
use crate::units;

use super::{Answer, Comparison, Decision, Metric};

/// A ratio in three digits, near 1 with three places: there the third is what matters.
pub(crate) fn ratio(value: f64) -> String {
    if (0.9..1.1).contains(&value) {
        format!("{value:.3}")
    } else {
        units::digits(value)
    }
}

/// `1.52x [1.48, 1.56]`, or the ratio with what stands in place of the interval.
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
            format!("{centre}x [{}, {}]", ratio(low), ratio(high))
        }
        None if comparison.exact => format!("{centre}x (exact)"),
        None => format!("{centre}x (no interval)"),
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
    let times = units::threshold(threshold).replace('×', "x");
    match metric {
        Metric::Wall => format!("{name} is at least {times} as fast as {reference}"),
        _ => format!(
            "{reference} takes at least {times} the {} of {name}",
            metric.title()
        ),
    }
}

/// One comparison as a sentence with its figures. `name` makes a name fit where it is to stand.
pub(crate) fn sentence(
    answer: &Answer,
    comparison: &Comparison,
    name: &dyn Fn(&str) -> String,
) -> String {
    let metric = answer.question.metric;
    let (mine, theirs) = (name(&comparison.command), name(&comparison.reference));
    let worse = comparison.decision == Decision::Worse;
    let compared = || {
        let figures = with_interval(comparison, worse);
        match (metric, worse) {
            (Metric::Wall, false) => format!("{mine} is {figures} as fast as {theirs}"),
            (Metric::Wall, true) => format!("{theirs} is {figures} as fast as {mine}"),
            (_, false) => format!("{theirs} takes {figures} the {} of {mine}", metric.title()),
            (_, true) => format!("{mine} takes {figures} the {} of {theirs}", metric.title()),
        }
    };
    let margin = percent(answer.question.margin);
    let mut text = match comparison.decision {
        Decision::Better | Decision::Worse => compared(),
        Decision::Alike if comparison.exact => {
            format!("no difference: {theirs} and {mine} take exactly the same")
        }
        Decision::Alike => format!(
            "no difference shown between {theirs} and {mine}: the ratio is {}, within {margin} % of 1",
            figures(comparison)
        ),
        Decision::Open => {
            let seen = match comparison.detectable {
                Some(share) if comparison.interval.is_some() => format!(
                    "; one of {} % or more would most likely have been",
                    brief(share * 100.0)
                ),
                _ => String::new(),
            };
            format!(
                "no difference shown between {theirs} and {mine}: the ratio is {}{seen}",
                figures(comparison)
            )
        }
        decision => {
            let threshold = answer.question.claim.unwrap_or(1.0);
            format!(
                "{}: {}. It is {}",
                self::decision(decision, metric),
                claim(metric, &mine, &theirs, threshold),
                figures(comparison)
            )
        }
    };
    let level = percent(answer.question.level);
    let blocks = units::count(comparison.blocks as usize, "block");
    match comparison.interval {
        Some(_) => text += &format!(" ({level} %, {blocks})"),
        None if comparison.exact => {}
        None => text += &format!(" ({blocks})"),
    }
    text
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
pub(crate) fn remarks(answer: &Answer, comparison: &Comparison) -> Vec<String> {
    let undecided = matches!(comparison.decision, Decision::Open | Decision::Inconclusive);
    let mut remarks: Vec<String> = comparison.why.iter().cloned().collect();
    if !undecided {
        return remarks;
    }
    if let Some(further) = comparison.further_blocks {
        let blocks = units::count(further as usize, "further block");
        let what = match comparison.decision {
            Decision::Open => "would show it, should the ratio and its spread stay",
            _ => "would decide, should the ratio and its spread stay",
        };
        remarks.push(format!("about {blocks} {what}"));
    }
    if answer.setting.interrupted {
        remarks.push("ended by the user before it was decided".to_owned());
    } else if answer.setting.time_up {
        remarks.push("time was up: --budget gives more".to_owned());
    }
    remarks
}
