//! A file mapped into memory, as a text that is claimed in chunks.

use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use memmap2::Mmap;

use crate::chunks::{Chunked, records_starting_in};
use crate::engine::Error;

/// Chunks of a mapped file. How long the file is gets checked again before each chunk.
pub(crate) struct MapChunks {
    map: Mmap,
    file: File,
    path: PathBuf,
    size: usize,
    cursor: AtomicUsize,
}

impl MapChunks {
    /// Maps `file` in chunks of `size` bytes.
    ///
    /// # Errors
    /// If the file cannot be mapped: the address space may be limited.
    pub(crate) fn new(file: File, path: PathBuf, size: usize) -> Result<Self, Error> {
        // SAFETY: the map is read only. A file that another process changes meanwhile breaks what
        // Rust assumes of borrowed bytes, and one that shrinks may fault; users choose the map
        // knowingly, as `Reader::Map` says. Closures see nothing but bytes, of which any is valid.
        let map = unsafe { Mmap::map(&file) }.map_err(Error::file(&path))?;
        Ok(MapChunks {
            map,
            file,
            path,
            size: size.max(1),
            cursor: AtomicUsize::new(0),
        })
    }
}

impl Chunked for MapChunks {
    type Buffer = Range<usize>;

    fn claim(&self, records: &mut Range<usize>) -> Result<Option<usize>, Error> {
        let number = self.cursor.fetch_add(1, Ordering::Relaxed);
        let start = number.saturating_mul(self.size);
        if start >= self.map.len() {
            return Ok(None);
        }
        let length = self.file.metadata().map_err(Error::file(&self.path))?.len();
        let length = usize::try_from(length).map_or(self.map.len(), |n| n.min(self.map.len()));
        *records = if start < length {
            let end = start.saturating_add(self.size).min(length);
            records_starting_in(&self.map[..length], start..end)
        } else {
            0..0
        };
        Ok(Some(number))
    }

    fn text<'b>(&'b self, records: &'b Range<usize>) -> &'b [u8] {
        &self.map[records.clone()]
    }
}
