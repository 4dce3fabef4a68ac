//! The doctor and what is recorded of the machine, through the command line: what it finds is printed in 80
//! columns, an unfit machine is refused if asked for, and a neighbour during a block is recorded.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};

use common::{expect, harness, probes};
use serde_json::Value;

#[test]
fn the_doctor_prints_every_concern_and_refuses_if_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (out, _) = expect(&mut harness("doctor", folder.path()), 0);
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    for concern in [
        "build",
        "machine",
        "cores",
        "load",
        "neighbours",
        "stolen time",
        "frequency",
        "turbo",
        "power",
        "memory",
        "paging",
        "page cache",
        "huge pages",
        "timer",
        "counters",
        "memory limit",
        "descriptors",
        "disk",
        "instruments",
        "layout",
    ] {
        let begins = |line: &str| line.get(2..).is_some_and(|rest| rest.starts_with(concern));
        assert!(out.lines().any(begins), "{concern}: {out}");
    }
    let (out, _) = expect(harness("doctor", folder.path()).arg("--json"), 0);
    let findings: Vec<BTreeMap<String, String>> = serde_json::from_str(&out).unwrap();
    // Tests are built with debug assertions, which is unfit whatever the machine.
    let build = findings.iter().find(|f| f["name"] == "build").unwrap();
    assert_eq!(build["finding"], "unfit", "{build:?}");
    let (_, err) = expect(harness("doctor", folder.path()).arg("--strict-env"), 13);
    assert!(
        err.contains("error[H013]") && err.contains("debug assertions"),
        "{err}"
    );

    let (out, err) = expect(harness("run", folder.path()).arg("--strict-env"), 13);
    assert!(out.is_empty() && err.contains("error[H013]"), "{out}{err}");
    assert!(!folder.path().join("records.jsonl").exists());
}

/// A process that keeps a core busy until it is dropped.
struct Busy(Child);

impl Busy {
    fn start() -> Busy {
        let mut command = Command::new("sh");
        command.args(["-c", "while :; do :; done"]);
        Busy(command.stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_busy_neighbour_is_recorded_with_the_block_which_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let neighbours: Vec<Busy> = (0..cores).map(|_| Busy::start()).collect();
    let mut run = harness("run", folder.path());
    run.args(["--only", "numeric/sum/cache-aware", "--instruments", "time"]);
    let (out, _) = expect(&mut run, 0);
    drop(neighbours);
    // A virtual machine may be hit by stolen time or paging as well.
    let told = |line: &str| {
        let neighbours = ["2 of 2 blocks hit by a neighbour", ", 2 by a neighbour"];
        line.ends_with(": kept") && neighbours.iter().any(|words| line.contains(words))
    };
    assert!(out.lines().any(told), "{out}");
    let probes = probes(folder.path());
    assert_eq!(probes.len(), 2 * 5, "two blocks of five contenders");
    for probe in &probes {
        assert_eq!(probe["outcome"], "measured", "{probe}");
        let disturbed = &probe["disturbed"];
        let number = |name: &str| disturbed[name].as_u64().unwrap() as f64;
        assert!(number("others") > 0.2 * number("wall"), "{disturbed}");
        assert!(number("waited") > 0.0, "{disturbed}");
    }
    let records = fs::read_to_string(folder.path().join("records.jsonl")).unwrap();
    let run: Value = serde_json::from_str(records.lines().next().unwrap()).unwrap();
    let findings = run["machine"]["findings"].as_array().unwrap();
    assert!(
        findings.iter().any(|f| f["name"] == "neighbours"),
        "{findings:?}"
    );
}

#[test]
fn a_report_is_checked_against_its_records() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = harness("run", folder.path());
    run.args(["--only", "numeric/sum/cache-aware", "--instruments", "time"]);
    expect(&mut run, 0);
    let check = || {
        let mut check = harness("report", folder.path());
        check.arg("--check");
        check
    };
    let (_, err) = expect(&mut check(), 2);
    assert!(err.contains("no report in"), "{err}");
    expect(&mut harness("report", folder.path()), 0);
    let (out, _) = expect(&mut check(), 0);
    let records = fs::read_to_string(folder.path().join("records.jsonl")).unwrap();
    // The first line describes the run.
    let records = records.lines().count() - 1;
    let words = format!("recomputed from {records} records: all equal\n");
    assert!(out.ends_with(&words), "{out}");

    let path = folder.path().join("verdicts.json");
    let text = fs::read_to_string(&path).unwrap();
    let at = text.find("\"level\": 0.99").unwrap() + "\"level\": 0.9".len();
    let flipped = format!("{}8{}", &text[..at], &text[at + 1..]);
    fs::write(&path, flipped).unwrap();
    let (out, err) = expect(&mut check(), 12);
    assert!(
        out.contains("not equal\n  rules.level: published 0.98, recomputed 0.99\n"),
        "{out}"
    );
    assert!(err.contains("error[H014]"), "{err}");
}
