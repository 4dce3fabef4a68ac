//! Cuts what a reader yields into chunks of whole records, into buffers that others own and that may
//! be worked on by one thread while another reads on.

use std::io::{ErrorKind, Read};
use std::path::PathBuf;

use crate::engine::Error;
use crate::memory::Memory;

/// Cuts what a reader yields into chunks of whole records, into buffers that others own.
pub(crate) struct Cutter<R> {
    reader: R,
    /// What is read, if it is a file.
    path: Option<PathBuf>,
    /// The beginning of a record whose end is not read yet.
    carry: Vec<u8>,
    size: usize,
    /// Bytes of the next chunk, where the first ones are shorter.
    next: usize,
    memory: Memory,
    /// Whether a chunk is filled before it is handed on, or goes on as soon as it has one record.
    fill: bool,
    ended: bool,
}

impl<R: Read> Cutter<R> {
    /// Chunks of at most `size` bytes, of up to the bytes of a worker where a record is longer. One that
    /// is longer than a record may be is not read to its end.
    pub(crate) fn new(reader: R, size: usize, memory: Memory, fill: bool) -> Self {
        Cutter {
            reader,
            path: None,
            carry: Vec::new(),
            size: size.max(1),
            next: size.max(1),
            memory,
            fill,
            ended: false,
        }
    }

    /// Begins with a chunk of `least` bytes, of which each further one is twice as long.
    #[cfg(feature = "parallel")]
    pub(crate) fn beginning(self, least: usize) -> Self {
        let next = least.clamp(1, self.size);
        Cutter { next, ..self }
    }

    /// Names the file that is read, for errors.
    pub(crate) fn of(self, path: Option<PathBuf>) -> Self {
        Cutter { path, ..self }
    }

    /// Puts the next chunk into `buffer` and returns its length; 0 at the end of the text.
    ///
    /// A reader that is interrupted has nothing at the moment: what is there goes on without waiting for
    /// the chunk to be full, and if it is nothing, `wanted` tells whether to go on reading; if not, the
    /// text ends.
    ///
    /// The text ends with an error as well: what the failed call had of a record is gone.
    pub(crate) fn next(
        &mut self,
        buffer: &mut Vec<u8>,
        wanted: impl Fn() -> bool,
    ) -> Result<usize, Error> {
        if self.ended {
            return Ok(0);
        }
        let result = self.read(buffer, wanted);
        self.ended |= result.is_err();
        result
    }

    fn read(&mut self, buffer: &mut Vec<u8>, wanted: impl Fn() -> bool) -> Result<usize, Error> {
        let mut filled = self.carry.len();
        let size = self.next.max(filled);
        self.next = self.next.saturating_mul(2).min(self.size);
        if buffer.len() < size {
            buffer.resize(size, 0);
        }
        buffer[..filled].copy_from_slice(&self.carry);
        self.carry.clear();
        let mut cut = None;
        loop {
            if cut.is_none() && filled > self.memory.record {
                let longest = self.memory.record;
                return Err(Error::Record { longest });
            }
            if filled == buffer.len() {
                if cut.is_some() {
                    break;
                }
                Memory::check(filled + 1, self.memory.worker)?;
                let enough = self.memory.record.saturating_add(1).min(self.memory.worker);
                buffer.resize((filled * 2).min(enough), 0);
            }
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(filled);
                }
                Ok(n) => {
                    let fresh = filled;
                    filled += n;
                    if let Some(at) = memchr::memrchr(b'\n', &buffer[fresh..filled]) {
                        cut = Some(fresh + at + 1);
                        if !self.fill {
                            break;
                        }
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {
                    if cut.is_some() {
                        break;
                    }
                    if !wanted() {
                        self.ended = true;
                        return Ok(0);
                    }
                }
                Err(error) => return Err(Error::reading(self.path.clone())(error)),
            }
        }
        let cut = cut.expect("the loop ends at a cut");
        self.carry.extend_from_slice(&buffer[cut..filled]);
        Ok(cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::each_line;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_record_once(
            text in proptest::collection::vec(prop_oneof![2 => Just(b'\n'), 1 => Just(b'\r'), 9 => any::<u8>()], 0..200),
            size in 1usize..40,
            fill in any::<bool>(),
        ) {
            let mut expected = Vec::new();
            each_line(&text, |line| expected.push(line.to_vec()));
            let mut cutter = Cutter::new(&text[..], size, Memory::new(1000, 1), fill);
            let mut found = Vec::new();
            let mut buffer = Vec::new();
            loop {
                let length = cutter.next(&mut buffer, || true).unwrap();
                if length == 0 {
                    break;
                }
                each_line(&buffer[..length], |line| found.push(line.to_vec()));
            }
            prop_assert_eq!(found, expected);
        }
    }
}
