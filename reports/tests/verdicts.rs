//! Verdicts of synthetic runs whose answer is known: each decision, each reason for none, and the
//! ways in which a ratio can be exact, infinite or spoiled.

mod synthetic;

use reports::claims::{self, Claims};
use reports::record::{Failure, Record};
use reports::verdict::{Decision, Verdict};
use synthetic::{Synthetic, cell, claims_of, failed, not_measured, probe, series};

fn only(records: &[Record], claims: &Claims) -> Verdict {
    let judged = reports::judge(records, claims);
    assert_eq!(judged.verdicts.len(), 1);
    let json = judged.to_json();
    assert_eq!(
        serde_json::from_str::<reports::Judged>(&json).unwrap(),
        judged
    );
    judged.verdicts[0].clone()
}

fn timed(ratio: f64, blocks: u32) -> Vec<Record> {
    Synthetic::new("default")
        .times("w/x", &[("eager", ratio), ("fast", 1.0)], blocks)
        .records
}

#[test]
fn the_interval_decides_and_not_the_ratio() {
    let claims = claims_of("wall-time", "[2.0]");
    let confirmed = only(&timed(2.3, 8), &claims);
    assert_eq!(confirmed.decision, Decision::Confirmed);
    let comparison = confirmed.comparison.unwrap();
    let interval = comparison.interval.unwrap();
    assert_eq!((comparison.blocks, comparison.exact), (8, false));
    assert!(
        interval.low > 2.0 && interval.low < 2.3 && interval.level == 0.99,
        "{interval:?}"
    );
    assert!(confirmed.p_value.unwrap() < 0.01);
    assert_eq!(confirmed.p_adjusted, confirmed.p_value, "a family of one");

    let refuted = only(&timed(1.8, 8), &claims);
    assert_eq!((refuted.decision, refuted.limit), (Decision::Refuted, None));

    let open = only(&timed(2.02, 8), &claims);
    assert_eq!(open.decision, Decision::Inconclusive);
    assert_eq!(open.why.unwrap(), "the interval holds the threshold");
    assert!(
        open.further_blocks.unwrap() > 8,
        "{:?}",
        open.further_blocks
    );

    let few = only(&timed(5.0, 3), &claims);
    assert_eq!(few.decision, Decision::Inconclusive);
    assert_eq!(few.why.unwrap(), "too few blocks: 3 of at least 4");
    assert!(few.comparison.unwrap().interval.is_none());
}

#[test]
fn warm_up_counts_for_nothing() {
    let mut records = timed(2.5, 8);
    for record in &mut records {
        if let Record::Probe(probe) = record {
            for series in &mut probe.series {
                series.values[0] = 1;
                assert_eq!(series.warm_up, 1);
            }
        }
    }
    assert_eq!(
        only(&records, &claims_of("wall-time", "2")).decision,
        Decision::Confirmed
    );
}

#[test]
fn rounds_meet_although_warm_ups_differ() {
    let mut run = Synthetic::new("default");
    for block in 0..8 {
        let pairs = [
            ("eager", 1, [9, 200, 30, 4000, 500]),
            ("fast", 2, [9, 9, 10, 1334, 166]),
        ];
        for (contender, warm_up, values) in pairs {
            let times = series("wall-time", "ns", false, warm_up, &values);
            run.records.push(probe(
                cell("w/x", contender, "default"),
                "time",
                block,
                vec![times],
            ));
        }
    }
    let verdict = only(&run.records, &claims_of("wall-time", "2.9"));
    assert!((verdict.comparison.unwrap().ratio.unwrap() - 3.0).abs() < 0.01);
}

#[test]
fn a_quick_run_never_gives_a_time_verdict() {
    let run = Synthetic::new("quick")
        .times("w/x", &[("eager", 9.0), ("fast", 1.0)], 8)
        .heap("w/x", &[("eager", 900), ("fast", 100)]);
    let time = only(&run.records, &claims_of("wall-time", "2"));
    assert_eq!(time.decision, Decision::NotMeasured);
    assert_eq!(
        time.why.unwrap(),
        "--quick takes too few samples for a verdict"
    );
    let heap = only(&run.records, &claims_of("heap-peak", "9"));
    assert_eq!(heap.decision, Decision::Confirmed);
}

#[test]
fn exact_values_are_compared_directly() {
    let claims = claims_of("heap-peak", "2");
    for (eager, fast, ratio, decision) in [
        (400, 200, Some(2.0), Decision::Confirmed),
        (399, 200, Some(1.995), Decision::Refuted),
        (0, 0, Some(1.0), Decision::NotMeasured),
        (0, 7, Some(0.0), Decision::Refuted),
        (7, 0, None, Decision::Confirmed),
    ] {
        let run = Synthetic::new("default").heap("w/x", &[("eager", eager), ("fast", fast)]);
        let verdict = only(&run.records, &claims);
        let comparison = verdict.comparison.unwrap();
        assert_eq!(
            (verdict.decision, comparison.ratio),
            (decision, ratio),
            "{eager} {fast}"
        );
        assert!(comparison.exact && comparison.interval.is_none());
        assert_eq!(comparison.ratio_words.is_some(), ratio.is_none());
        assert!(verdict.p_value.is_none());
    }
}

#[test]
fn values_called_exact_that_differ_are_sampled() {
    let mut run = Synthetic::new("default").heap("w/x", &[("eager", 400)]);
    let wavering = series("heap-peak", "bytes", true, 0, &[100, 101, 100]);
    run.records.push(probe(
        cell("w/x", "fast", "default"),
        "heap",
        0,
        vec![wavering],
    ));
    // Without blocks nothing is claimed beyond the samples: all of them must lie on one side.
    for (threshold, decision) in [
        ("3.9", Decision::Confirmed),
        ("3.97", Decision::Inconclusive),
        ("4.1", Decision::Refuted),
    ] {
        let verdict = only(&run.records, &claims_of("heap-peak", threshold));
        assert_eq!(verdict.decision, decision, "{threshold}");
        let comparison = verdict.comparison.unwrap();
        assert_eq!(comparison.ratio, Some(4.0));
        assert_eq!(comparison.range.unwrap().samples, 3);
        assert_eq!(comparison.bounds(), Some((400.0 / 101.0, 4.0)));
    }
}

#[test]
fn zeros_among_samples_give_no_interval() {
    let mut run = Synthetic::new("default");
    for block in 0..8 {
        for (contender, values) in [("eager", [5, 5, 5]), ("fast", [0, 1, 2])] {
            let faults = series("minor-faults", "count", false, 0, &values);
            let at = cell("w/x", contender, "default");
            run.records.push(probe(at, "resident", block, vec![faults]));
        }
    }
    let verdict = only(&run.records, &claims_of("minor-faults", "2"));
    assert_eq!(verdict.decision, Decision::Inconclusive);
    assert!(verdict.why.unwrap().starts_with("zeros among the values"));
}

#[test]
fn failures_become_words_and_never_verdicts() {
    let claims = claims_of("wall-time", "2");
    for failure in [
        Failure::Error,
        Failure::Killed,
        Failure::TimedOut,
        Failure::OutOfMemory,
        Failure::WrongAnswer,
        Failure::Protocol,
    ] {
        let mut records = timed(3.0, 8);
        records.push(failed(
            cell("w/x", "fast", "default"),
            "time",
            8,
            failure,
            "it broke",
        ));
        let verdict = only(&records, &claims);
        assert_eq!(verdict.decision, Decision::NotMeasured);
        assert_eq!(
            verdict.why.unwrap(),
            format!("fast: {}: it broke", failure.words())
        );
    }
    let mut records = timed(3.0, 9);
    records.push(failed(
        cell("w/x", "fast", "default"),
        "time",
        0,
        Failure::Service,
        "late",
    ));
    let verdict = only(&records, &claims);
    assert_eq!(
        verdict.decision,
        Decision::Confirmed,
        "a late service spoils its block only"
    );
    let comparison = verdict.comparison.unwrap();
    assert_eq!((comparison.blocks, comparison.blocks_left_out), (8, 1));
}

#[test]
fn what_is_missing_is_said() {
    let claims = claims_of("wall-time", "2");
    let none = only(&[], &claims);
    assert_eq!(none.decision, Decision::NotMeasured);
    assert!(
        none.why
            .unwrap()
            .starts_with("neither fast nor eager in the time records")
    );
    let lone = Synthetic::new("default")
        .times("w/x", &[("fast", 1.0)], 8)
        .records;
    assert!(
        only(&lone, &claims)
            .why
            .unwrap()
            .starts_with("no eager in the time records")
    );
    let mut heap = Synthetic::new("default")
        .heap("w/x", &[("eager", 4)])
        .records;
    heap.push(not_measured(
        cell("w/x", "fast", "default"),
        "heap",
        "no such instrument here",
    ));
    let verdict = only(&heap, &claims_of("heap-peak", "2"));
    assert_eq!(verdict.why.unwrap(), "fast: no such instrument here");
}

#[test]
fn the_cores_stand_beside_a_refuted_claim() {
    let text = synthetic::claims_text("wall-time", "3.66") + "limit = \"cores\"\n";
    let claims = claims::parse(&text, "claims.toml").unwrap();
    let verdict = only(&timed(1.9, 8), &claims);
    assert_eq!(verdict.decision, Decision::Refuted);
    assert_eq!(
        verdict.limit.unwrap(),
        "two cores allow 2.0x at most over a single thread of the same code"
    );
    assert_eq!(only(&timed(5.0, 8), &claims).limit, None);
}

#[test]
fn completing_under_a_limit_needs_no_baseline() {
    let text = synthetic::claims_text("completes", "").replace("at-least = \n", "");
    let claims = claims::parse(&text, "claims.toml").unwrap();
    assert_eq!(only(&[], &claims).decision, Decision::NotMeasured);
    let at = || cell("w/x", "fast", "default");
    let good = [probe(at(), "limited", 0, Vec::new())];
    assert_eq!(only(&good, &claims).decision, Decision::Confirmed);
    let bad = [failed(
        at(),
        "limited",
        0,
        Failure::OutOfMemory,
        "limit of 64 MiB",
    )];
    let verdict = only(&bad, &claims);
    assert_eq!(verdict.decision, Decision::Refuted);
    assert_eq!(verdict.why.unwrap(), "out of memory: limit of 64 MiB");
    let none = [not_measured(at(), "limited", "no limits on this system")];
    assert_eq!(only(&none, &claims).decision, Decision::NotMeasured);
}

#[test]
fn the_smaller_size_serves_where_both_have_only_that() {
    let mut run = Synthetic::new("large").times("w/x", &[("eager", 3.0), ("fast", 1.0)], 8);
    for (contender, peak) in [("eager", 500), ("fast", 100)] {
        let peak = series("heap-peak", "bytes", true, 0, &[peak]);
        run.records.push(probe(
            cell("w/x", contender, "default"),
            "heap",
            0,
            vec![peak],
        ));
    }
    let verdict = only(&run.records, &claims_of("heap-peak", "5"));
    assert_eq!(verdict.decision, Decision::Confirmed);
    assert_eq!(verdict.comparison.unwrap().size, "default");
}

#[test]
fn the_terminal_table_fits_80_columns() {
    let mut run = Synthetic::new("default").times("w/x", &[("eager", 2.3), ("fast", 1.0)], 8);
    run = run.heap("w/x", &[("eager", 400), ("fast", 0)]);
    let claims = claims_of("wall-time", "[2.0, 3.0, 2.3]");
    let table = reports::summary(&reports::judge(&run.records, &claims));
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );
    assert!(
        table.contains("✔ confirmed") && table.contains("✘ refuted"),
        "{table}"
    );
    assert!(table.ends_with("3 tests: 1 confirmed, 1 inconclusive, 1 refuted, 0 not measured\n"));
}

#[test]
fn version_1_always_parses() {
    let sample = include_str!("samples/records-v1.jsonl");
    let found = reports::record::read(sample.as_bytes()).unwrap();
    assert!(found.skipped.is_empty(), "{:?}", found.skipped);
    assert_eq!(found.records.len(), sample.lines().count());
    let again: String = found.records.iter().map(reports::record::line).collect();
    assert_eq!(again, sample);
}

#[test]
fn the_projects_own_claims_are_in_order() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../harness/claims.toml");
    let claims = claims::parse(&std::fs::read_to_string(path).unwrap(), "claims.toml")
        .unwrap_or_else(|problems| panic!("{problems}"));
    let workloads = [
        "numeric/map",
        "numeric/sum",
        "numeric/window",
        "io-bound/requests",
        "io-bound/files",
        "large-file/aggregate",
        "many-small-items/few-keys",
        "many-small-items/many-keys",
    ];
    let contenders = [
        "eager",
        "idiomatic",
        "memory-optimized",
        "cache-aware",
        "async",
        "streaming",
        "parallel",
    ];
    assert_eq!(claims.validate(&workloads, &contenders), []);
    // Every line of the two tables of the origin, once against each baseline.
    for claim in claims
        .claims
        .iter()
        .filter(|c| c.source == claims::Source::Origin)
    {
        assert!(
            claim.baselines.len() == 2 || claim.metric == "completes" || claim.exponent.is_some(),
            "{}",
            claim.id
        );
    }
}
