//! Figures of other people's tools, read from the files that those leave. Nothing here trusts them: a
//! file that is missing, cut short or of another form is said and left out.

pub mod criterion;
pub mod gungraun;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What was found in a folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Found<T> {
    /// The figures, in the order of their paths.
    pub figures: Vec<T>,
    /// What could not be read, each as one clause that names the file.
    pub problems: Vec<String>,
}

/// Folders within folders are looked into this deep.
const DEPTH: usize = 8;

/// Reads every file of a name below `folder`; without the folder there is nothing to be found.
fn each<T>(folder: &Path, name: &str, read: impl Fn(&Path) -> Result<T, String>) -> Found<T> {
    let mut found = Found {
        figures: Vec::new(),
        problems: Vec::new(),
    };
    let mut paths = Vec::new();
    match collect(folder, name, DEPTH, &mut paths) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            found
                .problems
                .push(format!("{}: {error}", folder.display()));
        }
        _ => {}
    }
    paths.sort();
    for path in paths {
        match read(&path) {
            Ok(figure) => found.figures.push(figure),
            Err(why) => found.problems.push(format!("{}: {why}", path.display())),
        }
    }
    found
}

fn collect(folder: &Path, name: &str, depth: usize, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // A link is no folder here, so that nothing leads round in a circle.
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 0 {
            collect(&entry.path(), name, depth - 1, paths)?;
        } else if kind.is_file() && entry.file_name() == name {
            paths.push(entry.path());
        }
    }
    Ok(())
}

/// Parses a file of JSON.
fn json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = fs::read(path).map_err(|error| error.to_string())?;
    serde_json::from_slice(&text).map_err(|error| format!("not of the known form: {error}"))
}
