//! A file mapped into memory, as a text that is claimed in chunks.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use memmap2::{Mmap, MmapOptions};

use super::guard::Guard;
use crate::chunks::{Chunked, Cursor, became_shorter, records_starting_in};
use crate::engine::Error;

/// Chunks of a mapped file. Before and after each chunk it is checked whether the file is still as
/// long as it was: what is missing would read as zeros.
pub(crate) struct MapChunks<'f> {
    // Unmapped before the guard is given up.
    map: Mmap,
    guard: Guard,
    file: &'f File,
    path: &'f Path,
    cursor: Cursor,
}

impl<'f> MapChunks<'f> {
    /// Maps the first `length` bytes of `file` in chunks of `size` bytes; `None` if that cannot be done
    /// safely, because too many files are mapped.
    ///
    /// # Errors
    /// If the file cannot be mapped: the address space may be limited.
    pub(crate) fn new(
        file: &'f File,
        path: &'f Path,
        length: u64,
        size: usize,
    ) -> Result<Option<Self>, Error> {
        let (Some(guard), Ok(length)) = (Guard::take(), usize::try_from(length)) else {
            return Ok(None);
        };
        // SAFETY: the map is read only. A file that another process changes meanwhile breaks what
        // Rust assumes of borrowed bytes; users choose the map knowingly, as `Reader::Map` says.
        // Closures see nothing but bytes, of which any is valid. Where the file has shrunk, the guard
        // puts zeros.
        let map = unsafe { MmapOptions::new().len(length).map(file) }.map_err(Error::file(path))?;
        // SAFETY: a mapping from the beginning of the file, which is dropped before the guard.
        unsafe { guard.watch(&map) };
        Ok(Some(MapChunks {
            cursor: Cursor::new(map.len() as u64, size),
            map,
            guard,
            file,
            path,
        }))
    }
}

impl Chunked for MapChunks<'_> {
    type Buffer = Range<usize>;

    fn claim(&self, records: &mut Range<usize>) -> Result<Option<usize>, Error> {
        let Some((number, chunk)) = self.cursor.claim() else {
            return Ok(None);
        };
        self.check()?;
        *records = records_starting_in(&self.map, chunk.start as usize..chunk.end as usize);
        self.cursor.skip(&chunk, records.end as u64);
        Ok(Some(number))
    }

    fn text<'b>(&'b self, records: &'b Range<usize>) -> &'b [u8] {
        &self.map[records.clone()]
    }

    fn check(&self) -> Result<(), Error> {
        // Also without a fault: the rest of a file's last page reads as zeros.
        let about = self.file.metadata().map_err(Error::file(self.path))?;
        if about.len() < self.map.len() as u64 {
            return Err(became_shorter(self.path));
        }
        if self.guard.broken() {
            let message = "a part of it could not be read, or was missing for a while";
            return Err(Error::file(self.path)(std::io::Error::other(message)));
        }
        Ok(())
    }
}
