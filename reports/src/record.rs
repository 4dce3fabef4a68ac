//! The record format, version 1: JSON lines, the first of which describes the run and most others what a
//! probe reported, raw samples included. The harness appends a line as each probe ends.
//!
//! No line holds environment variables, a user name, a host name or an absolute path.

use std::io;

use serde::{Deserialize, Serialize};

/// The version that [`line()`] writes. A line of any past version must always parse.
pub const VERSION: u32 = 1;

/// The baseline that the controls of a run repeat.
pub const CONTROLLED: &str = "idiomatic";

/// The contender that is [`CONTROLLED`] once more, in a process of its own.
pub const CONTROL: &str = "control";

/// The contender that is [`CONTROLLED`] with a known share of extra work.
pub const HANDICAP: &str = "handicap";

/// What one line says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Record {
    /// The run that the following lines belong to.
    Run(Run),
    /// What one probe reported.
    Probe(Probe),
    /// What the machine itself can do.
    Limits(Limits),
    /// What a workload takes at the least.
    Needs(Needs),
}

/// A run: everything that its figures depend on besides the cells themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Run {
    /// Start of the run in UTC, as `2031-04-02T14:10:00Z`.
    pub started: String,
    /// The seed from which every input, order and layout is drawn.
    pub seed: u64,
    /// The size at which times are taken: `quick`, `default` or `large`.
    pub size: String,
    /// Commit of the sources, `unknown` outside a checkout.
    pub commit: String,
    /// Whether the checkout differed from the commit.
    pub dirty: bool,
    /// `rustc --version` of the compiler.
    pub toolchain: String,
    /// Build profile and optimisation, `dev, opt-level 3` for instance.
    pub profile: String,
    /// Digest of the executable, empty where it is not known: two builds of one commit may differ.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub build: String,
    /// The machine.
    pub machine: Machine,
    /// The most blocks for each comparison; one that is decided earlier stops there.
    pub blocks: u32,
    /// What [`HANDICAP`] adds to each call, in thousandths of the call's own wall time.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub handicap: u32,
    /// The most warm-up rounds of a block, which no statistic uses. The series say how many there were.
    pub warm_up: u32,
    /// The most measured rounds of a block.
    pub rounds: u32,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// The machine that a run was made on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Machine {
    /// Operating system and kernel release.
    pub system: String,
    /// Instruction set architecture, `x86_64` for instance.
    pub architecture: String,
    /// The processor's model name.
    pub processor: String,
    /// Cores that the process may run on.
    pub cores: u32,
    /// Memory in bytes.
    pub memory: u64,
    /// Data and unified caches seen by one core, from the first level on.
    pub caches: Vec<Cache>,
    /// Instruction set extensions that the engines choose by: `avx2`, `avx512`, `neon`.
    pub extensions: Vec<String>,
    /// Whether a hypervisor is underneath.
    pub virtual_machine: bool,
    /// What the doctor found that a reader of the figures ought to know.
    pub caveats: Vec<String>,
    /// Everything that the doctor looked at before the run; empty in records of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// One thing that the doctor looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// What was looked at, one or two words, stable from run to run.
    pub name: String,
    /// How it bears on the figures.
    pub finding: Weight,
    /// What was found, a few words; `not measured: why` where the machine does not tell.
    pub what: String,
    /// What it means for the figures, one sentence; empty if there is nothing to say.
    pub meaning: String,
    /// What to do about it, one sentence; empty if there is nothing to do.
    pub advice: String,
}

/// How a finding bears on the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// As it should be.
    Ok,
    /// The machine does not tell.
    NotMeasured,
    /// Figures are noisier, or something is not measured.
    Caveat,
    /// Figures taken like this are not worth their time.
    Unfit,
}

/// One cache.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cache {
    /// 1 is the nearest to the core.
    pub level: u32,
    /// Size in bytes.
    pub bytes: u64,
}

/// What one probe reported about one cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Probe {
    /// What was measured.
    pub cell: Cell,
    /// The instrument: `time`, `heap`, `counts`, `cpu`, `resident`.
    pub instrument: String,
    /// Number of the block within the run, for instruments that measure in blocks; else 0.
    #[serde(default)]
    pub block: u32,
    /// The seed of the probe, from which its inputs follow.
    pub seed: u64,
    /// Items that one call processes.
    pub items: u64,
    /// Bytes of input that one call processes.
    pub bytes: u64,
    /// How it went.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The raw samples; those taken before a failure are kept.
    #[serde(default)]
    pub series: Vec<Series>,
    /// Files that the instrument left, relative to the folder of the run, with `/`.
    #[serde(default)]
    pub files: Vec<String>,
    /// What disturbed the block; nothing where an instrument has no blocks or the system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disturbed: Option<Disturbance>,
    /// Where a profile found the CPU, by function; those that it found most often, in that order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<Function>,
}

/// How often a profile found the CPU in a function itself, rather than in what it calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// The function's name, demangled and shortened.
    pub name: String,
    /// Samples of all instances of it.
    pub samples: u64,
}

/// What else went on in a machine during a block, from the start of its first process to the end of its last
/// round. All times are in nanoseconds; `null` where the system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Disturbance {
    /// How long the block took.
    pub wall: u64,
    /// Time that the hypervisor gave to others while a core of ours was ready, of all cores together.
    pub stolen: Option<u64>,
    /// CPU time of processes that are not part of the run, of all cores together.
    pub others: Option<u64>,
    /// How long this probe's threads that were alive at the end had waited for a core, together.
    pub waited: Option<u64>,
    /// How long at least one process of the machine waited for a core, ours among them.
    pub cpu_pressure: Option<u64>,
    /// How long at least one process of the machine waited for memory to be freed or read back.
    pub memory_pressure: Option<u64>,
}

/// Workload, contender and size.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cell {
    /// The workload, `numeric/map` for instance.
    pub workload: String,
    /// The contender: `eager` and `idiomatic` are baselines, [`CONTROL`] and [`HANDICAP`] the controls,
    /// anything else an engine or a rival.
    pub contender: String,
    /// The size: `tiny`, `quick`, `default` or `large`.
    pub size: String,
}

/// How a probe ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// All samples were taken and every answer was right.
    Measured,
    /// The instrument does not apply or is missing.
    NotMeasured {
        /// One clause, without a full stop.
        why: String,
    },
    /// The cell did not do its work.
    Failed {
        /// What kind of failure.
        failure: Failure,
        /// One clause, without a full stop.
        why: String,
    },
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// It panicked or returned an error.
    Error,
    /// A signal ended it.
    Killed,
    /// It ran past its time limit.
    TimedOut,
    /// It ran past its memory limit.
    OutOfMemory,
    /// Its answer was wrong.
    WrongAnswer,
    /// It did not keep to the probe protocol.
    Protocol,
    /// The service that it depends on missed its own promise.
    Service,
}

impl Failure {
    /// The failure in words, for pages and terminals.
    pub fn words(self) -> &'static str {
        match self {
            Failure::Error => "error",
            Failure::Killed => "killed",
            Failure::TimedOut => "timed out",
            Failure::OutOfMemory => "out of memory",
            Failure::WrongAnswer => "wrong answer",
            Failure::Protocol => "broke the protocol",
            Failure::Service => "service too late",
        }
    }
}

/// One quantity in the order in which it was sampled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Series {
    /// The metric, `wall-time` for instance.
    pub metric: String,
    /// `ns`, `bytes` or `count`.
    pub unit: String,
    /// Whether repetition gives the same value to the last digit, so that no interval is needed.
    pub exact: bool,
    /// Leading values that are warm-up.
    #[serde(default)]
    pub warm_up: u32,
    /// The values. Value `i` of each contender of a block belongs to the same round and the same input.
    pub values: Vec<u64>,
    /// In which place of its round each value was taken, from 0; empty where there are no rounds.
    #[serde(default)]
    pub places: Vec<u32>,
    /// At which level of what was varied the values were taken; `None` where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
}

/// One step of what is varied to see how a cell scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Items, cores or requests in flight, as the instrument says.
    pub at: u64,
    /// Items that one call processes there.
    pub items: u64,
    /// The values come from so many fresh processes, one after the other, as many from each.
    pub blocks: u32,
}

/// One taking of the machine's limits. A run has one before its times and one after.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// Number of the taking within the run, from 0.
    pub taking: u32,
    /// What was looked at, whether or not it could be measured.
    pub limits: Vec<Limit>,
    /// Why none was taken, one clause without a full stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// How fast the machine does one thing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limit {
    /// What it does, `read-l2` for instance.
    pub name: String,
    /// Threads that did it at once.
    pub threads: u32,
    /// `bytes` or `count`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// How much one repetition did, on all threads together.
    #[serde(default)]
    pub amount: u64,
    /// Nanoseconds of each repetition, in order; empty where it was not measured.
    #[serde(default)]
    pub ns: Vec<u64>,
    /// Why it was not measured, one clause without a full stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What one call of a workload takes at the least, whoever does it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Needs {
    /// The workload.
    pub workload: String,
    /// The size.
    pub size: String,
    /// Bytes that it goes over: they tell which level of memory it works in.
    pub working_set: u64,
    /// The least amount of each thing.
    pub needs: Vec<Need>,
}

/// The least amount of one thing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Need {
    /// Of what, `copied` for instance.
    pub of: String,
    /// How much, in bytes or as a count.
    pub amount: u64,
}

#[derive(Serialize, Deserialize)]
struct Line<R> {
    version: u32,
    #[serde(flatten)]
    record: R,
}

/// The record as one line of JSON, with its line end.
pub fn line(record: &Record) -> String {
    let line = Line {
        version: VERSION,
        record,
    };
    // Maps have string keys and floats do not occur, so that nothing can fail to serialise.
    let mut text = serde_json::to_string(&line).expect("a record serialises");
    text.push('\n');
    text
}

/// Why a line is not a record that this version reads.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Not JSON, or not a record: a line cut short by a full disk, for instance.
    #[error("line {number} is not a record: {source}")]
    Corrupt {
        /// Line number from 1.
        number: usize,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// Written by a later version.
    #[error(
        "line {number} has format version {version}, and this program reads up to {VERSION}: \
         use a newer one"
    )]
    Newer {
        /// Line number from 1.
        number: usize,
        /// Its version.
        version: u32,
    },
}

/// All records of a file, and what could not be read of it.
#[derive(Debug, Default)]
pub struct Records {
    /// The records in the order of the file.
    pub records: Vec<Record>,
    /// The lines that were skipped, with the reason for each.
    pub skipped: Vec<Unreadable>,
}

/// Reads records line by line; a line that cannot be read is skipped and reported, never fatal.
///
/// # Errors
/// If reading itself fails.
pub fn read(mut source: impl io::BufRead) -> io::Result<Records> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let mut found = Records::default();
    let mut text = Vec::new();
    for number in 1.. {
        text.clear();
        if source.read_until(b'\n', &mut text)? == 0 {
            break;
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice::<Version>(&text) {
            Ok(Version { version }) if version > VERSION => {
                found.skipped.push(Unreadable::Newer { number, version });
                continue;
            }
            _ => {}
        }
        match serde_json::from_slice::<Line<Record>>(&text) {
            Ok(line) => found.records.push(line.record),
            Err(source) => found.skipped.push(Unreadable::Corrupt { number, source }),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_skipped_and_said() {
        let text = "{\"version\":99,\"kind\":\"run\"}\n\n{\"version\":1,\"kind\":\"pro\nnonsense\n\
            {\"version\":1,\"kind\":\"probe\",\"cell\":{\"workload\":\"w\",\"contender\":\"c\",\
            \"size\":\"quick\"},\"instrument\":\"time\",\"seed\":1,\"items\":2,\"bytes\":3,\
            \"outcome\":\"not-measured\",\"why\":\"because\"}\n";
        let found = read(text.as_bytes()).unwrap();
        let said: Vec<_> = found.skipped.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(
            said[0].starts_with("line 1 has format version 99"),
            "{said:?}"
        );
        assert!(said[1].starts_with("line 3 is not a record"), "{said:?}");
        assert_eq!(found.records.len(), 1);
        assert_eq!(
            read(line(&found.records[0]).as_bytes()).unwrap().records,
            found.records
        );
    }
}
