//! Whether all processes of a block can have the same addresses.

use reports::record::Finding;

use super::{caveat, ok};

pub(super) fn check(fixes_addresses: bool) -> Finding {
    let name = "layout";
    if fixes_addresses {
        return ok(name, "one layout for all processes of a block");
    }
    caveat(
        name,
        "addresses at random in each process",
        "Equal code then differs by about a percent more from process to process.",
        "In a container, allow the system call personality.",
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::says;
    use super::*;
    use reports::record::Weight;

    #[test]
    fn random_addresses_are_a_caveat() {
        says(&check(true), Weight::Ok, "one layout");
        says(&check(false), Weight::Caveat, "at random");
    }
}
