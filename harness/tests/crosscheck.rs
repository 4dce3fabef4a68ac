//! `crosscheck` from outside: what it says of figures that are missing, cut short, far off or alike.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{expect, harness, present};
use serde_json::{Value, json};

fn crosscheck(folder: &Path, options: &[&str]) -> Command {
    let mut command = harness("crosscheck", &folder.join("run"));
    command.arg("--target").arg(folder).args(options);
    command
}

fn put(path: &Path, value: &Value) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, value.to_string()).unwrap();
}

fn timed(folder: &Path, contender: &str, nanoseconds: f64) {
    let new = folder.join(format!("criterion/numeric_sum/{contender}/quick/new"));
    let benchmark = json!({
        "group_id": "numeric/sum", "function_id": contender, "value_str": "quick",
    });
    put(&new.join("benchmark.json"), &benchmark);
    let interval = json!({
        "confidence_level": 0.95, "lower_bound": nanoseconds * 0.99, "upper_bound": nanoseconds * 1.01,
    });
    let median = json!({ "point_estimate": nanoseconds, "confidence_interval": interval });
    put(&new.join("estimates.json"), &json!({ "median": median }));
}

#[test]
fn without_second_opinions_it_says_how_to_get_them() {
    let folder = tempfile::tempdir().unwrap();
    let (_, said) = expect(&mut crosscheck(folder.path(), &[]), 2);
    assert!(said.contains("no second opinions in"), "{said}");
    assert!(said.contains("cargo bench -p harness"), "{said}");
    // A file that was cut short is no opinion either, and is named.
    let cut = folder.path().join("criterion/a/new/estimates.json");
    fs::create_dir_all(cut.parent().unwrap()).unwrap();
    fs::write(&cut, "{\"median\":").unwrap();
    let (_, said) = expect(&mut crosscheck(folder.path(), &[]), 2);
    assert!(said.contains("estimates.json"), "{said}");
}

#[test]
fn times_are_held_against_the_records_and_to_disagree_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    timed(folder, "eager", 1e15);
    timed(folder, "parallel", 1e5);
    let (text, _) = expect(&mut crosscheck(folder, &[]), 0);
    assert!(text.contains("wall time: 2 not compared"), "{text}");

    let mut run = harness("run", &folder.join("run"));
    run.args([
        "--only",
        "numeric/sum/eager",
        "--instruments",
        "time",
        "--blocks",
        "4",
        "--quiet",
    ]);
    expect(&mut run, 0);
    let (text, _) = expect(&mut crosscheck(folder, &["--json"]), 0);
    let checks: Vec<Value> = serde_json::from_str(&text).unwrap();
    let outcomes: Vec<_> = checks
        .iter()
        .map(|c| {
            (
                c["cell"]["contender"].as_str().unwrap(),
                c["outcome"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        outcomes,
        [("eager", "disagree"), ("parallel", "not-compared")]
    );
    assert_eq!(checks[0]["theirs"]["value"], 1e15);
    assert!(checks[0]["ours"]["value"].as_f64().unwrap() > 0.0);
    let (text, _) = expect(&mut crosscheck(folder, &["--only", "parallel"]), 0);
    assert!(!text.contains("eager"), "{text}");
}

#[test]
fn counts_that_nothing_explains_disagree() {
    if !present("valgrind") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let own = folder.join("second-opinions");
    fs::create_dir_all(own.join("inputs")).unwrap();
    fs::copy(
        assert_cmd::cargo::cargo_bin!("harness"),
        own.join("harness"),
    )
    .unwrap();
    for calls in [2, 3] {
        let open = json!({
            "request": "open", "protocol": 1, "instrument": "counts", "inputs": own.join("inputs"),
            "cell": { "workload": "numeric/sum", "contender": "eager", "size": "tiny" },
            "file": null, "service": null, "heap-offset": 0, "memory-limit": 0,
        });
        let round = json!({ "request": "round", "seed": 1, "repeats": calls, "last": true });
        let path = own.join(format!("requests/numeric_sum-eager-{calls}"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{open}\n{round}\n")).unwrap();
    }
    let report = |nth: usize, instructions: u64| {
        let metrics = json!({ "Ir": { "values": { "new": instructions } } });
        let profile = json!({ "tool": "Callgrind", "data": { "total": { "metrics": metrics } } });
        let summary = json!({
            "function_name": "numeric_sum", "id": format!("eager_{nth}"), "profiles": [profile],
        });
        let name = format!("gungraun/harness/counts/eager_{nth}/summary.json");
        put(&folder.join(name), &summary);
    };
    let check = || -> Value {
        let (text, _) = expect(&mut crosscheck(folder, &["--json"]), 0);
        let mut checks: Vec<Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(checks.len(), 1, "{text}");
        checks.remove(0)
    };
    for (nth, instructions) in [1_000, 1_100, 1_100].into_iter().enumerate() {
        report(nth, instructions);
    }
    let far = check();
    assert_eq!(
        (&far["outcome"], &far["theirs"]["value"]),
        (&json!("disagree"), &json!(100.0))
    );
    let ours = far["ours"]["value"].as_f64().unwrap();
    assert!(ours > 1_000.0, "{far}");

    // Had they counted the same as we did, they would be equal.
    for (nth, instructions) in [1_000, 1_000 + ours as u64, 1_000 + ours as u64]
        .into_iter()
        .enumerate()
    {
        report(nth, instructions);
    }
    assert_eq!(check()["outcome"], "equal");
}
