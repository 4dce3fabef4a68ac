//! Whole files, as many small ones.

use std::collections::BTreeMap;
use std::path::PathBuf;

use engines::{Engine, Files, Pipeline, batches, collect, fold, group, sum};
use proptest::prelude::*;

use crate::{cases, every};

struct Folder {
    paths: Vec<PathBuf>,
    contents: Vec<Vec<u8>>,
    _folder: tempfile::TempDir,
}

fn agrees<E: Engine>(engine: &E, folder: &Folder) {
    let name = engine.name();
    let Folder {
        paths, contents, ..
    } = folder;

    let copy = Pipeline::responses().map(|(bytes, index): (&[u8], usize)| (index, bytes.to_vec()));
    let found = engine.run(Files::at(paths), &copy, collect()).unwrap();
    let expected: Vec<_> = contents.iter().cloned().enumerate().collect();
    assert_eq!(found, expected, "{name}");

    let mut seen = vec![];
    let sink = batches(|batch: &[(usize, Vec<u8>)]| seen.extend_from_slice(batch));
    engine.run(Files::at(paths), &copy, sink).unwrap();
    assert_eq!(seen, expected, "{name}");

    let lengths = Pipeline::responses()
        .bodies()
        .map(|bytes| bytes.len() as f64);
    let total: usize = contents.iter().map(Vec::len).sum();
    let found = engine.run(Files::at(paths), &lengths, sum()).unwrap();
    assert_eq!(found, total as f64, "{name}");

    let hash = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(7u64, |h, b| h.wrapping_mul(31) ^ u64::from(*b))
    };
    let hashes =
        Pipeline::responses().map(move |(bytes, index): (&[u8], usize)| hash(bytes) ^ index as u64);
    let sink = fold(|| 0, |h: &mut u64, g: u64| *h ^= g, |h, g| *h ^= g);
    let expected = contents
        .iter()
        .enumerate()
        .fold(0, |h, (i, b)| h ^ hash(b) ^ i as u64);
    assert_eq!(
        engine.run(Files::at(paths), &hashes, sink).unwrap(),
        expected,
        "{name}"
    );

    let mut groups = BTreeMap::<&[u8], usize>::new();
    contents
        .iter()
        .for_each(|bytes| *groups.entry(&bytes[..bytes.len().min(1)]).or_default() += 1);
    let first = Pipeline::responses()
        .bodies()
        .keyed(|bytes| Some((&bytes[..bytes.len().min(1)], 1)));
    let sink = group(
        || 0,
        |n: &mut usize, m: usize| *n += m,
        |n: &mut usize, m| *n += m,
    );
    let found = engine.run(Files::at(paths), &first, sink).unwrap();
    assert_eq!(
        found.sorted(),
        groups.iter().map(|(k, v)| (*k, v)).collect::<Vec<_>>(),
        "{name}"
    );
}

fn check(contents: Vec<Vec<u8>>) {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..contents.len())
        .map(|i| folder.path().join(i.to_string()))
        .collect();
    paths
        .iter()
        .zip(&contents)
        .for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
    every!(
        agrees,
        &Folder {
            paths,
            contents,
            _folder: folder
        },
        Folder
    );
}

#[test]
fn none_empty_small_and_large() {
    check(vec![]);
    check(vec![vec![]]);
    check(vec![vec![]; 100]);
    check(vec![
        b"a".to_vec(),
        vec![],
        vec![b'x'; 3 << 20],
        b"b".to_vec(),
        vec![b'y'; 70_000],
    ]);
}

#[test]
fn many() {
    check((0..3000usize).map(|i| vec![i as u8; i * 7 % 400]).collect());
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_files(contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..40)) {
        check(contents);
    }
}
