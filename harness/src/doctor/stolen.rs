//! Time that the hypervisor gives to others while a core of ours is ready.

use reports::record::Finding;

use super::{Twice, caveat, not_measured, ok, unfit};
use crate::host::texts::processors;

pub(super) fn check(stat: &Twice) -> Finding {
    let name = "stolen time";
    let (before, after) = match stat.both(processors) {
        Ok(both) => both,
        Err(why) => return not_measured(name, &why),
    };
    let percent = |stolen: u64, all: u64| 100.0 * stolen as f64 / all.max(1) as f64;
    let since_start = percent(after.stolen, after.busy + after.stolen + after.idle);
    let now = percent(
        after.stolen.saturating_sub(before.stolen),
        (after.busy + after.stolen + after.idle)
            .saturating_sub(before.busy + before.stolen + before.idle),
    );
    let what = format!("stolen: {now:.1} % now, {since_start:.1} % since the machine started");
    let meaning = "The hypervisor gives this machine's cores to others.";
    if now > 5.0 {
        unfit(name, what, meaning, "Wait, or measure on another machine.")
    } else if now.max(since_start) > 1.0 {
        caveat(name, what, meaning, "Blocks that it hits will be marked.")
    } else {
        ok(name, what)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{says, twice};
    use super::*;
    use reports::record::Weight;

    #[test]
    fn more_than_five_percent_is_unfit() {
        let stat = |idle: u64, stolen: u64| format!("cpu  0 0 0 {idle} 0 0 0 {stolen} 0 0\n");
        let found = |before: String, after: String| check(&twice(&before, &after));
        says(
            &found(stat(9000, 0), stat(9100, 0)),
            Weight::Ok,
            "0.0 % now",
        );
        says(
            &found(stat(9000, 0), stat(9097, 3)),
            Weight::Caveat,
            "3.0 % now",
        );
        says(
            &found(stat(9000, 0), stat(9094, 6)),
            Weight::Unfit,
            "6.0 % now",
        );
        // Much at other times, none at the moment.
        says(
            &found(stat(900, 100), stat(910, 100)),
            Weight::Caveat,
            "9.9 % since",
        );
        says(
            &found("cpu  0 0 0".to_owned(), stat(1, 0)),
            Weight::NotMeasured,
            "another form",
        );
    }
}
