//! Which cells a run covers: `--only` and `--skip` with glob patterns over `workload/contender`.

use glob::Pattern;

use crate::contenders::{BASELINES, Case};
use crate::exit::usage;

/// The patterns of a command line.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    only: Vec<Words>,
    skip: Vec<Words>,
}

#[derive(Debug)]
struct Words {
    text: String,
    words: Vec<Pattern>,
}

impl Words {
    fn parse(text: &str) -> anyhow::Result<Words> {
        let words = text
            .split('/')
            .map(|word| {
                Pattern::new(word).map_err(|error| {
                    usage(
                        "H001",
                        format!("`{text}` is not a pattern: {error}"),
                        "see --help",
                    )
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Words {
            text: text.to_owned(),
            words,
        })
    }

    /// Whether the words match parts of the cell's name in order; parts may be left out, so that
    /// `large-file/streaming` means `large-file/aggregate/streaming`.
    fn matches(&self, cell: &str) -> bool {
        let mut parts = cell.split('/');
        self.words
            .iter()
            .all(|word| parts.any(|part| word.matches(part)))
    }
}

impl Selection {
    /// Reads patterns and refuses one that matches nothing.
    ///
    /// # Errors
    /// If a pattern is malformed or matches no cell.
    pub(crate) fn new(only: &[String], skip: &[String], cases: &[Case]) -> anyhow::Result<Self> {
        let read = |patterns: &[String]| -> anyhow::Result<Vec<Words>> {
            patterns.iter().map(|text| Words::parse(text)).collect()
        };
        let selection = Selection {
            only: read(only)?,
            skip: read(skip)?,
        };
        for words in selection.only.iter().chain(&selection.skip) {
            let mut cells = cases.iter().flat_map(|case| {
                case.contenders
                    .iter()
                    .map(move |name| format!("{}/{name}", case.name))
            });
            if !cells.any(|cell| words.matches(&cell)) {
                let what = format!("no cell matches `{}`", words.text);
                return Err(usage("H002", what, "`harness list` shows every cell"));
            }
        }
        Ok(selection)
    }

    /// Whether a cell is selected for its own sake.
    pub(crate) fn holds(&self, workload: &str, contender: &str) -> bool {
        let cell = format!("{workload}/{contender}");
        let any = |words: &[Words]| words.iter().any(|words| words.matches(&cell));
        (self.only.is_empty() || any(&self.only)) && !any(&self.skip)
    }

    /// The cases and contenders that are selected. The baselines of a selected engine come along,
    /// since a ratio needs them, unless they are skipped.
    pub(crate) fn apply(&self, cases: Vec<Case>) -> Vec<Case> {
        let kept = |mut case: Case| {
            let cell = |name: &str| format!("{}/{name}", case.name);
            let wanted = |name: &str| self.holds(case.name, name);
            let skipped = |name: &str| self.skip.iter().any(|words| words.matches(&cell(name)));
            let any = case.contenders.iter().any(|name| wanted(name));
            let keep: Vec<_> = case
                .contenders
                .iter()
                .copied()
                .filter(|name| any && (wanted(name) || BASELINES.contains(name)) && !skipped(name))
                .collect();
            case.contenders = keep;
            (!case.contenders.is_empty()).then_some(case)
        };
        cases.into_iter().filter_map(kept).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(only: &[&str], skip: &[&str]) -> Result<Vec<String>, String> {
        let case = |name, contenders: &[&'static str]| Case {
            name,
            about: "",
            service: false,
            extent: |_| (0, 0),
            needs: |_| workloads::Needs::default(),
            contenders: contenders.to_vec(),
        };
        let cases = vec![
            case(
                "numeric/map",
                &["eager", "idiomatic", "parallel", "streaming"],
            ),
            case("large-file/aggregate", &["eager", "idiomatic", "streaming"]),
        ];
        let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let selection = Selection::new(&owned(only), &owned(skip), &cases)
            .map_err(|error| error.to_string())?;
        let cases = selection.apply(cases);
        Ok(cases
            .iter()
            .flat_map(|case| {
                case.contenders
                    .iter()
                    .map(move |c| format!("{}/{c}", case.name))
            })
            .collect())
    }

    #[test]
    fn parts_may_be_left_out_and_baselines_come_along() {
        let streaming = [
            "large-file/aggregate/eager",
            "large-file/aggregate/idiomatic",
            "large-file/aggregate/streaming",
        ];
        assert_eq!(selected(&["large-file/streaming"], &[]).unwrap(), streaming);
        assert_eq!(selected(&["large-file"], &[]).unwrap(), streaming);
        assert_eq!(
            selected(&["l*/stream*"], &["idiomatic"]).unwrap(),
            [streaming[0], streaming[2]]
        );
        assert_eq!(
            selected(&["eager"], &["large*"]).unwrap(),
            ["numeric/map/eager", "numeric/map/idiomatic"]
        );
        assert_eq!(selected(&[], &["numeric"]).unwrap(), streaming);
    }

    #[test]
    fn a_pattern_without_a_match_is_an_error() {
        assert_eq!(
            selected(&["nonsense"], &[]).unwrap_err(),
            "no cell matches `nonsense`"
        );
        assert_eq!(
            selected(&[], &["x/y/z/w"]).unwrap_err(),
            "no cell matches `x/y/z/w`"
        );
        assert!(
            selected(&["a[b"], &[])
                .unwrap_err()
                .starts_with("`a[b` is not a pattern")
        );
    }
}
