//! Cutting a text into records: within a text, and while it is read into a buffer that is reused.

use std::io::{self, Read};

use crate::engine::Error;

/// Cuts `text` into pieces of whole records, of at most `size` bytes unless one record is longer.
pub(crate) fn pieces(mut text: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let size = size.clamp(1, text.len());
        let end = if size == text.len() {
            size
        } else if let Some(end) = memchr::memrchr(b'\n', &text[..size]) {
            end + 1
        } else {
            memchr::memchr(b'\n', &text[size..]).map_or(text.len(), |end| size + end + 1)
        };
        let (piece, rest) = text.split_at(end);
        text = rest;
        Some(piece)
    })
}

/// Fails if `text`, which begins where a record does, has one of more than `longest` bytes. A carriage
/// return counts, as nobody knows what it is before the line feed has been read.
///
/// Looks at `text.len() / longest` places, each at the last line end of so many bytes.
#[inline]
pub(crate) fn check_records(mut text: &[u8], longest: usize) -> Result<(), Error> {
    while text.len() > longest {
        let Some(end) = memchr::memrchr(b'\n', &text[..=longest]) else {
            return Err(Error::Record { longest });
        };
        text = &text[end + 1..];
    }
    Ok(())
}

/// Memory that bytes are read into and that can grow.
pub(crate) trait Buffer {
    /// What can be read into.
    fn space(&mut self) -> &mut [u8];

    /// Makes the space `size` bytes long and keeps what is in it. It is never made shorter.
    fn grow(&mut self, size: usize);

    /// Frees what lies beyond the first `size` bytes, where the buffer can.
    fn shrink(&mut self, size: usize) {
        let _ = size;
    }

    /// Heap bytes held.
    fn held(&self) -> usize;
}

impl Buffer for Vec<u8> {
    fn space(&mut self) -> &mut [u8] {
        self
    }

    fn grow(&mut self, size: usize) {
        // Exactly, because a budget may stand behind `size`.
        self.reserve_exact(size.saturating_sub(self.len()));
        self.resize(size.max(self.len()), 0);
    }

    fn shrink(&mut self, size: usize) {
        self.truncate(size);
        self.shrink_to(size);
    }

    fn held(&self) -> usize {
        self.capacity()
    }
}

/// Reads a text chunk by chunk into one buffer, so that each chunk holds whole records.
pub(crate) struct Chunks<R, B> {
    reader: R,
    buffer: B,
    /// Bytes of the buffer that are in use.
    size: usize,
    /// The chunk that was lent last: to be dropped, except for what follows it.
    lent: usize,
    /// Bytes of the buffer that have been read into.
    filled: usize,
    /// The buffer grows up to this for a record that is longer than a chunk.
    limit: usize,
    /// Bytes of the longest record.
    longest: usize,
    ended: bool,
}

/// Why there is no next chunk.
#[derive(Debug)]
pub(crate) enum ChunkError {
    Io(io::Error),
    /// A record is too long, for the buffer or altogether.
    TooLong(Error),
}

impl<R: Read, B: Buffer> Chunks<R, B> {
    /// Chunks of about `size` bytes, of at most `limit` bytes where a record is longer, in a buffer
    /// that may have been used before. Records of more than `longest` bytes are not read to their end.
    pub(crate) fn new(mut buffer: B, reader: R, size: usize, limit: usize, longest: usize) -> Self {
        let size = size.clamp(1, limit.max(1));
        buffer.grow(size);
        Chunks {
            reader,
            buffer,
            size,
            lent: 0,
            filled: 0,
            limit: limit.max(1),
            longest,
            ended: false,
        }
    }

    /// The next chunk, which ends after a `\n` or at the end of the text; empty at the end.
    pub(crate) fn next(&mut self) -> Result<&[u8], ChunkError> {
        self.buffer.space().copy_within(self.lent..self.filled, 0);
        self.filled -= self.lent;
        self.lent = 0;
        loop {
            if self.ended {
                self.lent = self.filled;
                return Ok(&self.buffer.space()[..self.lent]);
            }
            if self.filled > self.longest {
                let longest = self.longest;
                return Err(ChunkError::TooLong(Error::Record { longest }));
            }
            if self.filled == self.size {
                if self.size >= self.limit {
                    return Err(ChunkError::TooLong(Error::Budget {
                        needed: self.limit.saturating_add(1),
                        budget: self.limit,
                    }));
                }
                let enough = self.longest.saturating_add(1).min(self.limit);
                self.size = self.size.saturating_mul(2).min(enough);
                self.buffer.grow(self.size);
            }
            let space = &mut self.buffer.space()[..self.size];
            match self.reader.read(&mut space[self.filled..]) {
                Ok(0) => self.ended = true,
                Ok(n) => {
                    // Only what has just come can hold a line end: what was left over has none.
                    let fresh = self.filled;
                    self.filled += n;
                    if let Some(end) = memchr::memrchr(b'\n', &space[fresh..self.filled]) {
                        self.lent = fresh + end + 1;
                        return Ok(&self.buffer.space()[..self.lent]);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ChunkError::Io(error)),
            }
        }
    }

    /// Goes on with chunks of about `size` bytes, in less memory; to be called between two chunks.
    pub(crate) fn shrink(&mut self, size: usize) {
        self.buffer.space().copy_within(self.lent..self.filled, 0);
        self.filled -= self.lent;
        self.lent = 0;
        self.size = size.max(self.filled).clamp(1, self.size);
        self.buffer.shrink(self.size);
    }

    /// The buffer, to be used again.
    pub(crate) fn into_buffer(self) -> B {
        self.buffer
    }

    /// Heap bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.buffer.held()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::each_line;
    use proptest::prelude::*;

    fn lines(text: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        each_line(text, |line| lines.push(line.to_vec()));
        lines
    }

    proptest! {
        #[test]
        fn long_records_are_found(text in proptest::collection::vec(prop_oneof![1 => Just(b'\n'), 6 => Just(b'x')], 0..100), longest in 0usize..20) {
            let long = text.split(|byte| *byte == b'\n').any(|line| line.len() > longest);
            prop_assert_eq!(check_records(&text, longest).is_err(), long);
        }

        #[test]
        fn chunks_hold_whole_records(text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..300), size in 1usize..40) {
            let mut chunks = Chunks::new(Vec::new(), &text[..], size, 1000, 1000);
            let mut found = Vec::new();
            loop {
                let chunk = chunks.next().unwrap();
                if chunk.is_empty() { break; }
                each_line(chunk, |line| found.push(line.to_vec()));
            }
            prop_assert_eq!(&found, &lines(&text));
            found.clear();
            for piece in pieces(&text, size) {
                each_line(piece, |line| found.push(line.to_vec()));
            }
            prop_assert_eq!(found, lines(&text));
        }
    }

    #[test]
    fn chunks_that_shrink_lose_nothing() {
        let text = [b"a\n", &[b'x'; 5000][..], b"\nb\nc\n", &[b'y'; 300], b"\nd"].concat();
        let mut chunks = Chunks::new(Vec::new(), &text[..], 1024, 10_000, 10_000);
        let mut found = Vec::new();
        let (mut most, mut least) = (0, usize::MAX);
        loop {
            let chunk = chunks.next().unwrap();
            if chunk.is_empty() {
                break;
            }
            each_line(chunk, |line| found.push(line.to_vec()));
            most = most.max(chunks.bytes());
            chunks.shrink(16);
            least = least.min(chunks.bytes());
        }
        assert_eq!(found, lines(&text));
        assert!(most >= 5000 && least < 1024, "{most} {least}");
    }

    #[test]
    fn a_record_beyond_the_limit_is_an_error() {
        for (limit, longest) in [(6, 100), (100, 6)] {
            let text = &b"ab\nabcdefgh\n"[..];
            let mut chunks = Chunks::new(Vec::new(), text, 4, limit, longest);
            assert_eq!(chunks.next().unwrap(), b"ab\n");
            match (chunks.next().unwrap_err(), limit) {
                (
                    ChunkError::TooLong(Error::Budget {
                        needed: 7,
                        budget: 6,
                    }),
                    6,
                )
                | (ChunkError::TooLong(Error::Record { longest: 6 }), 100) => {}
                (other, _) => panic!("{other:?}"),
            }
            assert!(chunks.bytes() <= 8);
        }
    }
}
