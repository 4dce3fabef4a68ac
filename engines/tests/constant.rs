//! The memory-optimized and the streaming engine hold the same number of bytes for a hundred times as
//! much input, and a tenth at most of what eager code holds.

#![cfg(all(feature = "memory-optimized", feature = "streaming"))]

mod counting;

use std::collections::HashMap;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use engines::{
    Engine, Files, MemoryOptimized, Pipeline, Records, Streaming, fold, group, iter, sum,
};

use counting::peak;

/// One of these is the input of both sizes: a hundredth of it is the small input.
struct World {
    numbers: Vec<f64>,
    text: String,
    file: PathBuf,
    paths: Vec<PathBuf>,
}

const TIMES: usize = 100;
const NUMBERS: usize = 20_000;
const LINES: usize = 20_000;
const FILES: usize = 10;
const KEYS: usize = 37;
/// Bytes of the largest of the whole files.
const LARGEST: usize = 7919 * (FILES - 1);

/// Bytes of the streaming engine's chunks here, and what it reads beyond one.
const CHUNK: usize = 16 << 10;
const TAIL: usize = 2 << 10;
/// A worker's part of the groups, its thread, its place in the queue.
const EACH_WORKER: usize = 12 << 10;

impl World {
    /// `times` a hundredth of the whole.
    fn new(folder: &Path, times: usize) -> World {
        let text: String = (0..LINES * times)
            .map(|i| format!("key-{:02} {i:07}\n", i % KEYS))
            .collect();
        // All names have the same length, because the path that is being opened counts too.
        let file = folder.join(format!("text-{times:03}"));
        std::fs::write(&file, &text).unwrap();
        let paths: Vec<_> = (0..FILES * times)
            .map(|i| folder.join(format!("{times:03}-{i:04}")))
            .collect();
        for (i, path) in paths.iter().enumerate() {
            let mut file = std::fs::File::create(path).unwrap();
            // Sizes recur, so that the largest is the same however many there are.
            file.write_all(&text.as_bytes()[..7919 * (i % FILES)])
                .unwrap();
        }
        World {
            numbers: (0..NUMBERS * times).map(|i| (i % 1000) as f64).collect(),
            text,
            file,
            paths,
        }
    }
}

/// Runs everything once and returns what each run held at most, by name.
fn peaks<E: Engine>(engine: impl Fn() -> E, world: &World) -> Vec<(&'static str, usize)> {
    let mut found = Vec::new();
    let n = world.numbers.len();
    let half = Pipeline::new()
        .map(|x: f64| x * 0.5)
        .filter(|x| *x >= 100.0);
    let double = Pipeline::new().map(|x: f64| x * 2.0);
    let count = || fold(|| 0, |n: &mut usize, _: f64| *n += 1, |n, m| *n += m);

    let (result, held) = peak(|| engine().run(&world.numbers[..], &half, count()).unwrap());
    assert_eq!(result, n / 1000 * 800);
    found.push(("a slice, folded", held));
    let (result, held) = peak(|| engine().run(&world.numbers[..], &double, sum()).unwrap());
    assert_eq!(result, (n / 1000 * 999_000) as f64);
    found.push(("a slice, summed", held));
    let items = || iter(world.numbers.iter().copied());
    let (result, held) = peak(|| engine().run(items(), &half, count()).unwrap());
    assert_eq!(result, n / 1000 * 800);
    found.push(("an iterator, folded", held));
    let (result, held) = peak(|| engine().run(items(), &double, sum()).unwrap());
    assert_eq!(result, (n / 1000 * 999_000) as f64);
    found.push(("an iterator, summed", held));
    let strings = || iter((0..n).map(|i| format!("{i:020}")));
    let lengths = Pipeline::new().map(|s: String| s.len() as f64);
    let (result, held) = peak(|| engine().run(strings(), &lengths, sum()).unwrap());
    assert_eq!(result, (20 * n) as f64);
    found.push(("an iterator of strings", held));

    let by_key = Pipeline::records().keyed_with(|line, key| {
        key.extend_from_slice(line.get(..6)?);
        Some(1usize)
    });
    let lines = world.text.lines().count();
    let mut records = |name, source: Records<'_>| {
        let groups = group(|| 0, |n: &mut usize, m| *n += m, |n, m| *n += m);
        let (result, held) = peak(|| engine().run(source, &by_key, groups).unwrap());
        assert_eq!(result.len(), KEYS, "{name}");
        assert_eq!(result.iter().map(|(_, n)| n).sum::<usize>(), lines);
        found.push((name, held));
    };
    records("a text in memory", Records::text(world.text.as_bytes()));
    records("a file", Records::file(&world.file));
    records(
        "a reader",
        Records::reader(Cursor::new(world.text.as_bytes())),
    );

    let lengths = Pipeline::responses().bodies().map(<[u8]>::len);
    let total = fold(|| 0, |n: &mut usize, m: usize| *n += m, |n, m| *n += m);
    let (result, held) = peak(|| {
        engine()
            .run(Files::at(&world.paths), &lengths, total)
            .unwrap()
    });
    assert_eq!(
        result,
        world.paths.len() / FILES * (FILES - 1) * FILES / 2 * 7919
    );
    found.push(("whole files", held));
    found
}

/// What code holds that keeps each intermediate result: lines, keys with values, groups.
fn eager(world: &World) -> usize {
    let (groups, held) = peak(|| {
        let text = std::fs::read_to_string(&world.file).unwrap();
        let lines: Vec<String> = text.lines().map(String::from).collect();
        let keyed: Vec<(String, usize)> = lines.iter().map(|l| (l[..6].to_owned(), 1)).collect();
        let mut groups = HashMap::new();
        for (key, n) in keyed {
            *groups.entry(key).or_insert(0) += n;
        }
        groups
    });
    assert_eq!(groups.len(), KEYS);
    held
}

#[test]
fn memory_does_not_grow_with_the_input() {
    let folder = tempfile::tempdir().unwrap();
    let small = World::new(folder.path(), 1);
    let large = World::new(folder.path(), TIMES);
    let eager = eager(&large);

    // What is made once for the whole process: the list of the processor's features, for instance.
    peaks(MemoryOptimized::default, &small);

    for budget in [96 << 10, 256 << 10, usize::MAX] {
        let engine = || MemoryOptimized::default().memory(budget);
        let (few, many) = (peaks(engine, &small), peaks(engine, &large));
        assert_eq!(few, many);
        for (name, held) in many {
            assert!(held <= budget, "{name}: {held} of {budget}");
            assert!(held * 10 <= eager, "{name}: {held}, eager: {eager}");
        }
    }

    for workers in [1, 2] {
        let engine = || {
            let engine = Streaming::default().workers(workers).readers(1);
            engine.chunk_bytes(CHUNK)
        };
        let (few, many) = (peaks(engine, &small), peaks(engine, &large));
        for ((name, few), (_, many)) in few.into_iter().zip(many) {
            // How many threads hold a buffer at the same moment is chance; how many may is not.
            let buffers = match name {
                "a file" => workers,
                "a reader" => workers + 2,
                "whole files" => 3 * (1 + LARGEST / CHUNK),
                _ => 0,
            };
            let most = buffers * (CHUNK + TAIL) + workers * EACH_WORKER;
            assert!(few <= most, "{name}: {few}, at most {most}");
            assert!(many <= most, "{name}: {many}, at most {most}");
            assert!(many * 10 <= eager, "{name}: {many}, eager: {eager}");
            // What runs on the calling thread alone leaves nothing to chance.
            if buffers == 0 && (workers == 1 || name != "a text in memory") {
                assert_eq!(few, many, "{name}");
            }
        }
    }
}
