//! Readers of records: each engine over a text in memory, a file and a reader that dribbles, is
//! interrupted and may fail, against lines found byte by byte.
#![no_main]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use engines::{Engine, Error, Pipeline, Records, batches, collect, group};
use engines_fuzz::{Dribs, lines, with_engine};
use libfuzzer_sys::fuzz_target;

/// Written anew for each input.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    std::env::temp_dir().join(format!("engines-fuzz-records-{}", std::process::id()))
});

/// How a text is read.
struct Case<'t> {
    text: &'t [u8],
    lines: Vec<Vec<u8>>,
    sizes: [usize; 2],
    interrupted: usize,
    /// After so many bytes a reader fails.
    fails_at: usize,
}

fuzz_target!(|data: &[u8]| {
    let Some((head, text)) = data.split_first_chunk::<7>() else {
        return;
    };
    let [repeats, chunk, first, second, interrupted, fails_at, way] = *head;
    let text = text.repeat(1 + usize::from(repeats % 32));
    std::fs::write(&*FILE, &text).expect("there is room for a small file");
    let case = Case {
        lines: lines(&text),
        sizes: [first.into(), usize::from(second) * 16],
        interrupted: interrupted.into(),
        fails_at: text.len() * usize::from(fails_at) / 256,
        text: &text,
    };
    // Chunks of one byte take long and show no more than those of a few.
    let chunk = 3 + usize::from(chunk) * usize::from(chunk) / 4;
    match way % 3 {
        0 => with_engine!(way / 3, chunk, |engine: &_| copies(engine, &case)),
        1 => with_engine!(way / 3, chunk, |engine: &_| counts(engine, &case)),
        _ => with_engine!(way / 3, chunk, |engine: &_| fails(engine, &case)),
    }
});

impl Case<'_> {
    fn sources(&self) -> [Records<'_>; 3] {
        let dribs = Dribs::new(self.text, self.sizes, self.interrupted, false);
        [
            Records::text(self.text),
            Records::file(&*FILE),
            Records::reader(dribs),
        ]
    }
}

fn copies(engine: &impl Engine, case: &Case<'_>) {
    let copy = Pipeline::records().map(<[u8]>::to_vec);
    for source in case.sources() {
        let found = engine.run(source, &copy, collect());
        assert_eq!(found.unwrap(), case.lines, "{}", engine.name());
    }
}

fn counts(engine: &impl Engine, case: &Case<'_>) {
    let mut expected = BTreeMap::<&[u8], usize>::new();
    for line in &case.lines {
        *expected.entry(line).or_default() += 1;
    }
    let each = Pipeline::records().keyed(|line| Some((line, 1)));
    for source in case.sources() {
        let add = |n: &mut usize, more: usize| *n += more;
        let found = engine.run(source, &each, group(|| 0, add, add)).unwrap();
        let expected: Vec<_> = expected.iter().map(|(key, n)| (*key, n)).collect();
        assert_eq!(found.sorted(), expected, "{}", engine.name());
    }
}

/// A reader that fails never makes for an answer, and what has come before is right and in order.
fn fails(engine: &impl Engine, case: &Case<'_>) {
    let begin = &case.text[..case.fails_at];
    let reader = Dribs::new(begin, case.sizes, case.interrupted, true);
    let mut seen = Vec::new();
    let sink = batches(|batch: &[Vec<u8>]| seen.extend_from_slice(batch));
    let copy = Pipeline::records().map(<[u8]>::to_vec);
    match engine.run(Records::reader(reader), &copy, sink) {
        Err(Error::Io { source, .. }) => assert_eq!(source.to_string(), "the wire is cut"),
        other => panic!("{}: {other:?}", engine.name()),
    }
    assert!(case.lines.starts_with(&seen), "{}: {seen:?}", engine.name());
}
