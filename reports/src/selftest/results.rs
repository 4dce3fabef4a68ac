//! The file in which a selftest keeps its comparisons, so that it can be measured in pieces: format
//! version 1, one JSON object. No verdict is in it; verdicts follow from the values.

use serde::{Deserialize, Serialize};

use crate::record::Machine;

use super::simulated::Counts;

/// The version that is written. A file of any past version must always parse.
pub const VERSION: u32 = 1;

/// All that has been measured and simulated so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Results {
    /// Version of the format.
    pub version: u32,
    /// The invocations that measured something.
    #[serde(default)]
    pub sessions: Vec<Session>,
    /// Real comparisons, in the order in which they were begun.
    #[serde(default)]
    pub comparisons: Vec<Compared>,
    /// Simulated ones, added up.
    #[serde(default)]
    pub simulated: Option<Simulated>,
}

/// What an invocation's figures depend on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Session {
    /// Start in UTC.
    pub started: String,
    /// Commit of the sources.
    pub commit: String,
    /// Whether the checkout differed from it.
    pub dirty: bool,
    /// The compiler.
    pub toolchain: String,
    /// Profile and optimisation.
    pub profile: String,
    /// Digest of the executable.
    pub build: String,
    /// The seed.
    pub seed: u64,
    /// The machine.
    pub machine: Machine,
}

/// By which part of the tool two things were compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// As contenders of a workload: `all` and `run`.
    Cells,
    /// As two commands: `versus`.
    Versus,
}

impl Route {
    /// Both.
    pub const ALL: [Route; 2] = [Route::Cells, Route::Versus];

    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Route::Cells => "cells",
            Route::Versus => "versus",
        }
    }
}

/// One real comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Compared {
    /// Which of the sessions began it.
    pub session: usize,
    /// The trial's name.
    pub trial: String,
    /// The kernel.
    pub kernel: String,
    /// The route.
    pub route: Route,
    /// Whether the other cores were kept busy.
    pub busy: bool,
    /// Its number among those of the same trial, kernel, route and load.
    pub number: u32,
    /// The seed of its inputs, orders and layouts.
    pub seed: u64,
    /// The clock that decides, named before anything was measured.
    pub clock: String,
    /// Seconds that its blocks took, processes and inputs included.
    pub seconds: f64,
    /// Whether it is over; one that is not goes on in the next session of the same build.
    pub over: bool,
    /// Why it could not be measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The value of each block: ln(heavier / lighter).
    pub logs: Vec<f64>,
}

/// What was simulated last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Simulated {
    /// The seed.
    pub seed: u64,
    /// The sums of each trial.
    pub counts: Vec<Counts>,
}

impl Results {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Results, String> {
        let found: Results = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match found.version {
            VERSION => Ok(found),
            n => Err(format!("version {n} is not known")),
        }
    }

    /// The text of the file.
    pub fn to_json(&self) -> String {
        // Plain data without maps: it always has a JSON form.
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text = text.replace("},{\"session\"", "},\n{\"session\"");
        text.push('\n');
        text
    }

    /// Those that come with this version.
    pub fn committed() -> Results {
        Results::parse(super::COMMITTED).unwrap_or_default()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.comparisons.is_empty() && self.simulated.is_none()
    }
}

/// A value as it is kept: to nine decimals, far below what a clock can tell, so that files stay short and
/// what is judged is what is written.
pub fn rounded(log: f64) -> f64 {
    (log * 1e9).round() / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_with_this_version_parses() {
        assert_eq!(
            Results::parse(super::super::COMMITTED).unwrap().version,
            VERSION
        );
        assert!(Results::parse("{\"version\":99}").is_err());
        assert!(Results::parse("[]").is_err());
    }
}
