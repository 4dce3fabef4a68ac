//! Whether this program is built as it is to be timed.

use reports::record::Finding;

use super::{ok, unfit};

pub(super) fn check(assertions: bool, level: &str) -> Finding {
    let name = "build";
    if assertions {
        return unfit(
            name,
            "built with debug assertions",
            "Times say nothing about the program that users get.",
            "Use the dev profile of this workspace, which is optimised.",
        );
    }
    if level != "3" {
        return unfit(
            name,
            format!("opt-level {level}"),
            "Times say nothing about an optimised program.",
            "Use the dev profile of this workspace, which has opt-level 3.",
        );
    }
    ok(name, "optimised, opt-level 3, no debug assertions")
}

#[cfg(test)]
mod tests {
    use super::super::tests::says;
    use super::*;
    use reports::record::Weight;

    #[test]
    fn only_an_optimised_build_without_assertions_will_do() {
        says(&check(false, "3"), Weight::Ok, "opt-level 3");
        says(&check(true, "3"), Weight::Unfit, "debug assertions");
        says(&check(false, "0"), Weight::Unfit, "opt-level 0");
    }
}
