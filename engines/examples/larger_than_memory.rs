//! Counts the lines of a file by length, within 256 KiB whatever the file's size:
//! `cargo run -p engines --example larger_than_memory -- big.txt`.

use engines::{Engine, Error, MemoryOptimized, Pipeline, Records, collect, fold};
use std::{env, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let given = env::args_os().nth(1).map(PathBuf::from);
    let path = given.clone().unwrap_or(folder.path().join("big.txt"));
    if given.is_none() {
        fs::write(&path, "a line\nand a longer one\n".repeat(100_000))?;
    }
    let engine = MemoryOptimized::default().memory(256 << 10);
    let lengths = Pipeline::records().map(|line| line.len());

    // Lengths from 80 on share the last place.
    let histogram = fold(
        || [0u64; 81],
        |counts: &mut [u64; 81], length: usize| counts[length.min(80)] += 1,
        |counts, more| (0..81).for_each(|i| counts[i] += more[i]),
    );
    let counts = engine.run(Records::file(&path), &lengths, histogram)?;
    for (length, n) in counts.iter().enumerate().filter(|(_, n)| **n > 0) {
        println!("{length:>3} bytes: {n}");
    }

    // Whatever would not fit is an error rather than the end of the process.
    match engine.run(Records::file(&path), &lengths, collect()) {
        Ok(all) => println!("all {} lengths fit", all.len()),
        Err(Error::Budget { needed, budget }) => println!("{needed} bytes are above {budget}"),
        Err(other) => return Err(other.into()),
    }
    assert!(given.is_some() || (counts[6], counts[16]) == (100_000, 100_000));
    Ok(())
}
