//! The mean time of each path in a log file, on all cores:
//! `cargo run -p engines --example log_file_by_key -- access.log` (lines of `method path milliseconds`).

use engines::{Counter, Engine, Parallel, Pipeline, Records, Skip, bytes, group};
use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let given = env::args_os().nth(1).map(PathBuf::from);
    let path = given.clone().unwrap_or(folder.path().join("access.log"));
    if given.is_none() {
        fs::write(&path, "GET /b 12\nGET /a 7\nrestarted\nPUT /b 20")?;
    }

    // A key is borrowed from its line, and copied only when it is seen for the first time.
    let malformed = Counter::new();
    let times = Pipeline::records().try_keyed(
        |line| {
            let [_, path, time] = bytes::fields(line, b' ').ok_or("not three fields")?;
            Ok::<_, &str>((path, bytes::integer(time).ok_or("not a number")?))
        },
        Skip(&malformed),
    );
    let total = group(
        || (0, 0),
        |(sum, n): &mut (i64, i64), time| (*sum, *n) = (*sum + time, *n + 1),
        |(sum, n), (more, m)| (*sum, *n) = (*sum + more, *n + m),
    );
    let paths = Parallel::default().run(Records::file(&path), &times, total)?;

    for (path, (sum, n)) in paths.sorted() {
        println!("{:>6} ms {}", sum / n, String::from_utf8_lossy(path));
    }
    println!("{} lines malformed", malformed.get());
    let expected = [(&b"/a"[..], &(7, 1)), (b"/b", &(32, 2))];
    assert!(given.is_some() || paths.sorted() == expected);
    Ok(())
}
