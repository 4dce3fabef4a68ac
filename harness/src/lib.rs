//! What the executable and the benchmarks of this crate have in common: how a cell is opened, what a
//! probe is told, and where the second opinions of `cargo bench` lie.

pub mod allocator;
pub mod contenders;
mod fixtures;
pub mod known;
pub mod protocol;
pub mod second;
pub mod seeds;
