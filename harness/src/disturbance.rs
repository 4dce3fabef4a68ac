//! What else went on during a block: stolen time, other processes, waiting, pressure. It is sampled around
//! the block, recorded with it, and never a reason to leave the block out.

use std::time::Instant;

use reports::record::Disturbance;

use crate::host;
use crate::host::texts::{self, Processors, Texts};

/// A block under watch.
pub(crate) struct Watch {
    begun: Instant,
    before: Sample,
    /// A process of the run that was there before and works for the block, with its CPU time so far.
    alongside: Option<(u32, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    processors: Option<Processors>,
    /// CPU time of this process and of its children that have ended, in nanoseconds.
    own: Option<u64>,
    cpu_pressure: Option<u64>,
    memory_pressure: Option<u64>,
}

impl Sample {
    fn take() -> Sample {
        let read = |path| host::ThisMachine.read(path).ok();
        let stalled = |path| read(path).and_then(|text| texts::stalled(&text));
        Sample {
            processors: read("/proc/stat").and_then(|text| texts::processors(&text)),
            own: host::cpu_time()
                .ok()
                .map(|own| own + host::cpu_time_of_ended()),
            cpu_pressure: stalled("/proc/pressure/cpu"),
            memory_pressure: stalled("/proc/pressure/memory"),
        }
    }
}

impl Watch {
    /// Begins, before the first process of the block starts. `alongside` is a process of the run that
    /// works for the block and was there before.
    pub(crate) fn begin(alongside: Option<u32>) -> Watch {
        Watch {
            alongside: alongside.and_then(|id| Some((id, host::cpu_time_of(id)?))),
            begun: Instant::now(),
            before: Sample::take(),
        }
    }

    /// Ends, before the `processes` of the block do, which started since the beginning.
    pub(crate) fn end(&self, processes: &[u32]) -> Disturbance {
        let after = Sample::take();
        let alongside = self.alongside.map_or(0, |(id, before)| {
            host::cpu_time_of(id).map_or(0, |after| after.saturating_sub(before))
        });
        let processes: u64 = processes
            .iter()
            .filter_map(|&id| host::cpu_time_of(id))
            .sum();
        let wall = self.begun.elapsed().as_nanos() as u64;
        between(&self.before, &after, processes + alongside, wall)
    }
}

/// What lies between two samples `wall` nanoseconds apart, in which the run's other processes had
/// `children` nanoseconds of CPU time.
fn between(before: &Sample, after: &Sample, children: u64, wall: u64) -> Disturbance {
    let tick = 1_000_000_000 / host::ticks_per_second();
    let grown = |of: fn(&Sample) -> Option<u64>| Some(of(after)?.saturating_sub(of(before)?));
    let busy = grown(|sample| sample.processors.map(|p| p.busy));
    let own = grown(|sample| sample.own);
    Disturbance {
        wall,
        stolen: grown(|sample| sample.processors.map(|p| p.stolen)).map(|ticks| ticks * tick),
        // Ticks are coarse, so that the run's own time may come out as a little more than all.
        others: busy
            .zip(own)
            .map(|(busy, own)| (busy * tick).saturating_sub(own + children)),
        waited: None,
        cpu_pressure: grown(|sample| sample.cpu_pressure),
        memory_pressure: grown(|sample| sample.memory_pressure),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Child, Command, Stdio};
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn sample(busy: u64, stolen: u64, own: u64, memory: Option<u64>) -> Sample {
        Sample {
            processors: Some(Processors {
                busy,
                stolen,
                idle: 0,
                count: 2,
            }),
            own: Some(own),
            cpu_pressure: None,
            memory_pressure: memory,
        }
    }

    #[test]
    fn what_is_not_ours_is_others() {
        let tick = 1_000_000_000 / host::ticks_per_second();
        let before = sample(100, 5, 7, Some(50));
        let after = sample(160, 8, 7 + 10 * tick, Some(90));
        let found = between(&before, &after, 20 * tick, 1_000_000_000);
        assert_eq!(found.stolen, Some(3 * tick));
        assert_eq!(found.others, Some(30 * tick));
        assert_eq!(
            (found.memory_pressure, found.cpu_pressure),
            (Some(40), None)
        );
        let found = between(&before, &after, 70 * tick, 1_000_000_000);
        assert_eq!(found.others, Some(0), "more than all is nothing left");
    }

    /// A process that keeps a core busy until it is dropped.
    struct Busy(Child);

    impl Busy {
        fn start() -> Busy {
            let mut command = Command::new("sh");
            command
                .args(["-c", "while :; do :; done"])
                .stdin(Stdio::null());
            Busy(command.spawn().unwrap())
        }
    }

    impl Drop for Busy {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_busy_neighbour_is_seen_and_a_process_of_ours_is_none() {
        let cores = host::cores();
        let second = 1e9;
        // The neighbours stand for a process that the block has not started: nobody names them.
        let neighbours: Vec<Busy> = (0..cores).map(|_| Busy::start()).collect();
        let watch = Watch::begin(None);
        thread::sleep(Duration::from_secs(1));
        let found = watch.end(&[]);
        // Other tests take a part of the cores, and are others as well unless they are in this process.
        let others = found.others.unwrap() as f64 / second;
        assert!(others > 0.2 * f64::from(cores), "{found:?}");

        // Named, they belong to the block: nothing of their time is left over.
        let mine: Vec<u32> = neighbours.iter().map(|child| child.0.id()).collect();
        let before: u64 = mine.iter().filter_map(|&id| host::cpu_time_of(id)).sum();
        assert!(before > 0);
        let waited: Vec<u64> = mine.iter().filter_map(|&id| host::waited(id)).collect();
        assert_eq!(waited.len(), mine.len(), "each tells how long it waited");
        let named = watch.end(&mine);
        let unnamed = watch.end(&[]);
        let difference = unnamed.others.unwrap() - named.others.unwrap();
        assert!(2 * difference > before, "{before} {named:?} {unnamed:?}");
    }
}
