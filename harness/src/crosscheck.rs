//! `crosscheck`: what `cargo bench` left, held against our own figures. Times stand in the records of a
//! run; instructions are counted anew, on the executable and the inputs that gungraun counted.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::Context;
use reports::crosscheck::{self, Check};
use reports::foreign::criterion::Timed;
use reports::foreign::gungraun::Counted;
use reports::foreign::{criterion, gungraun};
use reports::record::{Cell, Record};

use crate::child::Stop;
use crate::cli;
use crate::contenders;
use crate::exit::usage;
use crate::instruments::{self, counts};
use crate::interrupt;
use crate::launch::{CellRun, Launcher, Layout};
use crate::print;
use crate::protocol::Level;
use crate::second::{self, CALLS, COUNTED, Folders, SEED};
use crate::select::Selection;
use crate::store;

/// How long a probe may take to answer.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Compares, prints, and exits with 0 whatever comes of it: to disagree is no error.
pub(crate) fn run(options: &cli::Crosscheck) -> anyhow::Result<ExitCode> {
    let cases = contenders::cases(false);
    let selection = Selection::new(&options.only, &options.skip, &cases)?;
    let wanted = |cell: &Cell| selection.holds(&cell.workload, &cell.contender);
    let folders = Folders::of(&target(options.target.as_deref())?);
    let mut timed = criterion::read(&folders.criterion());
    let counted = gungraun::read(&folders.gungraun());
    for problem in timed.problems.iter().chain(&counted.problems) {
        print::note(&format!("warning: {problem}; it is left out"));
    }
    if timed.figures.is_empty() && counted.figures.is_empty() {
        let what = format!("no second opinions in {}", folders.target().display());
        return Err(usage(
            "H031",
            what,
            "ask for them first: cargo bench -p harness",
        ));
    }
    timed.figures.retain(|timed| wanted(&timed.cell));
    let names: Vec<_> = second::cells(COUNTED)
        .into_iter()
        .map(|(cell, _)| (cell.workload, cell.contender))
        .collect();
    // In the order of every other table.
    timed.figures.sort_by_key(|Timed { cell, .. }| {
        let is = |(workload, contender): &(String, String)| {
            *workload == cell.workload && *contender == cell.contender
        };
        names.iter().position(is)
    });
    let mut checks = Vec::new();
    if !timed.figures.is_empty() {
        checks = crosscheck::times(&records(&options.out)?, &timed.figures);
    }
    checks.extend(counts(&folders, &counted.figures, &wanted)?);
    let text = match options.json {
        true => format!("{}\n", serde_json::to_string_pretty(&checks)?),
        false => crosscheck::text(&checks),
    };
    print::result(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Cargo's target folder, as an absolute path: that of an executable is on its stack, whose layout can
/// be seen in counts.
fn target(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let told = || std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let given = given.map(Path::to_owned).or_else(told);
    let given = given.unwrap_or_else(|| PathBuf::from("target"));
    std::path::absolute(&given).with_context(|| format!("where is {}?", given.display()))
}

/// The records of a run; none where there has been no run, which the comparison says of each cell.
fn records(folder: &Path) -> anyhow::Result<Vec<Record>> {
    match folder.exists() {
        true => store::load(folder),
        false => Ok(Vec::new()),
    }
}

/// Counts anew what gungraun has counted.
fn counts(
    folders: &Folders,
    theirs: &[Counted],
    wanted: &dyn Fn(&Cell) -> bool,
) -> anyhow::Result<Vec<Check>> {
    let instrument = instruments::find("counts").context("no instrument that counts")?;
    // The counts of a cell's processes in the order of `CALLS`, or fewer if some are missing.
    let of = |cell: &Cell| -> Vec<u64> {
        let benchmark = second::identifier(&cell.workload);
        let process = |nth| {
            let process = second::process(&cell.contender, nth);
            theirs
                .iter()
                .find(|c| c.benchmark == benchmark && c.process == process)
        };
        let found = (0..CALLS.len()).map_while(process);
        found.map(|counted| counted.instructions).collect()
    };
    let cells = second::cells(COUNTED).into_iter().map(|(cell, _)| cell);
    let cells: Vec<_> = cells
        .filter(|cell| wanted(cell))
        .map(|cell| (of(&cell), cell))
        .filter(|(theirs, _)| !theirs.is_empty())
        .collect();
    if cells.is_empty() {
        return Ok(Vec::new());
    }
    interrupt::watch();
    let scratch = folders.scratch();
    std::fs::create_dir_all(&scratch)
        .with_context(|| format!("cannot make {}", scratch.display()))?;
    let launcher = Launcher {
        executable: folders.executable(),
        inputs: folders.inputs(),
        service: None,
        timeout: TIMEOUT,
        memory: 0,
        handicap: 0,
    };
    let mut checks = Vec::new();
    for (theirs, cell) in &cells {
        let file = scratch.join("callgrind.out");
        let run = CellRun {
            launcher: &launcher,
            instrument: instrument.name(),
            wrapper: instrument.wrapper(Some(&file)),
            cell,
            seed: SEED,
            items: 0,
            bytes: 0,
            file: Some(file),
            layout: Layout::default(),
            memory: 0,
            level: Level::default(),
        };
        let ours = instrument
            .available()
            .and_then(|()| match instrument.measure(&run) {
                Ok(sampled) => {
                    let mut series = sampled.series.into_iter();
                    let found = series.find(|series| series.metric == "instructions");
                    Ok(found.map_or(Vec::new(), |series| series.values))
                }
                Err(Stop::Failed { failure, why }) => Err(format!("{}: {why}", failure.words())),
                Err(Stop::NotMeasured { why }) => Err(why),
                Err(Stop::Interrupted) => Err("interrupted".to_owned()),
            });
        let again = || again(folders, cell, &scratch.join("again.out"));
        checks.push(crosscheck::instructions(cell, ours, theirs, again));
        if interrupt::requested() {
            break;
        }
    }
    let _ = std::fs::remove_dir_all(&scratch);
    Ok(checks)
}

/// The instructions of the processes that gungraun has counted, started as it starts them and counted by
/// our means: what they read comes from a file, and they have no environment.
fn again(folders: &Folders, cell: &Cell, out: &Path) -> Result<Vec<u64>, String> {
    let count = |calls| {
        let asked = File::open(folders.requests(cell, calls)).map_err(|error| error.to_string())?;
        let mut words = counts::callgrind(Some(out)).into_iter();
        let output = Command::new(words.next().unwrap_or_default())
            .args(words)
            .arg(folders.executable())
            .arg("probe")
            .stdin(asked)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .output()
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("the probe ended with {}", output.status));
        }
        let text = std::fs::read_to_string(out).map_err(|error| error.to_string())?;
        let [instructions, ..] = counts::parse(&text).ok_or("no totals")?;
        Ok(instructions)
    };
    CALLS.into_iter().map(count).collect()
}
