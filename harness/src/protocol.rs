//! What the harness and a probe say to each other: one line of JSON each way in turn, requests on the
//! probe's standard input, replies on its standard output. Both sides are in this file.

use std::net::SocketAddr;
use std::path::PathBuf;

use reports::record::{Cell, Failure};
use serde::{Deserialize, Serialize};

/// Raised whenever the meaning of a message changes. A probe refuses any other version.
pub(crate) const VERSION: u32 = 1;

/// The exit code of a probe that ran past its memory limit: it cannot say so any more.
pub(crate) const OUT_OF_MEMORY: i32 = 71;

/// What the harness asks of a probe.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub(crate) enum Request {
    /// The first request: what to measure and how.
    Open(Open),
    /// Take one sample.
    Round(Round),
}

/// The circumstances of a probe.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Open {
    pub(crate) protocol: u32,
    pub(crate) cell: Cell,
    pub(crate) instrument: String,
    /// Folder of the input files.
    pub(crate) inputs: PathBuf,
    /// Where the instrument writes its file, if it leaves one.
    pub(crate) file: Option<PathBuf>,
    /// The service for workloads that need one.
    pub(crate) service: Option<SocketAddr>,
    /// Bytes to leak before anything else, so that heap addresses differ from block to block.
    pub(crate) heap_offset: usize,
    /// What slows the slowed control, in thousandths of a call's own wall time.
    #[serde(default)]
    pub(crate) handicap: u32,
    /// Bytes of private writable memory that the process may have; 0 for no limit.
    pub(crate) memory_limit: u64,
}

/// One sample.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Round {
    /// The seed of the input.
    pub(crate) seed: u64,
    /// Calls that make one sample.
    pub(crate) repeats: u32,
    /// Whether this is the last sample, after which the instrument may write its file.
    pub(crate) last: bool,
}

/// What a probe answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub(crate) enum Reply {
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
pub(crate) struct Sample {
    pub(crate) metric: String,
    pub(crate) unit: String,
    /// Whether the instrument expects repetition to give the same value.
    pub(crate) exact: bool,
    pub(crate) value: u64,
}

impl Sample {
    pub(crate) fn new(metric: &str, unit: &str, exact: bool, value: u64) -> Sample {
        Sample {
            metric: metric.to_owned(),
            unit: unit.to_owned(),
            exact,
            value,
        }
    }
}
