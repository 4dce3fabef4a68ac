//! From records to verdicts to pages. Everything here works from files alone: no clock, no probe, no
//! other crate of the workspace.

pub mod record;
