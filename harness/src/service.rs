//! The service that network workloads talk to: this same executable in a process of its own, and
//! the check that it kept its promised latency.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::Context;
use reports::record::Failure;

use crate::child::{Child, Stop};
use crate::host;
use crate::protocol::LATENCY;

/// 99 times out of 100 the service, having slept until an answer is due, may be late by this share of
/// its latency at most.
const TOLERANCE: f64 = 0.10;

/// A running service, ended when dropped.
pub(crate) struct Service {
    /// Kept for the sake of its end; the lock is never taken.
    _child: Mutex<Child>,
    pub(crate) address: SocketAddr,
    /// The number of its process.
    pub(crate) id: u32,
}

impl Service {
    /// Starts the service and waits until it listens.
    pub(crate) fn start(executable: &Path) -> anyhow::Result<Service> {
        let mut command = Command::new(executable);
        command.args(["serve", "--latency-ns", &LATENCY.as_nanos().to_string()]);
        let answer = Child::start(command)
            .and_then(|mut child| Ok((child.answer(Duration::from_secs(10))?, child)));
        let (line, child) = match answer {
            Ok(started) => started,
            Err(Stop::Failed { failure, why }) => {
                anyhow::bail!("the service did not start: {}: {why}", failure.words())
            }
            Err(stop) => anyhow::bail!("the service did not start: {stop:?}"),
        };
        let address = line.trim().parse().context("the service's address")?;
        Ok(Service {
            id: child.id(),
            _child: Mutex::new(child),
            address,
        })
    }

    /// Forgets what it has counted so far.
    pub(crate) fn reset(&self) -> std::io::Result<()> {
        workloads::service::reset(self.address).map(drop)
    }

    /// Whether it has kept its promise since the last reset; if not, how late it was.
    pub(crate) fn verify(&self) -> Result<(), Stop> {
        let late = workloads::service::statistics(self.address)
            .map_err(|error| Stop::failed(Failure::Service, &format!("no statistics: {error}")))?;
        let allowed = LATENCY.as_nanos() as f64 * TOLERANCE;
        if late.p99 as f64 <= allowed {
            return Ok(());
        }
        let why = format!(
            "1 time in 100 it woke {:.0} us or more too late, {:.0} us are allowed",
            late.p99 as f64 / 1e3,
            allowed / 1e3
        );
        Err(Stop::failed(Failure::Service, &why))
    }
}

/// The child side: serves until its input ends, having said its address in one line.
pub(crate) fn main(latency: Duration) -> anyhow::Result<ExitCode> {
    host::die_with_parent();
    workloads::service::serve(latency, |address| println!("{address}"))?;
    Ok(ExitCode::SUCCESS)
}
