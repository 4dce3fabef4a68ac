//! Data pipelines that are written once and run on any of five engines with the same answer.
//!
//! A [`Pipeline`] is a chain of closures, composed statically. A *source* says where items come from, a
//! *sink* what becomes of the results, and an [`Engine`] decides how the work is done.
//!
//! ```
//! use engines::*;
//!
//! let pipeline = Pipeline::new().map(|x: f64| x * 2.0).filter(|x| *x > 2.0);
//! let data = [0.5, 1.5, 2.5];
//! let total = CacheAware::default().run(&data[..], &pipeline, sum()).unwrap();
//! assert_eq!(total, 8.0);
//! assert_eq!(MemoryOptimized::default().run(&data[..], &pipeline, sum()).unwrap(), total);
//! ```
//!
//! That one import suffices everywhere; only the helpers in [`bytes`] keep their module's name. The first
//! closure over owned items names its type, those behind it need not; records and responses need none.
//! Longer programs are in the folder `examples`: a file streamed, one larger than memory, a log by key,
//! a folder of small files, numbers, requests.
//!
//! # Which engine when
//!
//! All give the same answer, so try; `cargo run -p harness -- all` compares them on your machine. On two
//! cores of a shared virtual machine, against plain Rust as one writes it first:
//!
//! | the work | engine | why |
//! |---|---|---|
//! | much to compute, several cores | [`Parallel`] | small records 7.5 times as fast; it wakes others only where they save 0.1 ms |
//! | a large file, a pipe, results while input arrives | [`Streaming`] | a file of 33 MB 10 times as fast, in a thirtieth of the memory |
//! | many requests that wait for an answer | [`Async`] | 237 times as fast as one after another; with 1,000 under way 3.3 times tokio with a connection each |
//! | numbers, one core | [`CacheAware`] | sums 7.5 times, maps 2.5 times as fast: vectors, and blocks that stay in the cache |
//! | little memory | [`MemoryOptimized`] | a budget in bytes that is kept; the same speed as [`CacheAware`] on records |
//!
//! Each is the wrong choice somewhere, and another one gives the same answer sooner:
//!
//! | engine | wrong for | because | take |
//! |---|---|---|---|
//! | [`Parallel`] | a single map from memory to memory | one core already uses most of the bandwidth | [`CacheAware`] |
//! | [`Streaming`] | numbers in memory, requests | both run on the calling thread | [`CacheAware`], [`Async`] |
//! | [`Async`] | work that does not wait | it runs on one thread, in batches | any other |
//! | [`CacheAware`] | a pipe, a cold disk, many cores | one thread reads and computes in turn | [`Streaming`], [`Parallel`] |
//! | [`MemoryOptimized`] | work for which there is memory, and cores | it uses one thread and no read-ahead | [`Parallel`] |
//!
//! # Sources
//!
//! Items are had by position from slices and [`Windows`], one by one from an iterator ([`iter`]), as lines
//! from a text, a file or a reader ([`Records`]), as answers from a service ([`Requests`]), whole from
//! [`Files`]. [`Pipeline::new`] begins over the first three, [`Pipeline::records`] over lines,
//! [`Pipeline::responses`] over answers and [`Pipeline::files`] over files, each with its position in the
//! list.
//!
//! ```
//! use engines::*;
//!
//! let lengths = Pipeline::records().map(|line| line.len());
//! let engine = Streaming::default();
//! assert_eq!(engine.run(Records::text(b"a\nbcd"), &lengths, collect()).unwrap(), [1, 3]);
//! let pipe = &b"ef\r\n"[..]; // Anything that implements `std::io::Read`.
//! assert_eq!(engine.run(Records::reader(pipe), &lengths, collect()).unwrap(), [2]);
//! ```
//!
//! # Stages
//!
//! The methods of [`Pipeline`] are the stages: [`map`](Pipeline::map), [`filter`](Pipeline::filter),
//! [`flat_map`](Pipeline::flat_map) and so on; [`columns`](Pipeline::columns) lets a closure compute on
//! numbers column by column. Lines are lent, not copied, so that a stage which keeps
//! some of one names a key ([`keyed`](Pipeline::keyed)) or makes something owned. [`bytes`] takes lines
//! apart. Chains are joined by [`then`](Pipeline::then), and at run time by [`boxed`](Pipeline::boxed).
//!
//! ```
//! use engines::*;
//!
//! let parse = Pipeline::records().flat_map(|line| bytes::fixed_point::<1>(line));
//! let large = Pipeline::new().filter(|tenths: &i64| *tenths > 20);
//! let text = Records::text(b"1.5\n2.5\nnone");
//! let found = CacheAware::default().run(text, &parse.then(large), collect()).unwrap();
//! assert_eq!(found, [25]);
//! ```
//!
//! # Sinks
//!
//! [`collect`] makes a vector, [`fill`] writes into a slice, [`sum`] adds numbers, [`count`] counts, [`fold`]
//! does what one can say with three closures, [`group`] does it for each key, [`batches`] lends results in the order
//! of the input while the run goes on, [`batches_unordered`] as they come. Workers fold apart, which
//! is why a merge of two accumulators is asked for.
//!
//! ```
//! use engines::*;
//!
//! let word = Pipeline::records().keyed(|line| Some((line, 1u64)));
//! let count = group(|| 0, |n: &mut u64, one| *n += one, |n, more| *n += more);
//! let words = Parallel::default().run(Records::text(b"a\nb\na"), &word, count).unwrap();
//! assert_eq!(words.sorted(), [(&b"a"[..], &2), (b"b", &1)]);
//! ```
//!
//! # Errors and policies
//!
//! A run returns an [`Error`] that names the file, the request or the budget. What becomes of an item
//! on which a stage fails is said where the stage is added ([`try_map`](Pipeline::try_map),
//! [`try_keyed`](Pipeline::try_keyed)): [`Stop`] ends the run, [`Skip`] counts, [`Divert`] hands the error on.
//!
//! ```
//! use engines::*;
//!
//! let malformed = Counter::new();
//! let number = |line: &[u8]| bytes::integer(line).ok_or("not a number");
//! let numbers = Pipeline::records().try_map(number, Skip(&malformed));
//! let found = Streaming::default().run(Records::text(b"7\nx\n8"), &numbers, collect()).unwrap();
//! assert_eq!((found, malformed.get()), (vec![7, 8], 1));
//! ```
//!
//! # Cancelling
//!
//! [`Async::cancelled_by`] takes a [`Cancel`], of which any thread may hold a clone; what had been answered
//! has reached the sink. On any engine a stage ends a run by an error with [`Stop`], and a
//! [`StopHandle`] ends one over a file that is followed.
//!
//! ```
//! use engines::*;
//!
//! let cancel = Cancel::new();
//! let engine = Async::default().cancelled_by(&cancel);
//! cancel.cancel();
//! let ended = engine.run(&[1.0][..], &Pipeline::new(), sum());
//! assert!(matches!(ended, Err(Error::Cancelled)));
//! ```
//!
//! # Compressed and growing files
//!
//! [`Records::decompressed`] reads gzip and Zstandard, whatever the engine. [`Records::follow`] goes on with a
//! file as it grows, through rotations, until its [`StopHandle`] or [`Follow::idle`] says so.
//!
//! ```
//! use engines::*;
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("log");
//! std::fs::write(&path, "one\ntwo\n").unwrap();
//! let log = Records::follow(&path).idle(std::time::Duration::ZERO);
//! let lengths = Pipeline::records().map(|line| line.len() as f64);
//! assert_eq!(Streaming::default().run(log, &lengths, sum()).unwrap(), 6.0);
//! ```
//!
//! # Memory
//!
//! [`MemoryOptimized::memory`], [`Streaming::memory`] and [`Parallel::memory`] limit the bytes that a run, a
//! buffer and a worker may hold; a run that needs more ends with [`Error::Budget`]. What items and
//! accumulators own themselves is not seen. [`Arena`] and [`Pool`] are for stages that would allocate,
//! [`Levels`] for machines where memory becomes scarce.
//!
//! ```
//! use engines::*;
//!
//! let engine = MemoryOptimized::default().memory(64 << 10);
//! let all = engine.run(&[0u64; 10_000][..], &Pipeline::new(), collect());
//! assert!(matches!(all, Err(Error::Budget { needed: 80_000, .. })));
//! ```
//!
//! [`Engine::explain`] says what an engine would do, [`Engine::observe`] what it does.
//!
//! # Features
//!
//! | feature | on by default | gives | brings |
//! |---|---|---|---|
//! | `memory-optimized` | yes | [`MemoryOptimized`], [`Arena`], [`Pool`], [`Pressure`] | bumpalo |
//! | `cache-aware` | yes | [`CacheAware`], [`Caches`] | nothing |
//! | `async` | yes | [`Async`], [`Retry`] | tokio, with bytes, mio, pin-project-lite, socket2 |
//! | `streaming` | yes | [`Streaming`], [`Reader`] | memmap2 |
//! | `parallel` | yes | [`Parallel`] | rayon, with either and three of crossbeam |
//! | `gzip` | yes | [`Records::decompressed`] for gzip | flate2, with zlib-rs |
//! | `zstd` | no | [`Records::decompressed`] for Zstandard | zstd, which needs a C compiler |
//!
//! Any one can be had alone; libc, memchr and thiserror come always. The library prints nothing, knows no
//! workload and starts threads only inside a call. [`Async`] keeps idle connections between calls, [`Parallel`]
//! its threads, both until they are dropped.

#![cfg_attr(
    not(all(
        feature = "memory-optimized",
        feature = "cache-aware",
        feature = "async",
        feature = "streaming",
        feature = "parallel"
    )),
    allow(dead_code, reason = "not every engine uses all that engines share")
)]

mod blocks;
pub mod bytes;
mod cancel;
mod chunks;
mod columns;
mod conveyor;
mod cutter;
#[cfg(any(feature = "gzip", feature = "zstd"))]
mod decompressed;
mod depth;
mod dispatch;
mod engine;
mod exchange;
mod explain;
mod fallible;
mod follow;
mod gather;
mod group;
mod in_order;
mod in_turn;
mod item;
mod join;
mod lines;
mod memory;
mod pipeline;
mod read_ahead;
mod sink;
mod source;
mod stage;
mod stages;
mod stats;
mod sync;
mod whole;
mod workers;

#[cfg(feature = "async")]
mod asynchronous;
#[cfg(feature = "cache-aware")]
mod cache_aware;
#[cfg(feature = "memory-optimized")]
mod memory_optimized;
#[cfg(feature = "parallel")]
mod parallel;
#[cfg(feature = "streaming")]
mod streaming;

pub use cancel::Cancel;
pub use engine::{Engine, Error, Iter, Source, iter};
pub use explain::{Input, Settings, Work};
pub use fallible::{Counter, Divert, OnError, Skip, Stop};
pub use follow::{Follow, StopHandle};
pub use group::Groups;
pub use item::{Bytes, Item, Keyed, Owned};
pub use pipeline::Pipeline;
pub use sink::{
    Order, SPAN, Sink, batches, batches_unordered, collect, count, fill, fold, group, sum,
};
pub use source::{Files, Frame, Indexed, Protocol, Records, Requests, Windows};
pub use stage::{Batch, Failure, Stage};
pub use stats::{Snapshot, Stats};

#[cfg(feature = "async")]
pub use asynchronous::{Async, Retry};
#[cfg(feature = "cache-aware")]
pub use cache_aware::{CacheAware, Caches};
#[cfg(feature = "memory-optimized")]
pub use memory_optimized::{Arena, Levels, MemoryOptimized, Pool, Pooled, Pressure};
#[cfg(feature = "parallel")]
pub use parallel::Parallel;
#[cfg(feature = "streaming")]
pub use streaming::{Reader, Streaming};

/// Something to be done with every engine, whose types differ.
pub trait Visitor {
    /// Called by [`each`] with one engine as [`Default`] makes it.
    fn visit<E: Engine + Default + 'static>(&mut self, engine: E);
}

/// Visits every engine that this build has, in a fixed order.
///
/// ```
/// use engines::{Engine, Visitor, each};
///
/// struct Names(Vec<&'static str>);
/// impl Visitor for Names {
///     fn visit<E: Engine + Default>(&mut self, engine: E) {
///         self.0.push(engine.name());
///     }
/// }
/// let mut names = Names(Vec::new());
/// each(&mut names);
/// assert!(names.0.contains(&"memory-optimized"));
/// ```
pub fn each(visitor: &mut impl Visitor) {
    #[cfg(feature = "memory-optimized")]
    visitor.visit(MemoryOptimized::default());
    #[cfg(feature = "cache-aware")]
    visitor.visit(CacheAware::default());
    #[cfg(feature = "async")]
    visitor.visit(Async::default());
    #[cfg(feature = "streaming")]
    visitor.visit(Streaming::default());
    #[cfg(feature = "parallel")]
    visitor.visit(Parallel::default());
    // A build without engines visits nothing.
    let _ = visitor;
}

/// Compiles the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
