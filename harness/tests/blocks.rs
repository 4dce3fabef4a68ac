//! Times in blocks, through the command line: the controls take part, everyone is measured in turn on the
//! same input, and a workload is left alone once its claims are decided.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use common::{expect, harness, probes};
use serde_json::Value;

/// The time records of a folder by block.
fn blocks(folder: &Path) -> BTreeMap<u64, Vec<Value>> {
    let mut blocks: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
    for probe in probes(folder) {
        if probe["instrument"] == "time" {
            let block = probe["block"].as_u64().unwrap();
            blocks.entry(block).or_default().push(probe);
        }
    }
    blocks
}

fn contenders(block: &[Value]) -> BTreeSet<&str> {
    let names = block.iter().map(|probe| &probe["cell"]["contender"]);
    names.map(|name| name.as_str().unwrap()).collect()
}

#[test]
fn a_block_holds_the_controls_and_takes_everyone_in_turn() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = harness("run", folder.path());
    run.args([
        "--only",
        "numeric/sum/cache-aware",
        "--instruments",
        "resident,time",
    ]);
    let (out, _) = expect(&mut run, 0);
    assert!(out.contains("control: too few blocks to judge by"), "{out}");
    let blocks = blocks(folder.path());
    assert_eq!(blocks.keys().copied().collect::<Vec<_>>(), [0, 1]);
    for block in blocks.values() {
        let all = ["cache-aware", "control", "eager", "handicap", "idiomatic"];
        assert_eq!(contenders(block), BTreeSet::from(all));
        let places: Vec<Vec<u64>> = block
            .iter()
            .map(|probe| {
                let places = probe["series"][0]["places"].as_array().unwrap();
                places.iter().map(|place| place.as_u64().unwrap()).collect()
            })
            .collect();
        for round in 0..places[0].len() {
            let places: BTreeSet<u64> = places.iter().map(|of| of[round]).collect();
            assert_eq!(places, (0..5).collect(), "each place once in round {round}");
        }
    }
    for probe in probes(folder.path()) {
        let control =
            ["control", "handicap"].contains(&probe["cell"]["contender"].as_str().unwrap());
        assert!(!control || probe["instrument"] == "time", "{probe}");
    }
    let records = fs::read_to_string(folder.path().join("records.jsonl")).unwrap();
    let run: Value = serde_json::from_str(records.lines().next().unwrap()).unwrap();
    assert_eq!(run["handicap"], 50);
}

#[test]
fn a_workload_stops_once_its_claims_are_decided() {
    let folder = tempfile::tempdir().unwrap();
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("claims.toml");
    let head = fs::read_to_string(built_in).unwrap();
    let head = &head[..head.find("\n[[claim]]").unwrap() + 1];
    // A ratio that nothing comes near, so that the first look decides, on whatever machine.
    let claim = "[[claim]]\nid = \"x\"\nsource = \"ours\"\nsentence = \"s\"\nmetric = \"wall-time\"\n\
        workloads = [\"numeric/map\"]\ncontender = \"streaming\"\nat-least = 0.00001\n";
    let claims = folder.path().join("claims.toml");
    fs::write(&claims, format!("{head}{claim}")).unwrap();
    let out = folder.path().join("out");
    let mut run = Command::new(assert_cmd::cargo::cargo_bin!("harness"));
    run.args([
        "run",
        "--allow-debug-assertions",
        "--instruments",
        "time",
        "--json",
    ]);
    run.args(["--only", "numeric/map/streaming", "--blocks", "8"]);
    run.arg("--out").arg(&out).arg("--claims").arg(&claims);
    let (said, _) = expect(&mut run, 0);
    let judged: Value = serde_json::from_str(&said).unwrap();
    for verdict in judged["verdicts"].as_array().unwrap() {
        // Tests run side by side: what they take from one another leaves the verdict open.
        let why = verdict["why"].as_str().unwrap_or("");
        let crowded = why.starts_with("other processes took cores away");
        let expected = if crowded { "inconclusive" } else { "confirmed" };
        assert_eq!(verdict["decision"], expected, "{verdict}");
    }
    assert_eq!(
        judged["controls"].as_array().unwrap().len(),
        1,
        "wall time only"
    );
    assert_eq!(blocks(&out).len(), 4, "the first look decides");
}
