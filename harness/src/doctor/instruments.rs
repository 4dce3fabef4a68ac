//! Whether the instruments have what they need: Valgrind, for instance.

use reports::record::{Finding, Weight};

use super::{finding, ok};
use crate::instruments::ALL;

/// The instruments of this program on this machine.
pub(super) fn here() -> Finding {
    let all = ALL
        .iter()
        .map(|instrument| (instrument.name(), instrument.available()));
    check(all)
}

/// Of each instrument its name and why it cannot be used.
fn check<'a>(all: impl Iterator<Item = (&'a str, Result<(), String>)>) -> Finding {
    let name = "instruments";
    let (mut missing, mut reasons) = (Vec::new(), Vec::new());
    for (instrument, available) in all {
        if let Err(why) = available {
            missing.push(instrument);
            reasons.push(format!("{instrument}: {why}."));
        }
    }
    if missing.is_empty() {
        return ok(name, "all can be used, Valgrind among them");
    }
    let what = format!("{} not measured", missing.join(", "));
    let advice = match missing.contains(&"counts") {
        true => "Instructions and misses need Valgrind: apt-get install valgrind.",
        false => "",
    };
    finding(name, Weight::Caveat, what, &reasons.join(" "), advice)
}

#[cfg(test)]
mod tests {
    use super::super::tests::says;
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_reason() {
        says(
            &check([("heap", Ok(()))].into_iter()),
            Weight::Ok,
            "all can be used",
        );
        let missing = [("heap", Ok(())), ("counts", Err("no valgrind".to_owned()))];
        let found = check(missing.into_iter());
        says(&found, Weight::Caveat, "counts not measured");
        assert_eq!(found.meaning, "counts: no valgrind.");
        assert!(found.advice.contains("apt-get install valgrind"));
    }
}
