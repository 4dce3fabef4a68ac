//! The selftest finds out a judge that is worse than it says, and a judge that keeps its word passes; what
//! it shows follows from the seed, and its page says what was measured and what was not.

use reports::selftest::results::{self, Simulated};
use reports::selftest::tally::{Check, Place, Row, broken, tally};
use reports::selftest::{
    Compared, Judge, Promised, Results, Route, State, TRIALS, Trial, judge, simulated,
};
use reports::stats::{self, Estimate, LOOKS, student};

const HONEST: Promised = Promised {
    level: 0.99,
    margin: 0.01,
};

fn rows(judge: &dyn Judge, count: usize, wanted: &dyn Fn(&Trial) -> bool) -> Vec<Row> {
    let results = Results {
        version: results::VERSION,
        simulated: Some(Simulated {
            seed: 1,
            counts: simulated::run(judge, 1, count, wanted),
        }),
        ..Results::default()
    };
    tally(&results, judge, 0.99)
}

fn check<'a>(rows: &'a [Row], trial: &str, what: &str) -> &'a Check {
    let row = rows.iter().find(|row| row.trial == trial).unwrap();
    row.checks.iter().find(|check| check.what == what).unwrap()
}

#[test]
fn the_judge_of_claims_passes_and_shows_the_same_again() {
    let all = rows(&HONEST, 150, &|_| true);
    assert_eq!(all.len(), TRIALS.len());
    assert!(!broken(&all), "{}", reports::selftest::text(&all));
    let again = rows(&HONEST, 150, &|trial| trial.group == "power");
    assert_eq!(again, all[1..4], "and without the others");
    let found = check(&all, "1.05", "found");
    assert!(found.count * 10 >= found.of * 9, "{}", found.words());
}

/// Decides as if each look were the only one.
struct Peeks;

impl Judge for Peeks {
    fn decides(&self, logs: &[f64], null: f64) -> Option<bool> {
        let n = logs.len() as f64;
        let mean = logs.iter().sum::<f64>() / n;
        let squares: f64 = logs.iter().map(|log| (log - mean).powi(2)).sum();
        let t = (mean - null) / (squares / (n - 1.0) / n).sqrt();
        let decided = LOOKS.contains(&logs.len()) && student::two_sided(t, logs.len() - 1) < 0.01;
        decided.then_some(t > 0.0)
    }

    fn estimate(&self, logs: &[f64]) -> Option<Estimate> {
        HONEST.estimate(logs)
    }

    fn margin(&self) -> f64 {
        HONEST.margin
    }
}

#[test]
fn a_judge_that_peeks_is_found_out() {
    let rows = rows(&Peeks, 1000, &|trial| trial.name == "aa");
    let check = check(&rows, "aa", "false verdicts");
    assert_eq!(check.state, State::Broken, "{}", check.words());
    assert!(broken(&rows));
}

/// Uses a level of each look that is five times what keeps the sequence at its level.
struct WrongLevel;

impl Judge for WrongLevel {
    fn decides(&self, logs: &[f64], null: f64) -> Option<bool> {
        let found = stats::sequential(logs, null);
        (found.nominal_p <= 5.0 * stats::nominal(0.01)).then_some(found.above)
    }

    fn estimate(&self, logs: &[f64]) -> Option<Estimate> {
        stats::estimate(logs, 0.95)
    }

    fn margin(&self) -> f64 {
        HONEST.margin
    }
}

#[test]
fn a_judge_with_a_wrong_level_is_found_out() {
    let rows = rows(&WrongLevel, 1000, &|trial| trial.name == "2.00");
    for what in ["false verdicts", "interval holds the truth"] {
        let check = check(&rows, "2.00", what);
        assert_eq!(check.state, State::Broken, "{what}: {}", check.words());
    }
}

/// Never decides anything.
struct Timid;

impl Judge for Timid {
    fn decides(&self, _: &[f64], _: f64) -> Option<bool> {
        None
    }

    fn estimate(&self, logs: &[f64]) -> Option<Estimate> {
        HONEST.estimate(logs)
    }

    fn margin(&self) -> f64 {
        HONEST.margin
    }
}

#[test]
fn a_judge_that_finds_nothing_is_found_out() {
    let rows = rows(&Timid, 50, &|trial| trial.name == "1.03");
    assert_eq!(check(&rows, "1.03", "found").state, State::Broken);
    let row = rows.iter().find(|row| row.trial == "1.03").unwrap();
    assert_eq!(check(&rows, "1.03", "false verdicts").count, 0);
    assert_eq!((row.place, row.count), (Place::Simulated, 50));
}

fn compared(route: Route, logs: &[f64], over: bool) -> Compared {
    Compared {
        session: 0,
        trial: "aa".to_owned(),
        kernel: "hs".to_owned(),
        route,
        busy: false,
        number: 0,
        seed: 1,
        clock: "cpu-time".to_owned(),
        seconds: 2.0,
        over,
        failure: None,
        logs: logs.to_vec(),
    }
}

#[test]
fn real_comparisons_are_judged_from_their_values() {
    let equal = [0.004, -0.004, 0.005, -0.005];
    let differs = [0.04, 0.041, 0.039, 0.04];
    let mut results = Results {
        version: results::VERSION,
        comparisons: vec![
            compared(Route::Cells, &equal, true),
            compared(Route::Cells, &differs, true),
            compared(Route::Cells, &differs[..2], false),
            compared(Route::Versus, &equal, true),
        ],
        ..Results::default()
    };
    let found = tally(&results, &HONEST, 0.99);
    let places: Vec<Place> = found.iter().map(|row| row.place).collect();
    let expected = [
        Place::Idle(Route::Cells),
        Place::Idle(Route::Versus),
        Place::AllIdle,
    ];
    assert_eq!(places, expected);
    assert_eq!((found[0].count, found[0].unfinished), (2, 1));
    assert_eq!((found[2].count, found[2].seconds), (3, Some(2.0)));
    let wrong = &found[0].checks[0];
    // One of two is far above the promise, but two say too little to break it.
    assert_eq!((wrong.count, wrong.state), (1, State::Open));
    assert_eq!(results, Results::parse(&results.to_json()).unwrap());
    results.comparisons[3].failure = Some("by signal 9".to_owned());
    assert!(broken(&tally(&results, &HONEST, 0.99)));
}

#[test]
fn a_comparison_is_over_once_it_is_decided_or_too_close_to_call() {
    let aa = &TRIALS[0];
    let over = |logs: &[f64]| judge::is_over(&HONEST, logs, aa);
    assert!(over(&[0.04, 0.041, 0.039, 0.04]), "decided");
    assert!(over(&[0.0001, -0.0001, 0.0002, -0.0002]), "too close");
    assert!(!over(&[0.02, -0.02, 0.01, -0.01]));
    assert!(!over(&[0.04, 0.041, 0.039]), "no look yet");
    let wide: Vec<f64> = (0..64)
        .map(|i| if i % 2 == 0 { 0.5 } else { -0.5 })
        .collect();
    assert!(over(&wide) && !over(&wide[..50]));
    assert!(!judge::verdict(&HONEST, &wide, aa).wrong);
}

#[test]
fn the_page_says_what_was_measured_and_what_was_not() {
    let claims = "[verdict]\nlevel = 0.99\nmargin = 0.01\nbaselines = [\"idiomatic\"]\nmatrix = \"wall-time\"\ntints = []\n";
    let claims = reports::claims::parse(claims, "test").unwrap();
    let judged = reports::judge(&[], &claims);
    let page = |results: &Results| {
        let mut pages = reports::pages::with_selftest(&judged, &[], results).into_iter();
        pages.find(|(path, _)| path == "trust.html").unwrap().1
    };
    let nothing = page(&Results::default());
    assert!(nothing.contains("Not measured: run") && nothing.contains("Not simulated: run"));
    let results = Results {
        version: results::VERSION,
        comparisons: vec![compared(Route::Cells, &[0.04, 0.041, 0.039, 0.04], true)],
        simulated: Some(Simulated {
            seed: 1,
            counts: simulated::run(&Timid, 1, 50, &|trial| trial.name == "1.03"),
        }),
        ..Results::default()
    };
    let text = page(&results);
    for part in [
        "cells, idle",
        "1 of 1: 100 %",
        "0 of 50: 0 %",
        "✘ broken",
        "? open",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // What lies in the run's folder counts.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("selftest.json"), results.to_json()).unwrap();
    reports::render(&judged, &[], folder.path(), folder.path()).unwrap();
    let written = std::fs::read_to_string(folder.path().join("trust.html")).unwrap();
    assert_eq!(written, text);
}
