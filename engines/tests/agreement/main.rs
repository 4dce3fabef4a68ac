//! Every engine gives the answer of plain Rust, for every kind of source and every kind of sink.
//!
//! The checks are functions over any engine; [`every`] runs one with each engine as it comes, and with
//! settings that force the smallest batches.

mod chains;
#[cfg(all(feature = "gzip", feature = "zstd"))]
mod compressed;
mod explained;
mod failures;
mod files;
mod followed;
mod longest;
mod numbers;
mod requests;
mod service;
mod stats;
mod texts;

/// Runs `check(&engine, &input)` for every engine. It is a macro because a closure cannot be generic.
macro_rules! every {
    ($check:ident, $input:expr, $type:ty) => {{
        struct Check<'i>(&'i $type);
        impl engines::Visitor for Check<'_> {
            fn visit<E: engines::Engine + Default>(&mut self, engine: E) {
                $check(&engine, self.0);
            }
        }
        let input: &$type = $input;
        engines::each(&mut Check(input));
        #[cfg(feature = "cache-aware")]
        $check(&engines::CacheAware::default().block_bytes(1), input);
        #[cfg(feature = "memory-optimized")]
        $check(&engines::MemoryOptimized::default().memory(64 << 20), input);
        #[cfg(feature = "parallel")]
        {
            // More workers than this machine may have, and small claims.
            let engine = engines::Parallel::default().workers(3);
            $check(
                &engine
                    .worth_waking(std::time::Duration::ZERO)
                    .chunk_bytes(1 << 10),
                input,
            );
        }
    }};
}
use every;

/// Cases of each property: all engines run several times for each.
fn cases() -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        cases: 32,
        ..Default::default()
    }
}

/// The bits of a number, with one NaN for all: which payload survives is the processor's affair.
fn bits(x: f64) -> u64 {
    if x.is_nan() { f64::NAN } else { x }.to_bits()
}
