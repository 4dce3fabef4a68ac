//! Every workload as the harness uses it: inputs repeat, and everyone has the right answer.

use std::sync::Barrier;
use std::time::Duration;

use engines::Engine;
use workloads::service::Local;
use workloads::{Answer, Setting, Size, Visitor, Workload, each};

/// Something to be done with every workload at size tiny, in a folder of its own and with a service.
trait Check {
    fn check<W: Workload>(&mut self, workload: W, setting: &Setting);
}

struct Run<'c, C> {
    check: &'c mut C,
    setting: Setting,
}

impl<C: Check> Visitor for Run<'_, C> {
    fn visit<W: Workload>(&mut self, workload: W) {
        self.check.check(workload, &self.setting);
    }
}

fn on_every_workload(check: &mut impl Check) {
    let folder = tempfile::tempdir().unwrap();
    let service = Local::start(Duration::from_millis(1)).unwrap();
    let setting = Setting {
        size: Size::Tiny,
        items: None,
        folder: folder.path().to_owned(),
        service: Some(service.address()),
    };
    each(&mut Run { check, setting });
}

fn assert_equal(who: &str, got: &Answer, reference: &Answer) {
    if let Some(mismatch) = got.differs(reference) {
        panic!("{who}: {mismatch}");
    }
}

#[test]
fn names_are_unique_and_sizes_grow() {
    struct Names(Vec<&'static str>);
    impl Check for Names {
        fn check<W: Workload>(&mut self, workload: W, _: &Setting) {
            assert!(!W::ABOUT.is_empty() && !W::ABOUT.ends_with('.'));
            let sizes = [Size::Tiny, Size::Quick, Size::Default, Size::Large];
            assert!(sizes.is_sorted_by_key(|size| workload.items(*size)));
            assert!(sizes.is_sorted_by_key(|size| workload.bytes(*size)));
            assert!(workload.items(Size::Tiny) <= 10_000);
            self.0.push(W::NAME);
        }
    }
    let mut names = Names(Vec::new());
    on_every_workload(&mut names);
    let unique: std::collections::BTreeSet<_> = names.0.iter().collect();
    assert!(
        unique.len() == names.0.len() && unique.len() >= 8,
        "{:?}",
        names.0
    );
}

#[test]
fn every_workload_says_what_it_needs_and_needs_more_when_larger() {
    struct Says;
    impl Check for Says {
        fn check<W: Workload>(&mut self, workload: W, _: &Setting) {
            let [small, large] = [Size::Tiny, Size::Default].map(|size| workload.needs(size));
            assert!(!small.amounts.is_empty(), "{}", W::NAME);
            assert!(small.working_set >= workload.bytes(Size::Tiny));
            assert!(large.working_set > small.working_set);
            let named = |needs: &workloads::Needs| -> Vec<&str> {
                needs.amounts.iter().map(|(need, _)| need.name()).collect()
            };
            assert_eq!(named(&small), named(&large), "{}", W::NAME);
            for ((need, less), (_, more)) in small.amounts.iter().zip(&large.amounts) {
                // One wait is one wait, however many requests share it.
                let more_of_it = less < more || *need == workloads::Need::Waits;
                assert!(*less > 0 && more_of_it, "{} {}", W::NAME, need.name());
            }
        }
    }
    on_every_workload(&mut Says);
}

#[test]
fn the_same_seed_makes_the_same_input() {
    struct Repeats;
    impl Check for Repeats {
        fn check<W: Workload>(&mut self, workload: W, setting: &Setting) {
            let reference = |seed| workload.reference(&workload.prepare(setting, seed).unwrap());
            assert_equal(W::NAME, &reference(1), &reference(1));
            assert!(reference(2).differs(&reference(1)).is_some(), "{}", W::NAME);
        }
    }
    on_every_workload(&mut Repeats);
}

#[test]
fn everyone_has_the_right_answer() {
    struct Engines<'w, W: Workload> {
        workload: &'w W,
        setting: &'w Setting,
        names: Vec<&'static str>,
    }
    impl<W: Workload> engines::Visitor for Engines<'_, W> {
        fn visit<E: Engine + Default>(&mut self, engine: E) {
            check(
                self.workload,
                self.setting,
                engine.name(),
                |workload, input| workload.run(&engine, input),
            );
            self.names.push(engine.name());
        }
    }
    struct Right;
    impl Check for Right {
        fn check<W: Workload>(&mut self, workload: W, setting: &Setting) {
            check(&workload, setting, "eager", W::eager);
            check(&workload, setting, "idiomatic", W::idiomatic);
            let mut visitor = Engines {
                workload: &workload,
                setting,
                names: Vec::new(),
            };
            engines::each(&mut visitor);
            assert!(visitor.names.len() > 1);
        }
    }
    /// Three runs with an input each, as in a measurement; the buffers of a checked answer go on.
    fn check<W: Workload>(
        workload: &W,
        setting: &Setting,
        who: &str,
        run: impl Fn(&W, &mut W::Input) -> Result<Answer, workloads::Error>,
    ) {
        let mut last: Option<Answer> = None;
        for seed in 0..3 {
            let mut input = workload.prepare(setting, seed).unwrap();
            if let Some(answer) = last.take() {
                workload.reuse(answer, &mut input);
            }
            let reference = workload.reference(&input);
            let answer = run(workload, &mut input).unwrap();
            assert_equal(&format!("{} by {who}", W::NAME), &answer, &reference);
            last = Some(answer);
        }
    }
    on_every_workload(&mut Right);
}

#[test]
fn two_may_prepare_at_once() {
    struct Race;
    impl Check for Race {
        fn check<W: Workload>(&mut self, workload: W, setting: &Setting) {
            let start = Barrier::new(2);
            let prepare = || {
                start.wait();
                let mut input = workload.prepare(setting, 3).unwrap();
                let reference = workload.reference(&input);
                let answer = workload.idiomatic(&mut input).unwrap();
                assert_equal(W::NAME, &answer, &reference);
                reference
            };
            let (one, other) = std::thread::scope(|scope| {
                let (one, other) = (scope.spawn(prepare), scope.spawn(prepare));
                (one.join().unwrap(), other.join().unwrap())
            });
            assert_equal(W::NAME, &one, &other);
        }
    }
    on_every_workload(&mut Race);
}

#[test]
fn what_is_missing_is_an_error() {
    struct Missing;
    impl Check for Missing {
        fn check<W: Workload>(&mut self, workload: W, setting: &Setting) {
            let mut without = setting.clone();
            without.service = None;
            assert_eq!(workload.prepare(&without, 1).is_err(), W::SERVICE);
            // A service that has gone, a file that has gone: an error, from everyone.
            let folder = tempfile::tempdir().unwrap();
            let service = Local::start(Duration::ZERO).unwrap();
            without.folder = folder.path().to_owned();
            without.service = Some(service.address());
            let mut input = workload.prepare(&without, 1).unwrap();
            let in_files = W::SERVICE || folder.path().read_dir().unwrap().next().is_some();
            drop((folder, service));
            if in_files {
                assert!(workload.eager(&mut input).is_err());
                assert!(workload.idiomatic(&mut input).is_err());
            }
        }
    }
    on_every_workload(&mut Missing);
}

/// The sum of what was counted, or the number of results.
fn counted(answer: &Answer) -> Option<u64> {
    match answer {
        Answer::Values(values) => Some(values.len() as u64),
        Answer::Table(table) => Some(table.values().map(|summary| summary.count).sum()),
        _ => None,
    }
}

#[test]
fn work_grows_with_the_items_asked_for() {
    struct Grows(usize);
    impl Check for Grows {
        fn check<W: Workload>(&mut self, workload: W, setting: &Setting) {
            let at = |items: u64| {
                let setting = Setting {
                    items: Some(items),
                    ..setting.clone()
                };
                let mut input = workload.prepare(&setting, 5).unwrap();
                let reference = workload.reference(&input);
                let answer = workload.idiomatic(&mut input).unwrap();
                assert_equal(W::NAME, &answer, &reference);
                assert_eq!(setting.items(7), items);
                counted(&reference)
            };
            let levels = [100, 400, 1600];
            let counts = levels.map(at);
            for (items, count) in levels.iter().zip(counts).skip(1) {
                // Some records do not count; windows have two results less than numbers.
                let share = count.map(|count| count as f64 / *items as f64);
                assert!(
                    share.is_none_or(|share| (0.8..=1.0).contains(&share)),
                    "{}: {share:?}",
                    W::NAME
                );
            }
            self.0 += usize::from(counts.iter().all(Option::is_some));
            let bytes = |items| setting.bytes(1000, items);
            assert_eq!(bytes(4000), 4000);
        }
    }
    let mut grows = Grows(0);
    on_every_workload(&mut grows);
    assert!(grows.0 >= 7, "only {} workloads could be counted", grows.0);
}
