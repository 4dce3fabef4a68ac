//! The command line: one subcommand for each thing a user wants, options of the same name everywhere.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::progress;

/// Measures data-pipeline engines against honest baselines and decides claims about them.
#[derive(Debug, Parser)]
#[command(
    name = "harness",
    version,
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 done, 1 internal error, 2 usage, 12 a cell failed or a check found \
                  differences, 13 the machine is unfit, 14 the selftest's promise is broken, \
                  130 interrupted."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Examine the machine, measure everything, decide the claims, write the report.
    All(Measure),
    /// Measure, and print the verdicts; no pages are written.
    Run(Measure),
    /// Write the report again from the records of an earlier run.
    Report(Report),
    /// Show workloads, contenders, instruments and sizes.
    List(List),
    /// Say whether this machine is fit to measure on.
    Doctor(Doctor),
    /// Compare any commands: which is faster, by how much, and is it sure?
    Versus(Box<crate::versus::options::Options>),
    /// Start commands and time them (internal).
    #[command(hide = true)]
    Starter,
    /// Hold the figures that `cargo bench -p harness` left against ours.
    Crosscheck(Crosscheck),
    /// Compare what is known beforehand, and say how often verdicts are wrong and differences found.
    Selftest(crate::selftest::Options),
    /// Do an amount of work that is known (internal).
    #[command(hide = true)]
    Known(crate::selftest::Known),
    /// Serve one probe (internal).
    #[command(hide = true)]
    Probe,
    /// Take the machine's limits (internal).
    #[command(hide = true)]
    Limits {
        #[arg(long)]
        folder: PathBuf,
        #[arg(long)]
        budget_ms: u64,
    },
    /// Serve requests (internal).
    #[command(hide = true)]
    Serve {
        #[arg(long)]
        latency_ns: u64,
    },
}

/// What every subcommand takes.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Folder of records and report
    #[arg(long, value_name = "DIR", default_value = "target/harness")]
    pub(crate) out: PathBuf,
    /// Print results as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Claims to decide instead of the built-in ones
    #[arg(long, value_name = "FILE")]
    pub(crate) claims: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Measure {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Only these cells: a pattern over workload/contender, parts may be left out
    /// (`large-file/streaming`, `numeric/*`); repeatable
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Vec<String>,
    /// Not these cells
    #[arg(long, value_name = "GLOB")]
    pub(crate) skip: Vec<String>,
    /// Only these instruments (`harness list` names them), separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) instruments: Vec<String>,
    /// A first look within a minute or two; yields no verdict on times
    #[arg(long, conflicts_with = "size")]
    pub(crate) quick: bool,
    /// How much input
    #[arg(long, value_enum, default_value = "default")]
    pub(crate) size: SizeName,
    /// The most blocks in which a workload is timed; it stops once its claims are decided [default: 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) blocks: Option<u32>,
    /// End within this time, decided or not [default: 5m, or 30m at size large]
    #[arg(long, value_name = "TIME", value_parser = some_time)]
    pub(crate) budget: Option<Duration>,
    /// Seed of all inputs, orders and layouts; drawn and recorded if not given
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Go on with an interrupted run in the same folder
    #[arg(long)]
    pub(crate) resume: bool,
    /// How long a probe may take to answer
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
    /// Memory in MiB that one probe may take; half of what is available if not given
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..1 << 24))]
    pub(crate) memory: Option<u64>,
    /// Refuse to measure on a machine that the doctor finds unfit (exit code 13)
    #[arg(long)]
    pub(crate) strict_env: bool,
    /// How progress is shown on standard error
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) progress: progress::Mode,
    /// Print only results and errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Include the workloads that misbehave on purpose
    #[arg(long, hide = true)]
    pub(crate) fixtures: bool,
    /// Time a build with debug assertions, for tests of the harness itself
    #[arg(long, hide = true)]
    pub(crate) allow_debug_assertions: bool,
}

fn some_time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("nothing can be measured in no time".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(error.to_string()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SizeName {
    /// Seconds in all; no verdict on times
    Quick,
    /// Minutes in all
    Default,
    /// Up to a gigabyte of input for each workload
    Large,
}

impl SizeName {
    pub(crate) fn name(self) -> &'static str {
        match self {
            SizeName::Quick => "quick",
            SizeName::Default => "default",
            SizeName::Large => "large",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Write nothing: recompute verdicts and pages from the records, and compare them with those in the
    /// folder to the last bit (exit code 12 if they differ)
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The folder whose disk to look at
    #[arg(long, value_name = "DIR", default_value = "target/harness")]
    pub(crate) out: PathBuf,
    /// End with exit code 13 if the machine is unfit
    #[arg(long)]
    pub(crate) strict_env: bool,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Crosscheck {
    /// Folder of our records
    #[arg(long, value_name = "DIR", default_value = "target/harness")]
    pub(crate) out: PathBuf,
    /// Cargo's target folder, in which the benchmarks leave their figures [default: target]
    #[arg(long, value_name = "DIR")]
    pub(crate) target: Option<PathBuf>,
    /// Only these cells: a pattern as for `run`
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Vec<String>,
    /// Not these cells
    #[arg(long, value_name = "GLOB")]
    pub(crate) skip: Vec<String>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
