//! What the black-box tests share: a way to run the harness in a folder of its own.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::Path;
use std::process::{Command, Output};

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
