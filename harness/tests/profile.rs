//! The CPU profile names the function in which the time is spent.

mod common;

use common::{expect, harness, is, probes};

#[cfg(target_os = "linux")]
#[test]
fn a_known_leaf_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = harness("run", folder.path());
    run.args([
        "--fixtures",
        "--only",
        "fixture/spins/idiomatic",
        "--instruments",
        "cpu",
    ]);
    expect(&mut run, 0);
    let probes = probes(folder.path());
    let profile = probes
        .iter()
        .find(|p| is(p, "fixture/spins", "idiomatic", "cpu"))
        .unwrap();
    assert_eq!(profile["outcome"], "measured", "{profile}");
    let file = profile["files"][0].as_str().unwrap();
    let graph = std::fs::read_to_string(folder.path().join(file)).unwrap();
    // A frame's title reads `name (12 samples, 97.20%)`.
    let title = graph
        .split("<title>")
        .find(|title| title.contains("known_leaf"))
        .unwrap();
    let share = title.split(", ").nth(1).unwrap().split('%').next().unwrap();
    assert!(share.parse::<f64>().unwrap() > 80.0, "{title}");
    // The record itself says so too, for reports that compare functions.
    let first = &profile["functions"][0];
    let name = first["name"].as_str().unwrap();
    assert_eq!(name, "known_leaf (src/fixtures.rs)", "{profile}");
    let all = profile["series"][0]["values"][0].as_u64().unwrap();
    assert!(
        first["samples"].as_u64().unwrap() * 10 > all * 8,
        "{profile}"
    );
}
