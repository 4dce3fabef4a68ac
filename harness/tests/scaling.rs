//! How cells scale, measured for real: every level has its figures, and every answer was checked.

mod common;

use common::{expect, harness, is, probes};
use serde_json::Value;

/// Level, items and number of values of each series of a metric.
fn levels(probe: &Value, metric: &str) -> Vec<(u64, u64, usize)> {
    let series = probe["series"].as_array().unwrap().iter();
    series
        .filter(|series| series["metric"] == metric)
        .map(|series| {
            let level = &series["level"];
            let values = series["values"].as_array().unwrap();
            assert_eq!(values.len() as u64 % level["blocks"].as_u64().unwrap(), 0);
            assert!(metric == "scaled-heap-peak" || values.iter().all(|v| v.as_u64() > Some(0)));
            (
                level["at"].as_u64().unwrap(),
                level["items"].as_u64().unwrap(),
                values.len(),
            )
        })
        .collect()
}

#[test]
fn a_cell_is_measured_over_sizes_and_cores() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = harness("all", folder.path());
    run.args([
        "--only",
        "numeric/sum/cache-aware",
        "--skip",
        "eager",
        "--skip",
        "idiomatic",
    ]);
    run.args(["--instruments", "scaling"]);
    expect(&mut run, 0);
    let probes = probes(folder.path());
    assert_eq!(probes.len(), 3);
    let of = |instrument| {
        let mut all = probes.iter();
        all.find(|p| is(p, "numeric/sum", "cache-aware", instrument))
            .unwrap()
    };
    let sizes = of("sizes");
    assert_eq!(sizes["outcome"], "measured", "{sizes}");
    for metric in ["scaled-wall-time", "scaled-heap-peak"] {
        let at: Vec<_> = levels(sizes, metric).iter().map(|l| (l.0, l.1)).collect();
        let expected = [14, 15, 16, 17, 18].map(|power| (1 << power, 1 << power));
        assert_eq!(at, expected, "{metric}");
    }
    if cfg!(target_os = "linux") {
        let cores = levels(of("cores"), "scaled-wall-time");
        let all = std::thread::available_parallelism().unwrap().get() as u64;
        assert_eq!((cores[0].0, cores[cores.len() - 1].0), (1, all));
        assert!(cores.iter().all(|level| level.1 == 1 << 18));
    }
    let concurrency = of("concurrency");
    assert_eq!(concurrency["outcome"], "not-measured", "{concurrency}");
    let page = folder.path().join("cells/numeric/sum/cache-aware.html");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("How does it scale?") && page.contains("growth-sizes-t"));
}

#[test]
fn requests_are_measured_with_one_to_ten_thousand_in_flight() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = harness("run", folder.path());
    run.args([
        "--only",
        "requests/async",
        "--skip",
        "eager",
        "--instruments",
        "concurrency",
    ]);
    expect(&mut run, 0);
    let probes = probes(folder.path());
    let of = |contender| {
        let mut all = probes.iter();
        all.find(|p| is(p, "io-bound/requests", contender, "concurrency"))
            .unwrap()
    };
    let levels: Vec<_> = levels(of("async"), "scaled-wall-time");
    let at: Vec<_> = levels.iter().map(|level| (level.0, level.1)).collect();
    assert_eq!(
        at,
        [
            (1, 20),
            (10, 40),
            (100, 400),
            (1000, 4000),
            (10_000, 40_000)
        ]
    );
    let why = of("idiomatic")["why"].as_str().unwrap().to_owned();
    assert_eq!(
        why,
        "only async lets the number of requests in flight be set"
    );
}

#[test]
fn a_run_of_all_instruments_scales_what_a_claim_names_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let claims = folder.path().join("claims.toml");
    let text = "[verdict]\nlevel = 0.99\nbaselines = [\"eager\"]\nmatrix = \"wall-time\"\ntints = []\n\
        [[claim]]\nid = \"e\"\nsource = \"ours\"\nsentence = \"s\"\nmetric = \"heap-exponent\"\n\
        workloads = [\"numeric/sum\"]\ncontender = \"cache-aware\"\nexponent = [-1.0, 0.05]\n";
    std::fs::write(&claims, text).unwrap();
    let mut run = harness("run", &folder.path().join("out"));
    run.arg("--claims").arg(&claims).arg("--json");
    run.args([
        "--only",
        "numeric/sum/cache-aware",
        "--only",
        "numeric/sum/async",
    ]);
    run.args(["--skip", "eager", "--skip", "idiomatic"]);
    let (out, _) = expect(&mut run, 0);
    let judged: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(judged["verdicts"][0]["decision"], "confirmed", "{judged}");
    let probes = probes(&folder.path().join("out"));
    let scaled = probes.iter().filter(|p| {
        let instrument = p["instrument"].as_str().unwrap();
        ["sizes", "cores", "concurrency"].contains(&instrument)
    });
    let scaled: Vec<_> = scaled
        .map(|p| (&p["cell"]["contender"], &p["instrument"]))
        .collect();
    assert_eq!(
        scaled,
        [(&Value::from("cache-aware"), &Value::from("sizes"))]
    );
}
