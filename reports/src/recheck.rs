//! Whether a published report is that of its records: verdicts and pages are made again and compared, to the
//! last bit.

use serde::Serialize;
use serde_json::Value;

use crate::claims::Claims;
use crate::pages;
use crate::record::Record;
use crate::units;

/// The file of the verdicts within a report.
pub const VERDICTS: &str = "verdicts.json";

/// What a second look at a report came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Recheck {
    /// Verdicts that follow from the records.
    pub verdicts: usize,
    /// Records that they follow from, that of the run left out.
    pub records: usize,
    /// Pages that follow from them.
    pub pages: usize,
    /// What is published otherwise, each in one line; the first of them, if there are very many.
    pub differences: Vec<String>,
}

/// Differences that are told; what differs in more than that differs as a whole.
const TOLD: usize = 20;

/// Judges the records, draws the pages, and compares both with what is published: `published` gives the text
/// of a file of the report, by its path with `/`, or `None` where there is none.
///
/// ```
/// use reports::{claims, recheck::recheck};
///
/// let text = "[verdict]\nlevel = 0.99\nbaselines = [\"eager\"]\nmatrix = \"wall-time\"\ntints = [1.0]\n";
/// let claims = claims::parse(text, "claims.toml").unwrap();
/// let judged = reports::judge(&[], &claims);
/// let pages = reports::pages::pages(&judged, &[]);
/// let published = |path: &str| match path {
///     "verdicts.json" => Some(judged.to_json()),
///     page => pages.iter().find(|(path, _)| path == page).map(|(_, text)| text.clone()),
/// };
/// assert!(recheck(&[], &claims, published).differences.is_empty());
/// assert_eq!(recheck(&[], &claims, |_| None).differences[0], "verdicts.json is missing");
/// ```
pub fn recheck(
    records: &[Record],
    claims: &Claims,
    published: impl Fn(&str) -> Option<String>,
) -> Recheck {
    let judged = crate::judge(records, claims);
    let mut differences = Vec::new();
    match published(VERDICTS) {
        None => differences.push(format!("{VERDICTS} is missing")),
        Some(text) => compare(&text, &judged.to_json(), &mut differences),
    }
    let pages = pages::pages(&judged, records);
    for (path, text) in &pages {
        match published(path) {
            None => differences.push(format!("{path} is missing")),
            Some(published) if published == *text => {}
            Some(published) => {
                let line = differing_line(&published, text);
                differences.push(format!("{path} differs in line {line}"));
            }
        }
    }
    differences.truncate(TOLD);
    Recheck {
        verdicts: judged.verdicts.len(),
        records: records
            .iter()
            .filter(|record| !matches!(record, Record::Run(_)))
            .count(),
        pages: pages.len(),
        differences,
    }
}

/// Compares two texts of JSON and says in which values they differ.
fn compare(published: &str, wanted: &str, differences: &mut Vec<String>) {
    if published == wanted {
        return;
    }
    let before = differences.len();
    match (
        serde_json::from_str(published),
        serde_json::from_str(wanted),
    ) {
        (Ok(published), Ok(wanted)) => walk("", &published, &wanted, differences),
        (Err(error), _) | (_, Err(error)) => {
            differences.push(format!("{VERDICTS} is not JSON: {error}"));
        }
    }
    if differences.len() == before {
        let line = differing_line(published, wanted);
        differences.push(format!("{VERDICTS} is written differently in line {line}"));
    }
}

fn walk(place: &str, published: &Value, wanted: &Value, differences: &mut Vec<String>) {
    let below = |part: &str| match place {
        "" => part.to_owned(),
        place => format!("{place}.{part}"),
    };
    let nothing = &Value::Null;
    match (published, wanted) {
        (Value::Object(a), Value::Object(b)) => {
            let names = a
                .keys()
                .chain(b.keys().filter(|name| !a.contains_key(*name)));
            for name in names {
                let (a, b) = (
                    a.get(name).unwrap_or(nothing),
                    b.get(name).unwrap_or(nothing),
                );
                walk(&below(name), a, b, differences);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for i in 0..a.len().max(b.len()) {
                let (a, b) = (a.get(i).unwrap_or(nothing), b.get(i).unwrap_or(nothing));
                // The name of a test says more than its number.
                let name = b.get("id").and_then(Value::as_str);
                let part = name.map_or(i.to_string(), |name| format!("[{name}]"));
                walk(&below(&part), a, b, differences);
            }
        }
        (a, b) if a == b => {}
        (a, b) => differences.push(format!(
            "{place}: published {}, recomputed {}",
            brief(a),
            brief(b)
        )),
    }
}

fn brief(value: &Value) -> String {
    match value {
        Value::Object(_) | Value::Array(_) => "more".to_owned(),
        value => value.to_string().chars().take(60).collect(),
    }
}

/// The number of the first line that differs, from 1.
fn differing_line(a: &str, b: &str) -> usize {
    let same = a.lines().zip(b.lines()).take_while(|(a, b)| a == b);
    same.count() + 1
}

impl Recheck {
    /// In words: a line of numbers, and one for each difference.
    pub fn words(&self) -> String {
        let made = format!(
            "{} and {} recomputed from {}",
            units::count(self.verdicts, "verdict"),
            units::count(self.pages, "page"),
            units::count(self.records, "record")
        );
        if self.differences.is_empty() {
            return format!("{made}: all equal\n");
        }
        let lines = self.differences.iter().map(|line| {
            let line = line.replace(char::is_control, " ");
            format!("  {line}\n")
        });
        format!("{made}: not equal\n{}", lines.collect::<String>())
    }
}
