//! Mistakes of the user's and damaged files: a clear error with the right exit code, or a warning and
//! the rest, never a panic.

mod common;

use std::fs;
use std::path::Path;

use common::{expect, harness};

fn told(command: &mut std::process::Command, code: &str, what: &str) {
    let (_, err) = expect(command, 2);
    assert!(
        err.starts_with(&format!("error[{code}]")) && err.contains(what),
        "{err}"
    );
    assert!(err.contains("help: "), "{err}");
}

#[test]
fn unknown_cells_instruments_and_options() {
    let folder = tempfile::tempdir().unwrap();
    let run = || harness("run", folder.path());
    told(
        run().args(["--only", "nonsense"]),
        "H002",
        "no cell matches `nonsense`",
    );
    told(run().args(["--only", "a[b"]), "H001", "not a pattern");
    told(
        run().args(["--only", "numeric", "--skip", "*"]),
        "H002",
        "no cell is left",
    );
    told(
        run().args(["--instruments", "astrology"]),
        "H009",
        "no instrument `astrology`",
    );
    expect(run().arg("--no-such-option"), 2);
    expect(run().args(["--budget", "soon"]), 2);
    expect(run().args(["--blocks", "0"]), 2);
}

#[test]
fn malformed_claims_are_told_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my-claims.toml");
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("claims.toml");
    let head = fs::read_to_string(built_in).unwrap();
    let head = &head[..head.find("\n[[claim]]").unwrap() + 1];
    let line = head.lines().count() + 1;
    for (claim, what) in [
        ("[[claim]\n", "my-claims.toml"),
        (
            "[[claim]]\nid = \"x\"\nmetric = \"speed\"\n",
            "my-claims.toml",
        ),
    ] {
        fs::write(&file, format!("{head}{claim}")).unwrap();
        let (_, err) = expect(harness("run", folder.path()).arg("--claims").arg(&file), 2);
        assert!(
            err.starts_with("error[H008]") && err.contains(what),
            "{err}"
        );
        let told = err.split("my-claims.toml:").nth(1).unwrap();
        let told: usize = told
            .split(|c: char| !c.is_ascii_digit())
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert!(
            (line..line + 4).contains(&told),
            "line {told}, not {line}: {err}"
        );
    }
    told(
        harness("run", folder.path()).args(["--claims", "/no/such/file"]),
        "H008",
        "cannot read",
    );
}

#[test]
fn a_folder_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    told(
        &mut harness("run", &file.join("below")),
        "H003",
        "cannot write to",
    );
}

#[test]
fn nothing_to_report_and_nothing_to_resume() {
    let folder = tempfile::tempdir().unwrap();
    told(&mut harness("report", folder.path()), "H004", "no records");
    told(
        harness("run", folder.path()).arg("--resume"),
        "H004",
        "no records",
    );
}

#[test]
fn two_runs_in_one_folder() {
    let folder = tempfile::tempdir().unwrap();
    let lock = fs::File::create(folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    told(&mut harness("run", folder.path()), "H006", "another run");
}

#[test]
fn damaged_older_and_newer_records() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = harness("run", folder.path());
    run.args([
        "--only",
        "numeric/sum/cache-aware",
        "--instruments",
        "time",
        "--seed",
        "7",
    ]);
    expect(&mut run, 0);
    let records = folder.path().join("records.jsonl");
    let good = fs::read_to_string(&records).unwrap();
    let cut = &good[..good.len() - 20];
    let text = format!("nonsense\n{{\"version\":99,\"kind\":\"run\"}}\n\u{0}\n{cut}");
    fs::write(&records, text).unwrap();
    let (out, err) = expect(&mut harness("report", folder.path()), 0);
    assert!(err.contains("line 1 is not a record"), "{err}");
    assert!(err.contains("line 2 has format version 99"), "{err}");
    assert!(out.contains("report: "), "{out}");
    assert!(folder.path().join("index.html").exists());

    // A run can be resumed behind the damage, but not as another run.
    expect(run.arg("--resume"), 0);
    let other = good.replace("\"size\":\"quick\"", "\"size\":\"large\"");
    fs::write(&records, other).unwrap();
    told(&mut run, "H005", "the size was `large` and is `quick`");
}
