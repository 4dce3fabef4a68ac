//! Files: read from the page cache in pieces and through a mapping, read from the disk, and small ones
//! opened, read and closed. What it makes, it removes.

#[cfg(not(target_os = "linux"))]
pub(super) fn measure(taking: &mut super::Taking, _: &std::path::Path) {
    for name in [
        "file-cached-near",
        "file-cached-far",
        "file-mapped-near",
        "file-mapped-far",
        "disk-read",
        "small-file",
    ] {
        taking.note(name, 1, "", Err("needs Linux".to_owned()));
    }
}

#[cfg(target_os = "linux")]
pub(super) use linux::{Mapping, measure};

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{self, File};
    use std::hint::black_box;
    use std::io::{self, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::FileExt;
    use std::path::{Path, PathBuf};
    use std::time::Instant;

    use engines::Caches;

    use crate::limits::Taking;
    use crate::limits::arithmetic::widest;
    use crate::limits::memory::sums;
    use crate::limits::together::{Timed, together};

    /// A file is read in pieces of this size, the one that pays best in the engines.
    const PIECE: usize = 256 << 10;
    const ON_DISK: usize = 8 << 20;
    const SMALL_FILES: usize = 500;
    const SMALL: usize = 1 << 10;

    /// Measures with files in `folder`, which is made and removed.
    pub(in super::super) fn measure(taking: &mut Taking, folder: &Path) {
        let far = (2 * Caches::detect().last).clamp(32 << 20, 256 << 20);
        let near = (Caches::detect().last / 8).clamp(PIECE, far);
        let made = Folder::new(folder).and_then(|folder| {
            let file = folder.file("large", far)?;
            Ok((folder, file))
        });
        let (folder, file) = match made {
            Ok(made) => made,
            Err(error) => {
                taking.note("file-cached-far", 1, "bytes", Err(error.to_string()));
                return;
            }
        };
        for threads in taking.threads.clone() {
            for (level, bytes) in [("near", near), ("far", far)] {
                // Each thread has a part of its own, of whole pieces.
                let part = (bytes / threads / PIECE).max(1) * PIECE;
                let found = in_pieces(taking, &file, threads, part);
                taking.note(&format!("file-cached-{level}"), threads, "bytes", found);
                let found = mapped(taking, &file, threads, part);
                taking.note(&format!("file-mapped-{level}"), threads, "bytes", found);
            }
        }
        taking.note("disk-read", 1, "bytes", from_disk(taking, &folder));
        for threads in taking.threads.clone() {
            let found = small_files(taking, &folder, threads);
            taking.note("small-file", threads, "count", found);
        }
    }

    /// A folder that goes when this does, with all that is in it.
    struct Folder(PathBuf);

    impl Folder {
        fn new(path: &Path) -> io::Result<Folder> {
            let path = path.join(std::process::id().to_string());
            fs::create_dir_all(&path)?;
            Ok(Folder(path))
        }

        fn file(&self, name: &str, bytes: usize) -> io::Result<File> {
            let path = self.0.join(name);
            let mut file = File::create(&path)?;
            let piece = vec![7; PIECE.min(bytes)];
            for _ in 0..bytes / piece.len() {
                file.write_all(&piece)?;
            }
            File::open(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            // What cannot be removed goes with the inputs of the run.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn in_pieces(
        taking: &Taking,
        file: &File,
        threads: usize,
        part: usize,
    ) -> Result<Timed, String> {
        let prepare = |place: usize| Ok((place * part, vec![0; PIECE]));
        together(
            threads,
            taking.each,
            part as u64,
            prepare,
            |(from, piece), rounds| {
                for _ in 0..rounds {
                    for at in (*from..*from + part).step_by(PIECE) {
                        file.read_exact_at(piece, at as u64)?;
                    }
                    black_box(&piece);
                }
                Ok(())
            },
        )
    }

    fn mapped(taking: &Taking, file: &File, threads: usize, part: usize) -> Result<Timed, String> {
        let prepare = |place: usize| Ok(place * part);
        together(
            threads,
            taking.each,
            part as u64,
            prepare,
            |from, rounds| {
                for _ in 0..rounds {
                    let mapping = Mapping::of(file, *from, part)?;
                    let numbers = black_box(mapping.numbers());
                    let sums = widest(
                        #[inline(always)]
                        |_| sums(numbers.as_chunks().0.iter()),
                    );
                    black_box(sums);
                }
                Ok(())
            },
        )
    }

    /// Reads a file of which nothing is left in the page cache.
    fn from_disk(taking: &Taking, folder: &Folder) -> Result<Timed, String> {
        let reading = || -> io::Result<Timed> {
            let file = folder.file("cold", ON_DISK)?;
            // What is not yet written cannot be dropped.
            file.sync_all()?;
            let mut piece = vec![0; PIECE];
            let mut ns = Vec::new();
            let begun = Instant::now();
            while ns.len() < 3 || (begun.elapsed() < taking.each && ns.len() < 20) {
                // SAFETY: passes integers only, for a file that is open.
                let refused = unsafe {
                    libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED)
                };
                if refused != 0 {
                    return Err(io::Error::from_raw_os_error(refused));
                }
                let kept = Mapping::of(&file, 0, ON_DISK)?.resident()?;
                if kept > ON_DISK / 20 {
                    let kept = kept >> 10;
                    let why = format!("the file system keeps {kept} KiB of the file in memory");
                    return Err(io::Error::other(why));
                }
                let start = Instant::now();
                for at in (0..ON_DISK).step_by(PIECE) {
                    file.read_exact_at(&mut piece, at as u64)?;
                }
                ns.push(start.elapsed().as_nanos() as u64);
            }
            let amount = ON_DISK as u64;
            Ok(Timed { amount, ns })
        };
        reading().map_err(|error| error.to_string())
    }

    fn small_files(taking: &Taking, folder: &Folder, threads: usize) -> Result<Timed, String> {
        let prepare = |place: usize| {
            let own = Folder::new(&folder.0.join(format!("small-{threads}-{place}")))?;
            for i in 0..SMALL_FILES {
                fs::write(own.0.join(i.to_string()), [7; SMALL])?;
            }
            let directory = File::open(&own.0)?;
            let name = |i: usize| std::ffi::CString::new(i.to_string()).unwrap_or_default();
            let names: Vec<_> = (0..SMALL_FILES).map(name).collect();
            Ok((directory, names, own))
        };
        let count = SMALL_FILES as u64;
        together(
            threads,
            taking.each,
            count,
            prepare,
            |(directory, names, _), rounds| {
                let mut content = [0u8; 2 * SMALL];
                for _ in 0..rounds {
                    for name in &*names {
                        // SAFETY: the name ends in a zero byte; the call keeps no pointer.
                        let file = unsafe {
                            libc::openat(directory.as_raw_fd(), name.as_ptr(), libc::O_RDONLY)
                        };
                        if file < 0 {
                            return Err(io::Error::last_os_error());
                        }
                        // SAFETY: `content` is valid for writing as many bytes, and `file` is open and
                        // nobody else's.
                        let read = unsafe {
                            let read = libc::read(file, content.as_mut_ptr().cast(), content.len());
                            libc::close(file);
                            read
                        };
                        if read != SMALL as isize {
                            return Err(io::Error::other("a small file was cut short"));
                        }
                    }
                    black_box(&content);
                }
                Ok(())
            },
        )
    }

    /// Memory that the kernel has mapped for this process alone.
    pub(in super::super) struct Mapping {
        start: *mut libc::c_void,
        length: usize,
    }

    impl Mapping {
        /// Fresh memory in pages of the usual size, none of which is there yet.
        pub(in super::super) fn fresh(length: usize) -> io::Result<Mapping> {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let mapping = Mapping::new(length, protection, kind, -1, 0)?;
            // SAFETY: the range is this mapping. Without this a fault might bring 512 pages; where it is
            // refused, there are no such pages.
            unsafe { libc::madvise(mapping.start, length, libc::MADV_NOHUGEPAGE) };
            Ok(mapping)
        }

        /// A part of a file, to be read.
        fn of(file: &File, from: usize, length: usize) -> io::Result<Mapping> {
            let from = from as libc::off_t;
            Mapping::new(
                length,
                libc::PROT_READ,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                from,
            )
        }

        fn new(
            length: usize,
            protection: i32,
            kind: i32,
            file: i32,
            from: libc::off_t,
        ) -> io::Result<Mapping> {
            // SAFETY: asks for new addresses, so that nothing in use is touched.
            let start =
                unsafe { libc::mmap(std::ptr::null_mut(), length, protection, kind, file, from) };
            match start == libc::MAP_FAILED {
                true => Err(io::Error::last_os_error()),
                false => Ok(Mapping { start, length }),
            }
        }

        fn numbers(&self) -> &[u64] {
            // SAFETY: the mapping begins with a page and can be read as long as `self` lives. A file is in a
            // folder of this process's own, where nobody shortens or writes it.
            unsafe { std::slice::from_raw_parts(self.start.cast(), self.length / 8) }
        }

        /// Only of [`Mapping::fresh`], which alone can be written.
        pub(in super::super) fn bytes_mut(&mut self) -> &mut [u8] {
            // SAFETY: fresh memory is zero, can be written, and is borrowed from nowhere else.
            unsafe { std::slice::from_raw_parts_mut(self.start.cast(), self.length) }
        }

        /// How many of its bytes are in the page cache.
        fn resident(&self) -> io::Result<usize> {
            const PAGE: usize = 4096;
            let mut pages = vec![0u8; self.length.div_ceil(PAGE)];
            // SAFETY: the range is this mapping, and `pages` has a byte for each page of the smallest size.
            let failed = unsafe { libc::mincore(self.start, self.length, pages.as_mut_ptr()) } != 0;
            match failed {
                true => Err(io::Error::last_os_error()),
                false => Ok(pages.iter().filter(|page| **page & 1 == 1).count() * PAGE),
            }
        }
    }

    impl Drop for Mapping {
        fn drop(&mut self) {
            // SAFETY: the range is this mapping, of which no borrow is left.
            unsafe { libc::munmap(self.start, self.length) };
        }
    }
}
