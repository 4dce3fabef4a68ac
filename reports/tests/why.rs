//! The sentence that says why: it names what the figures support and nothing else.

mod synthetic;

use reports::figures::Figures;
use reports::record::{Function, Record};
use reports::why::{Why, explain};
use reports::{compare, pages};
use synthetic::{Synthetic, cell, claims_of, probe, series};

/// `fast` and `eager` on `w/x`, taking `ratio` and 1 times 10 ms.
fn timed(ratio: f64) -> Vec<Record> {
    let contenders = [("eager", 1.0), ("fast", ratio)];
    Synthetic::new("default")
        .times("w/x", &contenders, 8)
        .records
}

/// Adds a figure of both at a size, and how many items a call has there.
fn figure(records: &mut Vec<Record>, metric: &str, size: &str, items: u64, values: [u64; 2]) {
    let instrument = reports::metrics::find(metric).unwrap().instrument;
    for (contender, value) in ["eager", "fast"].iter().zip(values) {
        let at = cell("w/x", contender, size);
        let same = |record: &&mut Record| matches!(record, Record::Probe(p) if p.cell == at && p.instrument == instrument);
        let more = series(metric, "count", true, 0, &[value; 2]);
        match records.iter_mut().find(same) {
            Some(Record::Probe(probe)) => probe.series.push(more),
            _ => {
                let mut record = probe(at, instrument, 0, vec![more]);
                if let Record::Probe(probe) = &mut record {
                    probe.items = items;
                }
                records.push(record);
            }
        }
    }
}

fn why(records: &[Record]) -> Option<Why> {
    let figures = Figures::new(records);
    let time = compare::compare(&figures, "w/x", "fast", "eager", "wall-time", 0.99).unwrap();
    explain(&figures, "w/x", "fast", "eager", &time, 0.99)
}

fn sentence(records: &[Record]) -> String {
    why(records).unwrap().sentence
}

#[test]
fn what_differs_with_the_time_is_named_with_the_size_it_was_counted_at() {
    let mut records = timed(0.25);
    figure(
        &mut records,
        "instructions",
        "tiny",
        1000,
        [1_000_000, 290_000],
    );
    figure(&mut records, "minor-faults", "default", 50_000, [65_540, 0]);
    let why = why(&records).unwrap();
    // 65,540 faults may well be the whole difference; the instructions are 50 times more than counted.
    assert_eq!(why.metrics, ["minor-faults", "instructions"]);
    let (start, rest) = why.sentence.split_once(": ").unwrap();
    assert!(
        start.ends_with("x less time") && start.starts_with("3.9"),
        "{start}"
    );
    assert_eq!(
        rest,
        "0 against 65,540 minor page faults, 71 % fewer instructions (size tiny)"
    );
}

#[test]
fn what_speaks_against_the_time_is_not_named() {
    let mut records = timed(0.25);
    figure(
        &mut records,
        "instructions",
        "tiny",
        1000,
        [290_000, 1_000_000],
    );
    figure(&mut records, "heap-blocks", "quick", 1000, [7, 7]);
    assert!(sentence(&records).ends_with(": none of the counts explains it"));
    // The other way round, more instructions explain that it is slower.
    let mut records = timed(4.0);
    figure(
        &mut records,
        "instructions",
        "tiny",
        1000,
        [290_000, 1_000_000],
    );
    assert!(sentence(&records).ends_with("x more time: 3.45x more instructions (size tiny)"));
}

#[test]
fn what_is_too_little_to_matter_is_not_named() {
    let mut records = timed(0.25);
    // Three faults cost about a microsecond; the difference is 7.5 ms.
    figure(&mut records, "minor-faults", "default", 50_000, [3, 0]);
    figure(
        &mut records,
        "instructions",
        "tiny",
        1000,
        [1_000_000, 990_000],
    );
    assert!(sentence(&records).ends_with(": none of the counts explains it"));
    let nothing = timed(0.25);
    assert!(sentence(&nothing).ends_with(": nothing was counted that could explain it"));
}

#[test]
fn times_that_are_not_told_apart_have_no_reason() {
    let mut records = timed(1.0);
    figure(
        &mut records,
        "instructions",
        "tiny",
        1000,
        [1_000_000, 100_000],
    );
    assert_eq!(why(&records), None);
    // Two blocks give no interval, so that nobody knows whether there is a difference.
    let contenders = [("eager", 1.0), ("fast", 0.2)];
    let few = Synthetic::new("default")
        .times("w/x", &contenders, 2)
        .records;
    assert_eq!(why(&few), None);
}

/// Replaces the CPU times of a contender.
fn busy(records: &mut [Record], contender: &str, cores: f64) {
    for record in records {
        if let Record::Probe(probe) = record
            && probe.cell.contender == contender
        {
            for series in probe.series.iter_mut().filter(|s| s.metric == "cpu-time") {
                for value in &mut series.values {
                    *value = (*value as f64 * cores) as u64;
                }
            }
        }
    }
}

#[test]
fn cores_and_waiting_are_told_apart() {
    let mut records = timed(0.5);
    busy(&mut records, "fast", 1.9);
    let said = sentence(&records);
    assert!(said.ends_with(": 1.9 cores busy against 1.0"), "{said}");
    let mut records = timed(0.1);
    busy(&mut records, "eager", 0.05);
    let said = sentence(&records);
    assert!(said.contains(": waits for 0 ns against 9.4"), "{said}");
    // A slower one that keeps more cores busy is not slower for that reason.
    let mut records = timed(2.0);
    busy(&mut records, "fast", 1.9);
    assert!(!sentence(&records).contains("cores"));
}

#[test]
fn functions_are_compared_by_share_and_stay_text() {
    let mut records = timed(0.25);
    let hostile = "<script>alert(1)</script>";
    for (contender, all, functions) in [
        ("eager", 100, [("parse", 60), ("hash", 30), ("rest", 10)]),
        ("fast", 200, [("parse", 20), ("hash", 60), (hostile, 120)]),
    ] {
        let samples = series("profile-samples", "count", false, 0, &[all]);
        let mut record = probe(cell("w/x", contender, "default"), "cpu", 0, vec![samples]);
        if let Record::Probe(probe) = &mut record {
            let function = |(name, samples): (&str, u64)| Function {
                name: name.to_owned(),
                samples,
            };
            probe.functions = functions.map(function).to_vec();
        }
        records.push(record);
    }
    let found = why(&records).unwrap().functions;
    let rows: Vec<_> = found
        .iter()
        .map(|f| (f.name.as_str(), f.baseline, f.contender))
        .collect();
    // `hash` has the same share of both.
    assert_eq!(
        rows,
        [(hostile, 0.0, 0.6), ("parse", 0.6, 0.1), ("rest", 0.1, 0.0)]
    );
    let judged = reports::judge(&records, &claims_of("wall-time", "2.0"));
    assert!(judged.to_json().contains("\"because\""));
    let pages = pages::pages(&judged, &records);
    let (_, page) = pages
        .iter()
        .find(|(path, _)| path.ends_with("x/fast.html"))
        .unwrap();
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;alert(1)"));
    assert!(page.contains("x less time: "));
}
