//! `selftest`: can this tool be trusted? It compares what is known beforehand, on a simulated machine and
//! on this one, and has `reports` say how often verdicts were wrong, differences found and intervals
//! right. What was measured is kept in one file, so that the long form can be measured in pieces.

mod busy;
pub(crate) mod commands;
mod options;
mod plan;
mod real;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use reports::selftest::results::{self, Simulated};
use reports::selftest::{Promised, Results, Session, simulated, tally};

use crate::command;
use crate::contenders;
use crate::exit::{self, usage};
use crate::host;
use crate::interrupt;
use crate::launch::Launcher;
use crate::print;
use crate::run::Ended;

pub(crate) use options::{Known, Options};

/// Simulated comparisons of each trial: as many as a few seconds allow, and as many as a rate of one in a
/// hundred takes to be told from one in seventy.
const SIMULATED: [usize; 2] = [500, 5000];
/// Seed of the simulation, so that it shows the same everywhere.
const SEED: u64 = 1;
/// From one block of a comparison to its next, as in `all`; the short form has no time to wait.
const APART: Duration = Duration::from_secs(5);
/// What the blocks of one comparison may take, in the short form and in the long one.
const EACH: [Duration; 2] = [Duration::from_secs(4), Duration::from_secs(10)];
/// How long a probe may take to answer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The file of the results.
const FILE: &str = "selftest.json";

/// `selftest`.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let items = plan::items(options)?;
    let cases = contenders::cases(false);
    let rules = command::claims(None, &cases)?.rules;
    let judge = Promised {
        level: rules.level,
        margin: rules.margin,
    };
    let begun = Instant::now();
    if !options.simulated && cfg!(debug_assertions) && !options.allow_debug_assertions {
        let what = "this build has debug assertions: its times would say nothing";
        return Err(usage(
            "H007",
            what,
            "leave out --release and other profiles, or add --simulated",
        ));
    }
    let unwritable = |error: std::io::Error| {
        let what = format!("cannot write to {}: {error}", options.out.display());
        usage("H003", what, "choose another folder with --out")
    };
    fs::create_dir_all(&options.out).map_err(unwritable)?;
    let lock = fs::File::create(options.out.join("lock")).map_err(unwritable)?;
    if lock.try_lock().is_err() {
        let what = format!("another run is using {}", options.out.display());
        return Err(usage(
            "H006",
            what,
            "wait for it, or choose another folder with --out",
        ));
    }
    let file = options.out.join(FILE);
    let mut results = load(&file)?;
    interrupt::watch();
    if !options.real {
        let seed = options.seed.unwrap_or(SEED);
        let count = SIMULATED[usize::from(options.long)];
        let counts = simulated::run(&judge, seed, count, &|trial| {
            plan::wants(options, trial) && !interrupt::requested()
        });
        results.simulated = Some(Simulated { seed, counts });
        save(&file, &results)?;
    }
    let mut ended = match interrupt::requested() {
        true => Ended::Interrupted,
        false => Ended::Complete,
    };
    if !options.simulated && ended == Ended::Complete {
        ended = measure(options, &items, judge, begun, &file, &mut results)?;
    }
    let rows = tally(&results, &judge, rules.level);
    if options.json {
        let text = serde_json::to_string_pretty(&rows).context("the sums as JSON")?;
        print::result(&format!("{text}\n"))?;
    } else {
        print::result(&reports::selftest::text(&rows))?;
    }
    Ok(match ended {
        Ended::Interrupted => {
            print::note("interrupted: what was measured is kept; the same command goes on with it");
            ExitCode::from(exit::INTERRUPTED as u8)
        }
        _ if tally::broken(&rows) => ExitCode::from(exit::PROMISE_BROKEN),
        Ended::Spent(left) => {
            print::note(&format!(
                "time is up, {left} comparisons are left; the same command goes on"
            ));
            ExitCode::SUCCESS
        }
        Ended::Complete => ExitCode::SUCCESS,
    })
}

/// Measures the real comparisons that are lacking.
fn measure(
    options: &Options,
    items: &[plan::Item],
    judge: Promised,
    begun: Instant,
    file: &Path,
    results: &mut Results,
) -> anyhow::Result<Ended> {
    let described = command::describe(options.seed, "default", 0, host::machine());
    // One that another build began cannot go on: the rest of it would be of something else.
    let sessions = &results.sessions;
    let same = |session: usize| {
        sessions
            .get(session)
            .is_some_and(|s| s.build == described.build)
    };
    results.comparisons.retain(|c| c.over || same(c.session));
    let inputs = inputs(&options.out)?;
    let seed = described.seed;
    let session = results.sessions.len();
    results.sessions.push(Session {
        started: described.started,
        commit: described.commit,
        dirty: described.dirty,
        toolchain: described.toolchain,
        profile: described.profile,
        build: described.build,
        seed,
        machine: described.machine,
    });
    let real = real::Real {
        launcher: Launcher {
            executable: std::env::current_exe().context("where is this executable?")?,
            inputs: inputs.clone(),
            service: None,
            timeout: TIMEOUT,
            memory: 0,
            handicap: 0,
        },
        judge,
        session,
        seed,
        apart: if options.long { APART } else { Duration::ZERO },
        each: options.each.unwrap_or(EACH[usize::from(options.long)]),
        until: options.budget.map(|budget| begun + budget),
        quiet: options.quiet,
        save: &|results| save(file, results),
    };
    let ended = real.measure(items, results);
    let _ = fs::remove_dir_all(inputs);
    // A session that measured nothing is not worth a line.
    if !results.comparisons.iter().any(|c| c.session == session) {
        results.sessions.truncate(session);
        save(file, results)?;
    }
    ended
}

/// A folder for what a probe leaves behind.
fn inputs(out: &Path) -> anyhow::Result<PathBuf> {
    let folder = out.join("inputs");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::canonicalize(&folder).with_context(|| format!("cannot find {}", folder.display()))
}

fn load(file: &Path) -> anyhow::Result<Results> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(Results {
                version: results::VERSION,
                ..Results::default()
            });
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    Results::parse(&text).map_err(|why| {
        let what = format!("cannot read {}: {why}", file.display());
        usage("H015", what, "choose another folder with --out")
    })
}

/// Writes the whole file anew beside the old one and puts it in its place, so that there always is one.
fn save(file: &Path, results: &Results) -> anyhow::Result<()> {
    let beside = file.with_extension("json.new");
    fs::write(&beside, results.to_json())
        .and_then(|()| fs::rename(&beside, file))
        .with_context(|| format!("cannot write {}", file.display()))
}
