//! The claims as data: `claims.toml` read, checked with file and line, and expanded to one testable
//! claim for each threshold, workload and baseline. Every threshold and level comes from that file.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::{metrics, scaling, slug, units};

/// The claims of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    /// The file's name as given, for messages.
    pub file: String,
    /// How verdicts are reached.
    pub rules: Rules,
    /// The claims in the order of the file.
    pub claims: Vec<Claim>,
}

/// The `[verdict]` table: how verdicts are reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rules {
    /// Level of all verdicts together, and of each interval, 0.99 for instance.
    pub level: f64,
    /// An interval that lies within this share of a threshold is too close to call; 0 where none is.
    #[serde(default)]
    pub margin: f64,
    /// The share by which the slowed control is slowed; 0 for no such control.
    #[serde(default)]
    pub handicap: f64,
    /// From how many cores on that other processes take, in most blocks of a workload, its wall times
    /// decide nothing; without it they always do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crowded: Option<f64>,
    /// The contenders that others are compared with, and the default of a claim's `baselines`.
    pub baselines: Vec<String>,
    /// The metric of the matrix of all workloads and contenders.
    pub matrix: String,
    /// Interval bounds that deepen a matrix cell's tint, upwards from equal speed.
    pub tints: Vec<f64>,
}

/// Who makes a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The design that this project puts to the test.
    Origin,
    /// This project.
    Ours,
}

/// What bounds a ratio from outside the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// The number of cores: the claim attributes the whole ratio to threads.
    Cores,
}

/// One `[[claim]]` table.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Unique, in letters that suit a file name.
    pub id: String,
    /// Who claims it.
    pub source: Source,
    /// The claim in words; `{threshold}`, `{workload}` and `{baseline}` stand for those of each test.
    pub sentence: String,
    /// The metric's name, one of [`metrics::ALL`].
    pub metric: String,
    /// The workloads it is tested on.
    pub workloads: Vec<String>,
    /// The contender it is about.
    pub contender: String,
    /// The baselines it is tested against; empty where the metric needs none.
    pub baselines: Vec<String>,
    /// Baseline over contender must reach each of these.
    pub at_least: Vec<f64>,
    /// The range that an exponent must lie in, for a metric that is one.
    pub exponent: Option<[f64; 2]>,
    /// What stands in for a word that has no counterpart here.
    pub note: Option<String>,
    /// Why this version cannot measure it.
    pub not_measured: Option<String>,
    /// What bounds the ratio from outside.
    pub limit: Option<Limit>,
    /// Whether the overview shows it in full.
    pub headline: bool,
    /// Line of the table's `id` in the file.
    pub line: usize,
}

/// One test of a claim.
#[derive(Clone, Debug, PartialEq)]
pub struct Testable<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// Unique and stable: claim, workload, baseline and threshold.
    pub id: String,
    /// The sentence with its placeholders filled in.
    pub sentence: String,
    /// The workload.
    pub workload: &'a str,
    /// The baseline, if the metric compares.
    pub baseline: Option<&'a str>,
    /// The ratio to reach, if the metric compares.
    pub threshold: Option<f64>,
}

/// Something wrong in a file of claims, shown as `claims.toml:17: unknown metric "speed"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file's name as given.
    pub file: String,
    /// Line from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Everything wrong with a file of claims, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    verdict: Spanned<Rules>,
    #[serde(default)]
    claim: Vec<RawClaim>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawClaim {
    id: Spanned<String>,
    source: Source,
    sentence: Spanned<String>,
    metric: Spanned<String>,
    workloads: Spanned<Vec<String>>,
    contender: String,
    baselines: Option<Vec<String>>,
    at_least: Option<Spanned<AtLeast>>,
    exponent: Option<Spanned<[f64; 2]>>,
    note: Option<String>,
    not_measured: Option<String>,
    limit: Option<Limit>,
    #[serde(default)]
    headline: bool,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a number or a list of numbers")]
enum AtLeast {
    One(f64),
    Several(Vec<f64>),
}

/// Reads claims from the text of a file; `file` is its name, for messages.
///
/// # Errors
/// Everything that is wrong with the text. Names of workloads and contenders are checked by
/// [`Claims::validate`], since only the caller knows them.
pub fn parse(text: &str, file: &str) -> Result<Claims, Problems> {
    let problem = |offset: usize, message: String| Problem {
        file: file.to_owned(),
        line: line_of(text, offset),
        message,
    };
    let raw: RawFile = toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        Problems(vec![problem(offset, one_line(error.message()))])
    })?;
    let mut problems = Vec::new();
    let at = raw.verdict.span().start;
    let rules = raw.verdict.into_inner();
    if !(rules.level > 0.0 && rules.level < 1.0) {
        problems.push(problem(
            at,
            format!("level = {} is not between 0 and 1", rules.level),
        ));
    }
    if rules
        .crowded
        .is_some_and(|cores| !(cores > 0.0 && cores.is_finite()))
    {
        problems.push(problem(
            at,
            "crowded must be a number of cores above 0".to_owned(),
        ));
    }
    for (name, share) in [("margin", rules.margin), ("handicap", rules.handicap)] {
        if !(0.0..=1.0).contains(&share) {
            problems.push(problem(at, format!("{name} = {share} is not from 0 to 1")));
        }
    }
    if metrics::find(&rules.matrix).is_none() {
        problems.push(problem(at, unknown_metric(&rules.matrix)));
    }
    if rules.tints.iter().any(|t| !t.is_finite() || *t <= 0.0) {
        problems.push(problem(at, "tints must be positive numbers".to_owned()));
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut claims = Vec::new();
    for raw in raw.claim {
        let claim = check(raw, text, &rules, &mut |at, message| {
            problems.push(problem(at, message));
        });
        if let Some(first) = seen.insert(claim.id.clone(), claim.line) {
            problems.push(Problem {
                file: file.to_owned(),
                line: claim.line,
                message: format!("duplicate id {:?}, first used on line {first}", claim.id),
            });
        }
        claims.push(claim);
    }
    if problems.is_empty() {
        Ok(Claims {
            file: file.to_owned(),
            rules,
            claims,
        })
    } else {
        Err(Problems(problems))
    }
}

fn check(
    raw: RawClaim,
    text: &str,
    rules: &Rules,
    complain: &mut dyn FnMut(usize, String),
) -> Claim {
    let start = raw.id.span().start;
    let line = line_of(text, start);
    let id = raw.id.into_inner();
    if slug::component(&id) != id {
        complain(
            start,
            format!("id {id:?} must be short and of a-z, 0-9, - and _"),
        );
    }
    let metric = raw.metric.get_ref();
    if metrics::find(metric).is_none() {
        complain(raw.metric.span().start, unknown_metric(metric));
    }
    let compares = metrics::compares(metric);
    let has_threshold = compares || metrics::is_share(metric);
    let is_exponent = scaling::is_exponent(metric);
    let exponent = raw
        .exponent
        .map(|given| (given.span().start, *given.get_ref()));
    match exponent {
        Some((at, _)) if !is_exponent => {
            complain(at, format!("metric {metric:?} takes no exponent"));
        }
        Some((at, [from, to])) if !(from.is_finite() && from < to && to.is_finite()) => {
            complain(at, "exponent must be [from, to]".to_owned());
        }
        None if is_exponent && raw.not_measured.is_none() => {
            complain(start, "exponent = [from, to] is missing".to_owned());
        }
        _ => {}
    }
    if raw.workloads.get_ref().is_empty() {
        complain(raw.workloads.span().start, "no workload".to_owned());
    }
    let mut rest = raw.sentence.get_ref().clone();
    for known in ["{threshold}", "{workload}", "{baseline}"] {
        rest = rest.replace(known, "");
    }
    if rest.contains(['{', '}']) {
        complain(
            raw.sentence.span().start,
            "unknown placeholder; known: {threshold}, {workload}, {baseline}".to_owned(),
        );
    }
    let mut at_least = Vec::new();
    match raw.at_least {
        Some(given) => {
            let at = given.span().start;
            at_least = match given.into_inner() {
                AtLeast::One(one) => vec![one],
                AtLeast::Several(several) => several,
            };
            if !has_threshold {
                complain(at, format!("metric {metric:?} takes no at-least"));
            } else if at_least.is_empty() {
                complain(at, "at-least is empty".to_owned());
            }
            if at_least.iter().any(|t| !t.is_finite() || *t <= 0.0) {
                complain(at, "at-least must be positive".to_owned());
            }
        }
        None if has_threshold && raw.not_measured.is_none() => {
            complain(
                start,
                "at-least is missing, or not-measured = \"why\"".to_owned(),
            );
        }
        None => {}
    }
    let baselines = match raw.baselines {
        Some(given) => given,
        None if compares => rules.baselines.clone(),
        None => Vec::new(),
    };
    if compares && baselines.is_empty() {
        complain(start, "no baseline".to_owned());
    }
    if !compares && !baselines.is_empty() {
        complain(start, format!("metric {metric:?} takes no baseline"));
    }
    if baselines.contains(&raw.contender) {
        complain(
            start,
            format!("{:?} is compared with itself", raw.contender),
        );
    }
    Claim {
        id,
        source: raw.source,
        sentence: raw.sentence.into_inner(),
        metric: raw.metric.into_inner(),
        workloads: raw.workloads.into_inner(),
        contender: raw.contender,
        baselines,
        at_least,
        exponent: exponent.map(|(_, range)| range),
        note: raw.note,
        not_measured: raw.not_measured,
        limit: raw.limit,
        headline: raw.headline,
        line,
    }
}

impl Claims {
    /// What the file names that the caller does not know, and tests that it holds twice.
    pub fn validate(&self, workloads: &[&str], contenders: &[&str]) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut add = |line, message| {
            problems.push(Problem {
                file: self.file.clone(),
                line,
                message,
            });
        };
        for baseline in &self.rules.baselines {
            if !contenders.contains(&baseline.as_str()) {
                add(1, unknown("baseline", baseline, contenders));
            }
        }
        for claim in &self.claims {
            for workload in &claim.workloads {
                if !workloads.contains(&workload.as_str()) {
                    add(claim.line, unknown("workload", workload, workloads));
                }
            }
            for contender in std::iter::once(&claim.contender).chain(&claim.baselines) {
                if !contenders.contains(&contender.as_str()) {
                    add(claim.line, unknown("contender", contender, contenders));
                }
            }
        }
        let mut seen = HashMap::new();
        for testable in self.expand() {
            if let Some(first) = seen.insert(testable.id.clone(), testable.claim.line) {
                let message = format!("test {:?} is already on line {first}", testable.id);
                add(testable.claim.line, message);
            }
        }
        problems
    }

    /// Every test of every claim, in the order of the file.
    pub fn expand(&self) -> Vec<Testable<'_>> {
        self.claims.iter().flat_map(Claim::expand).collect()
    }
}

impl Claim {
    /// One test for each workload, baseline and threshold.
    pub fn expand(&self) -> Vec<Testable<'_>> {
        let baselines: Vec<Option<&str>> = or_none(self.baselines.iter().map(String::as_str));
        let thresholds: Vec<Option<f64>> = or_none(self.at_least.iter().copied());
        let mut testables = Vec::new();
        for workload in &self.workloads {
            for &baseline in &baselines {
                for &threshold in &thresholds {
                    let mut id = format!("{}--{}", self.id, slug::flat(workload));
                    let mut sentence = self.sentence.replace("{workload}", workload);
                    if let Some(baseline) = baseline {
                        id += &format!("--{}", slug::component(baseline));
                        sentence = sentence.replace("{baseline}", baseline);
                    }
                    if let Some(threshold) = threshold {
                        id += &format!("--{}", threshold.to_string().replace('.', "_"));
                        sentence = sentence.replace("{threshold}", &self.threshold(threshold));
                    }
                    testables.push(Testable {
                        claim: self,
                        id,
                        sentence,
                        workload,
                        baseline,
                        threshold,
                    });
                }
            }
        }
        testables
    }
}

impl Claim {
    /// A threshold as sentences have it: `2.19x`, `85 %`.
    fn threshold(&self, threshold: f64) -> String {
        match metrics::is_share(&self.metric) {
            true => units::percent(threshold),
            false => format!("{threshold}x"),
        }
    }
}

fn or_none<T>(items: impl Iterator<Item = T>) -> Vec<Option<T>> {
    let items: Vec<Option<T>> = items.map(Some).collect();
    if items.is_empty() { vec![None] } else { items }
}

fn unknown_metric(name: &str) -> String {
    let known: Vec<&str> = metrics::ALL.iter().map(|metric| metric.name).collect();
    unknown("metric", name, &known)
}

fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    format!("unknown {what} {name:?}; known: {}", known.join(", "))
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|b| *b == b'\n').count()
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "[verdict]\nlevel = 0.99\nbaselines = [\"eager\", \"idiomatic\"]\n\
        matrix = \"wall-time\"\ntints = [1.0, 2.0]\n";

    fn said(tail: &str) -> String {
        parse(&format!("{HEAD}{tail}"), "claims.toml")
            .unwrap_err()
            .to_string()
    }

    fn claim(lines: &str) -> String {
        format!(
            "[[claim]]\nid = \"a\"\nsource = \"ours\"\nsentence = \"s\"\ncontender = \"async\"\n\
             workloads = [\"w/x\", \"w/y\"]\n{lines}\n"
        )
    }

    #[test]
    fn problems_carry_file_line_and_what_is_known() {
        assert_eq!(
            said(&claim("metric = \"speed\"\nat-least = 2"))
                .split("; known: wall-time, cpu-time")
                .next()
                .unwrap(),
            "claims.toml:12: unknown metric \"speed\""
        );
        assert!(said(&claim("metric = \"wall-time\"")).contains(":7: at-least is missing"));
        assert!(
            said(&claim("metric = \"wall-time\"\nat-least = [-1]")).contains(":13: at-least must")
        );
        assert!(said(&claim("metric = \"completes\"\nat-least = 2")).contains("takes no at-least"));
        assert!(
            said(&claim("metric = \"wall-time\"\natleast = 2")).starts_with("claims.toml:13: ")
        );
        assert!(said("[[claim]]\nid =").starts_with("claims.toml:7: "));
        let one = claim("metric = \"wall-time\"\nat-least = 2");
        assert_eq!(
            said(&format!("{one}{one}")),
            "claims.toml:15: duplicate id \"a\", first used on line 7"
        );
    }

    #[test]
    fn a_claim_expands_to_threshold_times_workload_times_baseline() {
        let text = format!(
            "{HEAD}{}",
            claim("metric = \"wall-time\"\nat-least = [2.0, 4.5]")
        );
        let claims = parse(&text, "claims.toml").unwrap();
        let ids: Vec<_> = claims.expand().into_iter().map(|t| t.id).collect();
        assert_eq!(ids.len(), 8);
        assert_eq!(ids[0], "a--w-x--eager--2");
        assert_eq!(ids[7], "a--w-y--idiomatic--4_5");
        let text = format!("{HEAD}{}", claim("metric = \"completes\""));
        let claims = parse(&text, "claims.toml").unwrap();
        let ids: Vec<_> = claims.expand().into_iter().map(|t| t.id).collect();
        assert_eq!(ids, ["a--w-x", "a--w-y"]);
    }

    #[test]
    fn unknown_names_and_repeated_tests_are_reported() {
        let text = format!(
            "{HEAD}{}",
            claim("metric = \"wall-time\"\nat-least = [2, 2]")
        );
        let claims = parse(&text, "claims.toml").unwrap();
        let problems = claims.validate(&["w/x"], &["eager", "idiomatic"]);
        let said: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert!(said[0].starts_with("claims.toml:7: unknown workload \"w/y\"; known: w/x"));
        assert!(said[1].contains("unknown contender \"async\""), "{said:?}");
        assert!(said[2].contains("is already on line 7"), "{said:?}");
    }
}
