//! What every page has around its content: head, style, navigation and foot. Pages carry their style
//! with them, load nothing, and link relatively with an explicit file name, so that they open from disk.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::compare::{Comparison, percent};
use crate::limits::Share;
use crate::scaling::Exponent;
use crate::units;
use crate::verdict::{Decision, Verdict};

const STYLE: &str = include_str!("style.css");

/// A page in the making.
pub(crate) struct Page<'a> {
    /// Title of the window.
    pub(crate) title: &'a str,
    /// Path from the page's folder to the report's: empty, or `../` once for each folder between.
    pub(crate) root: &'a str,
    /// The page's own file name if the navigation has it.
    pub(crate) here: &'a str,
}

const PAGES: [(&str, &str); 3] = [
    ("index.html", "Overview"),
    ("method.html", "Method"),
    ("machine.html", "Machine"),
];

/// The whole page around its content.
pub(crate) fn page(page: &Page<'_>, content: &Markup) -> String {
    let root = page.root;
    let head = html! {
        header {
            nav aria-label="Pages" {
                @for (file, name) in PAGES {
                    @if file == page.here {
                        a href=(file) aria-current="page" { (name) }
                    } @else {
                        a href={ (root) (file) } { (name) }
                    }
                }
            }
        }
    };
    let foot = html! {
        "Made by Twofold from "
        a href={ (root) "records.jsonl" } { "records.jsonl" }
        " (every raw sample). Verdicts as data: "
        a href={ (root) "verdicts.json" } { "verdicts.json" }
        ". "
        a href={ (root) "trust.html" } { "Can this tool be trusted?" }
    };
    document(page.title, &head, content, &foot)
}

/// A page that belongs to no report.
pub(crate) fn alone(title: &str, content: &Markup, foot: &Markup) -> String {
    document(title, &html! {}, content, foot)
}

fn document(title: &str, head: &Markup, content: &Markup, foot: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " – Twofold" }
                // The style is a constant of this crate: nothing of a record can be in it.
                style { (PreEscaped(STYLE)) }
            }
            body {
                a .skip href="#main" { "Skip to the content" }
                (head)
                main #main { (content) }
                footer { (foot) }
            }
        }
    }
    .into_string()
}

/// A region that scrolls by itself, reachable by keyboard.
pub(crate) fn scroll(label: &str, content: &Markup) -> Markup {
    html! {
        div .scroll tabindex="0" role="region" aria-label={ (label) ", scrollable" } { (content) }
    }
}

/// The class of a verdict's colour; symbol and words always stand beside it.
pub(crate) fn class(decision: Decision) -> &'static str {
    match decision {
        Decision::Confirmed => "ok",
        Decision::Refuted => "bad",
        Decision::Inconclusive | Decision::NotMeasured => "unk",
    }
}

/// Symbol and words of a verdict.
pub(crate) fn mark(decision: Decision) -> Markup {
    html! { span .v .(class(decision)) { (decision.symbol()) " " (decision.words()) } }
}

/// The ratio alone, or the words for what stands instead.
pub(crate) fn plain_ratio(comparison: &Comparison) -> String {
    match (comparison.ratio, &comparison.ratio_words) {
        (Some(ratio), _) => units::ratio(ratio),
        (None, Some(words)) => format!("∞ ({words})"),
        (None, None) => "no ratio".to_owned(),
    }
}

/// Ratio and interval, `2.35× [2.21, 2.49]`, or the words for what stands instead.
pub(crate) fn ratio(comparison: &Comparison) -> String {
    let ratio = plain_ratio(comparison);
    match comparison.interval {
        Some(i) => format!(
            "{ratio} [{}, {}]",
            units::digits(i.low),
            units::digits(i.high)
        ),
        None if comparison.exact => format!("{ratio} exact, size {}", comparison.size),
        None if comparison.range.is_some() => {
            let (low, high) = comparison.range_words();
            format!("{ratio}, samples {low} to {high}, size {}", comparison.size)
        }
        None => format!("{ratio} without interval"),
    }
}

/// The figures behind a verdict: ratio and interval, or the share of a limit with its range.
pub(crate) fn figures(verdict: &Verdict) -> Option<String> {
    let share =
        |share: &Share| format!("{} [{}]", units::percent(share.share), share.range_words());
    let comparison = verdict.comparison.as_ref().map(ratio);
    let exponent = || verdict.exponent.as_ref().map(Exponent::words);
    comparison
        .or_else(|| verdict.share.as_ref().map(share))
        .or_else(exponent)
}

/// What stands below a verdict's figures: the reason, the limit, the blocks still wanting.
pub(crate) fn remarks(verdict: &Verdict) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(verdict.why.clone());
    parts.extend(verdict.limit.clone());
    parts.extend(verdict.share.as_ref().map(Share::words));
    if let Some(further) = verdict.further_blocks {
        let blocks = units::count(further as usize, "further block");
        parts.push(format!("about {blocks} would decide"));
    }
    if let Some(left_out) = verdict
        .comparison
        .as_ref()
        .map(|c| c.blocks_left_out)
        .filter(|n| *n > 0)
    {
        parts.push(format!(
            "{} left out",
            units::count(left_out as usize, "block")
        ));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// `99 %` for a level.
pub(crate) fn level(level: f64) -> String {
    format!("{} %", percent(level))
}
