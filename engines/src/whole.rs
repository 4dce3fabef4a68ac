//! Reads whole files into a buffer that is reused, one system call for a small file's contents and
//! one to see its end.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::engine::Error;
use crate::lines::Buffer;

/// Reads the file at `path` into `buffer` from byte `start` on, and returns where its contents end.
/// Where the buffer is too short it grows to the size of the file, once `allow` has agreed to that
/// many bytes.
///
/// # Errors
/// If the file cannot be opened or read, and with the errors of `allow`.
pub(crate) fn read_whole(
    path: &Path,
    buffer: &mut impl Buffer,
    start: usize,
    allow: impl Fn(usize) -> Result<(), Error>,
) -> Result<usize, Error> {
    let mut file = File::open(path).map_err(Error::file(path))?;
    let mut end = start;
    loop {
        let length = buffer.space().len();
        if end == length {
            // The size is asked for only now, because most files are small. It may be wrong while
            // the file is being written, and is 0 for what the kernel makes up as it is read.
            let size = file.metadata().map_err(Error::file(path))?.len();
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            // One byte more, so that the last read sees the end instead of a full buffer.
            let whole = start.saturating_add(size).saturating_add(1);
            let length = if whole > length {
                whole
            } else {
                length.saturating_mul(2).max(4096)
            };
            allow(length)?;
            buffer.grow(length);
        }
        match file.read(&mut buffer.space()[end..]) {
            Ok(0) => return Ok(end),
            Ok(n) => end += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::file(path)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_size_behind_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for size in [0, 1, 9, 10, 11, 4096, 5000, 100_000] {
            let contents: Vec<u8> = (0..size).map(|i| i as u8).collect();
            std::fs::write(&path, &contents).unwrap();
            let mut buffer = vec![7; 10];
            let end = read_whole(&path, &mut buffer, 3, |_| Ok(())).unwrap();
            assert_eq!(buffer[..3], [7; 3]);
            assert_eq!(buffer[3..end], contents);
        }
    }
}
