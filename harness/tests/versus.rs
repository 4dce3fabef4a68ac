//! Commands against each other, with real ones: what is found, what is said of what cannot be run, what is
//! written, and that nothing is left behind.

#![cfg(unix)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{expect, harness, present};
use serde_json::Value;

fn versus(folder: &Path) -> Command {
    let mut command = harness("versus", &folder.join("page"));
    command.args(["--progress", "none", "--seed", "7"]);
    command
}

fn answer(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("page/versus.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Work that takes the processor `n` steps, by the shell alone.
fn steps(n: u32) -> String {
    format!("i=0; while [ $i -lt {n} ]; do i=$((i+1)); done")
}

#[test]
fn a_claim_that_holds_is_confirmed_and_one_that_does_not_is_refuted() {
    let folder = tempfile::tempdir().unwrap();
    let run = |claim: &str, metric: &str| {
        let mut run = versus(folder.path());
        run.args(["--claim", claim, "--metric", metric, "--budget", "2m"]);
        run.args([steps(80_000), steps(20_000)]);
        run
    };
    let (out, _) = expect(&mut run("1.5", "cpu"), 0);
    assert!(out.contains("✔ confirmed: "), "{out}");
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    let found = answer(folder.path());
    assert_eq!(found["kind"], "versus");
    assert_eq!(found["comparisons"][0]["decision"], "confirmed");
    assert_eq!(found["setting"]["shell"], "sh");
    let (out, _) = expect(&mut run("100", "wall"), 10);
    assert!(out.contains("✘ refuted: "), "{out}");
    assert_eq!(answer(folder.path())["setting"]["outputs"], "equal");
}

#[test]
fn time_that_is_up_before_the_first_look_is_inconclusive() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = versus(folder.path());
    run.args(["--claim", "2", "--budget", "1ms", "sleep 0.01", "true"]);
    let (out, _) = expect(&mut run, 11);
    assert!(
        out.contains("? inconclusive: ") && out.contains("time was up"),
        "{out}"
    );
    assert_eq!(answer(folder.path())["setting"]["time_up"], true);
}

#[test]
fn a_command_is_not_different_from_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = versus(folder.path());
    // One run in a hundred may err: at this level and with few looks one in many thousands.
    run.args(["--level", "99.99", "--blocks", "8", "--margin", "50"]);
    let (out, _) = expect(run.args(["sleep 0.01", "sleep 0.01"]), 0);
    assert!(out.contains("no difference shown"), "{out}");
    assert!(out.contains("outputs are equal"), "{out}");
    let found = answer(folder.path());
    assert!(found["setting"]["shell"].is_null());
    assert!(found["setting"]["overhead_ns"].as_u64().unwrap() > 0);
}

#[test]
fn the_export_is_what_scripts_for_hyperfine_read() {
    let folder = tempfile::tempdir().unwrap();
    let (json, table) = (folder.path().join("a/x.json"), folder.path().join("x.md"));
    let mut run = versus(folder.path());
    run.args(["-L", "n", "1,2", "-n", "one", "--blocks", "2", "--json"]);
    run.args(["-N", "-w", "1", "sleep 0.00{n}", "echo a|b"]);
    run.arg("--export-json").arg(&json);
    run.arg("--export-markdown").arg(&table);
    let (out, _) = expect(&mut run, 0);
    let read: Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!(read, serde_json::from_str::<Value>(&out).unwrap());
    let results = read["results"].as_array().unwrap();
    let names: Vec<_> = results
        .iter()
        .map(|r| r["command"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["one", "sleep 0.002", "echo a|b"]);
    assert_eq!(results[1]["parameters"]["n"], "2");
    for result in results {
        let times = result["times"].as_array().unwrap();
        let runs = result["runs"].as_array().unwrap();
        let counted: Vec<_> = runs.iter().filter(|run| run["warm_up"] == false).collect();
        assert_eq!(times.len(), counted.len());
        assert_eq!(times.len(), result["exit_codes"].as_array().unwrap().len());
        for (time, run) in times.iter().zip(counted) {
            let nanoseconds = run["wall_ns"].as_u64().unwrap() as f64;
            assert!((time.as_f64().unwrap() * 1e9 - nanoseconds).abs() < 1.0);
        }
        let figure = |name: &str| result[name].as_f64().unwrap();
        assert!(figure("min") <= figure("median") && figure("median") <= figure("max"));
        assert!(figure("mean") > 0.0 && figure("stddev") >= 0.0);
        assert!(figure("user") >= 0.0 && figure("system") >= 0.0);
    }
    let table = fs::read_to_string(table).unwrap();
    assert!(table.contains("| `echo a\\|b` |"), "{table}");
}

#[test]
fn what_cannot_be_run_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let told = |arguments: &[&str], code: i32, what: &str| {
        let (out, err) = expect(versus(folder.path()).args(arguments), code);
        assert!(err.contains(what) && out.is_empty(), "{out}{err}");
    };
    told(
        &["no-such-program", "true"],
        2,
        "no program `no-such-program`",
    );
    told(
        &["no-such-program; no-such-program", "true"],
        2,
        "ended with exit code 127",
    );
    told(&["-N", "true 'x", "true"], 2, "a quote ' does not end");
    told(&["true"], 2, "nothing to be compared with");
    told(
        &["-n", "a", "-n", "b", "-n", "c", "true", "true"],
        2,
        "3 names for 2",
    );
    told(
        &["-P", "n", "3", "1", "sleep {n}"],
        2,
        "no value from 3 to 1",
    );
    told(
        &["--input", "/no/such/file", "cat", "cat"],
        2,
        "cannot read",
    );
    told(&["--claim", "much", "true", "true"], 2, "a ratio such as");
    let failing = "echo lost for words >&2; exit 3";
    told(
        &["true", failing],
        12,
        "ended with exit code 3\n  lost for words",
    );
    told(&["true", "kill -9 $$"], 12, "was ended by signal 9");
    told(
        &["--timeout", "200ms", "true", "sleep 60"],
        12,
        "`sleep 60` does not end",
    );
    told(
        &["--prepare", "exit 4", "true", "true"],
        12,
        "ended with exit code 4",
    );
    told(
        &["--check-output", "echo a", "echo b"],
        12,
        "outputs differ",
    );
    assert!(!folder.path().join("page").exists());
    let mut run = versus(folder.path());
    let (out, _) = expect(
        run.args(["-i", "--blocks", "1", "echo a", "echo b; false"]),
        0,
    );
    assert!(
        out.contains("outputs differ") && out.contains("failed in"),
        "{out}"
    );
}

#[test]
fn what_surrounds_the_runs_is_run_as_often_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let say = |what: &str| format!("echo {what} >> '{}'", log.display());
    let mut run = versus(folder.path());
    run.args(["--setup", &say("setup"), "--cleanup", &say("cleanup")]);
    run.args([
        "--prepare",
        &say("prepare-a"),
        "--prepare",
        &say("prepare-b"),
    ]);
    run.args(["--conclude", &say("conclude"), "-w", "2", "--blocks", "1"]);
    expect(run.args([say("a"), say("b")]), 0);
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let count = |what: &str| lines.iter().filter(|line| **line == what).count();
    assert_eq!(lines[..2], ["setup"; 2]);
    assert_eq!(lines[lines.len() - 2..], ["cleanup"; 2]);
    // Tried once, warmed up twice, and the block.
    let runs = answer(folder.path())["results"][0]["runs"]
        .as_array()
        .unwrap()
        .len()
        + 3;
    for what in ["a", "b", "prepare-a", "prepare-b"] {
        assert_eq!(count(what), runs, "{what}: {text}");
    }
    assert_eq!(count("conclude"), 2 * runs);
    for three in lines[2..lines.len() - 2].chunks(3) {
        let of = three[1];
        assert_eq!(three, [&format!("prepare-{of}"), of, "conclude"]);
    }
}

#[test]
fn parameters_vary_what_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = versus(folder.path());
    run.args(["-L", "a", "x,-y", "-P", "n", "1", "1.5", "-D", "0.5"]);
    run.args([
        "--blocks",
        "1",
        "--prepare",
        "true",
        "--prepare",
        "true {a}",
    ]);
    expect(run.args(["true {n}", "true"]), 0);
    let found = answer(folder.path());
    let of = |name: &str| -> Vec<String> {
        let results = found["results"].as_array().unwrap().iter();
        results.map(|result| result[name].to_string()).collect()
    };
    let commands = ["\"true 1.0\"", "\"true 1.5\"", "\"true\"", "\"true\""];
    assert_eq!(of("command"), commands);
    let parameters = [
        "{\"n\":\"1.0\"}",
        "{\"n\":\"1.5\"}",
        "{\"a\":\"x\"}",
        "{\"a\":\"-y\"}",
    ];
    assert_eq!(of("parameters"), parameters);
}

#[test]
fn input_and_output_go_where_they_are_sent() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    fs::write(&from, "three words here\n").unwrap();
    let mut run = versus(folder.path());
    run.arg("--input").arg(&from).arg("--output").arg(&to);
    expect(run.args(["--blocks", "1", "cat", "grep words"]), 0);
    assert_eq!(fs::read_to_string(to).unwrap(), "three words here\n");
    let found = answer(folder.path());
    assert_eq!(found["setting"]["outputs"], "equal");
}

#[test]
fn a_hostile_name_stays_text_on_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = "true '</title><script>alert(1)</script>\u{1b}[31m'";
    let mut run = versus(folder.path());
    let (out, _) = expect(run.args(["--blocks", "1", "true", hostile]), 0);
    assert!(!out.contains('\u{1b}'), "{out}");
    let page = fs::read_to_string(folder.path().join("page/index.html")).unwrap();
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
    assert!(page.matches("</title>").count() >= 1);
    for remote in ["http://", "https://", "<script", "<link", "<img"] {
        assert!(!page.contains(remote), "{remote}");
    }
}

/// The memory of a process of this size, whatever the memory of those that started it.
#[cfg(target_os = "linux")]
#[test]
fn peak_memory_is_the_commands_own() {
    // A parent of whom a child's `ru_maxrss` would begin.
    let ballast = std::hint::black_box(vec![1u8; 64 << 20]);
    let folder = tempfile::tempdir().unwrap();
    let status = folder.path().join("status");
    let mut run = versus(folder.path());
    run.args(["--metric", "rss", "--budget", "2m", "--output"])
        .arg(&status);
    run.args([
        "--claim",
        "5",
        "dd if=/dev/zero of=/dev/null bs=30M count=2",
    ]);
    let (out, _) = expect(run.arg("grep VmHWM /proc/self/status"), 0);
    assert!(out.contains("✔ confirmed: "), "{out}");
    assert_eq!(ballast.len(), 64 << 20);
    let found = answer(folder.path());
    let peaks = |at: usize| -> Vec<u64> {
        let runs = found["results"][at]["memory_usage_byte"]
            .as_array()
            .unwrap();
        runs.iter().map(|peak| peak.as_u64().unwrap()).collect()
    };
    assert!(
        peaks(0)
            .iter()
            .all(|peak| (30 << 20..40 << 20).contains(peak)),
        "{found}"
    );
    // What the process says of itself near its end, and what was found when it was over.
    let mut run = versus(folder.path());
    run.args(["--metric", "rss", "--blocks", "1", "--output"])
        .arg(&status);
    expect(run.args(["grep VmHWM /proc/self/status"; 2]), 0);
    let said = fs::read_to_string(&status).unwrap();
    let said: u64 = said.split_whitespace().nth(1).unwrap().parse().unwrap();
    let found = answer(folder.path());
    let last = &found["results"][0]["memory_usage_byte"][0];
    let last = last.as_u64().unwrap() / 1024;
    // Which pages are mapped besides those asked for depends on the page cache.
    assert!(last.abs_diff(said) < 512, "{last} KiB and {said} KiB");
}

#[test]
fn instructions_of_a_program_repeat_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = versus(folder.path());
    run.args([
        "--metric",
        "instructions",
        "seq 20000",
        "seq 1000",
        "seq 20000",
    ]);
    if !present("valgrind") {
        let (_, err) = expect(&mut run, 2);
        assert!(err.contains("not measured: needs Valgrind"), "{err}");
        return;
    }
    let (out, _) = expect(&mut run, 0);
    let found = answer(folder.path());
    let comparisons = &found["comparisons"];
    assert_eq!(comparisons[0]["decision"], "better", "{out}");
    assert_eq!(comparisons[1]["decision"], "alike", "{out}");
    assert_eq!(comparisons[1]["exact"], true);
    assert_eq!(comparisons[1]["ratio"], 1.0);
    let runs = found["results"][0]["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 3);
    // Every number takes some work.
    assert!(runs[0]["instructions"].as_u64().unwrap() > 20_000);
}

/// The processes whose command line has `mark` in it.
#[cfg(target_os = "linux")]
fn marked(mark: &str) -> Vec<u32> {
    let has = |process: &u32| {
        let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(mark)
    };
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(has)
        .collect()
}

#[cfg(target_os = "linux")]
fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_outlives_an_interruption_or_a_kill() {
    for (signal, seconds) in [("-INT", "3601.5"), ("-TERM", "3602.5"), ("-KILL", "3603.5")] {
        let folder = tempfile::tempdir().unwrap();
        let mut run = versus(folder.path());
        // One that runs, and one that it has left behind.
        let line = format!("sleep {seconds} & sleep {seconds}");
        run.args(["true", &line])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = run.spawn().unwrap();
        let mark = format!("sleep\0{seconds}");
        until("both sleep", || marked(&mark).len() == 2);
        let begun = Instant::now();
        let sent = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        let status = child.wait().unwrap();
        if signal != "-KILL" {
            assert!(begun.elapsed() < Duration::from_secs(2));
            assert_eq!(status.code(), Some(130));
        }
        until("all are gone", || marked(&mark).is_empty());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_interruption_prints_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = harness("versus", &folder.path().join("page"));
    run.args(["--progress", "lines", "--budget", "10m", "--margin", "0"]);
    run.args(["--gap", "10ms", "--level", "99.99"]);
    run.args(["sleep 0.001", "sleep 0.001"]);
    let child = run
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = child;
    // The line before block 5 is the first after a look.
    let mut err = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("block 5,") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut err, &mut line).unwrap() > 0);
    }
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let out = common::text(&output.stdout);
    assert!(
        out.contains("no difference shown") || out.contains('≠'),
        "{out}"
    );
    assert_eq!(answer(folder.path())["setting"]["interrupted"], true);
}
