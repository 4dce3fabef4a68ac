//! A published report is compared with what follows from its records: one digit is enough to be found.

mod synthetic;

use std::collections::BTreeMap;

use reports::claims::Claims;
use reports::pages;
use reports::recheck::recheck;
use reports::record::Record;
use synthetic::{Synthetic, claims_of};

/// A report as its files.
fn publish(records: &[Record], claims: &Claims) -> BTreeMap<String, String> {
    let judged = reports::judge(records, claims);
    let mut files: BTreeMap<_, _> = pages::pages(&judged, records).into_iter().collect();
    files.insert("verdicts.json".to_owned(), judged.to_json());
    files
}

fn found(records: &[Record], claims: &Claims, files: &BTreeMap<String, String>) -> Vec<String> {
    recheck(records, claims, |path| files.get(path).cloned()).differences
}

#[test]
fn one_digit_of_a_verdict_a_page_or_a_record_is_found() {
    let run = Synthetic::new("default");
    let run = run.times("w/x", &[("eager", 4.0), ("fast", 1.0)], 8);
    let mut records = run.records;
    let claims = claims_of("wall-time", "2.0");
    let files = publish(&records, &claims);
    let same = recheck(&records, &claims, |path| files.get(path).cloned());
    let words = "1 verdict and 7 pages recomputed from 16 records: all equal\n";
    assert_eq!(same.words(), words);

    // The last digit of a ratio.
    let ratio = reports::judge(&records, &claims).verdicts[0]
        .comparison
        .as_ref()
        .and_then(|comparison| comparison.ratio)
        .unwrap();
    let text = format!("\"ratio\": {ratio}");
    let last = if text.ends_with('7') { "3" } else { "7" };
    let other = format!("{}{last}", &text[..text.len() - 1]);
    let mut flipped = files.clone();
    let verdicts = flipped.get_mut("verdicts.json").unwrap();
    assert!(verdicts.contains(&text));
    *verdicts = verdicts.replacen(&text, &other, 1);
    let differences = found(&records, &claims, &flipped);
    assert_eq!(differences.len(), 1, "{differences:?}");
    let difference = &differences[0];
    assert!(difference.starts_with("verdicts.["), "{difference}");
    assert!(
        difference.contains(&format!("recomputed {ratio}")),
        "{difference}"
    );

    // A page, a missing page, and a space.
    let mut flipped = files.clone();
    let page = flipped.get_mut("cells/w/x/fast.html").unwrap();
    *page = page.replacen("8 blocks", "9 blocks", 1);
    flipped.remove("machine.html");
    flipped.get_mut("verdicts.json").unwrap().push(' ');
    let differences = found(&records, &claims, &flipped);
    assert_eq!(differences.len(), 3, "{differences:?}");
    assert!(differences[0].starts_with("verdicts.json is written differently"));
    assert_eq!(differences[1], "machine.html is missing");
    assert!(differences[2].starts_with("cells/w/x/fast.html differs in line "));

    // A sample of the records.
    let sample = records.iter_mut().find_map(|record| match record {
        Record::Probe(probe) => Some(&mut probe.series[0].values[3]),
        _ => None,
    });
    *sample.unwrap() *= 2;
    assert!(!found(&records, &claims, &files).is_empty());
}
