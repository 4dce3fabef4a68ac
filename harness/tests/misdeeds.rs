//! Contenders that panic, die, hang, lie, hoard or babble: each becomes a record of exactly that,
//! the rest is measured, and nothing is left behind.

mod common;

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{children, expect, gone, harness, is, probes, signal};

#[test]
fn each_misdeed_is_recorded_as_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = harness("run", folder.path());
    run.args([
        "--fixtures",
        "--only",
        "fixture/idiomatic",
        "--instruments",
        "resident,time",
    ]);
    run.args(["--timeout", "3s", "--memory", "256", "--blocks", "1"]);
    let (_, err) = expect(&mut run, 12);
    let probes = probes(folder.path());
    for (fixture, failure, why) in [
        ("panics", "error", "panicked: as asked"),
        ("errs", "error", "as asked"),
        ("dies", "killed", "by signal 9"),
        ("hangs", "timed-out", "no answer within 3 s"),
        ("lies", "wrong-answer", "first difference"),
        ("hoards", "out-of-memory", "memory limit"),
        ("babbles", "protocol", "not a reply"),
        ("floods", "protocol", "endless line"),
    ] {
        let workload = format!("fixture/{fixture}");
        for instrument in ["resident", "time"] {
            let of = |contender| {
                let mut found = probes
                    .iter()
                    .filter(|p| is(p, &workload, contender, instrument));
                let probe = found
                    .next()
                    .unwrap_or_else(|| panic!("{workload} {instrument}"));
                assert!(found.next().is_none());
                probe
            };
            let bad = of("idiomatic");
            assert_eq!(bad["outcome"], "failed", "{bad}");
            assert_eq!(bad["failure"], failure, "{bad}");
            assert!(bad["why"].as_str().unwrap().contains(why), "{bad}");
            let good = of("eager");
            assert_eq!(good["outcome"], "measured", "{good}");
            assert!(!good["series"][0]["values"].as_array().unwrap().is_empty());
        }
        assert!(err.contains(&format!("{workload}/idiomatic")), "{err}");
    }
    assert!(!folder.path().join("inputs").exists());
}

/// Starts a run that hangs in a probe, and waits until it does.
fn hanging(folder: &Path) -> std::process::Child {
    let mut run = harness("run", folder);
    run.args([
        "--fixtures",
        "--only",
        "fixture/hangs/idiomatic",
        "--instruments",
        "resident",
    ]);
    let child = run
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    // The other cell is recorded, so that what is left is the one that hangs.
    let recorded = || {
        let text = std::fs::read_to_string(folder.join("records.jsonl")).unwrap_or_default();
        text.contains("\"eager\"") && !children(child.id()).is_empty()
    };
    while !recorded() {
        assert!(Instant::now() < deadline, "nothing was recorded");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

#[cfg(target_os = "linux")]
#[test]
fn an_interruption_keeps_what_was_measured_and_resume_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = hanging(folder.path());
    let probe = children(child.id());
    let begun = Instant::now();
    signal("-INT", child.id());
    let status = child.wait().unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(status.code(), Some(130));
    assert!(probe.into_iter().all(gone));
    let before = probes(folder.path());
    assert_eq!(before.len(), 1, "{before:?}");
    assert_eq!(before[0]["outcome"], "measured");

    let mut resume = harness("run", folder.path());
    resume.args([
        "--fixtures",
        "--only",
        "fixture/hangs/idiomatic",
        "--instruments",
        "resident",
    ]);
    resume.args(["--resume", "--timeout", "1s"]);
    expect(&mut resume, 12);
    let after = probes(folder.path());
    assert_eq!(after.len(), 2, "{after:?}");
    assert_eq!(after[0], before[0]);
    assert_eq!(after[1]["failure"], "timed-out");
}

#[cfg(target_os = "linux")]
#[test]
fn a_killed_harness_leaves_no_process_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = hanging(folder.path());
    let probes = children(child.id());
    assert!(!probes.is_empty());
    signal("-KILL", child.id());
    child.wait().unwrap();
    assert!(probes.into_iter().all(gone));
}
