//! Where items come from. A source says what there is; the engine decides how to get it.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

#[cfg(any(feature = "gzip", feature = "zstd"))]
use crate::decompressed::Decompressed;
use crate::follow::{Follow, Following};

/// A source whose items can be had by position: a slice, or windows over one.
///
/// # Safety
/// `get` must be safe to call for every position below `len()`, from any thread. `len()` must stay the
/// same as long as the source lives, and be equal for copies of it.
///
/// ```
/// use engines::{Indexed, Windows};
///
/// let pairs = Windows::<_, 2>::over(&[1, 2, 3]);
/// assert_eq!(pairs.len(), 2);
/// // SAFETY: 1 is below `len()`.
/// assert_eq!(unsafe { pairs.get(1) }, [2, 3]);
/// ```
pub unsafe trait Indexed: Copy + Sync {
    /// What lies at a position.
    type Item;
    /// Whether neighbouring items share memory, so that reading them cannot be aligned.
    const OVERLAPS: bool = false;

    /// Number of items.
    fn len(&self) -> usize;

    /// Whether there is no item.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item at `index`.
    ///
    /// # Safety
    /// `index` must be below `len()`.
    unsafe fn get(&self, index: usize) -> Self::Item;
}

// SAFETY: `get` reads an element within the slice; `T: Copy + Sync` may be read from any thread.
unsafe impl<T: Copy + Sync> Indexed for &[T] {
    type Item = T;

    fn len(&self) -> usize {
        <[T]>::len(self)
    }

    #[inline(always)]
    unsafe fn get(&self, index: usize) -> T {
        // SAFETY: the caller promises `index < len()`.
        unsafe { *self.get_unchecked(index) }
    }
}

/// Every `N` neighbouring elements of a slice, as arrays: the source of moving averages and filters.
/// The first window starts at element 0, and there are `slice.len() + 1 - N` of them (none if the
/// slice is shorter).
///
/// ```
/// use engines::{CacheAware, Engine, Pipeline, Windows, collect};
///
/// let mean = Pipeline::new().map(|[a, b, c]: [f64; 3]| (a + b + c) / 3.0);
/// let data = [1.0, 2.0, 3.0, 7.0];
/// let smooth = CacheAware::default().run(Windows::over(&data), &mean, collect()).unwrap();
/// assert_eq!(smooth, [2.0, 4.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Windows<'s, T: Copy, const N: usize>(&'s [T]);

impl<'s, T: Copy, const N: usize> Windows<'s, T, N> {
    /// Windows over `slice`.
    ///
    /// # Panics
    /// If `N` is 0.
    pub fn over(slice: &'s [T]) -> Self {
        assert!(N > 0, "a window has at least one element");
        Windows(slice)
    }
}

// SAFETY: window `i` ends at element `i + N - 1`, which is below the slice's length for `i < len()`.
unsafe impl<T: Copy + Sync, const N: usize> Indexed for Windows<'_, T, N> {
    type Item = [T; N];
    const OVERLAPS: bool = N > 1;

    fn len(&self) -> usize {
        self.0.len().saturating_sub(N - 1)
    }

    #[inline(always)]
    unsafe fn get(&self, index: usize) -> [T; N] {
        // SAFETY: the caller promises `index < len()`, so that `index + N - 1` is in the slice.
        std::array::from_fn(|k| unsafe { *self.0.get_unchecked(index + k) })
    }
}

/// The lines of a text, each without its `\n` or `\r\n`; a last line without one counts, an empty one
/// after the last `\n` does not. Bytes need not be UTF-8.
///
/// ```
/// use engines::{CacheAware, Engine, Pipeline, Records, collect};
///
/// let lengths = Pipeline::records().map(|line| line.len());
/// let text = Records::text(b"one\r\n\nthree");
/// assert_eq!(CacheAware::default().run(text, &lengths, collect()).unwrap(), [3, 0, 5]);
/// ```
pub struct Records<'s>(pub(crate) RecordInput<'s>);

pub(crate) enum RecordInput<'s> {
    Text(&'s [u8]),
    File(PathBuf),
    /// With the path, if it reads a file: errors name it.
    Reader(Box<dyn Read + Send + 's>, Option<PathBuf>),
}

impl<'s> Records<'s> {
    /// The records of a text in memory.
    pub fn text(text: &'s [u8]) -> Self {
        Records(RecordInput::Text(text))
    }

    /// The records of a file, which is opened when the run starts.
    pub fn file(path: impl AsRef<Path>) -> Self {
        Records(RecordInput::File(path.as_ref().to_owned()))
    }

    /// The records of anything that can be read: standard input, a pipe, a socket.
    pub fn reader(reader: impl Read + Send + 's) -> Self {
        Records(RecordInput::Reader(Box::new(reader), None))
    }

    /// The records of a file that grows while it is read. See [`Follow`].
    pub fn follow(path: impl AsRef<Path>) -> Follow {
        Follow::new(path.as_ref())
    }

    /// The records of what these bytes are when decompressed. Without it a compressed file is read as
    /// the bytes that it holds.
    ///
    /// The first bytes tell gzip from Zstandard; each is a cargo feature, `gzip` by default, `zstd`
    /// where a C compiler is at hand. All members of a file are read, one behind the other. Input that
    /// is neither, is damaged, ends early or has something else behind it is an error, which names the
    /// file.
    ///
    /// [`Streaming`](crate::Streaming) and [`Async`](crate::Async) decompress on a thread that reads
    /// ahead, [`Parallel`](crate::Parallel) on the worker that takes the next chunk, the others in
    /// between. A gzip decoder takes some 50 KiB, one of Zstandard the window that the input asks for:
    /// 8 MiB up to level 19, never more than 128 MiB. No engine counts that in its budget.
    ///
    /// ```
    /// use engines::{Engine, Pipeline, Records, Streaming, collect};
    /// use std::io::Write;
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("words.gz");
    /// let file = std::fs::File::create(&path).unwrap();
    /// let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::default());
    /// gzip.write_all(b"one\nthree\n").unwrap();
    /// gzip.finish().unwrap();
    ///
    /// let lengths = Pipeline::records().map(|line| line.len());
    /// let words = Records::file(&path).decompressed();
    /// assert_eq!(Streaming::default().run(words, &lengths, collect()).unwrap(), [3, 5]);
    /// ```
    #[cfg(any(feature = "gzip", feature = "zstd"))]
    #[must_use]
    pub fn decompressed(self) -> Self {
        let (reader, path) = match self.0 {
            RecordInput::Text(text) => (Decompressed::new(text), None),
            RecordInput::File(path) => (Decompressed::new(Lazy::Path(path.clone())), Some(path)),
            RecordInput::Reader(reader, path) => (Decompressed::new(reader), path),
        };
        Records(RecordInput::Reader(Box::new(reader), path))
    }
}

impl From<Follow> for Records<'_> {
    fn from(follow: Follow) -> Self {
        let path = follow.path.clone();
        Records(RecordInput::Reader(
            Box::new(Following::new(follow)),
            Some(path),
        ))
    }
}

/// A file that is opened when it is first read.
#[cfg(any(feature = "gzip", feature = "zstd"))]
enum Lazy {
    Path(PathBuf),
    File(std::fs::File),
}

#[cfg(any(feature = "gzip", feature = "zstd"))]
impl Read for Lazy {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Lazy::File(file) => file.read(out),
            Lazy::Path(path) => {
                let mut file = std::fs::File::open(path)?;
                let result = file.read(out);
                *self = Lazy::File(file);
                result
            }
        }
    }
}

/// Whole files, each an item of its contents and its position in `paths`.
///
/// ```
/// use engines::{Engine, Files, Pipeline, Streaming, collect};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let paths = ["a", "b"].map(|name| folder.path().join(name));
/// std::fs::write(&paths[0], "one").unwrap();
/// std::fs::write(&paths[1], "three").unwrap();
/// let lengths = Pipeline::files().map(|(text, position)| (position, text.len()));
/// let lengths = Streaming::default().run(Files::at(&paths), &lengths, collect()).unwrap();
/// assert_eq!(lengths, [(0, 3), (1, 5)]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Files<'s>(pub(crate) &'s [PathBuf]);

impl<'s> Files<'s> {
    /// The files at `paths`.
    pub fn at(paths: &'s [PathBuf]) -> Self {
        Files(paths)
    }
}

/// How requests and responses look on a connection. The protocol does no I/O itself: each engine
/// moves the bytes by its own means.
///
/// ```
/// use engines::{Async, Engine, Frame, Pipeline, Protocol, Requests, collect};
/// use std::{io, net::TcpListener, thread};
///
/// /// A request is an id and a number, two bytes in all, and so is its response.
/// struct Echo;
///
/// impl Protocol for Echo {
///     type Key = u8;
///
///     fn encode(&self, id: u32, key: &u8, out: &mut Vec<u8>) {
///         out.extend([id as u8, *key]);
///     }
///
///     fn decode<'b>(&self, input: &'b [u8]) -> io::Result<Option<Frame<'b>>> {
///         let [id, _, ..] = input else { return Ok(None) };
///         Ok(Some(Frame { id: u32::from(*id), body: &input[1..2], length: 2 }))
///     }
/// }
///
/// let listener = TcpListener::bind("127.0.0.1:0").unwrap();
/// let address = listener.local_addr().unwrap();
/// thread::spawn(move || {
///     let stream = listener.accept().unwrap().0;
///     io::copy(&mut &stream, &mut &stream)
/// });
/// let engine = Async::default().in_flight(3).multiplexed(1);
/// let numbers = Pipeline::responses().map(|(body, _)| body[0]);
/// let source = Requests::to(address, &Echo, &[7, 8, 9]);
/// assert_eq!(engine.run(source, &numbers, collect()).unwrap(), [7, 8, 9]);
/// ```
pub trait Protocol: Sync {
    /// What a request asks for.
    type Key: Sync;

    /// Appends the request for `key` to `out`; the response must carry `id` back.
    fn encode(&self, id: u32, key: &Self::Key, out: &mut Vec<u8>);

    /// The first response in `input`, or `None` while it is not complete.
    ///
    /// # Errors
    /// If `input` cannot be the beginning of a response, or the response reports a failure.
    fn decode<'b>(&self, input: &'b [u8]) -> io::Result<Option<Frame<'b>>>;
}

/// One response as [`Protocol::decode`] found it; see there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'b> {
    /// The request that it answers.
    pub id: u32,
    /// What the pipeline gets to see.
    pub body: &'b [u8],
    /// Bytes of input that the response took.
    pub length: usize,
}

/// Requests to a service, one for each key; items are the responses' bodies with their key's position.
///
/// A server may answer the requests of one connection in any order. [`Protocol`] has an example.
pub struct Requests<'s, P: Protocol> {
    pub(crate) address: SocketAddr,
    pub(crate) protocol: &'s P,
    pub(crate) keys: &'s [P::Key],
}

impl<'s, P: Protocol> Requests<'s, P> {
    /// Requests for `keys` to the service at `address`.
    pub fn to(address: SocketAddr, protocol: &'s P, keys: &'s [P::Key]) -> Self {
        Requests {
            address,
            protocol,
            keys,
        }
    }
}
