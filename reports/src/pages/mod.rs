//! The report as pages: which there are, where they lie, and writing them. What a page says is a pure
//! function of verdicts and records; only [`write`] touches files.

mod cell;
mod claims;
#[cfg(test)]
mod contrast;
mod doctor;
mod files;
mod limits;
mod machine;
mod matrix;
mod method;
mod overview;
mod scaling;
pub(crate) mod shell;
mod trust;
pub(crate) mod versus;
mod why;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use crate::figures::Figures;
use crate::recheck;
use crate::record::{self, Record};
use crate::selftest::Results;
use crate::slug;
use crate::verdict::Judged;

/// The pages as path within the report, with `/`, and text, with the selftest that comes with this version.
pub fn pages(judged: &Judged, records: &[Record]) -> Vec<(String, String)> {
    with_selftest(judged, records, &Results::committed())
}

/// The pages, with these results of the selftest.
pub fn with_selftest(
    judged: &Judged,
    records: &[Record],
    selftest: &Results,
) -> Vec<(String, String)> {
    let figures = Figures::new(records);
    let mut pages = vec![
        ("index.html".to_owned(), overview::page(judged)),
        ("method.html".to_owned(), method::page(judged)),
        ("machine.html".to_owned(), machine::page(judged, &figures)),
        ("trust.html".to_owned(), trust::page(judged, selftest)),
    ];
    for contender in contenders(judged) {
        pages.push((claims_path(contender), claims::page(judged, contender)));
    }
    for cell in &judged.cells {
        let path = cell_path(&cell.workload, &cell.contender);
        pages.push((path, cell::page(judged, &figures, cell)));
    }
    pages
}

/// Writes pages, `verdicts.json`, the records and the files that they name.
pub(crate) fn write(
    judged: &Judged,
    records: &[Record],
    run_folder: &Path,
    out: &Path,
) -> io::Result<()> {
    fs::create_dir_all(out)?;
    // Results of this machine, where the run's folder has any, say more than those of another.
    let of_run = fs::read_to_string(run_folder.join(SELFTEST)).ok();
    let of_run = of_run.and_then(|text| Results::parse(&text).ok());
    let selftest = of_run.unwrap_or_else(Results::committed);
    let pages = with_selftest(judged, records, &selftest);
    remove_stale(out, &pages)?;
    for (path, text) in pages {
        let path = out.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, text)?;
    }
    fs::write(out.join(recheck::VERDICTS), judged.to_json())?;
    // The file as it is, with lines that this version could not read; else what was handed over.
    if !files::copy(run_folder, "records.jsonl", &out.join("records.jsonl"))? {
        let lines: String = records.iter().map(record::line).collect();
        fs::write(out.join("records.jsonl"), lines)?;
    }
    for record in records {
        if let Record::Probe(probe) = record {
            for name in probe.files.iter().filter(|name| files::is_safe(name)) {
                files::copy(run_folder, name, &out.join(files::target(name)))?;
            }
        }
    }
    Ok(())
}

/// The file of a run's folder that a selftest left there.
const SELFTEST: &str = "selftest.json";

/// The file that lists the pages of a report, one path on each line.
const LIST: &str = "pages.txt";

/// Removes the pages of an earlier report that this one does not have: they would pass for its own.
fn remove_stale(out: &Path, pages: &[(String, String)]) -> io::Result<()> {
    let earlier = fs::read_to_string(out.join(LIST)).unwrap_or_default();
    for path in earlier
        .lines()
        .filter(|path| files::is_safe(path) && path.ends_with(".html"))
    {
        if !pages.iter().any(|(kept, _)| kept == path) {
            match fs::remove_file(out.join(path)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    let list: String = pages.iter().map(|(path, _)| format!("{path}\n")).collect();
    fs::write(out.join(LIST), list)
}

/// The contenders that a claim is about, in the order of the claims.
fn contenders(judged: &Judged) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    let all = judged.verdicts.iter().map(|v| v.contender.as_str());
    all.filter(|contender| seen.insert(*contender)).collect()
}

/// Where a cell's page lies.
fn cell_path(workload: &str, contender: &str) -> String {
    format!(
        "cells/{}/{}.html",
        slug::path(workload).join("/"),
        slug::component(contender)
    )
}

/// Where the page of a contender's claims lies.
fn claims_path(contender: &str) -> String {
    format!("claims/{}.html", slug::component(contender))
}

/// The way back from a page to the report's folder.
fn root(path: &str) -> String {
    "../".repeat(path.matches('/').count())
}
