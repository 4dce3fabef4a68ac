//! What the process that starts the commands is asked, and what it answers: a line of JSON each.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where standard output goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Output {
    /// Nowhere. Some programs do less then, `grep` for one.
    Null,
    /// Into a pipe that is read and forgotten.
    Pipe,
    /// Into this file, from its beginning.
    File(PathBuf),
    /// Into a pipe that is read and digested; the last of standard error is kept as well.
    Digested,
}

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    /// The program's file.
    pub(crate) program: PathBuf,
    /// What it is called, and its arguments.
    pub(crate) words: Vec<String>,
    /// Bytes added to the environment, which move the stack.
    pub(crate) padding: usize,
    /// What it reads; nothing if `None`.
    pub(crate) input: Option<PathBuf>,
    pub(crate) output: Output,
    /// Whether peak memory is wanted, which takes another way of starting it.
    pub(crate) peak: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reply {
    Ran(Ran),
    /// It could not be started.
    Not(String),
}

/// One run that was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ran {
    pub(crate) wall_ns: u64,
    pub(crate) user_ns: u64,
    pub(crate) system_ns: u64,
    pub(crate) peak_bytes: u64,
    pub(crate) exit_code: Option<i32>,
    pub(crate) signal: Option<i32>,
    /// The last that it wrote on standard error, if that was kept.
    pub(crate) said: String,
    /// Bytes of standard output and their digest, if that was digested.
    pub(crate) bytes: u64,
    pub(crate) digest: u64,
}
