//! How throughput grows with the number of requests in flight, 1 to 10,000, for the engine that lets it be
//! set. Every run has several requests for each place, so that most of it has all places taken.

use std::path::Path;

use workloads::Error;

use super::{Instrument, Observed};
use crate::child::Stop;
use crate::contenders::{Case, IN_FLIGHT, Job};
use crate::launch::{CellRun, Sampled};
use crate::levels::{self, Step};
use crate::protocol::{Level, Round};

pub(crate) struct Concurrency;

const LEVELS: [u32; 5] = [1, 10, 100, 1000, 10_000];
/// Requests for each place in flight.
const EACH: u64 = 4;
/// With fewer a run is over too soon.
const FEWEST: u64 = 20;

impl Instrument for Concurrency {
    fn name(&self) -> &'static str {
        "concurrency"
    }

    fn about(&self) -> &'static str {
        "how throughput grows with the requests in flight"
    }

    fn applies(&self, case: &Case) -> Result<(), String> {
        match case.service {
            true => Ok(()),
            false => Err("only for workloads that ask a service".to_owned()),
        }
    }

    fn over_levels(&self) -> bool {
        true
    }

    fn measure(&self, run: &CellRun<'_>) -> Result<Sampled, Stop> {
        if run.cell.contender != IN_FLIGHT {
            let why = format!("only {IN_FLIGHT} lets the number of requests in flight be set");
            return Err(Stop::NotMeasured { why });
        }
        let steps = LEVELS.map(|in_flight| Step {
            at: in_flight.into(),
            level: Level {
                items: Some((EACH * u64::from(in_flight)).max(FEWEST)),
                in_flight: Some(in_flight),
                cores: None,
            },
        });
        Ok(run.sampled(levels::times(run, &steps)?))
    }

    fn observe(&self, _: &mut dyn Job, _: &Round, _: Option<&Path>) -> Result<Observed, Error> {
        super::by_others()
    }
}
