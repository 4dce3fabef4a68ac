//! Runs every example as a user would, and holds the guide's list of features against the manifest.
//! `cargo test` builds the examples; with `--test examples` alone it does not, and this says so.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The examples' sources.
fn sources() -> Vec<PathBuf> {
    let folder = fs::read_dir(package().join("examples")).unwrap();
    let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The executable of an example, which lies beside the folder of this test's.
fn executable(source: &Path) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let profile = own.parent().unwrap().parent().unwrap();
    let name =
        Path::new(source.file_stem().unwrap()).with_extension(std::env::consts::EXE_EXTENSION);
    let found = profile.join("examples").join(name);
    let changed = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    assert!(
        changed(&found) >= changed(source),
        "{} is not built or older than its source: run `cargo test -p engines`, which builds it",
        found.display()
    );
    found
}

/// What an example prints, which must end well.
fn output(source: &Path, arguments: &[&Path]) -> String {
    let run = Command::new(executable(source)).args(arguments).output();
    let run = run.unwrap();
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{}: {errors}", source.display());
    String::from_utf8(run.stdout).unwrap()
}

#[test]
fn every_example_runs_without_arguments_and_is_short() {
    let sources = sources();
    assert_eq!(sources.len(), 6);
    for source in sources {
        let lines = fs::read_to_string(&source).unwrap().lines().count();
        assert!(lines < 40, "{} has {lines} lines", source.display());
        assert!(!output(&source, &[]).is_empty(), "{}", source.display());
    }
}

#[test]
fn examples_take_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("input");
    fs::write(&file, "a b 1\nkey,99.6\nGET b 4\n").unwrap();
    let of = |name: &str, path: &Path| {
        let source = package().join("examples").join(name).with_extension("rs");
        output(&source, &[path])
    };
    assert_eq!(of("stream_lazily", &file), "1 alarms, 2 lines malformed\n");
    assert_eq!(
        of("log_file_by_key", &file),
        "     2 ms b\n1 lines malformed\n"
    );
    assert_eq!(
        of("larger_than_memory", &file),
        "  5 bytes: 1\n  7 bytes: 1\n  8 bytes: 1\nall 3 lengths fit\n"
    );
    let most = format!("3 lines in {}\n", file.display());
    assert_eq!(of("folder_of_small_files", folder.path()), most);
}

/// The first column of the guide's table of features is what the manifest has, and its second what is
/// on by default.
#[test]
fn the_guide_lists_every_feature() {
    let manifest = include_str!("../Cargo.toml");
    let (_, features) = manifest.split_once("[features]\n").unwrap();
    let (features, _) = features.split_once("\n[").unwrap();
    let features = features.lines().filter_map(|line| line.split_once(" = "));
    let (default, others): (Vec<_>, Vec<_>) = features.partition(|(name, _)| *name == "default");
    let on_by_default = |name: &str| match default[0].1.contains(&format!("\"{name}\"")) {
        true => "yes",
        false => "no",
    };
    let declared: BTreeSet<_> = others
        .iter()
        .map(|(name, _)| (*name, on_by_default(name)))
        .collect();

    let (_, guide) = include_str!("../src/lib.rs")
        .split_once("//! # Features\n")
        .unwrap();
    let listed = guide.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("//! | `")?.split_once("` | ")?;
        Some((name, rest.split_once(" | ")?.0))
    });
    assert_eq!(listed.collect::<BTreeSet<_>>(), declared);
}
