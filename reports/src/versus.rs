//! Any two commands, or more, against each other: what was asked, what was measured, what follows. The
//! harness asks [`outlook`] between blocks what is still open, and has [`judge`] conclude. The first
//! command is the reference; a ratio is that of the reference's figure to the other's, so that more than
//! one is better for the other.

mod judge;
mod summary;
mod tables;
pub(crate) mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::compare::Interval;
use crate::record::Machine;

pub use judge::{Outlook, judge, outlook};

/// Version of the format of an answer.
pub const VERSION: u32 = 1;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// From the start of the process to its end, in nanoseconds.
    Wall,
    /// CPU time of the process and of all that it waited for, user and system, in nanoseconds.
    Cpu,
    /// Peak resident memory of the process, or of the largest that it waited for, in bytes.
    Rss,
    /// Instructions of the process and all that it starts, counted by Valgrind.
    Instructions,
}

impl Metric {
    /// The unit, as [`crate::units::value`] has it.
    pub fn unit(self) -> &'static str {
        match self {
            Metric::Wall | Metric::Cpu => "ns",
            Metric::Rss => "bytes",
            Metric::Instructions => "count",
        }
    }

    /// In words.
    pub fn title(self) -> &'static str {
        match self {
            Metric::Wall => "wall time",
            Metric::Cpu => "CPU time",
            Metric::Rss => "peak memory",
            Metric::Instructions => "instructions",
        }
    }
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// What is compared.
    pub metric: Metric,
    /// The ratio that the other commands are claimed to reach; `None` asks whether there is a difference.
    pub claim: Option<f64>,
    /// Level of all verdicts together, 0.99 for instance.
    pub level: f64,
    /// A ratio known to lie this near to 1, or to the claim, is near enough: 0.01 for 1 %.
    pub margin: f64,
    /// The most blocks.
    pub most: u32,
}

/// One run of one command.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Number of the block.
    pub block: u32,
    /// Number of the round within its block.
    pub round: u32,
    /// Whose turn it was in that round, from 0.
    pub place: u32,
    /// Whether it only warmed up and does not count.
    pub warm_up: bool,
    /// Wall time.
    pub wall_ns: u64,
    /// CPU time in user mode.
    pub user_ns: u64,
    /// CPU time in the kernel.
    pub system_ns: u64,
    /// Peak resident memory, where that was asked for.
    pub peak_bytes: Option<u64>,
    /// Instructions, where those were asked for; the times are then those of Valgrind.
    pub instructions: Option<u64>,
    /// `None` where a signal ended it.
    pub exit_code: Option<i32>,
}

impl Run {
    /// The figure of a metric.
    pub fn value(&self, metric: Metric) -> Option<u64> {
        match metric {
            Metric::Wall => Some(self.wall_ns),
            Metric::Cpu => Some(self.user_ns + self.system_ns),
            Metric::Rss => self.peak_bytes,
            Metric::Instructions => self.instructions,
        }
    }
}

/// One command with all its runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Contestant {
    /// Its name: the command itself if it was given none.
    #[serde(rename = "command")]
    pub name: String,
    /// The command as it was given, parameters put in.
    pub command_line: String,
    /// The parameters that were put in.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// Every run, in the order in which they were made.
    pub runs: Vec<Run>,
}

impl Contestant {
    /// The figures of a metric that count, in order.
    pub fn values(&self, metric: Metric) -> Vec<u64> {
        let counted = self.runs.iter().filter(|run| !run.warm_up);
        counted.filter_map(|run| run.value(metric)).collect()
    }
}

/// Whether the commands wrote the same on standard output when they were tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outputs {
    /// All the same.
    Equal,
    /// These, by number, differ from the first.
    Differ(Vec<usize>),
}

/// The circumstances of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// When it began, RFC 3339.
    pub started: String,
    /// Seed of every order and layout.
    pub seed: u64,
    /// The shell that ran the commands; `None` if they were started directly.
    pub shell: Option<String>,
    /// What starting a process that does nothing takes, in the same shell; part of every wall time.
    pub overhead_ns: Option<u64>,
    /// What all of it took, in seconds.
    pub seconds: f64,
    /// Whether time was up before everything was decided.
    pub time_up: bool,
    /// Whether the user ended it.
    pub interrupted: bool,
    /// Whether the outputs were the same; `None` if that was not looked at.
    pub outputs: Option<Outputs>,
    /// The machine, with what a reader of the figures ought to know of it.
    pub machine: Machine,
}

/// Everything that was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// What was asked.
    pub question: Question,
    /// The circumstances.
    pub setting: Setting,
    /// The commands, the reference first.
    pub contestants: Vec<Contestant>,
}

/// What follows from a trial, with all that it rests on. As JSON it has what hyperfine's
/// `--export-json` has, with the same names, and more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Always `versus`.
    pub kind: String,
    /// Format version, [`VERSION`].
    pub version: u32,
    /// What was asked.
    pub question: Question,
    /// The circumstances.
    pub setting: Setting,
    /// Every command but the first against the first.
    pub comparisons: Vec<Comparison>,
    /// What a reader ought to know before believing the figures.
    pub caveats: Vec<String>,
    /// The commands, the reference first.
    pub results: Vec<Summary>,
}

/// A command with its usual figures, in seconds of wall time unless said otherwise, over the runs that
/// count; none for instructions, whose times are Valgrind's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The command and its runs.
    #[serde(flatten)]
    pub contestant: Contestant,
    /// Mean.
    pub mean: Option<f64>,
    /// Standard deviation, from two runs on.
    pub stddev: Option<f64>,
    /// Median.
    pub median: Option<f64>,
    /// Mean CPU time in user mode.
    pub user: Option<f64>,
    /// Mean CPU time in the kernel.
    pub system: Option<f64>,
    /// Smallest.
    pub min: Option<f64>,
    /// Largest.
    pub max: Option<f64>,
    /// Each run.
    pub times: Vec<f64>,
    /// Peak memory of each run in bytes, where it was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memory_usage_byte: Vec<u64>,
    /// Of each run; `null` where a signal ended it.
    pub exit_codes: Vec<Option<i32>>,
}

/// One command against the reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The command, as its place among the results.
    pub contestant: usize,
    /// Its name.
    pub command: String,
    /// The reference's name.
    pub reference: String,
    /// Reference over command.
    pub ratio: Option<f64>,
    /// The interval of the ratio, for this comparison by itself, valid whenever one stops.
    pub interval: Option<Interval>,
    /// Why there is no interval.
    pub interval_missing: Option<String>,
    /// Whether both figures repeat exactly, so that the ratio is sure.
    pub exact: bool,
    /// Blocks that ratio and interval rest on.
    pub blocks: u32,
    /// What is decided.
    pub decision: Decision,
    /// Why nothing is, or what to know of it: one clause.
    pub why: Option<String>,
    /// The smallest level at which the looks so far would tell the ratio from 1, or from the claim.
    pub p_value: Option<f64>,
    /// The same as one comparison of several; a verdict needs it to be at most 1 less the level.
    pub p_adjusted: Option<f64>,
    /// The smallest difference that would have been shown in nine cases of ten, as a share: 0.02 for 2 %.
    pub detectable: Option<f64>,
    /// About how many further blocks would decide if ratio and spread stay; `None` where nobody can tell, and
    /// where they are more than twice those there can be.
    pub further_blocks: Option<u32>,
    /// The logarithm of the ratio in each block.
    pub logs: Vec<f64>,
}

/// What is decided of one comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Nothing was claimed, and the command is shown to need less than the reference.
    Better,
    /// Nothing was claimed, and the command is shown to need more than the reference.
    Worse,
    /// Nothing was claimed, and any difference is smaller than the margin.
    Alike,
    /// Nothing was claimed, and no difference is shown.
    Open,
    /// The ratio is shown to reach the claim.
    Confirmed,
    /// The ratio is shown to stay below the claim.
    Refuted,
    /// Neither is shown.
    Inconclusive,
}

impl Answer {
    /// As JSON, with a final line end.
    pub fn to_json(&self) -> String {
        // Every number is finite: what has none is null.
        let mut text = serde_json::to_string_pretty(self).expect("answers serialise");
        text.push('\n');
        text
    }

    /// Of what was claimed: refuted if it is for any command, else inconclusive if it is for any;
    /// `None` where nothing was claimed.
    pub fn claim(&self) -> Option<Decision> {
        self.question.claim?;
        let any = |decision| self.comparisons.iter().any(|c| c.decision == decision);
        Some(if any(Decision::Refuted) {
            Decision::Refuted
        } else if self.comparisons.is_empty() || any(Decision::Inconclusive) {
            Decision::Inconclusive
        } else {
            Decision::Confirmed
        })
    }

    /// For a terminal of 80 columns.
    pub fn text(&self) -> String {
        summary::text(self)
    }

    /// As tables in Markdown.
    pub fn markdown(&self) -> String {
        tables::markdown(self)
    }

    /// As a page that needs no network and no script, whose data lie beside it as `versus.json`.
    pub fn page(&self) -> String {
        crate::pages::versus::page(self)
    }
}
