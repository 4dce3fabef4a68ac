//! Whether the kernel backs large blocks of memory with huge pages unasked.

use reports::record::Finding;

use super::{caveat, not_measured, ok};
use crate::host::texts::Texts;

pub(super) fn check(texts: &dyn Texts) -> Finding {
    let name = "huge pages";
    let text = match texts.read("/sys/kernel/mm/transparent_hugepage/enabled") {
        Ok(text) => text,
        Err(why) => return not_measured(name, &why),
    };
    let chosen = text.split_whitespace().find_map(|word| {
        word.strip_prefix('[')
            .and_then(|word| word.strip_suffix(']'))
    });
    match chosen {
        None => not_measured(name, "the kernel tells it in another form"),
        Some("always") => caveat(
            name,
            "huge pages always",
            "A process gets them or not as memory is fragmented, so that equal ones differ more.",
            "Steadier with madvise, the default of most systems.",
        ),
        Some(other) => ok(name, format!("huge pages {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, says};
    use super::*;
    use reports::record::Weight;

    const PATH: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

    #[test]
    fn the_choice_in_brackets_counts() {
        let asked = Fixture(&[(PATH, "always [madvise] never\n")]);
        says(&check(&asked), Weight::Ok, "huge pages madvise");
        let always = Fixture(&[(PATH, "[always] madvise never\n")]);
        says(&check(&always), Weight::Caveat, "always");
    }
}
