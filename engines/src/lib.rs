//! Data pipelines that are written once and run on any of five engines with the same answer.
//!
//! A [`Pipeline`] is a chain of closures, composed statically. A *source* says where items come from
//! ([`Indexed`] slices, iterators, [`Records`] of text, [`Requests`] to a service, [`Files`]), a *sink*
//! says what becomes of the results ([`fold`], [`collect`], [`sum`], [`group`], [`batches`]), and an
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
//! Each engine is a cargo feature of the same name, all on by default. The library prints nothing,
//! knows no workload and starts threads only inside a call.

mod blocks;
mod dispatch;
mod engine;
mod group;
mod item;
mod lines;
mod pipeline;
mod sink;
mod source;

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

pub use engine::{Engine, Error, Iter, Source, iter};
pub use group::Groups;
pub use item::{Bytes, Item, Keyed, Owned};
pub use pipeline::{Pipeline, Stage};
pub use sink::{Order, Sink, batches, collect, fill, fold, group, sum};
pub use source::{Files, Frame, Indexed, Protocol, Records, Requests, Windows};

#[cfg(feature = "cache-aware")]
pub use memory_optimized::CacheAware;
#[cfg(feature = "memory-optimized")]
pub use memory_optimized::MemoryOptimized;
#[cfg(feature = "async")]
use std as _;
#[cfg(feature = "parallel")]
use std as _;
#[cfg(feature = "streaming")]
use std as _;
