//! Texts in which Linux tells about itself, taken apart. Pure, so that a fixture stands for any machine;
//! the formats are those of proc(5) and of the kernel's documentation of pressure stall information.

/// Where texts come from: the machine, or a fixture.
pub(crate) trait Texts {
    /// The text of a file; else why there is none, one clause without a path.
    fn read(&self, path: &str) -> Result<String, String>;

    /// The names in a folder, in order; none where there is no such folder.
    fn list(&self, path: &str) -> Vec<String>;
}

/// The first number behind a key at the start of a line.
pub(crate) fn first_number(text: &str, key: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    rest.trim_start_matches([':', ' ', '\t'])
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

/// What the processors of a machine have done since it started, in ticks of all of them together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Processors {
    /// Spent on processes, on the kernel and on interrupts.
    pub(crate) busy: u64,
    /// Given to others by the hypervisor while a process was ready.
    pub(crate) stolen: u64,
    /// Spent on nothing.
    pub(crate) idle: u64,
    /// How many there are.
    pub(crate) count: u64,
}

/// Takes `/proc/stat` apart.
pub(crate) fn processors(stat: &str) -> Option<Processors> {
    let line = stat.lines().find(|line| line.starts_with("cpu "))?;
    let ticks: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .map_while(|field| field.parse().ok())
        .collect();
    // user nice system idle iowait irq softirq steal; what follows is counted in user and nice already.
    let [
        user,
        nice,
        system,
        idle,
        waiting,
        interrupts,
        soft,
        stolen,
        ..,
    ] = ticks[..]
    else {
        return None;
    };
    let cores = stat.lines().filter(|line| {
        let name = line.split(' ').next().unwrap_or_default();
        name.strip_prefix("cpu")
            .is_some_and(|number| number.parse::<u32>().is_ok())
    });
    Some(Processors {
        busy: user + nice + system + interrupts + soft,
        stolen,
        idle: idle + waiting,
        count: cores.count() as u64,
    })
}

/// How long at least one process has stalled since the machine started, in nanoseconds, from a file of
/// `/proc/pressure`.
pub(crate) fn stalled(pressure: &str) -> Option<u64> {
    let microseconds: u64 = some(pressure, "total=")?.parse().ok()?;
    Some(microseconds * 1000)
}

/// The share of the last ten seconds in which at least one process stalled, in percent.
pub(crate) fn stalled_lately(pressure: &str) -> Option<f64> {
    some(pressure, "avg10=")?.parse().ok()
}

fn some<'a>(pressure: &'a str, key: &str) -> Option<&'a str> {
    let line = pressure.lines().find_map(|l| l.strip_prefix("some "))?;
    line.split(' ').find_map(|field| field.strip_prefix(key))
}

/// How long a thread has waited for a core while it could have run, in nanoseconds, from its `schedstat`.
pub(crate) fn waited(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().nth(1)?.parse().ok()
}

/// The soft limit of this name in `/proc/self/limits`; `None` within stands for no limit.
pub(crate) fn limit(limits: &str, name: &str) -> Option<Option<u64>> {
    let rest = limits.lines().find_map(|line| line.strip_prefix(name))?;
    match rest.split_whitespace().next()? {
        "unlimited" => Some(None),
        number => number.parse().ok().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  100 20 30 4000 50 6 7 8 90 0\ncpu0 50 10 15 2000 25 3 3 4 45 0\n\
        cpu1 50 10 15 2000 25 3 4 4 45 0\nintr 5 0\nctxt 7\nbtime 1\nprocesses 3\n";

    #[test]
    fn processors_are_counted_and_their_ticks_added() {
        let found = processors(STAT).unwrap();
        let wanted = Processors {
            busy: 163,
            stolen: 8,
            idle: 4050,
            count: 2,
        };
        assert_eq!(found, wanted);
        assert_eq!(processors("cpu  1 2 3 4 5 6 7\n"), None, "before stolen");
        assert_eq!(processors("intr 5\n"), None);
    }

    #[test]
    fn pressure_waiting_and_limits() {
        let pressure = "some avg10=35.68 avg60=15.87 avg300=13.38 total=4871\n\
            full avg10=0.00 avg60=0.00 avg300=0.00 total=9\n";
        assert_eq!(stalled(pressure), Some(4_871_000));
        assert_eq!(stalled_lately(pressure), Some(35.68));
        assert_eq!(stalled("full avg10=0.00 total=9\n"), None);
        assert_eq!(waited("110686 2646178 2\n"), Some(2_646_178));
        assert_eq!(waited(""), None);
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
            Max data size             unlimited            unlimited            bytes\n\
            Max open files            1024                 20000                files\n";
        assert_eq!(limit(limits, "Max open files"), Some(Some(1024)));
        assert_eq!(limit(limits, "Max data size"), Some(None));
        assert_eq!(limit(limits, "Max astrology"), None);
    }
}
