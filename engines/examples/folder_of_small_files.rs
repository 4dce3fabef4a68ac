//! The lines of each file of a folder, read ahead on threads, in the order of the names:
//! `cargo run -p engines --example folder_of_small_files -- src`.

use engines::{Engine, Files, Pipeline, Streaming, collect};
use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let given = env::args_os().nth(1).map(PathBuf::from);
    let from = given.clone().unwrap_or(folder.path().to_owned());
    if given.is_none() {
        for i in 0..100 {
            fs::write(from.join(format!("{i:02}.txt")), "line\n".repeat(i))?;
        }
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(&from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            paths.push(entry.path());
        }
    }
    paths.sort();

    // An item is a file's contents with its position in `paths`.
    let lines = Pipeline::files().map(|(text, position)| {
        let lines = text.iter().filter(|byte| **byte == b'\n').count();
        (position, lines)
    });
    let counts = Streaming::default().run(Files::at(&paths), &lines, collect())?;

    let most = counts.iter().max_by_key(|(_, lines)| *lines);
    if let Some((position, lines)) = most {
        println!("{lines} lines in {}", paths[*position].display());
    }
    assert!(given.is_some() || (counts.len(), most) == (100, Some(&(99, 99))));
    Ok(())
}
