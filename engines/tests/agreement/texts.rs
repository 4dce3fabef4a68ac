//! Records of texts in memory, of files and of readers that come in dribs and drabs.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use engines::{Engine, Pipeline, Records, batches, collect, fold, group, sum};
use proptest::prelude::*;

use crate::{cases, every};

/// Lines by a rule written down once more, byte by byte.
pub(crate) fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = vec![];
    let mut line = vec![];
    for byte in text {
        if *byte == b'\n' {
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            lines.push(std::mem::take(&mut line));
        } else {
            line.push(*byte);
        }
    }
    if !line.is_empty() {
        // It has no line end, of which a carriage return could be a part.
        lines.push(line);
    }
    lines
}

/// Yields few bytes at a time, and is interrupted now and then.
struct Dribs<'t>(&'t [u8], usize);

impl Read for Dribs<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.1 += 1;
        if self.1.is_multiple_of(5) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let n = into.len().min(self.1 % 97 + 1).min(self.0.len());
        into[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

struct Text {
    text: Vec<u8>,
    file: tempfile::NamedTempFile,
}

fn sources<'t>(text: &'t Text) -> [Records<'t>; 3] {
    [
        Records::text(&text.text),
        Records::file(text.file.path()),
        Records::reader(Dribs(&text.text, 0)),
    ]
}

fn count(n: &mut usize, _: &[u8]) {
    *n += 1;
}

fn agrees<E: Engine>(engine: &E, text: &Text) {
    let name = engine.name();
    let lines = lines(&text.text);

    for source in sources(text) {
        let copy = Pipeline::records().map(<[u8]>::to_vec);
        assert_eq!(
            engine.run(source, &copy, collect()).unwrap(),
            lines,
            "{name}"
        );
    }

    let trimmed = |line: &[u8]| line.trim_ascii().len();
    for source in sources(text) {
        let pipeline = Pipeline::records()
            .map_bytes(<[u8]>::trim_ascii)
            .filter(|line| !line.is_empty())
            .map(|line| line.len());
        let mut seen = vec![];
        let sink = batches(|batch: &[usize]| seen.extend_from_slice(batch));
        engine.run(source, &pipeline, sink).unwrap();
        let expected: Vec<_> = lines
            .iter()
            .map(|l| trimmed(l))
            .filter(|n| *n > 0)
            .collect();
        assert_eq!(seen, expected, "{name}");
    }

    for source in sources(text) {
        // Whole numbers, whose sum is exact in any order.
        let pipeline = Pipeline::records().map(|line| line.len() as f64);
        let total: usize = lines.iter().map(Vec::len).sum();
        assert_eq!(
            engine.run(source, &pipeline, sum()).unwrap(),
            total as f64,
            "{name}"
        );
    }

    for source in sources(text) {
        let count = fold(|| 0, count, |n: &mut usize, m| *n += m);
        let found = engine.run(source, &Pipeline::records(), count).unwrap();
        assert_eq!(found, lines.len(), "{name}");
    }

    let mut plain = BTreeMap::<&[u8], u64>::new();
    let mut lower = BTreeMap::<Vec<u8>, u64>::new();
    for line in &lines {
        *plain.entry(&line[..line.len().min(2)]).or_default() += line.len() as u64;
        if line.len() % 3 > 0 {
            *lower.entry(line.to_ascii_lowercase()).or_default() += 1;
        }
    }
    let sink = || {
        group(
            || 0,
            |n: &mut u64, m: u64| *n += m,
            |n: &mut u64, m| *n += m,
        )
    };
    for source in sources(text) {
        let pipeline =
            Pipeline::records().keyed(|line| Some((&line[..line.len().min(2)], line.len() as u64)));
        let found = engine.run(source, &pipeline, sink()).unwrap();
        let expected: Vec<_> = plain.iter().map(|(k, v)| (*k, v)).collect();
        assert_eq!(found.sorted(), expected, "{name}");
    }
    for source in sources(text) {
        let pipeline = Pipeline::records().keyed_with(|line, key| {
            key.extend(line.iter().map(u8::to_ascii_lowercase));
            (line.len() % 3 > 0).then_some(1)
        });
        let found = engine.run(source, &pipeline, sink()).unwrap();
        let expected: Vec<_> = lower.iter().map(|(k, v)| (&k[..], v)).collect();
        assert_eq!(found.sorted(), expected, "{name}");
    }
}

fn check(text: Vec<u8>) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&text).unwrap();
    every!(agrees, &Text { text, file }, Text);
}

#[test]
fn line_ends() {
    for text in [
        "",
        "\n",
        "\r\n",
        "\r",
        "a",
        "a\n",
        "a\r\nb",
        "a\r\n\r\nb\n\n",
        "a\rb\r\r\n \r",
    ] {
        check(text.as_bytes().to_vec());
    }
}

#[test]
fn bytes_that_are_not_text() {
    check(b"\xff\xfe\n\xc3\x28;1\r\n\0\0\n\xf0\x9f".to_vec());
}

/// Longer than any chunk or block, at the beginning, in the middle and at the end.
#[test]
fn long_records() {
    let long = vec![b'x'; 3 << 20];
    check([&long[..], b"\nshort\r\n", &long, b"\r\nshort\n", &long].concat());
}

#[test]
fn many_records() {
    let text: String = (0..60_000)
        .map(|i| format!("Key {};{}\r\n", i % 777, i))
        .collect();
    check(text.into_bytes());
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_bytes(
        text in proptest::collection::vec(
            prop_oneof![2 => Just(b'\n'), 1 => Just(b'\r'), 1 => Just(b' '), 5 => any::<u8>()],
            0..2000,
        ),
    ) {
        check(text);
    }
}
