//! Files that have to be waited for are read many at a time, and a run over files can be cancelled.

use std::ffi::CString;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engines::{Async, Cancel, Engine, Error, Files, Pipeline, collect};

/// Pipes in the file system: each is waited for until somebody writes into it, which happens 5 ms
/// after it has been opened for reading.
#[cfg(unix)]
#[test]
fn many_files_are_read_at_a_time_if_they_have_to_be_waited_for() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..300)
        .map(|i| folder.path().join(i.to_string()))
        .collect();
    for path in &paths {
        let path = CString::new(path.as_os_str().as_bytes()).unwrap();
        // SAFETY: the path is a string that ends with a zero.
        assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    }
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let contents = std::thread::scope(|scope| {
        for (i, path) in paths.iter().enumerate() {
            let (now, most) = (&now, &most);
            scope.spawn(move || {
                let mut pipe = std::fs::File::create(path).unwrap();
                let readers = now.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(readers, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(5));
                now.fetch_sub(1, Ordering::SeqCst);
                pipe.write_all(i.to_string().as_bytes()).unwrap();
            });
        }
        let copy = Pipeline::responses().bodies().map(<[u8]>::to_vec);
        Async::default().run(Files::at(&paths), &copy, collect())
    });
    let expected: Vec<_> = (0..300)
        .map(|i: usize| i.to_string().into_bytes())
        .collect();
    assert_eq!(contents.unwrap(), expected);
    let most = most.into_inner();
    assert!((16..=32).contains(&most), "{most} at a time");
}

#[test]
fn a_run_over_files_can_be_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "contents").unwrap();
    let paths = vec![path; 100_000];
    let cancel = Cancel::new();
    let (came, reached) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let cancelling = Pipeline::responses().map(|(_, _): (&[u8], usize)| {
        if came.fetch_add(1, Ordering::SeqCst) == 500 {
            cancel.cancel();
        }
    });
    let engine = Async::default().cancelled_by(&cancel);
    let sink = engines::fold(
        || (),
        |(): &mut (), (): ()| {
            reached.fetch_add(1, Ordering::SeqCst);
        },
        |(), ()| (),
    );
    let result = engine.run(Files::at(&paths), &cancelling, sink);
    assert!(matches!(result, Err(Error::Cancelled)));
    let came = came.load(Ordering::SeqCst);
    assert!(came > 500 && came < 100_000);
    assert_eq!(reached.load(Ordering::SeqCst), came);
}
