//! Other people's figures: read as they leave them, held against ours, and never trusted.

mod synthetic;

use std::fs;
use std::path::Path;

use reports::crosscheck::{self, Check, Figure, Outcome};
use reports::foreign::criterion::{self, Timed};
use reports::foreign::gungraun::{self, Counted};
use reports::record::Cell;
use synthetic::{Synthetic, cell};

const BENCHMARK: &str = include_str!("samples/criterion-benchmark.json");
const ESTIMATES: &str = include_str!("samples/criterion-estimates.json");
const SUMMARY: &str = include_str!("samples/gungraun-summary.json");

fn put(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn the_latest_estimates_of_criterion_are_found_and_rubbish_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(criterion::read(&folder.join("none")).figures.is_empty());
    assert!(criterion::read(&folder.join("none")).problems.is_empty());
    for run in ["new", "base"] {
        put(
            folder,
            &format!("w/eager/quick/{run}/benchmark.json"),
            BENCHMARK,
        );
        put(
            folder,
            &format!("w/eager/quick/{run}/estimates.json"),
            ESTIMATES,
        );
    }
    put(folder, "report/index.html", "<html>");
    // Somebody else's benchmark, without a parameter.
    let other = r#"{"group_id":"other","function_id":null,"value_str":null}"#;
    put(folder, "other/new/benchmark.json", other);
    put(folder, "other/new/estimates.json", ESTIMATES);
    let found = criterion::read(folder);
    assert_eq!(found.problems, Vec::<String>::new());
    let expected = Timed {
        cell: Cell {
            workload: "numeric/sum".to_owned(),
            contender: "eager".to_owned(),
            size: "quick".to_owned(),
        },
        median: 5_676_461.0,
        interval: (5_107_637.333_333_334, 6_199_712.333_333_333),
        level: 0.95,
    };
    assert_eq!(found.figures, [expected]);

    put(folder, "cut/new/benchmark.json", BENCHMARK);
    put(
        folder,
        "cut/new/estimates.json",
        &ESTIMATES[..ESTIMATES.len() / 2],
    );
    put(folder, "alone/new/estimates.json", ESTIMATES);
    put(folder, "form/new/benchmark.json", BENCHMARK);
    put(folder, "form/new/estimates.json", r#"{"median": 12}"#);
    let found = criterion::read(folder);
    assert_eq!(found.figures.len(), 1);
    assert_eq!(found.problems.len(), 3, "{:?}", found.problems);
    let said = |part: &str, what: &str| {
        let mut lines = found.problems.iter();
        assert!(
            lines.any(|line| line.contains(part) && line.contains(what)),
            "{:?}",
            found.problems
        );
    };
    said("alone", "the benchmark.json beside it");
    said("cut", "not of the known form: EOF");
    said("form", "not of the known form: invalid type");
}

#[test]
fn counts_of_gungraun_are_found_and_rubbish_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(folder, "cells/numeric_sum.eager_0/summary.json", SUMMARY);
    let expected = Counted {
        benchmark: "numeric_sum".to_owned(),
        process: "eager_0".to_owned(),
        instructions: 1_934_309,
    };
    assert_eq!(
        gungraun::read(folder).figures,
        std::slice::from_ref(&expected)
    );
    for (name, text) in [
        ("empty", String::new()),
        ("cut", SUMMARY[..SUMMARY.len() - 40].to_owned()),
        ("dhat", SUMMARY.replace("Callgrind", "DHAT")),
        ("events", SUMMARY.replace("\"Ir\"", "\"Ge\"")),
        ("nameless", SUMMARY.replace("\"eager_0\"", "null")),
        ("broken", SUMMARY.replace("1934309", "1934309.5")),
        ("missing", SUMMARY.replace("\"new\"", "\"old\"")),
    ] {
        put(folder, &format!("{name}/summary.json"), &text);
    }
    let found = gungraun::read(folder);
    assert_eq!(found.figures, [expected]);
    assert_eq!(found.problems.len(), 7, "{:?}", found.problems);
    assert!(
        found
            .problems
            .iter()
            .all(|line| line.contains("summary.json: "))
    );
}

fn timed(contender: &str, size: &str, low: f64, high: f64) -> Timed {
    Timed {
        cell: Cell {
            workload: "w/x".to_owned(),
            contender: contender.to_owned(),
            size: size.to_owned(),
        },
        median: f64::midpoint(low, high),
        interval: (low, high),
        level: 0.95,
    }
}

#[test]
fn times_disagree_only_where_the_intervals_have_nothing_in_common() {
    // About 20 ms and 10 ms, give or take some per cent.
    let records = Synthetic::new("quick")
        .times("w/x", &[("eager", 2.0), ("fast", 1.0)], 8)
        .records;
    let theirs = [
        timed("eager", "quick", 1.98e7, 2.5e7),
        timed("fast", "quick", 1.2e7, 1.3e7),
        timed("fast", "large", 1.2e7, 1.3e7),
        timed("unheard-of", "quick", 1.0, 2.0),
    ];
    let checks = crosscheck::times(&records, &theirs);
    let words: Vec<_> = checks.iter().map(|check| check.outcome.words().0).collect();
    assert_eq!(words, ["agree", "disagree", "not compared", "not compared"]);
    let ours = checks[1].ours.unwrap();
    assert!(ours.low < ours.value && ours.value < ours.high, "{ours:?}");
    assert!(ours.low > 0.95e7 && ours.high < 1.05e7, "{ours:?}");
    let text = crosscheck::text(&checks);
    assert!(
        text.contains("wall time: 1 agree, 1 disagree, 2 not compared"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );

    let single = Synthetic::new("quick")
        .times("w/x", &[("fast", 1.0)], 1)
        .records;
    let checks = crosscheck::times(&single, &theirs[1..2]);
    let why = checks[0].outcome.words().1.unwrap();
    assert!(
        why.starts_with("1 block of ours and so no interval"),
        "{why}"
    );
}

#[test]
fn blocks_have_the_interval_of_students_table() {
    // exp(mean(log x) -+ 3.182446 * deviation(log x) / 2): 3.182446 is the table's t for three degrees.
    let figure = Figure::of_blocks(&[10.0, 11.0, 12.0, 10.5], 0.95).unwrap();
    for (got, expected) in [
        (figure.value, 10.850_28),
        (figure.low, 9.589_83),
        (figure.high, 12.276_39),
    ] {
        assert!((got - expected).abs() < 1e-4, "{got} for {expected}");
    }
    assert_eq!(Figure::of_blocks(&[10.0], 0.95), None);
    assert_eq!(Figure::of_blocks(&[10.0, 0.0], 0.95), None);
}

fn count(ours: &[u64], theirs: &[u64], again: &[u64]) -> Check {
    let cell = cell("w/x", "fast", "tiny");
    let again = Ok(again.to_vec());
    crosscheck::instructions(&cell, Ok(ours.to_vec()), theirs, || again)
}

#[test]
fn counts_are_equal_or_explained_or_disagree() {
    let equal = crosscheck::instructions(
        &cell("w/x", "fast", "tiny"),
        Ok(vec![500, 500]),
        &[2_000, 2_500, 2_500],
        || panic!("nothing is left to be explained"),
    );
    assert_eq!(equal.outcome, Outcome::Equal);

    // Started as they start them, we count what they count: the way of starting is what differs.
    let explained = count(&[495, 495], &[2_000, 2_500, 2_500], &[1_900, 2_400, 2_400]);
    let (word, why) = explained.outcome.words();
    assert_eq!(word, "explained");
    assert!(why.unwrap().ends_with("(-1.00 %)"), "{why:?}");

    // Not even then.
    let unlike = count(&[495, 495], &[2_000, 2_500, 2_500], &[1_900, 2_395, 2_395]);
    assert_eq!(unlike.outcome, Outcome::Disagree);
    let unlike = count(
        &[500, 500],
        &[2_000, 2_500, 2_500 + 1],
        &[2_000, 2_500, 2_500],
    );
    assert_eq!(
        unlike.outcome.words().0,
        "explained",
        "it does not repeat with them"
    );

    // What does not repeat is explained by that, within reason.
    let near = count(&[490, 500], &[2_000, 2_505, 2_508], &[2_000, 2_492, 2_496]);
    assert_eq!(
        near.outcome.words(),
        ("explained", Some("does not repeat, with us 490 .. 500"))
    );
    let far = count(&[490, 500], &[2_000, 3_000, 3_008], &[2_000, 2_492, 2_496]);
    assert_eq!(far.outcome, Outcome::Disagree);

    let missing = count(&[490, 500], &[2_000], &[]);
    assert_eq!(missing.outcome.words().0, "not compared");
    let failed = crosscheck::instructions(
        &cell("w/x", "fast", "tiny"),
        Err("needs Valgrind".to_owned()),
        &[2_000, 2_500],
        || panic!("there is nothing to hold it against"),
    );
    assert_eq!(
        failed.outcome,
        Outcome::NotCompared("needs Valgrind".to_owned())
    );

    let big = count(
        &[4_254_359, 4_254_359],
        &[0, 4_275_341, 4_275_341],
        &[0, 4_275_341, 4_275_341],
    );
    let text = crosscheck::text(&[big, near, far]);
    assert!(text.contains("4,254,359"), "{text}");
    assert!(
        text.contains("instructions: 1 disagree, 2 explained"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}
