//! What others do: on average over the last minute, and at the moment.

use reports::record::Finding;

use super::{Twice, caveat, not_measured, ok, unfit};
use crate::host::texts::{Texts, processors};

/// The load average counts this harness and the build before it, so that it is a caveat at most.
pub(super) fn average(texts: &dyn Texts, cores: u32) -> Finding {
    let name = "load";
    let text = match texts.read("/proc/loadavg") {
        Ok(text) => text,
        Err(why) => return not_measured(name, &why),
    };
    let first = text.split(' ').next().and_then(|first| first.parse().ok());
    let Some(load): Option<f64> = first else {
        return not_measured(name, "the kernel tells it in another form");
    };
    let what = format!("load {load:.1} over the last minute");
    if load > 0.5 * f64::from(cores) {
        return caveat(
            name,
            what,
            "Something ran just now, perhaps the build: if it goes on, intervals are wider.",
            "Wait until the machine is idle.",
        );
    }
    ok(name, what)
}

/// CPU time of other processes while the harness looked on; `own` is the harness's own, in nanoseconds.
pub(super) fn others(stat: &Twice, own: u64, ticks_per_second: u64, cores: u32) -> Finding {
    let name = "neighbours";
    let (before, after) = match stat.both(processors) {
        Ok(both) => both,
        Err(why) => return not_measured(name, &why),
    };
    let all = (after.busy + after.stolen + after.idle) as f64
        - (before.busy + before.stolen + before.idle) as f64;
    if all <= 0.0 {
        return not_measured(name, "the kernel's clock did not move");
    }
    let seconds = all / ticks_per_second as f64 / after.count.max(1) as f64;
    let busy = (after.busy as f64 - before.busy as f64) / ticks_per_second as f64;
    let others = ((busy - own as f64 / 1e9) / seconds).max(0.0);
    let what = format!("other processes use {others:.1} of {cores} cores");
    let meaning = "They take time and caches from what is measured.";
    let advice = "End them or wait; blocks that they hit will be marked.";
    if others > 0.5 * f64::from(cores) {
        unfit(name, what, meaning, advice)
    } else if others > 0.1 * f64::from(cores) {
        caveat(name, what, meaning, advice)
    } else {
        ok(name, what)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, says, twice};
    use super::*;
    use reports::record::Weight;

    #[test]
    fn a_load_above_half_the_cores_is_a_caveat() {
        let busy = Fixture(&[("/proc/loadavg", "1.05 1.54 1.42 3/119 3975\n")]);
        says(&average(&busy, 2), Weight::Caveat, "load 1.1");
        says(&average(&busy, 4), Weight::Ok, "load 1.1");
        let odd = Fixture(&[("/proc/loadavg", "much")]);
        says(&average(&odd, 4), Weight::NotMeasured, "another form");
    }

    #[test]
    fn others_are_what_is_busy_and_not_ours() {
        let stat =
            |busy: u64, idle: u64| format!("cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 0\ncpu1 0\n");
        // One second of two cores with 100 ticks a second.
        let found = |busy: u64, own| {
            let stat = twice(&stat(1000, 50), &stat(1000 + busy, 250 - busy));
            others(&stat, own, 100, 2)
        };
        says(&found(15, 0), Weight::Ok, "use 0.1 of 2 cores");
        says(&found(40, 0), Weight::Caveat, "use 0.4 of 2 cores");
        says(&found(120, 0), Weight::Unfit, "use 1.2 of 2 cores");
        says(&found(120, 1_100_000_000), Weight::Ok, "use 0.1 of 2 cores");
        says(&found(120, 2_000_000_000), Weight::Ok, "use 0.0 of 2 cores");
        let still = twice(&stat(1, 1), &stat(1, 1));
        says(
            &others(&still, 0, 100, 2),
            Weight::NotMeasured,
            "did not move",
        );
    }
}
