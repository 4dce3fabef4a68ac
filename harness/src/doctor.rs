//! Is this machine fit to measure on? Each finding says what it means for the figures and, where
//! something can be done, what.

use std::path::Path;

use crate::host;
use crate::instruments;

/// How a finding bears on the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// As it should be.
    Good,
    /// Figures are noisier, or something is not measured.
    Caveat,
}

/// One thing that the doctor looked at.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) weight: Weight,
    /// What was found, a few words.
    pub(crate) what: String,
    /// What it means or what to do, one clause; empty if there is nothing to say.
    pub(crate) advice: String,
}

impl Finding {
    pub(crate) fn symbol(&self) -> &'static str {
        match self.weight {
            Weight::Good => "v",
            Weight::Caveat => "!",
        }
    }
}

fn finding(weight: Weight, what: impl Into<String>, advice: &str) -> Finding {
    Finding {
        weight,
        what: what.into(),
        advice: advice.to_owned(),
    }
}

/// Looks at the machine, and at the disk that holds `folder` or the nearest folder that exists.
pub(crate) fn examine(folder: &Path) -> Vec<Finding> {
    use Weight::{Caveat, Good};
    let mut found = Vec::new();
    let mut say = |weight, what: String, advice: &str| found.push(finding(weight, what, advice));

    if cfg!(debug_assertions) {
        let advice = "times say nothing: use the dev profile of this workspace, which is optimised";
        say(Caveat, "built with debug assertions".into(), advice);
    } else {
        say(
            Good,
            format!("optimised build, opt-level {}", env!("TWOFOLD_OPT_LEVEL")),
            "",
        );
    }
    if cfg!(not(target_os = "linux")) {
        let advice = "memory, page faults and CPU time are not measured here";
        say(Caveat, "not Linux".into(), advice);
    }
    if host::virtual_machine() {
        let advice = "neighbours can take time away; compare ratios, not times";
        say(Caveat, "shared virtual machine".into(), advice);
    } else {
        say(Good, "no hypervisor".into(), "");
    }
    let cores = host::cores();
    say(Good, format!("{cores} cores"), "");
    match host::load() {
        Ok(load) if load > 0.5 * f64::from(cores) => {
            let advice = "something else is running: intervals will be wider";
            say(
                Caveat,
                format!("load {load:.1} over the last minute"),
                advice,
            );
        }
        Ok(load) => say(Good, format!("load {load:.1}"), ""),
        Err(why) => say(Caveat, format!("load unknown: {why}"), ""),
    }
    match host::governor() {
        Some(governor) if governor != "performance" => {
            say(
                Caveat,
                format!("frequency governor {governor}"),
                "`performance` is steadier",
            );
        }
        Some(governor) => say(Good, format!("frequency governor {governor}"), ""),
        None => say(
            Caveat,
            "frequency governor unknown".into(),
            "usual on virtual machines",
        ),
    }
    if host::hardware_counters() {
        say(
            Good,
            "hardware counters present".into(),
            "not used by this version",
        );
    } else {
        say(
            Caveat,
            "no hardware counters".into(),
            "instructions and misses are simulated",
        );
    }
    for instrument in instruments::ALL {
        if let Err(why) = instrument.available() {
            say(Caveat, format!("{} not measured", instrument.name()), &why);
        }
    }
    if let Ok((total, available)) = host::memory() {
        let (total, available) = (total >> 20, available >> 20);
        let weight = if available < 2048 { Caveat } else { Good };
        say(
            weight,
            format!("{available} of {total} MiB memory available"),
            "",
        );
    }
    let existing = folder
        .ancestors()
        .find(|folder| folder.exists())
        .unwrap_or(Path::new("."));
    let existing = if existing.as_os_str().is_empty() {
        Path::new(".")
    } else {
        existing
    };
    match host::free_disk(existing) {
        Ok(bytes) if bytes < 4 << 30 => {
            let advice = "inputs and reports take up to 2 GiB at size default, 6 GiB at large";
            say(Caveat, format!("disk: {} MiB free", bytes >> 20), advice);
        }
        Ok(bytes) => say(Good, format!("disk: {} GiB free", bytes >> 30), ""),
        Err(why) => say(Caveat, format!("disk: {why}"), ""),
    }
    found
}
