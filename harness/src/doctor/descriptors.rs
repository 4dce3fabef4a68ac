//! How many files and connections a process may have open.

use reports::record::Finding;

use super::{caveat, not_measured, ok, unfit};
use crate::host::texts::{Texts, limit};

pub(super) fn check(texts: &dyn Texts) -> Finding {
    let name = "descriptors";
    let limits = match texts.read("/proc/self/limits") {
        Ok(limits) => limits,
        Err(why) => return not_measured(name, &why),
    };
    let advice = "Raise the limit: ulimit -n 4096.";
    match limit(&limits, "Max open files") {
        None => not_measured(name, "the kernel tells it in another form"),
        Some(None) => ok(name, "any number of open files"),
        Some(Some(files)) if files < 256 => unfit(
            name,
            format!("{files} open files at most"),
            "Pipes to the probes and connections to the service take more.",
            advice,
        ),
        Some(Some(files)) if files < 1024 => caveat(
            name,
            format!("{files} open files at most"),
            "Engines that keep many files or connections open may fail.",
            advice,
        ),
        Some(Some(files)) => ok(name, format!("{files} open files at most")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, says};
    use super::*;
    use reports::record::Weight;

    #[test]
    fn few_are_a_caveat_and_too_few_unfit() {
        let of = |soft: &str| {
            let line = format!("Max open files            {soft}      1048576    files\n");
            check(&Fixture(Box::leak(Box::new([(
                "/proc/self/limits",
                &*line.leak(),
            )]))))
        };
        says(&of("20000"), Weight::Ok, "20000 open files");
        says(&of("unlimited"), Weight::Ok, "any number");
        says(&of("512"), Weight::Caveat, "512");
        says(&of("64"), Weight::Unfit, "64");
    }
}
