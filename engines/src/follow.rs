//! A file that grows, read as it grows.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The records of a file that another process appends to, as `tail -F` shows them: a source that does
/// not end with the file. [`Records::follow`](crate::Records::follow) makes it.
///
/// The run ends when a [`StopHandle`] says so, or once nothing has come for the time set by
/// [`idle`](Follow::idle); with neither it goes on for ever. An unfinished last line counts as a record
/// then, and not before.
///
/// The file is looked at every 100 ms while it does not grow ([`every`](Follow::every)), so that a
/// record reaches the pipeline at most that much later than the file. If the file has become
/// shorter, it was emptied, and is read from its beginning. If the path names another file, the old
/// one was moved away: it is read to its end, once more after one more interval, and the new one from
/// its beginning (on Unix; elsewhere this is not seen). An unfinished record ends where its file does.
/// A file that is emptied and filled again beyond its former length within one interval cannot be
/// told from one that grew. While the path names no file, the old one is followed.
///
/// ```
/// use engines::{Engine, Pipeline, Records, Streaming, batches};
/// use std::time::Duration;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("log");
/// std::fs::write(&path, "started\nlistening\n").unwrap();
/// let follow = Records::follow(&path).idle(Duration::from_secs(60));
/// let stop = follow.stop_handle();
/// let lines = Pipeline::records().map(|line| {
///     if line == b"listening" {
///         stop.now();
///     }
///     line.len()
/// });
/// let mut found = 0;
/// let sink = batches(|batch: &[usize]| found += batch.len());
/// Streaming::default().run(follow, &lines, sink).unwrap();
/// assert_eq!(found, 2);
/// ```
#[derive(Debug)]
pub struct Follow {
    pub(crate) path: PathBuf,
    every: Duration,
    idle: Option<Duration>,
    from_end: bool,
    stop: StopHandle,
}

impl Follow {
    pub(crate) fn new(path: &Path) -> Self {
        Follow {
            path: path.to_owned(),
            every: Duration::from_millis(100),
            idle: None,
            from_end: false,
            stop: StopHandle::default(),
        }
    }

    /// Sets how long to wait before the file is looked at again, at least a millisecond: 100 ms unless
    /// set.
    #[must_use]
    pub fn every(mut self, interval: Duration) -> Self {
        self.every = interval.max(Duration::from_millis(1));
        self
    }

    /// Ends the run once nothing has been appended for so long. Zero reads what is there.
    #[must_use]
    pub fn idle(mut self, timeout: Duration) -> Self {
        self.idle = Some(timeout);
        self
    }

    /// Skips what the file holds when the run starts, and the rest of an unfinished line.
    #[must_use]
    pub fn from_end(mut self) -> Self {
        self.from_end = true;
        self
    }

    /// What ends the run, from another thread or from a stage.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }
}

/// Ends the run over a file that is followed. Clones end the same run, also if they are used before it
/// starts, and more than once.
///
/// ```
/// use engines::{Engine, Pipeline, Records, Streaming, collect};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("log");
/// std::fs::write(&path, "one\nthree\n").unwrap();
/// let log = Records::follow(&path);
/// let stop = log.stop_handle();
/// std::thread::spawn(move || stop.at_end());
/// let lengths = Pipeline::records().map(|line| line.len());
/// assert_eq!(Streaming::default().run(log, &lengths, collect()).unwrap(), [3, 5]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct StopHandle(Arc<(Mutex<Wish>, Condvar)>);

/// How much is still to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    #[default]
    All,
    ToEnd,
    Nothing,
}

impl StopHandle {
    /// Reads nothing more, except for the rest of a record of which a part has been read. What has
    /// been read goes through the pipeline.
    pub fn now(&self) {
        self.wish(Wish::Nothing);
    }

    /// Reads on to the end of the file and stops there: nothing that was appended before is lost.
    pub fn at_end(&self) {
        self.wish(Wish::ToEnd);
    }

    fn lock(&self) -> MutexGuard<'_, Wish> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wish(&self, wish: Wish) {
        let mut held = self.lock();
        *held = wish.max(*held);
        self.0.1.notify_all();
    }

    fn wished(&self) -> Wish {
        *self.lock()
    }

    /// Waits for so long, or until the wish is another than to read all.
    fn wait(&self, timeout: Duration) {
        let wait = self
            .0
            .1
            .wait_timeout_while(self.lock(), timeout, |wish| *wish == Wish::All);
        drop(wait.unwrap_or_else(PoisonError::into_inner));
    }
}

/// Reads a file that is followed.
///
/// Where there is nothing to read it waits for one interval and then fails with
/// [`ErrorKind::Interrupted`], once without having waited: so whoever gathers bytes hands on what there
/// is ([`crate::cutter`]), and whoever ends a run can stop reading.
pub(crate) struct Following {
    follow: Follow,
    file: Option<File>,
    /// Bytes read from the file.
    position: u64,
    /// Whether the last byte read ended a record, as far as `from_end` has not skipped it.
    between: bool,
    /// Whether everything up to the next line end is to be skipped.
    skip: bool,
    /// When something was read last, or the file was opened.
    moved: Instant,
    /// Whether the end has been reported, and waiting comes next.
    told: bool,
    /// Whether the path has been seen to name another file.
    replaced: bool,
    ended: bool,
}

impl Following {
    pub(crate) fn new(follow: Follow) -> Self {
        Following {
            follow,
            file: None,
            position: 0,
            between: true,
            skip: false,
            moved: Instant::now(),
            told: false,
            replaced: false,
            ended: false,
        }
    }

    /// Opens the file for the first time.
    fn open(&mut self) -> io::Result<File> {
        let mut file = File::open(&self.follow.path)?;
        regular(&file.metadata()?)?;
        if self.follow.from_end {
            let length = file.seek(SeekFrom::End(0))?;
            self.position = length;
            if length > 0 {
                let mut last = [0];
                file.seek(SeekFrom::Start(length - 1))?;
                self.skip = file.read(&mut last)? == 1 && last[0] != b'\n';
            }
        }
        self.moved = Instant::now();
        Ok(file)
    }

    /// Reads what there is; 0 at the end of the file as it is now.
    fn read_some(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.open()?,
        };
        let result = file.read(out);
        self.file = Some(file);
        let n = result?;
        if n > 0 {
            self.position += n as u64;
            self.moved = Instant::now();
            self.told = false;
        }
        Ok(n)
    }

    /// Sees, at the end of the file, whether it has been emptied or replaced, and goes to the beginning
    /// of what is there in its place. Returns whether it has.
    fn moved_on(&mut self) -> io::Result<bool> {
        let Some(file) = &mut self.file else {
            return Ok(false);
        };
        let about = file.metadata()?;
        if about.len() < self.position {
            file.seek(SeekFrom::Start(0))?;
        } else {
            // None while the path names no file.
            let Ok(there) = std::fs::metadata(&self.follow.path) else {
                return Ok(false);
            };
            if same(&about, &there) {
                self.replaced = false;
                return Ok(false);
            }
            if !self.replaced {
                // Whoever writes may not know yet.
                self.replaced = true;
                return Ok(false);
            }
            let Ok(new) = File::open(&self.follow.path) else {
                return Ok(false);
            };
            regular(&new.metadata()?)?;
            *file = new;
            self.replaced = false;
        }
        self.position = 0;
        self.skip = false;
        self.moved = Instant::now();
        Ok(true)
    }

    /// What there is to be done where nothing was to be read after `wish`: `Some(0)` ends the text,
    /// `Some(1)` ends an unfinished record, `None` reads on.
    fn at_end(&mut self, wish: Wish, out: &mut [u8]) -> io::Result<Option<usize>> {
        match wish {
            Wish::Nothing => {
                self.ended = true;
                return Ok(Some(0));
            }
            // There is no second look.
            Wish::ToEnd => self.replaced = true,
            Wish::All if !self.told => {
                self.told = true;
                return Err(ErrorKind::Interrupted.into());
            }
            Wish::All => {}
        }
        if self.moved_on()? {
            if self.between {
                return Ok(None);
            }
            self.between = true;
            out[0] = b'\n';
            return Ok(Some(1));
        }
        if wish == Wish::ToEnd {
            self.ended = true;
            return Ok(Some(0));
        }
        let mut wait = self.follow.every;
        if let Some(idle) = self.follow.idle {
            let left = idle.saturating_sub(self.moved.elapsed());
            if left.is_zero() {
                self.ended = true;
                return Ok(Some(0));
            }
            wait = wait.min(left);
        }
        self.follow.stop.wait(wait);
        Err(ErrorKind::Interrupted.into())
    }
}

impl Read for Following {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            // Asked before reading: what was appended before the wish is seen by the read after it.
            let wish = self.follow.stop.wished();
            let stopping = wish == Wish::Nothing;
            if self.ended || (stopping && (self.between || self.skip)) {
                return Ok(0);
            }
            let mut n = self.read_some(out)?;
            if n == 0 {
                match self.at_end(wish, out)? {
                    Some(n) => return Ok(n),
                    None => continue,
                }
            }
            if self.skip {
                let Some(end) = memchr::memchr(b'\n', &out[..n]) else {
                    continue;
                };
                self.skip = false;
                out.copy_within(end + 1..n, 0);
                n -= end + 1;
                if n == 0 {
                    continue;
                }
            }
            if stopping && let Some(end) = memchr::memchr(b'\n', &out[..n]) {
                self.ended = true;
                return Ok(end + 1);
            }
            self.between = out[n - 1] == b'\n';
            return Ok(n);
        }
    }
}

/// Refuses what cannot grow and shrink.
fn regular(about: &Metadata) -> io::Result<()> {
    if about.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if !about.is_file() {
        let message = "only a regular file can be followed; a pipe is read with `Records::file`";
        return Err(io::Error::new(ErrorKind::InvalidInput, message));
    }
    Ok(())
}

#[cfg(unix)]
fn same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn same(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// A file in a folder of its own, a reader that follows it, and all that it has read.
    struct Scene {
        folder: tempfile::TempDir,
        path: PathBuf,
        reader: Following,
        stop: StopHandle,
    }

    impl Scene {
        fn new(text: &[u8], settings: impl FnOnce(Follow) -> Follow) -> Scene {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            std::fs::write(&path, text).unwrap();
            let follow = settings(Follow::new(&path).every(Duration::from_millis(1)));
            let stop = follow.stop_handle();
            let reader = Following::new(follow);
            Scene {
                folder,
                path,
                reader,
                stop,
            }
        }

        fn append(&self, text: &[u8]) {
            append(&self.path, text);
        }

        /// What comes until nothing has come for several intervals, or to the end; in small reads.
        fn read(&mut self) -> Vec<u8> {
            let (mut text, mut out, mut nothing) = (Vec::new(), [0; 7], 0);
            while nothing < 5 {
                match self.reader.read(&mut out) {
                    Ok(0) => break,
                    Ok(n) => {
                        text.extend_from_slice(&out[..n]);
                        nothing = 0;
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => nothing += 1,
                    Err(error) => panic!("{error}"),
                }
            }
            text
        }
    }

    fn append(path: &Path, text: &[u8]) {
        let file = File::options().append(true).create(true).open(path);
        file.unwrap().write_all(text).unwrap();
    }

    #[test]
    fn what_is_appended_comes() {
        let mut scene = Scene::new(b"", |follow| follow);
        assert_eq!(scene.read(), b"");
        for text in [
            &b"one\n"[..],
            b"tw",
            b"o\nthree\nand a longer line, and more\n",
        ] {
            scene.append(text);
            assert_eq!(scene.read(), text);
        }
    }

    #[test]
    fn a_file_that_is_emptied_is_read_from_its_beginning() {
        let mut scene = Scene::new(b"one\ntwo and", |follow| follow);
        assert_eq!(scene.read(), b"one\ntwo and");
        std::fs::write(&scene.path, "new\n").unwrap();
        // The unfinished record does not run into the new one.
        assert_eq!(scene.read(), b"\nnew\n");
        std::fs::write(&scene.path, "").unwrap();
        assert_eq!(scene.read(), b"");
        scene.append(b"last\n");
        assert_eq!(scene.read(), b"last\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_replaced_is_read_to_its_end_first() {
        let mut scene = Scene::new(b"old\n", |follow| follow);
        assert_eq!(scene.read(), b"old\n");
        let old = scene.folder.path().join("file.1");
        std::fs::rename(&scene.path, &old).unwrap();
        // As long as there is no other, the old one is followed.
        append(&old, b"late\n");
        assert_eq!(scene.read(), b"late\n");
        append(&old, b"later");
        scene.append(b"new\n");
        assert_eq!(scene.read(), b"later\nnew\n");
        append(&old, b"too late\n");
        scene.append(b"newer\n");
        assert_eq!(scene.read(), b"newer\n");
    }

    #[test]
    fn from_the_end_on_only_whole_records_come() {
        for (before, after, expected) in [
            (&b"old\n"[..], &b"new\n"[..], &b"new\n"[..]),
            (b"", b"new\n", b"new\n"),
            (b"old, unfin", b"ished\nnew\n", b"new\n"),
            (b"old, unfin", b"ished and never finished", b""),
        ] {
            let mut scene = Scene::new(before, Follow::from_end);
            assert_eq!(scene.read(), b"");
            scene.append(after);
            assert_eq!(scene.read(), expected);
        }
    }

    #[test]
    fn stopping_now_ends_with_the_record_at_hand() {
        let mut scene = Scene::new(b"first line\nsecond line\nthird\n", |follow| follow);
        let mut out = [0; 5];
        assert_eq!(scene.reader.read(&mut out).unwrap(), 5);
        scene.stop.now();
        // Less is not asked for after more.
        scene.stop.at_end();
        assert_eq!(scene.read(), b" line\n");
        assert_eq!(scene.reader.read(&mut out).unwrap(), 0);

        let mut scene = Scene::new(b"first\nno", |follow| follow);
        assert_eq!(scene.read(), b"first\nno");
        scene.stop.now();
        assert_eq!(scene.reader.read(&mut out).unwrap(), 0);
    }

    #[test]
    fn stopping_at_the_end_loses_nothing() {
        let mut scene = Scene::new(b"one\n", |follow| follow);
        assert_eq!(scene.read(), b"one\n");
        scene.append(b"two\nand");
        scene.stop.at_end();
        assert_eq!(scene.read(), b"two\nand");
        assert_eq!(scene.reader.read(&mut [0; 5]).unwrap(), 0);

        let mut scene = Scene::new(b"one\n", |follow| follow);
        assert_eq!(scene.read(), b"one\n");
        scene.append(b"two\n");
        std::fs::rename(&scene.path, scene.folder.path().join("moved")).unwrap();
        scene.append(b"new\n");
        scene.stop.at_end();
        assert_eq!(scene.read(), b"two\nnew\n");
        assert_eq!(scene.reader.read(&mut [0; 5]).unwrap(), 0);
    }

    #[test]
    fn a_stop_wakes_who_waits() {
        let day = Duration::from_secs(24 * 60 * 60);
        let mut scene = Scene::new(b"one\n", |follow| follow.every(day));
        let stop = scene.stop.clone();
        let waiting = std::thread::spawn(move || {
            // Ends with the text, which never comes unless the wait is cut short.
            let mut text = Vec::new();
            scene.reader.read_to_end(&mut text).unwrap();
            text
        });
        std::thread::sleep(Duration::from_millis(20));
        stop.now();
        assert_eq!(waiting.join().unwrap(), b"one\n");
    }

    #[test]
    fn an_idle_file_ends() {
        let mut scene = Scene::new(b"one\ntwo", |follow| follow.idle(Duration::ZERO));
        let mut text = Vec::new();
        scene.reader.read_to_end(&mut text).unwrap();
        assert_eq!(text, b"one\ntwo");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_is_refused() {
        let mut reader = Following::new(Follow::new(Path::new("/dev/null")));
        let error = reader.read(&mut [0]).unwrap_err();
        assert!(error.to_string().contains("regular file"), "{error}");
    }
}
