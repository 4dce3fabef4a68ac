//! Whether cores run above their nominal clock as long as temperature and power allow.

use reports::record::Finding;

use super::{caveat, not_measured, ok};
use crate::host::texts::Texts;

pub(super) fn check(texts: &dyn Texts) -> Finding {
    let name = "turbo";
    let read = |path| texts.read(path).ok().map(|text| text.trim().to_owned());
    let off = read("/sys/devices/system/cpu/intel_pstate/no_turbo").map(|off| off == "1");
    let off = off.or_else(|| read("/sys/devices/system/cpu/cpufreq/boost").map(|on| on == "0"));
    match off {
        None => not_measured(name, "no switch shows, which is usual on virtual machines"),
        Some(true) => ok(name, "turbo off"),
        Some(false) => caveat(
            name,
            "turbo on",
            "Clocks depend on temperature and on how many cores work: one thread may run faster \
             than each of many.",
            "Steadier with it off; ratios of many threads to one are then those of equal clocks.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, says};
    use super::*;
    use reports::record::Weight;

    #[test]
    fn both_kinds_of_switch_are_read_the_right_way_round() {
        let intel = "/sys/devices/system/cpu/intel_pstate/no_turbo";
        let other = "/sys/devices/system/cpu/cpufreq/boost";
        let of = |path: &'static str, text: &'static str| {
            check(&Fixture(Box::leak(Box::new([(path, text)]))))
        };
        says(&of(intel, "1\n"), Weight::Ok, "off");
        says(&of(intel, "0\n"), Weight::Caveat, "on");
        says(&of(other, "0\n"), Weight::Ok, "off");
        says(&of(other, "1\n"), Weight::Caveat, "on");
    }
}
