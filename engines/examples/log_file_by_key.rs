//! Counts the lines of a log file, or of standard input, by their first word, in bounded memory:
//! `cargo run -p engines --example log_file_by_key -- server.log`.

use engines::{Engine, Error, Pipeline, Records, Streaming, group};

fn main() -> Result<(), Error> {
    let source = match std::env::args().nth(1) {
        Some(path) => Records::file(path),
        None => Records::reader(std::io::stdin()),
    };

    // The key is borrowed from the line and copied only when it is seen for the first time.
    let first_word = Pipeline::records()
        .map_bytes(<[u8]>::trim_ascii)
        .keyed(|line| {
            line.split(|byte| *byte == b' ')
                .next()
                .map(|word| (word, 1u64))
        });
    let count = group(|| 0, |n: &mut u64, one| *n += one, |n, m| *n += m);

    let counts = Streaming::default().run(source, &first_word, count)?;
    for (word, n) in counts.sorted() {
        println!("{n:>10} {}", String::from_utf8_lossy(word));
    }
    Ok(())
}
