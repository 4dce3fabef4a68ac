//! Files that grow while they are read: every engine gives results as they come, sees all that is
//! appended, and ends when it is told to.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use engines::{Engine, Error, Pipeline, Records, batches, collect};

use crate::every;

/// Long enough for any machine; nobody waits for it unless a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

fn append(path: &Path, text: &[u8]) {
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(text).unwrap();
}

fn goes_along<E: Engine>(engine: &E, (): &()) {
    let name = engine.name();
    let folder = tempfile::tempdir().unwrap();
    let path = &folder.path().join("log");
    std::fs::write(path, "0\n").unwrap();
    let follow = Records::follow(path).every(Duration::from_millis(2));
    let stop = follow.stop_handle();
    let (tell, told) = mpsc::channel::<usize>();
    let mut found = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // Every line is written once the one before has come out of the pipeline.
            for next in 1..20 {
                match told.recv_timeout(PATIENCE) {
                    Ok(seen) => assert_eq!(seen, next - 1, "{name}"),
                    Err(_) => {
                        stop.now();
                        panic!("{name}: {next} lines were written, and none comes");
                    }
                }
                // In two pieces, so that a record is unfinished for a while.
                append(path, &b"#"[..next % 2]);
                append(path, format!("{next}\n").as_bytes());
            }
            append(path, b"the unfinished rest");
            stop.at_end();
        });
        let sink = batches(|batch: &[Vec<u8>]| {
            for line in batch {
                let line = String::from_utf8(line.clone()).unwrap();
                if let Ok(number) = line.trim_start_matches('#').parse() {
                    // Nobody listens any more to the last one.
                    let _ = tell.send(number);
                }
                found.push(line);
            }
        });
        let copy = Pipeline::records().map(<[u8]>::to_vec);
        engine.run(follow, &copy, sink).unwrap();
    });
    let lines = (0..20).map(|i| format!("{}{i}", &"#"[..i % 2]));
    let expected: Vec<_> = lines.chain(["the unfinished rest".to_owned()]).collect();
    assert_eq!(found, expected, "{name}");
}

#[test]
fn results_come_while_the_file_grows() {
    every!(goes_along, &(), ());
}

fn stops<E: Engine>(engine: &E, (): &()) {
    let name = engine.name();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "one\ntwo\nthr").unwrap();
    let lengths = Pipeline::records().map(|line| line.len());

    // Nothing comes: an unfinished line counts at the end.
    let follow = Records::follow(file.path()).idle(Duration::from_millis(5));
    assert_eq!(
        engine.run(follow, &lengths, collect()).unwrap(),
        [3, 3, 3],
        "{name}"
    );

    // A stage has seen enough, and the file does not grow.
    let begin = Instant::now();
    let follow = Records::follow(file.path()).idle(PATIENCE);
    let stop = follow.stop_handle();
    let until_two = Pipeline::records().map(|line| {
        if line == b"two" {
            stop.now();
        }
        line.len()
    });
    let found = engine.run(follow, &until_two, collect()).unwrap();
    assert_eq!(found[..2], [3, 3], "{name}");
    assert!(begin.elapsed() < PATIENCE, "{name}: the stage sees nothing");

    // Before it begins.
    let follow = Records::follow(file.path());
    follow.stop_handle().now();
    assert_eq!(
        engine.run(follow, &lengths, collect()).unwrap(),
        [0; 0],
        "{name}"
    );

    let missing = file.path().with_extension("missing");
    match engine.run(Records::follow(&missing), &lengths, collect()) {
        Err(Error::File { path, .. }) => assert_eq!(path, missing, "{name}"),
        other => panic!("{name}: {other:?}"),
    }
    let folder = file.path().parent().unwrap();
    let result = engine.run(Records::follow(folder), &lengths, collect());
    assert!(matches!(result, Err(Error::File { .. })), "{name}");
}

#[test]
fn runs_end_when_they_are_told_to() {
    every!(stops, &(), ());
}
