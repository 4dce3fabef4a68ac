//! What engines say they would do.

use std::path::PathBuf;

use engines::{
    Bytes, Engine, Files, Item, Keyed, Owned, Pipeline, Records, Requests, Source, Stage, Windows,
    iter,
};

use crate::every;
use crate::service::Numbers;

/// The questions, in their order.
const LABELS: [&str; 7] = [
    "stages",
    "vectors",
    "threads",
    "batches",
    "read-ahead",
    "order",
    "memory",
];

/// Checks the structure and returns the first line and the answers.
fn answers<E, In, Src, S>(engine: &E, source: &Src, pipeline: &Pipeline<In, S>) -> Vec<String>
where
    E: Engine,
    In: Item,
    Src: Source<In>,
    S: Stage<In>,
{
    let said = engine.explain(source, pipeline);
    let mut lines = said.lines();
    let first = lines.next().unwrap();
    assert!(
        first.starts_with(&format!("{}, over ", engine.name())),
        "{said}"
    );
    let mut answers = vec![first.to_owned()];
    for label in LABELS {
        let line = lines.next().unwrap_or_else(|| panic!("no {label}: {said}"));
        let (name, answer) = line.split_once(": ").unwrap();
        assert_eq!(name, label, "{said}");
        assert!(!answer.is_empty(), "{said}");
        answers.push(answer.to_owned());
    }
    assert_eq!(lines.next(), None, "{said}");
    answers
}

fn answered<E: Engine>(engine: &E, data: &[f64]) {
    let name = engine.name();
    let double = || Pipeline::new().map(|x: f64| 2.0 * x);
    let found = answers(engine, &data, &double());
    assert!(
        found[0].ends_with("over 1,000 items of 8 bytes by position"),
        "{found:?}"
    );
    assert_eq!(found[1], "map to f64", "{name}");
    assert!(
        found[2].starts_with("every item yields one result"),
        "{name}: {}",
        found[2]
    );

    let filtered = double().filter(|x| *x > 0.0);
    let found = answers(engine, &data, &filtered);
    assert_eq!(found[1], "map to f64, filter", "{name}");
    assert!(found[2].starts_with("no: "), "{name}: {}", found[2]);

    let overlapping = Pipeline::new().map(|[a, b]: [f64; 2]| a + b);
    let found = answers(engine, &Windows::<_, 2>::over(data), &overlapping);
    assert!(!found[2].contains("AVX-512"), "{name}: {}", found[2]);

    // Strings have to be dropped, so that no engine runs them as a block.
    let lengths = Pipeline::new().map(|text: String| text.len());
    let found = answers(engine, &iter(["a".to_owned()]), &lengths);
    assert!(
        found[0].contains("an iterator of 1 item of 24 bytes"),
        "{found:?}"
    );
    assert_eq!(found[2], "no: items run one by one", "{name}");
    let unknown = iter((0..9).filter(|n| n % 2 == 0));
    let found = answers(engine, &unknown, &Pipeline::<Owned<i32>, _>::new());
    assert!(found[0].ends_with("nobody knows how many"), "{found:?}");
    assert_eq!(found[1], "none: results are the items", "{name}");

    let lines = Pipeline::<Bytes, _>::records();
    let found = answers(engine, &Records::text(b"one\n"), &lines);
    assert!(
        found[0].ends_with("the records of a text of 4 bytes"),
        "{found:?}"
    );
    let found = answers(engine, &Records::file("/nowhere"), &lines);
    assert!(
        found[0].ends_with("a file that cannot be looked at"),
        "{found:?}"
    );
    let found = answers(engine, &Records::reader(std::io::empty()), &lines);
    assert!(found[0].ends_with("the records of a reader"), "{found:?}");

    let bodies = Pipeline::<Keyed<usize>, _>::responses();
    let paths = [PathBuf::from("a"), PathBuf::from("b")];
    let found = answers(engine, &Files::at(&paths), &bodies);
    assert!(found[0].ends_with("the contents of 2 files"), "{found:?}");
    let address = "127.0.0.1:1".parse().unwrap();
    let found = answers(
        engine,
        &Requests::to(address, &Numbers, &[1, 2, 3]),
        &bodies,
    );
    assert!(
        found[0].ends_with("the responses to 3 requests"),
        "{found:?}"
    );
    assert!(found[5].contains("under way on"), "{name}: {}", found[5]);
}

#[test]
fn every_engine_answers_every_question_of_every_source() {
    every!(answered, &[1.5; 1000], [f64]);
}

#[cfg(feature = "parallel")]
#[test]
fn the_parallel_engine_in_full() {
    let engine = engines::Parallel::default()
        .workers(4)
        .capacity(3)
        .chunk_bytes(128 << 10)
        .memory(8 << 20);
    let text = vec![b'\n'; 16 << 20];
    let long = Pipeline::records().filter(|line| line.len() > 80);
    let expected = "\
parallel, over the records of a text of 16 MiB
stages: filter
vectors: no: an item can yield any number of results, so that items run one by one
threads: 4, the caller's among them; the others are woken once they are expected to save 100µs
batches: chunks of 128 KiB, at the beginning and towards the end down to 16 KiB
read-ahead: none
order: that of the input where the sink asks for it, with up to 12 parts under way, else none
memory: at most 8 MiB for each worker
";
    assert_eq!(engine.explain(&Records::text(&text), &long), expected);
}

#[cfg(feature = "streaming")]
#[test]
fn the_streaming_engine_in_full() {
    let engine = engines::Streaming::default()
        .workers(2)
        .chunk_bytes(64 << 10)
        .memory(1 << 20);
    let lengths = Pipeline::records().map(|line| line.len());
    let expected = "\
streaming, over the records of a reader
stages: map to usize
vectors: no: items run one by one
threads: 2
batches: up to 64 KiB, of whole records
read-ahead: 1 thread that reads, up to 4 chunks in all
order: that of the input where the sink asks for it, with up to 8 parts under way, else none
memory: at most 1 MiB for any one buffer, and for the results
";
    let source = Records::reader(std::io::empty());
    assert_eq!(engine.explain(&source, &lengths), expected);
}
