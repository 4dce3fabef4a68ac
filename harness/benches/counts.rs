//! The instructions of every cell by gungraun, which continues iai-callgrind: the probes that our own
//! counts come from, counted by somebody else. `cargo bench -p harness --bench counts -- numeric/sum`
//! counts some. It takes Valgrind and gungraun's runner, and says so where they are missing.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};

use gungraun::{Bench, BinaryBenchmark, BinaryBenchmarkGroup, Stdio};
use harness::protocol::{Level, Open, Request, Round, VERSION};
use harness::second::{self, CALLGRIND, CALLS, COUNTED, Folders, SEED};
use reports::record::Cell;

/// Set for the second start of this executable, which finds everything made ready: which cells.
const READY: &str = "TWOFOLD_CELLS";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if std::env::var_os(READY).is_some() {
        by_gungraun::run();
        return ExitCode::SUCCESS;
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("cargo bench counts; cargo test has nothing to do here");
        return ExitCode::SUCCESS;
    }
    if let Err(missing) = tools() {
        println!("instructions by gungraun: not measured: {missing}");
        return ExitCode::SUCCESS;
    }
    let (options, words): (Vec<_>, Vec<_>) =
        arguments.into_iter().partition(|a| a.starts_with('-'));
    // Before anything of an earlier run goes.
    if cells(&words).next().is_none() {
        let words = words.join(" or ");
        println!("instructions by gungraun: no cell has a name with {words}");
        return ExitCode::SUCCESS;
    }
    match prepare(&words).and_then(|()| again(&words, &options)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: instructions by gungraun: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What gungraun needs besides itself, or what is missing and how to get it.
fn tools() -> Result<(), String> {
    let says = |program: &str| -> Option<String> {
        let output = Command::new(program).arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(text)
    };
    says("valgrind").ok_or("needs Valgrind (`apt-get install valgrind`)")?;
    second::runner(says("gungraun-runner").as_deref())
}

fn folders() -> Folders {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    Folders::of(scratch.parent().unwrap_or(scratch))
}

/// The cells to count: those whose name holds one of the words. What a service does is done by the
/// kernel, which Valgrind does not see.
fn cells(words: &[String]) -> impl Iterator<Item = Cell> {
    let named = |cell: &Cell| {
        let name = format!("{}/{}", cell.workload, cell.contender);
        words.is_empty() || words.iter().any(|word| name.contains(word.as_str()))
    };
    let all = second::cells(COUNTED).into_iter();
    all.filter(|(_, needs_service)| !needs_service)
        .map(|(cell, _)| cell)
        .filter(named)
        .collect::<Vec<_>>()
        .into_iter()
}

/// Puts aside the executable, writes what each process will be asked, and makes the inputs.
fn prepare(words: &[String]) -> io::Result<()> {
    let folders = folders();
    // Figures of an executable that is gone would be held against this one.
    for stale in [folders.gungraun(), folders.inputs()] {
        match fs::remove_dir_all(stale) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::create_dir_all(folders.inputs())?;
    fs::copy(env!("CARGO_BIN_EXE_harness"), folders.executable())?;
    for cell in cells(words) {
        let asked = |instrument: &str, calls: u32| -> io::Result<String> {
            let open = Request::Open(Box::new(Open {
                protocol: VERSION,
                cell: cell.clone(),
                instrument: instrument.to_owned(),
                inputs: folders.inputs(),
                file: None,
                service: None,
                heap_offset: 0,
                handicap: 0,
                memory_limit: 0,
                level: Level::default(),
            }));
            let round = Request::Round(Round {
                seed: SEED,
                repeats: calls,
                last: true,
            });
            let (open, round) = (
                serde_json::to_string(&open)?,
                serde_json::to_string(&round)?,
            );
            Ok(format!("{open}\n{round}\n"))
        };
        for calls in CALLS {
            let path = folders.requests(&cell, calls);
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            fs::write(path, asked("counts", calls)?)?;
        }
        // A first probe, which nobody counts, makes the input files.
        let path = folders.requests(&cell, 1);
        fs::write(&path, asked("time", 1)?)?;
        let output = Command::new(folders.executable())
            .arg("probe")
            .stdin(fs::File::open(&path)?)
            .output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let cell = format!("{}/{}", cell.workload, cell.contender);
            return Err(io::Error::other(format!("{cell}: {said}")));
        }
    }
    Ok(())
}

/// Starts this executable anew: its arguments and its environment are the runner's settings.
fn again(words: &[String], options: &[String]) -> io::Result<ExitCode> {
    let status = Command::new(std::env::current_exe()?)
        .args(options)
        .env(READY, words.join(" "))
        .env("GUNGRAUN_SAVE_SUMMARY", "json")
        .status()?;
    Ok(match status.success() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Every process of every cell that is asked for.
fn processes(group: &mut BinaryBenchmarkGroup) {
    let words = std::env::var(READY).unwrap_or_default();
    let words: Vec<String> = words.split_whitespace().map(ToOwned::to_owned).collect();
    let folders = folders();
    // gungraun wants all processes of one benchmark at once.
    let mut benchmarks: BTreeMap<String, BinaryBenchmark> = BTreeMap::new();
    for cell in cells(&words) {
        let name = second::identifier(&cell.workload);
        let benchmark = benchmarks
            .entry(name.clone())
            .or_insert_with(|| BinaryBenchmark::new(name));
        for (nth, calls) in CALLS.into_iter().enumerate() {
            let mut command = gungraun::Command::new(folders.executable());
            command
                .arg("probe")
                .stdin(Stdio::File(folders.requests(&cell, calls)));
            let mut bench = Bench::new(second::process(&cell.contender, nth));
            benchmark.bench(bench.command(command));
        }
    }
    group.binary_benchmarks(benchmarks.into_values());
}

mod by_gungraun {
    use gungraun::{BinaryBenchmarkConfig, Callgrind, binary_benchmark_group};

    use super::CALLGRIND;

    binary_benchmark_group!(
        name = cells;
        benchmarks = |group: &mut BinaryBenchmarkGroup| super::super::processes(group)
    );

    gungraun::main!(
        config = BinaryBenchmarkConfig::default().tool(Callgrind::with_args(CALLGRIND));
        binary_benchmark_groups = cells
    );

    pub(super) fn run() {
        main();
    }
}
