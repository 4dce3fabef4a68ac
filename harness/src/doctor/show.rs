//! Findings for a terminal of 80 columns.

use reports::record::{Finding, Weight};

use super::caveats;

const WIDTH: usize = 80;
/// Where what was found begins.
const INDENT: usize = 16;

fn symbol(weight: Weight) -> char {
    match weight {
        Weight::Ok => 'v',
        Weight::NotMeasured => '-',
        Weight::Caveat => '!',
        Weight::Unfit => 'x',
    }
}

/// All findings, one below the other, with what they mean and what to do; then how many of each kind.
pub(crate) fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for found in findings {
        let mut lines = wrapped(&found.what, WIDTH - INDENT);
        lines.extend(wrapped(&found.meaning, WIDTH - INDENT));
        lines.extend(wrapped(&found.advice, WIDTH - INDENT));
        let head = format!("{} {:<13} ", symbol(found.finding), found.name);
        for (at, line) in lines.iter().enumerate() {
            let before = if at == 0 { head.as_str() } else { "" };
            text.push_str(&format!("{before:INDENT$}{line}\n"));
        }
    }
    let count = |weight| findings.iter().filter(|f| f.finding == weight).count();
    text.push_str(&format!(
        "{} v ok, {} ! caveat, {} x unfit, {} - not measured\n",
        count(Weight::Ok),
        count(Weight::Caveat),
        count(Weight::Unfit),
        count(Weight::NotMeasured)
    ));
    text
}

/// What a reader of the figures ought to know, in as few lines as it takes.
pub(crate) fn brief(findings: &[Finding]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for found in caveats(findings) {
        let said = format!("{} {}", symbol(found.finding), found.what);
        match lines.last_mut() {
            Some(line) if line.chars().count() + 2 + said.chars().count() <= WIDTH => {
                *line += &format!("  {said}");
            }
            Some(_) => lines.push(format!("        {said}")),
            None => lines.push(format!("doctor  {said}")),
        }
    }
    lines
}

/// A sentence as lines of at most `width` columns; none of nothing.
fn wrapped(sentence: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in sentence.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                *line += &format!(" {word}");
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::{caveat, not_measured, ok, unfit};
    use super::*;

    #[test]
    fn findings_are_aligned_and_fit_a_terminal() {
        let long = "a word or two ".repeat(12);
        let findings = [
            ok("build", "optimised"),
            caveat("machine", "shared virtual machine", &long, "Do it."),
            not_measured("turbo", "the kernel does not tell"),
            unfit("descriptors", "12 descriptors", "Too few.", &long),
        ];
        let text = text(&findings);
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        assert!(
            text.starts_with("v build         optimised\n! machine       shared"),
            "{text}"
        );
        assert!(
            text.contains("\n                Do it.\n- turbo         not measured: the"),
            "{text}"
        );
        assert!(
            text.ends_with("1 v ok, 1 ! caveat, 1 x unfit, 1 - not measured\n"),
            "{text}"
        );
        let lines = brief(&findings);
        assert_eq!(
            lines,
            ["doctor  ! shared virtual machine  x 12 descriptors"]
        );
        assert!(brief(&findings[..1]).is_empty());
    }
}
