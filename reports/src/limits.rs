//! How near a cell comes to what the machine allows (S. Williams, A. Waterman, D. Patterson, Roofline,
//! Communications of the ACM 52, 2009). What a workload takes at the least, divided by how fast the machine
//! does each of these things, is the least time that anyone can take; the longest of them binds.

use serde::{Deserialize, Serialize};

use crate::claims::Rules;
use crate::figures::Figures;
use crate::record::{Cell, Limit, Limits, Machine, Needs};
use crate::verdict::{Decision, Verdict};
use crate::{metrics, stats, units};

/// Above this a share is more than what two takings of limits and times differ by.
const TOLERANCE: f64 = 1.05;

/// A contender that keeps this many cores busy at most is held against one thread as well.
const ONE_CORE: f64 = 1.1;

/// How near a cell comes to its limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Near {
    /// The size of the times.
    pub size: String,
    /// Nanoseconds of wall time of one call.
    pub time: f64,
    /// The share of what the machine does with all its threads.
    pub machine: Share,
    /// The share of what it does with one thread; none where the contender keeps more cores busy.
    pub thread: Option<Share>,
}

/// A share of a limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Share {
    /// The need that takes longest, `copied` for instance.
    pub need: String,
    /// The limit that it is held against, `copy-l3` for instance.
    pub limit: String,
    /// Threads that the machine does it with.
    pub threads: u32,
    /// What the limit allows in a second.
    pub rate: f64,
    /// `bytes` or `count`.
    pub unit: String,
    /// Nanoseconds that one call takes at the least.
    pub least: f64,
    /// These over the time that it takes.
    pub share: f64,
    /// By the fastest taking of the limits and the slowest time of the interval.
    pub low: f64,
    /// By the slowest taking of the limits and the fastest time of the interval.
    pub high: f64,
    /// Whether it is above all doubt more than everything, which is a fault of the model.
    pub above: bool,
}

impl Share {
    /// What binds, without figures: `memory copy within L3`.
    pub fn binds(&self) -> String {
        need_title(&self.need, &self.limit)
    }

    /// What binds, and how fast it goes: `square roots, 4.24 G/s with 2 threads`.
    pub fn words(&self) -> String {
        let rate = units::rate(self.rate, &self.unit);
        let threads = units::count(self.threads as usize, "thread");
        let rate = match self.need.as_str() {
            // One wait is one wait, however many threads there are.
            "waits" => units::value(1e9 / self.rate, "ns"),
            _ => format!("{rate} with {threads}"),
        };
        format!("{}, {rate}", self.binds())
    }

    /// The range in words: `81 % to 85 %`. Few blocks leave room for times that the limit does not.
    pub fn range_words(&self) -> String {
        let high = match self.high > 1.0 && !self.above {
            true => "over 100 %".to_owned(),
            false => units::percent(self.high),
        };
        format!("{} to {high}", units::percent(self.low))
    }
}

/// What limits have to say of a need: its title, and the limits that it may be held against by the level of
/// memory that it works in, the nearest first. Those farther off count too: they may be measured faster.
const NEEDS: &[(&str, &str, [&[&str]; 3])] = &[
    (
        "read",
        "memory read",
        [&["read-l2"], &["read-l3"], &["read-memory"]],
    ),
    (
        "written",
        "memory write",
        [&["write-l2"], &["write-l3"], &["write-memory"]],
    ),
    (
        "copied",
        "memory copy",
        [
            &["copy-l2"],
            &["copy-l3"],
            &["copy-memory", "copy-memory-streaming"],
        ],
    ),
    (
        "file-read",
        "reading a file from the page cache",
        [
            &[],
            &["file-cached-near", "file-mapped-near"],
            &["file-cached-far", "file-mapped-far"],
        ],
    ),
    (
        "square-roots",
        "square roots",
        [&["square-root-vector"], &[], &[]],
    ),
    (
        "multiply-adds",
        "multiply-adds",
        [&["multiply-add-vector"], &[], &[]],
    ),
    ("files", "opening small files", [&["small-file"], &[], &[]]),
    ("messages", "loopback messages", [&["message"], &[], &[]]),
    (
        "waits",
        "waiting for the service",
        [&["service-latency"], &[], &[]],
    ),
];

/// What a processor does not do itself: it takes time but none of the processor's.
const ELSEWHERE: [&str; 2] = ["messages", "waits"];

/// Every limit with its title, in the order of the machine's page.
const TITLES: &[(&str, &str)] = &[
    ("read-l2", "Read, within the second-level caches"),
    ("read-l3", "Read, within the last-level cache"),
    ("read-memory", "Read, from memory"),
    ("write-l2", "Write, within the second-level caches"),
    ("write-l3", "Write, within the last-level cache"),
    ("write-memory", "Write, to memory"),
    ("copy-l2", "Copy, within the second-level caches"),
    ("copy-l3", "Copy, within the last-level cache"),
    ("copy-memory", "Copy, in memory"),
    ("copy-memory-streaming", "Copy, in memory, non-temporal"),
    ("add-scalar", "Additions, one at a time"),
    ("multiply-scalar", "Multiplications, one at a time"),
    ("multiply-add-vector", "Multiply-adds, in vectors"),
    ("square-root-vector", "Square roots, in vectors"),
    ("page-fault", "Page faults"),
    ("allocation", "Allocations, freed again"),
    (
        "file-cached-near",
        "File from the page cache, within the last-level cache",
    ),
    ("file-cached-far", "File from the page cache, larger"),
    (
        "file-mapped-near",
        "File mapped, within the last-level cache",
    ),
    ("file-mapped-far", "File mapped, larger"),
    ("disk-read", "File from the disk"),
    ("small-file", "Small files opened, read, closed"),
    ("round-trip", "Loopback round trips, one after another"),
    ("message", "Loopback requests answered, many at a time"),
    ("service-latency", "Waits for the service"),
];

/// The title of a limit, or its name where a record holds one that this version does not know.
pub fn title(name: &str) -> &str {
    let known = TITLES.iter().find(|(known, _)| *known == name);
    known.map_or(name, |(_, title)| title)
}

/// The place of a limit on the machine's page.
pub(crate) fn rank(name: &str) -> usize {
    let place = TITLES.iter().position(|(known, _)| *known == name);
    place.unwrap_or(TITLES.len())
}

fn need_title(need: &str, limit: &str) -> String {
    let known = NEEDS.iter().find(|(known, ..)| *known == need);
    let title = known.map_or(need, |(_, title, _)| title);
    let level = match limit.rsplit_once('-') {
        Some((_, "l2")) => " within L2",
        Some((_, "l3" | "near")) => " within L3",
        _ => "",
    };
    format!("{title}{level}")
}

/// What a limit comes to in a second at its best; none where it was not measured.
pub fn best(limit: &Limit) -> Option<f64> {
    let fastest = limit.ns.iter().copied().filter(|ns| *ns > 0).min()?;
    Some(1e9 * limit.amount as f64 / fastest as f64)
}

/// The same in the median of its repetitions.
pub fn median(limit: &Limit) -> Option<f64> {
    let ns: Vec<f64> = limit.ns.iter().map(|ns| *ns as f64).collect();
    let typical = stats::median(&ns).filter(|ns| *ns > 0.0)?;
    Some(1e9 * limit.amount as f64 / typical)
}

/// The least time of a workload.
struct Bound<'a> {
    need: &'a str,
    limit: &'a str,
    unit: &'a str,
    threads: u32,
    rate: f64,
    /// Nanoseconds by the fastest taking, and by the slowest.
    least: f64,
    most: f64,
}

/// The least time of a workload on `threads`, of those needs that `counts` picks.
fn bound<'a>(
    figures: &Figures<'a>,
    needs: &'a Needs,
    threads: u32,
    counts: impl Fn(&str) -> bool,
) -> Option<Bound<'a>> {
    let level = level(&figures.run?.machine, needs.working_set, threads);
    let mut binding: Option<Bound<'a>> = None;
    for need in needs.needs.iter().filter(|need| counts(&need.of)) {
        let known = NEEDS.iter().find(|(known, ..)| *known == need.of);
        let Some((_, _, levels)) = known else {
            continue;
        };
        // Needs that know fewer levels have their limits in the first of them.
        let from = levels[..=level].iter().rposition(|names| !names.is_empty());
        let names: Vec<&str> = levels[from.unwrap_or(0)..].concat();
        let takings: Vec<_> = figures
            .limits
            .iter()
            .filter_map(|taking| fastest(taking, &names, threads))
            .collect();
        let by_rate = |a: &&(&Limit, f64), b: &&(&Limit, f64)| a.1.total_cmp(&b.1);
        let (Some((limit, rate)), Some((_, slowest))) = (
            takings.iter().max_by(by_rate),
            takings.iter().min_by(by_rate),
        ) else {
            continue;
        };
        let time = |rate: f64| 1e9 * need.amount as f64 / rate;
        let most = binding.as_ref().map_or(0.0, |b| b.most).max(time(*slowest));
        match &mut binding {
            Some(longer) if longer.least >= time(*rate) => longer.most = most,
            other => {
                *other = Some(Bound {
                    need: &need.of,
                    limit: &limit.name,
                    unit: &limit.unit,
                    threads: limit.threads,
                    rate: *rate,
                    least: time(*rate),
                    most,
                });
            }
        }
    }
    binding.filter(|bound| bound.least > 0.0)
}

/// The fastest of some limits in one taking, with so many threads or fewer: what some do, all can leave to
/// them. One that always takes more threads counts as it is.
fn fastest<'a>(taking: &'a Limits, names: &[&str], threads: u32) -> Option<(&'a Limit, f64)> {
    let named = |name: &str| {
        let of = || taking.limits.iter().filter(move |limit| limit.name == name);
        let enough = of().any(|limit| limit.threads <= threads);
        let measured = of().filter(|limit| !enough || limit.threads <= threads);
        let rates = measured.filter_map(|limit| Some((limit, best(limit)?)));
        rates.max_by(|a, b| a.1.total_cmp(&b.1))
    };
    let all = names.iter().filter_map(|name| named(name));
    all.max_by(|a, b| a.1.total_cmp(&b.1))
}

/// The nearest level of memory that holds a working set: 0 for the second-level caches of all cores in
/// use, 1 for the last-level cache, 2 for memory. A set that just fits counts as held.
fn level(machine: &Machine, working_set: u64, threads: u32) -> usize {
    let bytes = |level| {
        let caches = machine.caches.iter().filter(|cache| cache.level == level);
        caches.map(|cache| cache.bytes).max().unwrap_or(0)
    };
    let holds = [bytes(2) * u64::from(threads), bytes(3)];
    let nearest = holds.iter().position(|bytes| working_set <= *bytes);
    nearest.unwrap_or(2)
}

/// One clock's time of a cell: its centre, and the interval or else all that the blocks show.
struct Time {
    centre: f64,
    low: f64,
    high: f64,
    blocks: usize,
    certain: bool,
}

fn time(figures: &Figures<'_>, cell: &Cell, metric: &str, level: f64) -> Result<Time, String> {
    let sampled = match figures.sampled(cell, metric) {
        Some(Ok(sampled)) => sampled,
        Some(Err(obstacle)) => return Err(obstacle.words()),
        None => return Err(format!("no {} in the records", metrics::inline(metric))),
    };
    let block = |values: &&[u64]| {
        let values: Vec<f64> = values.iter().map(|v| *v as f64).collect();
        stats::median(&values).filter(|time| *time > 0.0)
    };
    let logs: Vec<f64> = sampled
        .blocks
        .values()
        .filter_map(block)
        .map(f64::ln)
        .collect();
    let estimate = stats::estimate(&logs, level).ok_or("no time above zero")?;
    let all = |least: fn(f64, f64) -> f64| logs.iter().copied().fold(estimate.centre, least);
    let (low, high) = match &estimate.interval {
        Some(interval) => (interval.low, interval.high),
        None => (all(f64::min), all(f64::max)),
    };
    Ok(Time {
        centre: estimate.centre.exp(),
        low: low.exp(),
        high: high.exp(),
        blocks: logs.len(),
        certain: estimate.interval.is_some(),
    })
}

fn share(bound: &Bound<'_>, time: &Time) -> Share {
    let (share, low) = (bound.least / time.centre, bound.least / time.high);
    Share {
        need: bound.need.to_owned(),
        limit: bound.limit.to_owned(),
        threads: bound.threads,
        rate: bound.rate,
        unit: bound.unit.to_owned(),
        least: bound.least,
        share,
        low,
        high: bound.most / time.low,
        above: share > TOLERANCE && low > 1.0,
    }
}

const NO_LIMITS: &str = "the records hold no limits of the machine";

fn needs<'a>(figures: &Figures<'a>, workload: &str, size: &str) -> Result<&'a Needs, String> {
    if figures.limits.is_empty() {
        return Err(NO_LIMITS.to_owned());
    }
    let missing = || format!("the records do not say what {workload} needs at size {size}");
    figures.needs(workload, size).ok_or_else(missing)
}

fn cores(figures: &Figures<'_>) -> u32 {
    figures.run.map_or(1, |run| run.machine.cores).max(1)
}

fn timed<'a>(figures: &Figures<'a>, workload: &str, contender: &str) -> Result<Cell, String> {
    let sizes = figures.sizes(workload, contender, metrics::TIME);
    let size = sizes.first().ok_or("no time in the records")?;
    Ok(Cell {
        workload: workload.to_owned(),
        contender: contender.to_owned(),
        size: (*size).to_owned(),
    })
}

/// How near a cell comes to its limits, its times with an interval of this level.
///
/// # Errors
/// Why that cannot be said, one clause.
pub fn near(
    figures: &Figures<'_>,
    workload: &str,
    contender: &str,
    level: f64,
) -> Result<Near, String> {
    let cell = timed(figures, workload, contender)?;
    let needs = needs(figures, workload, &cell.size)?;
    let wall = time(figures, &cell, metrics::WALL_TIME, level)?;
    let machine = bound(figures, needs, cores(figures), |_| true)
        .ok_or("no limit of what it needs was measured")?;
    let busy = time(figures, &cell, metrics::CPU_TIME, level).map(|cpu| cpu.centre / wall.centre);
    let thread = bound(figures, needs, 1, |_| true)
        .filter(|_| busy.is_ok_and(|cores| cores <= ONE_CORE))
        .map(|bound| share(&bound, &wall));
    Ok(Near {
        size: cell.size,
        time: wall.centre,
        machine: share(&machine, &wall),
        thread,
    })
}

/// Decides the claims on shares of limits: confirmed where the least that the share can be reaches the
/// threshold, refuted where the most that it can be does not. Their intervals hold together at the
/// page's level (Bonferroni), as a family of their own.
pub(crate) fn decide(
    verdicts: &mut [Verdict],
    figures: &Figures<'_>,
    rules: &Rules,
    untimed: &[&str],
) {
    let claimed = |v: &Verdict| metrics::is_share(&v.metric) && v.why.is_none();
    let among = verdicts.iter().filter(|v| claimed(v)).count().max(1);
    let level = 1.0 - (1.0 - rules.level) / among as f64;
    for verdict in verdicts.iter_mut().filter(|v| claimed(v)) {
        match judged(figures, verdict, level, untimed) {
            Ok((decision, share)) => {
                verdict.decision = decision;
                verdict.why = match decision {
                    _ if share.above => Some(FAULT.to_owned()),
                    Decision::Inconclusive => {
                        Some("times or limits waver over the claim".to_owned())
                    }
                    _ => None,
                };
                verdict.share = Some(share);
            }
            Err(why) => verdict.why = Some(why),
        }
    }
}

/// What stands beside a share that cannot be.
pub const FAULT: &str = "above the limit: the model is at fault";

fn judged(
    figures: &Figures<'_>,
    verdict: &Verdict,
    level: f64,
    untimed: &[&str],
) -> Result<(Decision, Share), String> {
    let cell = timed(figures, &verdict.workload, &verdict.contender)?;
    if untimed.contains(&cell.size.as_str()) {
        return Err("--quick takes too few samples for a verdict".to_owned());
    }
    let near = near(figures, &verdict.workload, &verdict.contender, level)?;
    let share = match verdict.metric == metrics::LIMIT_SHARE {
        true => near.machine,
        false => near.thread.ok_or("it keeps more than one core busy")?,
    };
    let wall = time(figures, &cell, metrics::WALL_TIME, level)?;
    if !wall.certain {
        let blocks = units::count(wall.blocks, "block");
        return Err(format!("{blocks} are too few for an interval"));
    }
    let threshold = verdict.threshold.unwrap_or(1.0);
    let decision = match (share.low >= threshold, share.high < threshold) {
        // A model that is at fault shows nothing.
        _ if share.above => Decision::NotMeasured,
        (true, _) => Decision::Confirmed,
        (_, true) => Decision::Refuted,
        _ => Decision::Inconclusive,
    };
    Ok((decision, share))
}

/// Says of every claim on a time how large its ratio could be at most, and beside those that are refuted
/// or open whether the limit forbids them.
pub(crate) fn forbid(verdicts: &mut [Verdict], figures: &Figures<'_>, rules: &Rules) {
    for verdict in verdicts.iter_mut() {
        let (Some(comparison), Some(baseline)) = (&verdict.comparison, &verdict.baseline) else {
            continue;
        };
        if !metrics::is_time(&verdict.metric) {
            continue;
        }
        let by_wall = verdict.metric == metrics::WALL_TIME;
        let threads = if by_wall { cores(figures) } else { 1 };
        let counts = |need: &str| by_wall || !ELSEWHERE.contains(&need);
        let cell = Cell {
            workload: verdict.workload.clone(),
            contender: baseline.clone(),
            size: comparison.size.clone(),
        };
        let (Ok(needs), Ok(time)) = (
            needs(figures, &cell.workload, &cell.size),
            time(figures, &cell, &verdict.metric, rules.level),
        ) else {
            continue;
        };
        let Some(bound) = bound(figures, needs, threads, counts) else {
            continue;
        };
        let at_most = time.high / bound.least;
        verdict.at_most = Some(at_most);
        let open = [Decision::Refuted, Decision::Inconclusive].contains(&verdict.decision);
        if open
            && verdict
                .threshold
                .is_some_and(|threshold| threshold > at_most)
        {
            let words = format!(
                "limit forbids: {} of {baseline} against {} for {}, so {} at most",
                units::value(time.centre, "ns"),
                units::value(bound.least, "ns"),
                share(&bound, &time).words(),
                units::ratio(at_most),
            );
            verdict.limit = Some(match verdict.limit.take() {
                Some(cores) => format!("{cores}; {words}"),
                None => words,
            });
        }
    }
}
