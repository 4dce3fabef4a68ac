//! A text in chunks that several workers claim by number: from memory, from a file with positioned
//! reads, or from a reader under a lock. Every chunk is lent as a run of whole records.
//!
//! In memory and in files chunks are ranges of bytes, and a record belongs to the chunk in which it
//! starts. So each worker finds its records without asking another: it skips to the first record that
//! starts in its chunk and reads on to the end of the last. What that one covers is not claimed any
//! more: a long record is searched once, however short the chunks are.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::blocks::run_text;
use crate::cutter::Cutter;
use crate::engine::Error;
use crate::item::Bytes;
use crate::lines::Buffer;
use crate::memory::Memory;
use crate::sink::Sink;
use crate::source::{RecordInput, Records};
use crate::stage::Stage;
use crate::workers::{Crew, run_claims};

/// Bytes of a chunk that an engine may be set to have.
pub(crate) const MOST_CHUNK: usize = 1 << 30;

/// Where the records of a run lie, once a file has been opened.
pub(crate) enum Text<'s> {
    Memory(&'s [u8]),
    File {
        file: File,
        path: PathBuf,
        length: u64,
    },
    /// With the path, if it is that of a file.
    Reader(Box<dyn Read + Send + 's>, Option<PathBuf>),
}

/// Opens the file, if the records lie in one.
pub(crate) fn open(source: Records<'_>) -> Result<Text<'_>, Error> {
    Ok(match source.0 {
        RecordInput::Text(text) => Text::Memory(text),
        RecordInput::Reader(reader, path) => Text::Reader(reader, path),
        RecordInput::File(path) => {
            let file = File::open(&path).map_err(Error::file(&path))?;
            let about = file.metadata().map_err(Error::file(&path))?;
            if about.is_dir() {
                // It opens like a file, and only reading it would fail.
                return Err(Error::file(&path)(std::io::ErrorKind::IsADirectory.into()));
            }
            // Pipes have no positions, and what the kernel makes up as it is read has no length.
            if about.is_file() && about.len() > 0 {
                let length = about.len();
                Text::File { file, path, length }
            } else {
                Text::Reader(Box::new(file), Some(path))
            }
        }
    })
}

/// A text that can be claimed in chunks of whole records.
pub(crate) trait Chunked: Sync {
    /// What a worker keeps to hold its chunk.
    type Buffer: Default;

    /// Claims the next chunk, in place of the one held: its number, or `None` at the end.
    fn claim(&self, buffer: &mut Self::Buffer) -> Result<Option<usize>, Error>;

    /// The records of the chunk just claimed; there may be none.
    fn text<'b>(&'b self, buffer: &'b Self::Buffer) -> &'b [u8];

    /// Sees, when a chunk has been run, whether its text was what it should have been.
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Wakes whoever waits in `claim`: the run is to end.
    fn halt(&self) {}
}

/// Runs all chunks of a text on a crew.
pub(crate) fn run_chunks<C, S, K>(
    crew: &impl Crew,
    chunks: &C,
    stage: &S,
    sink: &K,
    memory: Memory,
) -> Result<K::Part, Error>
where
    C: Chunked,
    S: Stage<Bytes> + Sync,
    K: Sink<S::Out>,
{
    run_claims(
        crew,
        sink,
        memory,
        || (C::Buffer::default(), stage.local()),
        |(buffer, _)| chunks.claim(buffer),
        |(buffer, local), _, part| {
            let result = run_text(chunks.text(buffer), memory.record, stage, local, sink, part);
            // Before the part is joined or lent, and before a stage's complaint about what it was given.
            chunks.check()?;
            result
        },
        || chunks.halt(),
    )
}

/// Why there is no answer where a file has lost bytes that were to be read.
pub(crate) fn became_shorter(path: &Path) -> Error {
    let message = "the file became shorter while it was read";
    Error::file(path)(io::Error::new(io::ErrorKind::UnexpectedEof, message))
}

/// The records that start in `chunk`, as a range of `text`.
pub(crate) fn records_starting_in(text: &[u8], chunk: Range<usize>) -> Range<usize> {
    let begin = match chunk.start {
        0 => 0,
        // A record starts behind a line end, which may be the last byte before the chunk.
        start => match memchr::memchr(b'\n', &text[start - 1..chunk.end - 1]) {
            Some(at) => start + at,
            None => return 0..0,
        },
    };
    let last = chunk.end - 1;
    let end = memchr::memchr(b'\n', &text[last..]).map_or(text.len(), |at| last + at + 1);
    begin..end
}

/// What has not been claimed of a text whose length is known.
pub(crate) struct Cursor {
    /// Where the next chunk begins, and its number.
    next: Mutex<(u64, usize)>,
    length: u64,
    size: u64,
    /// Where workers are guided: how many, and bytes of the shortest chunk.
    guided: Option<(u64, u64)>,
}

impl Cursor {
    pub(crate) fn new(length: u64, size: usize) -> Self {
        Cursor {
            next: Mutex::new((0, 0)),
            length,
            size: size.max(1) as u64,
            guided: None,
        }
    }

    /// Begins with a chunk of `least` bytes, of which each further one is twice as long, and lets the last
    /// become shorter, half an even share of what is left, so that `workers` end together.
    #[cfg(feature = "parallel")]
    fn guide(&mut self, workers: usize, least: usize) {
        self.guided = Some((workers as u64, least.max(1) as u64));
    }

    /// The next chunk and its number.
    pub(crate) fn claim(&self) -> Option<(usize, Range<u64>)> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, number) = *next;
        if start >= self.length {
            return None;
        }
        let left = self.length - start;
        let size = match self.guided {
            Some((workers, least)) => {
                // Little time has passed when it is judged whether to wake others.
                let begin = least.saturating_mul(1 << number.min(20));
                self.size.min(begin).min((left / (2 * workers)).max(least))
            }
            None => self.size,
        };
        let end = start + size.min(left);
        *next = (end, number + 1);
        Some((number, start..end))
    }

    /// Notes that no record starts between the end of `chunk`, which has been claimed, and `end`.
    pub(crate) fn skip(&self, chunk: &Range<u64>, end: u64) {
        if end > chunk.end.saturating_add(self.size) {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            next.0 = next.0.max(end);
        }
    }
}

/// Chunks of a text in memory.
pub(crate) struct TextChunks<'t> {
    text: &'t [u8],
    cursor: Cursor,
}

impl<'t> TextChunks<'t> {
    pub(crate) fn new(text: &'t [u8], size: usize) -> Self {
        let cursor = Cursor::new(text.len() as u64, size);
        TextChunks { text, cursor }
    }

    /// See [`Cursor::guide`].
    #[cfg(feature = "parallel")]
    pub(crate) fn guided(mut self, workers: usize, least: usize) -> Self {
        self.cursor.guide(workers, least);
        self
    }
}

impl Chunked for TextChunks<'_> {
    type Buffer = Range<usize>;

    fn claim(&self, range: &mut Range<usize>) -> Result<Option<usize>, Error> {
        let Some((number, chunk)) = self.cursor.claim() else {
            return Ok(None);
        };
        *range = records_starting_in(self.text, chunk.start as usize..chunk.end as usize);
        self.cursor.skip(&chunk, range.end as u64);
        Ok(Some(number))
    }

    fn text<'b>(&'b self, range: &'b Range<usize>) -> &'b [u8] {
        &self.text[range.clone()]
    }
}

/// Chunks of a regular file, read with positioned reads into one buffer for each worker.
pub(crate) struct FileChunks {
    file: Positioned,
    path: PathBuf,
    /// Length when the file was opened: what is appended later is not read, and what is missing later is
    /// an error.
    length: u64,
    /// Bytes that a worker's buffer may have.
    budget: usize,
    /// Bytes of the longest record.
    longest: usize,
    cursor: Cursor,
}

/// A worker's chunk of a file.
#[derive(Default)]
pub(crate) struct FileBuffer {
    bytes: Vec<u8>,
    records: Range<usize>,
}

/// Bytes read beyond a chunk at once, where its last record is expected to end.
const TAIL: usize = 1024;

impl FileChunks {
    /// Chunks of `size` bytes. A chunk with its last record may take the bytes of a worker and that record
    /// no more than a record may, or little more: then it is not read to its end.
    pub(crate) fn new(file: File, path: PathBuf, length: u64, size: usize, memory: Memory) -> Self {
        FileChunks {
            file: Positioned::new(file),
            path,
            length,
            budget: memory.worker.max(size.saturating_add(2 * TAIL)),
            longest: memory.record,
            cursor: Cursor::new(length, size),
        }
    }

    /// See [`Cursor::guide`].
    #[cfg(feature = "parallel")]
    pub(crate) fn guided(mut self, workers: usize, least: usize) -> Self {
        self.cursor.guide(workers, least);
        self
    }

    fn read(&self, claimed: Range<u64>, buffer: &mut FileBuffer) -> Result<(), Error> {
        let Range { start, end } = claimed;
        // With the byte before the chunk, which tells whether a record starts at its beginning.
        let base = start.saturating_sub(1);
        let rest = usize::try_from(self.length - base).unwrap_or(usize::MAX);
        let chunk = (start - base) as usize..(end - base) as usize;
        let mut wanted = (chunk.end + TAIL).min(rest);
        let mut filled = 0;
        let mut searched = chunk.end - 1;
        let records = loop {
            // The first chunk, which has no byte before it, makes room for those that have one.
            buffer.bytes.grow(wanted + 1 - chunk.start);
            let read = self
                .file
                .read(base + filled as u64, &mut buffer.bytes[filled..wanted])
                .map_err(Error::file(&self.path))?;
            filled += read;
            if filled < wanted {
                return Err(became_shorter(&self.path));
            }
            let found = memchr::memchr(b'\n', &buffer.bytes[searched..filled]).is_some();
            if found || wanted == rest {
                break records_starting_in(&buffer.bytes[..filled], chunk.clone());
            }
            let before = chunk.start.saturating_sub(1);
            let last = match memchr::memrchr(b'\n', &buffer.bytes[before..chunk.end - 1]) {
                Some(at) => before + at + 1,
                None if chunk.start == 0 => 0,
                // A chunk in which no record starts need not be read to the end of the record in it.
                None => break 0..0,
            };
            if filled - last > self.longest {
                let longest = self.longest;
                return Err(Error::Record { longest });
            }
            searched = filled;
            Memory::check(wanted.saturating_add(1), self.budget)?;
            let enough = last.saturating_add(self.longest).saturating_add(1);
            wanted = wanted
                .saturating_mul(2)
                .min(enough)
                .min(self.budget)
                .min(rest);
        };
        self.cursor.skip(&claimed, base + records.end as u64);
        buffer.records = records;
        Ok(())
    }
}

impl Chunked for FileChunks {
    type Buffer = FileBuffer;

    fn claim(&self, buffer: &mut FileBuffer) -> Result<Option<usize>, Error> {
        let Some((number, chunk)) = self.cursor.claim() else {
            return Ok(None);
        };
        self.read(chunk, buffer)?;
        Ok(Some(number))
    }

    fn text<'b>(&'b self, buffer: &'b FileBuffer) -> &'b [u8] {
        &buffer.bytes[buffer.records.clone()]
    }
}

/// A file that several threads read from at positions of their own.
struct Positioned {
    #[cfg(unix)]
    file: File,
    #[cfg(not(unix))]
    file: Mutex<File>,
}

impl Positioned {
    #[cfg(unix)]
    fn new(file: File) -> Self {
        Positioned { file }
    }

    #[cfg(not(unix))]
    fn new(file: File) -> Self {
        Positioned {
            file: Mutex::new(file),
        }
    }

    /// Fills `out` from `offset`; less at the end of the file.
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < out.len() {
            match self.read_once(offset + filled as u64, &mut out[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    #[cfg(unix)]
    fn read_once(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, out, offset)
    }

    #[cfg(not(unix))]
    fn read_once(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        use std::io::{Seek, SeekFrom};
        let mut file = self
            .file
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        file.seek(SeekFrom::Start(offset))?;
        file.read(out)
    }
}

/// Chunks of a reader, which workers read in turn under a lock.
pub(crate) struct ReaderChunks<R> {
    /// With the number of the next chunk.
    cutter: Mutex<(Cutter<R>, usize)>,
    halted: AtomicBool,
}

impl<R: Read + Send> ReaderChunks<R> {
    pub(crate) fn new(cutter: Cutter<R>) -> Self {
        ReaderChunks {
            cutter: Mutex::new((cutter, 0)),
            halted: AtomicBool::new(false),
        }
    }
}

impl<R: Read + Send> Chunked for ReaderChunks<R> {
    /// The buffer and how much of it is the chunk.
    type Buffer = (Vec<u8>, usize);

    fn claim(&self, (buffer, length): &mut Self::Buffer) -> Result<Option<usize>, Error> {
        // A reader that has panicked is not read again.
        let Ok(mut shared) = self.cutter.lock() else {
            return Ok(None);
        };
        let (cutter, number) = &mut *shared;
        *length = cutter.next(buffer, || !self.halted.load(Ordering::Relaxed))?;
        if *length == 0 {
            return Ok(None);
        }
        *number += 1;
        Ok(Some(*number - 1))
    }

    fn text<'b>(&'b self, (buffer, length): &'b Self::Buffer) -> &'b [u8] {
        &buffer[..*length]
    }

    fn halt(&self) {
        self.halted.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::each_line;
    use proptest::prelude::*;
    use std::io::Write;

    const NO_LIMIT: Memory = Memory::new(usize::MAX, 1);

    fn lines(text: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        each_line(text, |line| lines.push(line.to_vec()));
        lines
    }

    fn all(chunks: &impl Chunked) -> Vec<Vec<u8>> {
        let mut buffer = Default::default();
        let mut found = Vec::new();
        while chunks.claim(&mut buffer).unwrap().is_some() {
            each_line(chunks.text(&buffer), |line| found.push(line.to_vec()));
        }
        found
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![3 => Just(b'\n'), 1 => Just(b'\r'), 12 => any::<u8>()];
        proptest::collection::vec(byte, 0..200)
    }

    fn file(text: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text).unwrap();
        file
    }

    proptest! {
        #[test]
        fn every_record_once(text in text(), size in 1usize..40) {
            prop_assert_eq!(all(&TextChunks::new(&text, size)), lines(&text));
            let chunks = FileChunks::new(file(&text), PathBuf::new(), text.len() as u64, size, NO_LIMIT);
            prop_assert_eq!(all(&chunks), lines(&text));
        }
    }

    #[test]
    fn a_record_over_many_chunks() {
        let mut text = b"short\n".to_vec();
        text.extend([b'x'; 10_000]);
        text.extend(b"\nlast");
        let chunks =
            |memory| FileChunks::new(file(&text), PathBuf::new(), text.len() as u64, 16, memory);
        assert_eq!(all(&chunks(NO_LIMIT)), lines(&text));
        let mut buffer = FileBuffer::default();
        let error = chunks(Memory::new(4000, 1)).claim(&mut buffer).unwrap_err();
        assert!(
            matches!(error, Error::Budget { budget: 4000, .. }),
            "{error}"
        );
        for longest in [9_999, 10_000] {
            let short = Memory {
                record: longest,
                ..NO_LIMIT
            };
            let mut buffer = FileBuffer::default();
            let claimed = chunks(short).claim(&mut buffer);
            match longest {
                10_000 => assert_eq!(claimed.unwrap(), Some(0)),
                _ => assert!(matches!(claimed, Err(Error::Record { longest: 9_999 }))),
            }
            // The chunk, and what is kept of its last record.
            assert!(buffer.bytes.capacity() <= 16 + longest + 2, "{longest}");
        }
    }

    /// However short the chunks are: a record of a megabyte is claimed, and so searched, once.
    #[test]
    fn a_long_record_is_not_claimed_chunk_by_chunk() {
        let mut text = b"short\n".repeat(10);
        text.extend(vec![b'x'; 1 << 20]);
        text.extend(b"\nlast\n");
        let length = text.len() as u64;
        let mut found = Vec::new();
        for size in [1, 7, 16, 1000] {
            let in_memory = TextChunks::new(&text, size);
            let in_file = FileChunks::new(file(&text), PathBuf::new(), length, size, NO_LIMIT);
            found.push(all(&in_memory));
            found.push(all(&in_file));
            for cursor in [in_memory.cursor, in_file.cursor] {
                let (end, claims) = cursor.next.into_inner().unwrap();
                assert_eq!(end, length);
                assert!(claims <= 66 / size + 3, "{claims} of {size}");
            }
        }
        for lines_found in found {
            assert_eq!(lines_found, lines(&text));
        }
    }

    /// Two workers that claim in turn: the one that is behind may still hold a chunk before the long
    /// record when the other has skipped it.
    #[test]
    fn a_chunk_that_was_claimed_before_a_skip_keeps_its_records() {
        let text = [&b"a\nb\n"[..], &[b'x'; 100], b"\nc\n"].concat();
        let chunks = TextChunks::new(&text, 3);
        let early = chunks.cursor.claim().unwrap();
        assert_eq!(early, (0, 0..3));
        let mut range = 0..0;
        assert_eq!(chunks.claim(&mut range).unwrap(), Some(1));
        assert_eq!(range, 4..105);
        assert_eq!(chunks.claim(&mut range).unwrap(), Some(2));
        assert_eq!(&text[range.clone()], b"c\n");
        assert_eq!(chunks.claim(&mut range).unwrap(), None);
        assert_eq!(records_starting_in(&text, 0..3), 0..4);
    }

    #[test]
    #[cfg(feature = "parallel")]
    fn the_first_and_the_last_chunks_are_shorter() {
        let text = vec![b'\n'; 100_000];
        let chunks = TextChunks::new(&text, 15_000).guided(2, 1000);
        let mut sizes = Vec::new();
        while let Some((_, chunk)) = chunks.cursor.claim() {
            sizes.push(chunk.end - chunk.start);
        }
        assert_eq!(sizes[..6], [1000, 2000, 4000, 8000, 15_000, 15_000]);
        assert_eq!(sizes.iter().sum::<u64>(), 100_000);
        let last = &sizes[5..];
        assert!(last.is_sorted_by(|a, b| a >= b), "{last:?}");
        assert!(sizes.len() < 25, "{sizes:?}");
        assert!(sizes[..sizes.len() - 1].iter().all(|size| *size >= 1000));
    }

    #[test]
    fn a_file_that_has_shrunk_is_an_error() {
        let text = b"one\ntwo\nthree\n";
        // Within a chunk, behind its last record, and before it.
        for length in [15, 18, 100] {
            let chunks = FileChunks::new(file(text), PathBuf::from("shrunk"), length, 5, NO_LIMIT);
            let mut buffer = FileBuffer::default();
            let failed = loop {
                match chunks.claim(&mut buffer) {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("{length}: no error"),
                    Err(error) => break error.to_string(),
                }
            };
            let expected = "cannot read shrunk: the file became shorter while it was read";
            assert_eq!(failed, expected);
        }
    }
}
