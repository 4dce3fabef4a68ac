//! The options of `selftest`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use reports::selftest::Route;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The short form, within 40 s; this is what happens without --long
    #[arg(long, conflicts_with = "long")]
    pub(crate) quick: bool,
    /// Everything that the promise is about; it can be measured in pieces, and goes on where it stopped
    #[arg(long)]
    pub(crate) long: bool,
    /// Only on the simulated machine
    #[arg(long, conflicts_with = "real")]
    pub(crate) simulated: bool,
    /// Only on this machine
    #[arg(long)]
    pub(crate) real: bool,
    /// Only these trials or groups of them (aa, power, ratio, odd, 1.03), separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Only these kernels: hs (hash map and sort), pa (branchy parser)
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) kernel: Vec<String>,
    /// Only by these routes
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    pub(crate) route: Vec<RouteName>,
    /// Only with the other cores idle
    #[arg(long, conflicts_with = "busy")]
    pub(crate) idle: bool,
    /// Only with the other cores kept busy
    #[arg(long)]
    pub(crate) busy: bool,
    /// Real comparisons of each trial, kernel and route, those of earlier pieces included
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u32>,
    /// The most that the blocks of one comparison may take
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) each: Option<Duration>,
    /// End within this time; the same command goes on later
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) budget: Option<Duration>,
    /// Seed of the simulation (1 if not given) and of everything that real comparisons draw (drawn and
    /// recorded if not given)
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Folder of the results
    #[arg(long, value_name = "DIR", default_value = "target/selftest")]
    pub(crate) out: PathBuf,
    /// Print the sums as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print only results and errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Measure with a build with debug assertions, for tests of the harness itself
    #[arg(long, hide = true)]
    pub(crate) allow_debug_assertions: bool,
}

/// A route by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RouteName {
    /// As contenders of a workload
    Cells,
    /// As two commands
    Versus,
}

impl RouteName {
    pub(crate) fn route(self) -> Route {
        match self {
            RouteName::Cells => Route::Cells,
            RouteName::Versus => Route::Versus,
        }
    }
}

/// A command whose amount of work is known (internal).
#[derive(Debug, Args)]
pub(crate) struct Known {
    /// The kernel
    #[arg(long)]
    pub(crate) kernel: String,
    /// Units of work
    #[arg(long)]
    pub(crate) units: u32,
    /// Seed of the input; drawn if not given
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// How many passes over new inputs of as many units
    #[arg(long, default_value_t = 1)]
    pub(crate) passes: u32,
    /// As many processes of this work, one after the other
    #[arg(long, default_value_t = 1)]
    pub(crate) times: u32,
    /// Never end, to keep a core busy
    #[arg(long)]
    pub(crate) forever: bool,
}
