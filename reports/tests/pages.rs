//! The report of synthetic runs: which pages there are, that they hold together without a network, that
//! names from records stay text, and that it is quick.

mod synthetic;

use std::collections::BTreeSet;
use std::fs;

use reports::claims::{self, Claims};
use reports::pages;
use reports::record::{Failure, Record};
use synthetic::{Synthetic, cell, failed, not_measured, probe, series};

const WORKLOADS: [&str; 8] = [
    "numeric/map",
    "numeric/sum",
    "numeric/window",
    "io-bound/requests",
    "io-bound/files",
    "large-file/aggregate",
    "many-small-items/few-keys",
    "many-small-items/many-keys",
];

const CONTENDERS: [(&str, f64); 7] = [
    ("eager", 6.0),
    ("idiomatic", 4.0),
    ("memory-optimized", 2.0),
    ("cache-aware", 1.0),
    ("async", 4.6),
    ("streaming", 2.1),
    ("parallel", 1.6),
];

fn own_claims() -> Claims {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../harness/claims.toml");
    claims::parse(&fs::read_to_string(path).unwrap(), "claims.toml").unwrap()
}

fn full_run() -> Vec<Record> {
    let mut run = Synthetic::new("default");
    for (i, workload) in WORKLOADS.iter().enumerate() {
        let tilt = 1.0 + i as f64 / 5.0;
        let mut contenders = CONTENDERS;
        for (j, (_, factor)) in contenders.iter_mut().enumerate() {
            *factor *= if j < 2 { tilt } else { 1.0 };
        }
        run = run.times(workload, &contenders, 8);
        run = run.heap(
            workload,
            &[
                ("eager", 64_000_000),
                ("idiomatic", 9_000_000),
                ("memory-optimized", 4_000_000),
                ("cache-aware", 600_000),
                ("streaming", 0),
            ],
        );
    }
    let at = |contender| cell("large-file/aggregate", contender, "default");
    let mut records = run.records;
    for workload in WORKLOADS {
        for (i, (contender, _)) in CONTENDERS.iter().enumerate() {
            let misses = |metric| series(metric, "count", true, 0, &[90_000 / (i as u64 + 1)]);
            let both = vec![misses("l1-misses"), misses("last-level-misses")];
            records.push(probe(
                cell(workload, contender, "default"),
                "counts",
                0,
                both,
            ));
        }
    }
    records.push(failed(
        at("cache-aware"),
        "time",
        9,
        Failure::OutOfMemory,
        "limit of 64 MiB",
    ));
    records.push(failed(
        at("parallel"),
        "heap",
        0,
        Failure::TimedOut,
        "after 60 s",
    ));
    records.push(probe(at("streaming"), "limited", 0, Vec::new()));
    records.push(not_measured(
        at("streaming"),
        "counts",
        "valgrind is not installed",
    ));
    let mut profile = probe(
        cell("numeric/map", "parallel", "default"),
        "cpu",
        0,
        Vec::new(),
    );
    if let Record::Probe(probe) = &mut profile {
        probe.files = vec![
            "profiles/map.svg".to_owned(),
            "profiles/dhat-map.json".to_owned(),
            "profiles/callgrind.out.7".to_owned(),
            "../outside.svg".to_owned(),
        ];
    }
    records.push(profile);
    records
}

fn tags(page: &str) -> usize {
    page.match_indices('<')
        .filter(|(i, _)| {
            page.as_bytes()
                .get(i + 1)
                .is_some_and(u8::is_ascii_alphabetic)
        })
        .count()
}

fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    page.match_indices(&start)
        .map(|(i, _)| page[i + start.len()..].split('"').next().unwrap())
        .collect()
}

fn check(pages: &[(String, String)]) {
    let paths: BTreeSet<&str> = pages.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths.len(), pages.len(), "two pages share a path");
    for (path, page) in pages {
        assert!(
            page.starts_with("<!DOCTYPE html><html lang=\"en\">"),
            "{path}"
        );
        assert_eq!(page.matches("<h1>").count(), 1, "{path}");
        for foreign in [
            "<script", "http://", "https://", "@import", "url(", "NaN", "inf ",
        ] {
            assert!(!page.contains(foreign), "{path} holds {foreign}");
        }
        assert!(tags(page) <= 1500, "{path} has {} elements", tags(page));
        assert!(page.len() <= 200_000, "{path} has {} bytes", page.len());
        let ids = attributes(page, "id");
        assert_eq!(
            ids.iter().collect::<BTreeSet<_>>().len(),
            ids.len(),
            "{path}: {ids:?}"
        );
        for link in attributes(page, "href") {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let mut at: Vec<&str> = path.split('/').collect();
            if !file.is_empty() {
                at.pop();
            }
            for part in file.split('/').filter(|part| !part.is_empty()) {
                if part == ".." {
                    assert!(at.pop().is_some(), "{link}")
                } else {
                    at.push(part)
                }
            }
            let at = at.join("/");
            if at.ends_with(".html") {
                let target = pages.iter().find(|(path, _)| *path == at);
                let (_, target) = target.unwrap_or_else(|| panic!("{path}: {link} leads nowhere"));
                assert!(
                    anchor.is_empty() || attributes(target, "id").contains(&anchor),
                    "{path}: {link}"
                );
            }
        }
    }
}

#[test]
fn a_full_run_gives_sound_pages() {
    let records = full_run();
    let judged = reports::judge(&records, &own_claims());
    let pages = pages::pages(&judged, &records);
    check(&pages);
    let page = |path: &str| &pages.iter().find(|(p, _)| p == path).unwrap().1;
    assert_eq!(pages.len(), 4 + 5 + 56);
    let index = page("index.html");
    assert!(index.contains("claims hold here") && index.contains("Read with care"));
    assert!(index.contains("out of memory") && index.contains("Synthetic 5 &lt;fast&gt;"));
    let streaming = page("cells/large-file/aggregate/streaming.html");
    assert!(streaming.contains("not measured: valgrind is not installed"));
    assert!(streaming.contains("exact") && streaming.contains("∞ (all of it) exact"));
    assert!(streaming.contains("--only 'large-file/aggregate/streaming'"));
    assert!(streaming.contains("block 7") && streaming.contains("Cumulative distribution"));
    let map = page("cells/numeric/map/parallel.html");
    for part in [
        "<img",
        "dh_view",
        "KCachegrind",
        "its name is not a plain path",
    ] {
        assert!(map.contains(part), "{part}");
    }
    assert!(!map.contains("../outside.svg"));
    assert!(page("claims/parallel.html").contains("two cores allow 2.0x at most"));
}

#[test]
fn names_from_records_stay_text_and_inside_the_folder() {
    let long = "w".repeat(300);
    let hostile = [
        "<script>alert(1)</script>",
        "../../x",
        "\" onload=\"x",
        "\u{202e}rtl' && rm",
        &long,
        "..",
        "",
        "A/B",
        "a b",
    ];
    let mut run = Synthetic::new("default");
    for name in hostile {
        run = run
            .times(name, &[("eager", 2.0), (name, 1.0)], 8)
            .heap(name, &[(name, 5)]);
        run.records.push(failed(
            cell(name, "<b>", "default"),
            "time",
            0,
            Failure::Error,
            name,
        ));
        let odd = series(name, name, false, 0, &[1, 2]);
        run.records
            .push(probe(cell(name, name, "default"), name, 3, vec![odd]));
    }
    let judged = reports::judge(&run.records, &own_claims());
    let pages = pages::pages(&judged, &run.records);
    check(&pages);
    for (path, page) in &pages {
        assert!(
            path.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"/-_.".contains(&b)),
            "{path}"
        );
        assert!(!path.contains("..") && path.len() < 200, "{path}");
        assert!(!page.contains("<script") && !page.contains("<b><") && !page.contains("\" onload"));
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("deep/out");
    reports::render(&judged, &run.records, folder.path(), &out).unwrap();
    let beside: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(beside.len(), 1, "something was written outside the report");
}

#[test]
fn runs_that_lack_everything_still_give_pages() {
    let claims = own_claims();
    let lone = Synthetic::new("quick").times("numeric/map", &[("parallel", 1.0)], 1);
    let mut zero = Synthetic::new("default");
    for contender in ["eager", "fast"] {
        let empty = series("wall-time", "ns", false, 3, &[1]);
        zero.records.push(probe(
            cell("w", contender, "default"),
            "time",
            0,
            vec![empty],
        ));
    }
    for records in [
        Vec::new(),
        Synthetic::new("quick").records,
        lone.records,
        zero.records,
    ] {
        let judged = reports::judge(&records, &claims);
        check(&pages::pages(&judged, &records));
        let json: serde_json::Value = serde_json::from_str(&judged.to_json()).unwrap();
        assert_eq!(json["version"], 1);
    }
}

#[test]
fn a_report_lies_complete_in_its_folder() {
    let run = tempfile::tempdir().unwrap();
    fs::create_dir(run.path().join("profiles")).unwrap();
    for name in ["map.svg", "dhat-map.json", "callgrind.out.7"] {
        fs::write(run.path().join("profiles").join(name), name).unwrap();
    }
    let records = full_run();
    let lines: String = records.iter().map(reports::record::line).collect();
    fs::write(run.path().join("records.jsonl"), &lines).unwrap();
    let judged = reports::judge(&records, &own_claims());
    // Once into a folder of its own, once into the run's own folder.
    for out in [run.path().join("report"), run.path().to_owned()] {
        reports::render(&judged, &records, run.path(), &out).unwrap();
        assert_eq!(
            fs::read_to_string(out.join("records.jsonl")).unwrap(),
            lines
        );
        assert_eq!(
            fs::read_to_string(out.join("files/profiles/map.svg")).unwrap(),
            "map.svg"
        );
        assert_eq!(
            fs::read_to_string(out.join("verdicts.json")).unwrap(),
            judged.to_json()
        );
        assert!(out.join("cells/numeric/map/parallel.html").exists());
    }
}

#[test]
fn a_hundred_cells_make_pages_that_a_phone_can_load() {
    let mut run = Synthetic::new("default");
    for workload in 0..15 {
        run = run.times(&format!("w/{workload}"), &CONTENDERS, 8);
    }
    let judged = reports::judge(&run.records, &own_claims());
    let pages = pages::pages(&judged, &run.records);
    assert!(pages.len() > 100);
    for (path, page) in pages {
        assert!(page.len() < 300_000, "{path}: {} bytes", page.len());
    }
}
