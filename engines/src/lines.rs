//! Cutting a text into records: within a text, and while it is read into a buffer that is reused.

use std::io::{self, Read};

/// Calls `f` with each record of `text`, without its `\n` or `\r\n`.
#[inline(always)]
pub(crate) fn each_line(text: &[u8], mut f: impl FnMut(&[u8])) {
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', text) {
        f(without_return(&text[start..end]));
        start = end + 1;
    }
    if start < text.len() {
        f(without_return(&text[start..]));
    }
}

#[inline(always)]
fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Reads a text chunk by chunk into one buffer, so that each chunk holds whole records.
pub(crate) struct Chunks<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The chunk that was lent last: to be dropped, except for what follows it.
    lent: usize,
    /// Bytes of the buffer that have been read into.
    filled: usize,
    /// The buffer grows up to this for a record that is longer than a chunk.
    limit: usize,
    ended: bool,
}

/// Why there is no next chunk.
#[derive(Debug)]
pub(crate) enum ChunkError {
    Io(io::Error),
    /// A record is longer than the limit.
    TooLong,
}

impl<R: Read> Chunks<R> {
    /// Chunks of about `size` bytes, of at most `limit` bytes where a record is longer.
    pub(crate) fn new(reader: R, size: usize, limit: usize) -> Self {
        let buffer = vec![0; size.clamp(1, limit.max(1))];
        Chunks {
            reader,
            buffer,
            lent: 0,
            filled: 0,
            limit: limit.max(1),
            ended: false,
        }
    }

    /// The next chunk, which ends after a `\n` or at the end of the text; empty at the end.
    pub(crate) fn next(&mut self) -> Result<&[u8], ChunkError> {
        self.buffer.copy_within(self.lent..self.filled, 0);
        self.filled -= self.lent;
        self.lent = 0;
        loop {
            if self.ended {
                self.lent = self.filled;
                return Ok(&self.buffer[..self.lent]);
            }
            if self.filled == self.buffer.len() {
                if self.buffer.len() >= self.limit {
                    return Err(ChunkError::TooLong);
                }
                self.buffer
                    .resize((self.buffer.len() * 2).min(self.limit), 0);
            }
            match self.reader.read(&mut self.buffer[self.filled..]) {
                Ok(0) => self.ended = true,
                Ok(n) => {
                    // Only what has just come can hold a line end: what was left over has none.
                    let fresh = self.filled;
                    self.filled += n;
                    if let Some(end) = memchr::memrchr(b'\n', &self.buffer[fresh..self.filled]) {
                        self.lent = fresh + end + 1;
                        return Ok(&self.buffer[..self.lent]);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ChunkError::Io(error)),
            }
        }
    }

    /// Heap bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.buffer.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        each_line(text, |line| lines.push(line.to_vec()));
        lines
    }

    #[test]
    fn line_ends() {
        assert_eq!(lines(b""), [b""; 0]);
        assert_eq!(lines(b"\n"), [b""]);
        assert_eq!(lines(b"a\r\nb\n\nc"), [&b"a"[..], b"b", b"", b"c"]);
        assert_eq!(lines(b"a\rb\r\r\n\xff"), [&b"a\rb\r"[..], b"\xff"]);
    }

    proptest! {
        #[test]
        fn chunks_hold_whole_records(text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..300), size in 1usize..40) {
            let mut chunks = Chunks::new(&text[..], size, 1000);
            let mut found = Vec::new();
            loop {
                let chunk = chunks.next().unwrap();
                if chunk.is_empty() { break; }
                each_line(chunk, |line| found.push(line.to_vec()));
            }
            prop_assert_eq!(found, lines(&text));
        }
    }

    #[test]
    fn a_record_beyond_the_limit_is_an_error() {
        let mut chunks = Chunks::new(&b"ab\nabcdefgh\n"[..], 4, 6);
        assert_eq!(chunks.next().unwrap(), b"ab\n");
        assert!(matches!(chunks.next(), Err(ChunkError::TooLong)));
    }
}
