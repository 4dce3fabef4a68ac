//! The processor's event counters.

use reports::record::Finding;

use super::{caveat, ok};
use crate::host::texts::Texts;

pub(super) fn check(texts: &dyn Texts) -> Finding {
    let name = "counters";
    let devices = texts.list("/sys/bus/event_source/devices");
    let counts = |device: &String| {
        device == "cpu" || device.starts_with("cpu_") || device.starts_with("armv8")
    };
    if devices.iter().any(counts) {
        return ok(name, "hardware counters present, not used by this version");
    }
    caveat(
        name,
        "no hardware counters",
        "Instructions and cache misses are those of a simulated processor.",
        "",
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, says};
    use super::*;
    use reports::record::Weight;

    #[test]
    fn the_processor_must_be_among_the_sources_of_events() {
        let real = Fixture(&[("/sys/bus/event_source/devices/cpu_core/type", "4")]);
        says(&check(&real), Weight::Ok, "present");
        let guest = Fixture(&[("/sys/bus/event_source/devices/software/type", "1")]);
        says(&check(&guest), Weight::Caveat, "no hardware counters");
    }
}
