//! The quantities that records hold and claims name: their units, the instrument each comes from, and
//! the words for having less of it. A metric is one line of [`ALL`].

use crate::scaling::is_exponent;
use crate::units;

/// What is known about a metric.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name in records and claims.
    pub name: &'static str,
    /// For the pages.
    pub title: &'static str,
    /// The instrument that it comes from.
    pub instrument: &'static str,
    /// What a baseline-to-contender ratio above one means, as in "2x as fast".
    pub advantage: &'static str,
}

/// The metric that says whether the work was completed at all under a limit of memory smaller than its
/// input. It has no ratio.
pub const COMPLETES: &str = "completes";

/// The instrument that measures under a limit of memory smaller than the input.
pub const LIMITED: &str = "limited";

/// The instrument that compares contenders in blocks.
pub const TIME: &str = "time";

/// The metric of the wall clock.
pub const WALL_TIME: &str = "wall-time";

/// The metric of the processor's clock, over all threads.
pub const CPU_TIME: &str = "cpu-time";

/// The share of what the machine allows that a contender reaches by the wall clock, with all threads.
/// It is derived from times and limits, and has a threshold but no baseline.
pub const LIMIT_SHARE: &str = "limit-share";

/// The same held against one thread of the machine.
pub const THREAD_LIMIT_SHARE: &str = "thread-limit-share";

const fn metric(
    name: &'static str,
    title: &'static str,
    instrument: &'static str,
    advantage: &'static str,
) -> Metric {
    Metric {
        name,
        title,
        instrument,
        advantage,
    }
}

/// The exponent of a power law, which has no ratio.
const fn exponent(name: &'static str, title: &'static str, instrument: &'static str) -> Metric {
    metric(name, title, instrument, "grows")
}

/// Every metric that a claim may name.
pub const ALL: &[Metric] = &[
    metric(WALL_TIME, "Wall time", TIME, "as fast"),
    metric(CPU_TIME, "CPU time", TIME, "as fast in CPU time"),
    metric("heap-peak", "Peak heap", "heap", "less heap at the peak"),
    metric(
        "heap-bytes",
        "Heap bytes allocated",
        "heap",
        "fewer heap bytes",
    ),
    metric(
        "heap-blocks",
        "Heap blocks allocated",
        "heap",
        "fewer heap blocks",
    ),
    metric(
        "resident-peak",
        "Peak resident memory",
        "resident",
        "less resident memory",
    ),
    metric(
        "resident-growth",
        "Growth of resident memory",
        "resident",
        "less memory growth",
    ),
    metric(
        "minor-faults",
        "Minor page faults",
        "resident",
        "fewer minor faults",
    ),
    metric(
        "major-faults",
        "Major page faults",
        "resident",
        "fewer major faults",
    ),
    metric(
        "instructions",
        "Instructions",
        "counts",
        "fewer instructions",
    ),
    metric(
        "l1-misses",
        "First-level cache misses",
        "counts",
        "fewer L1 misses",
    ),
    metric(
        "last-level-misses",
        "Last-level cache misses",
        "counts",
        "fewer last-level misses",
    ),
    metric("profile-samples", "Profile samples", "cpu", "more samples"),
    exponent("cpu-time-exponent", "Growth of CPU time with size", "sizes"),
    exponent(
        "wall-time-exponent",
        "Growth of wall time with size",
        "sizes",
    ),
    exponent("heap-exponent", "Growth of peak heap with size", "sizes"),
    exponent("cores-exponent", "Growth of throughput with cores", "cores"),
    exponent(
        "requests-exponent",
        "Growth of throughput with requests in flight",
        "concurrency",
    ),
    metric(
        COMPLETES,
        "Completes in less memory than its input",
        LIMITED,
        "completes",
    ),
    metric(
        LIMIT_SHARE,
        "Share of the machine's limit",
        TIME,
        "of the machine's limit",
    ),
    metric(
        THREAD_LIMIT_SHARE,
        "Share of one thread's limit",
        TIME,
        "of one thread's limit",
    ),
];

/// The metric of that name.
pub fn find(name: &str) -> Option<&'static Metric> {
    ALL.iter().find(|metric| metric.name == name)
}

/// Whether the metric is a time, which a quick run cannot settle.
pub fn is_time(name: &str) -> bool {
    find(name).is_some_and(|metric| metric.instrument == TIME) && !is_share(name)
}

/// Whether the metric is a share of a limit.
pub fn is_share(name: &str) -> bool {
    [LIMIT_SHARE, THREAD_LIMIT_SHARE].contains(&name)
}

/// Whether the metric compares a contender with a baseline.
pub fn compares(name: &str) -> bool {
    name != COMPLETES && !is_share(name) && !is_exponent(name)
}

/// A threshold of the metric: `2×`, or `85 %` of a limit.
pub fn threshold(name: &str, value: f64) -> String {
    match is_share(name) {
        true => units::percent(value),
        false => units::threshold(value),
    }
}

/// The metric's title within a sentence: `wall time`, but `CPU time`.
pub fn inline(name: &str) -> String {
    let title = title(name);
    let mut chars = title.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(title.chars().skip(1)).collect()
        }
        _ => title.to_owned(),
    }
}

/// The metric's title, or its name where a record holds one that this version does not know.
pub fn title(name: &str) -> &str {
    find(name).map_or(name, |metric| metric.title)
}
