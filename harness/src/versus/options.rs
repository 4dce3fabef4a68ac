//! The command line of `versus`. Options of hyperfine that mean the same here have the same names.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use reports::versus::Metric;

use crate::progress;

/// Every command is compared with the first.
#[derive(Debug, Args)]
#[command(
    after_help = "There is no number of runs to choose: it measures until it is decided, within --budget and \
                  --blocks.\n\
                  Exit codes: 0 done, and with --claim confirmed; 10 refuted; 11 inconclusive; \
                  2 usage, or no such program; 12 a command failed, or --check-output found a \
                  difference; 130 interrupted.\n\
                  --claim 0.98 asks whether a command is at most 2 % slower than the first."
)]
pub(crate) struct Options {
    /// The commands, the reference first
    #[arg(required = true, value_name = "COMMAND")]
    pub(crate) commands: Vec<String>,
    /// What is claimed: the others are at least this many times as fast as the first (or need this
    /// many times less)
    #[arg(long, value_name = "RATIO", value_parser = ratio)]
    pub(crate) claim: Option<f64>,
    /// What is compared
    #[arg(long, value_enum, default_value = "wall")]
    pub(crate) metric: MetricName,
    /// Level of the verdict in percent, whenever it stops, and for all commands together
    #[arg(long, value_name = "PERCENT", default_value = "99", value_parser = level)]
    pub(crate) level: f64,
    /// A difference below this many percent is not looked for
    #[arg(long, value_name = "PERCENT", default_value = "1", value_parser = margin)]
    pub(crate) margin: f64,
    /// End within this time, decided or not [default: 30s, or ten blocks if those take longer]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) budget: Option<Duration>,
    /// Pause between blocks [default: as long as a block, 0.2 to 1 s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) gap: Option<Duration>,
    /// The most blocks
    #[arg(long, value_name = "N", default_value = "64", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) blocks: u32,
    /// How long one run may take
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
    /// Seed of orders and layouts; drawn and recorded if not given
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Another command to compare with, before the first
    #[arg(long, value_name = "COMMAND")]
    pub(crate) reference: Option<String>,
    /// Name of a command, in their order; repeatable
    #[arg(short = 'n', long, value_name = "NAME")]
    pub(crate) command_name: Vec<String>,
    /// Runs of each command before measuring [default: 1 that is checked, and 1 more if brief]
    #[arg(short, long, value_name = "N")]
    pub(crate) warmup: Option<u32>,
    /// Run this before each run: one for all commands, or one for each
    #[arg(short, long, value_name = "COMMAND")]
    pub(crate) prepare: Vec<String>,
    /// Run this after each run: one for all commands, or one for each
    #[arg(short = 'C', long, value_name = "COMMAND")]
    pub(crate) conclude: Vec<String>,
    /// Run this once for each command, before any is measured: they take turns
    #[arg(short, long, value_name = "COMMAND")]
    pub(crate) setup: Option<String>,
    /// Run this once for each command, after all are measured
    #[arg(short, long, value_name = "COMMAND")]
    pub(crate) cleanup: Option<String>,
    /// Use this shell, or `none` [default: none, or sh for all if one of them needs a shell]
    #[arg(short = 'S', long, value_name = "SHELL")]
    pub(crate) shell: Option<String>,
    /// Use no shell: the same as --shell=none
    #[arg(short = 'N', conflicts_with = "shell")]
    pub(crate) no_shell: bool,
    /// Count runs that fail as well
    #[arg(short, long)]
    pub(crate) ignore_failure: bool,
    /// It is an error if standard outputs differ; else it is said
    #[arg(long)]
    pub(crate) check_output: bool,
    /// Where standard output goes: `null`, `pipe` or a file. Some programs do less if it is `null`
    #[arg(long, value_name = "WHERE", default_value = "null")]
    pub(crate) output: String,
    /// What the commands read: `null` or a file
    #[arg(long, value_name = "WHERE", default_value = "null")]
    pub(crate) input: String,
    /// `{VAR}` in commands is each number from MIN to MAX
    #[arg(short = 'P', long, num_args = 3, value_names = ["VAR", "MIN", "MAX"], allow_hyphen_values = true)]
    pub(crate) parameter_scan: Vec<String>,
    /// Step of --parameter-scan [default: 1]
    #[arg(short = 'D', long, value_name = "DELTA", requires = "parameter_scan")]
    pub(crate) parameter_step_size: Option<String>,
    /// `{VAR}` in commands is each of the VALUES, separated by commas; repeatable
    #[arg(short = 'L', long, num_args = 2, value_names = ["VAR", "VALUES"], allow_hyphen_values = true)]
    pub(crate) parameter_list: Vec<String>,

    /// Folder of the page and its data
    #[arg(long, value_name = "DIR", default_value = "target/versus")]
    pub(crate) out: PathBuf,
    /// Print the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the answer as JSON, which has all that hyperfine's export has; `-` for standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) export_json: Option<PathBuf>,
    /// Write the answer as tables in Markdown; `-` for standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) export_markdown: Option<PathBuf>,
    /// How progress is shown on standard error
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) progress: progress::Mode,
    /// Print only results and errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MetricName {
    /// Wall time
    Wall,
    /// CPU time, user and system
    Cpu,
    /// Peak resident memory
    Rss,
    /// Instructions, counted by Valgrind
    Instructions,
}

impl MetricName {
    pub(crate) fn metric(self) -> Metric {
        match self {
            MetricName::Wall => Metric::Wall,
            MetricName::Cpu => Metric::Cpu,
            MetricName::Rss => Metric::Rss,
            MetricName::Instructions => Metric::Instructions,
        }
    }
}

fn ratio(text: &str) -> Result<f64, String> {
    match text.trim_end_matches(['x', '×']).parse::<f64>() {
        Ok(ratio) if (1e-3..=1e6).contains(&ratio) => Ok(ratio),
        _ => Err("a ratio such as 2 or 1.5".to_owned()),
    }
}

fn level(text: &str) -> Result<f64, String> {
    match text.trim_end_matches([' ', '%']).parse::<f64>() {
        Ok(percent) if (50.0..=99.99).contains(&percent) => Ok(percent / 100.0),
        _ => Err("percent from 50 to 99.99".to_owned()),
    }
}

fn margin(text: &str) -> Result<f64, String> {
    match text.trim_end_matches([' ', '%']).parse::<f64>() {
        Ok(percent) if (0.0..=50.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("percent from 0 to 50".to_owned()),
    }
}
