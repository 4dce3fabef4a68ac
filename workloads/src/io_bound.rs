//! Work that waits: for a service that takes its time, and for the file system.

mod files;
mod requests;

pub use files::{Files, Ledgers};
pub use requests::{Keys, Requests};
