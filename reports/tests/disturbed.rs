//! Blocks that something else in the machine has hit: told in the terminal, on the machine's page and on
//! the cell's, and used like any other.

mod synthetic;

use reports::record::{Disturbance, Record};
use reports::verdict::Decision;
use reports::{disturbed, pages};
use synthetic::{Synthetic, claims_of};

/// A run of eight blocks in which one was hit by stolen time and another by a neighbour.
fn run() -> Vec<Record> {
    let mut records = Synthetic::new("default")
        .times("w/x", &[("eager", 4.0), ("fast", 1.0)], 8)
        .records;
    for record in &mut records {
        let Record::Probe(probe) = record else {
            continue;
        };
        probe.disturbed = Some(Disturbance {
            wall: 1_000_000_000,
            stolen: Some(if probe.block == 2 { 30_000_000 } else { 0 }),
            others: Some(if probe.block == 5 { 700_000_000 } else { 0 }),
            waited: Some(5_000_000),
            cpu_pressure: None,
            memory_pressure: None,
        });
    }
    records
}

#[test]
fn a_block_that_was_hit_is_told_and_used_like_any_other() {
    let records = run();
    let claims = claims_of("wall-time", "2.0");
    let judged = reports::judge(&records, &claims);
    let sums = disturbed::Sums {
        blocks: 8,
        unknown: 0,
        stolen: 1,
        neighbour: 1,
        memory: 0,
    };
    assert_eq!(judged.disturbed, sums);
    let comparison = judged.verdicts[0].comparison.as_ref().unwrap();
    assert_eq!(comparison.blocks, 8, "none is left out");

    let mut quiet = records.clone();
    for record in &mut quiet {
        if let Record::Probe(probe) = record {
            probe.disturbed = None;
        }
    }
    let undisturbed = reports::judge(&quiet, &claims);
    assert_eq!(undisturbed.verdicts, judged.verdicts);
    assert_eq!(undisturbed.disturbed.unknown, 8);

    let line = "1 of 8 blocks hit by stolen time, 1 by a neighbour: kept";
    let text = reports::summary(&judged);
    assert!(text.lines().any(|told| told == line), "{text}");
    assert!(!reports::summary(&undisturbed).contains("kept"));

    let pages = pages::pages(&judged, &records);
    let page = |name: &str| &pages.iter().find(|(path, _)| path == name).unwrap().1;
    assert!(page("machine.html").contains(line));
    let cell = page("cells/w/x/fast.html");
    assert_eq!(cell.matches("stroke-linecap=\"square\"").count(), 2);
    let title = "<title>block 2: stolen time 3.00 % of the block, its process waited 5.00 ms";
    assert!(cell.contains(title), "{cell}");
    assert!(cell.contains("<title>block 5: other processes took 0.700 cores"));
    let quiet = pages::pages(&undisturbed, &quiet);
    assert!(
        quiet
            .iter()
            .all(|(_, text)| !text.contains("linecap=\"square\""))
    );
}

#[test]
fn wall_times_are_left_open_where_others_took_cores_and_cpu_times_stand() {
    let beside = |crowded: u32| {
        let mut records = run();
        for record in &mut records {
            if let Record::Probe(probe) = record
                && let Some(disturbed) = &mut probe.disturbed
            {
                disturbed.others = Some(if probe.block < crowded {
                    900_000_000
                } else {
                    0
                });
            }
        }
        let claims = |metric| {
            let mut claims = claims_of(metric, "2.0");
            claims.rules.crowded = Some(0.4);
            claims
        };
        let judged = reports::judge(&records, &claims("wall-time"));
        let cpu = reports::judge(&records, &claims("cpu-time"));
        let quiet = reports::judge(&run(), &claims("cpu-time"));
        // Only where the rules ask for it.
        let unruled = reports::judge(&records, &claims_of("wall-time", "2.0"));
        assert_eq!(unruled.verdicts[0].decision, Decision::Confirmed);
        assert_eq!(cpu.verdicts, quiet.verdicts);
        judged.verdicts[0].clone()
    };
    assert_eq!(beside(4).decision, Decision::Confirmed);
    let open = beside(5);
    assert_eq!(open.decision, Decision::Inconclusive);
    let why = "other processes took cores away in 5 of 8 blocks";
    assert_eq!(open.why.as_deref(), Some(why));
    assert_eq!(open.comparison.unwrap().blocks, 8, "none is left out");
}
