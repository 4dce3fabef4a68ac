//! Data pipelines that are written once and run on any of five engines with the same answer.
//!
//! A [`Pipeline`] is a chain of closures, composed statically. A *source* says where items come from
//! ([`Indexed`] slices, iterators, [`Records`] of text, [`Requests`] to a service, [`Files`]), a *sink*
//! says what becomes of the results ([`fold`], [`collect`], [`sum`], [`group`], [`batches`],
//! [`batches_unordered`]), and an
//! [`Engine`] decides how the work is done.
//!
//! ```
//! use engines::{CacheAware, Engine, MemoryOptimized, Pipeline, sum};
//!
//! let pipeline = Pipeline::new().map(|x: f64| x * 2.0).filter(|x| *x > 2.0);
//! let data = [0.5, 1.5, 2.5];
//! let total = CacheAware::default().run(&data[..], &pipeline, sum()).unwrap();
//! assert_eq!(total, 8.0);
//! assert_eq!(MemoryOptimized::default().run(&data[..], &pipeline, sum()).unwrap(), total);
//! ```
//!
//! # Which engine when
//!
//! All give the same answer, so try; `cargo run -p harness -- all` compares them on your machine. On two
//! cores of a shared virtual machine, against plain Rust as one writes it first:
//!
//! | the work | engine | why |
//! |---|---|---|
//! | much to compute, several cores | [`Parallel`] | small records 4.8 times as fast; it wakes others only where they save 0.1 ms |
//! | a large file, a pipe, results while input arrives | [`Streaming`] | a file of 33 MB 5.3 times as fast, with 0.8 MiB of heap |
//! | many requests that wait for an answer | [`Async`] | 227 times as fast as one after another, 2 times tokio with a connection each |
//! | numbers, one core | [`CacheAware`] | sums 7.5 times, maps 2.5 times as fast: vectors, and blocks that stay in the cache |
//! | little memory | [`MemoryOptimized`] | a budget in bytes that is kept; the same speed as [`CacheAware`] on records |
//!
//! [`Async`] is the wrong choice for work that does not wait, and [`Parallel`] for a single map from
//! memory to memory, where one core already uses most of the bandwidth.
//!
//! # Features
//!
//! Each engine is a cargo feature of the same name, all on by default. `gzip`, on by default, and `zstd`,
//! which needs a C compiler, are what [`Records::decompressed`] understands. The library prints nothing,
//! knows no workload and starts threads only inside a call.
//! Each engine is a cargo feature of the same name, all on by default. The library prints nothing,
//! knows no workload and starts threads only inside a call. [`Async`] keeps idle connections between calls.

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
mod conveyor;
mod cutter;
#[cfg(any(feature = "gzip", feature = "zstd"))]
mod decompressed;
mod depth;
mod dispatch;
mod engine;
mod exchange;
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
pub use fallible::{Counter, Divert, OnError, Skip, Stop};
pub use follow::{Follow, StopHandle};
pub use group::Groups;
pub use item::{Bytes, Item, Keyed, Owned};
pub use pipeline::Pipeline;
pub use sink::{Order, SPAN, Sink, batches, batches_unordered, collect, fill, fold, group, sum};
pub use source::{Files, Frame, Indexed, Protocol, Records, Requests, Windows};
pub use stage::{Batch, Failure, Stage};

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
