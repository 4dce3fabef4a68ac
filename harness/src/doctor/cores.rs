//! How many cores there are, and whether two of them are siblings that share one.

use reports::record::Finding;

use super::{caveat, ok};
use crate::host::texts::Texts;

pub(super) fn check(texts: &dyn Texts, cores: u32) -> Finding {
    let name = "cores";
    if cores == 1 {
        return caveat(
            name,
            "one core",
            "Whatever else runs takes time from what is measured, and threads gain nothing.",
            "",
        );
    }
    let siblings = "/sys/devices/system/cpu/cpu0/topology/thread_siblings_list";
    let shared = texts
        .read(siblings)
        .is_ok_and(|list| list.trim().contains([',', '-']));
    let off = texts
        .read("/sys/devices/system/cpu/smt/active")
        .is_ok_and(|active| active.trim() == "0");
    if shared && !off {
        return caveat(
            name,
            format!("{cores} cores, in pairs of siblings (SMT)"),
            "Two threads on one physical core slow each other, so that work on all cores varies more.",
            "Switch SMT off in the firmware or the kernel (nosmt) for quieter figures.",
        );
    }
    let of_host = match texts.read("/proc/cpuinfo") {
        Ok(info) if info.contains(" hypervisor") => " seen; siblings of the host do not show",
        _ => ", no siblings (SMT)",
    };
    ok(name, format!("{cores} cores{of_host}"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, says};
    use super::*;
    use reports::record::Weight;

    const LIST: &str = "/sys/devices/system/cpu/cpu0/topology/thread_siblings_list";

    #[test]
    fn siblings_are_a_caveat_unless_they_are_off() {
        let pairs = Fixture(&[
            (LIST, "0,4\n"),
            ("/sys/devices/system/cpu/smt/active", "1\n"),
        ]);
        says(&check(&pairs, 8), Weight::Caveat, "siblings");
        let range = Fixture(&[(LIST, "0-1\n")]);
        says(&check(&range, 8), Weight::Caveat, "siblings");
        let single = Fixture(&[(LIST, "0\n"), ("/sys/devices/system/cpu/smt/active", "0\n")]);
        says(&check(&single, 2), Weight::Ok, "2 cores, no siblings");
        let guest = Fixture(&[(LIST, "0\n"), ("/proc/cpuinfo", "flags : fpu hypervisor\n")]);
        says(&check(&guest, 2), Weight::Ok, "do not show");
        says(&check(&guest, 1), Weight::Caveat, "one core");
    }
}
