//! The frequency governors of the cores.

use std::collections::BTreeSet;

use reports::record::Finding;

use super::{caveat, not_measured, ok};
use crate::host::texts::Texts;

const FOLDER: &str = "/sys/devices/system/cpu";

pub(super) fn check(texts: &dyn Texts) -> Finding {
    let name = "frequency";
    let numbered = |core: &String| {
        core.strip_prefix("cpu")
            .is_some_and(|number| number.parse::<u32>().is_ok())
    };
    let cores = texts.list(FOLDER).into_iter().filter(numbered);
    let governors: BTreeSet<String> = cores
        .filter_map(|core| {
            let path = format!("{FOLDER}/{core}/cpufreq/scaling_governor");
            texts.read(&path).ok().map(|name| name.trim().to_owned())
        })
        .collect();
    let mut all: Vec<String> = governors.into_iter().collect();
    match &mut all[..] {
        [] => not_measured(
            name,
            "no governor shows, which is usual on virtual machines",
        ),
        [one] if one == "performance" => ok(name, "governor performance"),
        names => caveat(
            name,
            format!("governor {}", names.join(" and ")),
            "Cores change their clocks as work comes and goes, so that blocks vary more.",
            "Steadier: cpupower frequency-set -g performance.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, says};
    use super::*;
    use reports::record::Weight;

    const FIRST: &str = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";
    const SECOND: &str = "/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor";

    #[test]
    fn every_core_is_asked() {
        let steady = Fixture(&[(FIRST, "performance\n"), (SECOND, "performance\n")]);
        says(&check(&steady), Weight::Ok, "governor performance");
        let mixed = Fixture(&[(FIRST, "performance\n"), (SECOND, "powersave\n")]);
        says(&check(&mixed), Weight::Caveat, "performance and powersave");
        let policy = Fixture(&[("/sys/devices/system/cpu/cpufreq/boost", "1\n")]);
        says(
            &check(&policy),
            Weight::NotMeasured,
            "usual on virtual machines",
        );
    }
}
