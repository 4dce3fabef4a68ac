//! The selftest through the command line: what it measures is kept and gone on with, nothing runs on
//! after it, and what it cannot do it says. No test asserts a time or a verdict.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{children, expect, gone, harness, signal};
use serde_json::Value;

fn selftest(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = harness("selftest", folder);
    command.args(["--allow-debug-assertions", "--quiet"]);
    command.args(arguments);
    command
}

fn results(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("selftest.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn comparisons_are_kept_and_more_are_added() {
    let folder = tempfile::tempdir().unwrap();
    let some = ["--real", "--only", "2.10", "--kernel", "pa", "--each", "1s"];
    let run = |count: &str| {
        let arguments = [&some[..], &["--count", count, "--route", "cells", "--json"]].concat();
        let (out, _) = expect(&mut selftest(folder.path(), &arguments), 0);
        serde_json::from_str::<Value>(&out).unwrap()
    };
    let rows = run("2");
    assert_eq!(rows[0]["trial"], "2.10", "{rows}");
    assert_eq!(
        (&rows[0]["count"], &rows[0]["failed"]),
        (&2.into(), &0.into())
    );
    let first = results(folder.path());
    let comparisons = first["comparisons"].as_array().unwrap();
    assert_eq!(comparisons.len(), 2);
    for compared in comparisons {
        let logs = compared["logs"].as_array().unwrap();
        assert!(!logs.is_empty() && compared["over"] == true, "{compared}");
        // Whatever the machine, twice the work and more is not the same.
        assert!(
            logs.iter().all(|log| log.as_f64().unwrap() > 0.1),
            "{compared}"
        );
    }
    // There are as many as asked for: nothing is measured. One more is one more.
    run("2");
    assert_eq!(results(folder.path()), first);
    run("3");
    let more = results(folder.path());
    assert_eq!(
        more["comparisons"].as_array().unwrap()[..2],
        comparisons[..]
    );
    assert_eq!(more["sessions"].as_array().unwrap().len(), 2);
    assert!(!folder.path().join("inputs").exists());
}

#[test]
fn the_simulated_part_shows_the_same_again() {
    let show = || {
        let folder = tempfile::tempdir().unwrap();
        let arguments = ["--simulated", "--only", "1.05"];
        expect(&mut selftest(folder.path(), &arguments), 0).0
    };
    let shown = show();
    assert!(shown.contains("the promise is kept"), "{shown}");
    assert_eq!(shown, show());
}

#[cfg(target_os = "linux")]
#[test]
fn an_interruption_keeps_what_was_measured_and_leaves_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let some = [
        "--real", "--only", "aa", "--busy", "--count", "9", "--each", "600ms",
    ];
    let mut run = selftest(folder.path(), &some);
    run.args(["--route", "cells"]);
    let mut child = run
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let kept = || folder.path().join("selftest.json").exists();
    while !kept() || children(child.id()).len() < 2 {
        assert!(Instant::now() < deadline, "no comparison is over");
        std::thread::sleep(Duration::from_millis(5));
    }
    let started = children(child.id());
    signal("-INT", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(started.into_iter().all(gone));
    let results = results(folder.path());
    let comparisons = results["comparisons"].as_array().unwrap();
    assert!(comparisons.iter().any(|compared| compared["over"] == true));
    assert!(comparisons.iter().all(|compared| compared["busy"] == true));
}

#[test]
fn what_is_not_known_is_a_mistake_of_usage() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, code) in [(["--only", "1.04"], "H014"), (["--kernel", "none"], "H014")] {
        let (_, err) = expect(&mut selftest(folder.path(), &arguments), 2);
        assert!(
            err.contains(code) && err.contains("help: there are"),
            "{err}"
        );
    }
    fs::write(folder.path().join("selftest.json"), "{}").unwrap();
    let (_, err) = expect(&mut selftest(folder.path(), &["--simulated"]), 2);
    assert!(err.contains("H015"), "{err}");
}
