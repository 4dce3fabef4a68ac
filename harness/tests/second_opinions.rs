//! The instruments held against other people's tools on the same executable: dhat against Valgrind's
//! own, resident memory against GNU time.

mod common;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{present, text};
use serde_json::{Value, json};

/// Runs one probe under a wrapper: its samples by metric, and what the wrapper said.
fn probe(
    wrapper: &[&str],
    folder: &Path,
    cell: (&str, &str),
    instrument: &str,
    repeats: u32,
) -> (Value, String) {
    let executable = assert_cmd::cargo::cargo_bin!("harness");
    let mut command = match wrapper {
        [] => Command::new(executable),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(executable);
            command
        }
    };
    command
        .arg("probe")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let open = json!({
        "request": "open", "protocol": 1, "instrument": instrument, "inputs": folder,
        "cell": { "workload": cell.0, "contender": cell.1, "size": "tiny" },
        "file": null, "service": null, "heap-offset": 0, "memory-limit": 0,
    });
    let round = json!({ "request": "round", "seed": 5, "repeats": repeats, "last": true });
    write!(child.stdin.take().unwrap(), "{open}\n{round}\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    let reply: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    let samples = reply["samples"].as_array().unwrap();
    let by_metric = samples
        .iter()
        .map(|s| (s["metric"].as_str().unwrap().to_owned(), s["value"].clone()));
    (by_metric.collect::<serde_json::Map<_, _>>().into(), err)
}

/// Bytes and blocks of the whole process, from `Total: 1,234 bytes in 5 blocks`.
fn total(said: &str) -> (u64, u64) {
    let line = said
        .split("Total:")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .replace(',', "");
    let mut numbers = line.split_whitespace().filter_map(|word| word.parse().ok());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

#[test]
fn heap_counts_what_valgrind_counts() {
    if !present("valgrind") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for cell in [
        ("many-small-items/few-keys", "idiomatic"),
        ("many-small-items/few-keys", "eager"),
        ("many-small-items/many-keys", "memory-optimized"),
        ("numeric/sum", "eager"),
    ] {
        let valgrind = |repeats| {
            let out = format!("--dhat-out-file={}", folder.path().join("out").display());
            let wrapper = ["valgrind", "--tool=dhat", &out];
            // An instrument that allocates nothing of its own: the difference is one call.
            total(&probe(&wrapper, folder.path(), cell, "counts", repeats).1)
        };
        let (two, three) = (valgrind(2), valgrind(3));
        let (ours, _) = probe(&[], folder.path(), cell, "heap", 1);
        let expected = (
            ours["heap-bytes"].as_u64().unwrap(),
            ours["heap-blocks"].as_u64().unwrap(),
        );
        assert_eq!((three.0 - two.0, three.1 - two.1), expected, "{cell:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn resident_memory_is_what_gnu_time_sees() {
    if !present("time") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for cell in [
        ("numeric/map", "eager"),
        ("many-small-items/many-keys", "idiomatic"),
    ] {
        let (ours, said) = probe(&["time", "-v"], folder.path(), cell, "resident", 1);
        let line = said
            .lines()
            .find(|line| line.contains("Maximum resident set size"))
            .unwrap();
        let theirs: u64 = line.split(": ").nth(1).unwrap().parse().unwrap();
        let ours = ours["resident-peak"].as_u64().unwrap() / 1024;
        // The kernel counts pages in batches for each thread, so that it may be off by some of them.
        assert!(
            ours.abs_diff(theirs) <= 512,
            "{cell:?}: {ours} KiB and {theirs} KiB"
        );
    }
}

#[test]
fn counts_grow_with_the_work() {
    if !present("valgrind") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let count = |cell, repeats| {
        let out = folder.path().join("callgrind");
        let file = format!("--callgrind-out-file={}", out.display());
        let wrapper = ["valgrind", "--tool=callgrind", &file];
        probe(&wrapper, folder.path(), cell, "counts", repeats);
        let text = std::fs::read_to_string(out).unwrap();
        let totals = text
            .lines()
            .find_map(|line| line.strip_prefix("totals: "))
            .unwrap();
        totals.trim().parse::<u64>().unwrap()
    };
    let cell = ("many-small-items/few-keys", "memory-optimized");
    let counts = [2, 3, 3, 12].map(|repeats| count(cell, repeats));
    assert_eq!(counts[1], counts[2], "the count does not repeat");
    let one = (counts[1] - counts[0]) as f64;
    assert!(one > 2000.0, "{one} instructions for 2,000 records");
    // Not to the last digit: the allocator finds other free blocks in other calls.
    let ten = (counts[3] - counts[0]) as f64;
    assert!(
        (ten / one - 10.0).abs() < 0.5,
        "{one} for one call, {ten} for ten"
    );
}
