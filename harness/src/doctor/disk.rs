//! Whether inputs and reports fit the disk.

use reports::record::Finding;

use super::{caveat, not_measured, ok, unfit};

/// `free` is what the file system of the run's folder has left, in bytes.
pub(super) fn check(free: Result<u64, String>) -> Finding {
    let name = "disk";
    let meaning = "Inputs and reports take up to 2 GiB at size default, 6 GiB at large.";
    let advice = "Free some, or choose another disk with --out.";
    match free {
        Err(why) => not_measured(name, &why),
        Ok(bytes) if bytes < 256 << 20 => {
            unfit(name, format!("{} MiB free", bytes >> 20), meaning, advice)
        }
        Ok(bytes) if bytes < 4 << 30 => caveat(
            name,
            format!("disk: {} MiB free", bytes >> 20),
            meaning,
            advice,
        ),
        Ok(bytes) => ok(name, format!("{} GiB free", bytes >> 30)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::says;
    use super::*;
    use reports::record::Weight;

    #[test]
    fn little_is_a_caveat_and_hardly_any_unfit() {
        says(&check(Ok(5 << 30)), Weight::Ok, "5 GiB");
        says(&check(Ok(3 << 30)), Weight::Caveat, "3072 MiB");
        says(&check(Ok(9 << 20)), Weight::Unfit, "9 MiB");
    }
}
