//! What kind of machine this is: real or virtual, Linux or another system.

use reports::record::Finding;

use super::{caveat, not_measured, ok};
use crate::host::texts::Texts;

pub(super) fn check(texts: &dyn Texts, linux: bool) -> Finding {
    let name = "machine";
    if !linux {
        return caveat(
            name,
            "not Linux",
            "Memory, page faults, CPU time and disturbances are not measured here.",
            "",
        );
    }
    match texts.read("/proc/cpuinfo") {
        Err(why) => not_measured(name, &why),
        Ok(processors) if processors.contains(" hypervisor") => caveat(
            name,
            "shared virtual machine",
            "Neighbours that do not show can take time, caches and memory bandwidth away.",
            "Compare ratios, not times.",
        ),
        Ok(_) => ok(name, "no hypervisor"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, says};
    use super::*;
    use reports::record::Weight;

    #[test]
    fn a_virtual_machine_is_a_caveat() {
        let real = Fixture(&[("/proc/cpuinfo", "flags\t\t: fpu sse2 avx2\n")]);
        says(&check(&real, true), Weight::Ok, "no hypervisor");
        let shared = Fixture(&[("/proc/cpuinfo", "flags\t\t: fpu sse2 hypervisor avx2\n")]);
        says(&check(&shared, true), Weight::Caveat, "virtual");
        says(&check(&Fixture(&[]), false), Weight::Caveat, "not Linux");
    }
}
