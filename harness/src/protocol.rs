//! What the harness and a probe say to each other: one line of JSON each way in turn, requests on the
//! probe's standard input, replies on its standard output. Both sides are in this file.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use reports::record::{Cell, Failure, Function};
use serde::{Deserialize, Serialize};

/// Raised whenever the meaning of a message changes. A probe refuses any other version.
pub const VERSION: u32 = 1;

/// The latency that the service promises.
pub const LATENCY: Duration = Duration::from_millis(2);

/// The exit code of a probe that ran past its memory limit: it cannot say so any more.
pub const OUT_OF_MEMORY: i32 = 71;

/// What the harness asks of a probe.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// The first request: what to measure and how.
    Open(Box<Open>),
    /// Take one sample.
    Round(Round),
}

/// The circumstances of a probe.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Open {
    /// [`VERSION`] of whoever asks.
    pub protocol: u32,
    /// What to measure.
    pub cell: Cell,
    /// The name of the instrument.
    pub instrument: String,
    /// Folder of the input files.
    pub inputs: PathBuf,
    /// Where the instrument writes its file, if it leaves one.
    pub file: Option<PathBuf>,
    /// The service for workloads that need one.
    pub service: Option<SocketAddr>,
    /// Bytes to leak before anything else, so that heap addresses differ from block to block.
    pub heap_offset: usize,
    /// What slows the slowed control, in thousandths of a call's own wall time.
    #[serde(default)]
    pub handicap: u32,
    /// Bytes of private writable memory that the process may have; 0 for no limit.
    pub memory_limit: u64,
    /// What is varied to see how the cell scales.
    #[serde(default)]
    pub level: Level,
}

/// One step of what a cell is to scale with; what is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Level {
    /// Items that one call processes.
    pub items: Option<u64>,
    /// Cores that the process may run on.
    pub cores: Option<u32>,
    /// Requests in flight.
    pub in_flight: Option<u32>,
}

/// One sample.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Round {
    /// The seed of the input.
    pub seed: u64,
    /// Calls that make one sample.
    pub repeats: u32,
    /// Whether this is the last sample, after which the instrument may write its file.
    pub last: bool,
}

/// What a probe answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// To [`Request::Open`].
    Ready {
        /// Items that one call processes.
        items: u64,
        /// Bytes of input that one call processes.
        bytes: u64,
    },
    /// To [`Request::Round`], once the answer has been found right.
    Sampled {
        /// One value of each metric.
        samples: Vec<Sample>,
        /// Where a profile found the CPU.
        #[serde(default)]
        functions: Vec<Function>,
    },
    /// To either: the probe ends.
    Failed {
        /// What kind of failure.
        failure: Failure,
        /// One clause, without a full stop.
        why: String,
    },
    /// To either: the instrument does not apply here; the probe ends.
    NotMeasured {
        /// One clause, without a full stop.
        why: String,
    },
}

/// One value of one metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The metric's name.
    pub metric: String,
    /// `ns`, `bytes` or `count`.
    pub unit: String,
    /// Whether the instrument expects repetition to give the same value.
    pub exact: bool,
    /// The value.
    pub value: u64,
}

impl Sample {
    /// Makes one.
    pub fn new(metric: &str, unit: &str, exact: bool, value: u64) -> Sample {
        Sample {
            metric: metric.to_owned(),
            unit: unit.to_owned(),
            exact,
            value,
        }
    }
}
