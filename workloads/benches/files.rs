//! Twenty thousand small files in the page cache, by the asynchronous engine with the depth that it
//! finds by itself and with fixed ones, and by `std::fs::read`. Medians over rounds in turn.

use std::path::PathBuf;
use std::time::Instant;

use engines::{Async, Engine, Files, Pipeline, fold};

const FILES: usize = 20_000;
const BYTES: usize = 1000;
const ROUNDS: usize = 11;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let paths: Vec<PathBuf> = (0..FILES)
        .map(|i| folder.path().join(format!("{i:05}")))
        .collect();
    for path in &paths {
        std::fs::write(path, vec![b'x'; BYTES]).expect("a file");
    }
    let settings = [
        ("std::fs::read", None),
        ("async", Some(Async::default())),
        ("async, 2 readers", Some(Async::default().file_readers(2))),
        ("async, 4 readers", Some(Async::default().file_readers(4))),
    ];
    let mut times = vec![Vec::new(); settings.len()];
    for _ in 0..ROUNDS {
        for ((_, engine), times) in settings.iter().zip(&mut times) {
            let began = Instant::now();
            let total: usize = match engine {
                Some(engine) => {
                    let sizes = Pipeline::responses().bodies().map(<[u8]>::len);
                    let total = fold(|| 0, |n: &mut usize, m| *n += m, |n, m| *n += m);
                    engine.run(Files::at(&paths), &sizes, total).expect("files")
                }
                None => paths
                    .iter()
                    .map(|path| std::fs::read(path).expect("a file").len())
                    .sum(),
            };
            times.push(began.elapsed().as_secs_f64() * 1e3);
            assert_eq!(total, FILES * BYTES);
        }
    }
    for ((name, _), times) in settings.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        println!("{name:<18} {:>7.1} ms", times[ROUNDS / 2]);
    }
}
