//! The answer for a terminal of 80 columns, as plain text; control characters of names never reach it.

use crate::stats;
use crate::summary::{cut, plain};
use crate::units;

use super::{Answer, Decision, Metric, Summary, words};

/// Columns of a terminal.
const WIDTH: usize = 80;
/// The longest name within a sentence.
const NAME: usize = 30;

/// The whole answer.
pub(crate) fn text(answer: &Answer) -> String {
    let metric = answer.question.metric;
    let mut out = line(&[
        "",
        metric.title(),
        "median",
        "min",
        "max",
        "user",
        "system",
        "runs",
    ]);
    for (at, result) in answer.results.iter().enumerate() {
        out += &row(at, result, metric);
    }
    out.push('\n');
    for comparison in &answer.comparisons {
        let name = |name: &str| format!("`{}`", cut(&plain(name), NAME));
        let sentence = words::sentence(answer, comparison, &name);
        let decision = match comparison.decision {
            // The sentence says it.
            Decision::Better | Decision::Worse => String::new(),
            decision => format!("{}: ", words::decision(decision, metric)),
        };
        let symbol = words::symbol(comparison.decision);
        out += &wrapped(&format!("{symbol} {decision}{sentence}").replace('×', "x"));
        for remark in words::remarks(comparison) {
            out += &wrapped(&format!("  {}", plain(&remark)));
        }
    }
    for said in words::circumstances(answer) {
        out += &wrapped(&format!("  {}", plain(&said)));
    }
    for caveat in &answer.caveats {
        out += &wrapped(&format!("! {}", plain(caveat)));
    }
    out
}

fn row(at: usize, result: &Summary, metric: Metric) -> String {
    let values = result.contestant.values(metric);
    let ends = [values.iter().min(), values.iter().max()];
    let all: Vec<f64> = values.iter().map(|value| *value as f64).collect();
    let value = |value: Option<f64>| {
        value.map_or("–".to_owned(), |value| units::value(value, metric.unit()))
    };
    let seconds =
        |time: Option<f64>| time.map_or("–".to_owned(), |time| units::value(time * 1e9, "ns"));
    let [least, most] = ends.map(|end| value(end.map(|end| *end as f64)));
    line(&[
        &(at + 1).to_string(),
        &result.contestant.name,
        &value(stats::median(&all)),
        &least,
        &most,
        &seconds(result.user),
        &seconds(result.system),
        &values.len().to_string(),
    ])
}

fn line(cells: &[&str; 8]) -> String {
    let [number, name, median, min, max, user, system, runs] = cells;
    let name = cut(&plain(name), 26);
    let line = format!(
        "{number:>2} {name:<26} {median:>8} {min:>8} {max:>8} {user:>8} {system:>8} {runs:>5}"
    );
    format!("{}\n", line.trim_end())
}

/// Lines of at most 80 columns; those after the first are indented by two.
fn wrapped(text: &str) -> String {
    let indent = text.len() - text.trim_start().len();
    let mut lines = " ".repeat(indent);
    let mut width = indent;
    for (at, word) in text.split_whitespace().enumerate() {
        let length = word.chars().count();
        if at > 0 && width + 1 + length > WIDTH {
            lines.push_str("\n  ");
            width = 2;
        } else if at > 0 {
            lines.push(' ');
            width += 1;
        }
        lines.push_str(word);
        width += length;
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    #[test]
    fn lines_wrap_at_80_columns() {
        let text = super::wrapped(&format!("✔ {}", "word ".repeat(40)));
        assert!(text.lines().count() > 2);
        for line in text.lines() {
            assert!(line.chars().count() <= 80 && !line.trim().is_empty());
        }
        assert_eq!(super::wrapped("  a b"), "  a b\n");
    }
}
