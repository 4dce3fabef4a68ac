//! The invariants of ARCHITECTURE.md, most of them absences, held against the sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Every source file of a crate, path and text.
fn sources(name: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(name)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "{name}");
    found
}

fn shipped(name: &str) -> impl Iterator<Item = (PathBuf, String)> {
    sources(&format!("{name}/src")).into_iter()
}

#[test]
fn crates_import_only_what_lies_below() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("engines", &[][..]),
        ("workloads", &["engines"][..]),
        ("reports", &[][..]),
        ("harness", &["engines", "reports", "workloads"][..]),
    ]);
    let root_manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for (name, below) in &allowed {
        assert!(
            root_manifest.contains(&format!("\"{name}\"")),
            "{name} is not a member"
        );
        let manifest = fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
        let imported: Vec<_> = allowed
            .keys()
            .filter(|other| {
                manifest
                    .lines()
                    // Says of a benchmark that it has a `main` of its own.
                    .filter(|line| *line != "harness = false")
                    .any(|line| line.split(['.', ' ', '=']).next() == Some(other))
            })
            .collect();
        assert_eq!(imported, below.iter().collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn workloads_name_no_engine_and_engines_name_no_workload() {
    let engines = [
        "MemoryOptimized",
        "CacheAware",
        "Async",
        "Streaming",
        "Parallel",
        "memory-optimized",
    ];
    for (path, text) in shipped("workloads") {
        for name in engines {
            let word = |c: char| c.is_alphanumeric() || c == '_';
            let named = text.match_indices(name).any(|(at, _)| {
                !text[..at].ends_with(word) && !text[at + name.len()..].starts_with(word)
            });
            assert!(!named, "{} names {name}", path.display());
        }
    }
    for (path, text) in shipped("engines") {
        for name in ["numeric/", "io-bound", "large-file", "many-small-items"] {
            assert!(!text.contains(name), "{} names {name}", path.display());
        }
    }
}

#[test]
fn libraries_print_nothing_and_statistics_have_no_clock() {
    for name in ["engines", "workloads", "reports"] {
        for (path, text) in shipped(name) {
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            for line in code {
                let prints = ["println!(", "print!(", "eprintln!(", "eprint!("];
                let printing = prints
                    .iter()
                    .any(|call| line.trim_start().starts_with(call));
                assert!(!printing, "{}: {line}", path.display());
                if name == "reports" {
                    assert!(!line.contains("Instant::now"), "{}: {line}", path.display());
                    assert!(
                        !line.contains("SystemTime::now"),
                        "{}: {line}",
                        path.display()
                    );
                }
            }
        }
    }
}

#[test]
fn every_file_says_what_it_is_for_and_is_short_enough_to_read() {
    for name in ["engines", "workloads", "reports", "harness"] {
        for (path, text) in sources(name) {
            assert!(
                text.starts_with("//!"),
                "{} does not begin with //!",
                path.display()
            );
            let lines = text.lines().count();
            assert!(lines <= 600, "{} has {lines} lines", path.display());
        }
    }
}

#[test]
fn every_path_named_in_the_architecture_exists() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut named = 0;
    for quoted in text.split('`').skip(1).step_by(2) {
        let is_path = quoted.contains('/')
            && !quoted.contains([' ', '<', '*', '(', ':', '{'])
            && !quoted.starts_with("target/");
        if is_path {
            named += 1;
            assert!(
                root().join(quoted).exists(),
                "ARCHITECTURE.md names `{quoted}`"
            );
        }
    }
    assert!(
        named > 20,
        "only {named} paths found: has the form changed?"
    );
}
