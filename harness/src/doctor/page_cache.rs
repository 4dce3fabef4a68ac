//! Whether the page cache keeps what was read: inputs are files that all contenders read from there.

use reports::record::Finding;

use super::{Twice, caveat, not_measured, ok};
use crate::host::texts::first_number;

pub(super) fn check(pages: &Twice) -> Finding {
    let name = "page cache";
    let read_back = |text: &str| {
        first_number(text, "workingset_refault_file ")
            .or_else(|| first_number(text, "workingset_refault "))
    };
    match pages.both(read_back) {
        Err(why) => not_measured(name, &why),
        Ok((before, after)) if after > before => caveat(
            name,
            format!("{} pages read back after eviction", after - before),
            "Inputs may leave the page cache between rounds, and a round then times the disk.",
            "End what reads large files or holds memory.",
        ),
        Ok(_) => ok(name, "nothing evicted that is still needed"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{says, twice};
    use super::*;
    use reports::record::Weight;

    #[test]
    fn pages_that_come_back_were_evicted_too_early() {
        let text = |pages: u32| {
            format!("pgpgin 4\nworkingset_refault_anon 9\nworkingset_refault_file {pages}\n")
        };
        says(
            &check(&twice(&text(7), &text(7))),
            Weight::Ok,
            "nothing evicted",
        );
        says(
            &check(&twice(&text(7), &text(19))),
            Weight::Caveat,
            "12 pages",
        );
        says(
            &check(&twice("pgpgin 4\n", "")),
            Weight::NotMeasured,
            "another form",
        );
    }
}
