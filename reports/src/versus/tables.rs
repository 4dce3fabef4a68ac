//! The answer as Markdown: a table of the commands, in the form that hyperfine's users know, and one of
//! the comparisons. Whatever a name holds stays text.

use crate::compare::percent;
use crate::stats;
use crate::units;

use super::{Answer, words};

/// Both tables, with a line of caveats where there are any.
pub(crate) fn markdown(answer: &Answer) -> String {
    let metric = answer.question.metric;
    let mut out = format!(
        "| Command | Median {} | Min | Max | Runs |\n|:---|---:|---:|---:|---:|\n",
        metric.title()
    );
    for result in &answer.results {
        let values = result.contestant.values(metric);
        let all: Vec<f64> = values.iter().map(|value| *value as f64).collect();
        let value = |value: Option<f64>| {
            value.map_or("–".to_owned(), |value| units::value(value, metric.unit()))
        };
        out += &format!(
            "| {} | {} | {} | {} | {} |\n",
            code(&result.contestant.name),
            value(stats::median(&all)),
            value(all.iter().copied().reduce(f64::min)),
            value(all.iter().copied().reduce(f64::max)),
            values.len()
        );
    }
    let reference = answer.results.first();
    out += &format!(
        "\n| {} over | Ratio [{} % interval] | Blocks | Verdict |\n|:---|---:|---:|:---|\n",
        reference.map_or(String::new(), |r| code(&r.contestant.name)),
        percent(answer.question.level),
    );
    for comparison in &answer.comparisons {
        out += &format!(
            "| {} | {} | {} | {} |\n",
            code(&comparison.command),
            words::figures(comparison),
            comparison.blocks,
            words::decision(comparison.decision, metric)
        );
    }
    if let Some(claim) = answer.question.claim {
        out += &format!("\nClaimed: at least {}.\n", units::threshold(claim));
    }
    for caveat in &answer.caveats {
        out += &format!("\n- {}", escaped(caveat));
    }
    if !answer.caveats.is_empty() {
        out.push('\n');
    }
    out
}

/// A code span within a cell. Backticks inside need a longer fence, and `|` ends a cell even there.
fn code(text: &str) -> String {
    let text = text.replace(char::is_control, " ").replace('|', "\\|");
    let runs = text.split(|c| c != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or(0) + 1);
    match fence.len() {
        1 => format!("`{text}`"),
        _ => format!("{fence} {text} {fence}"),
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.replace(char::is_control, " ").chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '\\' | '*' | '_' | '[' | ']' | '|' | '#' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_stay_in_their_cells() {
        assert_eq!(super::code("a | b\nc"), "`a \\| b c`");
        assert_eq!(super::code("echo `date`"), "`` echo `date` ``");
        assert_eq!(super::escaped("<b> [x] `a|b`"), "&lt;b> \\[x\\] `a\\|b`");
    }
}
