//! Whether there is memory enough, and whether processes wait for it.

use reports::record::Finding;

use super::{caveat, not_measured, ok, unfit};
use crate::host::texts::{Texts, first_number, stalled_lately};

pub(super) fn available(texts: &dyn Texts) -> Finding {
    let name = "memory";
    let info = match texts.read("/proc/meminfo") {
        Ok(info) => info,
        Err(why) => return not_measured(name, &why),
    };
    let read = |key| first_number(&info, key).map(|kib| kib >> 10);
    let (Some(total), Some(free)) = (read("MemTotal"), read("MemAvailable")) else {
        return not_measured(name, "the kernel tells it in another form");
    };
    let what = format!("{free} of {total} MiB memory available");
    let advice = "End what holds memory.";
    match free {
        ..512 => unfit(name, what, "Probes will run out of memory.", advice),
        512..2048 => caveat(
            name,
            what,
            "The larger inputs and what eager baselines keep may not fit.",
            advice,
        ),
        _ => ok(name, what),
    }
}

pub(super) fn pressure(texts: &dyn Texts) -> Finding {
    let name = "paging";
    let text = match texts.read("/proc/pressure/memory") {
        Ok(text) => text,
        Err(why) => return not_measured(name, &why),
    };
    let Some(percent) = stalled_lately(&text) else {
        return not_measured(name, "the kernel tells it in another form");
    };
    let what = format!("waiting for memory in {percent:.1} % of the last 10 s");
    let meaning = "Processes stop until memory is freed or read back from the disk.";
    let advice = "End what holds memory.";
    if percent > 10.0 {
        unfit(name, what, meaning, advice)
    } else if percent > 1.0 {
        caveat(name, what, meaning, advice)
    } else {
        ok(name, what)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, says};
    use super::*;
    use reports::record::Weight;

    fn with(path: &'static str, text: String) -> Fixture {
        Fixture(Box::leak(Box::new([(path, &*text.leak())])))
    }

    #[test]
    fn little_memory_is_a_caveat_and_hardly_any_unfit() {
        let free = |mebibytes: u64| {
            let kib = mebibytes << 10;
            let text = format!("MemTotal:  8388608 kB\nMemFree: 1 kB\nMemAvailable: {kib} kB\n");
            available(&with("/proc/meminfo", text))
        };
        says(&free(4000), Weight::Ok, "4000 of 8192 MiB");
        says(&free(2047), Weight::Caveat, "2047 of");
        says(&free(511), Weight::Unfit, "511 of");
    }

    #[test]
    fn waiting_for_memory_is_graded() {
        let stalls = |percent: &str| {
            let text = format!("some avg10={percent} avg60=0.00 avg300=0.00 total=1\n");
            pressure(&with("/proc/pressure/memory", text))
        };
        says(&stalls("0.40"), Weight::Ok, "0.4 %");
        says(&stalls("4.00"), Weight::Caveat, "4.0 %");
        says(&stalls("40.00"), Weight::Unfit, "40.0 %");
    }
}
