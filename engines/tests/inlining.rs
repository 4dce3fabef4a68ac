//! Closures are compiled into the engines' loops and, where they compute on numbers, into vectors: no
//! call is left for each item. No clock tells that, but counts of instructions do.
//!
//! The tests run without optimisation to speak of, so that this builds itself once more as programs are
//! built, and has Valgrind count what an ignored test, the program of a child, executes. The
//! difference of three calls and two is one call, all threads included.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use engines::{Engine, Pipeline, Records, Visitor, bytes, each, fill, group, sum};

const NUMBERS: usize = 1 << 17;
const LINES: usize = 1 << 14;

#[inline(always)]
fn polynomial(x: f64) -> f64 {
    (((0.0625 * x + 0.125) * x + 0.75) * x - 1.25) * x + 0.5
}

/// A closure that the compiler has lost, as it stands for what once happened: it is called for each item,
/// in the base instruction set.
#[inline(never)]
fn lost(x: f64) -> f64 {
    polynomial(x)
}

/// What a child runs, and how often.
struct Case {
    case: String,
    engine: String,
    calls: usize,
}

impl Visitor for Case {
    fn visit<E: Engine + Default>(&mut self, engine: E) {
        if engine.name() != self.engine {
            return;
        }
        let numbers: Vec<f64> = (0..NUMBERS).map(|i| i as f64 * 0.01 - 400.0).collect();
        let mut out = vec![f64::NAN; NUMBERS];
        let mut text = String::new();
        for i in 0..LINES {
            writeln!(text, "station-{:03};{}.{}", i * 7 % 200, i % 100, i % 10).unwrap();
        }
        let stages = || {
            Pipeline::new()
                .map(|x: f64| x * 2.0)
                .map(|x| x.abs().sqrt())
        };
        let stages = stages().map(|x| x * 0.375 - 4.5).map(polynomial);
        for _ in 0..self.calls {
            match &*self.case {
                "map" => engine.run(&numbers[..], &stages, fill(&mut out)).unwrap(),
                "sum" => assert!(engine.run(&numbers[..], &stages, sum()).unwrap() > 0.0),
                "lost" => {
                    let stages = Pipeline::new().map(|x: f64| x * 2.0).map(lost);
                    engine.run(&numbers[..], &stages, fill(&mut out)).unwrap();
                }
                "records" => {
                    let readings = Pipeline::records().keyed(|line| {
                        let (station, value) = bytes::split_first(line, b';')?;
                        Some((station, bytes::fixed_point::<1>(value)?))
                    });
                    let total = group(|| 0, |n: &mut i64, value: i64| *n += value, |n, m| *n += m);
                    let text = Records::text(text.as_bytes());
                    assert_eq!(engine.run(text, &readings, total).unwrap().len(), 200);
                }
                other => panic!("no case {other}"),
            }
        }
    }
}

#[test]
#[ignore = "the program of a child"]
fn runs_a_case() {
    let asked = std::env::var("ARGUMENT").unwrap();
    let [case, engine, calls] = asked.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{asked}");
    };
    each(&mut Case {
        case: case.into(),
        engine: engine.into(),
        calls: calls.parse().unwrap(),
    });
}

/// This file, built as programs are: the executable.
fn optimised() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "--test",
            "inlining",
            "--message-format=json",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{said}");
    let lines = built.stdout.split(|byte| *byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok());
    let mut executables =
        messages.filter_map(|message| Some(message["executable"].as_str()?.into()));
    executables
        .next_back()
        .expect("cargo names what it has built")
}

/// Instructions of a whole process, which Valgrind gives no vectors wider than 32 bytes.
fn count(executable: &Path, case: &str, engine: &str, calls: usize) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("counts");
    let child = Command::new("valgrind")
        .args(["--tool=callgrind", "--vgdb=no", "--quiet"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(executable)
        .args(["runs_a_case", "--exact", "--ignored", "--test-threads=1"])
        .env("ARGUMENT", format!("{case} {engine} {calls}"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{said}");
    let text = std::fs::read_to_string(out).unwrap();
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    total.unwrap().trim().parse().unwrap()
}

/// Instructions of one call, for each item.
fn each_item(executable: &Path, case: &str, engine: &str) -> f64 {
    let [two, three] = [2, 3].map(|calls| count(executable, case, engine, calls));
    let items = if case == "records" { LINES } else { NUMBERS };
    three.saturating_sub(two) as f64 / items as f64
}

/// Whether Valgrind can be started. Where `TWOFOLD_REQUIRE` names it, as on CI, it must be there.
fn valgrind() -> bool {
    let present = Command::new("valgrind").arg("--version").output().is_ok();
    let required = std::env::var("TWOFOLD_REQUIRE").unwrap_or_default();
    let required = required.split(',').any(|name| name == "valgrind");
    assert!(
        present || !required,
        "valgrind is required here and missing"
    );
    if !present {
        eprintln!("not tested: needs valgrind");
    }
    present
}

#[test]
fn closures_are_inlined_into_every_engine() {
    if !valgrind() {
        return;
    }
    struct Names(Vec<&'static str>);
    impl Visitor for Names {
        fn visit<E: Engine + Default>(&mut self, engine: E) {
            self.0.push(engine.name());
        }
    }
    let mut engines = Names(Vec::new());
    each(&mut engines);
    let executable = &optimised();
    // Twelve operations on each number, of which a vector does as many at once as it has lanes.
    let lanes = if is_x86_feature_detected!("avx2") {
        4.0
    } else {
        2.0
    };
    let check = |engine| {
        let most = [
            ("map", 24.0 / lanes),
            ("sum", 28.0 / lanes),
            ("records", 380.0),
        ];
        for (case, most) in most {
            let found = each_item(executable, case, engine);
            let enough = 12.0 / 8.0..most;
            assert!(
                enough.contains(&found),
                "{engine}, {case}: {found} instructions, not {enough:?}"
            );
        }
    };
    std::thread::scope(|scope| {
        for engine in &engines.0 {
            scope.spawn(move || check(engine));
        }
        // What the bounds are good for.
        let found = each_item(executable, "lost", engines.0[0]);
        assert!(
            found > 2.0 * 24.0 / 4.0,
            "a closure that is lost costs only {found} instructions"
        );
    });
}
