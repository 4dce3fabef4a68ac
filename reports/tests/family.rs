//! Verdicts as a family, the controls that vouch for them, and what is still open: synthetic runs whose
//! answer is known.

mod synthetic;

use reports::claims::{self, Claims};
use reports::record::{Failure, Record};
use reports::verdict::Decision;
use reports::{Judged, Outlook};
use synthetic::{Synthetic, cell, claims_of, claims_text, failed};

fn with_controls(control: f64, handicap: f64, blocks: u32) -> Vec<Record> {
    let contenders = [
        ("eager", 3.0),
        ("idiomatic", 2.0),
        ("fast", 1.0),
        ("control", 2.0 * control),
        ("handicap", 2.0 * handicap),
    ];
    let mut run = Synthetic::new("default")
        .times("w/x", &contenders, blocks)
        .heap("w/x", &[("eager", 400), ("fast", 100)]);
    if let Record::Run(run) = &mut run.records[0] {
        run.handicap = 50;
    }
    run.records
}

fn both_metrics() -> Claims {
    let text = claims_text("wall-time", "2");
    let second = text.split("\n\n").nth(1).unwrap().replace("\"c\"", "\"d\"");
    let second = second.replace("wall-time", "heap-peak");
    claims::parse(&format!("{text}\n{second}"), "claims.toml").unwrap()
}

fn decisions(judged: &Judged) -> Vec<Decision> {
    judged.verdicts.iter().map(|v| v.decision).collect()
}

#[test]
fn a_level_for_one_is_not_enough_for_many() {
    // Fifty comparisons of the same figures, nearly 4 % above the claim: one alone would be decided.
    let workloads: Vec<String> = (0..50).map(|n| format!("w/{n}")).collect();
    let mut run = Synthetic::new("default");
    for workload in &workloads {
        run = run.times(workload, &[("eager", 2.09), ("fast", 1.0)], 8);
    }
    let claims = |workloads: &[String]| {
        let text = claims_text("wall-time", "2").replace("[\"w/x\"]", &format!("{workloads:?}"));
        claims::parse(&text, "claims.toml").unwrap()
    };
    let one = reports::judge(&run.records, &claims(&workloads[..1]));
    assert_eq!(
        decisions(&one),
        [Decision::Confirmed],
        "{:?}",
        one.verdicts[0].comparison
    );
    let all = reports::judge(&run.records, &claims(&workloads));
    assert_eq!(all.count(Decision::Inconclusive), 50);
    let verdict = &all.verdicts[0];
    assert_eq!(
        verdict.why.as_deref(),
        Some("the interval alone would decide, but not as one of 50 comparisons")
    );
    let (alone, adjusted) = (verdict.p_value.unwrap(), verdict.p_adjusted.unwrap());
    assert!((adjusted / alone - 50.0).abs() < 1e-6 || adjusted == 1.0);
    assert!(verdict.further_blocks.is_some());
}

#[test]
fn claims_about_one_comparison_count_once() {
    let run = Synthetic::new("default").times("w/x", &[("eager", 2.3), ("fast", 1.0)], 8);
    let judged = reports::judge(&run.records, &claims_of("wall-time", "[2.0, 2.1, 2.6]"));
    for verdict in &judged.verdicts {
        assert_eq!(verdict.p_adjusted, verdict.p_value, "{}", verdict.id);
        assert!(verdict.decision != Decision::Inconclusive, "{}", verdict.id);
    }
}

#[test]
fn what_lies_within_the_margin_is_too_close_to_call() {
    let run = Synthetic::new("default").times("w/x", &[("eager", 2.0), ("fast", 1.0)], 64);
    let text = claims_text("wall-time", "2").replace("level = 0.99", "level = 0.99\nmargin = 0.01");
    let claims = claims::parse(&text, "claims.toml").unwrap();
    let judged = reports::judge(&run.records, &claims);
    let verdict = &judged.verdicts[0];
    assert_eq!(verdict.decision, Decision::Inconclusive);
    assert!(verdict.within_margin, "{:?}", verdict.comparison);
    assert_eq!(
        verdict.why.as_deref(),
        Some("the ratio lies within 1 % of the claim, too close to call")
    );
    assert_eq!(outlook(&run.records, &claims, 100).open, []);
}

#[test]
fn a_baseline_that_differs_from_itself_withholds_every_time() {
    let good = reports::judge(&with_controls(1.0, 1.05, 16), &both_metrics());
    assert_eq!(decisions(&good), [Decision::Confirmed; 2]);
    let control = &good.controls[0];
    assert!(!control.differs && control.p_adjusted.unwrap() > 0.01);
    let finest = control.detectable.unwrap();
    assert!((1.0..1.05).contains(&finest), "{finest}");
    let handicap = control.handicap.as_ref().unwrap();
    assert!(handicap.seen && (handicap.comparison.ratio.unwrap() - 1.0 / 1.05).abs() < 0.01);
    let table = reports::summary(&good);
    assert!(table.contains("control: 1 of 1 equal themselves; 5 % slower seen in 1 of 1; shows "));
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );

    let bad = reports::judge(&with_controls(1.2, 1.05, 16), &both_metrics());
    assert_eq!(
        decisions(&bad),
        [Decision::NotMeasured, Decision::Confirmed]
    );
    let why = bad.verdicts[0].why.as_deref().unwrap();
    assert!(
        why.starts_with("the control: idiomatic on w/x differs from itself, wall time 0.8"),
        "{why}"
    );
    assert!(
        bad.verdicts[0].comparison.is_some(),
        "the figures stay to be seen"
    );
    let table = reports::summary(&bad);
    assert!(
        table.contains("control: w/x differs from itself, no time is believed"),
        "{table}"
    );

    for judged in [&good, &bad] {
        assert!(
            judged
                .cells
                .iter()
                .all(|c| c.contender != "control" && c.contender != "handicap")
        );
        let records = with_controls(1.0, 1.05, 16);
        let pages = reports::pages::pages(judged, &records);
        let machine = &pages
            .iter()
            .find(|(path, _)| path == "machine.html")
            .unwrap()
            .1;
        assert_eq!(machine.contains("✘ differs"), judged.controls[0].differs);
        assert!(machine.contains("✔ seen"));
    }
    let early = reports::judge(&with_controls(1.2, 1.05, 3), &both_metrics());
    assert!(
        early
            .controls
            .iter()
            .all(|c| !c.differs && c.p_adjusted.is_none())
    );
    assert!(reports::summary(&early).contains("control: too few blocks to judge by"));
}

const ALL: [&str; 6] = ["eager", "idiomatic", "fast", "slow", "control", "handicap"];

fn outlook(records: &[Record], claims: &Claims, most: u32) -> Outlook {
    let plan = [("w/x".to_owned(), ALL.map(ToOwned::to_owned).to_vec())];
    reports::outlook(records, claims, "default", &plan, most)
}

fn times(eager: f64, slow: f64, blocks: u32) -> Vec<Record> {
    let contenders = [
        ("eager", eager),
        ("idiomatic", 2.0),
        ("fast", 1.0),
        ("slow", slow),
        ("control", 2.0),
        ("handicap", 2.0),
    ];
    Synthetic::new("default")
        .times("w/x", &contenders, blocks)
        .records
}

#[test]
fn everyone_takes_part_until_the_first_look_and_then_whoever_is_open() {
    let claims = claims_of("wall-time", "2");
    let none = outlook(&[], &claims, 64);
    assert_eq!(
        (&none.open[0].contenders[..], none.open[0].further),
        (&ALL.map(String::from)[..], Some(4))
    );
    let three = outlook(&times(3.0, 1.0, 3), &claims, 64);
    assert_eq!((three.open[0].contenders.len(), three.undecided), (6, 1));
    // 3 is far from 2: four blocks decide, and nothing else is claimed.
    let four = outlook(&times(3.0, 1.0, 4), &claims, 64);
    assert_eq!((four.open, four.decided, four.undecided), (vec![], 1, 0));
    // 2.02 is not. The handicap, which is none, goes on being looked for; `slow` is in no claim.
    let near = outlook(&times(2.02, 1.0, 5), &claims, 64);
    assert_eq!(
        near.open[0].contenders,
        ["eager", "idiomatic", "fast", "control", "handicap"]
    );
    assert!(near.open[0].further.unwrap() >= 1);
    // Unless no more blocks are allowed, or so many would be needed that nobody waits for them.
    assert_eq!(outlook(&times(2.02, 1.0, 5), &claims, 5).open, []);
    let hopeless = outlook(&times(2.0001, 1.0, 12), &claims, 16);
    assert_eq!((hopeless.open, hopeless.undecided), (vec![], 1));
}

#[test]
fn what_failed_or_is_always_spoilt_is_waited_for_no_longer() {
    let claims = claims_of("wall-time", "2");
    let mut records = times(2.02, 1.0, 5);
    records.push(failed(
        cell("w/x", "fast", "default"),
        "time",
        5,
        Failure::Killed,
        "x",
    ));
    assert_eq!(outlook(&records, &claims, 64).open, []);
    let spoilt = |blocks: u32| -> Vec<Record> {
        let spoil = |record: Record| match record {
            Record::Probe(mut probe) => {
                let why = "service too late".to_owned();
                probe.outcome = reports::record::Outcome::NotMeasured { why };
                Record::Probe(probe)
            }
            run => run,
        };
        times(2.02, 1.0, blocks).into_iter().map(spoil).collect()
    };
    assert_eq!(outlook(&spoilt(3), &claims, 64).open[0].contenders.len(), 6);
    assert_eq!(outlook(&spoilt(4), &claims, 64).open, []);
}
