//! How fine the clock is, and where it comes from.

use reports::record::Finding;

use super::{caveat, ok};
use crate::host::texts::Texts;

/// `step` is the smallest difference between two readings, in nanoseconds.
pub(super) fn check(texts: &dyn Texts, step: u64) -> Finding {
    let name = "timer";
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    let source = texts.read(path).unwrap_or_default();
    let what = match source.trim() {
        "" => format!("steps of {step} ns"),
        source => format!("steps of {step} ns, from {source}"),
    };
    // The shortest rounds take some 20 us.
    if step > 1000 {
        return caveat(
            name,
            what,
            "The shortest rounds take microseconds, of which each reading costs that much.",
            "Use the clock source tsc or kvm-clock where the machine has it.",
        );
    }
    ok(name, what)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, says};
    use super::*;
    use reports::record::Weight;

    #[test]
    fn a_coarse_clock_is_a_caveat() {
        let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        let fine = Fixture(Box::leak(Box::new([(path, "tsc\n")])));
        says(&check(&fine, 24), Weight::Ok, "24 ns, from tsc");
        says(&check(&Fixture(&[]), 1400), Weight::Caveat, "1400 ns");
    }
}
