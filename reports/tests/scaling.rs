//! Exponents of synthetic cells whose growth is known: verdicts, what cannot be identified, and the page.

mod synthetic;

use reports::claims::{self, Claims};
use reports::record::{self, Level, Record, Series};
use reports::verdict::{Decision, Verdict};
use reports::{Judged, pages};
use synthetic::{Synthetic, cell, claims_text, not_measured, probe};

/// A claim on `fast` on `w/x` by an exponent, beside the usual one.
fn claims(metric: &str, range: &str) -> Claims {
    let text = format!(
        "{}\n[[claim]]\nid = \"e\"\nsource = \"ours\"\nsentence = \"it scales\"\nmetric = \"{metric}\"\n\
         workloads = [\"w/x\"]\ncontender = \"fast\"\nexponent = {range}\n",
        claims_text("wall-time", "2.0")
    );
    claims::parse(&text, "claims.toml").unwrap()
}

/// A series at a level: `blocks` blocks of five values about `value`, each block off by up to `noise`.
fn at(metric: &str, level: u64, items: u64, value: f64, blocks: u32, noise: f64) -> Series {
    let off =
        |block: u32| 1.0 + noise * (f64::from((block * 7 + level as u32 * 3) % 11) / 5.0 - 1.0);
    let values = (0..blocks).flat_map(|block| [(value * off(block)).round() as u64; 5]);
    Series {
        metric: metric.to_owned(),
        unit: "ns".to_owned(),
        exact: false,
        warm_up: 0,
        values: values.collect(),
        places: Vec::new(),
        level: Some(Level {
            at: level,
            items,
            blocks,
        }),
    }
}

const SIZES: [u64; 5] = [1000, 2000, 4000, 8000, 16_000];

fn sized(metric: &str, exponent: f64, noise: f64) -> Vec<Series> {
    let value = |n: u64| 1e6 * (n as f64 / 1000.0).powf(exponent);
    SIZES
        .iter()
        .map(|n| at(metric, *n, *n, value(*n), 8, noise))
        .collect()
}

fn run(size: &str, instrument: &str, series: Vec<Series>) -> Vec<Record> {
    let mut records = Synthetic::new(size).records;
    records.push(probe(cell("w/x", "fast", size), instrument, 0, series));
    records
}

fn judged(records: &[Record], metric: &str, range: &str) -> (Judged, Verdict) {
    let judged = reports::judge(records, &claims(metric, range));
    let verdict = judged
        .verdicts
        .iter()
        .find(|v| v.claim == "e")
        .unwrap()
        .clone();
    (judged, verdict)
}

#[test]
fn linear_time_is_confirmed_refuted_or_open() {
    for (planted, noise, expected) in [
        (1.0, 0.02, Decision::Confirmed),
        (1.3, 0.02, Decision::Refuted),
        (0.5, 0.02, Decision::Refuted),
        (1.1, 0.2, Decision::Inconclusive),
    ] {
        let records = run("default", "sizes", sized("scaled-cpu-time", planted, noise));
        let (_, verdict) = judged(&records, "cpu-time-exponent", "[0.9, 1.1]");
        assert_eq!(verdict.decision, expected, "{verdict:?}");
        let found = verdict.exponent.unwrap();
        let [low, high] = found.bounds.unwrap();
        assert!(low < planted && planted < high, "{found:?}");
        assert_eq!(found.range, [1000, 16_000]);
    }
}

#[test]
fn a_quick_run_settles_no_exponent_of_a_time() {
    let records = run("quick", "sizes", sized("scaled-cpu-time", 1.0, 0.01));
    let (_, verdict) = judged(&records, "cpu-time-exponent", "[0.9, 1.1]");
    assert_eq!(verdict.decision, Decision::NotMeasured);
    assert!(verdict.why.unwrap().contains("--quick") && verdict.exponent.is_some());
}

fn peaks(values: [u64; 5]) -> Vec<Series> {
    let series = |(n, value): (&u64, u64)| at("scaled-heap-peak", *n, *n, value as f64, 1, 0.0);
    SIZES.iter().zip(values).map(series).collect()
}

#[test]
fn constant_memory_means_no_growth_anywhere() {
    for (values, expected) in [
        ([4096; 5], Decision::Confirmed),
        ([0; 5], Decision::Confirmed),
        ([4096, 4096, 4100, 4100, 4120], Decision::Confirmed),
        ([1000, 2000, 4000, 8000, 16_000], Decision::Refuted),
        // Back where it began, with a peak between: the slope alone would not see it.
        ([4096, 4096, 16_384, 4096, 4096], Decision::Inconclusive),
        ([0, 0, 0, 168, 168], Decision::NotMeasured),
    ] {
        let records = run("default", "sizes", peaks(values));
        let (_, verdict) = judged(&records, "heap-exponent", "[-1.0, 0.05]");
        assert_eq!(verdict.decision, expected, "{values:?} {verdict:?}");
    }
}

#[test]
fn two_cores_identify_nothing_and_eight_do() {
    let over = |cores: &[u64]| -> Vec<Series> {
        let time = |n: u64| 1e7 / (n as f64 / (1.0 + 0.1 * (n as f64 - 1.0)));
        cores
            .iter()
            .map(|n| at("scaled-wall-time", *n, 50_000, time(*n), 8, 0.01))
            .collect()
    };
    let records = run("default", "cores", over(&[1, 2]));
    let (judged_two, verdict) = judged(&records, "cores-exponent", "[0.9, 1.1]");
    assert_eq!(verdict.decision, Decision::NotMeasured);
    let why = verdict.why.unwrap();
    assert!(
        why.starts_with("cannot be identified: needs 4 levels, has 2; 1.8"),
        "{why}"
    );
    let page = |judged: &Judged, records: &[Record]| {
        let pages = pages::pages(judged, records);
        pages
            .into_iter()
            .find(|(path, _)| path == "cells/w/x/fast.html")
            .unwrap()
            .1
    };
    assert!(page(&judged_two, &records).contains("law: cannot be identified: needs 4 levels"));
    let records = run("default", "cores", over(&[1, 2, 3, 4, 8]));
    let (judged_many, verdict) = judged(&records, "cores-exponent", "[0.9, 1.1]");
    assert_eq!(verdict.decision, Decision::Refuted, "{verdict:?}");
    let page = page(&judged_many, &records);
    assert!(
        page.contains("law: contention 0.1") || page.contains("law: contention 0.09"),
        "{page}"
    );
    assert!(page.contains("Throughput over cores") && page.contains("growth-cores-t"));
    // Figures over levels are no figures of the cell.
    assert!(!page.contains("scaled-wall-time"));
}

#[test]
fn what_kept_levels_from_being_measured_is_said() {
    let mut records = Synthetic::new("default").records;
    let why = "only async lets the number of requests in flight be set";
    records.push(not_measured(
        cell("w/x", "fast", "default"),
        "concurrency",
        why,
    ));
    let (_, verdict) = judged(&records, "requests-exponent", "[0.9, 1.1]");
    assert_eq!(verdict.why.as_deref(), Some(why));
    let none = Synthetic::new("default").records;
    let (_, verdict) = judged(&none, "requests-exponent", "[0.9, 1.1]");
    assert_eq!(
        verdict.why.unwrap(),
        "no fast in the concurrency records of this workload"
    );
}

#[test]
fn mistakes_in_a_claim_on_an_exponent_are_told() {
    let said = |metric: &str, tail: &str| {
        let text = format!(
            "{}\n[[claim]]\nid = \"e\"\nsource = \"ours\"\nsentence = \"s\"\nmetric = \"{metric}\"\n\
             workloads = [\"w/x\"]\ncontender = \"fast\"\n{tail}\n",
            claims_text("wall-time", "2.0")
        );
        claims::parse(&text, "claims.toml").unwrap_err().to_string()
    };
    assert!(said("heap-exponent", "").contains("exponent = [from, to] is missing"));
    assert!(
        said("heap-exponent", "at-least = 2.0\nexponent = [0, 1]").contains("takes no at-least")
    );
    assert!(said("heap-exponent", "exponent = [1, 0]").contains("must be [from, to]"));
    assert!(said("wall-time", "at-least = 2.0\nexponent = [0, 1]").contains("takes no exponent"));
}

#[test]
fn levels_survive_the_record() {
    let records = run("default", "sizes", sized("scaled-cpu-time", 1.0, 0.0));
    let text: String = records.iter().map(record::line).collect();
    assert!(text.contains("\"level\":{\"at\":1000,\"items\":1000,\"blocks\":8}"));
    assert_eq!(record::read(text.as_bytes()).unwrap().records, records);
}
