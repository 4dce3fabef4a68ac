//! `harness` drives every workload against every engine, one child process for each measurement, and
//! has `reports` decide claims from what the children reported. It measures and never judges.

mod child;
mod cli;
mod command;
mod crosscheck;
mod disturbance;
mod doctor;
mod exit;
mod functions;
mod host;
mod instruments;
mod interrupt;
mod launch;
mod levels;
mod limits;
mod pace;
mod plan;
mod print;
mod probe;
mod progress;
mod randomness;
mod run;
mod schedule;
mod select;
mod selftest;
mod service;
mod store;
mod turns;
mod versus;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use cli::{Cli, Command};
// What the benchmarks need as well lies in the library.
use harness::{allocator, contenders, known, protocol, second, seeds};

#[global_allocator]
static ALLOCATOR: allocator::Switch = allocator::Switch;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::All(options) => command::measure(&options, command::Pages::Write),
        Command::Run(options) => command::measure(&options, command::Pages::Leave),
        Command::Report(options) => command::report(&options),
        Command::List(options) => command::list(&options),
        Command::Doctor(options) => command::doctor(&options),
        Command::Versus(options) => versus::command::versus(&options),
        Command::Starter => return versus::starter::main(),
        Command::Crosscheck(options) => crosscheck::run(&options),
        Command::Selftest(options) => selftest::run(&options),
        Command::Known(known) => selftest::commands::main(&known),
        Command::Probe => return probe::main(),
        Command::Limits { folder, budget_ms } => {
            limits::main(&folder, Duration::from_millis(budget_ms))
        }
        Command::Serve { latency_ns } => service::main(Duration::from_nanos(latency_ns)),
    };
    done.unwrap_or_else(|error| exit::report(&error))
}
