//! Counts the words that follow each first word of a line, in 1 MiB of memory, however long the input:
//! `cargo run -p engines --example stream_lazily -- README.md`, or from standard input.

use engines::{Engine, Error, MemoryOptimized, Pipeline, Records, group};

fn main() -> Result<(), Error> {
    let source = match std::env::args_os().nth(1) {
        Some(path) => Records::file(path),
        None => Records::reader(std::io::stdin()),
    };
    // A record's key is its first word in lower case, its value the number of words.
    let words = Pipeline::records()
        .map_bytes(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
        .keyed_with(|line, key| {
            let mut words = line.split(u8::is_ascii_whitespace);
            key.extend(words.next()?.to_ascii_lowercase());
            Some(1 + words.filter(|word| !word.is_empty()).count())
        });
    let sink = group(|| 0, |n: &mut usize, m: usize| *n += m, |n, m| *n += m);
    let engine = MemoryOptimized::default().budget(1 << 20);
    for (word, count) in engine.run(source, &words, sink)?.sorted() {
        println!("{count:8} {}", String::from_utf8_lossy(word));
    }
    Ok(())
}
