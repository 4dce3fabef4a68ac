//! What the black-box tests share: a way to run the harness in a folder of its own, and to see what it
//! leaves running.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The harness with a subcommand and `folder` as its output. Tests build with debug assertions,
/// which the harness refuses to time unless told otherwise; no test asserts a time.
pub(crate) fn harness(subcommand: &str, folder: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("harness"));
    command.arg(subcommand).arg("--out").arg(folder);
    if subcommand == "all" || subcommand == "run" {
        command.args(["--allow-debug-assertions", "--quick", "--progress", "lines"]);
    }
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs and expects an exit code; returns standard output and standard error.
pub(crate) fn expect(command: &mut Command, code: i32) -> (String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let (out, err) = (text(&stdout), text(&stderr));
    assert_eq!(status.code(), Some(code), "{command:?}\n{out}\n{err}");
    assert!(!err.contains("panicked at"), "{err}");
    (out, err)
}

/// The probe records of a folder.
pub(crate) fn probes(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("records.jsonl")).unwrap();
    let records = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    records.filter(|record| record["kind"] == "probe").collect()
}

/// Whether a probe record is of this cell and instrument.
pub(crate) fn is(probe: &Value, workload: &str, contender: &str, instrument: &str) -> bool {
    probe["cell"]["workload"] == workload
        && probe["cell"]["contender"] == contender
        && probe["instrument"] == instrument
}

/// Whether `program` can be started. Where `TWOFOLD_REQUIRE` names it, as on CI, it must be there.
pub(crate) fn present(program: &str) -> bool {
    let present = Command::new(program).arg("--version").output().is_ok();
    let required = std::env::var("TWOFOLD_REQUIRE").unwrap_or_default();
    let required = required.split(',').any(|name| name == program);
    assert!(
        present || !required,
        "{program} is required here and missing"
    );
    if !present {
        eprintln!("not tested: needs {program}");
    }
    present
}

/// The processes that `parent` has started, by number.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{parent}/task")).unwrap();
    tasks
        .flatten()
        .flat_map(|task| {
            let list = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            list.split_whitespace()
                .map(|pid| pid.parse().unwrap())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Sends a process a signal, `-INT` for instance.
pub(crate) fn signal(name: &str, process: u32) {
    let sent = Command::new("kill")
        .args([name, &process.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// Whether a process ends within five seconds.
pub(crate) fn gone(process: u32) -> bool {
    let deadline = Instant::now() + Duration::from_secs(5);
    let alive = || {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    };
    while alive() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}
