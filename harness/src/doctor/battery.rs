//! Whether the machine runs on a battery.

use reports::record::Finding;

use super::{ok, unfit};
use crate::host::texts::Texts;

const FOLDER: &str = "/sys/class/power_supply";

pub(super) fn check(texts: &dyn Texts) -> Finding {
    let name = "power";
    let is = |supply: &str, file: &str, value: &str| {
        texts
            .read(&format!("{FOLDER}/{supply}/{file}"))
            .is_ok_and(|text| text.trim() == value)
    };
    let drains = |supply: &String| {
        // A mouse has a battery too; its scope is the device.
        is(supply, "type", "Battery")
            && is(supply, "status", "Discharging")
            && !is(supply, "scope", "Device")
    };
    if texts.list(FOLDER).iter().any(drains) {
        return unfit(
            name,
            "on battery",
            "The firmware lowers clocks as the battery drains, in the middle of a run.",
            "Plug the machine in.",
        );
    }
    ok(name, "not on battery")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, says};
    use super::*;
    use reports::record::Weight;

    #[test]
    fn only_a_battery_of_the_machine_that_drains_is_unfit() {
        const TYPE: &str = "/sys/class/power_supply/BAT0/type";
        const STATUS: &str = "/sys/class/power_supply/BAT0/status";
        let drains = Fixture(&[(TYPE, "Battery\n"), (STATUS, "Discharging\n")]);
        says(&check(&drains), Weight::Unfit, "on battery");
        let charges = Fixture(&[(TYPE, "Battery\n"), (STATUS, "Charging\n")]);
        says(&check(&charges), Weight::Ok, "not on battery");
        let mouse = Fixture(&[
            (TYPE, "Battery\n"),
            (STATUS, "Discharging\n"),
            ("/sys/class/power_supply/BAT0/scope", "Device\n"),
        ]);
        says(&check(&mouse), Weight::Ok, "not on battery");
        says(&check(&Fixture(&[])), Weight::Ok, "not on battery");
    }
}
