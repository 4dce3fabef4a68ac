//! Pictures: interval strips for tables, and charts drawn by plotters through a backend of our own.

pub(crate) mod axis;
pub(crate) mod backend;
pub(crate) mod blocks;
pub(crate) mod growth;
pub(crate) mod order;
pub(crate) mod spread;
pub(crate) mod strip;
pub(crate) mod ticks;
