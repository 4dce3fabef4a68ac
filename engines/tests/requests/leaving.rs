//! Nothing is left behind, counted in a process in which nothing else runs.

use std::fs::read_dir;
use std::time::Duration;

use engines::{Async, Cancel, Engine, Error, Pipeline, Requests, collect};

use crate::hostile::{Checked, Manner, eventually, start};
use crate::{engines, numbers, quickly};

const VARIABLE: &str = "ENGINES_TEST_ALONE";

/// Descriptors and threads of this process, the service's included.
fn count() -> (usize, usize) {
    let entries = |what| read_dir(format!("/proc/self/{what}")).unwrap().count();
    (entries("fd"), entries("task"))
}

fn fail(engine: &Async, address: std::net::SocketAddr, keys: &[u32], cancel: &Cancel) {
    let cancelled = engine.clone().cancelled_by(cancel);
    let cancelling = Pipeline::responses().map(|(_, index): (&[u8], usize)| {
        if index == 10 {
            cancel.cancel();
        }
    });
    let source = Requests::to(address, &Checked, keys);
    match cancelled.run(source, &cancelling, collect()) {
        Err(Error::Io { .. } | Error::Request { .. } | Error::Cancelled) => {}
        other => panic!("{other:?}"),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_thousand_runs_that_fail_leave_nothing() {
    if std::env::var(VARIABLE).is_err() {
        let alone = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "leaving::a_thousand_runs_that_fail_leave_nothing",
            ])
            .env(VARIABLE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&alone.stdout);
        assert!(
            alone.status.success() && said.contains("1 passed"),
            "{said}"
        );
        return;
    }
    let manners = [
        Manner::Closes(3),
        Manner::Half(3),
        Manner::Resets(3),
        Manner::Rubbish(3),
        Manner::Repeats(3),
        Manner::Good,
    ];
    let (address, _) = start(move |n| manners[n % manners.len()]);
    let keys = numbers(1000);
    let before = count();
    let engines = engines().map(|engine| engine.retry(quickly(1)).timeout(Duration::from_secs(20)));
    for run in 0..1000 {
        fail(
            &engines[run % engines.len()],
            address,
            &keys,
            &Cancel::new(),
        );
    }
    // What the engines keep: a runtime for each thread, which has three descriptors, and connections,
    // of which the service has the other end.
    let kept = 6 * 3 + 2 * (12 + 12 + 1 + 3);
    assert!(
        eventually(|| count().0 <= before.0 + kept),
        "{before:?} {:?}",
        count()
    );
    drop(engines);
    // The service's threads take a moment to see that their clients are gone.
    assert!(eventually(|| count() == before), "{before:?} {:?}", count());
}
