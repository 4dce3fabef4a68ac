//! An interval on a logarithmic axis, as a picture the height of a table row. Every place is a share of
//! the width, in the rows as on the axis above them: they line up at any width and nothing stretches.

use maud::{Markup, html};

use crate::units;
use crate::verdict::{Decision, Verdict};

use super::ticks;

/// The axis that the strips of a table share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Axis {
    low: f64,
    high: f64,
}

// What lies outside is drawn at the edge with an arrow; such ratios are rare and would squeeze the rest.
const WIDEST: (f64, f64) = (1e-3, 1e5);

impl Axis {
    /// An axis with room for all intervals and thresholds, and for equal speed.
    pub(crate) fn of<'a>(verdicts: impl Iterator<Item = &'a Verdict>) -> Axis {
        let (mut low, mut high) = (1.0_f64, 2.0_f64);
        for verdict in verdicts {
            let comparison = verdict.comparison.as_ref();
            let bounds = comparison.and_then(|c| c.bounds()).map(|(l, h)| [l, h]);
            let ratio = comparison.and_then(|c| c.ratio);
            let all = bounds
                .into_iter()
                .flatten()
                .chain(verdict.threshold)
                .chain(ratio);
            for value in all.filter(|v| v.is_finite() && *v > 0.0) {
                low = low.min(value);
                high = high.max(value);
            }
        }
        Axis {
            low: (low * 0.75).max(WIDEST.0),
            high: (high * 1.3).min(WIDEST.1),
        }
    }

    /// Place of a ratio as a share of the width in percent, and whether the axis holds it.
    fn place(self, ratio: f64) -> (f64, bool) {
        if ratio <= 0.0 {
            return (0.0, false);
        }
        let share = (ratio / self.low).ln() / (self.high / self.low).ln();
        (100.0 * share.clamp(0.0, 1.0), (0.0..=1.0).contains(&share))
    }

    /// Where the rows' dotted line of no difference is, for the table: one rule of the style draws it in
    /// every row, which would else take an element each.
    pub(crate) fn style(self) -> String {
        format!("--one:{}", at(self.place(1.0).0))
    }

    /// The ticks with their labels, for the head of the column.
    pub(crate) fn head(self) -> Markup {
        html! {
            svg .strip role="img" aria-label="Logarithmic axis of ratios" {
                @for tick in ticks::ratios(self.low, self.high) {
                    text x=(at(self.place(tick).0)) y="16" { (label(tick)) }
                    line .one x1=(at(self.place(tick).0)) x2=(at(self.place(tick).0)) y1="21" y2="26" {}
                }
            }
        }
    }

    /// One verdict's strip; nothing where nothing was compared.
    pub(crate) fn strip(self, verdict: &Verdict) -> Markup {
        let threshold = verdict.threshold.map(|t| self.place(t).0);
        let comparison = verdict.comparison.as_ref();
        let bounds = comparison.and_then(|c| c.bounds());
        let centre =
            comparison.and_then(|c| c.ratio.or(c.ratio_words.is_some().then_some(f64::INFINITY)));
        html! {
            svg .strip .(super::super::pages::shell::class(verdict.decision)) aria-hidden="true" {
                @if let Some(t) = threshold {
                    rect .zone x=(at(t)) y="1" width=(at(100.0 - t)) height="24" {}
                }
                @if let Some(t) = threshold { line .thr x1=(at(t)) x2=(at(t)) y1="0" y2="26" {} }
                @if let Some((low, high)) = bounds.filter(|(l, h)| l < h) {
                    line .ci x1=(at(self.place(low).0)) x2=(at(self.place(high).0)) y1="13" y2="13" {}
                }
                @if let Some(ratio) = centre { (self.marker(ratio, verdict.decision)) }
            }
        }
    }

    // Shapes differ as well as colours. A nested picture moves its shape without scaling it.
    fn marker(self, ratio: f64, decision: Decision) -> Markup {
        let (place, inside) = self.place(ratio);
        let x = at(place);
        if !inside {
            let arrow = if place > 50.0 {
                "M-12,-6L0,0L-12,6Z"
            } else {
                "M12,-6L0,0L12,6Z"
            };
            return html! { svg x=(x) y="13" overflow="visible" { path .f d=(arrow) {} } };
        }
        match decision {
            Decision::Confirmed => html! { circle .f cx=(x) cy="13" r="5" {} },
            Decision::Refuted => html! {
                svg x=(x) y="13" overflow="visible" { path .f d="M-6,5L6,5L0,-6Z" {} }
            },
            Decision::Inconclusive | Decision::NotMeasured => html! {
                svg x=(x) y="13" overflow="visible" { rect .h x="-5" y="-5" width="10" height="10" {} }
            },
        }
    }
}

fn at(percent: f64) -> String {
    format!("{percent:.2}%")
}

fn label(tick: f64) -> String {
    if tick >= 1.0 {
        format!("{tick:.0}×")
    } else {
        format!("{}×", units::digits(tick).trim_end_matches('0'))
    }
}
