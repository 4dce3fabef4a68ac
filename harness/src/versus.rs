//! Any commands against each other: in blocks, in turn, in random order, until `reports` says that
//! everything is decided or time is up. [`measure`] is for whoever has commands to compare;
//! `harness/src/versus/command.rs` is the command line in front of it.
//!
//! Every run is a fresh process, so that a block needs no processes of its own: it is a few rounds close
//! together, and what lies between two blocks is a pause.

pub(crate) mod command;
mod line;
pub(crate) mod options;
mod parameters;
mod protocol;
mod rounds;
mod runner;
pub(crate) mod starter;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use reports::record::{Failure, Machine};
use reports::versus::{Answer, Contestant, Metric, Outlook, Outputs, Question, Setting, Trial};

use crate::child::Stop;
use crate::{host, interrupt};
use line::Shell;
use protocol::{Output, Ran};
use rounds::Rounds;
use runner::Runner;

/// One of the commands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    /// What it is called.
    pub(crate) name: String,
    /// The command, parameters put in.
    pub(crate) line: String,
    /// The parameters that were put in.
    pub(crate) parameters: BTreeMap<String, String>,
    /// Run once before everything.
    pub(crate) setup: Option<String>,
    /// Run before each run.
    pub(crate) prepare: Option<String>,
    /// Run after each run.
    pub(crate) conclude: Option<String>,
    /// Run once after everything.
    pub(crate) cleanup: Option<String>,
}

/// What is to be compared, and how.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) question: Question,
    /// The commands, the reference first.
    pub(crate) entries: Vec<Entry>,
    /// What runs them; `None` for a shell if one of them needs it.
    pub(crate) shell: Option<Shell>,
    /// Runs of each before measuring, besides the one that tries it; `None` for one where it is brief.
    pub(crate) warm_up: Option<u32>,
    /// End within this time; `None` for half a minute, or ten blocks where those take longer.
    pub(crate) budget: Option<Duration>,
    /// The pause between blocks; `None` for as long as a block takes, within bounds.
    pub(crate) gap: Option<Duration>,
    /// How long one run may take.
    pub(crate) timeout: Duration,
    /// Whether a run that fails counts.
    pub(crate) ignore_failure: bool,
    /// Whether outputs that differ are an error.
    pub(crate) check_output: bool,
    /// Where the standard output of measured runs goes.
    pub(crate) output: Output,
    /// What the commands read; nothing if `None`.
    pub(crate) input: Option<PathBuf>,
    pub(crate) seed: u64,
    /// What the machine's figures are to be read with.
    pub(crate) machine: Machine,
}

impl Plan {
    /// A plan with the usual settings.
    pub(crate) fn new(question: Question, lines: &[&str], seed: u64) -> Plan {
        let entry = |line: &&str| Entry {
            name: (*line).to_owned(),
            line: (*line).to_owned(),
            ..Entry::default()
        };
        Plan {
            question,
            entries: lines.iter().map(entry).collect(),
            shell: None,
            warm_up: None,
            budget: None,
            gap: None,
            timeout: Duration::from_secs(600),
            ignore_failure: false,
            check_output: false,
            output: Output::Null,
            input: None,
            seed,
            machine: host::machine(),
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// A command cannot be run at all.
    Unknown { what: String, help: String },
    /// A command failed, or its output is not that of the first.
    Failed { what: String, help: String },
    /// The metric cannot be measured here.
    NotMeasured { why: String },
    /// The user ended it before anything was measured.
    Interrupted,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Unknown { what, .. } | Trouble::Failed { what, .. } => write!(f, "{what}"),
            Trouble::NotMeasured { why } => write!(f, "not measured: {why}"),
            Trouble::Interrupted => write!(f, "interrupted"),
        }
    }
}

impl std::error::Error for Trouble {}

/// What is known so far, for whoever watches.
pub(crate) struct Seen<'a> {
    /// Number of the block that is about to begin, from 0.
    pub(crate) block: u32,
    pub(crate) rounds: Rounds,
    /// Commands that take part in it.
    pub(crate) outlook: &'a Outlook,
    /// Time that may still be spent.
    pub(crate) left: Duration,
}

/// Without a budget this long, and long enough for [`FEW`] blocks.
const BUDGET: Duration = Duration::from_secs(30);
/// Blocks that most questions are answered with.
const FEW: u32 = 10;
/// A pause lasts as long as the block before it, within these: no more than half of the time is waited
/// away, and a disturbance that is briefer than both spoils one block and not two.
const GAP: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(1));
/// Commands briefer than this are warmed up unless somebody says otherwise.
const BRIEF: Duration = Duration::from_secs(1);

/// Measures until everything is decided, time is up or the user ends it, and returns what was found.
/// `watch` is called before each block, while nothing is timed.
///
/// # Errors
/// A command that cannot be run, fails or answers otherwise; a metric that cannot be measured.
pub(crate) fn measure(plan: &Plan, watch: &mut dyn FnMut(&Seen<'_>)) -> Result<Answer, Trouble> {
    let begun = Instant::now();
    let mut runner = Runner::start(plan)?;
    let measured = attempt(plan, &mut runner, begun, watch);
    for entry in &plan.entries {
        // What was begun is cleaned up, even if it failed; not for a user who wants to be gone.
        if let Some(line) = &entry.cleanup
            && !interrupt::requested()
        {
            let done = runner.aside(line, &format!("cleanup of `{}`", entry.name));
            if measured.is_ok() {
                done?;
            }
        }
    }
    measured
}

fn attempt(
    plan: &Plan,
    runner: &mut Runner<'_>,
    begun: Instant,
    watch: &mut dyn FnMut(&Seen<'_>),
) -> Result<Answer, Trouble> {
    let mut setting = Setting {
        started: humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string(),
        seed: plan.seed,
        shell: runner.shell(),
        overhead_ns: None,
        seconds: 0.0,
        time_up: false,
        interrupted: false,
        outputs: None,
        machine: plan.machine.clone(),
    };
    for entry in &plan.entries {
        if let Some(line) = &entry.setup {
            runner.aside(line, &format!("set-up of `{}`", entry.name))?;
        }
    }
    let (outputs, mut turn) = try_all(plan, runner)?;
    setting.outputs = Some(outputs);
    let counting = plan.question.metric == Metric::Instructions;
    let warm_up = plan.warm_up.unwrap_or(u32::from(turn < BRIEF && !counting));
    for _ in 0..warm_up {
        let since = Instant::now();
        for at in 0..plan.entries.len() {
            runner.run(at, 0)?;
        }
        turn = since.elapsed() / plan.entries.len() as u32;
    }
    if plan.question.metric == Metric::Wall {
        setting.overhead_ns = runner.overhead()?;
    }
    let mut contestants: Vec<Contestant> = plan
        .entries
        .iter()
        .map(|entry| Contestant {
            name: entry.name.clone(),
            command_line: entry.line.clone(),
            parameters: entry.parameters.clone(),
            runs: Vec::new(),
        })
        .collect();
    let rounds = match counting {
        true => Rounds::ONE,
        false => Rounds::of(turn),
    };
    let each = rounds.warm_up + rounds.measured;
    let mut block_took = turn * each * plan.entries.len() as u32;
    let gap = |block_took: Duration| match (counting, plan.gap) {
        (true, _) => Duration::ZERO,
        (false, Some(gap)) => gap,
        (false, None) => block_took.clamp(GAP.0, GAP.1),
    };
    let enough = begun.elapsed() + (block_took + gap(block_took)) * FEW;
    let budget = plan.budget.unwrap_or(BUDGET.max(enough));
    for block in 0.. {
        let outlook = reports::versus::outlook(&plan.question, &contestants);
        if outlook.open.is_empty() {
            break;
        }
        let pause = if block == 0 {
            Duration::ZERO
        } else {
            gap(block_took)
        };
        let left = budget.saturating_sub(begun.elapsed());
        if pause + block_took > left {
            setting.time_up = true;
            break;
        }
        let seen = Seen {
            block,
            rounds,
            outlook: &outlook,
            left,
        };
        watch(&seen);
        wait(pause);
        let since = Instant::now();
        match rounds.block(runner, &outlook.open, plan.seed, block) {
            Ok(runs) => {
                for (at, run) in runs {
                    contestants[at].runs.push(run);
                }
            }
            Err(Trouble::Interrupted) if block > 0 => {
                setting.interrupted = true;
                break;
            }
            Err(trouble) => return Err(trouble),
        }
        block_took = since.elapsed();
    }
    setting.seconds = begun.elapsed().as_secs_f64();
    Ok(reports::versus::judge(Trial {
        question: plan.question.clone(),
        setting,
        contestants,
    }))
}

/// Runs each once and looks at what it writes; also returns how long one took on average.
fn try_all(plan: &Plan, runner: &mut Runner<'_>) -> Result<(Outputs, Duration), Trouble> {
    let since = Instant::now();
    let tried: Vec<Ran> = (0..plan.entries.len())
        .map(|at| runner.try_out(at))
        .collect::<Result<_, _>>()?;
    let turn = since.elapsed() / plan.entries.len().max(1) as u32;
    let wrote = |ran: &Ran| (ran.bytes, ran.digest);
    let differ: Vec<usize> = (0..tried.len())
        .filter(|at| wrote(&tried[*at]) != wrote(&tried[0]))
        .collect();
    if differ.is_empty() {
        return Ok((Outputs::Equal, turn));
    }
    if plan.check_output {
        let at = differ[0];
        return Err(Trouble::Failed {
            what: format!(
                "outputs differ: `{}` wrote {} bytes, `{}` {} bytes",
                plan.entries[0].name, tried[0].bytes, plan.entries[at].name, tried[at].bytes
            ),
            help: "leave out --check-output if they may; the answer then says so".to_owned(),
        });
    }
    Ok((Outputs::Differ(differ), turn))
}

/// Waits, unless the user wants to be gone.
fn wait(time: Duration) {
    let until = Instant::now() + time;
    while let Some(left) = until.checked_duration_since(Instant::now())
        && !interrupt::requested()
    {
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
}

/// The trouble behind a stop of the process that starts the commands.
fn trouble(stop: Stop, what: &str) -> Trouble {
    match stop {
        Stop::Interrupted => Trouble::Interrupted,
        Stop::NotMeasured { why } => Trouble::NotMeasured { why },
        Stop::Failed {
            failure: Failure::TimedOut,
            ..
        } => Trouble::Failed {
            what: format!("{what} does not end"),
            help: "--timeout gives it longer".to_owned(),
        },
        Stop::Failed { why, .. } => Trouble::Failed {
            what: format!("{what}: {why}"),
            help: String::new(),
        },
    }
}
