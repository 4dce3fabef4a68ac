//! Hands on alarms while the input still arrives, with a few chunks of it in memory however long it is:
//! `cargo run -p engines --example stream_lazily -- readings.csv` (lines of `sensor,degrees`).

use engines::{Counter, Engine, Pipeline, Records, Skip, Streaming, batches, bytes};
use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let given = env::args_os().nth(1).map(PathBuf::from);
    let path = given.clone().unwrap_or(folder.path().join("readings.csv"));
    if given.is_none() {
        let lines = (0..200_000).map(|i| match i % 1000 {
            999 => "no reading\n".to_owned(),
            low => format!("valve-7,{}.{}\n", low / 10, low % 10),
        });
        fs::write(&path, lines.collect::<String>())?;
    }

    // `fixed_point::<1>` reads 99.5 as the whole number 995, which is exact.
    let malformed = Counter::new();
    let alarms = Pipeline::records()
        .try_map(
            |line| {
                let [_, degrees] = bytes::trimmed_fields(line, b',').ok_or("not two fields")?;
                bytes::fixed_point::<1>(degrees).ok_or("not a number")
            },
            Skip(&malformed),
        )
        .filter(|tenths| *tenths > 995);
    let mut found = 0;
    let report = batches(|batch: &[i64]| found += batch.len());
    Streaming::default().run(Records::file(&path), &alarms, report)?;

    println!("{found} alarms, {} lines malformed", malformed.get());
    if given.is_none() {
        assert_eq!((found, malformed.get()), (600, 200));
    }
    Ok(())
}
