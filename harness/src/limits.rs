//! The machine's limits: how fast it reads, copies, computes, faults, opens and answers at its best. They
//! are taken in a child process, before and after what is timed, so that a crash ends no run and drift
//! shows. What they mean for a cell is for `reports` to say.

mod arithmetic;
mod kernel;
mod loopback;
mod memory;
mod storage;
mod together;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use reports::record::{Failure, Limit, Limits, Need, Needs};
use workloads::Size;

use crate::child::{Child, Stop};
use crate::contenders::Case;
use crate::host;
use crate::print;
use crate::protocol::LATENCY;
use together::Timed;

/// How long the child may take, which is many times what it does take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long one taking measures at a size.
fn budget(size: Size) -> Duration {
    Duration::from_millis(match size {
        Size::Tiny | Size::Quick => 200,
        Size::Default | Size::Large => 1_500,
    })
}

/// Parent: takes the limits, number `taking` of a run, with files in `folder`.
///
/// # Errors
/// Only [`Stop::Interrupted`].
pub(crate) fn take(
    executable: &Path,
    folder: &Path,
    size: Size,
    taking: u32,
) -> Result<Limits, Stop> {
    let mut command = Command::new(executable);
    let budget = budget(size).as_millis().to_string();
    command.args(["limits", "--budget-ms", &budget, "--folder"]);
    command.arg(folder.join("limits"));
    let answer = Child::start(command).and_then(|mut child| {
        let line = child.answer(PATIENCE)?;
        child.end(PATIENCE)?;
        serde_json::from_str::<Limits>(&line)
            .map_err(|error| Stop::failed(Failure::Protocol, &error.to_string()))
    });
    let mut limits = match answer {
        Ok(limits) => limits,
        Err(Stop::Interrupted) => return Err(Stop::Interrupted),
        Err(Stop::Failed { failure, why }) => Limits {
            why: Some(format!("{}: {why}", failure.words())),
            ..Limits::default()
        },
        Err(Stop::NotMeasured { why }) => Limits {
            why: Some(why),
            ..Limits::default()
        },
    };
    limits.taking = taking;
    Ok(limits)
}

/// What a case takes at the least at a size, as a record.
pub(crate) fn needs(case: &Case, size_class: Size, size: &str) -> Needs {
    let needs = (case.needs)(size_class);
    let amounts = needs.amounts.into_iter();
    Needs {
        workload: case.name.to_owned(),
        size: size.to_owned(),
        working_set: needs.working_set,
        needs: amounts
            .map(|(need, amount)| Need {
                of: need.name().to_owned(),
                amount,
            })
            .collect(),
    }
}

/// Child: measures for about `budget` with files in `folder`, and says one line.
pub(crate) fn main(folder: &Path, budget: Duration) -> anyhow::Result<ExitCode> {
    host::die_with_parent();
    let limits = measure(folder, budget);
    print::result(&format!("{}\n", serde_json::to_string(&limits)?))?;
    Ok(ExitCode::SUCCESS)
}

fn measure(folder: &Path, budget: Duration) -> Limits {
    let all = host::cores() as usize;
    let mut taking = Taking {
        // About as many are measured.
        each: budget / 40,
        threads: if all > 1 { vec![1, all] } else { vec![1] },
        limits: Vec::new(),
    };
    memory::measure(&mut taking);
    arithmetic::measure(&mut taking);
    kernel::measure(&mut taking);
    storage::measure(&mut taking, folder);
    loopback::measure(&mut taking);
    let latency = Timed {
        amount: 1,
        ns: vec![LATENCY.as_nanos() as u64],
    };
    taking.note("service-latency", 1, "count", Ok(latency));
    Limits {
        limits: taking.limits,
        ..Limits::default()
    }
}

/// A taking in the making.
struct Taking {
    /// How long each limit is measured.
    each: Duration,
    /// The numbers of threads: one, and as many as there are cores.
    threads: Vec<usize>,
    limits: Vec<Limit>,
}

impl Taking {
    fn note(&mut self, name: &str, threads: usize, unit: &str, found: Result<Timed, String>) {
        let mut limit = Limit {
            name: name.to_owned(),
            threads: threads as u32,
            unit: unit.to_owned(),
            ..Limit::default()
        };
        match found {
            Ok(timed) => (limit.amount, limit.ns) = (timed.amount, timed.ns),
            Err(why) => limit.why = Some(why),
        }
        self.limits.push(limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn every_limit_is_measured_or_says_why_and_is_plausible() {
        let folder = tempfile::tempdir().unwrap();
        let limits = measure(folder.path(), Duration::from_millis(100));
        let mut rates: BTreeMap<(&str, u32), f64> = BTreeMap::new();
        for limit in &limits.limits {
            assert_ne!(reports::limits::title(&limit.name), limit.name);
            match &limit.why {
                Some(why) => assert!(limit.ns.is_empty() && !why.is_empty(), "{limit:?}"),
                None => {
                    let best = reports::limits::best(limit).unwrap();
                    let median = reports::limits::median(limit).unwrap();
                    assert!(best >= median && median > 0.0, "{limit:?}");
                    let before = rates.insert((&limit.name, limit.threads), best);
                    assert!(before.is_none(), "{} twice", limit.name);
                }
            }
        }
        // What any machine can do that runs these tests.
        for name in ["read-l2", "read-memory", "copy-l3", "square-root-vector"] {
            assert!(rates.contains_key(&(name, 1)), "{name}: {rates:?}");
        }
        for name in ["page-fault", "allocation", "message", "round-trip"] {
            assert!(rates.keys().any(|(of, _)| *of == name), "{name}: {rates:?}");
        }
        // A byte copied is a byte read, and more; generous, as other tests run beside this one.
        for level in ["l2", "l3", "memory"] {
            let [copy, read] = ["copy", "read"].map(|what| format!("{what}-{level}"));
            assert!(
                rates[&(&*copy, 1)] <= 4.0 * rates[&(&*read, 1)],
                "{rates:?}"
            );
        }
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            0,
            "left behind"
        );
    }
}
