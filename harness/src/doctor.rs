//! Is this machine fit to measure on? One file for each concern; each check is pure over texts of the
//! machine, so that tests can show it any machine.
//!
//! A caveat makes figures noisier or leaves some out: blocks are paired and verdicts say when the noise is
//! too much, so that a run is still worth its time. Unfit is what would waste the run: times of another
//! program than the one asked about (debug assertions), a machine that others keep busy or that is taken
//! away (load of others above half the cores, stolen time above 5 %), clocks that drift with a battery, and
//! too little memory, disk or descriptors to finish. A shared virtual machine by itself is a caveat.

mod battery;
mod build;
mod cores;
mod counters;
mod descriptors;
mod disk;
mod frequency;
mod huge_pages;
mod instruments;
mod layout;
mod limits;
mod load;
mod memory;
mod page_cache;
mod platform;
mod show;
mod stolen;
mod timer;
mod turbo;

use std::path::Path;
use std::thread;
use std::time::Duration;

use reports::record::{Finding, Weight};

use crate::host::{self, ThisMachine, texts::Texts};

pub(crate) use show::{brief, text};

/// How long the machine is watched for what others do at the moment.
const WINDOW: Duration = Duration::from_millis(300);

/// A text before and after the window.
struct Twice {
    before: Result<String, String>,
    after: Result<String, String>,
}

impl Twice {
    /// What `read` takes from both.
    fn both<T>(&self, read: impl Fn(&str) -> Option<T>) -> Result<(T, T), String> {
        let of = |text: &Result<String, String>| {
            let text = text.as_ref().map_err(Clone::clone)?;
            read(text).ok_or("the kernel tells it in another form".to_owned())
        };
        Ok((of(&self.before)?, of(&self.after)?))
    }
}

/// As it should be.
fn ok(name: &str, what: impl Into<String>) -> Finding {
    finding(name, Weight::Ok, what, "", "")
}

/// The machine does not tell.
fn not_measured(name: &str, why: &str) -> Finding {
    let what = format!("not measured: {why}");
    finding(name, Weight::NotMeasured, what, "", "")
}

fn caveat(name: &str, what: impl Into<String>, meaning: &str, advice: &str) -> Finding {
    finding(name, Weight::Caveat, what, meaning, advice)
}

fn unfit(name: &str, what: impl Into<String>, meaning: &str, advice: &str) -> Finding {
    finding(name, Weight::Unfit, what, meaning, advice)
}

fn finding(
    name: &str,
    finding: Weight,
    what: impl Into<String>,
    meaning: &str,
    advice: &str,
) -> Finding {
    Finding {
        name: name.to_owned(),
        finding,
        what: what.into(),
        meaning: meaning.to_owned(),
        advice: advice.to_owned(),
    }
}

/// Looks at the machine, and at the disk that holds `folder` or the nearest folder that exists.
pub(crate) fn examine(folder: &Path) -> Vec<Finding> {
    let texts = &ThisMachine;
    let watch = || {
        let own = host::cpu_time().unwrap_or(0);
        (texts.read("/proc/stat"), texts.read("/proc/vmstat"), own)
    };
    let (stat, pages, own) = watch();
    thread::sleep(WINDOW);
    let (stat_after, pages_after, own_after) = watch();
    let stat = Twice {
        before: stat,
        after: stat_after,
    };
    let pages = Twice {
        before: pages,
        after: pages_after,
    };
    let cores = host::cores();
    vec![
        build::check(cfg!(debug_assertions), env!("TWOFOLD_OPT_LEVEL")),
        platform::check(texts, cfg!(target_os = "linux")),
        cores::check(texts, cores),
        load::average(texts, cores),
        load::others(&stat, own_after - own, host::ticks_per_second(), cores),
        stolen::check(&stat),
        frequency::check(texts),
        turbo::check(texts),
        battery::check(texts),
        memory::available(texts),
        memory::pressure(texts),
        page_cache::check(&pages),
        huge_pages::check(texts),
        timer::check(texts, host::timer_step()),
        counters::check(texts),
        layout::check(host::fixes_addresses()),
        limits::check(texts),
        descriptors::check(texts),
        disk::check(host::free_disk(nearest(folder))),
        instruments::here(),
    ]
}

/// Whether times taken here would not be worth their time.
pub(crate) fn is_unfit(findings: &[Finding]) -> bool {
    findings.iter().any(|f| f.finding == Weight::Unfit)
}

/// What a reader of the figures ought to know.
pub(crate) fn caveats(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(|f| f.finding >= Weight::Caveat)
}

/// The nearest folder that exists.
fn nearest(folder: &Path) -> &Path {
    let existing = folder.ancestors().find(|folder| folder.exists());
    existing
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine made of texts.
    pub(super) struct Fixture(pub(super) &'static [(&'static str, &'static str)]);

    impl Texts for Fixture {
        fn read(&self, path: &str) -> Result<String, String> {
            let found = self.0.iter().find(|(known, _)| *known == path);
            let text = found.ok_or("the kernel does not tell".to_owned())?;
            Ok(text.1.to_owned())
        }

        fn list(&self, path: &str) -> Vec<String> {
            let below = self.0.iter().filter_map(|(known, _)| {
                let rest = known.strip_prefix(path)?.strip_prefix('/')?;
                rest.split('/').next().map(str::to_owned)
            });
            let names: std::collections::BTreeSet<String> = below.collect();
            names.into_iter().collect()
        }
    }

    /// The same text before and after a window, or two.
    pub(super) fn twice(before: &str, after: &str) -> Twice {
        Twice {
            before: Ok(before.to_owned()),
            after: Ok(after.to_owned()),
        }
    }

    /// Asserts that a finding has a weight and says these words, and that what is not as it should be says
    /// what it means.
    #[track_caller]
    pub(super) fn says(found: &Finding, weight: Weight, words: &str) {
        assert_eq!(found.finding, weight, "{found:?}");
        assert!(found.what.contains(words), "{found:?}");
        assert_eq!(
            found.meaning.is_empty(),
            weight < Weight::Caveat,
            "{found:?}"
        );
        assert!(
            found.name.len() <= 13 && !found.what.contains('/'),
            "{found:?}"
        );
    }

    #[test]
    fn a_machine_that_tells_nothing_is_not_measured_rather_than_praised() {
        let nothing = Fixture(&[]);
        let silent = Twice {
            before: Err("needs Linux".to_owned()),
            after: Err("needs Linux".to_owned()),
        };
        for found in [
            load::average(&nothing, 2),
            load::others(&silent, 0, 100, 2),
            stolen::check(&silent),
            frequency::check(&nothing),
            turbo::check(&nothing),
            memory::available(&nothing),
            memory::pressure(&nothing),
            page_cache::check(&silent),
            huge_pages::check(&nothing),
            limits::check(&nothing),
            descriptors::check(&nothing),
            disk::check(Err("needs Linux".to_owned())),
        ] {
            says(&found, Weight::NotMeasured, "not measured: ");
        }
    }

    #[test]
    fn this_machine_is_examined_and_every_concern_named_once() {
        let found = examine(Path::new("no/such/folder"));
        let names: std::collections::BTreeSet<_> = found.iter().map(|f| &f.name).collect();
        assert_eq!(names.len(), found.len(), "{found:?}");
        assert!(names.len() >= 18, "{names:?}");
        // Tests are built with debug assertions.
        assert!(is_unfit(&found));
        assert!(caveats(&found).any(|f| f.name == "build"));
        for f in &found {
            says(f, f.finding, "");
        }
    }
}
