//! Decisions on made-up runs: what is shown, what is not, and when measuring ends.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::record::Machine;
use crate::versus::{Run, Setting};

fn question(claim: Option<f64>) -> Question {
    Question {
        metric: Metric::Wall,
        claim,
        level: 0.99,
        margin: 0.01,
        most: 64,
    }
}

/// A command that takes about `typical`, two per cent more or less, three rounds a block.
fn add(contestant: &mut Contestant, block: u32, typical: f64, random: &mut ChaCha8Rng) {
    for round in 0..3 {
        let waver = 1.0 + 0.02 * (random.random::<f64>() - 0.5);
        contestant.runs.push(Run {
            block,
            round,
            wall_ns: (typical * waver) as u64,
            exit_code: Some(0),
            ..Run::default()
        });
    }
}

/// Measures as the harness does, until nothing is open.
fn measured(question: &Question, typical: &[f64], seed: u64) -> Answer {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut contestants: Vec<Contestant> = (0..typical.len())
        .map(|at| Contestant {
            name: format!("c{at}"),
            ..Contestant::default()
        })
        .collect();
    for block in 0.. {
        let open = outlook(question, &contestants).open;
        if open.is_empty() {
            break;
        }
        for at in open {
            add(&mut contestants[at], block, typical[at], &mut random);
        }
    }
    judge(Trial {
        question: question.clone(),
        setting: setting(),
        contestants,
    })
}

fn setting() -> Setting {
    Setting {
        started: "2026-01-01T00:00:00Z".to_owned(),
        seed: 1,
        shell: None,
        overhead_ns: Some(1_000_000),
        seconds: 1.0,
        time_up: false,
        interrupted: false,
        outputs: Some(Outputs::Equal),
        machine: Machine {
            system: String::new(),
            architecture: String::new(),
            processor: "A & B <processor>".to_owned(),
            cores: 2,
            memory: 0,
            caches: Vec::new(),
            extensions: Vec::new(),
            virtual_machine: false,
            caveats: Vec::new(),
            findings: Vec::new(),
        },
    }
}

#[test]
fn a_difference_is_shown_at_an_early_look_and_ends_the_measuring() {
    let answer = measured(&question(None), &[3e8, 2e8], 7);
    let found = &answer.comparisons[0];
    assert_eq!(found.decision, Decision::Better);
    assert!(found.logs.len() <= 6, "{}", found.logs.len());
    let interval = found.interval.unwrap();
    assert!(interval.low < 1.5 && 1.5 < interval.high, "{interval:?}");
    let text = answer.text();
    assert!(text.contains("`c1` is 1.5"), "{text}");
    // The other way round, the sentence has the other subject.
    let text = measured(&question(None), &[2e8, 3e8], 7).text();
    assert!(text.contains("`c0` is 1.5"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn equal_commands_are_not_called_different() {
    let mut wrong = 0;
    for seed in 0..200 {
        let answer = measured(&question(None), &[1e8, 1e8], seed);
        match answer.comparisons[0].decision {
            Decision::Alike => assert!(answer.text().contains("no difference shown")),
            Decision::Better | Decision::Worse => wrong += 1,
            other => panic!("{other:?}"),
        }
    }
    // One in a hundred is allowed for; seven of 200 would be one chance in two hundred.
    assert!(wrong < 7, "{wrong}");
}

#[test]
fn claims_are_confirmed_refuted_or_too_close_to_call() {
    let decide = |claim, typical: &[f64]| measured(&question(Some(claim)), typical, 3);
    let yes = decide(1.2, &[3e8, 2e8]);
    assert_eq!(yes.claim(), Some(Decision::Confirmed));
    let no = decide(2.0, &[3e8, 2e8]);
    assert_eq!(no.claim(), Some(Decision::Refuted));
    assert!(no.text().contains("refuted: `c1` is at least 2x as fast"));
    let close = decide(1.5, &[3e8, 2e8]);
    assert_eq!(close.claim(), Some(Decision::Inconclusive));
    assert!(close.comparisons[0].logs.len() < 64);
    assert!(
        close.text().contains("too close to call"),
        "{}",
        close.text()
    );
    assert_eq!(measured(&question(None), &[3e8, 2e8], 3).claim(), None);
}

#[test]
fn several_commands_are_one_family_and_the_decided_ones_are_left_out() {
    let answer = measured(&question(None), &[3e8, 1e8, 2.99e8], 5);
    let [first, second] = answer.comparisons.as_slice() else {
        panic!("{:?}", answer.comparisons);
    };
    assert_eq!(first.decision, Decision::Better);
    assert!(first.p_adjusted > first.p_value);
    assert!(first.logs.len() < second.logs.len());
    let any = measured(&question(Some(2.0)), &[3e8, 1e8, 3e8], 5);
    assert_eq!(any.claim(), Some(Decision::Refuted));
    assert!(answer.text().contains("2 comparisons together"));
}

#[test]
fn counts_that_repeat_are_exact() {
    let counted = |counts: [u64; 3]| Contestant {
        runs: (0..3)
            .map(|block| Run {
                block,
                instructions: Some(counts[block as usize]),
                exit_code: Some(0),
                ..Run::default()
            })
            .collect(),
        ..Contestant::default()
    };
    let of = |claim, counts| {
        let contestants = [counted([200; 3]), counted(counts)];
        let question = Question {
            metric: Metric::Instructions,
            ..question(claim)
        };
        let open = !outlook(&question, &contestants).open.is_empty();
        let found = compare_all(&question, &contestants).remove(0);
        (found.decision, found.ratio, open)
    };
    assert_eq!(of(None, [100; 3]), (Decision::Better, Some(2.0), false));
    assert_eq!(of(None, [200; 3]), (Decision::Alike, Some(1.0), false));
    assert_eq!(of(Some(2.5), [100; 3]).0, Decision::Refuted);
    let sampled = of(None, [100, 101, 100]);
    assert_eq!((sampled.0, sampled.2), (Decision::Open, true));
}

#[test]
fn figures_without_any_spread_end_as_well() {
    let question = Question {
        metric: Metric::Rss,
        ..question(None)
    };
    for (peaks, expected) in [
        ([4096, 4096], Decision::Alike),
        ([8192, 4096], Decision::Better),
    ] {
        let mut contestants = [Contestant::default(), Contestant::default()];
        while let open = outlook(&question, &contestants).open
            && !open.is_empty()
        {
            for at in open {
                let block = contestants[at].runs.len() as u32;
                contestants[at].runs.push(Run {
                    block,
                    peak_bytes: Some(peaks[at]),
                    ..Run::default()
                });
            }
        }
        let found = compare_all(&question, &contestants).remove(0);
        assert_eq!(found.decision, expected);
        assert!(found.logs.len() <= 16, "{}", found.logs.len());
    }
}

#[test]
fn the_answer_is_hyperfines_export_too_and_reads_back() {
    let answer = measured(&question(Some(1.2)), &[3e8, 2e8], 3);
    let text = answer.to_json();
    let back: Answer = serde_json::from_str(&text).unwrap();
    assert_eq!(back, answer);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let result = &value["results"][0];
    assert_eq!(result["command"], "c0");
    let times = result["times"].as_array().unwrap();
    assert_eq!(times.len(), result["exit_codes"].as_array().unwrap().len());
    for name in ["mean", "stddev", "median", "min", "max"] {
        let figure = result[name].as_f64().unwrap();
        assert!(figure < 0.31, "{name} {figure}");
    }
    assert!(result["parameters"].is_null());
}

#[test]
fn what_a_reader_ought_to_know_is_said() {
    let mut answer = measured(&question(None), &[3e6, 2e6], 1);
    let said = answer.caveats.join("\n");
    assert!(
        said.contains("start of a process takes about 1.00 ms"),
        "{said}"
    );
    let contestants: Vec<_> = answer.results.drain(..).map(|r| r.contestant).collect();
    let mut trial = Trial {
        question: question(None),
        setting: setting(),
        contestants,
    };
    trial.setting.outputs = Some(Outputs::Differ(vec![1]));
    trial.contestants[0].runs[0].exit_code = None;
    let said = judge(trial).caveats.join("\n");
    assert!(said.contains("outputs differ from the first command's: `c1`"));
    assert!(said.contains("`c0` failed in 1 of"), "{said}");
}

#[test]
fn names_stay_text_on_the_page() {
    let mut answer = measured(&question(Some(1.2)), &[3e8, 2e8], 3);
    let hostile = "<script>alert(1)</script>\"'&\u{1b}[31m";
    answer.comparisons[0].command = hostile.to_owned();
    answer.results[1].contestant.name = hostile.to_owned();
    answer.results[1].contestant.command_line = format!("{hostile} x");
    answer.caveats.push(hostile.to_owned());
    let page = answer.page();
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&lt;script&gt;") && page.contains("A &amp; B &lt;processor&gt;"));
    assert!(!answer.text().contains('\u{1b}'));
}
